"""What waits to be sent is kept, a bounded amount, and nothing new is lost with what is old."""

from __future__ import annotations

import os
import shutil
import stat
import threading
import time
from pathlib import Path

import pytest

from envguard.errors import StateError
from envguard.state.outbox import BYTES, COUNT, ITEM_BYTES, all_outboxes, outbox_of
from tests.builders.runs import a_key


def test_what_waits_is_read_again_the_oldest_first(tmp_path: Path) -> None:
    outbox = outbox_of(tmp_path / "state", 1000)
    assert outbox.waiting() == []
    for number in (3, 1, 2):
        assert outbox.put(a_key(number), b"%d" % number, at_ns=number) == 0
    waiting = outbox.waiting()
    assert [each.key for each in waiting] == [a_key(1), a_key(2), a_key(3)]
    assert [outbox.read(each.name) for each in waiting] == [b"1", b"2", b"3"]
    outbox.remove(waiting[0].name)
    outbox.remove(waiting[0].name)
    assert outbox.read(waiting[0].name) is None
    assert len(outbox.waiting()) == 2


def test_nobody_else_may_look_into_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        outbox_of(tmp_path / "state", 1000).put(a_key(1), b"x", at_ns=1)
    finally:
        os.umask(before)
    for folder in ("state", "state/outbox", "state/outbox/1000"):
        assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o700
    [file] = (tmp_path / "state/outbox/1000").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_more_of_the_same_takes_its_place_under_another_name(tmp_path: Path) -> None:
    outbox = outbox_of(tmp_path, 1000)
    outbox.put(a_key(1), b"start", at_ns=1)
    [sent] = outbox.waiting()
    outbox.put(a_key(1), b"end", at_ns=2)
    [left] = outbox.waiting()
    outbox.remove(sent.name)  # by who sent the start meanwhile
    assert outbox.waiting() == [left]
    assert outbox.read(left.name) == b"end"


def test_what_has_an_end_gives_way_to_nothing_that_has_none(tmp_path: Path) -> None:
    outbox = outbox_of(tmp_path, 1000)
    outbox.put(a_key(1), b"end", at_ns=2, is_ended=True)
    for at_ns in (3, 4):
        outbox.put(a_key(1), b"start, handed on late", at_ns=at_ns)
    assert [outbox.read(each.name) for each in outbox.waiting()] == [b"end", b"start, handed on late"]
    outbox.put(a_key(1), b"end, with more", at_ns=5, is_ended=True)
    assert [outbox.read(each.name) for each in outbox.waiting()] == [b"end, with more"]


def test_the_oldest_of_too_many_goes_and_that_is_told(tmp_path: Path) -> None:
    outbox = outbox_of(tmp_path, 1000)
    dropped = [outbox.put(a_key(number), b"x", at_ns=number) for number in range(COUNT + 2)]
    assert dropped == [0] * COUNT + [1, 1]
    assert [each.key for each in outbox.waiting()] == [a_key(number) for number in range(2, COUNT + 2)]


def test_the_oldest_of_too_large_ones_go(tmp_path: Path) -> None:
    outbox = outbox_of(tmp_path, 1000)
    count = BYTES // ITEM_BYTES
    dropped = [outbox.put(a_key(number), b"x" * ITEM_BYTES, at_ns=number) for number in range(count + 1)]
    assert dropped == [0] * count + [1]
    with pytest.raises(StateError, match="too large"):
        outbox.put(a_key(99), b"x" * (ITEM_BYTES + 1), at_ns=99)


def test_each_user_has_one_and_nothing_else_counts(tmp_path: Path) -> None:
    assert all_outboxes(tmp_path) == []
    for uid in (0, 1000):
        outbox_of(tmp_path, uid).put(a_key(uid), b"x", at_ns=1)
    shutil.copytree(tmp_path / "outbox" / "0", tmp_path / "outbox" / "0.copy")
    (tmp_path / "outbox" / "0" / "README").write_text("not one")
    found = [each.key for outbox in all_outboxes(tmp_path) for each in outbox.waiting()]
    assert found == [a_key(0), a_key(1000)]


def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file")
    with pytest.raises(StateError):
        outbox_of(tmp_path, 1000).put(a_key(1), b"x", at_ns=1)


def test_what_a_killed_process_left_half_written_goes_in_time(tmp_path: Path) -> None:
    outbox, folder, hour_ns = outbox_of(tmp_path, 1000), tmp_path / "outbox" / "1000", 3600 * 10**9
    outbox.put(a_key(1), b"x", at_ns=1)
    old, new = (f".{at_ns:020}-{a_key(2)}.4711" for at_ns in (2, hour_ns))
    for name in (old, new, ".nfs0001"):
        (folder / name).write_bytes(b"{")
    outbox.put(a_key(3), b"x", at_ns=hour_ns + 3)
    assert {each.name for each in folder.glob(".*")} == {new, ".nfs0001"}
    assert [each.key for each in outbox.waiting()] == [a_key(1), a_key(3)]


def test_a_file_that_cannot_be_written_leaves_nothing_of_it(tmp_path: Path) -> None:
    outbox, folder = outbox_of(tmp_path, 1000), tmp_path / "outbox" / "1000"
    (folder / f"{1:020}-{a_key(1)}").mkdir(parents=True)
    with pytest.raises(StateError, match="cannot be written"):
        outbox.put(a_key(1), b"x", at_ns=1)
    assert list(folder.glob(".*")) == []


def test_one_sends_one_waits_and_others_need_not(tmp_path: Path) -> None:
    outbox, queue = outbox_of(tmp_path, 1000), tmp_path / "outbox" / "1000" / "queue"
    outbox.put(a_key(1), b"x", at_ns=1)
    sent: list[str] = []

    def send_next() -> None:
        with outbox.next_sender():
            sent.extend(each.name for each in outbox.waiting())

    with outbox.only_sender():
        waiting = threading.Thread(target=send_next)
        waiting.start()
        until_s = time.monotonic() + 10
        while not is_locked(queue):
            assert time.monotonic() < until_s
        with pytest.raises(StateError, match="about to send"), outbox.next_sender():
            pass
        outbox.put(a_key(2), b"x", at_ns=2)
        assert sent == []
    waiting.join(10)
    assert len(sent) == 2, "also what came while it waited"
    with outbox.next_sender():
        pass


def is_locked(path: Path) -> bool:
    """Whether somebody has it, as the kernel lists its locks: to try would be to take it from the other."""
    try:
        number = path.stat().st_ino
    except FileNotFoundError:
        return False
    return f":{number} " in Path("/proc/locks").read_text()
