"""How the ranks of a job meet: each proves that it is there now, and rank 0 says what it found.

Rules
1. Whatever lies at the meeting place may be of an earlier run of the same name. So each rank says a fresh
   word in its ``hello``; rank 0 answers each with its own fresh word (``welcome``); who says that one back
   (``ack``) is there now. What rank 0 then tells (``final``) is found by its word, and names those that it
   heard: a rank takes it only if its own word is among them, or if it tells that nothing was decided.
2. Two that say to be one rank, and a rank that is not heard of in time: nothing is decided.
3. A note is written once, whole, and never changed. A listing travels only where it is not rank 0's.
"""

import time

from envguard.guard.interpreter import ticks
from envguard.guard.members import agreement_of, is_same, ranks_text
from envguard.guard.notes import Agreement, Member, fields_in, first_of, written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, List, Optional, Set, Tuple

    from envguard.guard.notes import Fields

MOST_RANKS = 4096
NAME_A_FOLDER = "; name a folder that all ranks see: ENVGUARD_RANKS=DIR"
"""What people can do where ranks miss each other."""
_FIRST_S = 0.003
_TELL_APART = "ENVGUARD_JOB=NAME tells jobs apart"
_AFTER_S = 5.0
"""How much longer the others wait for what rank 0 tells than rank 0 for them."""


class MeetingError(Exception):
    """The place of the meeting cannot be used; says why."""


class Place(object):
    """Where notes lie that all ranks see; each kind of place has these three."""

    words = ""
    """What people call it."""
    hint = ""
    """What they can do where not all are heard of."""
    slowest_s = 0.25
    """The longest pause between two looks, of few ranks."""

    def put(self, name, text):
        # type: (str, str) -> None
        """Write a note. Raises MeetingError."""
        raise NotImplementedError

    def get(self, name):
        # type: (str) -> Optional[str]
        """Read a note; None where there is none that is whole. Raises MeetingError."""
        raise NotImplementedError

    def names(self):
        # type: () -> List[str]
        """The names of all notes. Raises MeetingError."""
        raise NotImplementedError

    def put_all(self, notes):
        # type: (Iterable[Tuple[str, str]]) -> None
        """Write notes. Raises MeetingError."""
        for name, text in notes:
            self.put(name, text)

    def drop(self, names):
        # type: (Iterable[str]) -> None
        """Take back notes that nobody needs any more, where that can be."""


def meet(place, me, listing, within_s, word):
    # type: (Place, Member, str, float, str) -> Agreement
    """Meet the other ranks. ``word`` is a fresh one that nobody else knows. Raises MeetingError."""
    if me.size > MOST_RANKS:
        return Agreement("unknown", "%d ranks are more than can meet: %d" % (me.size, MOST_RANKS))
    try:
        return (_Host if me.rank == 0 else _Guest)(place, me, listing, within_s, word).meet()
    except (ValueError, IndexError) as error:
        raise MeetingError("a note is not understood: %s" % error)


class _Party(object):
    def __init__(self, place, me, listing, within_s, word):
        # type: (Place, Member, str, float, str) -> None
        self.place = place
        self.me = me
        self.listing = listing
        self.within_s = within_s
        self.word = word
        self.end = ticks() + within_s
        self.pause_s = _FIRST_S

    def meet(self):
        # type: () -> Agreement
        raise NotImplementedError

    def wait(self):
        # type: () -> bool
        """Pause before the next look, each time longer; False where the time is over."""
        left = self.end - ticks()
        if left <= 0:
            return False
        time.sleep(min(left, self.pause_s))
        self.pause_s = min(self.pause_s * 1.3, self.place.slowest_s * max(1.0, self.me.size / 256.0))
        return True

    def not_heard_of(self, ranks, why=""):
        # type: (Iterable[int], str) -> Agreement
        missing = list(ranks)
        was = "was" if len(missing) == 1 else "were"
        words = (ranks_text(missing), was, self.within_s, self.place.words, why, self.place.hint)
        return Agreement("unknown", "%s %s not heard of in %g s%s%s%s" % words)


class _Host(_Party):
    """Rank 0. To another one it answers as a guest would: then both know that they are two."""

    def meet(self):
        # type: () -> Agreement
        own = "hello.0." + self.word
        self.place.put(own, written(self.me.fields()))
        try:
            return self._meet()
        finally:
            self.place.drop([own])

    def _meet(self):
        # type: () -> Agreement
        self.members = {}  # type: Dict[Tuple[int, str], Member]
        self.seen = set()  # type: Set[str]
        self.foreign = {}  # type: Dict[int, str]
        acks = {}  # type: Dict[int, List[str]]
        while True:
            before = (len(self.seen), len(acks))
            names = self.place.names()
            self._welcome(names)
            acks = self._acks(names)
            agreement = self._twice(acks)
            missing = [rank for rank in range(1, self.me.size) if rank not in acks]
            if (len(self.seen), len(acks)) != before:
                self.pause_s = _FIRST_S
            if agreement is None and not missing:
                found = [self.members[rank, acks[rank][0]] for rank in sorted(acks)]
                agreement = agreement_of(self.me, self.listing, found, self.place.get)
            if agreement is None and not self.wait():
                agreement = self._missing(missing)
            if agreement is not None:
                heard = [["heard", str(rank), word] for rank in sorted(acks) for word in acks[rank]]
                self.place.put("final." + self.word, written(agreement.fields() + self.me.fields() + heard))
                return agreement

    def _welcome(self, names):
        # type: (Iterable[str]) -> None
        notes = []  # type: List[Tuple[str, str]]
        for name in names:
            parts = name.split(".")
            if len(parts) != 3 or parts[0] != "hello" or name in self.seen:
                continue
            text = self.place.get(name)
            if text is None:
                continue
            self.seen.add(name)
            if parts[1] == "0":
                if parts[2] != self.word:
                    notes.append(("ack.0.%s.%s" % (self.word, parts[2]), written([])))
                continue
            rank = int(parts[1]) if parts[1].isdigit() else 0
            try:
                member = Member.of(fields_in(text))
                if member.rank != rank or not rank:
                    raise ValueError("it is another's")
                self.members[rank, parts[2]] = member
            except (ValueError, IndexError) as error:
                self.foreign[rank] = str(error)
                continue
            left = ["welcome", self.word, "%.3f" % max(0.0, self.end - ticks()), self.me.listing]
            notes.append(("welcome.%d.%s" % (rank, parts[2]), written([left])))
        if notes:
            self.place.put_all(notes)

    def _acks(self, names):
        # type: (Iterable[str]) -> Dict[int, List[str]]
        """The words of those that are there now, by rank."""
        found = {}  # type: Dict[int, List[str]]
        for name in names:
            parts = name.split(".")
            if len(parts) == 4 and parts[0] == "ack" and parts[3] == self.word:
                key = (int(parts[1]), parts[2]) if parts[1].isdigit() else (-1, "")
                if key in self.members or key[0] == 0:
                    found.setdefault(key[0], []).append(key[1])
        return found

    def _twice(self, acks):
        # type: (Dict[int, List[str]]) -> Optional[Agreement]
        if 0 in acks:
            return Agreement("unknown", "two processes say that they are rank 0; " + _TELL_APART)
        twice = sorted(rank for rank, words in acks.items() if len(words) > 1)
        for rank in twice:
            hosts = ", ".join(sorted({self.members[rank, word].host for word in acks[rank]}))
            words = "two processes say that they are rank %d (%s); %s"
            return Agreement("unknown", words % (rank, hosts, _TELL_APART))
        for rank, words_of in sorted(acks.items()):
            size = self.members[rank, words_of[0]].size
            if size != self.me.size:
                told = (rank, size, self.me.size)
                return Agreement("unknown", "rank %d says that there are %d ranks, rank 0 %d" % told)
        return None

    def _missing(self, missing):
        # type: (List[int]) -> Agreement
        foreign = [rank for rank in missing if rank in self.foreign][:3]
        return self.not_heard_of(
            missing, "".join("; rank %d's note: %s" % (rank, self.foreign[rank]) for rank in foreign)
        )


class _Guest(_Party):
    """Any other rank."""

    def meet(self):
        # type: () -> Agreement
        mine = "%d.%s" % (self.me.rank, self.word)
        notes = ["hello." + mine, "welcome." + mine]
        try:
            return self._meet(mine, notes)
        finally:
            self.place.drop(notes)  # also of one that gives up: it is not there any more

    def _meet(self, mine, notes):
        # type: (str, List[str]) -> Agreement
        self.place.put("hello." + mine, written(self.me.fields()))
        welcome = self._await("welcome." + mine)
        if welcome is None:
            return self.not_heard_of([0])
        _, word, left, listing = first_of(welcome, "welcome")[:4]
        self.end = max(self.end, ticks() + min(float(left), self.within_s) + _AFTER_S)
        if listing != self.me.listing:
            self.place.put("listing." + self.me.listing, self.listing)
        notes.append("ack.%s.%s" % (mine, word))
        self.place.put(notes[-1], written([]))
        self.pause_s = _FIRST_S
        final = self._await("final." + word)
        if final is None:
            acks = [each.split(".") for each in self.place.names() if each.startswith("ack.")]
            heard = {each[1] for each in acks if each[-1] == word}
            missing = [rank for rank in range(1, self.me.size) if str(rank) not in heard]
            return self.not_heard_of(missing or [0])
        return self._taken(final)

    def _await(self, name):
        # type: (str) -> Optional[Fields]
        """A note, as soon as it is there; None where it does not come in time."""
        while True:
            text = self.place.get(name)
            if text is not None:
                return fields_in(text)
            if not self.wait():
                return None

    def _taken(self, final):
        # type: (Fields) -> Agreement
        agreement = Agreement.of(final)
        is_heard = ["heard", str(self.me.rank), self.word] in final
        if agreement.outcome == "unknown":
            return agreement
        if not is_heard:
            return Agreement("unknown", "rank 0 heard of another process that is rank %d" % self.me.rank)
        rank_0 = Member.of(final)
        if agreement.outcome == "compliant" and not is_same(rank_0, self.me):
            return Agreement("unknown", "rank 0 calls this rank the same as itself, which it is not")
        return agreement
