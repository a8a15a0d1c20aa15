"""SQLite's one writer at a time, shared: those who wait for the write lock have one commit together.

Rules
1. Each has its turn alone, in the order of coming, and a savepoint of its own: what fails takes nothing else
   with it.
2. Who is done hands the transaction to the next that waits; the last commits, for all. Nobody waits for more
   than :data:`AT_ONCE` others.
3. Each goes on only once all of it is on disk. Where the commit fails, it fails for everyone who shared it.
4. A lone one is a plain transaction.

PostgreSQL does this by itself.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import sqlalchemy as sa

AT_ONCE = 32


class _Transaction:
    """One that several share."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        try:
            self.whole = connection.begin()
        except BaseException:
            connection.close()
            raise
        self.members = 0
        self.is_over = threading.Event()
        self.failure: BaseException | None = None

    def end(self) -> None:
        """Commit for all who shared it, and let them go on."""
        try:
            self.whole.commit()
        except BaseException as error:  # noqa: BLE001 - each who shared it raises it
            self.fail(error)
        else:
            self._leave()

    def fail(self, error: BaseException) -> None:
        """Keep nothing of it, and let all who shared it raise this."""
        self.failure = error
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            self.whole.rollback()
        self._leave()

    def _leave(self) -> None:
        self.connection.close()
        self.is_over.set()


class SharedCommits:
    """The writing transactions of one process on one SQLite file."""

    def __init__(self, engine: sa.Engine) -> None:
        """Begin transactions by this engine."""
        self._engine = engine
        self._turn = threading.Lock()
        self._count = threading.Lock()
        self._waiting = 0
        self._open: _Transaction | None = None

    @contextlib.contextmanager
    def member(self) -> Iterator[sa.Connection]:
        """Give the transaction in one's own turn; what the block did is on disk when it has ended."""
        with self._in_turn():
            shared = self._open or _Transaction(self._engine.connect())
            self._open = shared
            try:
                yield from _alone_in(shared)
            except BaseException as error:
                self._go_on_after(shared, error)
                raise
            shared.members += 1
            self._hand_on(shared)
        shared.is_over.wait()
        if shared.failure is not None:
            raise shared.failure

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Let nobody write meanwhile, and leave nothing uncommitted."""
        with self._in_turn():
            if self._open is not None:
                self._end(self._open)
            yield

    @contextlib.contextmanager
    def _in_turn(self) -> Iterator[None]:
        with self._count:
            self._waiting += 1
        with self._turn:
            with self._count:
                self._waiting -= 1
            yield

    def _hand_on(self, shared: _Transaction) -> None:
        with self._count:
            is_last = not self._waiting
        if is_last or shared.members >= AT_ONCE:
            self._end(shared)

    def _go_on_after(self, shared: _Transaction, error: BaseException) -> None:
        """Keep what the others did, unless the database has given up all of it."""
        raw = shared.connection.connection.dbapi_connection
        if not shared.members or not getattr(raw, "in_transaction", False):
            self._open = None
            shared.fail(error)
        else:
            self._hand_on(shared)

    def _end(self, shared: _Transaction) -> None:
        self._open = None
        shared.end()


def _alone_in(shared: _Transaction) -> Iterator[sa.Connection]:
    if not shared.members:
        yield shared.connection
        return
    savepoint = shared.connection.begin_nested()
    try:
        yield shared.connection
    except BaseException:
        with contextlib.suppress(sa.exc.SQLAlchemyError):  # a full disk took the savepoint away, and more
            savepoint.rollback()
        raise
    savepoint.commit()
