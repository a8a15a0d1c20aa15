"""What is required and not found."""

from __future__ import annotations

import time

import pytest

from envguard.domain.environment import BrokenRequirement
from envguard.domain.requirements import InvalidRequirement, unmet_requirements
from tests.builders.documents import an_interpreter

INSTALLED = {"numpy": "2.1.3", "torch": "2.4.0+cu121", "old": "2004d"}


def unmet(*texts: str) -> list[BrokenRequirement | InvalidRequirement]:
    return list(unmet_requirements({"gym": texts}, INSTALLED, an_interpreter().markers))


def broken(*texts: str) -> list[str]:
    return [each.requirement for each in unmet(*texts) if isinstance(each, BrokenRequirement)]


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
        "absent>=1.*; python_version < '3'",
    ],
)
def test_what_holds_or_asks_nothing(text: str) -> None:
    assert unmet(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "no requirement at all",
        "absent; no marker at all",
        "absent; python_version >",
        "absent>=1.*",
        "numpy>=1.x.y",
        "numpy (>=2, torch",
        "numpy (all)",
        "numpy>=1.0 <2",
        "numpy>dev",
        "numpy[",
        "\u00e9",
    ],
)
def test_what_cannot_be_understood_is_said(text: str) -> None:
    assert unmet(text) == [InvalidRequirement("gym", text)]


def test_of_what_cannot_be_understood_no_url_and_no_endless_text_is_said() -> None:
    assert unmet("absent! @ https://ann:s3cret@index.example/x.whl") == [InvalidRequirement("gym", "absent!")]
    assert unmet("a" * 40_000 + "[") == [InvalidRequirement("gym", "a" * 200)]


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
    assert list(unmet_requirements(asked, INSTALLED, an_interpreter().markers)) == [
        BrokenRequirement("gym", "numpy<2", "2.1.3"),
        BrokenRequirement("rl", "absent", None),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("absent @ https://ann:s3cret@index.example/x.whl", "absent"),
        ("absent @ file:///home/ann/x", "absent"),
        (
            "absent[gpu] @ git+https://index.example/x.git ; os_name == 'posix'",
            'absent[gpu]; os_name == "posix"',
        ),
        ("absent; os_name != '@'", "absent; os_name != '@'"),
    ],
)
def test_where_a_direct_reference_leads_is_not_told(text: str, told: str) -> None:
    assert broken(text) == [told]


@pytest.mark.parametrize(
    "text",
    [
        "numpy>=1." + "9" * 5_000,
        "numpy; python_version < '" + "9" * 5_000 + "'",
        "numpy; " + "(" * 900 + "os_name=='posix'" + ")" * 900,
        "absent @ http://index.example ; " + "(" * 900 + "os_name=='posix'" + ")" * 900,
        "a" * 40_000 + "[",
        "a" + " " * 40_000 + "[",
    ],
    ids=["digits", "digits in a marker", "deep", "deep behind a URL", "a long name", "long blanks"],
)
def test_what_nobody_wrote_to_be_met_is_quickly_nothing(text: str) -> None:
    began = time.monotonic()
    assert broken(text) in ([], [text])
    assert time.monotonic() - began < 2


def test_an_installed_version_of_thousands_of_digits_meets_nothing() -> None:
    found = unmet_requirements({"gym": ["numpy>=1"]}, {"numpy": "9" * 5_000}, an_interpreter().markers)
    assert [each.package for each in found] == ["gym"]
