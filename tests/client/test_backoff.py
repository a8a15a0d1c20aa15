from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from envguard.client.backoff import LEVEL_LIMIT, SPREAD, Backoff, next_in_s, phase_s, retry_in_s

CHANCES = st.floats(0.0, 1.0)
INTERVALS = st.floats(1.0, 86400.0)
LEVELS = st.integers(0, LEVEL_LIMIT).map(Backoff)


@given(LEVELS, INTERVALS, CHANCES)
def test_wait_after_a_failure_is_never_over_the_interval(
    backoff: Backoff, interval_s: float, chance: float
) -> None:
    assert 0 < retry_in_s(backoff, interval_s=interval_s, chance=chance) <= interval_s


@given(LEVELS, INTERVALS, CHANCES)
def test_wait_grows_with_each_failure(backoff: Backoff, interval_s: float, chance: float) -> None:
    before = retry_in_s(backoff, interval_s=interval_s, chance=chance)
    assert retry_in_s(backoff.failed(), interval_s=interval_s, chance=chance) >= before


@given(LEVELS, INTERVALS, CHANCES, st.floats(0.0, 86400.0))
def test_retry_after_is_a_lower_bound(
    backoff: Backoff, interval_s: float, chance: float, asked_s: float
) -> None:
    assert retry_in_s(backoff, interval_s=interval_s, chance=chance, retry_after_s=asked_s) >= asked_s


@given(LEVELS)
def test_success_takes_back_one_step(backoff: Backoff) -> None:
    assert backoff.succeeded().level == max(backoff.level - 1, 0)


@given(st.text(), INTERVALS, st.floats(0.0, 4e9), CHANCES)
def test_next_turn_is_at_the_machines_phase(
    machine: str, interval_s: float, now_s: float, chance: float
) -> None:
    wait_s = next_in_s(machine, interval_s=interval_s, now_s=now_s, chance=chance)
    assert (0.5 - SPREAD) * interval_s - 1e-6 <= wait_s <= (1.5 + SPREAD) * interval_s + 1e-6
    off = (now_s + wait_s - phase_s(machine, interval_s)) % interval_s
    assert min(off, interval_s - off) <= SPREAD * interval_s + 1e-3


def test_phases_spread_over_the_interval() -> None:
    tenths = {int(phase_s(f"machine-{number}", 10.0)) for number in range(200)}
    assert tenths == set(range(10))
