"""A compiled policy, held to what this interpreter's environment holds.

What counts is drift. What only envguard can judge is unsure, where it would count, and then nothing is
compliant: each package is certified by what is plain to see, or it is not.
"""

import os
import sys
import time

from envguard.guard.certain import doubt_of_build, doubt_of_files, origin_of
from envguard.guard.interpreter import implementation, is_free_threaded, python_version, search_path
from envguard.guard.present import holdings_of
from envguard.guard.shadows import is_project_of
from envguard.guard.verdict import Finding, Verdict, outcome_of
from envguard.guard.versions import allows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, List, Optional, Sequence, Set, Tuple

    from envguard.guard.compiled import Lines
    from envguard.guard.present import Held, Holdings

_SHOWN = 3
_BUILDS = ("with the GIL", "free-threaded")
_UNITS = ((2 * 86400, 86400, "days"), (3600, 3600, "h"), (60, 60, "min"))


def judge_here(lines):
    # type: (Lines) -> Verdict
    """Judge this interpreter's environment by a policy; ``unknown`` is never compliant."""
    now, held = time.time(), holdings_of(search_path())
    judging = _Judging(lines, held)
    judging.judge()
    unsure = judging.unsure
    unsure.extend(_acquitted(judging.findings, lines.waivers, now))
    outcome, reason = outcome_of(judging.findings), None
    if outcome == "drifted" and now < lines.grace_until:
        unsure.append("an earlier lock, which may still judge")
        outcome = "compliant"
    if outcome == "compliant" and unsure:
        outcome, reason = "unknown", "only envguard can judge: " + _listed(unsure)
    return Verdict(
        outcome,
        sys.prefix,
        None,
        lines.name,
        lines.revision,
        judging.findings,
        "%s; compiled %s" % (lines.source, _age(now - lines.compiled_at)),
        reason,
        lines.refuses,
    )


def _listed(words):
    # type: (Sequence[str]) -> str
    each = sorted(set(words))
    more = len(each) - _SHOWN
    return ", ".join(each[:_SHOWN]) + (" and %d more" % more if more > 0 else "")


def _age(seconds):
    # type: (float) -> str
    for least, unit, name in _UNITS:
        if seconds >= least:
            return "%d %s ago" % (seconds // unit, name)
    return "just now"


def _acquitted(findings, waivers, now):
    # type: (Sequence[Finding], Sequence[Tuple[str, str, int, str, bool]], float) -> Iterator[str]
    """Mark what is waived; tell of what is waived perhaps: elsewhere, or on some machine."""
    for each in findings:
        for package, kind, ends, until, is_certain in waivers:
            is_of_kind = each.kind != "unreadable" and kind in ("", each.kind)
            if package == each.package and is_of_kind and now < ends and each.counts:
                each.waived = until
                if not is_certain:
                    yield "whether a waiver of %s is for this machine" % package


class _Judging(object):
    """What is found, and what is not certain."""

    def __init__(self, lines, held):
        # type: (Lines, Holdings) -> None
        self.lines = lines
        self.held = held
        self.findings = []  # type: List[Finding]
        self.unsure = [words for (words,) in lines.all["cannot"]]

    def judge(self):
        # type: () -> None
        for fields in self.lines.all["always"]:
            self.findings.append(Finding(fields[0], fields[1], *[each or None for each in fields[2:]]))
        for words in self.held.troubles:
            self.findings.append(Finding("unreadable", "error", None, None, None, words))
        if os.path.lexists(os.path.join(sys.prefix, "conda-meta")):
            self.unsure.append("what conda installed")
        self._python()
        for name, found in sorted(self.held.own.items()):
            if any(each.version is None for each in found):
                reason = "its metadata could not be read"
                self.findings.append(Finding("unreadable", "error", name, None, None, reason))
        listed = set()  # type: Set[str]
        for fields, locked in zip(self.lines.all["package"], self.lines.locked):  # noqa: B905 - 2.7 has no `strict`
            listed.add(fields[0])
            self._package(fields, locked)
        for name, severity, reason, place, fix in self.lines.all["deny"]:
            listed.add(name)
            found = self.held.own.get(name, [])
            if found:
                told = (name, "absent", _versions(found), reason or None, place or None, fix or None)
                self.findings.append(Finding("denied", severity, *told))
        self._unlisted(listed)
        self._origins()

    def _python(self):
        # type: () -> None
        if "python" not in self.lines.one:
            return
        specifier, wanted, is_free, place = self.lines.one["python"]
        expected, actual = [], []  # type: List[str], List[str]
        if wanted and wanted.lower() != implementation():
            expected.append(wanted)
            actual.append(implementation())
        if specifier and not self._allows("python", specifier, python_version()):
            expected.append(specifier)
            actual.append(python_version())
        if sys.version.split()[0].endswith("+"):
            self.unsure.append("which Python this is, between two releases")
        if is_free and (is_free == "1") != is_free_threaded():
            expected.append(_BUILDS[is_free == "1"])
            actual.append(_BUILDS[is_free_threaded()])
        if expected:
            told = (None, " ".join(expected), " ".join(actual), None, place or None)
            self.findings.append(Finding("interpreter-mismatch", "error", *told))

    def _package(self, fields, locked):
        # type: (List[str], List[List[str]]) -> None
        name, is_required, severity, specifier, build, reason, place, expected, fix = fields
        found = self.held.own.get(name, [])
        if not found:
            if is_required == "1":
                told = (name, expected, None, reason or None, place or None, fix or None)
                self.findings.append(Finding("missing", severity, *told))
            return
        found = found + [
            each
            for each in self.held.before_own(name)
            if not is_project_of(os.path.dirname(each.place), name)
        ]
        first = None  # type: Optional[Finding]
        doubts = []  # type: List[str]
        entries = locked or [None]  # type: Sequence[Optional[List[str]]]
        for entry in entries:
            finding, doubt = self._against(fields, entry, found)
            if finding is None and doubt is None:
                return
            first = first or finding
            doubts.extend([doubt] if doubt else [])
        if not doubts and first is not None:
            self.findings.append(first)
        elif severity == "error":
            self.unsure.extend(doubts)

    def _against(self, fields, entry, found):
        # type: (List[str], Optional[List[str]], Sequence[Held]) -> Tuple[Optional[Finding], Optional[str]]
        """How what is found differs from a rule and one entry of the lock, or why that is not certain."""
        name, _, severity, specifier, build, reason, place, _, fix = fields
        own = self.held.own[name]
        for each in found:
            version = each.version
            if version is None:
                return None, "whether %s is as it must be" % name
            kind, told = None, (None, None, None)  # type: Any, Any
            if specifier and not self._allows(name, specifier, version):
                kind, told = "version-mismatch", (specifier, place, fix)
            elif entry is not None:
                kind = self._kind_against(name, entry, version)
                told = (entry[2], entry[3], entry[4] if kind == "version-mismatch" else None)
            if kind is not None:
                expected, where, mends = [one or None for one in told]
                actual = _versions(found)
                return Finding(kind, severity, name, expected, actual, reason or None, where, mends), None
            doubt = doubt_of_build(name, build, version) if build else None
            if doubt is None and entry is not None and each in own:
                doubt = doubt_of_files(each, entry)
            if doubt is not None:
                return None, doubt
        return None, None

    def _kind_against(self, name, entry, version):
        # type: (str, List[str], str) -> Optional[str]
        exact, specifier, is_plain = entry[0], entry[1], entry[5]
        if version != exact and specifier and not self._allows(name, specifier, version):
            is_label = exact and exact.partition("+")[0] == version.partition("+")[0]
            return "build-mismatch" if is_label else "version-mismatch"
        return "build-mismatch" if is_plain == "1" and "+" in version else None

    def _allows(self, name, specifier, version):
        # type: (str, str, str) -> bool
        try:
            return allows(specifier, version)
        except ValueError:
            self.unsure.append("whether %s is as it must be" % name)
            return True

    def _unlisted(self, listed):
        # type: (Set[str]) -> None
        if "unlisted" not in self.lines.one:
            return
        severity, place, others = self.lines.one["unlisted"]
        listed = listed | set(others.split(" "))
        folder, project = self.lines.one.get("project", ["", ""])
        if folder and (is_project_of(folder, project) or not os.path.lexists(folder + "/pyproject.toml")):
            listed.add(project)
        for name in sorted(set(self.held.own) - listed):
            if severity == "error" and _is_of_this_project(name):
                self.unsure.append("whether %s is this folder's own project" % name)
                continue
            told = (name, "absent", _versions(self.held.own[name]), None, place or None)
            self.findings.append(Finding("unlisted", severity, *told))

    def _origins(self):
        # type: () -> None
        kinds = self.lines.one["origins"][0].split(" ") if "origins" in self.lines.one else []
        for name, found in self.held.own.items() if kinds else ():
            if origin_of(found[0])[0] in kinds + ["other"]:
                self.unsure.append("where %s came from" % name)


def _versions(found):
    # type: (Sequence[Held]) -> Optional[str]
    """The versions, each once, in their order."""
    told = []  # type: List[str]
    for each in found:
        if each.version is not None and each.version not in told:
            told.append(each.version)
    return ", ".join(told) or None


def _is_of_this_project(name):
    # type: (str) -> bool
    """Whether a folder from the working folder upwards is the project of a distribution."""
    try:
        folder = os.getcwd()
    except OSError:
        return True
    while not is_project_of(folder, name):
        above = os.path.dirname(folder)
        if above == folder:
            return False
        folder = above
    return True
