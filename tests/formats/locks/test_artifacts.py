"""Files of a lock."""

from __future__ import annotations

import pytest

from envguard.formats.locks.artifacts import digests_of, file_name_in


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://h.example/d/a-1%2Bcpu.whl#sha256=aa", "a-1+cpu.whl"),
        ("d/a.zip", "a.zip"),
        ("d\\a.zip", "a.zip"),
        ("https://h.example/", ""),
    ],
)
def test_a_file_name_is_what_the_address_ends_with(address: str, name: str) -> None:
    assert file_name_in(address) == name


def test_digests_name_their_algorithm_and_have_no_case() -> None:
    assert digests_of({"sha256": "AA", "md5": "bb"}) == ("sha256:aa", "md5:bb")
