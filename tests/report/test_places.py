"""``file:line`` is taken apart only where it is one."""

from __future__ import annotations

import pytest

from envguard.report.places import file_and_line, whereabouts


@pytest.mark.parametrize(
    ("place", "found"),
    [
        pytest.param("rl-team.yaml:7", ("rl-team.yaml", 7), id="file and line"),
        pytest.param("C:\\rl\\rl-team.yaml:7", ("C:\\rl\\rl-team.yaml", 7), id="colons in the file"),
        pytest.param("rl-team.yaml", None, id="no line"),
        pytest.param("rl-team.yaml:0", None, id="lines begin at 1"),
        pytest.param("rl-team.yaml:\u0667", None, id="digits of another script"),
        pytest.param("rl-team.yaml:7:8: packages.gym", ("rl-team.yaml", 7), id="column and key"),
        pytest.param(":7", None, id="no file"),
        pytest.param("a\nb.yaml:7", ("a\nb.yaml", 7), id="a line end in the file's name"),
        pytest.param(None, None, id="nowhere"),
    ],
)
def test_a_place_is_a_file_and_a_line(place: str | None, found: tuple[str, int] | None) -> None:
    assert file_and_line(place) == found


@pytest.mark.parametrize(
    ("where", "parts"),
    [
        ("t.yaml:7:8: packages.gym", ("t.yaml", 7, 8, "packages.gym")),
        ("t.yaml:7: lock", ("t.yaml", 7, None, "lock")),
        ("pylock.toml: packages[3].version", ("pylock.toml", None, None, "packages[3].version")),
        ("a b/t.yaml:1:1", ("a b/t.yaml", 1, 1, None)),
        ("uv.lock", ("uv.lock", None, None, None)),
        (":7", (":7", None, None, None)),
        ("a\nb.yaml:7: k\ney", ("a\nb.yaml", 7, None, "k\ney")),
        (None, (None, None, None, None)),
    ],
)
def test_an_error_s_place_has_parts(where: str | None, parts: tuple[object, ...]) -> None:
    assert tuple(whereabouts(where)) == parts
