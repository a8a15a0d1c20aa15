"""This machine: its state, its agent, what the agent tells, and the policies."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from envguard.cli.doctor.looking import Look, disk
from envguard.domain.ages import age_text
from envguard.report.doctor import Checkup, bad, ok, warn
from envguard.state import State, state_directory
from envguard.state.runtime import SOCKET, runtime_directory
from envguard.state.told import told_team

_OLD_POLICY = timedelta(days=7)
_SYSTEMD = Path("/run/systemd/system")
_UNIT = "envguard-agent.service"
_JOIN = "envguard join STRING; an admin makes one by: envguard token new"
_START = "systemctl --user enable --now envguard-agent; or: envguard agent"

Ask = Callable[[list[str]], str]
"""Answers the first line that a command prints."""


def looks_at_machine(environ: Mapping[str, str], now: datetime, ask: Ask) -> dict[str, Look]:
    """Answer what is looked at on every machine, by name."""
    state = State(state_directory(environ))
    return {
        "state": lambda: _state(state),
        "joined": lambda: _joined(state, environ),
        "agent": lambda: _agent(state, now),
        "service": lambda: _service(state, environ, ask),
        "runtime": lambda: _runtime(state, environ),
        "policies": lambda: _policies(state, now),
        "verdicts": lambda: _verdicts(state, now),
        "disk": lambda: iter([disk("disk", _nearest(state.path))]),
    }


def first_line(command: list[str]) -> str:
    """Run a command for a few seconds at most, and answer the first line that it prints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout.splitlines() or [""])[0].strip()


def _state(state: State) -> Iterator[Checkup]:
    if not state.path.exists():
        yield ok("state", f"{state.path}: not there yet")
        return
    status = state.path.stat()
    if not os.access(state.path, os.R_OK | os.W_OK | os.X_OK):
        hint = "run it as its owner; or name a folder of yours: export ENVGUARD_STATE=FOLDER"
        yield bad("state", f"{state.path} is closed to this user", hint)
        return
    if status.st_mode & 0o022:
        yield bad("state", f"{state.path} may be written by others", f"chmod go-w {state.path}")
        return
    secret = state.path / "secret"
    if secret.exists() and secret.stat().st_mode & 0o077:
        yield bad("state", f"{secret} may be read by others", f"chmod 600 {secret}, and join again")
        return
    yield ok("state", f"{state.path}, {stat.S_IMODE(status.st_mode):04o}")


def _joined(state: State, environ: Mapping[str, str]) -> Iterator[Checkup]:
    identity = state.identity()
    told = told_team(environ)
    if identity is not None:
        yield ok("joined", f"as {identity.name}, to {identity.url}")
        if state.secret() is None:
            yield bad("secret", f"it is gone: {state.path / 'secret'}", _JOIN)
    elif told is not None:
        yield ok("joined", f"as {told.machine.name}, by the agent that tells in {told.folder}")
    else:
        yield warn("joined", "this machine has joined no server", _JOIN)


def _agent(state: State, now: datetime) -> Iterator[Checkup]:
    identity = state.identity()
    if identity is None:
        return
    if not state.is_agent_running():
        yield warn("agent", "it does not run", _START)
        return
    last = state.last_status()
    if last.error is not None:
        yield warn("agent", f"it runs, and its last round failed: {last.error}", "envguard agent --once -v")
    elif last.scanned_at is None:
        yield ok("agent", "it runs, and has not looked yet")
    else:
        yield ok("agent", f"it runs, and looked {age_text(last.scanned_at, now)}")


def _service(state: State, environ: Mapping[str, str], ask: Ask) -> Iterator[Checkup]:
    if not _SYSTEMD.is_dir() or shutil.which("systemctl") is None or state.identity() is None:
        return
    of_user = () if os.geteuid() == 0 else ("--user",)
    if of_user and not environ.get("XDG_RUNTIME_DIR"):
        return
    said = ask(["systemctl", *of_user, "is-active", _UNIT])
    if said == "failed":
        logs = " ".join(["journalctl", *of_user, "-u", _UNIT, "-n", "50"])
        yield bad("service", f"{_UNIT} failed", logs)
    elif said == "active":
        yield ok("service", f"{_UNIT} is active")
    elif not state.is_agent_running():
        yield warn("service", f"{_UNIT} is {said or 'unknown'}", _START)


def _runtime(state: State, environ: Mapping[str, str]) -> Iterator[Checkup]:
    folder = runtime_directory(environ, uid=os.geteuid())
    if folder is None or not folder.exists():
        if state.is_agent_running():
            hint = "start it where XDG_RUNTIME_DIR is set, as in a systemd unit"
            yield warn("runtime", "the agent tells its verdicts nowhere", hint)
        return
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        hint = f"rm -r {folder}, and start the agent again"
        yield bad("runtime", f"{folder} is a link, another's, or open to the writing of others", hint)
    elif state.is_agent_running() and not (folder / SOCKET).exists():
        yield warn("runtime", f"there is no socket of the agent in {folder}", "start the agent again")
    else:
        yield ok("runtime", str(folder))


def _policies(state: State, now: datetime) -> Iterator[Checkup]:
    identity, held = state.identity(), state.policies() if state.path.exists() else {}
    if identity is None:
        return
    contacted_at = state.last_status().contacted_at
    if contacted_at is None:
        yield warn("policies", "the server was never reached", "envguard agent --once")
        return
    since = now - contacted_at
    names = ", ".join(f"{each.name} r{each.revision}" for each in held.values()) or "none"
    found = f"{names}; the server was heard {age_text(contacted_at, now)}"
    if since > _OLD_POLICY:
        yield warn("policies", found, "what the server has may be newer: see `server` below")
    else:
        yield ok("policies", found)


def _verdicts(state: State, now: datetime) -> Iterator[Checkup]:
    identity = state.identity()
    scanned_at = state.last_status().scanned_at if identity is not None else None
    if identity is None or scanned_at is None:
        return
    since = now - scanned_at
    if since.total_seconds() > max(3 * identity.interval_s, 900.0):
        yield warn("verdicts", f"the last look was {age_text(scanned_at, now)}", "envguard agent --once")
    elif since < -timedelta(minutes=5):
        yield bad("verdicts", "the last look lies in the future", "set this machine's clock: timedatectl")
    else:
        yield ok("verdicts", f"looked at {age_text(scanned_at, now)}")


def _nearest(path: Path) -> Path:
    """Answer the folder itself, or the nearest above that is there."""
    return next(each for each in (path, *path.parents) if each.exists())
