"""The chain of the audit log: whatever is done to it is found, at the first place where it was done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from envguard.domain.audit import GENESIS, AuditEntry, AuditHead, AuditRow, Broken, ChainCheck, chained

START = datetime(2026, 11, 25, tzinfo=timezone.utc)
TEXTS = st.text(max_size=20)
FEW = settings(max_examples=40)


@st.composite
def entries(draw: st.DrawFn) -> AuditEntry:
    return AuditEntry(
        who=draw(TEXTS),
        role=draw(st.sampled_from(["viewer", "admin", "machine", "server"])),
        act=draw(st.sampled_from(["policy.push", "token.new"])),
        object=draw(TEXTS),
        outcome=draw(st.sampled_from(["done", "refused"])),
        request=draw(st.none() | TEXTS),
    )


@st.composite
def chains(draw: st.DrawFn, *, least: int = 1) -> tuple[AuditRow, ...]:
    head, rows = AuditHead(), []
    for entry in draw(st.lists(entries(), min_size=least, max_size=8)):
        at = START + timedelta(microseconds=draw(st.integers(0, 10**15)))
        rows.append(chained(entry, head, at))
        head = AuditHead(rows[-1].number, rows[-1].hash)
    return tuple(rows)


def check(rows: Sequence[AuditRow], head: AuditHead) -> Broken | None:
    following = ChainCheck()
    for row in rows:
        broken = following.follow(row)
        if broken is not None:
            return broken
    return following.end(head)


def head_of(rows: Sequence[AuditRow]) -> AuditHead:
    return AuditHead(rows[-1].number, rows[-1].hash) if rows else AuditHead()


@FEW
@given(chains(least=0))
def test_chain_that_nobody_touched_is_whole(rows: tuple[AuditRow, ...]) -> None:
    assert check(rows, head_of(rows)) is None


@FEW
@given(chains(), st.data())
def test_any_changed_field_is_found_there(rows: tuple[AuditRow, ...], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    field = data.draw(st.sampled_from(AuditRow.__struct_fields__))
    other = data.draw(chains().map(lambda found: getattr(found[0], field)))
    if field == "number":
        other = rows[at].number + data.draw(st.integers(1, 5))
    if field == "previous":
        other = data.draw(st.sampled_from(["1" * 64, "", GENESIS + "0"]))
    changed = msgspec.structs.replace(rows[at], **{field: other})
    if changed == rows[at]:
        return
    broken = check([*rows[:at], changed, *rows[at + 1 :]], head_of(rows))
    assert broken is not None
    assert broken.number == at + 1


@FEW
@given(chains(), st.data())
def test_any_removed_row_is_found_there(rows: tuple[AuditRow, ...], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    broken = check([*rows[:at], *rows[at + 1 :]], head_of(rows))
    assert broken is not None
    assert broken.number == at + 1


@FEW
@given(chains(least=2), st.data())
def test_any_two_swapped_rows_are_found(rows: tuple[AuditRow, ...], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(rows) - 2))
    second = data.draw(st.integers(first + 1, len(rows) - 1))
    swapped = list(rows)
    swapped[first], swapped[second] = swapped[second], swapped[first]
    broken = check(swapped, head_of(rows))
    assert broken is not None
    assert broken.number == first + 1


@FEW
@given(chains(), entries(), st.data())
def test_any_inserted_row_is_found(
    rows: tuple[AuditRow, ...], entry: AuditEntry, data: st.DataObject
) -> None:
    """Also one that is made to follow the row before it."""
    at = data.draw(st.integers(0, len(rows)))
    put_in = chained(entry, head_of(rows[:at]), START)
    assert check([*rows[:at], put_in, *rows[at:]], head_of(rows)) is not None


@FEW
@given(chains(), entries())
def test_rows_that_were_all_made_anew_have_another_head(
    rows: tuple[AuditRow, ...], entry: AuditEntry
) -> None:
    forged = chained(entry, head_of(rows[:-1]), rows[-1].at)
    is_same = msgspec.structs.replace(forged, hash="") == msgspec.structs.replace(rows[-1], hash="")
    assert (check([*rows[:-1], forged], head_of(rows)) is None) == is_same
