"""What a policy comes to, and how it became that: ``show --resolved``, ``diff`` and ``log``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Envguard
from tests.cli.test_schemas import hold

POLICY = "envguard: 1\nname: t\nextends: base.yaml\nlock: t.txt\npackages:\n  gym: '==0.26.2'\n"
BASE = "envguard: 1\npython: '>=3.11'\nunlisted: error\nmachine: {glibc: '>=2.31'}\n"
RESOLVED = """\
# t.yaml, resolved
envguard: 1
name: t
python: '>=3.11'
lock: t.txt
packages: {gym: ==0.26.2}
unlisted: error
integrity: warn
broken-requirements: info
before-run: refuse
machine: {glibc: '>=2.31'}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a policy, its base and its lock; and another version of it."""
    for name, version in (("old", "0.25.2"), ("new", "0.26.2")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "t.yaml").write_text(POLICY.replace("0.26.2", version))
        (folder / "base.yaml").write_text(BASE)
        (folder / "t.txt").write_text(f"gym=={version}\n")
    return tmp_path


def test_what_a_policy_comes_to_is_printed(envguard: Envguard, folder: Path) -> None:
    run = envguard("policy", "show", folder / "new" / "t.yaml", "--resolved")
    assert (run.code, run.out) == (0, RESOLVED)


def test_what_was_printed_is_the_same_policy(envguard: Envguard, folder: Path) -> None:
    run = envguard("policy", "show", "new/t.yaml", "--resolved", cwd=folder)
    (folder / "new" / "whole.yaml").write_text(run.out)
    assert envguard("policy", "diff", "new/t.yaml", "new/whole.yaml", cwd=folder).code == 0


def test_a_difference_is_told_rules_first(envguard: Envguard, folder: Path) -> None:
    run = envguard("policy", "diff", "old/t.yaml", "new/t.yaml", cwd=folder)
    assert run.code == 1
    assert run.out.splitlines() == [
        "from old/t.yaml to new/t.yaml",
        "~ packages.gym: ==0.25.2 -> ==0.26.2",
        "locked packages: 1 differ",
        "~ gym  0.25.2 -> 0.26.2",
    ]


def test_a_difference_is_data_too(envguard: Envguard, folder: Path) -> None:
    run = envguard("policy", "diff", "old/t.yaml", "new/t.yaml", "--json", cwd=folder)
    hold(run.json(), "policy-diff-1")
    assert (run.code, run.json()["equal"]) == (1, False)
    assert run.json()["lock"] == [
        {
            "package": "gym",
            "a": [{"version": "0.25.2", "marker": None}],
            "b": [{"version": "0.26.2", "marker": None}],
        }
    ]


def test_equal_policies_are_said_to_be(envguard: Envguard, folder: Path) -> None:
    run = envguard("policy", "diff", "new/t.yaml", "new/t.yaml", cwd=folder)
    assert (run.code, run.out) == (0, "new/t.yaml and new/t.yaml are equal\n")


@pytest.mark.parametrize("name", ["t@", "t@r0", "t@four", "T", "t@r99999999999"])
def test_what_names_no_policy_is_wrong_usage(envguard: Envguard, name: str) -> None:
    run = envguard("policy", "diff", name, "x.yaml")
    assert run.code == 2
    assert f"names no policy: `{name}`" in run.err


def test_revisions_are_listed_shown_and_compared(
    envguard: Envguard, folder: Path, admin: dict[str, str]
) -> None:
    for name in ("old", "new"):
        assert envguard("policy", "push", folder / name / "t.yaml", **admin).code == 0
    log = envguard("policy", "log", "t", **admin)
    assert [line.split("  ")[0] for line in log.out.splitlines()] == ["r2", "r1"]
    document = envguard("policy", "log", "t", "--json", **admin).json()
    hold(document, "log-1")
    assert [(each["revision"], each["lock"]) for each in document["revisions"]] == [(2, 2), (1, 1)]
    shown = envguard("policy", "show", "t@r1", "--resolved", "--json", **admin).json()
    hold(shown, "policy-1")
    assert (shown["revision"], "==0.25.2" in shown["resolved"]) == (1, True)
    assert envguard("policy", "diff", "t@r1", "t", **admin).out.startswith("from t@r1 to t@r2\n")
    assert envguard("policy", "diff", "t@2", folder / "new" / "t.yaml", **admin).code == 0
    absent = envguard("policy", "show", "t@r3", **admin)
    assert (absent.code, "t r3" in absent.err) == (3, True)
