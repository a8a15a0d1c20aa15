"""Runs the server: state, database, socket, and then requests until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Collection, Generator
from datetime import datetime, timezone
from pathlib import Path

import msgspec
import uvicorn

from envguard.errors import UsageError
from envguard.log import get_log
from envguard.server.app import make_app
from envguard.server.background import Background
from envguard.server.joining import new_join
from envguard.server.listening import (
    allow_many_connections,
    check_url,
    checked_proxies,
    open_socket,
    read_listen,
    url_of,
)
from envguard.server.service import Service
from envguard.server.state import admin_token_file, open_database
from envguard.server.tls.choosing import TlsKind, TlsOptions, given_or_off, kind_of, own
from envguard.server.tls.interface import AUTHORITY_FILE, CERTIFICATE_FILE
from envguard.server.tls.serving import Serving
from envguard.server.upkeep import Upkeep
from envguard.state.notify import notify, watchdog_interval_s

INTERVAL_S = 60.0
_LOOK_EVERY_S = 30.0
"""Between looks for another certificate."""

_NO_WISHES = TlsOptions()
_GRACE_S = 20
"""How long requests under way may take once the server is told to stop."""

_log = get_log(__name__)


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """What a person needs once the server listens."""

    url: str
    join: str
    """A fresh join string."""
    admin_token_file: Path
    tls: TlsKind
    authority: str | None
    """The certificate that machines pin, as PEM."""
    authority_file: Path | None
    """Where it lies, for people's commands."""


def run_server(
    *,
    listen: str = "127.0.0.1:8750",
    url: str | None = None,
    state: Path,
    database: str | None = None,
    tls: TlsOptions = _NO_WISHES,
    proxies: Collection[str] = (),
    announce: Callable[[Started], None],
) -> None:
    """Serve until SIGTERM or SIGINT; ``announce`` is called once requests are answered.

    Raises UsageError and StateError before anything is written where address or database cannot be used.
    """
    address = read_listen(listen)
    kind = kind_of(tls, is_loopback=address.is_loopback)
    check_url(address, url, is_tls=kind != "off")
    interval_s = _interval_s()
    allow_many_connections()
    with contextlib.closing(open_socket(address)) as listener:
        told = (url or url_of(address, listener, is_tls=kind != "off")).rstrip("/")
        chosen = None if kind == "own" else given_or_off(tls, told)
        with contextlib.closing(open_database(state, database)) as opened:
            chosen = chosen or own(state, told, address.host, _now)
            service = Service(
                database=opened,
                clock=time.time,
                url=told,
                authority=chosen.authority,
                interval_s=interval_s,
                proxies=checked_proxies(proxies, is_in_front=kind == "off" and told.startswith("https:")),
                certificates=_certificates(kind, state, tls),
            )
            started = Started(
                url=service.url,
                join=new_join(service),
                admin_token_file=admin_token_file(state, opened, time.time()),
                tls=kind,
                authority=chosen.authority,
                authority_file=state / AUTHORITY_FILE if kind == "own" else tls.authority,
            )
            _Server(service, started, announce, chosen.serving).run(sockets=[listener])
    _log.info("server_stopped")


class _Server(uvicorn.Server):
    """Uvicorn that announces itself, tells the service manager how it is, and ends quietly on a signal."""

    def __init__(
        self,
        service: Service,
        started: Started,
        announce: Callable[[Started], None],
        serving: Serving | None,
    ) -> None:
        self._app = make_app(service)
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=_GRACE_S,
        )
        super().__init__(config)
        config.load()
        self._readiness = service.readiness
        if serving is not None:
            config.ssl = serving.context  # uvicorn makes one only from files, and once
        self._told = started
        self._announce = announce
        self._serving = serving
        self._look_again = asyncio.Event()
        self._upkeep = Upkeep(service)
        self._background = Background(service)
        self._tasks: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _log.info("server_started", url=self._told.url)
        self._announce(self._told)
        notify("READY=1")
        interval_s = watchdog_interval_s()
        if interval_s is not None:
            self._tasks.append(asyncio.create_task(_feed_watchdog(interval_s)))
        if self._serving is not None:
            self._tasks.append(asyncio.create_task(_keep_fresh(self._serving, self._look_again)))
        self._tasks.append(asyncio.create_task(self._upkeep.run()))
        self._tasks.append(asyncio.create_task(self._background.run()))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._readiness.is_stopping = True
        notify("STOPPING=1")
        await super().shutdown(sockets)
        if self._app.checkins is not None:
            await asyncio.to_thread(self._app.checkins.group.close)
        for task in self._tasks:
            task.cancel()
        await asyncio.to_thread(self._upkeep.stop)
        await asyncio.to_thread(self._background.stop)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # Uvicorn raises the signal again at its end: a stop that was asked for would look like a death.
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGTERM, signal.SIGINT)
        before = {each: signal.signal(each, self.handle_exit) for each in signals}
        if not os.isatty(0):  # at a terminal it says that the terminal is gone
            loop = asyncio.get_running_loop()
            reread = self._look_again.set
            before[signal.SIGHUP] = signal.signal(
                signal.SIGHUP, lambda _number, _frame: loop.call_soon_threadsafe(reread)
            )
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


async def _feed_watchdog(interval_s: float) -> None:
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(interval_s)


async def _keep_fresh(serving: Serving, look_again: asyncio.Event) -> None:
    """Look for another certificate now and then, and at once when told to."""
    while True:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(look_again.wait(), _LOOK_EVERY_S)
        look_again.clear()
        await asyncio.to_thread(serving.refresh)


def _certificates(kind: TlsKind, state: Path, tls: TlsOptions) -> dict[str, Path]:
    """Answer the files whose end an operator wants to know."""
    if kind == "own":
        return {"certificate": state / CERTIFICATE_FILE, "authority": state / AUTHORITY_FILE}
    files = {"certificate": tls.certificate, "authority": tls.authority}
    return {what: file for what, file in files.items() if file is not None}


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _interval_s() -> float:
    text = os.environ.get("ENVGUARD_INTERVAL_S", "")
    try:
        interval_s = float(text or INTERVAL_S)
    except ValueError:
        interval_s = math.nan
    if not 0 < interval_s <= 24 * 3600:
        raise UsageError(f"not a number of seconds: {text}", where="ENVGUARD_INTERVAL_S", hint="such as 60")
    return interval_s
