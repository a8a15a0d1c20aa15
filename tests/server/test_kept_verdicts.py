"""Kept verdicts equal judging everything anew, whatever happened before."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envguard.domain.environment import (
    EnvironmentRecord,
    Integrity,
    Problem,
    ProblemDetail,
    Project,
)
from envguard.domain.policy import PolicySource
from envguard.domain.verdict import Basis, Verdict
from envguard.server.judging import judge_batch, policy_moved
from envguard.server.reporting import KeptVerdicts, team_counts, team_report
from envguard.server.service import StoredContents, known_policies
from envguard.server.store.machines import KnownEnvironment, KnownMachine, known_machines
from envguard.server.store.policies import add_revision
from envguard.server.team import judge_machine
from envguard.wire import Goodbye
from tests.server.asking import Server, a_checkin, a_record, a_snapshot, records

HOUR_S, DAY_S = 3600, 24 * 3600
MACHINES = ("ann", "bob", "eve")
PATHS = ("/home/ann/rl/.venv", "/home/ann/old/.venv", "/srv/x")
SNAPSHOTS = (
    a_snapshot(gym="0.26.2", numpy="1.26.4"),
    a_snapshot(gym="0.25.2", numpy="1.26.4"),
    a_snapshot(gym="0.27.0", numpy="2.0.0", rl="1.0"),
    a_snapshot(Problem("unreadable", "numpy"), gym="0.26.2"),
)
LOCKS = (None, "gym==0.26.2\nnumpy==1.26.4\n", "gym==0.27.0\nnumpy==2.0.0\n")
SELECTORS = (
    '{environments: ["*"]}',
    '{environments: ["/home/**"]}',
    '{environments: ["*"], machines: ["label:gpu", "ann"]}',
)
WAIVERS = (
    "",
    "- {package: numpy, until: 2026-10-02, reason: r, approved-by: lead}",
    "- {machine: bob, package: gym, until: 2026-10-01, reason: r, approved-by: lead}",
    "- {environment: '/srv/*', package: gym, until: 2026-10-20, reason: r, approved-by: lead}",
)
SPEAKERS: tuple[tuple[str | None, ...], ...] = ((None,), ("a",), ("a",), ("b",), ("a", "b", "a"))
LABELS: tuple[dict[str, str], ...] = (
    {},
    {"gpu": "a100"},
    {"laptop": "yes"},
    {"laptop": "no"},
    {"kind": "laptop"},
)
Action = Callable[["World"], None]


class World:
    """A server, and beside it what judging everything after each step remembers."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.secrets = {name: server.enrol(name) for name in MACHINES}
        server.push()
        self.matched: dict[tuple[str, str], Basis] = {}
        self.told = dict.fromkeys(MACHINES, records())
        self.seq = 0

    def next_seq(self) -> int:
        """Answer a number that no machine has used yet."""
        self.seq += 1
        return self.seq

    def settle(self) -> None:
        """Let the background do all that waits."""
        while judge_batch(self.server.service):
            pass

    def anew(self) -> dict[str, list[Verdict]]:
        """Judge everything by nothing but records, policies and waivers, and remember what matched."""
        now = self.server.service.now()
        with self.server.database.reading() as connection:
            policies = known_policies(connection, now.timestamp())
            contents = StoredContents(connection)
            machines = [self._as_remembered(each) for each in known_machines(connection)]
            judged = {each.id: judge_machine(each, policies, contents, now) for each in machines}
        kept = {
            (machine.id, known.record.path): (
                each.basis if each.verdict.verdict == "compliant" else known.matched
            )
            for machine in machines
            for known, each in zip(machine.environments, judged[machine.id], strict=True)
        }
        retired = {place: basis for place, basis in self.matched.items() if place[0] not in judged}
        self.matched = retired | {place: basis for place, basis in kept.items() if basis is not None}
        return {machine.name: [each.verdict for each in judged[machine.id]] for machine in machines}

    def kept(self) -> dict[str, list[Verdict]]:
        with self.server.database.reading() as connection:
            verdicts = KeptVerdicts(connection, self.server.service.now())
            return {
                machine.name: [each.verdict for each in verdicts.of(machine)]
                for machine in known_machines(connection)
            }

    def _as_remembered(self, machine: KnownMachine) -> KnownMachine:
        environments = tuple(
            KnownEnvironment(each.record, self.matched.get((machine.id, each.record.path)))
            for each in machine.environments
        )
        return msgspec.structs.replace(machine, environments=environments)


LOOKED = Integrity(checked_at=datetime(2026, 9, 1, tzinfo=timezone.utc), modified=("gym",))
BROKEN = ProblemDetail("unreadable", None, "pyproject.toml:3: no string")
APART: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {"project": Project(path="/home/ann/rl", name="rl")},
    {"project": Project(path="/home/ann/rl", policy="vision")},
    {"project": Project(path="/home/ann/rl", policy="lost")},
    {"use": "rl-team"},
    {"details": (BROKEN,)},
    {"details": (BROKEN,), "use": "rl-team"},
    {"details": (ProblemDetail("unreadable", "numpy", "METADATA: no text"),)},
    {"integrity": LOOKED},
    {"integrity": msgspec.structs.replace(LOOKED, files={"gym": ("gym/core.py",)})},
)
"""In what the records of environments differ, besides their paths and contents."""


@st.composite
def a_told_record(draw: st.DrawFn, path: str) -> EnvironmentRecord:
    """What a machine says of one environment."""
    return msgspec.structs.replace(
        a_record(SNAPSHOTS[draw(st.integers(0, len(SNAPSHOTS) - 1))], path),
        **APART[draw(st.integers(0, len(APART) - 1))],
    )


@st.composite
def telling(draw: st.DrawFn, name: str | None = None) -> Action:
    machine = name or draw(st.sampled_from(MACHINES))
    paths = draw(st.lists(st.sampled_from(PATHS), min_size=2 if name else 0, max_size=3, unique=True))
    told = records(*(draw(a_told_record(path)) for path in paths), is_incomplete=draw(st.booleans()))
    known = draw(st.lists(st.integers(0, len(SNAPSHOTS) - 1), min_size=2, unique=True))

    def act(world: World) -> None:
        world.told[machine] = told
        world.server.report(world.secrets[machine], told, *(SNAPSHOTS[number] for number in known))

    return act


@st.composite
def pushing(draw: st.DrawFn) -> Action:
    name = draw(st.sampled_from(["rl-team", "rl-team", "rl-team", "vision"]))
    applies = draw(st.sampled_from([*SELECTORS, None]) if name == "rl-team" else st.sampled_from([None]))
    gym, unlisted = (
        draw(st.sampled_from(["==0.26.2", "==0.27.0"])),
        draw(st.sampled_from(["ignore", "error"])),
    )
    lock, waiver = draw(st.sampled_from(LOCKS)), draw(st.sampled_from(WAIVERS))
    lines = [
        "envguard: 1",
        f"name: {name}",
        *([] if applies is None else [f"applies-to: [{applies}]"]),
        f"unlisted: {unlisted}",
        "integrity: error",
        *([f'packages: {{gym: "{gym}"}}'] if lock is None else ["lock: r.txt", "upgrade: {grace: 2d}"]),
        *(["waivers:", waiver] if waiver else []),
    ]
    source = PolicySource(
        filename=f"{name}.yaml",
        text="\n".join([*lines, ""]),
        lock_filename=None if lock is None else "r.txt",
        lock_text=lock,
    )
    is_cut_off = draw(st.booleans())

    def act(world: World) -> None:
        if is_cut_off:  # the process ended right after it had kept the revision
            service = world.server.service
            with service.database.writing_alone() as connection:
                if add_revision(connection, name, source, service.clock(), by="ann")[1]:
                    policy_moved(connection, name, service.now())
            return
        answer = world.server.ask("POST", "/policies", source, token=world.server.admin)
        assert answer.status == 200, answer

    return act


@st.composite
def waiving(draw: st.DrawFn) -> Action:
    request = {
        "policy": "rl-team",
        "package": draw(st.sampled_from(["gym", "gym", "numpy"])),
        "machine": draw(st.sampled_from([None, "bob"])),
        "environment": draw(st.sampled_from([None, "/srv/*"])),
        "kind": draw(st.sampled_from([None, None, "modified-files", "unreadable"])),
        "reason": "r",
    }
    days = draw(st.integers(1, 3))

    def act(world: World) -> None:
        until = world.server.service.now() + timedelta(days=days)
        answer = world.server.ask("POST", "/waivers", {**request, "until": until}, token=world.server.admin)
        assert answer.status == 200, answer

    return act


def ending(number: int) -> Action:
    def act(world: World) -> None:
        listed = world.server.ask("GET", "/waivers", token=world.server.admin).json()["waivers"]
        open_ones = [each["id"] for each in listed if each["id"] is not None]
        if open_ones:
            path = f"/waivers/{open_ones[number % len(open_ones)]}/end"
            assert world.server.ask("POST", path, {}, token=world.server.admin).status == 200

    return act


@st.composite
def speaking(draw: st.DrawFn) -> Action:
    """A machine checks in; where two speakers take turns, it is a copied one."""
    machine = draw(st.sampled_from(MACHINES))
    speakers = draw(st.sampled_from(SPEAKERS))
    is_behind, is_incomplete = draw(st.booleans()), draw(st.sampled_from([None, None, True]))

    def act(world: World) -> None:
        held = records() if is_behind else world.told[machine]
        for speaker in speakers:
            seq, secret = world.next_seq(), world.secrets[machine]
            said = a_checkin(held, seq=seq, speaker=speaker, host=speaker, is_incomplete=is_incomplete)
            assert world.server.ask("POST", "/checkin", said, token=secret).status in (200, 409)

    return act


def leaving(machine: str) -> Action:
    def act(world: World) -> None:
        said = Goodbye("e1", world.next_seq())
        answer = world.server.ask("POST", "/goodbye", said, token=world.secrets[machine])
        assert answer.status in (204, 409)

    return act


def waiting(seconds: int) -> Action:
    def act(world: World) -> None:
        world.server.now_s += seconds

    return act


def joining_again(machine: str, labels: dict[str, str]) -> Action:
    def act(world: World) -> None:
        world.secrets[machine] = world.server.enrol(machine, **labels)

    return act


def retiring(machine: str, *, is_lost: bool) -> Action:
    """It is taken out, and joins again."""

    def act(world: World) -> None:
        path, wish = f"/machines/{machine}/retire", {"is_lost": is_lost}
        assert world.server.ask("POST", path, wish, token=world.server.admin).status == 200
        hold(world)
        world.secrets[machine] = world.server.enrol(machine)

    return act


def restarting(world: World) -> None:
    world.server = world.server.again()


ACTIONS = st.one_of(
    telling(),
    telling(),
    telling(),
    pushing(),
    pushing(),
    waiving(),
    st.builds(ending, st.integers(0, 5)),
    speaking(),
    speaking(),
    st.builds(leaving, st.sampled_from(MACHINES)),
    st.builds(waiting, st.sampled_from([60, 3 * 60, HOUR_S, DAY_S, 2 * DAY_S, 7 * DAY_S])),
    st.builds(joining_again, st.sampled_from(MACHINES), st.sampled_from(LABELS)),
    st.builds(retiring, st.sampled_from(MACHINES), is_lost=st.booleans()),
    st.just(restarting),
)


@contextlib.contextmanager
def a_world(database: str | None) -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Server(Path(folder) / "state", database=database))
        try:
            yield world
        finally:
            world.server.database.close()


BEGINNING = st.tuples(*(telling(name) for name in MACHINES))
HISTORIES = st.lists(ACTIONS, min_size=12, max_size=25)


def hold_history(world: World, history: Iterable[Action]) -> None:
    for act in history:
        act(world)
        hold(world)


def hold(world: World) -> None:
    world.settle()
    assert world.kept() == world.anew()
    report = team_report(world.server.service)
    assert report.pending == {}
    counts = team_counts(world.server.service)
    assert (counts.summary, counts.waiting) == (report.summary, 0)


class TestAnyHistory:
    @settings(max_examples=15)
    @given(beginning=BEGINNING, history=HISTORIES)
    def test_kept_equals_judged_anew_on_sqlite(
        self, beginning: tuple[Action, ...], history: list[Action]
    ) -> None:
        with a_world(None) as world:
            hold_history(world, (*beginning, *history))

    def test_kept_equals_judged_anew_on_postgresql(self, request: pytest.FixtureRequest) -> None:
        cluster = request.getfixturevalue("cluster")

        @settings(max_examples=2)
        @given(beginning=BEGINNING, history=HISTORIES)
        def hold(beginning: tuple[Action, ...], history: list[Action]) -> None:
            with a_world(cluster.emptied_database()) as world:
                hold_history(world, (*beginning, *history))

        hold()
