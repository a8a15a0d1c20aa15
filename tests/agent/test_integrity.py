"""The slow schedule, by a clock of its own; and once through the real child."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest

from envguard.agent.integrity import Check, check_environment, latest_moment, merged, with_integrity
from envguard.agent.scanner import scan_in_child
from envguard.domain.binding import BoundScan
from envguard.domain.environment import Environment, Integrity, Scan
from envguard.errors import InventoryError
from envguard.inventory import read_environment
from envguard.state import State, open_state
from tests.builders.documents import FACTS, a_snapshot, an_environment
from tests.builders.environments import install, make_venv, site_packages

START = datetime(2026, 11, 23, 17, tzinfo=timezone.utc)
ROUND = timedelta(minutes=15)
DAY = timedelta(days=1)


class Looks:
    """A check that finds gym modified, and remembers whom it looked at and when."""

    def __init__(self) -> None:
        self.at: list[tuple[str, datetime]] = []
        self.before: list[Integrity | None] = []

    def __call__(self, environment: Environment, before: Integrity | None, now: datetime) -> Integrity:
        self.at.append((environment.record.path, now))
        self.before.append(before)
        return Integrity(now, ("gym",))


def an_env(name: str, *, gym: str = "0.26.2") -> Environment:
    environment = an_environment(a_snapshot(gym=gym))
    return with_record(environment, path=f"/home/ann/{name}/.venv")


def with_record(environment: Environment, **fields: object) -> Environment:
    return msgspec.structs.replace(environment, record=msgspec.structs.replace(environment.record, **fields))


def a_look(*environments: Environment, is_incomplete: bool = False) -> BoundScan:
    return BoundScan(Scan(FACTS, environments, is_incomplete=is_incomplete))


@pytest.fixture
def state(tmp_path: Path) -> State:
    return open_state(tmp_path / "state")


def known(bound: BoundScan) -> list[Integrity | None]:
    return [each.record.integrity for each in bound.scan.environments]


def rounds(state: State, check: Check, *environments: Environment, since: datetime, count: int) -> BoundScan:
    """Do so many rounds and answer the last look."""
    bound = a_look(*environments)
    for number in range(count):
        bound = with_integrity(a_look(*environments), state, now=since + number * ROUND, check=check)
    return bound


def test_one_environment_a_round_until_all_were_looked_at(state: State) -> None:
    looks = Looks()
    environments = [an_env(name) for name in "abc"]
    first = with_integrity(a_look(*environments), state, now=START, check=looks)
    assert [integrity is not None for integrity in known(first)].count(True) == 1
    last = rounds(state, looks, *environments, since=START + ROUND, count=2)
    assert {path for path, _ in looks.at} == {each.record.path for each in environments}
    assert None not in known(last)


def test_each_once_a_day_and_not_all_at_one_time(state: State) -> None:
    looks = Looks()
    environments = [an_env(f"project-{number}") for number in range(12)]
    rounds(state, looks, *environments, since=START, count=96)
    del looks.at[:]
    rounds(state, looks, *environments, since=START + DAY, count=3 * 96)
    assert set(Counter(path for path, _ in looks.at).values()) == {3}
    hours = Counter(at.hour for _, at in looks.at)
    assert max(hours.values()) < len(looks.at) / 2
    assert len({at for _, at in looks.at}) == len(looks.at)


def test_what_was_found_stays_between_the_looks(state: State) -> None:
    looks = Looks()
    with_integrity(a_look(an_env("a")), state, now=START, check=looks)
    moment = latest_moment("/home/ann/a/.venv", START) + DAY
    before = rounds(state, looks, an_env("a"), since=moment - ROUND, count=1)
    assert known(before) == [Integrity(START, ("gym",))]
    after = rounds(state, looks, an_env("a"), since=moment, count=1)
    assert known(after) == [Integrity(moment, ("gym",))]


def test_a_moment_that_passed_in_sleep_is_made_up_for(state: State) -> None:
    looks = Looks()
    rounds(state, looks, an_env("a"), since=START, count=1)
    rounds(state, looks, an_env("a"), since=START + 10 * DAY, count=5)
    assert [at for _, at in looks.at] == [START, START + 10 * DAY]


def test_a_result_is_dropped_with_the_content_that_it_was_of(state: State) -> None:
    looks = Looks()
    moment = latest_moment("/home/ann/a/.venv", START) + timedelta(minutes=1)
    with_integrity(a_look(an_env("a")), state, now=moment, check=looks)
    upgraded = an_env("a", gym="0.27")
    assert known(rounds(state, looks, upgraded, since=moment + ROUND, count=3)) == [None]
    assert known(rounds(state, looks, upgraded, since=moment + 4 * ROUND, count=1)) != [None]
    assert looks.before == [None, None]
    assert len(looks.at) == 2


def test_an_environment_that_changes_all_the_time_is_looked_at_once_an_hour(state: State) -> None:
    looks = Looks()
    for number in range(4 * 12):
        environment = an_env("a", gym=str(number))
        with_integrity(a_look(environment), state, now=START + number * ROUND, check=looks)
    assert 12 <= len(looks.at) <= 13


def test_a_try_that_takes_the_scan_with_it_is_not_repeated_before_the_next_day(state: State) -> None:
    class KilledError(BaseException):
        pass

    def hang(_environment: Environment, _before: Integrity | None, _now: datetime) -> Integrity:
        raise KilledError

    moment = latest_moment("/home/ann/a/.venv", START)
    with pytest.raises(KilledError):
        with_integrity(a_look(an_env("a")), state, now=moment, check=hang)
    looks = Looks()
    assert known(rounds(state, looks, an_env("a"), since=moment + ROUND, count=95)) == [None]
    assert looks.at == []
    rounds(state, looks, an_env("a"), since=moment + DAY, count=1)
    assert len(looks.at) == 1


def test_an_environment_that_is_gone_by_then_ends_nothing(state: State) -> None:
    def gone(_environment: Environment, _before: Integrity | None, _now: datetime) -> Integrity:
        raise InventoryError("no such file or folder")

    assert known(with_integrity(a_look(an_env("a")), state, now=START, check=gone)) == [None]


def test_what_vanished_is_forgotten_but_not_after_half_a_look(state: State) -> None:
    with_integrity(a_look(an_env("a")), state, now=START, check=Looks())
    with_integrity(a_look(is_incomplete=True), state, now=START, check=Looks())
    assert list(state.checks()) == ["/home/ann/a/.venv"]
    with_integrity(a_look(), state, now=START, check=Looks())
    assert state.checks() == {}


def test_a_clock_that_was_set_back_does_not_stop_the_schedule(state: State) -> None:
    looks = Looks()
    with_integrity(a_look(an_env("a")), state, now=START + 1000 * DAY, check=looks)
    rounds(state, looks, an_env("a"), since=START, count=3)
    assert [at for _, at in looks.at] == [START + 1000 * DAY, START]


def test_shared_file_systems_are_left_alone(state: State) -> None:
    looks = Looks()
    shared = with_record(an_env("a"), shared_as="nfs:host:/home/ann/a/.venv")
    rounds(state, looks, shared, since=START, count=100)
    assert looks.at == []


def test_a_broken_or_unwritable_file_of_ours_does_not_end_the_round(state: State, tmp_path: Path) -> None:
    (state.path / "integrity.json").write_bytes(b"\0")
    assert known(with_integrity(a_look(an_env("a")), state, now=START, check=Looks())) != [None]
    nowhere = State(tmp_path / "nowhere")
    looks = Looks()
    assert known(with_integrity(a_look(an_env("a")), nowhere, now=START, check=looks)) == [None]
    assert looks.at == []


def test_the_moment_is_the_last_one_whatever_the_time() -> None:
    for minutes in range(0, 3 * 1440, 7):
        now = START + timedelta(minutes=minutes)
        assert now - DAY < latest_moment("/home/ann/a/.venv", now) <= now


def test_unchecked_packages_keep_what_sizes_and_the_last_look_tell() -> None:
    before = Integrity(START, ("gym", "torch"), {"gym": ("gym.py",), "torch": ("torch.py",)})
    found = Integrity(START, ("six",), {"six": ("six.py",)}, unchecked=("numpy", "torch"))
    by_size = Integrity(START, ("numpy", "six"), {"numpy": ("numpy.py",), "six": ("six.py",)})
    files: dict[str, tuple[str, ...]] = {"numpy": ("numpy.py",), "six": ("six.py",), "torch": ("torch.py",)}
    assert merged(found, by_size, before) == Integrity(START, tuple(files), files, ("numpy", "torch"))


def test_a_real_look_finds_what_changed(tmp_path: Path) -> None:
    env = make_venv(Path(sys.executable), tmp_path / ".venv")
    (install(env, gym="1", numpy="2") / "gym.py").write_text("__version__ = '2'\n")
    assert check_environment(read_environment(env), None, START) == Integrity(
        START, ("gym",), {"gym": ("gym.py",)}
    )


def test_the_child_checks_and_keeps_it(state: State, tmp_path: Path) -> None:
    env = make_venv(Path(sys.executable), tmp_path / "roots" / ".venv")
    install(env, gym="1")
    (site_packages(env) / "gym.py").write_text("__version__ = '2'\n")
    for _ in range(2):
        (found,) = scan_in_child(state.path, [str(tmp_path / "roots")]).scan.environments
        assert found.record.integrity is not None
        assert found.record.integrity.modified == ("gym",)
        kept = state.checks()[str(env)]
        assert kept.found == found.record.integrity
