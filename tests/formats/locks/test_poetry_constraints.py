"""Poetry's ways to ask for versions, as its documentation explains them."""

from __future__ import annotations

import pytest

from envguard.formats.locks.poetry_constraints import (
    full_python_markers,
    is_allowed,
    python_marker,
    specifiers,
)


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("^1.2.3", (">=1.2.3,<2",)),
        ("^1.2", (">=1.2,<2",)),
        ("^1", (">=1,<2",)),
        ("^0.2.3", (">=0.2.3,<0.3",)),
        ("^0.0.3", (">=0.0.3,<0.0.4",)),
        ("^0.0", (">=0.0,<0.1",)),
        ("^0", (">=0,<1",)),
        ("~1.2.3", (">=1.2.3,<1.3",)),
        ("~1.2", (">=1.2,<1.3",)),
        ("~1", (">=1,<2",)),
        ("^1.0a1", (">=1.0a1,<2",)),
        ("1.2.*", ("==1.2.*",)),
        ("==1.*", ("==1.*",)),
        ("!=1.5", ("!=1.5",)),
        ("~=1.4.2", ("~=1.4.2",)),
        ("1.2.3", ("==1.2.3",)),
        ("= 1.0", ("==1.0",)),
        (">=1 <2", (">=1,<2",)),
        (">= 1.2, < 1.5", (">=1.2,<1.5",)),
        (">=1,<2 || ^3.1", (">=1,<2", ">=3.1,<4")),
        ("1.0|1.2", ("==1.0", "==1.2")),
        ("*", ()),
        ("", ()),
        (">=1 || *", ()),
        ("what is this?", ()),
        (">=1.2.*", ()),
        ("9" * 2_000, ()),
    ],
)
def test_a_constraint_as_specifiers(constraint: str, expected: tuple[str, ...]) -> None:
    assert specifiers(constraint) == expected


def test_one_of_the_alternatives_must_hold() -> None:
    assert is_allowed("<2 || ^3", "3.4")
    assert not is_allowed("<2 || ^3", "2.5")
    assert is_allowed("*", "2.5")


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("*", None),
        (">=3.10", "python_version >= '3.10'"),
        ("~3.9", "python_version >= '3.9' and python_version < '3.10'"),
        (">=3.9.2", "python_full_version >= '3.9.2'"),
        ("3.9.*", "python_version == '3.9.*'"),
        ("3.9 || >3.11", "(python_version == '3.9') or (python_version > '3.11')"),
    ],
)
def test_the_pythons_of_a_dependency(constraint: str, expected: str | None) -> None:
    assert python_marker(constraint) == expected


def test_the_pythons_of_a_project() -> None:
    assert full_python_markers("~3.10 || ~3.12") == (
        "python_full_version >= '3.10' and python_full_version < '3.11'",
        "python_full_version >= '3.12' and python_full_version < '3.13'",
    )
    assert full_python_markers("*") == ()
