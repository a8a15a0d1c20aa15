"""Pruning removes what nothing reads, and never changes an answer."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from envguard.cli.commands import run
from envguard.domain.environment import Snapshot
from envguard.server.pruning import plan_pruning, prune
from envguard.server.store.layouts import newest_layout
from envguard.server.store.schema import comparisons, metadata, policies, snapshots
from envguard.wire import message_of
from tests.builders.runs import a_key, a_receipt, handed
from tests.server.asking import BAD, GOOD, POLICY, Server, a_record, a_snapshot, records

DAY_S = 24 * 3600.0
KEPT_S = 30 * DAY_S


def pruned(server: Server) -> dict[str, int]:
    told = prune(server.state, server.url, older_s=KEPT_S, now=server.service.now(), report=lambda *_: None)
    return {each.kind: each.rows for each in told.kinds}


def planned(server: Server) -> dict[str, int]:
    told = plan_pruning(server.state, server.url, older_s=KEPT_S, now=server.service.now())
    return {each.kind: each.rows for each in told.kinds}


def counted(server: Server) -> dict[str, int]:
    with server.database.reading() as connection:
        return {
            name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for name, table in metadata.tables.items()
        }


def tell_run(server: Server, number: int, snapshot: Snapshot) -> None:
    began = datetime.fromtimestamp(server.now_s, timezone.utc)
    message = message_of(handed(a_receipt(snapshot, start=began, key=a_key(number))), is_of_sender=True)
    assert server.ask("POST", "/receipts", message, token=server.admin).status == 200


def test_what_was_replaced_goes_and_what_is_there_stays(server: Server) -> None:
    server.push()
    secret = server.enrol("ws-7")
    contents = [a_snapshot(gym=f"0.{number}") for number in range(5)]
    for each in contents:
        server.report(secret, records(a_record(each)), each)
    server.push(POLICY.replace("0.26.2", "0.4"))
    server.team()
    before, answer = counted(server), server.team()
    assert before["snapshots"] == 5
    expected = {"receipts": 0, "cases": 0, "layouts": 1, "comparisons": 5, "snapshots": 4}
    assert planned(server) == expected
    assert counted(server) == before
    assert pruned(server) == expected
    assert set(pruned(server).values()) == {0}
    assert server.team() == answer
    after = counted(server)
    assert (after["snapshots"], after["policies"], after["machines"]) == (1, 2, 1)
    assert (after["snapshot_numbers"], after["snapshot_packages"]) == (1, 1)


def test_what_an_environment_last_matched_with_stays(server: Server) -> None:
    server.push()
    secret = server.enrol("ws-7")
    server.report(secret, records(a_record(GOOD)), GOOD)
    server.report(secret, records(a_record(BAD)), BAD)
    assert pruned(server)["cases"] == 1
    assert (counted(server)["snapshots"], counted(server)["cases"]) == (2, 1)
    assert server.team().machines[0].environments[0].findings[0].moved == "machine"


@pytest.mark.parametrize(
    ("rules", "gone"), [("", 1), ("machine: {kernel: '>=3'}", 0)], ids=["unread", "read"]
)
def test_comparisons_kept_by_facts_that_nothing_reads_go(server: Server, rules: str, gone: int) -> None:
    server.push(f"{POLICY}{rules}\n")
    server.report(server.enrol("ws-7"), records(a_record(GOOD)), GOOD)
    with server.database.writing() as connection:
        kept = connection.execute(sa.select(comparisons)).mappings().one()
        connection.execute(comparisons.insert().values({**kept, "facts": "sha256:" + "0" * 64}))
    assert pruned(server)["comparisons"] == gone


def test_old_layouts_go_once_no_machine_waits_for_them(server: Server) -> None:
    server.push()
    server.report(server.enrol("ws-7"), records(a_record(GOOD)), GOOD)
    server.push(POLICY.replace('"*"', '"/srv/*"'))
    server.push(POLICY)
    before = server.team()
    newest = newest_layout_of(server)
    pruned(server)
    assert (counted(server)["layouts"], newest_layout_of(server)) == (1, newest)
    assert server.team() == before


def newest_layout_of(server: Server) -> int:
    with server.database.reading() as connection:
        return newest_layout(connection).number


def test_old_runs_go_and_what_only_they_ran_in(server: Server) -> None:
    secret = server.enrol("ws-7")
    for number, content in ((1, BAD), (2, GOOD)):
        tell_run(server, number, content)
        server.put_snapshot(secret, content)
        server.now_s += 20 * DAY_S
    expected = {"receipts": 1, "cases": 0, "layouts": 0, "comparisons": 0, "snapshots": 1}
    assert planned(server) == expected
    assert pruned(server) == expected
    assert counted(server)["receipts"] == 1


def test_many_rows_go_in_bounded_batches(sqlite_server: Server) -> None:
    server, steps = sqlite_server, []
    with server.database.writing() as connection:
        rows = [{"digest": f"sha256:{number:064}", "document": b"x"} for number in range(400)]
        connection.execute(snapshots.insert(), rows)
    now = server.service.now()
    prune(server.state, None, older_s=KEPT_S, now=now, report=lambda *step: steps.append(step))
    assert steps == [
        ("snapshots", 150, 400),
        ("snapshots", 300, 400),
        ("snapshots", 400, 400),
    ]


PATHS = ("/srv/a", "/srv/b")
CONTENTS = [a_snapshot(gym=f"0.{number}") for number in range(3)] + [GOOD]
steps = st.one_of(
    st.tuples(st.just("report"), st.sampled_from(PATHS), st.sampled_from(range(len(CONTENTS)))),
    st.tuples(st.just("push"), st.sampled_from(["0.26.2", "0.1", "0.2"])),
    st.tuples(st.just("run"), st.integers(1, 9), st.sampled_from(range(len(CONTENTS)))),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 20.0, 40.0])),
    st.tuples(st.just("prune")),
)


@settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(steps, min_size=3, max_size=12))
def test_after_any_history_pruning_changes_no_answer(history: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "s")
        secret = server.enrol("ws-7")
        held: dict[str, int] = {}
        for kind, *rest in (*history, ("prune",)):
            if kind == "report":
                held[str(rest[0])] = int(str(rest[1]))
                each = [a_record(CONTENTS[number], path) for path, number in held.items()]
                server.report(secret, records(*each), CONTENTS[int(str(rest[1]))])
            elif kind == "push":
                server.push(POLICY.replace("0.26.2", str(rest[0])))
            elif kind == "run":
                content = CONTENTS[int(str(rest[1]))]
                tell_run(server, int(str(rest[0])), content)
                server.put_snapshot(secret, content)
            elif kind == "wait":
                server.now_s += float(str(rest[0])) * DAY_S
            else:
                before = answers(server)
                foretold = planned(server)
                assert pruned(server) == foretold
                assert answers(server) == before
                assert set(pruned(server).values()) == {0}
        server.database.close()


def answers(server: Server) -> list[bytes]:
    """What is asked of a server about the time that is kept."""
    since = datetime.fromtimestamp(server.now_s - KEPT_S, timezone.utc).isoformat().replace("+", "%2B")
    asked = ("/team", "/policies", f"/receipts?since={since}", f"/receipts?since={since}&with=gym")
    return [server.ask("GET", path, token=server.admin).body for path in asked]


def test_retained_history_is_named_by_the_command(
    sqlite_server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    server = sqlite_server
    server.report(server.enrol("ws-7"), records(a_record(GOOD)), GOOD)
    server.put_snapshot(server.enrol("ws-8"), BAD)
    assert run(["server", "prune", "--state", str(server.state), "--dry-run"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[2:4] for line in lines if line.split()[2] == "1"] == [["1", "snapshots"]]
    assert lines[-1] == "nothing was done"
    assert run(["server", "prune", "--state", str(server.state), "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["schema"], told["is_dry_run"]) == ("envguard/prune/1", False)
    assert run(["server", "prune", "--state", str(server.state), "--older-than", "soon"]) == 2
    assert "such as 400d" in capfd.readouterr().err
    with server.database.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(policies)) == 0
        assert connection.scalar(sa.select(sa.func.count()).select_from(comparisons)) == 0
