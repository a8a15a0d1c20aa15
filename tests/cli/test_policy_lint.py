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


UV_LOCK = """\
version = 1
revision = 3
requires-python = ">=3.11"
conflicts = [[
    { package = "me", extra = "cpu" }, { package = "me", extra = "gpu" }, { package = "me", group = "dev" },
], [{ package = "other", extra = "cpu" }, { package = "other", extra = "old" }]]

[[package]]
name = "me"
version = "1"
source = { virtual = "." }

[package.metadata]
provides-extras = ["cpu", "gpu", "old"]

[package.metadata.requires-dev]
dev = []
test = []
"""


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        pytest.param("extras: [cpu], groups: [test]", "", id="one"),
        pytest.param("extras: [cpu, old], groups: []", "", id="of another package"),
        pytest.param(
            "extras: [cpu, gpu], groups: []",
            "t.yaml:3:37: lock.extras[1]: extra `cpu` and extra `gpu`",
            id="extras",
        ),
        pytest.param(
            "extras: [gpu], groups: [test, dev]",
            "t.yaml:3:53: lock.groups[1]: extra `gpu` and group `dev`",
            id="extra and group",
        ),
        pytest.param(
            "extras: [gpu]",
            "t.yaml:3:1: lock: extra `gpu` and group `dev`",
            id="extra and default group",
        ),
    ],
)
def test_what_the_lock_has_exclude_each_other_is_not_chosen_together(
    envguard: Envguard, tmp_path: Path, choice: str, told: str
) -> None:
    (tmp_path / "uv.lock").write_text(UV_LOCK)
    (tmp_path / "t.yaml").write_text(f"envguard: 1\nname: t\nlock: {{file: uv.lock, {choice}}}\n")
    run = envguard("policy", "lint", "t.yaml", cwd=tmp_path)
    where, _, names = told.rpartition(": ")
    told = f"error: {where}: the lock uv.lock has these exclude each other: {names}" if told else ""
    assert (run.code, run.err.splitlines()[:1]) == ((2, [told]) if told else (0, []))


WAIVERS = """\
envguard: 1
name: t
waivers:
  - {package: gym, until: 2026-01-02, reason: a paper, approved-by: ann}
  - package: torch
    machine: ws-7
    until: 2999-01-01
    reason: old GPU
    approved-by: ann
  - package: torch
    machine: ws-7
    until: 2025-03-01T12:00:00+01:00
    reason: old GPU
    approved-by: ann
"""


def test_waivers_that_have_ended_are_named_and_are_no_problem(envguard: Envguard, tmp_path: Path) -> None:
    (tmp_path / "rl").mkdir()
    (tmp_path / "rl" / "t.yaml").write_text(WAIVERS)
    run = envguard("policy", "lint", "rl/t.yaml", cwd=tmp_path)
    assert (run.code, run.out) == (0, "t: 0 rules; no problems\n")
    assert run.err.splitlines() == [
        "warning: rl/t.yaml:4: waivers[0].until: gym's waiver ended on 2026-01-02 00:00 UTC: take it out",
        "warning: rl/t.yaml:12: waivers[2].until: torch's waiver ended on 2025-03-01 11:00 UTC: take it out",
    ]
    document = envguard("policy", "lint", "rl/t.yaml", "--json", cwd=tmp_path).json()
    assert (document["policies"], document["problems"]) == (["t"], [])
    assert [(each["line"], each["key"]) for each in document["warnings"]] == [
        (4, "waivers[0].until"),
        (12, "waivers[2].until"),
    ]


def test_the_schema_for_editors_is_printed(envguard: Envguard) -> None:
    run = envguard("policy", "schema")
    assert run.code == 0
    assert run.json()["properties"]["envguard"]
