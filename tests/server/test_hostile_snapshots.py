"""Snapshots that nobody's environment has: refused with the reason, and nothing is kept."""

from __future__ import annotations

import zlib

import msgspec
import pytest
import sqlalchemy as sa

from envguard.domain.environment import Package, Snapshot, digest_of
from envguard.server.store.schema import snapshots
from tests.server.asking import GOOD, Server, says

PACKAGES = tuple(Package(f"package-{number:06d}", "1.0.0") for number in range(200_000))


def with_packages(*packages: Package) -> Snapshot:
    return msgspec.structs.replace(GOOD, packages=packages)


@pytest.mark.parametrize(
    ("snapshot", "status", "words"),
    [
        (with_packages(Package("a" * 10_000_000, "1")), 413, "larger"),
        (with_packages(*PACKAGES), 413, "larger"),
    ],
    ids=["10 MB name", "200,000 packages"],
)
@pytest.mark.parametrize("encoding", ["identity", "deflate"])
def test_what_is_too_much_is_refused(
    sqlite_server: Server, snapshot: Snapshot, status: int, words: str, encoding: str
) -> None:
    server, plain = sqlite_server, msgspec.json.encode(snapshot)
    body = plain if encoding == "identity" else zlib.compress(plain, 1)
    answer = server.ask(
        "PUT",
        f"/snapshots/{digest_of(snapshot)}",
        body,
        token=server.enrol("ws-7"),
        content_encoding=encoding,
    )
    says(answer, status, words)
    with server.database.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(snapshots)) == 0


def test_nul_is_refused_with_its_place(server: Server) -> None:
    secret = server.enrol("ws-7")
    for odd in (Package("a\x00b", "1"), Package("b", "1\x00")):
        says(server.put_snapshot(secret, with_packages(Package("a", "1"), odd)), 400, "NUL", "$.packages[1]")


def test_long_name_is_not_the_servers_failure(server: Server) -> None:
    answer = server.put_snapshot(server.enrol("ws-7"), with_packages(Package("x" * 100_000, "1")))
    assert answer.status == 204
