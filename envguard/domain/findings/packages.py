"""What rules and the lock say of single packages.

Rules
1. One finding per package and cause: a rule speaks before the lock; of a rule and of the lock the version
   before the build, the build before the origin, the origin before the files.
2. A package that only other extras or groups of the lock ask for may be absent; it is judged where it is.
3. Versions of conda's that are not PEP 440 are compared as text.
4. A package that neither rule nor lock wants from where it came is told by ``origins``, if nothing else is;
   a file of the lock's is wanted from wherever it came.
5. A rule names a distribution as Python does, and speaks before what the lock says of it by conda's name.
6. What came from elsewhere and is outside the lock, too, is told once, by the more severe; where both are as
   severe it is unlisted, because to remove it mends both.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

import msgspec

from envguard.domain.environment import Origin, Package
from envguard.domain.findings.builds import differs_in_label_only, evidence, has_build, local_label
from envguard.domain.findings.finding import Finding, FindingKind, is_worse
from envguard.domain.findings.installed import Installed, versions_of
from envguard.domain.locks.lock import LockedPackage
from envguard.domain.locks.selection import Selected
from envguard.domain.policy import Deny, Level, OriginRules, PackageRule, Require, Rules, Severity
from envguard.domain.remedy import CondaInstall, CondaRemove, Install, Reinstall, Remedy, Remove
from envguard.domain.versions import allows, is_version, pin

NEVER_UNLISTED = frozenset({"pip", "setuptools", "wheel", "uv", "envguard-guard"})
"""Tools that every environment may have."""

_IN_WORDS = {
    "archive": "an archive",
    "directory": "a folder",
    "editable": "an editable folder",
    "index": "an index",
    "vcs": "a repository",
}
_SAME_VERSION = ("origin-mismatch", "hash-mismatch")
"""What an installer takes for installed already, unless it is told to install it once more."""
_LABEL = r"(?i)[a-z0-9]+(\.[a-z0-9]+)*"
_LOCAL_ORIGINS = ("editable", "directory")


def package_findings(rules: Rules, selected: Selected, installed: Installed) -> Iterator[Finding]:
    """Yield what rules and lock say of each package that they name, at most one finding for each."""
    ruled = {rule.name for rule in rules.packages}
    for rule in rules.packages:
        for found in _ruled(rule, installed, selected):
            yield found
            ruled.update(each.conda_name for each in installed.named(rule.name) if each.conda_name)
    for name, locked in selected.packages.items():
        if name not in ruled:
            yield from _judged(_Case(Require(name=locked.name), "lock", locked, installed.meant_by(locked)))
    for name, candidates in selected.optional.items():
        packages = installed.meant_by(candidates[0])
        if name not in ruled and packages:
            yield from _nearest(_Case(Require(name=candidates[0].name), "lock", None, packages), candidates)


def unlisted_findings(rules: Rules, selected: Selected, installed: Installed) -> Iterator[Finding]:
    """Yield the packages that neither a rule nor the lock names."""
    if rules.unlisted == "ignore":
        return
    entries = [*selected.packages.values(), *(one for each in selected.optional.values() for one in each)]
    for name, packages in beside(entries, (rule.name for rule in rules.packages), installed):
        yield _unlisted(name, packages, rules.unlisted)


def told_once(origins: Iterable[Finding], unlisted: Iterable[Finding]) -> Iterator[Finding]:
    """Yield one finding a package, of what :func:`origin_findings` and :func:`unlisted_findings` tell."""
    outside = {each.package: each for each in unlisted}
    for origin in origins:
        other = outside.get(origin.package)
        if other is None or is_worse(origin, other):
            outside[origin.package] = origin
    yield from outside.values()


def beside(
    entries: Collection[LockedPackage], ruled: Iterable[str], installed: Installed
) -> Iterator[tuple[str, tuple[Package, ...]]]:
    """Yield what is there by name and is neither one of a lock's entries nor ruled, nor any environment's.

    Of what conda installed besides distributions, only where the lock has entries of conda's.
    """
    named = NEVER_UNLISTED.union(ruled, (entry.name for entry in entries))
    is_conda_s = any(entry.ecosystem == "conda" for entry in entries)
    for name, packages in sorted(installed.python.items()):
        if name not in named and not (is_conda_s and any(each.conda_name in named for each in packages)):
            yield name, packages
    for name, packages in sorted(installed.conda.items()) if is_conda_s else ():
        if name not in named and all(package.name not in installed.python for package in packages):
            yield name, packages


def origin_findings(
    rules: Rules, selected: Selected, installed: Installed, told: Container[str]
) -> Iterator[Finding]:
    """Yield the packages that came from elsewhere than an index, though no lock wants them from there.

    ``told`` are the packages of which something else is said already.
    """
    levels = _levels(rules.origins)
    specifiers = {rule.name: rule.specifier for rule in rules.packages if isinstance(rule, Require)}
    for name, packages in installed.python.items():
        locked = selected.packages.get(name)
        if name in told or (locked is not None and _is_wanted_from_there(locked, packages)):
            continue
        level, rule = levels.get(packages[0].origin.kind, ("ignore", ""))
        if level == "ignore":
            continue
        yield Finding(
            kind="origin-mismatch",
            rule=rule,
            severity=level,
            package=name,
            expected="an index",
            actual=_origin_in_words(packages[0].origin),
            remedy=_from_an_index(name, locked, specifiers.get(name)),
        )


def _from_an_index(name: str, locked: LockedPackage | None, specifier: str | None) -> Remedy | None:
    """What fetches it from an index, in the version that lock or rule want; None where neither names it."""
    if locked is not None and locked.version is not None:
        return Reinstall(name + pin(locked.version))
    return None if specifier is None else Reinstall(name + specifier)


def _levels(rules: OriginRules) -> dict[str, tuple[Level, str]]:
    return {
        "editable": (rules.editable, "origins.editable"),
        "vcs": (rules.vcs, "origins.vcs"),
        "archive": (rules.direct_url, "origins.direct-url"),
        "directory": (rules.direct_url, "origins.direct-url"),
    }


def _is_wanted_from_there(locked: LockedPackage, packages: Sequence[Package]) -> bool:
    """Whether the lock says where it comes from, or has the very files that came from an address."""
    return locked.origin is not None or all(evidence(each, locked) == "same" for each in packages)


class _Case(msgspec.Struct, frozen=True):
    """One package that is asked for, and what is there of it."""

    rule: Require
    key: str
    """Where the rule stands; ``lock`` where only the lock asks."""
    locked: LockedPackage | None
    packages: tuple[Package, ...]

    def differs(
        self, kind: FindingKind, expected: str, *, key: str = "lock", actual: str | None = None
    ) -> Finding:
        """Answer the finding that something about the package differs."""
        return Finding(
            kind=kind,
            rule=key,
            severity=self.rule.severity,
            package=self.rule.name,
            expected=expected,
            actual=actual or versions_of(self.packages),
            reason=self.rule.reason,
            remedy=_remedy(kind, self) if key == "lock" or kind != "build-mismatch" else _rebuilt(self),
        )


def _ruled(rule: PackageRule, installed: Installed, selected: Selected) -> Iterator[Finding]:
    locked = selected.packages.get(rule.name)
    candidates = selected.optional.get(rule.name, ())
    packages = installed.named(rule.name) if locked is None else installed.meant_by(locked)
    if isinstance(rule, Deny):
        if packages:
            yield _denied(rule, packages)
    elif packages or not rule.optional:
        case = _Case(rule, f"packages.{rule.name}", locked, packages)
        yield from _nearest(case, candidates) if candidates and packages else _judged(case)


def _nearest(case: _Case, candidates: Sequence[LockedPackage]) -> Iterator[Finding]:
    """Several entries may be meant: where one of them is met nothing is said, else what the first says."""
    yield from min(
        (list(_judged(msgspec.structs.replace(case, locked=candidate))) for candidate in candidates), key=len
    )


def _judged(case: _Case) -> Iterator[Finding]:
    if not case.packages:
        yield case.differs("missing", _expected(case), key=case.key)
        return
    for package in case.packages:
        found = _against_rule(case, package) or _against_lock(case, package)
        if found is not None:
            yield found
            return


def _against_rule(case: _Case, package: Package) -> Finding | None:
    rule = case.rule
    if rule.specifier and not allows(rule.specifier, package.version):
        return case.differs("version-mismatch", rule.specifier, key=case.key)
    if rule.build is not None and not has_build(package, rule.build):
        return case.differs("build-mismatch", rule.build, key=case.key, actual=_with_build(package))
    return None


def _against_lock(case: _Case, package: Package) -> Finding | None:
    locked = case.locked
    if locked is None:
        return None
    if not locked.allows(package.version):
        is_label = locked.version is not None and differs_in_label_only(locked.version, package.version)
        return case.differs("build-mismatch" if is_label else "version-mismatch", _wanted(locked))
    if local_label(package.version) is not None and has_plain_files(locked):
        return case.differs("build-mismatch", _wanted(locked))
    if locked.build is not None and not fnmatchcase(package.build or "", locked.build):
        return case.differs("build-mismatch", f"{locked.version} {locked.build}", actual=_with_build(package))
    if locked.origin is not None and not _is_from(locked.origin, package.origin):
        return case.differs(
            "origin-mismatch", _origin_in_words(locked.origin), actual=_origin_in_words(package.origin)
        )
    if evidence(package, locked) == "other":
        actual = package.origin.archive_digest or _with_build(package)
        return case.differs("hash-mismatch", "a file of the lock", actual=actual)
    return None


def has_plain_files(locked: LockedPackage) -> bool:
    """Whether the lock says of all files of an entry that they are ``2.4.1``, and not ``2.4.1+cu121``."""
    names = [artifact.filename for artifact in locked.artifacts if artifact.filename]
    return (
        local_label(locked.version or "") is None
        and bool(names)
        and not any("+" in name or "%2B" in name for name in names)
    )


def _is_from(wanted: Origin, found: Origin) -> bool:
    if wanted.kind == "vcs":
        return found.kind == "vcs" and wanted.commit in (None, found.commit)
    if wanted.kind in _LOCAL_ORIGINS:
        return found.kind in _LOCAL_ORIGINS
    if wanted.kind == "archive":
        return found.kind == "archive" and wanted.url in (None, found.url)
    return wanted.kind == found.kind


def _expected(case: _Case) -> str:
    if case.rule.specifier:
        return case.rule.specifier
    return _wanted(case.locked) if case.locked is not None else "any version"


def _wanted(locked: LockedPackage) -> str:
    if locked.version is not None:
        return pin(locked.version)
    if locked.specifier:
        return locked.specifier
    return _origin_in_words(locked.origin) if locked.origin is not None else "any version"


def _remedy(kind: FindingKind, case: _Case) -> Remedy | None:
    """What installs the right one, in the words of the policy and its lock."""
    rule, locked = case.rule, case.locked
    if locked is None:
        return Install(rule.name + rule.specifier)
    if locked.ecosystem == "conda":
        parts = (locked.name, locked.version, locked.build if locked.version else None)
        return CondaInstall("=".join(filter(None, parts)))
    requirement = _requirement(kind, rule, locked)
    if requirement is None:
        return None
    return Reinstall(requirement) if kind in _SAME_VERSION else Install(requirement)


def _requirement(kind: FindingKind, rule: Require, locked: LockedPackage) -> str | None:
    """None where only the machine that locked it has it."""
    if locked.origin is not None:
        address = _address(locked.origin)
        return None if address is None else f"{rule.name} @ {address}"
    if locked.version is None:
        return rule.name + (locked.specifier or rule.specifier)
    if kind == "build-mismatch" and local_label(locked.version) is None:
        return f"{rule.name}==={locked.version}"  # `==2.4.1` is met by the 2.4.1+cu121 that is there
    return rule.name + pin(locked.version)


def _rebuilt(case: _Case) -> Remedy | None:
    """What installs the build that a rule names, if that is a local label: the same version with it."""
    if case.locked is not None:
        return _remedy("build-mismatch", case)
    label, versions = case.rule.build or "", {each.version.partition("+")[0] for each in case.packages}
    if not re.fullmatch(_LABEL, label) or len(versions) > 1:
        return None
    version = f"{versions.pop()}+{label}"
    return Install(f"{case.rule.name}=={version}") if is_version(version) else None


def _address(origin: Origin) -> str | None:
    """A direct reference to the origin (PEP 508); None where only the machine that locked it has one."""
    if origin.url is None:
        return None
    if origin.kind == "vcs" and origin.commit is not None:
        return f"git+{origin.url}@{origin.commit}"
    return origin.url if origin.kind == "archive" else None


def _denied(rule: Deny, packages: tuple[Package, ...]) -> Finding:
    return Finding(
        kind="denied",
        rule=f"packages.{rule.name}",
        severity=rule.severity,
        package=rule.name,
        expected="absent",
        actual=versions_of(packages),
        reason=rule.reason,
        remedy=Remove(rule.name),
    )


def _unlisted(name: str, packages: tuple[Package, ...], severity: Severity) -> Finding:
    return Finding(
        kind="unlisted",
        rule="unlisted",
        severity=severity,
        package=name,
        expected="absent",
        actual=versions_of(packages),
        remedy=CondaRemove(packages[0].conda_name or name) if _is_conda_s(packages) else Remove(name),
    )


def _is_conda_s(packages: tuple[Package, ...]) -> bool:
    return all(package.origin.kind == "conda" for package in packages)


def _with_build(package: Package) -> str:
    return f"{package.version} {package.build}" if package.build else package.version


def _origin_in_words(origin: Origin) -> str:
    where = _IN_WORDS.get(origin.kind, origin.kind)
    detail = origin.commit[:12] if origin.commit else origin.url
    return f"{where} ({detail})" if detail else where
