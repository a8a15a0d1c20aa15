"""The verdict of ``envguard check``, run as a child."""

import os
import sys

from envguard.guard.files import native
from envguard.guard.interpreter import recorded_prefixes, ticks
from envguard.guard.verdict import Finding, Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any, Dict, List, Optional, Tuple

_COMMAND_S = 20.0
_PROBLEMS = 3
"""Of a policy with more problems these are told."""


def by_command(named):
    # type: (Optional[str]) -> Tuple[Optional[Verdict], str, bool]
    """What ``envguard check`` says, by the policy that the call names; last whether that is the last word.

    That it cannot be had which policy judges, or what it says, is a word of the one who knows; that there is
    no command, no answer, or no policy for it is none.
    """
    command = envguard_command()
    if command is None:
        return None, "there is no `envguard` command", False
    command += ["check", recorded_prefixes()[0], "--json"] + (["--policy", named] if named else [])
    content = output_of(command, _COMMAND_S)
    if content is None:
        return None, "`envguard check` gives no answer", False
    import json

    try:
        document = json.loads(content.decode("utf-8"))
        if document["schema"] == "envguard/error/1":
            return None, _words_of(document["error"]), document["error"].get("kind") != "usage"
        return _verdict_in(document), "", True
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, "what `envguard check` says is not understood", False


def envguard_command():
    # type: () -> Optional[List[str]]
    """The package's own, where this room belongs to it; else one beside the interpreter, else on ``PATH``."""
    if __name__ == "envguard.guard.command" and sys.executable:
        root = os.path.abspath(__file__)
        for _ in range(3):
            root = os.path.dirname(root)
        begin = "import sys; sys.path.append(%r); from envguard.cli.main import main; main()" % root
        return [sys.executable, "-I", "-c", begin]
    beside = os.path.dirname(sys.executable or "")
    for folder in [beside] + os.environ.get("PATH", "").split(os.pathsep):
        path = os.path.join(folder, "envguard")
        if os.path.isabs(folder) and os.path.isfile(path) and os.access(path, os.X_OK):
            return [path]
    return None


def output_of(command, within_s, given=None):
    # type: (List[str], float, Optional[IO[bytes]]) -> Optional[bytes]
    """What a command prints within its time; None where it cannot be started, or does not end.

    ``given`` is an open file that it reads.
    """
    import subprocess

    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        with open(os.devnull, "r+b") as nothing:
            child = subprocess.Popen(
                command,
                stdin=given or nothing,
                stdout=subprocess.PIPE,
                stderr=nothing,
                env=environ,
                close_fds=True,
            )
    except (OSError, ValueError):
        return None
    output = child.stdout
    try:
        return _read_until_end(output.fileno(), ticks() + within_s) if output else None
    finally:
        if output:
            output.close()
        if child.poll() is None:
            child.kill()
            child.wait()


def _read_until_end(descriptor, end):
    # type: (int, float) -> Optional[bytes]
    import select

    parts = []  # type: List[bytes]
    while True:
        try:
            ready = select.select([descriptor], [], [], max(0.0, end - ticks()))[0]
        except (OSError, select.error, ValueError):
            return None
        if not ready:
            return None
        part = os.read(descriptor, 65536)
        if not part:
            return b"".join(parts)
        parts.append(part)


def _words_of(error):
    # type: (Dict[str, Any]) -> str
    """What an error says, in one line; of several problems the first ones."""
    problems = error.get("problems") or [error]
    told = []  # type: List[str]
    for each in problems[:_PROBLEMS]:
        words = [each.get("message"), _as_here(each.get("place")), each.get("hint")]
        told.append(": ".join(" ".join(native(word).split()) for word in words if word))
    more = len(problems) - _PROBLEMS
    return "; ".join(told) + ("; and %d more" % more if more > 0 else "")


def _as_here(source):
    # type: (Any) -> Any
    """By what a policy was named, as who called this guard sees it: its command line is ours."""
    return "named in the call" if source == "named on the command line" else source


def _verdict_in(document):
    # type: (Dict[str, Any]) -> Verdict
    """The verdict in a document of ``envguard check --json``. Raises KeyError or TypeError for any other."""
    policy = document["policy"] or {}
    findings = []  # type: List[Finding]
    for each in document["findings"]:
        names = ("package", "expected", "actual", "reason", "place", "fix")
        told = [_text_or_none(each[name]) for name in names]
        told.append(native(each["waived"]["until"]) if each["waived"] else None)
        findings.append(Finding(native(each["kind"]), native(each["severity"]), *told))
    outcome, environment, digest, source, reason = [
        _text_or_none(document.get(name)) for name in ("verdict", "environment", "digest", "source", "reason")
    ]
    if outcome not in ("compliant", "drifted", "unknown", "unmanaged"):
        raise KeyError(outcome)
    return Verdict(
        "unknown" if outcome == "unmanaged" else outcome,
        environment or sys.prefix,
        digest,
        _text_or_none(policy.get("name")),
        policy.get("revision"),
        findings,
        _as_here(source),
        reason,
        policy.get("before_run") != "warn",
    )


def _text_or_none(text):
    # type: (Any) -> Optional[str]
    return None if text is None else native(text)
