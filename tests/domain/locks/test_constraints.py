"""What constraints make of an entry."""

from __future__ import annotations

import pytest

from envguard.domain.locks.constraints import Contradiction, constrained, joined
from envguard.domain.locks.lock import Artifact, LockedPackage

OPEN = LockedPackage("a", specifier=">=1")


def a_constraint(version: str | None = None, specifier: str | None = None) -> LockedPackage:
    return LockedPackage("a", version, specifier=specifier, only_constrains=True)


def test_a_pin_closes_what_is_open_and_leaves_its_hashes() -> None:
    hashed = LockedPackage("a", "1.5", artifacts=(Artifact("", ("sha256:aa",)),), only_constrains=True)
    assert constrained(OPEN, (hashed,)) == LockedPackage("a", "1.5", artifacts=hashed.artifacts)


@pytest.mark.parametrize(
    ("constraints", "reason"),
    [
        ((), "no constraint that holds here pins it"),
        ((a_constraint(specifier="<2"),), "no constraint that holds here pins it"),
        ((a_constraint("1.5"), a_constraint("1.6")), "1.5 is wanted, and 1.6 is asked for"),
        ((a_constraint("1.5"), a_constraint(specifier="<1.2")), "1.5 is wanted, and <1.2 is asked for"),
        ((a_constraint("0.9"),), "0.9 is wanted, and >=1 is asked for"),
    ],
    ids=["none", "no pin", "two pins", "excluded", "the entry itself"],
)
def test_without_one_answer_there_is_none(constraints: tuple[LockedPackage, ...], reason: str) -> None:
    with pytest.raises(Contradiction, match=reason) as caught:
        constrained(OPEN, constraints)
    assert caught.value.package == "a"


def test_ranges_are_joined_and_a_pin_says_it_all() -> None:
    ranges = (a_constraint(specifier="<2"), a_constraint(specifier=">1"))
    assert joined(ranges) == (a_constraint(specifier="<2,>1"),)
    assert joined((*ranges, a_constraint("1.5"))) == (a_constraint("1.5"),)
    assert joined((a_constraint(),)) == (a_constraint(),)
