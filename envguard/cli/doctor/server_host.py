"""A server's own machine: its database, certificates, backup and disk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from envguard.cli.doctor.looking import Look, disk
from envguard.cli.server_libraries import server_libraries
from envguard.domain.ages import age_text
from envguard.report.doctor import Checkup, bad, ok, warn

_OLD_BACKUP = timedelta(days=8)
_SOON = {"certificate": timedelta(days=5), "authority": timedelta(days=365)}
"""The server renews its own certificate ten days before its end."""


def looks_at_server_host(state: Path, database: str | None, now: datetime) -> dict[str, Look]:
    """Answer what is looked at where a server's state folder is."""
    return {
        "database": lambda: _database(state, database),
        "certificates": lambda: _certificates(state, now),
        "backup": lambda: _backup(state, now),
        "server's disk": lambda: iter([disk("server's disk", state)]),
    }


def _database(state: Path, url: str | None) -> Iterator[Checkup]:
    with server_libraries():
        from envguard.server.checking import check_database
    document = check_database(state, url, lambda _what, _done, _total: None)
    for problem in document.problems:
        yield bad("database", problem.what, problem.hint)
    if not document.problems:
        yield ok("database", f"{document.engine}, revision {document.revision}, sound")


def _certificates(state: Path, now: datetime) -> Iterator[Checkup]:
    with server_libraries():
        from envguard.server.tls.interface import AUTHORITY_FILE, CERTIFICATE_FILE
        from envguard.server.tls.making import validity_of

    def ends_at(path: Path) -> datetime | None:
        try:
            return validity_of(path.read_text(encoding="ascii")).ends_at
        except ValueError:
            return None

    files = {"certificate": state / CERTIFICATE_FILE, "authority": state / AUTHORITY_FILE}
    for name, path in files.items():
        if path.exists():
            yield _lasts(name, path, ends_at(path), now)


def _lasts(name: str, path: Path, ends_at: datetime | None, now: datetime) -> Checkup:
    if ends_at is None:
        return bad(name, f"it is damaged: {path}", "put it back from a backup: envguard server restore")
    left = ends_at - now
    found = f"{left.days} days left"
    if left < timedelta():
        return bad(name, "it has ended", "does a server run here? it makes its own certificate anew")
    if left < _SOON[name]:
        return warn(name, found, "does a server run here? docs/operating.md, `Certificates of its own`")
    return ok(name, found)


def _backup(state: Path, now: datetime) -> Iterator[Checkup]:
    with server_libraries():
        from envguard.server.saving.backup import last_backup
    last, hint = last_backup(state), "envguard server backup DIR, daily by a timer"
    if last is None:
        yield warn("backup", "none is known of", hint)
        return
    found = f"{age_text(last.made_at, now)}: {last.file}"
    if not Path(last.file).exists():
        found += ", and not there any more"
    yield warn("backup", found, hint) if now - last.made_at > _OLD_BACKUP else ok("backup", found)
