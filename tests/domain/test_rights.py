"""The table of who may do what, against the sentences that it was written from."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest

from envguard.domain.rights import PERSON_ROLES, TABLE, Act, Role, least_role, may

ACTS: tuple[Act, ...] = get_args(Act)
ROLES: tuple[Role, ...] = get_args(Role)
PROMISED: dict[Act, str] = {
    "enter": "viewer researcher lead admin machine",
    "read": "viewer researcher lead admin machine",
    "look-around": "viewer researcher lead admin",
    "ask": "researcher lead admin machine",
    "run": "researcher lead admin machine",
    "report": "machine",
    "decide": "lead admin",
    "administer": "admin",
}


@pytest.mark.parametrize("act", ACTS)
def test_each_role_may_what_is_promised(act: Act) -> None:
    assert {role for role in ROLES if may(role, act)} == set(PROMISED[act].split())


def test_nobody_may_only_enter() -> None:
    assert [act for act in ACTS if may(None, act)] == ["enter"]


def test_a_persons_higher_role_may_all_that_the_lower_may() -> None:
    for lower, higher in pairwise(PERSON_ROLES):
        assert {act for act in ACTS if may(lower, act)} <= {act for act in ACTS if may(higher, act)}


@pytest.mark.parametrize("act", ACTS)
def test_least_role_is_one_that_may(act: Act) -> None:
    assert least_role(act) in TABLE[act]
