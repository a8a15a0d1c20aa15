"""A server of its own for each test, on each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from envguard.server.store.database import Database
from tests.server import postgresql
from tests.server.asking import Server


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgresql.Cluster]:
    why_not = postgresql.why_not()
    if why_not is not None:
        pytest.skip(why_not)
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra `postgres`)")
    with postgresql.running_cluster() as started:
        Database(started.url("postgres")).close()
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    url = None
    if request.param == "postgresql":
        url = request.getfixturevalue("cluster").emptied_database()
    made = Server(tmp_path / "state", database=url)
    yield made
    made.database.close()


@pytest.fixture
def sqlite_server(tmp_path: Path) -> Iterator[Server]:
    """For what is true of files only."""
    made = Server(tmp_path / "state")
    yield made
    made.database.close()
