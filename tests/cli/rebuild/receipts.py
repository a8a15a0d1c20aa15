"""The project of these tests, and the receipts of its runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.conftest import Envguard, Run

PROJECT = """
[project]
name = "rl"
version = "1"
requires-python = ">=3.8"
dependencies = ["gym", "numpy"]
[tool.uv]
package = false
"""

Rebuild = Callable[..., Run]


def stamped(envguard: Envguard, project: Path, name: str = "runs/42", *words: str | Path) -> dict[str, Any]:
    assert envguard("stamp", name, *words, cwd=project).code == 0
    found: dict[str, Any] = json.loads((project / name / "receipt.json").read_text())
    return found


def change_receipt(project: Path, change: Callable[[dict[str, Any]], None], name: str = "runs/42") -> None:
    path = project / name / "receipt.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
