"""A PostgreSQL cluster of our own, for the length of the tests: no other is ever looked for or touched."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from envguard.server.store.schema import HEAD, alembic_version, metadata

_WITHIN_S = 20.0
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "autovacuum": "off",
    "logging_collector": "off",
}
DURABLE = {
    **_SETTINGS,
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "128MB",
}
"""As a team's cluster keeps what it acknowledged; for what is measured."""
_ACCOUNTS = ("postgres", "nobody")
"""As whom the programs run where the tests are root's: they refuse to be."""


def why_not() -> str | None:
    """Answer why no cluster can be started here; None where one can."""
    if _programs() is None:
        return "the programs of PostgreSQL (initdb, postgres) are absent"
    return None if os.geteuid() or _account() else f"tests run as root, and there is no {_ACCOUNTS}"


class Cluster:
    """A running cluster that listens at a Unix socket in its own folder."""

    def __init__(self, folder: Path, run: Callable[[], subprocess.Popen[bytes]]) -> None:
        """``run`` starts its processes, which are ended where it was made."""
        self.folder = folder
        self._run = run
        self._count = 0
        self._has_bare = False
        engine = sa.create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT", pool_pre_ping=True)
        self._engine = engine

    def url(self, name: str) -> str:
        """Answer the SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://envguard@/{name}?host={self.folder}"

    def new_database(self) -> str:
        """Answer the URL of one more database without tables; takes half a second."""
        self._count += 1
        name = f"test_{self._count}"
        self.tell(f"CREATE DATABASE {name}")
        return self.url(name)

    def bare_database(self) -> str:
        """Answer the URL of a database without tables, each time the same: making one takes long."""
        if not self._has_bare:
            self.tell("CREATE DATABASE bare")
            self._has_bare = True
        self.tell("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'bare'")
        engine = sa.create_engine(self.url("bare"), poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        return self.url("bare")

    def emptied_database(self) -> str:
        """Answer the URL of the one database that tests share, without a row in it."""
        self.tell(";".join(f"DELETE FROM {table}" for table in reversed(metadata.sorted_tables)))
        self.tell(f"UPDATE {alembic_version} SET version_num = '{HEAD}'")
        return self.url("postgres")

    def tell(self, statement: str) -> Any:
        """Run a statement as the cluster's owner; answer the first value of what came back."""
        with self._engine.connect() as connection:
            found = connection.exec_driver_sql(statement)
            return found.scalar() if found.returns_rows else None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process = self._run()
        deadline = time.monotonic() + _WITHIN_S
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "the cluster does not answer"
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it as its operator would: connections are ended, what was committed is kept."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(_WITHIN_S)

    def _answers(self) -> bool:
        try:
            self.tell("SELECT 1")
        except sa.exc.OperationalError:
            return False
        return True

    def close(self) -> None:
        """Close our own connections."""
        self._engine.dispose()


@contextlib.contextmanager
def running_cluster(chosen: Mapping[str, str] = _SETTINGS) -> Iterator[Cluster]:
    """Start a cluster in a new folder; it is stopped and removed at the end, whatever happens."""
    programs, account = _programs(), _account()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="envguard-pg-"))
    try:
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        initdb = [programs / "initdb", "-D", folder / "d", "-U", "envguard", "-A", "trust", "-E", "UTF8"]
        _run([*map(str, initdb), "--locale=C", "--no-sync"], account)
        settings = [word for key, value in chosen.items() for word in ("-c", f"{key}={value}")]
        command = [str(programs / "postgres"), "-D", str(folder / "d"), "-k", str(folder), *settings]
        with contextlib.ExitStack() as running:
            child = partial(_child, command, account, folder / "log")
            cluster = Cluster(folder, lambda: running.enter_context(child()))
            try:
                cluster.start()
                yield cluster
            finally:
                cluster.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _child(
    command: Sequence[str], account: pwd.struct_passwd | None, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    # Killed tests stop nothing: the kernel then tells the cluster, where util-linux can ask it to.
    setpriv = shutil.which("setpriv")
    tied = [setpriv, "--pdeathsig", "QUIT", "--"] if setpriv else []
    with (
        log.open("wb") as file,
        subprocess.Popen([*tied, *command], stdout=file, stderr=file, cwd="/", **_as(account)) as process,
    ):
        try:
            yield process
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: what it keeps is removed anyway
            try:
                process.wait(_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _run(command: Sequence[str], account: pwd.struct_passwd | None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False, **_as(account))
    assert done.returncode == 0, done.stderr


def _as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _account() -> pwd.struct_passwd | None:
    """Answer as whom to run the programs; None: as ourselves."""
    if os.geteuid():
        return None
    for name in _ACCOUNTS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return None


def _programs() -> Path | None:
    on_path = shutil.which("initdb")
    places = [Path(on_path).parent] if on_path else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next(
        (each for each in places if (each / "initdb").exists() and (each / "postgres").exists()), None
    )
