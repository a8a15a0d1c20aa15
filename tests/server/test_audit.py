"""The audit log in the store: only added to, one chain of many writers, whatever is done to it found."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from sqlalchemy.exc import DBAPIError

from envguard.domain.audit import AuditEntry
from envguard.report.audited import VerifiedDocument, verified
from envguard.server.state import open_database
from envguard.server.store import audit
from envguard.wire import AUDIT_PAGE, AuditPage
from tests.server.asking import POLICY, Server


def pages(server: Server) -> list[AuditPage]:
    """All of the log, as a client reads it."""
    found, after = [], 0
    while True:
        answer = server.ask("GET", f"/audit?after={after}", token=server.admin)
        page = msgspec.json.decode(answer.body, type=AuditPage)
        found.append(page)
        if not page.rows:
            return found
        after = page.rows[-1].number


def look(server: Server) -> VerifiedDocument:
    return verified(pages(server))


def fill(server: Server, count: int = 5) -> None:
    for number in range(count):
        server.push(POLICY + f"# {number}\n")


def tamper(server: Server, *statements: str) -> None:
    """Do what the triggers refuse, as who owns the database can."""
    is_sqlite = server.url is None
    gone = (
        ("DROP TRIGGER audit_is_not_changed", "DROP TRIGGER audit_is_not_shortened")
        if is_sqlite
        else ("SET session_replication_role = replica",)
    )
    with server.database.writing() as connection:
        for statement in (*gone, *statements):
            connection.exec_driver_sql(statement)
        if not is_sqlite:
            connection.exec_driver_sql("SET session_replication_role = DEFAULT")


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET who = 'eve'", "DELETE FROM audit", "UPDATE audit SET at_us = at_us"]
)
def test_rows_cannot_be_changed_or_removed(server: Server, statement: str) -> None:
    fill(server)
    with pytest.raises(DBAPIError, match="only added to"), server.database.writing() as connection:
        connection.exec_driver_sql(statement)
    assert look(server).is_whole


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("UPDATE audit SET who = 'eve' WHERE number = 3", 3),
        ("UPDATE audit SET at_us = at_us + 1 WHERE number = 1", 1),
        ("DELETE FROM audit WHERE number = 4", 4),
        ("DELETE FROM audit WHERE number >= 4", 4),
        ("UPDATE audit SET number = 9 WHERE number = 2", 2),
    ],
)
def test_what_was_done_behind_the_triggers_is_found(server: Server, statement: str, number: int) -> None:
    fill(server)
    assert look(server).is_whole
    tamper(server, statement)
    found = look(server)
    assert (found.is_whole, found.broken and found.broken.number, found.rows) == (False, number, number - 1)


def test_log_that_was_made_anew_as_a_whole_has_another_head(server: Server) -> None:
    fill(server)
    noted = look(server).head
    assert verified(pages(server), noted).is_whole
    tamper(server, "DELETE FROM audit", "DELETE FROM audit_head")
    fill(server, 9)
    assert look(server).is_whole
    found = verified(pages(server), noted)
    assert (found.is_whole, found.broken and found.broken.number) == (False, noted.number)


def test_many_writers_of_two_servers_keep_one_chain(server: Server) -> None:
    other = open_database(server.state, server.url)
    before = look(server).rows

    def write(number: int) -> None:
        database = (server.database, other)[number % 2]
        entry = AuditEntry(who=f"w{number}", role="admin", act="test.write", object="x")
        with database.writing() as connection:
            audit.record(connection, entry, server.now_s)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    other.close()
    found = look(server)
    assert (found.is_whole, found.rows) == (True, before + 40)


def test_what_is_undone_is_not_recorded(server: Server) -> None:
    before = look(server).head
    entry = AuditEntry(who="ann", role="admin", act="test.write", object="x")

    def fail_late() -> None:
        with server.database.writing() as connection:
            audit.record(connection, entry, server.now_s)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_late()
    assert look(server).head == before


def test_long_log_is_read_page_by_page(sqlite_server: Server) -> None:
    server = sqlite_server
    with server.database.writing() as connection:
        for number in range(AUDIT_PAGE + 1):
            entry = AuditEntry(who="ann", role="admin", act="test.write", object=str(number) * 200)
            audit.record(connection, entry, server.now_s + number / 3)
    found = look(server)
    assert (found.is_whole, len(pages(server))) == (True, 3)
    assert found.rows > AUDIT_PAGE
