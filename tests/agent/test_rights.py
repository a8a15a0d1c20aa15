"""Who may read what, by owners and modes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envguard.agent.rights import Peer, is_open_to_all, may_read, owner_of

MEMBER = Peer(54321, os.getegid())
STRANGER = Peer(54321, 54321)
ROOT = Peer(0, 0)


@pytest.fixture
def env(tmp_path: Path) -> Path:
    folder = tmp_path / "way" / "env"
    folder.mkdir(parents=True)
    return folder


def open_way(path: Path) -> None:
    """Let everybody pass the folders that pytest made."""
    for folder in [path, *path.parents]:
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)


@pytest.mark.parametrize(
    ("way", "itself", "peer", "expected"),
    [
        (0o711, 0o755, STRANGER, True),
        (0o710, 0o755, STRANGER, False),
        (0o710, 0o755, MEMBER, True),
        (0o701, 0o755, MEMBER, False),
        (0o711, 0o751, STRANGER, False),
        (0o711, 0o754, STRANGER, False),
        (0o711, 0o750, MEMBER, True),
        (0o711, 0o705, MEMBER, False),
        (0o700, 0o700, STRANGER, False),
        (0o700, 0o700, ROOT, True),
    ],
    ids=lambda value: oct(value) if isinstance(value, int) else None,
)
def test_the_class_of_bits_that_is_his_decides(
    way: int, itself: int, peer: Peer, expected: bool, env: Path
) -> None:
    open_way(env.parent.parent)
    env.chmod(itself)
    env.parent.chmod(way)
    assert may_read(peer, str(env)) is expected
    assert is_open_to_all(str(env)) is (way == 0o711 and itself == 0o755)


@pytest.mark.parametrize(("mode", "expected"), [(0o644, True), (0o640, False), (0o611, False)], ids=oct)
def test_a_file_must_be_readable_itself(mode: int, expected: bool, env: Path) -> None:
    open_way(env)
    (env / "python").write_text("")
    (env / "python").chmod(mode)
    assert may_read(STRANGER, str(env / "python")) is expected
    assert is_open_to_all(str(env / "python")) is expected


def test_what_is_absent_no_path_or_reached_by_a_link_is_not_read(env: Path) -> None:
    open_way(env)
    (env.parent / "link").symlink_to(env)
    inside = env.parent / "link" / "inside"
    inside.mkdir()
    os.mkfifo(env / "fifo")
    (env / "fifo").chmod(0o666)
    for path in (str(env / "absent"), str(env.parent / "link"), str(inside), str(env / "fifo"), "", "a\0b"):
        assert not may_read(STRANGER, path)
        assert not is_open_to_all(path)
    assert may_read(STRANGER, str(env / "inside")) is True
    assert owner_of(str(env.parent / "link")) is None
    assert owner_of(str(env)) == os.geteuid()
    assert owner_of("/absent\0") is None
