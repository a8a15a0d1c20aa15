"""A judgement that still holds is not made again before a run, and only where it holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.builders.environments import site_packages
from tests.cli.calling import _AT as AT_A_TIME

GYM = "envguard: 1\nname: rl\npackages:\n  gym: ==0.25.2\n"


class Ran(msgspec.Struct, frozen=True):
    """How a call went, and whether the environment was read for it."""

    code: int
    is_read: bool


Call = Callable[..., Ran]


@pytest.fixture
def judged(project: Path) -> Path:
    (project / "rl.yaml").write_text(GYM)
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl.yaml"\n')
    (project / ".envguard").mkdir()
    (project / ".venv" / ".envguard-lease").touch()
    return project


@pytest.fixture
def call(judged: Path, tmp_path: Path) -> Call:
    """Run a command so many seconds from now."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ENVGUARD")}
    own = {"ENVGUARD_STATE": "s", "ENVGUARD_CACHE": "c", "XDG_RUNTIME_DIR": "r"}
    (tmp_path / "s").mkdir()  # who hands a receipt on makes it, and that is a change
    environ = {**kept, **{name: str(tmp_path / folder) for name, folder in own.items()}}

    def run(later_s: int, script: str = "") -> Ran:
        done = subprocess.run(
            [
                sys.executable,
                "-X",
                "importtime",
                "-c",
                AT_A_TIME,
                str(later_s),
                "run",
                "--",
                ".venv/bin/python",
                "-c",
                script,
            ],
            cwd=judged,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return Ran(done.returncode, " envguard.inventory\n" in done.stderr)

    return run


def receipts(project: Path) -> list[dict[str, Any]]:
    found = sorted((project / ".envguard" / "runs").glob("*/receipt.json"))
    return [json.loads(path.read_text()) for path in found]


def test_what_nothing_has_changed_of_is_not_read_again(call: Call, judged: Path) -> None:
    assert call(10) == Ran(0, is_read=True)
    assert call(20) == Ran(0, is_read=False)
    first, second = receipts(judged)
    assert second["judgement"] == first["judgement"]
    assert second["digest_at_end"] == first["judgement"]["verdict"]["digest"]


@pytest.mark.parametrize("what", ["metadata", "package", "policy", "marker"])
def test_whatever_decides_is_judged_again_where_it_changed(call: Call, judged: Path, what: str) -> None:
    call(10)
    packages = site_packages(judged / ".venv")
    match what:
        case "metadata":
            (packages / "gym-0.25.2.dist-info" / "METADATA").write_text("Name: gym\nVersion: 1\n")
        case "package":
            (packages / "gym-0.25.2.dist-info").rename(packages / "gone")
        case "policy":
            (judged / "rl.yaml").write_text(GYM.replace("0.25.2", "0.26.2"))
        case _:
            (judged / ".envguard.yaml").write_text("policy: no-such\n")
    again = call(20)
    assert (again.code, again.is_read) == (3 if what == "marker" else 1, True)


def test_what_drifted_is_never_remembered(call: Call, judged: Path) -> None:
    (judged / "rl.yaml").write_text(GYM.replace("0.25.2", "0.26.2"))
    assert call(10) == call(20) == Ran(1, is_read=True)


def test_a_change_under_a_run_is_seen_also_where_another_run_has_judged_it(call: Call, judged: Path) -> None:
    new = site_packages(judged / ".venv") / "rich-13.0.dist-info"
    again = [sys.executable, "-c", AT_A_TIME, "20", "run", "--", ".venv/bin/python", "-c", ""]
    script = (
        "import os, subprocess\n"
        f"os.mkdir({str(new)!r})\n"
        f"open({str(new / 'METADATA')!r}, 'w').write('Name: rich\\nVersion: 13.0\\n')\n"
        f"subprocess.run({again!r}, check=True)\n"
    )
    assert call(30, script).code == 0
    first, second = receipts(judged)
    assert first["judgement"]["verdict"]["digest"] != second["judgement"]["verdict"]["digest"]
    assert first["digest_at_end"] == second["digest_at_end"] == second["judgement"]["verdict"]["digest"]
