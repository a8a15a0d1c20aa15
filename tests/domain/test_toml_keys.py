"""Keys of TOML that would take long to read."""

from __future__ import annotations

import pytest

from envguard.domain.toml_keys import has_long_key


@pytest.mark.parametrize("part", [".a", " . a-b_1", '."a b"', ".'.'"])
def test_a_key_of_over_a_hundred_parts_is_long(part: str) -> None:
    assert has_long_key(f"a = 1\nb{part * 100} = 2\n")
    assert has_long_key(f"[b{part * 100}]")
    assert not has_long_key(f"b{part * 99} = 2\n" * 3)


def test_dots_elsewhere_make_no_key_long() -> None:
    assert not has_long_key(f"a = '{'.' * 1000}'\n# {'and so on... ' * 100}\n" + "b.c = 1.5\n" * 200)
