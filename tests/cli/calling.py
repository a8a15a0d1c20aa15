"""``envguard`` as somebody calls it again and again, at times of the test's own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

SOON_S = 10.0
"""What was just made is not kept: a call is meant to come later than it does."""

AT = "import time; r = time.time; time.time = lambda: r() + 10; from envguard.cli.main import main; main()"
"""A program that calls it ten seconds from now."""

_AT = (
    "import sys, time\n"
    "sys.path.pop(0)\n"
    "real, later = time.time, float(sys.argv.pop(1))\n"
    "time.time = lambda: real() + later\n"
    "from envguard.cli.main import main; main()"
)


class Said(msgspec.Struct, frozen=True):
    """What a command printed, its exit code, and whether it only said again what it had said before."""

    code: int
    out: str
    err: str
    is_again: bool


class Caller(msgspec.Struct, frozen=True):
    """Somebody with a folder, an environment of variables, and a cache."""

    cwd: Path
    environ: dict[str, str]

    def __call__(
        self, *arguments: str | Path, later_s: float = SOON_S, given: Mapping[str, str] | None = None
    ) -> Said:
        """Run a command, so many seconds from now."""
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", _AT, str(later_s), *map(str, arguments)],
            cwd=self.cwd,
            env={**self.environ, **(given or {})},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr
        lines = done.stderr.splitlines(keepends=True)
        said = "".join(line for line in lines if not line.startswith("import time:"))
        is_again = not any(line.rstrip().endswith(" msgspec") for line in lines)
        return Said(done.returncode, done.stdout, said, is_again)
