"""Writes the schemas of outputs, policies and the API: ``python -m envguard.cli.schemas docs/schemas``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from envguard.agent.status import Status
from envguard.formats.policy_schema import policy_schema
from envguard.report.schemas import schemas
from envguard.server.openapi import document


def schema_files() -> Mapping[str, str]:
    """Answer the text of each file by its name."""
    outputs = {f"{name}.json": schema for name, schema in schemas(Status).items()}
    found = {**outputs, "policy.schema.json": policy_schema(), "openapi.json": document()}
    return {name: json.dumps(schema, indent=2) + "\n" for name, schema in found.items()}


def main() -> None:
    """Write them into the folder that the command line names; files of outputs that are gone are removed."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    files = schema_files()
    for path in folder.glob("*.json"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
