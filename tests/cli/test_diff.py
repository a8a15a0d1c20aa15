"""``envguard diff`` as a user runs it: what may be compared, what is said, and how it exits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from envguard.report.saved import SAVED_LIMIT_BYTES
from tests.builders.environments import install, make_venv
from tests.cli.conftest import Envguard
from tests.cli.test_bad_input import assert_told
from tests.cli.test_schemas import hold


@pytest.fixture
def other(project: Path) -> Path:
    """An environment beside the project's own that holds gym 0.26.2 and rich."""
    folder = make_venv(Path(sys.executable), project / "other")
    install(folder, gym="0.26.2", rich="13.7.1")
    return folder


@pytest.fixture
def saved(envguard: Envguard, project: Path, other: Path) -> Path:
    """A saved scan of both environments."""
    path = project / "both.json"
    path.write_text(envguard("scan", project / ".venv", other, "--json").out)
    return path


def test_two_environments(envguard: Envguard, project: Path, other: Path) -> None:
    run = envguard("diff", ".venv", "other", cwd=project)
    assert (run.code, run.err) == (1, "")
    first, *lines = run.out.splitlines()
    assert first == "1 package differs, 1 only in B"
    assert "gym      0.25.2  0.26.2" in lines
    assert "only in B  rich 13.7.1" in lines


def test_what_is_named_in_bytes_that_are_no_text_is_escaped(envguard: Envguard, project: Path) -> None:
    scan = json.loads(envguard("scan", project / ".venv", "--json").out)
    snapshot = json.dumps(scan["environments"][0]["snapshot"])
    names = [os.fsdecode(name) for name in (b"scan\xff.json", b"snapshot\xff.json", b"lock\xff.txt")]
    for name, content in zip(names, (json.dumps(scan), snapshot, "gym==0.25.2\n"), strict=True):
        (project / name).write_text(content)
        document = envguard("diff", name, ".venv", "--json", cwd=project).json()
        assert document["a"]["given"] == name.replace("\udcff", "\\xff")
        run = envguard("diff", name, ".venv", cwd=project)
        assert (run.code, run.err) == (0, "")


def test_a_home_of_nobody_is_told(envguard: Envguard, project: Path) -> None:
    for arguments in (["diff", "~nosuchuser", ".venv"], ["diff", ".venv", "~nosuchuser:x"]):
        assert_told(envguard(*arguments, cwd=project), 3, "no such file or folder")
    assert_told(envguard("check", "~nosuchuser", cwd=project), 3, "no such file or folder")


def test_an_environment_is_equal_to_itself_and_to_its_saved_scan(envguard: Envguard, project: Path) -> None:
    (project / "scan.json").write_text(envguard("scan", project / ".venv", "--json").out)
    for other in (".venv", ".venv/bin/python", "scan.json"):
        run = envguard("diff", ".venv", other, cwd=project)
        assert (run.code, run.err) == (0, "")
        assert run.out.startswith("equal: ")


def test_json_is_as_published(envguard: Envguard, project: Path, saved: Path) -> None:
    run = envguard("diff", "both.json:other", ".venv", "--json", cwd=project)
    assert run.code == 1
    document = run.json()
    hold(document, "diff-1")
    assert (document["a"]["given"], document["a"]["path"]) == ("both.json:other", str(project / "other"))
    assert document["b"]["machine"] is None
    assert [each["name"] for each in document["environments"][0]["packages"]] == ["gym", "rich"]


@pytest.mark.parametrize("name", ["{path}", "{path}/bin/python", "other"])
def test_an_environment_of_a_scan_is_named_by_its_path_or_the_end_of_it(
    envguard: Envguard, project: Path, other: Path, saved: Path, name: str
) -> None:
    run = envguard("diff", f"both.json:{name.format(path=other)}", "other", cwd=project)
    assert (run.code, run.err) == (0, "")


def test_whole_scans_are_compared_as_machines(envguard: Envguard, project: Path, saved: Path) -> None:
    document = json.loads(saved.read_text())
    document["machine"]["facts"]["kernel"] = "5.10.0"
    document["machine"]["name"] = "ws-9"
    del document["environments"][0]
    (project / "theirs.json").write_text(json.dumps(document))
    run = envguard("diff", "both.json", "theirs.json", cwd=project)
    assert run.code == 1
    assert run.out.startswith("1 machine fact differs; 1 environment is equal, 1 only in A\n")
    assert "kernel" in run.out


def test_an_incomplete_scan_warns(envguard: Envguard, project: Path, saved: Path) -> None:
    document = json.loads(saved.read_text())
    document["incomplete"] = True
    (project / "cut.json").write_text(json.dumps(document))
    run = envguard("diff", "both.json", "cut.json", cwd=project)
    assert (run.code, run.err) == (0, "warning: cut.json is incomplete: there may be more environments\n")


def test_a_snapshot_alone_knows_no_machine(envguard: Envguard, project: Path, saved: Path) -> None:
    [first, *_] = json.loads(saved.read_text())["environments"]
    (project / "snapshot.json").write_text(json.dumps(first["snapshot"]))
    run = envguard("diff", "snapshot.json", first["path"], "--json", cwd=project)
    assert (run.code, run.json()["a"]["kind"]) == (0, "snapshot")


@pytest.mark.parametrize("swap", [False, True])
def test_a_lock_and_an_environment(envguard: Envguard, project: Path, swap: bool) -> None:
    (project / "requirements.txt").write_text('gym==0.25.2\ntomli==2.0; python_version < "3.0"\n')
    sides = ["requirements.txt", ".venv"]
    arguments = sides[::-1] if swap else sides
    assert envguard("diff", *arguments, cwd=project).code == 0
    (project / "requirements.txt").write_text("gym==0.26.2\n")
    run = envguard("diff", *arguments, cwd=project)
    assert run.code == 1
    assert f"gym      {'0.25.2  0.26.2' if swap else '0.26.2  0.25.2'}" in run.out.splitlines()


def test_two_locks(envguard: Envguard, project: Path) -> None:
    pylock = (
        'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "gym"\nversion = "0.26.2"\n'
        '[[packages.wheels]]\npath = "gym-0.26.2-py3-none-any.whl"\nhashes = {sha256 = "aa"}\n'
    )
    (project / "pylock.toml").write_text(pylock)
    (project / "requirements.txt").write_text("gym==0.26.2\n")
    assert envguard("diff", "pylock.toml", "requirements.txt", cwd=project).code == 0


def test_a_scan_may_come_through_a_pipe(project: Path, saved: Path) -> None:
    command = [sys.executable, "-m", "envguard.cli.main", "diff", "-", str(saved)]
    done = subprocess.run(command, input=saved.read_bytes(), capture_output=True, cwd=project, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    pipe = project / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen([*command[:-2], str(pipe), str(saved)], stdout=subprocess.PIPE) as process:
        pipe.write_bytes(saved.read_bytes())
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.startswith(b"equal: 2 environments")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(["both.json", ".venv"], 2, "both.json: it holds 2 environments", id="which one"),
        pytest.param(
            [".venv", "both.json:gone"], 2, "it holds no environment `gone`", id="none of that name"
        ),
        pytest.param(["both.json:", ".venv"], 2, "it holds no environment ``", id="no name"),
        pytest.param(["-", "-"], 2, "only one side can be standard input", id="twice standard input"),
        pytest.param([".venv", "gone.json"], 3, "gone.json", id="no such file"),
        pytest.param([".venv", "gone.json:x"], 3, "gone.json:x", id="no such file to pick from"),
        pytest.param([".venv", "broken.json"], 3, "broken.json: not JSON", id="broken"),
        pytest.param([".venv", "verdict.json"], 3, "neither a scan nor a snapshot", id="another document"),
        pytest.param(
            [".venv", "wrong.json"], 3, "wrong.json: $.environments[0].path: expected", id="a field"
        ),
        pytest.param(
            [".venv", "snapshot.json:x"], 2, "holds no environments to choose from", id="a snapshot"
        ),
        pytest.param(["x" * 300 + ".toml", ".venv"], 3, "no such file or folder", id="a name too long"),
        pytest.param([".venv", "loose.txt"], 2, "loose.txt:1:1: not a pin", id="no lock"),
        pytest.param([".venv", "twice.txt"], 3, "two entries of this name", id="an ambiguous lock"),
        pytest.param([".venv", "ws-7"], 3, "ws-7", id="a machine's name"),
        pytest.param([".venv", "huge.json"], 3, "too large for a saved scan", id="too large"),
    ],
)
def test_what_cannot_be_compared_is_said(
    envguard: Envguard, project: Path, saved: Path, arguments: list[str], code: int, words: str
) -> None:
    document = json.loads(saved.read_text())
    (project / "snapshot.json").write_text(json.dumps(document["environments"][0]["snapshot"]))
    document["environments"][0]["path"] = 7
    (project / "wrong.json").write_text(json.dumps(document))
    (project / "broken.json").write_text("{")
    (project / "verdict.json").write_text('{"schema": "envguard/verdict/1"}')
    (project / "loose.txt").write_text("gym\n")
    (project / "twice.txt").write_text("gym==1\ngym==2; python_version > '3'\n")
    with (project / "huge.json").open("wb") as file:
        file.truncate(SAVED_LIMIT_BYTES + 1)
    assert_told(envguard("diff", *arguments, cwd=project), code, words)


def test_a_failure_is_json_too(envguard: Envguard, project: Path) -> None:
    run = envguard("diff", ".venv", "gone.json", "--json", cwd=project)
    assert run.code == 3
    hold(run.json(), "error-1")


def test_two_looks_at_this_machine_tell_the_same_facts(envguard: Envguard, project: Path) -> None:
    machines = [envguard("scan", ".venv", "--json", cwd=project).json()["machine"] for _ in range(2)]
    assert machines[0] == machines[1]
    assert machines[0]["facts_digest"].startswith("sha256:")
