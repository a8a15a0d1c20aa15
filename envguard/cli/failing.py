"""How a command ends that could not do its work: each problem with its hint, or one document."""

from __future__ import annotations

from envguard.cli.output import print_json, tell
from envguard.errors import EnvguardError, PolicyError


def fail(error: EnvguardError, *, wants_json: bool) -> int:
    """Say what is wrong, and answer the exit code."""
    if wants_json:
        from envguard.report.documents import error_document

        print_json(error_document(error))
    problems = error.problems if isinstance(error, PolicyError) and error.problems else (error,)
    for problem in problems:
        _say("error", str(problem))
        if problem.hint:
            _say("hint", problem.hint)
    return error.exit_code


def _say(label: str, text: str) -> None:
    """Tell a paragraph, set in after its first line: no text of others passes for a line of ours."""
    first, *more = text.split("\n")
    tell(f"{label}: {first}")
    for line in more:
        tell(f"  {line}")
