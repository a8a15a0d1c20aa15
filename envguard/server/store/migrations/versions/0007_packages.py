"""Which snapshots have which packages."""

from __future__ import annotations

import zlib

import msgspec
import sqlalchemy as sa
from alembic.operations import Operations

from envguard.server.store.migrations.chain import Filled

revision = "0007"
down_revision = "0006"

_BATCH = 200
_LONGEST = 200

_snapshots = sa.table("snapshots", sa.column("digest"), sa.column("document"))
_numbers = sa.table("snapshot_numbers", sa.column("number"), sa.column("digest"))
_versions = sa.table("package_versions", sa.column("number"), sa.column("name"), sa.column("version"))
_held = sa.table("snapshot_packages", sa.column("snapshot"), sa.column("package"))


class _Package(msgspec.Struct, frozen=True):
    name: str
    version: str


class _Content(msgspec.Struct, frozen=True):
    packages: tuple[_Package, ...] = ()


def upgrade(op: Operations) -> None:
    """Make the tables."""
    op.create_table(
        "snapshot_numbers",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column(
            "digest",
            sa.String(71),
            sa.ForeignKey("snapshots.digest", ondelete="CASCADE"),
            nullable=False,
            unique=True,
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "package_versions",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("version", sa.String(200), nullable=False),
        sa.UniqueConstraint("name", "version"),
    )
    op.create_table(
        "snapshot_packages",
        sa.Column("package", sa.Integer, sa.ForeignKey("package_versions.number"), primary_key=True),
        sa.Column("snapshot", sa.Integer, primary_key=True),
        sqlite_with_rowid=False,
    )


def rows(connection: sa.Connection) -> int:
    """Answer how many snapshots there are."""
    return connection.scalar(sa.select(sa.func.count()).select_from(_snapshots)) or 0


def fill(connection: sa.Connection, after: str) -> Filled:
    """Write down what some snapshots have."""
    query = (
        sa.select(_snapshots).where(_snapshots.c.digest > after).order_by(_snapshots.c.digest).limit(_BATCH)
    )
    found = connection.execute(query).all()
    for row in found:
        _write(connection, row.digest, msgspec.json.decode(zlib.decompress(row.document), type=_Content))
    return Filled(found[-1].digest if len(found) == _BATCH else None, len(found))


def _write(connection: sa.Connection, digest: str, content: _Content) -> None:
    is_here = sa.select(_numbers.c.number).where(_numbers.c.digest == digest)
    if connection.scalar(is_here) is not None:
        return
    connection.execute(_numbers.insert().values(digest=digest))
    number = connection.scalar(is_here)
    pairs = sorted({(each.name, each.version) for each in content.packages if _is_kept(each)})
    packages = [_number_of(connection, name, version) for name, version in pairs]
    if packages:
        connection.execute(_held.insert(), [{"snapshot": number, "package": each} for each in packages])


def _number_of(connection: sa.Connection, name: str, version: str) -> int:
    this = (_versions.c.name == name) & (_versions.c.version == version)
    number = connection.scalar(sa.select(_versions.c.number).where(this))
    if number is None:
        connection.execute(_versions.insert().values(name=name, version=version))
        number = connection.execute(sa.select(_versions.c.number).where(this)).scalar_one()
    return int(number)


def _is_kept(package: _Package) -> bool:
    return all(len(text) <= _LONGEST and text.isprintable() for text in (package.name, package.version))
