"""Policies to begin with: whatever is filled in, they say just that."""

from __future__ import annotations

import pytest

from envguard.domain.locks.lock import LockChoice
from envguard.domain.policy import Require
from envguard.formats import parse_policy
from envguard.formats.companions import KeptFiles
from envguard.formats.source import judging_policy
from envguard.formats.templates import policy_for_environment, policy_from_template
from tests.builders.documents import an_interpreter

NAMES = ["rl-team", "null", "3d", "no", "1.5"]


@pytest.mark.parametrize("name", NAMES)
def test_a_template_keeps_its_name(name: str) -> None:
    text = policy_from_template("minimal", name=name, file="p.yaml", python=">=3.11")
    assert parse_policy(text, filename="p.yaml").name == name


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("word", ["plain", "\U0001f600 \u00e4", "ab: #c", '"\\', "a\u2028b"])
def test_a_policy_for_an_environment_says_what_was_filled_in(name: str, word: str) -> None:
    rule = Require(name="gym", reason=word)
    lock = f"{word}.txt" if "\\" not in word else None
    text = policy_for_environment(name, "p.yaml", an_interpreter(), lock, LockChoice(), (rule,))
    files = KeptFiles({f"{word}.txt": "numpy==1.26.4\n"})
    policy = judging_policy(text, "p.yaml", files).policy
    assert (policy.name, policy.lock, policy.rules.packages) == (name, lock, (rule,))
