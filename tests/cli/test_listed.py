"""``machine`` and ``package``: real commands against a server with two machines."""

from __future__ import annotations

import contextlib
import csv
import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from tests.cli.conftest import Envguard
from tests.cli.test_schemas import hold
from tests.server.asking import POLICY, Server, a_record, a_snapshot, records


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables of the admin of a server that two machines reported to."""
    server = Server(tmp_path_factory.mktemp("s") / "state", now_s=time.time())
    server.push(POLICY)
    machines = (("ws-7", "0.25.2", "1.26.4"), ("ws-9", "0.26.2", "2.1.0"))
    for number, (name, gym, numpy) in enumerate(machines):
        content = a_snapshot(gym=gym, numpy=numpy)
        secret = server.enrol(name, **({"gpu": "a100"} if number else {}))
        server.report(secret, records(a_record(content), a_record(content, "/home/ann/x/.venv")), content)
    with serving(server) as url:
        yield {"ENVGUARD_SERVER": url, "ENVGUARD_TOKEN": server.admin}
    server.database.close()


@contextlib.contextmanager
def serving(server: Server) -> Iterator[str]:
    """Serve an application over loopback, in a thread."""
    config = uvicorn.Config(server.app, port=0, log_config=None, lifespan="off", ws="none")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        while not running.started:
            time.sleep(0.01)
        port = running.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        running.should_exit = True
        thread.join(20)


def test_a_machine_is_told_with_its_environments_and_findings(
    envguard: Envguard, address: dict[str, str]
) -> None:
    run = envguard("machine", "ws-7", COLUMNS="160", **address)
    assert run.code == 0
    lines = run.out.splitlines()
    assert lines[0] == "ws-7: drifted; online, heard just now"
    assert [line.split() for line in lines[2:5]] == [
        ["VERDICT", "ENVIRONMENT", "KIND", "POLICY", "ERRORS"],
        ["drifted", "/home/ann/rl/.venv", "venv", "rl-team", "r1", "1"],
        ["drifted", "/home/ann/x/.venv", "venv", "rl-team", "r1", "1"],
    ]
    assert lines[7].split("  ")[0::2][0].strip() == "error"
    assert "gym 0.25.2, needs ==0.26.2" in lines[7]
    document = envguard("machine", "ws-9", "--json", **address).json()
    hold(document, "machine-1")
    assert (document["machine"]["verdict"], document["machine"]["labels"]) == ("compliant", {"gpu": "a100"})
    assert (len(document["environments"]), document["findings"]) == (2, [])


def test_who_has_a_package_is_told_by_version(envguard: Envguard, address: dict[str, str]) -> None:
    run = envguard("package", "numpy", **address)
    assert run.code == 0
    assert run.out.splitlines() == [
        "numpy: 4 environments on 2 machines",
        "",
        "VERSION  ENVIRONMENTS  MACHINES",
        "2.1.0               2  ws-9",
        "1.26.4              2  ws-7",
    ]
    assert envguard("package", "torch", **address).out == "nobody has torch\n"
    whole = envguard("package", "NumPy", "--version", ">=2", "-v", COLUMNS="120", **address).out
    assert "/home/ann/x/.venv" in whole
    assert "ws-7" not in whole
    document = envguard("package", "numpy>=1", "--label", "gpu=a*", "--json", **address).json()
    hold(document, "package-1")
    assert {row["machine"] for row in document["environments"]} == {"ws-9"}


def test_rows_are_csv(envguard: Envguard, address: dict[str, str]) -> None:
    [columns, *rows] = csv.reader(io.StringIO(envguard("package", "numpy<2", "--csv", **address).out))
    assert columns[:3] == ["machine", "seen", "environment"]
    assert sorted(row[2] for row in rows) == ["/home/ann/rl/.venv", "/home/ann/x/.venv"]
    [columns, *rows] = csv.reader(io.StringIO(envguard("machine", "ws-7", "--csv", **address).out))
    assert [row[columns.index("verdict")] for row in rows] == ["drifted", "drifted"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["machine", "ws-8"], "NAME: no machine of this name: ws-8"),
        (["machine", "ws-7", "--json", "--csv"], "--json and --csv are two forms"),
        (["package", "numpy>>1"], "NAME: not a package with its versions: numpy>>1"),
        (["package", "numpy", "--version", "2"], "--version: not versions: 2"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    arguments: list[str], error: str, envguard: Envguard, address: dict[str, str], tmp_path: Path
) -> None:
    run = envguard(*arguments, **address)
    assert run.code == 2
    assert error in run.err + run.out
