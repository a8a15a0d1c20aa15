"""What type checkers see of ``import envguard`` in somebody's script."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import envguard

verdict = envguard.require(python=">=3.11", gym="==0.26.2")
reveal_type(verdict.verdict)
envguard.require(on_drift="stop")
envguard.stamp("runs/42", params={"lr": 0.1})
"""


def test_a_script_that_imports_envguard_is_checked(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "train.py"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    revealed, wrong, last = told.stdout.splitlines()
    assert revealed.startswith('train.py:5: note: Revealed type is "')
    assert "str" in revealed
    assert "incompatible type \"Literal['stop']\"; expected \"Literal['raise', 'warn']\"" in wrong
    assert last.startswith("Found 1 error")
