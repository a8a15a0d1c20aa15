"""What scans read is kept, and is only ever a saving."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import msgspec
import pytest

from envguard.agent.memories import keep_memories, read_memories
from envguard.agent.scanner import scan_in_child
from envguard.inventory.freshness import Memories, Memory
from envguard.inventory.layout import locate
from envguard.state import State, open_state
from tests.builders.environments import install, make_venv, site_packages


@pytest.fixture
def state(tmp_path: Path) -> State:
    return open_state(tmp_path / "state")


@pytest.fixture
def env(tmp_path: Path) -> Path:
    folder = make_venv(Path(sys.executable), tmp_path / "roots" / ".venv")
    install(folder, gym="0.26.2")
    return folder


def memories_of(env: Path) -> dict[str, Memory]:
    memories = Memories({}, clock=lambda: time.time() + 10)
    memories.read(locate(str(env)), named=str(env))
    return memories.kept


def test_what_is_kept_is_read_again(state: State, env: Path) -> None:
    memories = memories_of(env)
    keep_memories(state, memories, known={})
    assert read_memories(state) == memories
    assert (state.path / "memories").stat().st_mode & 0o077 == 0


def written_at(state: State) -> tuple[int, int, int]:
    """What tells one writing from another; reading changes the time of the last access."""
    status = (state.path / "memories").stat()
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def test_an_idle_machine_writes_nothing(state: State, env: Path) -> None:
    memories = memories_of(env)
    keep_memories(state, memories, known={})
    before = written_at(state)
    keep_memories(state, memories, known=read_memories(state))
    assert written_at(state) == before


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff" * 100], ids=["empty", "nonsense", "bytes"])
def test_what_is_broken_is_read_anew(content: bytes, state: State) -> None:
    (state.path / "memories").write_bytes(content)
    assert read_memories(state) == {}


@pytest.mark.parametrize(("key", "value"), [("version", "0"), ("reader", -1)])
def test_what_another_version_wrote_is_read_anew(key: str, value: object, state: State, env: Path) -> None:
    keep_memories(state, memories_of(env), known={})
    kept = msgspec.msgpack.decode((state.path / "memories").read_bytes())
    (state.path / "memories").write_bytes(msgspec.msgpack.encode({**kept, key: value}))
    assert read_memories(state) == {}


def test_the_agents_scan_remembers_and_still_sees_every_change(state: State, env: Path) -> None:
    roots = [str(env.parent)]
    (first,) = scan_in_child(state.path, roots).scan.environments
    until = time.monotonic() + 20  # files as new as these are not remembered yet
    while not read_memories(state) and time.monotonic() < until:
        time.sleep(0.2)
        (again,) = scan_in_child(state.path, roots).scan.environments
        assert again == first
    memories = read_memories(state)
    assert list(memories) == [str(env)]
    record = msgspec.structs.replace(first.record, blas="only remembered")
    planted = msgspec.structs.replace(first, record=record)
    changed_memory = {str(env): msgspec.structs.replace(memories[str(env)], environment=planted)}
    keep_memories(state, changed_memory, known={})
    assert scan_in_child(state.path, roots).scan.environments == (planted,)
    metadata = next(site_packages(env).glob("gym-*.dist-info")) / "METADATA"
    times = metadata.stat()
    metadata.write_text(metadata.read_text().replace("0.26.2", "0.25.2"))
    os.utime(metadata, ns=(times.st_atime_ns, times.st_mtime_ns))
    (changed,) = scan_in_child(state.path, roots).scan.environments
    assert [each.version for each in changed.snapshot.packages if each.name == "gym"] == ["0.25.2"]
