"""The daemon: rounds, and the waits between them.

Rules
1. One agent per state directory.
2. It scans once an interval, whether the server is there or not; in between it only tries to reach it.
3. After a round that reached the server it waits as the server says; after one that did not, as the backoff
   says.
4. What nobody thought of ends a round and not the agent.
5. Who asks for a verdict that does not hold any more wants a look: there is one at once, but some seconds
   after the last at the earliest. The server hears of it in its time.
6. When it is told to stop it says goodbye to the server, in three seconds at most.
7. It is ready once it holds its state: a first round may wait minutes for a mount or for the network, and a
   service manager would take that for a failed start.
"""

from __future__ import annotations

import math
import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

from envguard.agent.publishing import Publisher, publishing
from envguard.agent.pulse import Pulse, Stopped
from envguard.agent.questions import LOOK_AGAIN_S
from envguard.agent.sync import Publish, Round, Seen
from envguard.client.backoff import Backoff, next_in_s, retry_in_s
from envguard.errors import EnvguardError, TransportError
from envguard.log import get_log
from envguard.runs.judging import Ruled
from envguard.state import State, notify
from envguard.state.runtime import runtime_directory
from envguard.state.told import ToldTeam

SHORTEST_WAIT_S = 0.5
LONGEST_WAIT_S = 24 * 3600.0

_log = get_log(__name__)


def run_once(state: State) -> None:
    """Do one round and return.

    Raises TransportError when the server is away: judged and kept is then what was seen.
    """
    with state.only_agent(), publishing(state, _runtime()) as publisher:
        once = Round(state, publish=_publishing_by(publisher))
        once.tell(once.look_and_judge())


def run_forever(
    state: State,
    *,
    pulse: Pulse | None = None,
    chance: Callable[[], float] = random.random,
    wall_clock: Callable[[], float] = time.time,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Do rounds until SIGTERM or SIGINT.

    Raises UsageError where the machine has not joined, StateError where another agent runs on this state.
    """
    beating, wanted = pulse or Pulse(), threading.Event()
    with (
        state.only_agent(),
        beating.until_signalled(),
        publishing(state, _runtime(), wanted=wanted) as publisher,
    ):
        rounds = Round(state, beat=beating.beat, publish=_publishing_by(publisher))
        daemon = _Daemon(rounds, chance, wall_clock, clock, wanted)
        try:
            notify("READY=1")
            while True:
                daemon.rest(daemon.turn(), beating)
        except Stopped:
            rounds.say_goodbye()
            _log.info("agent_stopped")
        finally:
            notify("STOPPING=1")


class _Daemon:
    """What the loop remembers from one turn to the next."""

    def __init__(
        self,
        rounds: Round,
        chance: Callable[[], float],
        wall_clock: Callable[[], float],
        clock: Callable[[], float],
        wanted: threading.Event,
    ) -> None:
        self._rounds = rounds
        self._wanted = wanted
        self._looked_at = -math.inf
        self._chance = chance
        self._wall_clock = wall_clock
        self._clock = clock
        self._backoff = Backoff()
        self._interval_s = _bounded(rounds.identity.interval_s)
        self._seen: Seen | None = None
        self._scan_at = self._contact_at = clock()

    def turn(self) -> float:
        """Scan and tell the server, each if it is time, and answer how long to wait."""
        try:
            seen = self._look()
            if self._clock() >= self._contact_at:
                self._interval_s = _bounded(self._rounds.tell(seen))
                return self._succeeded()
        except TransportError as error:
            _log.warning("server_not_reached", reason=str(error))
            self._failed(error.retry_after_s)
        except EnvguardError as error:
            _log.error("round_failed", reason=str(error))
            self._failed(None)
        except Exception as error:  # noqa: BLE001 - a bug must not leave the machine without an agent
            _log.error("round_broke", reason=f"{type(error).__name__}: {error}")
            self._failed(None)
        return max(min(self._scan_at, self._contact_at) - self._clock(), SHORTEST_WAIT_S)

    def rest(self, seconds: float, pulse: Pulse) -> None:
        """Wait until the next turn, and look in between where somebody wants it."""
        ends_at = self._clock() + seconds
        while pulse.sleep(ends_at - self._clock(), is_over=self._is_look_wanted):
            self._look_between()

    def _look_between(self) -> None:
        """Look; where the server has not heard of the last look, it hears of this one."""
        try:
            seen = self._look_anew()
            if self._seen is not None:
                self._seen = seen
        except EnvguardError as error:
            _log.error("look_failed", reason=str(error))
        except Exception as error:  # noqa: BLE001 - a bug must not leave the machine without an agent
            _log.error("look_broke", reason=f"{type(error).__name__}: {error}")

    def _look(self) -> Seen:
        """Answer a fresh look; after a failure the last one, as long as it is younger than the interval."""
        if self._seen is None or self._clock() >= self._scan_at:
            self._seen = self._look_anew()
            self._scan_at = self._clock() + self._interval_s
        return self._seen

    def _look_anew(self) -> Seen:
        """Answer a look; what is wanted from now on is wanted anew, for it may have changed behind it."""
        self._wanted.clear()
        try:
            return self._rounds.look_and_judge()
        finally:
            self._looked_at = self._clock()

    def _is_look_wanted(self) -> bool:
        return self._wanted.is_set() and self._clock() - self._looked_at >= LOOK_AGAIN_S

    def _succeeded(self) -> float:
        self._backoff = self._backoff.succeeded()
        self._seen = None
        wait_s = next_in_s(
            self._rounds.identity.machine,
            interval_s=self._interval_s,
            now_s=self._wall_clock(),
            chance=self._chance(),
        )
        return max(wait_s, SHORTEST_WAIT_S)

    def _failed(self, retry_after_s: float | None) -> None:
        """Say when to try again; a long Retry-After holds back the contact and not the scan."""
        self._backoff = self._backoff.failed()
        wait_s = retry_in_s(
            self._backoff,
            interval_s=self._interval_s,
            chance=self._chance(),
            retry_after_s=retry_after_s,
        )
        self._contact_at = self._clock() + wait_s
        if self._scan_at <= self._clock():  # the look itself failed: it waits too
            self._scan_at = self._contact_at


def _runtime() -> Path | None:
    return runtime_directory(os.environ, uid=os.geteuid())


def _publishing_by(publisher: Publisher) -> Publish:
    def publish(seen: Seen, ruled: tuple[Ruled, ...], team: ToldTeam, interval_s: float) -> None:
        publisher.publish(seen.bound, ruled, team, interval_s=interval_s, is_of_now=seen.error is None)

    return publish


def _bounded(seconds: float) -> float:
    return min(max(seconds, SHORTEST_WAIT_S), LONGEST_WAIT_S)
