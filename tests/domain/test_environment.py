"""Equal content has equal digests, on any machine and any Python."""

from __future__ import annotations

from envguard.domain.environment import Origin, Package, digest_of, snapshot_of
from envguard.domain.policy import PythonRule, Require, Rules
from tests.builders.documents import an_interpreter


def test_digests_are_the_same_on_every_python() -> None:
    """Written down: a digest that changes with the interpreter or the library would make all memory void."""
    rules = Rules(python=PythonRule(version=">=3.10"), packages=(Require(name="gym", specifier="==0.26.2"),))
    snapshot = snapshot_of(an_interpreter(), [Package("gym", "0.26.2"), Package("numpy", "1.26.4")])
    assert digest_of(rules) == "sha256:26ff48d5dafc745f45eefdfde1f0f75486409e8b1873783f44b555d25277ec2f"
    assert digest_of(snapshot) == "sha256:2b04a7852e065fdab2f341e928716bc4c366626296a6f58955befbeeb1c92a6b"


def test_an_empty_tuple_is_left_out_however_it_was_made() -> None:
    none: list[Require] = []
    assert digest_of(Rules(packages=tuple(each for each in none))) == digest_of(Rules())


def test_an_origin_that_is_the_default_is_left_out_whoever_made_it() -> None:
    spelled = snapshot_of(an_interpreter(), [Package("gym", "1", origin=Origin("index"))])
    assert digest_of(spelled) == digest_of(snapshot_of(an_interpreter(), [Package("gym", "1")]))
