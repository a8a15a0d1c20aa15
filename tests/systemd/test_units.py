"""The units that `envguard service install` hands out are understood by systemd as they are meant."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = Path(__file__).resolve().parents[2] / "systemd"
NEWER_KEYS = re.compile(r"Unknown key (name )?'(RestartSteps|RestartMaxDelaySec)'")
"""Known since systemd 254; older ones say that they ignore them, and wait evenly."""

each_unit = pytest.mark.parametrize(
    "unit",
    [pytest.param(path, id=path.relative_to(UNITS).as_posix()) for path in sorted(UNITS.rglob("*.service"))],
)
Keys = dict[str, list[str]]


def service(unit: Path) -> Keys:
    """The keys of the unit's [Service] section; one that stands twice has two values."""
    keys: Keys = {}
    section = ""
    for line in unit.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            keys.setdefault(key, []).append(value)
    return keys


def program(unit: Path) -> str:
    """The command of the unit, without its arguments."""
    return service(unit)["ExecStart"][0].split()[0]


@each_unit
def test_systemd_accepts_the_unit(unit: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is absent: no systemd on this machine")
    # Verifying looks whether the program is there, and envguard may be installed nowhere yet.
    text = unit.read_text(encoding="utf-8").replace(program(unit), str(Path(sys.executable).resolve()))
    copy = tmp_path / unit.name
    copy.write_text(text, encoding="utf-8")
    scope = ["--user"] if unit.parent.name == "user" else ["--system"]
    result = subprocess.run(
        [analyze, *scope, "verify", str(copy)],
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    complaints = [line for line in result.stderr.splitlines() if not NEWER_KEYS.search(line)]
    assert (result.returncode, complaints) == (0, [])


@each_unit
def test_unit_tells_readiness_and_is_restarted_when_it_hangs(unit: Path) -> None:
    keys = service(unit)
    assert keys["Type"] == ["notify"]
    assert keys["NotifyAccess"] == ["main"]
    assert keys["Restart"] == ["on-failure"]
    assert keys["WatchdogSec"]
    assert keys["RestartSteps"]


@each_unit
def test_unit_gains_no_privileges_after_its_start(unit: Path) -> None:
    assert service(unit)["NoNewPrivileges"] == ["yes"]


@pytest.mark.parametrize(
    ("name", "mode"), [("envguard-agent.service", "0755"), ("user/envguard-agent.service", "0700")]
)
def test_agents_folder_of_verdicts_is_made_for_it_and_outlives_it(name: str, mode: str) -> None:
    keys = service(UNITS / name)
    assert keys["RuntimeDirectory"] == ["envguard"]
    assert keys["RuntimeDirectoryMode"] == [mode]
    assert keys["RuntimeDirectoryPreserve"] == ["yes"]


def test_agent_may_give_the_file_about_a_private_environment_to_its_owner() -> None:
    keys = service(UNITS / "envguard-agent.service")
    assert "CAP_CHOWN" in keys["CapabilityBoundingSet"][0].split()
    assert "AF_UNIX" in keys["RestrictAddressFamilies"][0].split()


def test_server_listens_on_loopback_unless_told_otherwise() -> None:
    assert "--listen" not in service(UNITS / "envguard-server.service")["ExecStart"][0]


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("envguard-agent.service", "agent"),
        ("user/envguard-agent.service", "agent"),
        ("envguard-server.service", "server --state %S/envguard-server"),
    ],
)
def test_unit_starts_its_part_of_envguard(name: str, command: str) -> None:
    assert service(UNITS / name)["ExecStart"] == [f"/usr/bin/envguard {command}"]
