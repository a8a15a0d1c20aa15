"""A real server process: start, refusals to start, and what a kill leaves behind."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from envguard.domain.environment import digest_of
from envguard.errors import EnvguardError, StateError, UsageError
from envguard.server.serve import run_server
from envguard.server.tls.choosing import TlsOptions
from envguard.wire import read_join
from tests.server.asking import a_record, a_snapshot, records

PROGRAM = """
import sys
from pathlib import Path
from envguard.server.serve import run_server
run_server(listen="127.0.0.1:0", state=Path(sys.argv[1]), database=sys.argv[2] or None,
           announce=lambda told: print(told.url, told.join, told.admin_token_file, flush=True))
"""


@contextlib.contextmanager
def running(state: Path, database: str = "") -> Iterator[tuple[subprocess.Popen[str], str, str, Path]]:
    command = [sys.executable, "-c", PROGRAM, str(state), database]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url, join, token_file = process.stdout.readline().split()
            yield process, url, join, Path(token_file)
        finally:
            process.kill()


def call(method: str, url: str, message: object, token: str) -> Any:
    with requests.Session() as session:
        session.trust_env = False
        body = msgspec.json.encode(message)
        headers = {"authorization": f"Bearer {token}"}
        answer = session.request(method, url, data=body, headers=headers, timeout=20)
        assert answer.ok, answer.text
        return json.loads(answer.content or b"null")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_kill_after_an_acknowledged_put_loses_nothing(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    snapshot = a_snapshot(gym="0.26.2")
    database = "" if kind == "sqlite" else request.getfixturevalue("cluster").emptied_database()
    with running(tmp_path / "s", database) as (process, url, join, token_file):
        enrolment = {"token": read_join(join).token, "machine": "m", "name": "ws-7"}
        secret = call("POST", f"{url}/api/v1/enroll", enrolment, "")["secret"]
        call("PUT", f"{url}/api/v1/environments", records(a_record(snapshot)), secret)
        call("PUT", f"{url}/api/v1/snapshots/{digest_of(snapshot)}", snapshot, secret)
        process.kill()
        assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "s").iterdir()} == {0o600}
        admin = token_file.read_text().strip()
    with running(tmp_path / "s", database) as (process, url, _, _):
        team = call("GET", f"{url}/api/v1/team", None, admin)
        assert len(team["machines"][0]["environments"]) == 1
        assert call("PUT", f"{url}/api/v1/environments", records(a_record(snapshot)), secret) == {
            "missing": []
        }
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def refused(kind: type[EnvguardError], state: Path, **options: Any) -> EnvguardError:
    with pytest.raises(kind) as caught:
        run_server(**{"url": None, "database": None, "announce": print, "state": state, **options})
    assert caught.value.hint
    return caught.value


def test_port_in_use_writes_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        refused(StateError, tmp_path / "s", listen=f"127.0.0.1:{other.getsockname()[1]}")
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    "options",
    [
        {"listen": "8750"},
        {"listen": "127.0.0.1:99999"},
        {"listen": "0.0.0.0:0", "tls": TlsOptions(is_wanted=False)},
        {"listen": "0.0.0.0:0", "tls": TlsOptions(is_wanted=False), "url": "http://envguard.example"},
        {"listen": "0.0.0.0:0", "url": "http://envguard.example"},
        {"listen": "127.0.0.1:0", "tls": TlsOptions(is_wanted=True), "url": "http://127.0.0.1:8750"},
        {"listen": "127.0.0.1:0", "tls": TlsOptions(key=Path("key.pem"))},
        {"listen": "127.0.0.1:0", "tls": TlsOptions(is_wanted=False, certificate=Path("a.pem"))},
        {"listen": "127.0.0.1:0", "tls": TlsOptions(is_wanted=True, authority=Path("ca.pem"))},
        {"listen": "127.0.0.1:0", "tls": TlsOptions(authority=Path("absent.pem"))},
        {"listen": "127.0.0.1:0", "tls": TlsOptions(certificate=Path("absent.pem"))},
        {"listen": "127.0.0.1:0", "url": "nonsense"},
        {"listen": "127.0.0.1:0", "url": "https://ann:secret@envguard.example"},
        {"listen": "127.0.0.1:0", "url": "https://envguard.example/?team"},
        {"listen": "127.0.0.1:0", "database": "nonsense"},
    ],
    ids=[
        "no host",
        "port",
        "not loopback",
        "clear text",
        "clear url",
        "tls by another name",
        "key alone",
        "no tls",
        "authority alone",
        "no authority",
        "no certificate",
        "url",
        "password",
        "query",
        "database",
    ],
)
def test_wrong_usage_is_said_and_leaves_nothing(tmp_path: Path, options: dict[str, Any]) -> None:
    refused(UsageError, tmp_path / "s", **options)
    assert not (tmp_path / "s").exists()


def test_state_that_is_a_file_or_somebody_elses_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused(StateError, tmp_path / "file", listen="127.0.0.1:0")
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    (shared / "thesis.tex").touch()
    refused(StateError, shared, listen="127.0.0.1:0")
    refused(StateError, tmp_path / "file" / "below", listen="127.0.0.1:0")
    refused(StateError, Path("/proc/envguard"), listen="127.0.0.1:0")
    assert stat.S_IMODE(shared.stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("database", "kind"),
    [
        ("nonsense", UsageError),
        ("mysql://ann:hunter2@127.0.0.1/db", UsageError),
        ("sqlite:////proc/no/envguard.db", StateError),
        ("postgresql://ann:hunter2@127.0.0.1:1/db", StateError),
    ],
    ids=["unparsable", "dialect", "no file", "unreachable"],
)
def test_database_that_cannot_be_had_leaves_no_folder(
    tmp_path: Path, database: str, kind: type[EnvguardError]
) -> None:
    error = refused(kind, tmp_path / "new" / "s", listen="127.0.0.1:0", database=database)
    assert error.where == "--database"
    assert "hunter2" not in f"{error} {error.hint}"
    assert not (tmp_path / "new").exists()


def test_damaged_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir(mode=0o700)
    (tmp_path / "s" / "envguard.db").write_bytes(b"nonsense" * 1000)
    error = refused(StateError, tmp_path / "s", listen="127.0.0.1:0")
    assert error.where == str(tmp_path / "s" / "envguard.db")
