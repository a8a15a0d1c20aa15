r"""What the agent answers who asks it for a verdict: one line in, some lines out.

The question is ``judge 1``, the environment's path, and the policy that must have judged it, or nothing; with
tabs between, as ``formats.verdict_lines`` writes fields. The answer is a whole verdict without notes, or
``refused``, a tab, and why.

Rules
1. Nobody hears about an environment that he may not read, not even that there is one.
2. An answer is the last verdict, if at this moment all that was noted for it is as it was. It is never made
   anew here: who wants to know more waits for the next look, or looks himself.
3. Where something changed, or is not known, the agent is wanted to look soon. An environment that no look
   finds is no reason to look again and again.
4. What lies on a network file system is not looked at here: a server that hangs would hold the answer, and
   the agent's end, for as long.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import msgspec

from envguard.agent.notes import do_notes_hold
from envguard.agent.rights import Peer, may_read
from envguard.formats.verdict_lines import Times, line_alone, text_of, whole

LOOK_AGAIN_S = 5.0
"""At least this long lies between the end of one look and another that somebody wanted."""

_IN_VAIN_AT_MOST = 256

ReadNotes = Callable[[str, str], bytes | None]
"""Answers an environment's notes of this name; None where they are not kept."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What was last said of an environment."""

    notes: str | None
    """Their name; None where the look could not be trusted to hold."""
    is_remote: bool
    policy: str | None
    """None where no single policy judged it."""
    times: Times
    lines: tuple[str, ...] = ()
    """The verdict; nothing where no single policy judged."""
    why_not: str = ""
    """The words where no single policy judged."""


class Questions:
    """Answers from what was told last; asked by many threads at once."""

    def __init__(
        self, read_notes: ReadNotes, *, wanted: threading.Event, clock: Callable[[], float] = time.time
    ) -> None:
        """``wanted`` is set where a look is due before its time."""
        self._read_notes = read_notes
        self._wanted = wanted
        self._clock = clock
        self._known: Mapping[str, Known] = {}
        self._told_at_s = 0.0
        self._in_vain: set[str] = set()

    def tell(self, known: Mapping[str, Known]) -> None:
        """Answer from these from now on, and from nothing that was told before."""
        self._told_at_s = self._clock()
        self._known = known

    def answer(self, asked: bytes, peer: Peer) -> bytes:
        """Answer a question, which is without its line's end."""
        try:
            kind, environment, policy = map(text_of, asked.decode("utf-8", "surrogateescape").split("\t"))
        except ValueError:
            return _refused("not a question that this agent understands")
        if kind != "judge 1":
            return _refused("not a question that this agent understands")
        known = self._known.get(environment)
        if known is None or not may_read(peer, environment):
            if known is None:
                self._look_for(environment)
            return _refused(f"no environment is known here that you may read: {environment}")
        return self._answer(environment, policy, known)

    def _answer(self, environment: str, policy: str, known: Known) -> bytes:
        if known.is_remote:
            return _refused("it lies on a network file system: who asks can look himself")
        notes = self._read_notes(environment, known.notes) if known.notes is not None else None
        if notes is None:
            return _refused(f"not yet known; {self._next_look()}")
        if not do_notes_hold(notes):
            return _refused(f"changed since {_hour(known.times.judged_at)}; {self._next_look()}")
        if not known.times.include(self._clock()):
            return _refused(f"not looked at since {_hour(known.times.judged_at)}; {self._next_look()}")
        if known.policy is None:
            return _refused(known.why_not)
        if policy not in ("", known.policy):
            return _refused(f"another policy judges it here: {known.policy}")
        return whole(known.lines)

    def _next_look(self) -> str:
        """Want a look, and answer when it will be."""
        self._wanted.set()
        at_s = max(self._clock(), self._told_at_s + LOOK_AGAIN_S)
        return f"the next look is at {time.strftime('%H:%M:%S', time.localtime(at_s))}"

    def _look_for(self, environment: str) -> None:
        if environment in self._in_vain:
            return
        if len(self._in_vain) >= _IN_VAIN_AT_MOST:
            self._in_vain.clear()
        self._in_vain.add(environment)
        self._wanted.set()


def _refused(words: str) -> bytes:
    return line_alone("refused", words)


def _hour(at_s: float) -> str:
    return time.strftime("%H:%M", time.localtime(at_s))
