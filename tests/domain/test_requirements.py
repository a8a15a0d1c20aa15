"""What is required and not found."""

from __future__ import annotations

import pytest

from envguard.domain.environment import BrokenRequirement
from envguard.domain.requirements import broken_requirements
from tests.builders.documents import an_interpreter

INSTALLED = {"numpy": "2.1.3", "torch": "2.4.0+cu121", "old": "2004d"}


def broken(*texts: str) -> list[str]:
    found = broken_requirements({"gym": texts}, INSTALLED, an_interpreter().markers)
    return [each.requirement for each in found]


@pytest.mark.parametrize(
    "text",
    [
        "numpy",
        "NumPy>=2",
        "numpy (>=1.8,<3)",
        "numpy[all]>=2.0rc1",
        "numpy @ https://index.example/numpy.whl",
        "torch==2.4.0",
        "absent; extra == 'all'",
        "absent; python_version < '3.8'",
        "absent; (sys_platform == 'win32' or os_name == 'nt') and extra == \"x\"",
        "absent; platform_python_implementation != 'CPython'",
        "absent; python_version in '2.6 2.7'",
        "no requirement at all",
        "absent; no marker at all",
        "absent>=1.*",
    ],
)
def test_what_holds_or_asks_nothing(text: str) -> None:
    assert broken(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "numpy<2",
        "absent",
        "absent; python_version >= '3.8' and sys_platform == 'linux'",
        "torch<2.4",
        "old>=1",
    ],
)
def test_what_does_not_hold(text: str) -> None:
    assert broken(text) == [text]


def test_it_is_told_who_asks_and_what_is_there_instead() -> None:
    asked = {"gym": ["numpy<2"], "rl": ["absent"]}
    assert list(broken_requirements(asked, INSTALLED, an_interpreter().markers)) == [
        BrokenRequirement("gym", "numpy<2", "2.1.3"),
        BrokenRequirement("rl", "absent", None),
    ]
