"""What holds for every policy that can be written, and for every text that is nearly one."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TypeVar, get_args

import jsonschema
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from envguard.domain.calendar import Calendar, CivilTime, Freeze, UpgradeWindow, Weekday, WeeklyTime
from envguard.domain.environment import is_digest
from envguard.domain.findings.finding import FindingKind
from envguard.domain.locks.lock import LockChoice
from envguard.domain.policy import (
    BeforeRun,
    Deny,
    Level,
    LockedPolicy,
    MachineRule,
    OriginRules,
    Policy,
    PythonRule,
    Require,
    Ring,
    Rules,
    Selector,
    Severity,
    UpgradeRules,
    Waiver,
)
from envguard.domain.policy_difference import policy_difference
from envguard.errors import PolicyError
from envguard.formats import parse_policy
from envguard.formats.companions import KeptFiles
from envguard.formats.policy_schema import policy_schema
from envguard.formats.write import write_policy
from tests.builders.yaml_text import as_editors_read

FOLDERS = [
    Path(__file__).resolve().parents[1] / "formats" / name for name in ("good_policies", "bad_policies")
]
FILES = {
    path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
    for folder in FOLDERS
    for path in sorted(folder.rglob("*.yaml"))
}
PIECES = sorted({word for text in FILES.values() for word in text.split()})[:400]

EDITOR = jsonschema.Draft202012Validator(policy_schema())

Item = TypeVar("Item")


def some(items: st.SearchStrategy[Item], most: int = 3) -> st.SearchStrategy[tuple[Item, ...]]:
    return st.lists(items, max_size=most).map(tuple)


def each_once(
    items: st.SearchStrategy[Item], key: Callable[[Item], str] = str
) -> st.SearchStrategy[tuple[Item, ...]]:
    """Several in order, no two of one key."""
    return st.lists(items, max_size=4, unique_by=key).map(lambda each: tuple(sorted(each, key=key)))


texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.sampled_from("\n\t"),
    min_size=1,
    max_size=30,
)
said = texts.filter(lambda text: text.strip() != "")
names = st.from_regex(r"[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,3})?", fullmatch=True)
numbers = st.lists(st.integers(0, 99), min_size=1, max_size=3).map(lambda parts: ".".join(map(str, parts)))
specifiers = st.builds("{}{}".format, st.sampled_from(["==", ">=", "<=", "~=1.", "!="]), numbers)
severities = st.sampled_from(get_args(Severity))
levels = st.sampled_from(get_args(Level))
reasons = st.none() | texts
rules = each_once(
    st.builds(
        Require,
        name=names,
        specifier=st.just("") | specifiers,
        severity=severities,
        reason=reasons,
        optional=st.booleans(),
        build=st.sampled_from([None, "cu121", "py311*_0", "123", "1.0"]),
    )
    | st.builds(Deny, name=names, severity=severities, reason=reasons),
    key=lambda rule: rule.name,
)
machine = each_once(
    st.builds(MachineRule, st.sampled_from(["glibc", "cuda"]), specifiers, severities, reasons)
    | st.builds(MachineRule, st.just("memory"), st.sampled_from([">=32GiB", "== 1 TB"]), severities, reasons)
    | st.builds(
        MachineRule, st.sampled_from(["gpu", "os"]), said.map(str.strip).filter(bool), severities, reasons
    ),
    key=lambda rule: rule.fact,
)
durations = st.integers(0, 366 * 24 * 3600)
weekly = st.builds(WeeklyTime, st.sampled_from(get_args(Weekday)), st.integers(0, 24 * 60 - 1))
zones = st.sampled_from(["UTC", "Europe/Zurich", "America/New_York"])
clocks = st.datetimes(datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2030-01-01"))


@st.composite
def freezes(draw: st.DrawFn) -> Freeze:
    start, length = draw(clocks).replace(microsecond=0), draw(st.integers(3, 60))
    until = start + timedelta(days=length)
    any_zone = st.none() | zones | st.sampled_from(["AoE", "+05:30", "-12:00"])
    if draw(st.booleans()):
        start = start.replace(hour=0, minute=0, second=0)
        return Freeze(
            start=CivilTime(start, draw(any_zone), is_day=True),
            until=CivilTime(until, draw(any_zone)),
            reason=draw(said),
        )
    return Freeze(start=CivilTime(start, draw(any_zone)), until=CivilTime(until), reason=draw(said))


@st.composite
def windows(draw: st.DrawFn) -> UpgradeWindow:
    length = draw(st.integers(1, 7 * 24 * 3600 - 1))
    every = draw(weekly)
    propose = draw(st.none() | weekly.filter(lambda time: time != every))
    cutoff = draw(st.integers(0, length - 1))
    return UpgradeWindow(every=every, length_s=length, cutoff_s=cutoff, propose=propose)


calendars = st.builds(
    Calendar, timezone=st.none() | zones, upgrade=st.none() | windows(), freezes=some(freezes())
)
patterns = st.sampled_from(["*", "ws-*", "label:gpu", "label:gpu=a100", "007"])
rings = st.lists(
    st.builds(
        Ring,
        machines=st.lists(patterns, min_size=1, max_size=3).map(tuple),
        at_once=st.none() | st.integers(1, 999_999_999),
    ),
    min_size=1,
    max_size=3,
)
upgrades = st.builds(
    UpgradeRules,
    requirements=each_once(names.map("zz-{}".format)),
    minimum_release_age_s=durations,
    indexes=st.sampled_from([("default",), ("default", "torch-cu121")]),
    only_wheels=st.booleans(),
    build_allowed=each_once(names),
    unlisted=st.sampled_from(["keep", "remove"]),
    missed=st.sampled_from(["next-start", "skip"]),
    # The last ring may soak as long as it likes: nobody waits for it.
    rings=st.builds(
        lambda rings, soak_s: (*rings[:-1], msgspec.structs.replace(rings[-1], soak_s=soak_s)),
        rings,
        durations,
    ),
    grace_s=durations,
    smoke=some(st.sampled_from(["python -c 'import gym'", "true", "# x", "a: b"])),
    halt_after_failures=st.integers(1, 999_999_999),
)
places = st.sampled_from(["*", "~", "~/rl/.venv", "/srv/**", "conda:rl"])
moments = st.datetimes(timezones=st.just(timezone.utc))
waivers = st.builds(
    Waiver,
    package=names,
    until=moments,
    reason=said,
    approved_by=said,
    machine=st.none() | said,
    environment=st.none() | places,
    kind=st.none() | st.sampled_from(get_args(FindingKind)),
)
selectors = st.builds(
    Selector,
    st.lists(places, min_size=1, max_size=2).map(tuple),
    st.lists(patterns, min_size=1, max_size=2).map(tuple),
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    lock = draw(st.none() | st.sampled_from(["pylock.toml", "../a b/1.txt"]))
    groups = st.none() | each_once(names)
    choice = draw(st.builds(LockChoice, each_once(names), groups)) if lock is not None else LockChoice()
    return Policy(
        name=draw(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,9}", fullmatch=True)),
        description=draw(reasons),
        lock=lock,
        rules=Rules(
            python=draw(
                st.builds(
                    PythonRule,
                    version=st.none() | specifiers,
                    implementation=st.none() | said,
                    free_threaded=st.none() | st.booleans(),
                )
            ),
            packages=draw(rules),
            unlisted=draw(levels),
            choice=choice,
            origins=draw(st.builds(OriginRules, editable=levels, vcs=levels, direct_url=levels)),
            integrity=draw(levels),
            broken_requirements=draw(levels),
            machine=draw(machine),
        ),
        applies_to=draw(some(selectors)),
        waivers=draw(some(waivers)),
        before_run=draw(st.sampled_from(get_args(BeforeRun))),
        calendar=draw(st.none() | calendars),
        upgrade=draw(st.none() | upgrades),
    )


class TestWhatIsWritten:
    """A policy that is written out is read as the same policy, and editors find nothing wrong with it."""

    @settings(deadline=None)
    @given(policies())
    def test_is_read_again(self, policy: Policy) -> None:
        text = write_policy(policy)
        read = parse_policy(text, filename="t.yaml")
        EDITOR.validate(as_editors_read(text))
        assert msgspec.structs.replace(read, places={}) == policy


class TestDifference:
    """Two policies have no difference if, and only if, they are equal; swapping them swaps what is told."""

    @settings(deadline=None)
    @given(policies(), policies())
    def test_is_empty_for_equals_only(self, one: Policy, other: Policy) -> None:
        a, b = LockedPolicy(policy=one, lock=None), LockedPolicy(policy=other, lock=None)
        assert policy_difference(a, a).is_empty
        assert policy_difference(a, b).is_empty is (one == other)
        swapped = {(each.key, each.after, each.before) for each in policy_difference(b, a).changes}
        assert {(each.key, each.before, each.after) for each in policy_difference(a, b).changes} == swapped

    @settings(deadline=None)
    @given(policies(), policies(), st.sampled_from(["calendar", "upgrade", "waivers", "applies_to", "rules"]))
    def test_of_one_part_is_told_under_its_key(self, one: Policy, other: Policy, part: str) -> None:
        changed = msgspec.structs.replace(one, **{part: getattr(other, part)})
        a, b = LockedPolicy(policy=one, lock=None), LockedPolicy(policy=changed, lock=None)
        roots = {each.key.partition(".")[0] for each in policy_difference(a, b).changes}
        assert policy_difference(a, b).is_empty is (one == changed)
        assert part == "rules" or roots <= {part.replace("_", "-")}


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """The text of a real policy, good or bad, with pieces cut out, doubled, or put in."""
    text = draw(st.sampled_from(sorted(FILES.values())))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        piece = draw(st.sampled_from(PIECES) | st.just(text[start:end] * 2) | st.text(max_size=3))
        text = text[:start] + piece + text[end:]
    return text


class TestAnyText:
    """A text is a policy, or a PolicyError that can be printed; and that is known soon."""

    @settings(deadline=None)  # a busy machine's clock: what is measured is the processor's time
    @given(mutations(), mutations())
    def test_near_a_policy(self, text: str, base: str) -> None:
        started = time.process_time()
        files = KeptFiles({**FILES, "bases/lab.yaml": base})
        refused: tuple[PolicyError, ...] = ()
        try:
            policy = parse_policy(text, filename="t.yaml", companions=files)
        except PolicyError as error:
            refused = error.problems or (error,)
        else:
            assert is_digest(policy.digest)
            EDITOR.validate(as_editors_read(text))
            again = parse_policy(write_policy(policy), filename="t.yaml")
            assert msgspec.structs.replace(again, places={}) == msgspec.structs.replace(
                policy, places={}, extends=()
            )
        assert time.process_time() - started < 1
        for each in refused:
            assert each.where
            assert each.what.isprintable()
            assert each.where.isprintable()
