"""A policy and its lock as lines for one environment: by these the guard judges where it is alone.

Rules
1. Fields, escapes and the last line are those of :mod:`envguard.formats.verdict_lines`. The first line names
   the version; a reader that does not know it, or a word that begins a line, takes nothing.
2. What the lock selects is decided here, for the environment's own interpreter: a reader that is another one
   takes nothing (``compiled-for``). Versions are compared by the reader, by what it finds then.
3. ``package`` is what a rule or the lock asks of one name, and each ``locked`` below it an entry that may be
   meant: one of them must be met. ``deny``, ``always`` and ``waiver`` stand for themselves.
4. What only envguard can judge is a ``cannot``, where it would count: with it nothing is compliant.
5. A ``file`` decided which policy it is or what that says, by its sha256; ``-`` where there was none. A
   ``marker`` names a policy at most, and was known when a person named this one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Literal

import msgspec

from envguard.domain.environment import Environment, Interpreter, Package
from envguard.domain.facts import MachineFacts
from envguard.domain.findings.builds import Tag, tags_of_wheels
from envguard.domain.findings.finding import Finding
from envguard.domain.findings.installed import Installed
from envguard.domain.findings.packages import NEVER_UNLISTED, has_plain_files, package_findings
from envguard.domain.locks.lock import Lock, LockedPackage
from envguard.domain.locks.selection import Ambiguous, Selected, Selection, WrongPython, marker_values, select
from envguard.domain.own_tool import with_own_tool
from envguard.domain.policy import Deny, LockedPolicy, PackageRule, Require, Rules, Waiver
from envguard.domain.verdict import JudgedFinding, PolicyRef, judge
from envguard.domain.versions import pin
from envguard.domain.waiver import is_for
from envguard.formats.verdict_lines import line

FIRST_LINE = "envguard-policy 1"

BoundBy = Literal["use", "marker", "here", "applies-to", "named"]
"""Why it is this policy; ``here``: by the marker of the folder in which it was compiled."""

_KERNEL_S = (b"platform_release", b"platform_version")
_ABSENT = Installed({}, {})


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What is true where, and when, a policy is compiled."""

    bound_by: BoundBy
    words: str
    """Why it is this policy, as verdicts say it."""
    path: str | None
    """The policy's own file; None where it came from a server."""
    files: Mapping[str, str]
    """The sha256 of each file that decided, by its path; ``-`` for what was not there."""
    markers: Mapping[str, str] = {}
    """Likewise of files that may name a policy, where a person named another."""
    sites: tuple[str, ...]
    """The folders for packages in which the environment's interpreter looks, in its order."""
    is_conda_s: bool
    """conda keeps records of the environment."""
    at: datetime


def compiled_lines(
    governing: LockedPolicy, environment: Environment, facts: MachineFacts, ground: Ground
) -> list[str]:
    """Answer the lines of a policy for one environment, from the first to the one before the end."""
    return list(_Compiler(governing, environment, facts, ground).lines())


class _Compiler:
    """One policy, and the environment for which it is said in lines."""

    def __init__(
        self, governing: LockedPolicy, environment: Environment, facts: MachineFacts, ground: Ground
    ) -> None:
        self._governing = governing
        self._rules = governing.policy.rules
        self._environment = environment
        self._ground = ground
        self._selection = _selection(governing.lock, environment.snapshot.interpreter, facts, self._rules)

    def lines(self) -> Iterator[str]:
        governing, ground = self._governing, self._ground
        policy, revision = governing.policy, governing.revision
        yield FIRST_LINE
        number = "-" if revision is None else str(revision)
        yield line("policy", policy.name, number, policy.digest, ground.bound_by, policy.before_run)
        yield line("source", ground.words)
        yield line("compiled", _seconds(ground.at))
        if ground.path is not None:
            yield line("is", ground.path)
        yield from (line("site", folder) for folder in ground.sites)
        yield from (line("file", *noted) for noted in sorted(ground.files.items()))
        yield from (line("marker", *noted) for noted in sorted(ground.markers.items()))
        if governing.lock is not None:
            yield self._compiled_for()
        if governing.earlier and governing.lock_revision is not None:
            yield line("grace", _seconds(max(each.until for each in governing.earlier)))
        yield from self._interpreter()
        yield from map(self._always, _of_the_lock(self._selection, self._environment.snapshot.interpreter))
        yield from (line("cannot", words) for words in self._beyond())
        if not self._is_conda_s():
            yield from self._packages()
        yield from sorted(map(self._waiver, governing.waivers), key=lambda told: not told.endswith("\t1"))

    def _is_conda_s(self) -> bool:
        packages = self._governing.lock.packages if self._governing.lock is not None else ()
        return self._ground.is_conda_s or any(each.ecosystem == "conda" for each in packages)

    def _compiled_for(self) -> str:
        interpreter = self._environment.snapshot.interpreter
        return line(
            "compiled-for",
            interpreter.implementation.lower(),
            interpreter.version,
            interpreter.platform,
            "1" if interpreter.free_threaded else "0",
        )

    def _interpreter(self) -> Iterator[str]:
        rule = self._rules.python
        is_free = {None: "", True: "1", False: "0"}[rule.free_threaded]
        if rule.version or rule.implementation or is_free:
            told = self._judged(Finding(kind="interpreter-mismatch", rule="python"))
            yield line("python", rule.version or "", rule.implementation or "", is_free, told.place or "")

    def _beyond(self) -> Iterator[str]:
        """What only envguard can judge, and would count."""
        rules, lock = self._rules, self._governing.lock
        if self._is_conda_s():
            yield "what conda installed"
        for rule in rules.machine:
            if rule.severity == "error":
                yield f"the machine's {rule.fact} ({rule.expected})"
        if rules.integrity == "error":
            yield "whether files changed after their installation"
        if rules.broken_requirements == "error":
            yield "what installed packages require of each other"
        if lock is not None and any(name in msgspec.json.encode(lock) for name in _KERNEL_S):
            yield "a lock that depends on the kernel"

    def _packages(self) -> Iterator[str]:
        rules = self._rules
        is_decided = isinstance(self._selection, Selected)
        selected = self._selection if isinstance(self._selection, Selected) else Selected({})
        ruled = {rule.name for rule in rules.packages}
        for rule in rules.packages:
            yield from self._ruled(rule, selected)
        for name, locked in selected.packages.items():
            if name not in ruled:
                missing = self._missing(Rules(), Selected({name: locked}))
                yield _package(Require(name=name), missing, is_required=True)
                yield self._locked(locked)
        for name, candidates in selected.optional.items():
            if name not in ruled:
                yield _package(Require(name=name), None, is_required=False)
                yield from map(self._locked, candidates)
        if rules.unlisted != "ignore" and is_decided:
            yield from self._unlisted()
        kinds = {
            "editable": rules.origins.editable,
            "vcs": rules.origins.vcs,
            "archive": rules.origins.direct_url,
            "directory": rules.origins.direct_url,
        }
        counting = [kind for kind, level in kinds.items() if level == "error"]
        if counting:
            yield line("origins", " ".join(counting))

    def _ruled(self, rule: PackageRule, selected: Selected) -> Iterator[str]:
        if isinstance(rule, Deny):
            there = Installed({rule.name: (Package(rule.name, "0"),)}, {})
            [denied] = package_findings(Rules(packages=(rule,)), Selected({}), there)
            told = self._judged(denied)
            yield line("deny", rule.name, rule.severity, rule.reason or "", told.place or "", told.fix or "")
            return
        asked = msgspec.structs.replace(rule, optional=False)
        missing = self._missing(Rules(packages=(asked,)), selected)
        yield _package(rule, missing, is_required=not rule.optional)
        locked = selected.packages.get(rule.name)
        candidates = selected.optional.get(rule.name, ()) if locked is None else (locked,)
        yield from map(self._locked, candidates)

    def _missing(self, rules: Rules, selected: Selected) -> JudgedFinding:
        """What is said where nothing is installed of the first name that is asked for."""
        return self._judged(next(package_findings(rules, selected, _ABSENT)))

    def _locked(self, locked: LockedPackage) -> str:
        told = self._missing(Rules(), Selected({locked.name: locked}))
        origin = locked.origin
        return line(
            "locked",
            locked.version or "",
            pin(locked.version) if locked.version is not None else locked.specifier or "",
            told.expected or "",
            told.place or "",
            told.fix or "",
            "1" if has_plain_files(locked) else "0",
            _tags(locked, self._environment.snapshot.interpreter),
            "1" if any(artifact.digests for artifact in locked.artifacts) else "0",
            "build" if locked.build is not None else "" if origin is None else origin.kind,
            "" if origin is None else origin.commit or origin.url or "",
        )

    def _unlisted(self) -> Iterator[str]:
        rules, project = self._rules, self._environment.record.project
        told = self._judged(Finding(kind="unlisted", rule="unlisted", package="-"))
        yield line("unlisted", rules.unlisted, told.place or "", " ".join(sorted(NEVER_UNLISTED)))
        if project is not None and project.name is not None:
            yield line("project", project.path, project.name)

    def _always(self, finding: Finding) -> str:
        told = self._judged(finding)
        fields = (told.package, told.expected, told.actual, told.reason, told.place, told.fix)
        return line("always", told.kind, told.severity, *(each or "" for each in fields))

    def _waiver(self, waiver: Waiver) -> str:
        """One that is for certain machines or environments may acquit, or not, where it is read."""
        is_certain = waiver.machine is None and is_for(waiver, self._environment.record)
        until = waiver.until.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return line(
            "waiver",
            waiver.package,
            waiver.kind or "",
            _seconds(waiver.until),
            until,
            "1" if is_certain else "0",
        )

    def _judged(self, finding: Finding) -> JudgedFinding:
        """A finding with its place in the policy, and the command that mends it here."""
        governing, record = self._governing, self._environment.record
        verdict = judge(
            with_own_tool([finding], governing, record),
            record,
            (),
            self._ground.at,
            machine="",
            policy=PolicyRef(name=governing.policy.name),
            places=governing.policy.places,
        )
        return verdict.findings[0]


def _selection(lock: Lock | None, interpreter: Interpreter, facts: MachineFacts, rules: Rules) -> Selection:
    return Selected({}) if lock is None else select(lock, marker_values(interpreter, facts), rules.choice)


def _of_the_lock(selection: Selection, interpreter: Interpreter) -> Iterator[Finding]:
    match selection:
        case WrongPython(expected):
            reason = "the lock was not made for this interpreter"
            yield Finding(
                kind="interpreter-mismatch",
                rule="lock",
                expected=expected,
                actual=interpreter.version,
                reason=reason,
            )
        case Ambiguous(package, reason):
            yield Finding(kind="unreadable", rule="lock", package=package, reason=reason)
        case _:
            return


def _package(rule: Require, missing: JudgedFinding | None, *, is_required: bool) -> str:
    """What is asked of a name; ``missing`` is what is said where it must be there and is not."""
    told = (None, None, None) if missing is None else (missing.place, missing.expected, missing.fix)
    return line(
        "package",
        rule.name,
        "1" if is_required else "0",
        rule.severity,
        rule.specifier,
        rule.build or "",
        rule.reason or "",
        *(each or "" for each in told),
    )


def _tags(locked: LockedPackage, interpreter: Interpreter) -> str:
    """The tags of an entry's wheels that such an interpreter may have; ``-`` where all are others."""
    tags = tags_of_wheels(locked.artifacts)
    told = sorted("-".join(tag).replace(" ", ":") for tag in tags if _may_be_of(tag, interpreter))
    return " ".join(told) or ("-" if tags else "")


def _may_be_of(tag: Tag, interpreter: Interpreter) -> bool:
    """What this leaves out is not certified by the guard; it need not be exact."""
    python, abi, family = tag
    digits = "".join(interpreter.version.split(".")[:2])
    is_python = python.startswith("py") or abi == "abi3" or python.endswith(digits)
    return is_python and (family == "any" or family.endswith(interpreter.platform.partition("-")[2]))


def _seconds(at: datetime) -> str:
    return str(int(at.timestamp()))
