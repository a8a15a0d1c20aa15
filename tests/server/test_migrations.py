"""The chain of revisions: what it makes, what it takes over, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from envguard.errors import StateError
from envguard.server.store.database import Database
from envguard.server.store.migrations.chain import VERSIONS, Chain, Revision, shipped
from envguard.server.store.migrations.running import Position, bring_up
from envguard.server.store.preparing import Preparable, leave
from envguard.server.store.revision import is_whole, revision_of
from envguard.server.store.schema import (
    HEAD,
    alembic_version,
    environments,
    machines,
    metadata,
    schema_version,
)
from tests.server.asking import Server, a_record, a_snapshot

OLD = Path(__file__).parent / "old_tables"
"""The tables as servers made them before there was a chain, by the version that those counted."""
GOOD = a_snapshot(gym="0.26.2")
OF_A_MACHINE = {"id": "m", "name": "ws-7", "labels": b"{}", "secret_digest": "0" * 64, "seen_at": 1.0}
OF_AN_ENVIRONMENT = {
    "machine": "m",
    "path_digest": "sha256:1",
    "snapshot": "sha256:2",
    "record": msgspec.json.encode(a_record(GOOD)),
}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'x.db'}"
    made: str = request.getfixturevalue("cluster").bare_database()
    return made


def bring_up_wholly(database: Preparable, chain: Chain | None = None) -> list[Position]:
    """Bring a database up, revision by revision, also where a start would not."""
    seen: list[Position] = []

    def permit(_revision: Revision, _rows: int) -> None:
        pass

    bring_up(database.migrating, chain or shipped(), place="--database", permit=permit, report=seen.append)
    return seen


def make_old(url: str, version: int) -> None:
    """Make the tables that a server of this version left, with a machine in them."""
    database = Database(url, prepare=leave)
    kind = sa.make_url(url).get_backend_name()
    with database.writing() as connection:
        for statement in (OLD / f"{version}.{kind}.sql").read_text().split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)
        connection.execute(machines.insert().values(OF_A_MACHINE))
        connection.execute(environments.insert().values(OF_AN_ENVIRONMENT))
    database.close()


def differences(database: Database) -> list[object]:
    """In what the tables are not what ``schema.py`` says."""
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        found: list[object] = compare_metadata(context, metadata)
    return found


def test_revisions_are_one_line_numbered_from_one_to_the_head() -> None:
    numbers = [each.number for each in shipped().revisions]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert numbers[-1] == HEAD
    assert [each.name[:4] for each in sorted(VERSIONS.glob("0*.py"))] == numbers


@pytest.mark.parametrize("revision", shipped().revisions, ids=lambda each: each.number)
def test_revision_says_what_it_brings_and_how_many_rows_it_writes(revision: Revision) -> None:
    assert revision.what
    assert "\n" not in revision.what
    assert revision.fill is None or revision.rows is not None


def test_chain_makes_exactly_what_the_schema_says(url: str) -> None:
    database = Database(url, prepare=leave)
    seen = bring_up_wholly(database)
    assert list(dict.fromkeys(each.revision for each in seen)) == [
        each.number for each in shipped().revisions
    ]
    assert differences(database) == []
    with database.reading() as connection:
        assert is_whole(connection)
    assert bring_up_wholly(database) == []
    database.close()


def test_new_database_is_at_the_head_and_as_the_schema_says(url: str) -> None:
    database = Database(url)
    assert differences(database) == []
    with database.reading() as connection:
        assert is_whole(connection)
    database.close()


@pytest.mark.parametrize("version", [1, 5])
def test_tables_from_before_the_chain_are_taken_over(url: str, version: int, tmp_path: Path) -> None:
    make_old(url, version)
    server = Server(tmp_path / "s", database=url)
    assert differences(server.database) == []
    (machine,) = server.team().machines
    assert (machine.name, len(machine.environments)) == ("ws-7", 1)
    with server.database.reading() as connection:
        assert revision_of(connection) == HEAD
        assert connection.scalars(sa.select(schema_version.c.version)).all() == [6]
    server.database.close()


def test_newer_database_is_not_touched(url: str) -> None:
    database = Database(url)
    with database.writing() as connection:
        connection.execute(alembic_version.update().values(version_num="0999"))
    with pytest.raises(StateError, match="newer envguard: revision 0999") as caught:
        Database(url)
    assert caught.value.hint == "pip install --upgrade envguard"
    with database.reading() as connection:
        assert revision_of(connection) == "0999"
    database.close()


def test_database_of_another_program_is_not_touched(url: str) -> None:
    database = Database(url, prepare=leave)
    with database.writing() as connection:
        alembic_version.create(connection)
        connection.execute(alembic_version.insert().values(version_num="ae1027a6acf"))
    with pytest.raises(StateError, match="another program keeps its tables") as caught:
        Database(url)
    assert caught.value.hint == "give envguard a database of its own"
    with database.reading() as connection:
        assert sa.inspect(connection).get_table_names() == [alembic_version.name]
    database.close()


def test_start_at_the_head_does_not_import_alembic(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from envguard.server.state import open_database\n"
        "for _ in range(2): open_database(Path(sys.argv[1])).close()\n"
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path / "s")], check=False).returncode == 0
