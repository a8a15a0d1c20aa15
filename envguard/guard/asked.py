"""The verdict on the versions that a call asks for."""

import sys

from envguard.guard.files import PLAIN
from envguard.guard.installed import find_installed, has_metadata, normalised
from envguard.guard.interpreter import python_version, search_path
from envguard.guard.shadows import listed_path, shadows_of
from envguard.guard.verdict import ASKED, Finding, Verdict, outcome_of
from envguard.guard.versions import allows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, List, Optional

    from envguard.guard.installed import Distribution


def judge_versions(versions):
    # type: (Dict[str, str]) -> Verdict
    """Judge what this interpreter would import by specifiers; ``python`` is the interpreter's own."""
    asked = {normalised(name): specifier for name, specifier in versions.items() if name != "python"}
    folders = search_path()
    found, unread = find_installed(folders, set(asked) | {"pip"})
    pip = "pip" in found
    findings = list(_of_python(versions.get("python")))
    path = listed_path(folders) if asked else []
    for name in sorted(asked):
        findings.extend(_of_package(name, asked[name], found.get(name, []), unread, pip))
        findings.extend(shadows_of(name, found.get(name, [])[:1], path))
    return Verdict(outcome_of(findings), sys.prefix, findings=findings, source=ASKED)


def _of_python(specifier):
    # type: (Optional[str]) -> Iterator[Finding]
    if specifier is not None and not allows(specifier, python_version()):
        yield Finding("interpreter-mismatch", "error", "python", specifier, python_version())


def _of_package(name, specifier, found, unread, has_pip):
    # type: (str, str, List[Distribution], List[str], bool) -> Iterator[Finding]
    expected = specifier or "any version"
    fix = _install_command(name + specifier, has_pip)
    if not found and unread:
        reason = "it may be in %s, which cannot be read" % unread[0]
        yield Finding("unreadable", "error", name, expected, None, reason)
    elif not found:
        yield Finding("missing", "error", name, expected, None, None, None, fix)
    elif not all(has_metadata(each) for each in found):
        yield Finding("unreadable", "error", name, expected, None, "its metadata could not be read")
    elif not all(allows(specifier, each.version) for each in found):
        actual = ", ".join(sorted({each.version or "no version" for each in found}))
        yield Finding("version-mismatch", "error", name, expected, actual, None, None, fix)


def _install_command(requirement, has_pip):
    # type: (str, bool) -> Optional[str]
    if not sys.executable:
        return None
    python, wanted = _quoted(sys.executable), _quoted(requirement)
    if has_pip:
        return "%s -m pip install %s" % (python, wanted)
    return "uv pip install --python %s %s" % (python, wanted)


def _quoted(word):
    # type: (str) -> str
    """A word as a shell takes it, and as ``shlex.quote`` writes it."""
    if word and all(sign in PLAIN or sign in "@%+=:,/_" for sign in word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"
