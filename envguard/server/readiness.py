"""Whether this process should be sent requests.

Rules
1. Ready means: the database answers within two seconds, its tables are this version's, and nobody has told
   the process to stop.
2. There is one question to the database at a time: where it hangs, those who ask wait for the same answer.
"""

from __future__ import annotations

import asyncio

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from envguard.server.store.database import Database
from envguard.server.store.revision import is_whole

WITHIN_S = 2.0


class Readiness:
    """What is remembered between two questions."""

    def __init__(self) -> None:
        """Not stopping, and never asked."""
        self.is_stopping = False
        self._asked: asyncio.Task[str | None] | None = None

    async def why_not(self, database: Database, *, within_s: float = WITHIN_S) -> str | None:
        """Answer why requests should go elsewhere; None where they may come."""
        if self.is_stopping:
            return "the server stops"
        if self._asked is None or self._asked.done():
            self._asked = asyncio.create_task(run_in_threadpool(_look, database))
        done, _ = await asyncio.wait({self._asked}, timeout=within_s)
        return self._asked.result() if done else f"the server's database did not answer within {within_s:g} s"


def _look(database: Database) -> str | None:
    try:
        with database.reading() as connection:
            is_ours = is_whole(connection)
    except SQLAlchemyError:
        return "the server's database does not answer"
    return None if is_ours else "the database's tables are another version's than the server"
