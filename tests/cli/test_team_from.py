"""``team --from``: the team's report by saved scans, without a server."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Envguard
from tests.cli.test_schemas import hold

POLICY = "envguard: 1\nname: rl-team\npackages:\n  gym: ==0.26.2\n"


@pytest.fixture
def scans(envguard: Envguard, project: Path, tmp_path: Path) -> Path:
    """Two machines' scans: ws-7 as it is, and ws-9 with what the policy wants."""
    folder = tmp_path / "scans"
    folder.mkdir()
    printed = envguard("scan", project / ".venv", "--json").out
    for name, version in (("ws-7", "0.25.2"), ("ws-9", "0.26.2")):
        document = json.loads(printed.replace('"0.25.2"', f'"{version}"'))
        document["machine"]["name"] = name
        (folder / f"{name}.json").write_text(json.dumps(document))
    (project / "rl-team.yaml").write_text(POLICY)
    return folder


def change(scan: Path, to: str, **changes: Any) -> None:
    (scan.parent / to).write_text(json.dumps({**json.loads(scan.read_text()), **changes}))


def test_without_a_policy_it_says_where_machines_differ(envguard: Envguard, scans: Path) -> None:
    run = envguard("team", "--from", scans)
    assert run.code == 0
    assert run.out.splitlines() == [
        "2 machines, by saved scans",
        "",
        "WHERE MACHINES DIFFER  VERSION  MACHINES",
        "gym                    0.25.2   ws-7",
        "                       0.26.2   ws-9",
    ]


def test_a_policy_or_a_lock_judges_them(envguard: Envguard, scans: Path, project: Path) -> None:
    run = envguard("team", "--from", scans, "--policy", "./rl-team.yaml", cwd=project)
    assert run.code == 0
    assert run.out.splitlines()[0] == "1 of 2 machines matches rl-team; 1 drifts, by saved scans"
    assert "gym 0.25.2, needs ==0.26.2  ws-7" in run.out
    (project / "requirements.txt").write_text("gym==0.25.2\n")
    document = envguard("team", "--from", scans, "--policy", "requirements.txt", "--json", cwd=project).json()
    hold(document, "team-1")
    assert [each["verdict"] for each in document["machines"]] == ["compliant", "drifted"]


def test_what_is_no_scan_is_named_and_the_rest_is_reported(envguard: Envguard, scans: Path) -> None:
    change(scans / "ws-7.json", "field.json", machine={"name": 7, "facts": {}})
    change(scans / "ws-7.json", "nameless.json", machine={"name": " ", "facts": {"os": "x", "kernel": "y"}})
    change(scans / "ws-7.json", "other.json", schema="envguard/verdict/1")
    (scans / "torn.json").write_bytes((scans / "ws-7.json").read_bytes()[:300])
    (scans / "deep.json").write_text('{"schema": "envguard/scan/1", "machine": ' + "[" * 100_000)
    os.mkfifo(scans / "fifo.json")
    (scans / "folder.json").mkdir()
    (scans / "notes.txt").write_text("not looked at")
    run = envguard("team", "--from", scans, "--json")
    assert run.code == 3
    document = run.json()
    hold(document, "team-1")
    reasons = {Path(each["file"]).name: each["reason"] for each in document["left_out"]}
    assert reasons.keys() == {
        f"{name}.json" for name in ("deep", "fifo", "field", "folder", "nameless", "other", "torn")
    }
    assert reasons["field.json"] == "$.machine.name: expected `str`, got `int`"
    assert reasons["nameless.json"] == "$.machine.name: empty"
    assert reasons["other.json"].startswith("neither a scan nor a snapshot")
    assert reasons["torn.json"].startswith("not JSON")
    assert [each["name"] for each in document["machines"]] == ["ws-7", "ws-9"]
    printed = envguard("team", "--from", scans, COLUMNS="300")
    assert printed.code == 3
    assert f"left out: {scans}/field.json: $.machine.name: expected" in printed.out


def test_the_newer_scan_of_a_machine_counts_over_several_folders(
    envguard: Envguard, scans: Path, tmp_path: Path
) -> None:
    newer = tmp_path / "newer"
    newer.mkdir()
    change(scans / "ws-9.json", "../newer/ws-9.json", incomplete=True, taken_at=None)  # of now, by its file
    change(scans / "ws-7.json", "undated.json", taken_at=None)
    os.utime(scans / "undated.json", (0, 0))
    run = envguard("team", "--from", scans, "--from", newer, COLUMNS="300")
    assert run.code == 0
    assert "unknown: ws-9, its scan was cut off before its end" in run.out
    for old, new in (("undated.json", "ws-7"), ("ws-9.json", "ws-9")):
        by = newer if new == "ws-9" else scans
        assert f"left out: {scans}/{old}: an older scan of {new} than {by}/{new}.json" in run.out


def test_a_policy_that_cannot_be_had_judges_nothing(envguard: Envguard, scans: Path) -> None:
    run = envguard("team", "--from", scans, "--policy", "nothing.yaml")
    assert (run.code, run.out) == (3, "")
    assert "there is no such policy or lock" in run.err


@pytest.mark.parametrize(
    ("folder", "error"),
    [("empty", "--from: no saved scan in: "), ("absent", "--from: no such folder: ")],
)
def test_a_folder_without_scans_is_wrong_usage(
    envguard: Envguard, tmp_path: Path, folder: str, error: str
) -> None:
    (tmp_path / "empty").mkdir()
    run = envguard("team", "--from", tmp_path / folder)
    assert run.code == 2
    assert run.err.startswith(f"error: {error}")
