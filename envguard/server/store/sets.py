"""Many at once in one statement: values go in as one parameter, rows come out as one document.

On the hot path it is the number of statements and of rows that costs, not what they do: each row that SQLite
hands over lets another thread run first, and that one runs for milliseconds. The two databases have different
words for it, so each statement is made for both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.selectable import NamedFromClause

T = TypeVar("T")

Dialect = str
_DIALECTS = ("sqlite", "postgresql")


class Statement:
    """A statement in the words of each database, made once: making it takes longer than running it."""

    def __init__(self, make: Callable[[Dialect], sa.Executable]) -> None:
        """Make it for every database."""
        self._made = {dialect: make(dialect) for dialect in _DIALECTS}

    def on(self, connection: sa.Connection) -> sa.Executable:
        """Answer it in the words of this connection's database."""
        return self._made[connection.dialect.name]


def is_among(column: sa.ColumnElement[str], name: str, dialect: Dialect) -> sa.ColumnElement[bool]:
    """Whether a column is one of the texts that are bound to a parameter by :func:`bound`."""
    if dialect == "postgresql":
        return column == sa.any_(sa.bindparam(name, type_=ARRAY(sa.Text)))
    each = sa.func.json_each(sa.bindparam(name, type_=sa.Text)).table_valued("value")
    return column.in_(sa.select(each.c.value))


def bound(connection: sa.Connection, values: Sequence[T]) -> Sequence[T] | str:
    """Answer the values as the one parameter that the statement takes."""
    if connection.dialect.name == "postgresql":
        return values
    return msgspec.json.encode(values).decode()


def rows_of(columns: Sequence[sa.Column[object]], dialect: Dialect) -> NamedFromClause:
    """Answer rows that come with the statement, one column each under the names of these.

    The parameters are those of :func:`bound_rows`: an array for each column, or one text for all.
    """
    if dialect == "postgresql":
        arrays = (sa.bindparam(f"said_{each.name}", type_=ARRAY(each.type)) for each in columns)
        named = (sa.column(each.name, each.type) for each in columns)
        return sa.func.unnest(*arrays).table_valued(*named).render_derived(name="said")
    each_row = sa.func.json_each(sa.bindparam("rows", type_=sa.Text)).table_valued("value")
    values = (
        sa.func.json_extract(each_row.c.value, f"$[{place}]").label(each.name)
        for place, each in enumerate(columns)
    )
    return sa.select(*values).subquery("said")


def bound_rows(
    connection: sa.Connection, columns: Sequence[sa.Column[object]], rows: Sequence[Sequence[object]]
) -> dict[str, object]:
    """Answer the parameters of :func:`rows_of`."""
    if connection.dialect.name == "postgresql":
        names = (f"said_{each.name}" for each in columns)
        return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    return {"rows": msgspec.json.encode(rows).decode()}


def as_document(query: sa.Select[tuple[object, ...]], dialect: Dialect) -> sa.Executable:
    """Answer a query whose one answer is all rows of another: a JSON array of arrays."""
    rows = query.subquery("found")
    if dialect == "postgresql":
        document = sa.func.json_agg(sa.func.json_build_array(*rows.c))
        return sa.select(sa.cast(document, sa.Text))
    return sa.select(sa.func.json_group_array(sa.func.json_array(*rows.c)))


def documents(
    connection: sa.Connection, statement: Statement, parameters: dict[str, object], kind: type[T]
) -> tuple[T, ...]:
    """Answer the rows of a statement made by :func:`as_document`, each as an array-like struct."""
    text = connection.execute(statement.on(connection), parameters).scalar()
    rows: list[object] = msgspec.json.decode(text) if text else []
    return tuple(msgspec.convert(row, kind, strict=False) for row in rows)  # SQLite's booleans are numbers
