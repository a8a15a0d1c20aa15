"""``envguard server backup`` and ``restore`` as an operator calls them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from envguard.cli.commands import run
from tests.server.asking import Server


def call(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = run([str(each) for each in arguments])
    return code, *capfd.readouterr()


def test_what_is_kept_is_told_and_can_be_restored(
    sqlite_server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sqlite_server.enrol("ws-7")
    state, new = sqlite_server.state, tmp_path / "new"
    code, out, err = call(capfd, "server", "backup", tmp_path, "--state", state)
    assert (code, err) == (0, "")
    found = re.match(r"kept      (\S+\.backup) \(0600\), [0-9.]+ MB\n", out)
    assert found is not None
    assert sqlite_server.admin not in out
    code, out, err = call(capfd, "server", "restore", found[1], "--state", new)
    assert (code, err) == (0, "")
    assert "revoke again" in out
    again = Server(new)
    assert [each.name for each in again.team().machines] == ["ws-7"]
    again.database.close()


def test_json_has_one_document(
    sqlite_server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    state = sqlite_server.state
    code, out, _ = call(capfd, "server", "backup", tmp_path / "one", "--state", state, "--json")
    told = json.loads(out)
    assert (code, told["schema"], told["kind"]) == (0, "envguard/backup/1", "sqlite")
    assert told["parts"] == ["envguard.db", "admin-token"]
    code, out, _ = call(capfd, "server", "restore", tmp_path / "one", "--state", tmp_path / "new", "--json")
    assert (code, json.loads(out)["aside"]) == (0, None)


def test_errors_name_the_place_and_the_way_on(
    sqlite_server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x").write_text("no archive")
    code, _, err = call(capfd, "server", "restore", tmp_path / "x", "--state", tmp_path / "new")
    assert (code, err.splitlines()[0]) == (2, f"error: {tmp_path / 'x'}: it is no backup of envguard")
    code, _, err = call(capfd, "server", "backup", tmp_path / "x", "--state", sqlite_server.state)
    assert code == 2
    assert "hint: name another" in err
