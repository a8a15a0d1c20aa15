"""The team as lists: what is on the pages is what the report says, each row once."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pytest

from envguard.domain.environment import Snapshot
from envguard.server.store.machines import enrol
from envguard.server.store.schema import snapshots
from envguard.server.tokens import digest_of_secret
from envguard.wire import EnrolRequest, TeamMachine, TeamReport
from tests.server.asking import POLICY, Server, a_record, a_snapshot, records, says

VISION = POLICY.replace("rl-team", "vision").replace('"*"', '"kernel:vision"')
CONTENTS = (
    a_snapshot(gym="0.26.2", numpy="1.26.4"),
    a_snapshot(gym="0.25.2", numpy="2.1.0"),
    a_snapshot(gym="0.25.2", numpy="2.2.0rc1"),
    a_snapshot(numpy="2.1.0", torch="2.4.0+cu121"),
    a_snapshot(gym="0.26.2"),
)
LISTS = ("machines", "environments", "findings", "packages/numpy")


def populate(server: Server, seed: int, machines: int = 12) -> None:
    """Let machines with environments join; some stay silent, some never send what they have."""
    dice = random.Random(seed)
    for text in (POLICY.replace('["*"]', '["/rl/*"]'), VISION.replace("kernel:vision", "/vision/*")):
        server.push(text)
    for number in dice.sample(range(100), machines):
        labels = {"gpu": dice.choice(["a100", "h100"])} if dice.random() < 0.5 else {}
        secret = server.enrol(f"{dice.choice(['ws', 'lab'])}-{number}", **labels)
        kept: dict[str, Snapshot] = {}
        for place in dice.sample(["/rl/a", "/rl/b", "/vision/a", "/vision/b", "/other/a"], dice.randrange(4)):
            kept[place] = dice.choice(CONTENTS)
        told = records(*(a_record(content, place) for place, content in kept.items()))
        server.report(secret, told, *(each for each in kept.values() if dice.random() < 0.9))
        server.now_s += dice.choice([0, 0, 40])


def pages(server: Server, path: str, token: str | None = None, **asked: object) -> Iterator[dict[str, Any]]:
    """Yield each page of a list, to its end."""
    cursor = None
    while True:
        query = urlencode({**asked, **({"cursor": cursor} if cursor else {})}, doseq=True)
        answer = server.ask("GET", f"/team/{path}?{query}", token=token or server.admin)
        assert answer.status == 200, answer
        page = answer.json()
        yield page
        cursor = page["next"]
        assert (cursor is not None) == ("link" in answer.headers)
        if cursor is None:
            return


def rows(server: Server, path: str, token: str | None = None, **asked: object) -> list[dict[str, Any]]:
    return [row for page in pages(server, path, token, **asked) for row in page["rows"]]


def machines_of(report: TeamReport, asked: dict[str, str]) -> list[TeamMachine]:
    return [
        each
        for each in report.machines
        if asked.get("state") in (None, each.state) and asked.get("verdict") in (None, each.verdict)
    ]


FILTERS: tuple[dict[str, str], ...] = (
    {},
    {"verdict": "drifted"},
    {"verdict": "unknown", "state": "stale"},
    {"policy": "vision"},
    {"policy": "rl-team", "verdict": "compliant"},
)


ASKED: tuple[tuple[str, dict[str, Any], list[str]], ...] = (
    ("machines", {"name": "ws-*"}, ["ws-7", "ws-9"]),
    ("machines", {"machine": "ws-9"}, ["ws-9"]),
    ("machines", {"machine": "ws-*"}, []),
    ("machines", {"label": "gpu"}, ["ws-7"]),
    ("machines", {"label": ["gpu=a*", "gpu=*00"]}, ["ws-7"]),
    ("machines", {"label": ["gpu", "rack"]}, []),
    ("machines", {"state": "stale"}, []),
    ("environments", {"with": "numpy>=2"}, ["lab-1", "ws-9"]),
    ("environments", {"with": "torch"}, ["lab-1"]),
    ("environments", {"with": "nothing"}, []),
    ("environments", {"kind": "conda"}, []),
    ("findings", {"kind": "missing"}, ["lab-1"]),
    ("findings", {"package": "gym", "severity": "error"}, ["lab-1", "ws-9"]),
    ("findings", {"waived": "1"}, []),
    ("findings", {"waived": "false", "name": "ws*"}, ["ws-9"]),
    ("packages/numpy", {}, ["lab-1", "ws-7", "ws-9"]),
    ("packages/NumPy", {"version": ">=2"}, ["lab-1", "ws-9"]),
    ("packages/numpy", {"version": "<2", "label": "gpu"}, ["ws-7"]),
    ("packages/numpy", {"name": "lab*"}, ["lab-1"]),
    ("packages/numpy", {"machine": "ws-7"}, ["ws-7"]),
    ("packages/absent", {}, []),
)


class TestPages:
    @pytest.mark.parametrize("seed", [1, 2])
    def test_each_row_of_the_report_is_on_one_page_and_is_counted(self, server: Server, seed: int) -> None:
        populate(server, seed)
        for number, asked in enumerate(FILTERS):
            limit = 3 + (seed + number) % 5
            report = server.team(f"?policy={asked['policy']}" if "policy" in asked else "")
            found = [row["machine"] for row in rows(server, "machines", limit=limit, **asked)]
            assert found == [each.name for each in machines_of(report, asked)]
            environments = [
                (machine.name, each.path, each.verdict, each.policy)
                for machine in report.machines
                if asked.get("state") in (None, machine.state)
                for each in machine.environments
                if asked.get("verdict") in (None, each.verdict)
            ]
            listed = rows(server, "environments", limit=limit, **asked)
            told = [
                (each["machine"], each["environment"], each["verdict"], each["policy"]) for each in listed
            ]
            assert sorted(told) == sorted(environments)
            findings = rows(server, "findings", limit=limit, **asked)
            assert len(findings) == sum(
                len(each.findings)
                for machine in report.machines
                if asked.get("state") in (None, machine.state)
                for each in machine.environments
                if asked.get("verdict") in (None, each.verdict)
            )
            for path, count in (
                ("machines", len(found)),
                ("environments", len(told)),
                ("findings", len(findings)),
            ):
                assert next(pages(server, path, limit=2, count=1, **asked))["count"] == count

    def test_counts_of_the_report_are_those_of_the_list(self, server: Server) -> None:
        populate(server, 4)
        summary = server.team().summary
        for verdict in ("compliant", "drifted", "unknown", "unmanaged"):
            page = next(pages(server, "machines", verdict=verdict, count="true", limit=1))
            assert page["count"] == getattr(summary, verdict)

    def test_rows_that_stay_are_each_on_one_page_while_others_come_and_go(self, server: Server) -> None:
        server.push()
        secrets = {name: server.enrol(name) for name in ("b", "d", "f", "h")}
        for secret in secrets.values():
            server.report(secret, records(a_record(CONTENTS[1])), CONTENTS[1])
        seen = []
        for page in pages(server, "environments", limit=1):
            seen += [row["machine"] for row in page["rows"]]
            if seen == ["b"]:
                server.report(server.enrol("a"), records(a_record(CONTENTS[1])))
                server.report(server.enrol("c"), records(a_record(CONTENTS[1])))
                server.report(secrets["d"], records())
        assert seen == ["b", "c", "f", "h"]

    def test_a_filter_that_lets_little_through_ends_a_page_early(self, sqlite_server: Server) -> None:
        with sqlite_server.database.writing() as connection:
            for number in range(1_150):
                message = EnrolRequest(token="", machine=f"m{number}", name=f"ws-{number:04}")
                enrol(connection, message, digest_of_secret(str(number)), sqlite_server.now_s)
        sizes = [len(page["rows"]) for page in pages(sqlite_server, "machines", verdict="compliant")]
        assert sizes == [0, 0]
        named = [len(page["rows"]) for page in pages(sqlite_server, "machines", name="ws-11*", limit=40)]
        assert named == [0, 40, 10]
        assert len(rows(sqlite_server, "machines", limit=500)) == 1_150


class TestFilters:
    def test_only_what_is_asked_for_is_listed(self, server: Server) -> None:
        server.push()
        labels = {"gpu": "a100"}
        for name, content in (("ws-7", CONTENTS[0]), ("ws-9", CONTENTS[1]), ("lab-1", CONTENTS[3])):
            secret = server.enrol(name, **(labels if name == "ws-7" else {}))
            server.report(secret, records(a_record(content)), content)
        for path, asked, found in ASKED:
            listed = [row["machine"] for row in rows(server, path, **asked)]
            assert (path, asked, listed) == (path, asked, found)
            assert next(pages(server, path, count=1, **asked))["count"] == len(found)

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("machines?verdct=drifted", "unknown field `verdct`"),
            ("machines?verdict=bad", "Invalid enum value 'bad' - at `verdict`"),
            ("machines?limit=0", "`limit`"),
            ("machines?limit=501", "`limit`"),
            ("machines?limit=many", "`limit`"),
            ("machines?limit=1&limit=2", "given twice: limit"),
            ("machines?name=", "`name`"),
            ("machines?name=%00", "cannot be printed: name"),
            ("machines?cursor=nonsense", "not the `next` of a page"),
            ("machines?cursor=WyJcdTAwMDAiXQ", "not the `next` of a page"),
            ("environments?with=numpy%3E%3E2", "not a package with its versions: with"),
            ("packages/numpy?version=2.1", "not a package with its versions: version"),
            ("packages/nu%00mpy", "not a package"),
            ("packages/numpy?with=gym", "unknown field `with`"),
        ],
    )
    def test_what_cannot_be_meant_is_refused_by_its_name(
        self, sqlite_server: Server, query: str, words: str
    ) -> None:
        says(sqlite_server.ask("GET", f"/team/{query}", token=sqlite_server.admin), 400, words)

    @pytest.mark.parametrize("path", LISTS)
    def test_a_machine_is_told_of_itself_alone(self, sqlite_server: Server, path: str) -> None:
        sqlite_server.push()
        secret, other = (sqlite_server.enrol(name) for name in ("ws-9", "ws-7"))
        for each in (secret, other):
            sqlite_server.report(each, records(a_record(CONTENTS[1])), CONTENTS[1])
        found = rows(sqlite_server, path, secret, limit=1)
        assert {row["machine"] for row in found} == {"ws-9"}
        assert next(pages(sqlite_server, path, secret, count=1))["count"] == len(found)
        assert rows(sqlite_server, path, secret, machine="ws-7") == []
        assert sqlite_server.ask("GET", f"/team/{path}").status == 401


class TestPackages:
    def test_a_version_that_is_installed_twice_is_one_row(self, server: Server) -> None:
        twice = msgspec.structs.replace(CONTENTS[0], packages=(*CONTENTS[0].packages, *CONTENTS[1].packages))
        secret = server.enrol("ws-7")
        server.report(secret, records(a_record(twice)), twice)
        assert [row["versions"] for row in rows(server, "packages/numpy")] == [["1.26.4", "2.1.0"]]
        assert [row["versions"] for row in rows(server, "packages/numpy", version=">=2")] == [["2.1.0"]]

    def test_names_that_no_database_takes_are_kept_and_not_looked_for(self, server: Server) -> None:
        odd = a_snapshot(**{"gym": "0.26.2", "n" * 201: "1", "long": "1" * 5_000})
        server.report(server.enrol("ws-7"), records(a_record(odd)), odd)
        assert [row["machine"] for row in rows(server, "packages/gym")] == ["ws-7"]
        assert rows(server, "packages/long") == []

    def test_nothing_of_a_snapshot_that_was_removed_is_taken_for_the_next(self, server: Server) -> None:
        first, second = a_snapshot(gym="0.26.2"), a_snapshot(numpy="2.1.0")
        secret = server.enrol("ws-7")
        server.report(secret, records(a_record(first)), first)
        with server.database.writing() as connection:
            connection.execute(snapshots.delete())
        server.report(secret, records(a_record(second)), second)
        assert (rows(server, "packages/gym"), len(rows(server, "packages/numpy"))) == ([], 1)

    def test_pages_of_many_are_those_of_few(self, server: Server) -> None:
        for number in range(7):
            content = CONTENTS[number % 2]
            told = records(a_record(content, "/rl/a"), a_record(content, "/rl/b"))
            server.report(server.enrol(f"ws-{number}"), told, content)
        whole = rows(server, "packages/numpy")
        assert len(whole) == 14
        for limit in (1, 3, 14):
            assert rows(server, "packages/numpy", limit=limit) == whole


class TestCsv:
    def test_it_has_the_rows_of_the_json(self, server: Server) -> None:
        populate(server, 5)
        for path in LISTS:
            [page] = pages(server, path, limit=500)
            answer = server.ask("GET", f"/team/{path}?limit=500&format=csv&count=1", token=server.admin)
            assert answer.headers["content-type"] == "text/csv; charset=utf-8"
            assert answer.headers["envguard-count"] == str(len(page["rows"]))
            [columns, *lines] = csv.reader(io.StringIO(answer.body.decode()))
            assert len(lines) == len(page["rows"])
            for line, row in zip(lines, page["rows"], strict=True):
                assert columns == list(row)
                assert line[columns.index("machine")] == row["machine"]

    @pytest.mark.parametrize(
        ("accept", "kind"),
        [
            ("text/csv", "text/csv"),
            ("text/csv;q=0.9, */*;q=0.1", "text/csv"),
            ("application/json, text/csv", "application/json"),
            ("*/*", "application/json"),
        ],
    )
    def test_it_is_what_the_client_prefers(self, sqlite_server: Server, accept: str, kind: str) -> None:
        answer = sqlite_server.ask("GET", "/team/machines", token=sqlite_server.admin, accept=accept)
        assert answer.headers["content-type"].split(";")[0] == kind
        asked = sqlite_server.ask(
            "GET", "/team/machines?format=json", token=sqlite_server.admin, accept=accept
        )
        assert asked.headers["content-type"] == "application/json"

    def test_the_link_leads_to_the_next_page_of_the_same(self, sqlite_server: Server) -> None:
        for name in ("ws-1", "ws-2", "lab"):
            sqlite_server.enrol(name)
        asked = f"/team/machines?format=csv&limit=1&name={quote('ws-*')}"
        answer = sqlite_server.ask("GET", asked, token=sqlite_server.admin)
        link = answer.headers["link"].split(">")[0].removeprefix("</api/v1")
        second = sqlite_server.ask("GET", link, token=sqlite_server.admin)
        assert second.body.decode().splitlines()[1].startswith('"ws-2"')
        assert "link" not in second.headers
