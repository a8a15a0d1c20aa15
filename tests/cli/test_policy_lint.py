"""``envguard policy lint``: every problem of a policy, of what it extends, and of its lock."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Envguard

POLICY = """\
envguard: 1
name: t
extends: lab/base.yaml
lock: pylock.toml
packges: {}
"""
BASE = "envguard: 1\nunlisted: loud\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose policy, base and lock are all wrong."""
    folder = tmp_path / "rl"
    (folder / "lab").mkdir(parents=True)
    (folder / "t.yaml").write_text(POLICY)
    (folder / "lab" / "base.yaml").write_text(BASE)
    (folder / "pylock.toml").write_text("x = ]")
    return folder


def test_problems_of_all_files_are_told_at_once(envguard: Envguard, folder: Path) -> None:
    run = envguard("policy", "lint", "rl/t.yaml", cwd=folder.parent)
    assert run.code == 2
    told = [line.removeprefix("error: ") for line in run.err.splitlines() if line.startswith("error: ")]
    assert [line.split(": ")[0] for line in told] == [
        "rl/t.yaml:5:1",
        "rl/lab/base.yaml:2:11",
        "rl/pylock.toml:1:5",
    ]
    assert told[0] == "rl/t.yaml:5:1: packges: unknown key: `packges`"
    assert "hint: did you mean `packages`?" in run.err


def test_problems_are_data_too(envguard: Envguard, folder: Path) -> None:
    run = envguard("policy", "lint", "t.yaml", "--json", cwd=folder)
    assert (run.code, run.err) == (2, "")
    document = run.json()
    assert document["policies"] == []
    assert document["problems"][0] == {
        "file": "t.yaml",
        "line": 5,
        "column": 1,
        "key": "packges",
        "what": "unknown key: `packges`",
        "hint": "did you mean `packages`?",
    }
    assert [each["file"] for each in document["problems"]] == ["t.yaml", "lab/base.yaml", "pylock.toml"]


def test_of_several_files_each_is_named_as_it_was_given(envguard: Envguard, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "t.yaml").write_text(f"envguard: {2 if name == 'b' else 1}\nname: {name}\n")
    files = ["a/t.yaml", "./b/t.yaml", "c/t.yaml", "d/t.yaml"]
    document = envguard("policy", "lint", *files, "--json", cwd=tmp_path).json()
    assert document["policies"] == ["a", "c"]
    assert [each["file"] for each in document["problems"]] == ["b/t.yaml", "d/t.yaml"]


def test_what_has_no_problem_is_said(envguard: Envguard, folder: Path) -> None:
    (folder / "lab" / "base.yaml").write_text("envguard: 1\npackages: {gym: '==0.26.2'}\n")
    (folder / "t.yaml").write_text(POLICY.replace("packges: {}\n", "").replace("pylock.toml", "t.txt"))
    (folder / "t.txt").write_text("gym==0.26.2\n")
    run = envguard("policy", "lint", folder / "t.yaml")
    assert (run.code, run.out) == (0, "t: 1 rules, 1 locked packages; no problems\n")


def test_the_schema_for_editors_is_printed(envguard: Envguard) -> None:
    run = envguard("policy", "schema")
    assert run.code == 0
    assert run.json()["properties"]["envguard"]
