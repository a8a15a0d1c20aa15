"""The meeting itself, with threads as ranks: runs of one name, one after the other, some cut off anywhere."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from envguard.guard.listing import digest_of_listing
from envguard.guard.meeting import MeetingError, meet
from envguard.guard.meeting_folder import FolderPlace
from envguard.guard.members import ranks_text
from envguard.guard.notes import Agreement, Member, fields_in, written

CUT_OFF = "cut off"


class CutOffError(BaseException):
    """Its process was killed: nothing of ours may catch it."""


class Mortal(FolderPlace):
    """A folder whose user dies at some step, and then cleans nothing up."""

    def __init__(self, folder: Path, word: str, steps: int | None) -> None:
        super().__init__(str(folder), "job", word)
        self.steps = steps

    def put(self, name: str, text: str) -> None:
        self._step()
        super().put(name, text)
        self._step()

    def get(self, name: str) -> str | None:
        self._step()
        return super().get(name)

    def drop(self, names: Iterable[str]) -> None:
        if self.steps != 0:
            super().drop(names)

    def _step(self) -> None:
        if self.steps is not None:
            self.steps = max(self.steps - 1, 0)
            if not self.steps:
                raise CutOffError


def a_listing(number: int) -> str:
    return f"CPython 3.11.7\nnumpy=={number}\n"


def a_run(
    folder: Path, numbers: list[int], steps: list[int | None], delays: list[float], within_s: float
) -> list[str]:
    """What each rank, with so many a numpy, came to."""
    outcomes = [""] * len(numbers)

    def rank(own: int) -> None:
        time.sleep(delays[own])
        word, listing = os.urandom(16).hex(), a_listing(numbers[own])
        me = Member(own, len(numbers), f"node-{own}", digest_of_listing(listing), "")
        try:
            place = Mortal(folder, word, steps[own])
            outcomes[own] = meet(place, me, listing, within_s, word).outcome
        except CutOffError:
            outcomes[own] = CUT_OFF

    threads = [threading.Thread(target=rank, args=(own,)) for own in range(len(numbers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_what_cut_off_runs_leave_makes_no_odd_rank_compliant(tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed)
    for _ in range(12):
        size = chosen.choice([2, 3, 5])
        numbers, delays = [0] * size, [chosen.random() * 0.03 for _ in range(size)]
        odd = chosen.choice([None, *range(size)])
        if odd is not None:
            numbers[odd] = chosen.randrange(1, 3)
        dying = [chosen.choice([None, chosen.randrange(1, 12)]) for _ in range(size)]
        cut = a_run(tmp_path, numbers, dying, delays, 0.3)
        assert odd is None or "compliant" not in cut
        whole = a_run(tmp_path, numbers, [None] * size, delays, 30)
        assert set(whole) == {"compliant" if odd is None else "drifted"}


@pytest.mark.parametrize(
    ("ranks", "text"),
    [
        ([3], "rank 3"),
        ([7, 6, 3, 5], "ranks 3, 5-7"),
        ([1, 2], "ranks 1-2"),
        (range(1, 100, 2), f"ranks {', '.join(map(str, range(1, 41, 2)))}, 30 more"),
    ],
)
def test_ranks_are_told_in_spans(ranks: Iterable[int], text: str) -> None:
    assert ranks_text(ranks) == text


def test_a_note_says_again_what_was_written_and_torn_ones_say_nothing() -> None:
    fields = [["rank", "a\tb\\n\\", ""], ["listing", "x\ny\r\n"]]
    text = written(fields)
    assert fields_in(text) == fields
    for end in range(len(text)):
        with pytest.raises(ValueError, match=r"torn|is not of"):
            fields_in(text[:end])


def test_more_ranks_than_can_meet_are_said(tmp_path: Path) -> None:
    me = Member(0, 5000, "node-a", "x", "")
    agreement = meet(FolderPlace(str(tmp_path), "job", "ab"), me, "", 1, "ab")
    assert (agreement.outcome, agreement.reason) == ("unknown", "5000 ranks are more than can meet: 4096")


def test_a_folder_that_goes_away_while_ranks_wait_is_said(tmp_path: Path) -> None:
    place = FolderPlace(str(tmp_path), "job", "ab")
    Path(place.folder).rmdir()
    with pytest.raises(MeetingError, match="a note cannot be written in"):
        meet(place, Member(1, 2, "node-a", "x", ""), "", 1, "ab")


def a_member(rank: int, number: int, size: int = 2) -> Member:
    return Member(rank, size, f"node-{rank}", digest_of_listing(a_listing(number)), "")


def test_who_said_no_hello_is_not_there(tmp_path: Path) -> None:
    place = FolderPlace(str(tmp_path), "job", "ab")
    place.put("ack.1.cd.ab", written([]))
    agreement = meet(place, a_member(0, 1), a_listing(1), 0.3, "ab")
    assert (agreement.outcome, agreement.reason[:22]) == ("unknown", "rank 1 was not heard o")


@pytest.mark.parametrize(
    ("heard", "number", "outcome", "words"),
    [
        ("cd", 1, "compliant", ""),
        ("ef", 1, "unknown", "rank 0 heard of another process that is rank 1"),
        ("cd", 2, "unknown", "rank 0 calls this rank the same as itself, which it is not"),
    ],
    ids=["as it should be", "of another process", "of another listing"],
)
def test_what_rank_0_tells_is_taken_only_of_oneself(
    tmp_path: Path, heard: str, number: int, outcome: str, words: str
) -> None:
    place, host = FolderPlace(str(tmp_path), "job", "cd"), a_member(0, number)
    place.put("welcome.1.cd", written([["welcome", "ab", "1", host.listing]]))
    told = Agreement("compliant").fields() + host.fields() + [["heard", "1", heard]]
    place.put("final.ab", written(told))
    agreement = meet(place, a_member(1, 1), a_listing(1), 1, "cd")
    assert (agreement.outcome, agreement.reason) == (outcome, words)


AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another's file")


@pytest.mark.parametrize("is_own", [True, pytest.param(False, marks=AS_ROOT)])
def test_a_note_of_another_user_is_none(tmp_path: Path, is_own: bool) -> None:
    place = FolderPlace(str(tmp_path), "job", "ab")
    place.put("hello.1.cd", written(a_member(1, 1).fields()))
    if not is_own:
        os.chown(Path(place.folder) / "hello.1.cd", 65534, 65534)
    meet(place, a_member(0, 1), a_listing(1), 0.2, "ab")
    assert ("welcome.1.cd" in place.names()) is is_own
