"""Check-ins that are answered together: as one by one, all or none, and never more than may wait."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from envguard.domain.environment import Digest, digest_of_text
from envguard.server.api_checkin import LIMIT_BYTES, CheckinApi
from envguard.server.checkins import Answered, Asked, answer_all
from envguard.server.grouping import FullError, Group
from envguard.server.refusals import RefusalError
from envguard.server.store.machines import hold
from envguard.server.store.schema import machines, past_epochs
from envguard.server.tokens import digest_of_secret
from envguard.wire import Checkin, records_digest
from tests.server.asking import GOOD, Answer, Server, a_checkin, a_record, a_snapshot, answer, records, says
from tests.server.postgresql import Cluster

HELD = records(a_record(GOOD))
NEVER_SENT = a_snapshot(gym="0.0.1")
OTHER = digest_of_text("what the server does not have")

Said = tuple[str, str, int, Digest, bool, str | None]
"""Whose secret, its epoch, its number, the hash of the records, whether the look was cut off, who speaks."""

SAYINGS = st.lists(
    st.tuples(
        st.sampled_from(["whole", "lacking", "silent", "admin", "nobody"]),
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 4),
        st.sampled_from([records_digest(HELD), OTHER]),
        st.booleans(),
        st.sampled_from([None, "ann's", "its copy"]),
    ),
    max_size=12,
)


class Team:
    """Three machines, of which one has sent all, one lacks a snapshot, and one has sent nothing."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self.secrets = {"admin": server.admin, "nobody": "guess"}
        for each in ("whole", "lacking", "silent"):
            self.secrets[each] = server.enrol(f"{each}-{name}")
        server.report(self.secrets["whole"], HELD, GOOD)
        server.report(self.secrets["lacking"], records(a_record(NEVER_SENT)))

    def hear(self, group: Sequence[Said]) -> list[object]:
        """What a group is answered, each as far as it can be compared."""
        batch = [Asked(digest_of_secret(self.secrets[said[0]]), checkin_of(said)) for said in group]
        return [comparable(each) for each in answer_all(self.server.service, batch)]

    def kept(self) -> list[tuple[object, ...]]:
        """What is kept of the machines."""
        columns = [each for each in machines.c if each.name not in ("id", "name", "secret_digest")]
        with self.server.database.reading() as connection:
            of_team = machines.c.name.like(f"%-{self.name}")
            rows = connection.execute(sa.select(*columns).where(of_team).order_by(machines.c.name))
            epochs = connection.execute(
                sa.select(past_epochs.c.epoch, machines.c.name).join(machines).where(of_team)
            )
            return [tuple(row) for row in rows] + sorted((e, n.partition("-")[0]) for e, n in epochs)


def checkin_of(said: Said) -> Checkin:
    _, epoch, seq, digest, is_incomplete, speaker = said
    plain = a_checkin(HELD, epoch=epoch, seq=seq, is_incomplete=is_incomplete, speaker=speaker)
    return msgspec.structs.replace(plain, records=digest)


def comparable(answered: Answered) -> object:
    answer = answered.answer
    return (answer.status, answer.refusal) if isinstance(answer, RefusalError) else answer


def test_any_grouping_is_answered_and_kept_as_one_by_one(server: Server) -> None:
    alone, together = Team(server, "alone"), Team(server, "together")

    @settings(max_examples=25, deadline=None)
    @given(SAYINGS, st.lists(st.integers(1, 6), min_size=12, max_size=12))
    @example([("whole", epoch, 1, OTHER, False, None) for epoch in "aba"], [3] * 4)
    @example([("whole", epoch, 1, OTHER, False, None) for epoch in "abba"], [1, 2, 1])
    @example([("whole", "a", number, OTHER, False, "ab"[number % 2]) for number in range(4)], [4])
    def holds(sayings: list[Said], sizes: list[int]) -> None:
        forget_what_was_said(server)
        answers: list[object] = []
        for begin, end in pairwise([0, *accumulate(sizes)]):
            answers += together.hear(sayings[begin:end])
        assert answers == [answer for said in sayings for answer in alone.hear([said])]
        assert together.kept() == alone.kept()

    holds()


def forget_what_was_said(server: Server) -> None:
    with server.database.writing() as connection:
        connection.execute(past_epochs.delete())
        connection.execute(machines.update().values(epoch=None, seq=None, version=None, is_incomplete=False))
        connection.execute(machines.update().values(told_digest=machines.c.records_digest, speakers=None))


def asked_at_once(server: Server, secrets: Sequence[str]) -> list[Answer]:
    """Answer the check-ins of several machines that come in the same moment."""
    body = msgspec.json.encode(a_checkin(HELD))

    async def all_of_them() -> list[Answer]:
        headers = [{"authorization": f"Bearer {secret}"} for secret in secrets]
        return await asyncio.gather(
            *(answer(server.app, "POST", "/api/v1/checkin", body, each) for each in headers)
        )

    return asyncio.run(all_of_them())


def test_machine_that_is_let_in_anew_is_refused_by_its_old_secret_beside_others(server: Server) -> None:
    secrets = [server.enrol(f"ws-{number}") for number in range(5)]
    server.enrol("ws-2")
    assert [each.status for each in asked_at_once(server, secrets)] == [200, 200, 401, 200, 200]


def test_group_whose_database_goes_away_is_acknowledged_to_nobody(cluster: Cluster, tmp_path: Path) -> None:
    server = Server(tmp_path / "state", database=cluster.emptied_database())
    secrets = [server.enrol(f"ws-{number}") for number in range(5)]
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"

    def end_it_in_the_middle() -> None:
        deadline = time.monotonic() + 10
        while not cluster.tell(waiting) and time.monotonic() < deadline:
            time.sleep(0.01)
        cluster.tell(end)

    with server.database.writing() as connection:
        hold(connection, "id-ws-4")  # the last to be locked: the others are held already
        ending = threading.Thread(target=end_it_in_the_middle)
        ending.start()
        answers = asked_at_once(server, secrets)
        ending.join(20)
    says(answers[-1], 503, "database")
    assert int(answers[-1].headers["retry-after"]) > 0
    heard = {number for number, each in enumerate(answers) if each.status == 200}
    with server.database.reading() as connection:
        kept = connection.scalars(sa.select(machines.c.name).where(machines.c.seq.is_not(None)))
        assert set(kept) == {f"ws-{number}" for number in heard}
    assert {each.status for each in asked_at_once(server, secrets)} == {200}
    server.database.close()


def test_who_comes_while_too_many_wait_is_asked_to_come_again(server: Server) -> None:
    api, secret = CheckinApi(server.service, waiting=3), server.enrol("ws-7")
    body, headers = msgspec.json.encode(a_checkin(HELD)), {"authorization": f"Bearer {secret}"}

    async def ask() -> list[Answer]:
        with server.database.writing() as connection:  # what is ahead of them takes long
            hold(connection, "id-ws-7")
            asked = [
                asyncio.ensure_future(answer(api, "POST", "/api/v1/checkin", body, headers))
                for _ in range(12)
            ]
            await until(lambda: any(each.done() for each in asked))
        return await asyncio.gather(*asked)

    answers = asyncio.run(ask())
    api.group.close()
    refused = [each for each in answers if each.status != 200]
    assert 0 < len(answers) - len(refused) <= 6
    says(refused[0], 429, "too many machines", "later")
    assert {each.headers["retry-after"] for each in refused} == {"5"}


def test_full_disk_is_refused_and_nothing_is_lost(sqlite_server: Server) -> None:
    server = sqlite_server
    secret = server.enrol("ws-7")

    def limit(more: int) -> None:
        with server.database.writing() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + more}")

    limit(0)
    answers: list[Answer] = []
    while len(answers) < 100 and (not answers or answers[-1].status == 200):
        said = a_checkin(HELD, epoch=f"{len(answers):0200}")
        answers.append(server.ask("POST", "/checkin", said, token=secret))
    says(answers[-1], 507, "is full", "acknowledged is kept")
    limit(100)
    with server.database.reading() as connection:
        assert connection.scalar(sa.select(machines.c.epoch)) == f"{len(answers) - 2:0200}"
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    assert server.ask("POST", "/checkin", a_checkin(HELD, epoch="z"), token=secret).status == 200


def test_body_over_its_cap_is_refused_by_who_may_ask_only(sqlite_server: Server) -> None:
    server = sqlite_server
    body = b" " * (LIMIT_BYTES + 1)
    says(server.ask("POST", "/checkin", body, token=server.enrol("ws-7")), 413, "larger", str(LIMIT_BYTES))
    says(server.ask("POST", "/checkin", body, token="guess"), 401, "token")
    says(server.ask("POST", "/checkin", body, token=server.admin), 403, "machine")


class TestGroup:
    """One group at a time, each answered after its work."""

    def test_what_comes_while_a_group_is_worked_on_is_the_next_one(self) -> None:
        groups, go_on = [], threading.Event()

        def work(items: Sequence[int]) -> Sequence[int]:
            groups.append(list(items))
            assert go_on.wait(10)
            return [each * 2 for each in items]

        async def ask() -> list[int]:
            group = Group(work, at_once=3)
            waiting = [asyncio.ensure_future(group.result_of(0))]
            await until(lambda: groups == [[0]])
            waiting += [asyncio.ensure_future(group.result_of(number)) for number in range(1, 6)]
            await until(lambda: group.waiting == 5)
            go_on.set()
            try:
                return await asyncio.gather(*waiting)
            finally:
                group.close()

        assert asyncio.run(ask()) == [0, 2, 4, 6, 8, 10]
        assert groups == [[0], [1, 2, 3], [4, 5]]

    def test_who_comes_when_it_is_full_is_told_at_once(self) -> None:
        go_on = threading.Event()

        def work(items: Sequence[int]) -> Sequence[int]:
            assert go_on.wait(10)
            return items

        async def ask() -> list[object]:
            group = Group(work, waiting=2)
            waiting = [asyncio.ensure_future(group.result_of(0))]
            await until(lambda: group.waiting == 0)
            waiting += [asyncio.ensure_future(group.result_of(number)) for number in range(1, 5)]
            await until(lambda: sum(each.done() for each in waiting) == 2)
            go_on.set()
            found = await asyncio.gather(*waiting, return_exceptions=True)
            group.close()
            return [type(each) if isinstance(each, Exception) else each for each in found]

        assert asyncio.run(ask()) == [0, 1, 2, FullError, FullError]

    def test_failure_is_everybodys_and_ends_nothing(self) -> None:
        def work(items: Sequence[int]) -> Sequence[int]:
            if 0 in items:
                raise ZeroDivisionError
            return items

        async def ask() -> int:
            group = Group(work)
            with pytest.raises(ZeroDivisionError):
                await group.result_of(0)
            found = await group.result_of(1)
            group.close()
            return found

        assert asyncio.run(ask()) == 1

    def test_closing_finishes_what_waits(self) -> None:
        async def ask() -> list[int]:
            group: Group[int, int] = Group(lambda items: items)
            waiting = [asyncio.ensure_future(group.result_of(number)) for number in range(10)]
            await asyncio.sleep(0)
            await asyncio.to_thread(group.close)
            return await asyncio.gather(*waiting)

        assert asyncio.run(ask()) == list(range(10))


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(5000):
        if is_so():
            return
        await asyncio.sleep(0.002)
    pytest.fail("it did not come to that")
