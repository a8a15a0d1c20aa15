"""The JSON that scripts rely on: one document, every field written out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from envguard.domain.environment import Environment, Scan
from envguard.domain.verdict import Verdict
from envguard.errors import EnvguardError, PolicyError

Json = Mapping[str, object]
"""One JSON object."""


def scan_document(scan: Scan, machine: str) -> Json:
    """Answer ``envguard/scan/1``."""
    return {
        "schema": "envguard/scan/1",
        "machine": {"name": machine, "facts": msgspec.to_builtins(scan.facts)},
        "incomplete": scan.is_incomplete,
        "environments": [_environment(environment) for environment in scan.environments],
    }


def verdicts_document(verdicts: Sequence[Verdict]) -> Json:
    """Answer ``envguard/verdicts/1``."""
    return {"schema": "envguard/verdicts/1", "verdicts": list(verdicts)}


def error_document(error: EnvguardError) -> Json:
    """Answer ``envguard/error/1``; all problems of a file are in ``problems``."""
    parts: dict[str, object] = {
        "kind": error.kind,
        "message": error.what,
        "place": error.where,
        "hint": error.hint,
    }
    if isinstance(error, PolicyError) and error.problems:
        parts["problems"] = [
            {"message": each.what, "place": each.where, "hint": each.hint} for each in error.problems
        ]
    return {"schema": "envguard/error/1", "error": parts}


def to_json(document: object) -> str:
    """Answer the document as indented JSON text."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _environment(environment: Environment) -> Json:
    record, snapshot = environment.record, environment.snapshot
    details = {(each.kind, each.package): each.detail for each in record.details}
    interpreter = snapshot.interpreter
    return {
        "path": record.path,
        "python": record.python,
        "kind": record.kind,
        "also": list(record.also),
        "owner": record.owner,
        "digest": record.digest,
        "integrity": None,
        "project": record.project,
        "snapshot": {
            "interpreter": {
                **msgspec.to_builtins(interpreter),
                "free_threaded": interpreter.free_threaded,
            },
            "packages": [
                {
                    "name": package.name,
                    "version": package.version,
                    "origin": {"kind": package.origin.kind, **msgspec.to_builtins(package.origin)},
                }
                for package in snapshot.packages
            ],
            "system_packages": [],
            "problems": [
                {
                    "kind": problem.kind,
                    "package": problem.package,
                    "detail": details.get((problem.kind, problem.package)),
                }
                for problem in snapshot.problems
            ],
        },
    }
