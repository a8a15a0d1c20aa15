from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

from envguard.domain.policy import PolicySource
from envguard.errors import StateError
from envguard.state import Identity, KeptPolicy, LastStatus, Sequence, open_state, state_directory
from envguard.state.files import write_file

NOW = datetime(2025, 1, 2, tzinfo=timezone.utc)
IDENTITY = Identity(machine="m", name="ws-7", url="https://s.example", interval_s=60, roots=("/srv",))


def a_kept_policy(name: str) -> KeptPolicy:
    source = PolicySource(filename=f"{name}.yaml", text="")
    return KeptPolicy(name=name, revision=3, lock_revision=None, source=source, received_at=NOW)


def test_told_directory_comes_first(tmp_path: Path) -> None:
    assert state_directory({"ENVGUARD_STATE": str(tmp_path)}) == tmp_path
    assert state_directory({}).name == "envguard"


def test_directory_and_files_are_their_owners_alone(tmp_path: Path) -> None:
    state = open_state(tmp_path / "deep" / "state")
    state.join(IDENTITY, "secret")
    modes = {path.name: path.stat().st_mode & 0o777 for path in [state.path, *state.path.rglob("*")]}
    assert modes == {"state": 0o700, "policies": 0o700, "secret": 0o600, "identity.json": 0o600}


def test_directory_that_cannot_be_made_is_said_with_a_way_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError) as caught:
        open_state(tmp_path / "file" / "state")
    assert "ENVGUARD_STATE" in str(caught.value.hint)


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    assert (state.identity(), state.secret(), state.last_scan()) == (None, None, None)
    state.join(IDENTITY, "secret")
    state.keep_policies({"a": a_kept_policy("a"), "b": a_kept_policy("b")})
    state.keep_policies({"b": a_kept_policy("b")})
    state.keep_status(LastStatus(error="away"))
    again = open_state(tmp_path)
    assert (again.identity(), again.secret()) == (IDENTITY, "secret")
    assert again.policies() == {"b": a_kept_policy("b")}
    assert again.last_status().error == "away"


def test_use_is_kept_and_taken_back(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    state.use("/srv/env", "rl-team")
    assert state.uses() == {"/srv/env": "rl-team"}
    state.use("/srv/env", None)
    assert state.uses() == {}


def test_sequence_never_repeats_and_a_broken_one_begins_an_epoch(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    assert state.next_sequence(lambda: "e1") == Sequence("e1", 1)
    assert state.next_sequence(lambda: "e2") == Sequence("e1", 2)
    (tmp_path / "sequence.json").write_text("{")
    assert state.next_sequence(lambda: "e3") == Sequence("e3", 1)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"machine": 3}', b"\xff\xfe", b"\0" * 100])
def test_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    state = open_state(tmp_path)
    (tmp_path / "identity.json").write_bytes(content)
    with pytest.raises(StateError) as caught:
        state.identity()
    assert caught.value.where == str(tmp_path / "identity.json")


def test_policy_name_makes_no_path(tmp_path: Path) -> None:
    with pytest.raises(StateError):
        open_state(tmp_path).keep_policies({"../x": a_kept_policy("../x")})


def test_failed_write_leaves_the_old_content_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "kept"
    target.mkdir()
    (target / "inside").write_text("old")
    with pytest.raises(StateError):
        write_file(target, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (target / "inside").read_text() == "old"


def test_second_agent_on_one_directory_is_refused(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    assert not state.is_agent_running()
    code = (
        "import sys; from pathlib import Path; from envguard.state import open_state\n"
        "with open_state(Path(sys.argv[1])).only_agent():\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    root = str(Path(__file__).resolve().parents[2])
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": root}
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert state.is_agent_running()
        with pytest.raises(StateError, match="another agent"), state.only_agent():
            pass
        holder.communicate()
    with state.only_agent():
        pass
