"""Snapshots, records and policies with only what a test cares about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from envguard.domain.environment import (
    Digest,
    Environment,
    EnvironmentRecord,
    Interpreter,
    Package,
    Problem,
    Snapshot,
    digest_of,
    snapshot_of,
)
from envguard.domain.facts import MachineFacts
from envguard.domain.locks.lock import Lock, LockedPackage
from envguard.domain.policy import Level, PackageRule, Policy, PythonRule, Rules

FACTS = MachineFacts(os="Debian GNU/Linux 12", kernel="6.1.0", architecture="x86_64")


def an_interpreter(version: str = "3.11.7", *, sys_platform: str = "linux") -> Interpreter:
    """Answer a CPython of this version."""
    minor = ".".join(version.split(".")[:2])
    return Interpreter(
        implementation="CPython",
        version=version,
        abi="cp" + minor.replace(".", ""),
        platform=f"{sys_platform}-x86_64",
        markers={
            "implementation_name": "cpython",
            "implementation_version": version,
            "os_name": "posix",
            "platform_machine": "x86_64",
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": version,
            "python_version": minor,
            "sys_platform": sys_platform,
        },
    )


def a_snapshot(python: str = "3.11.7", /, *, problems: Iterable[Problem] = (), **versions: str) -> Snapshot:
    """Answer a snapshot with these packages."""
    packages = [Package(name.replace("_", "-"), version) for name, version in versions.items()]
    return snapshot_of(an_interpreter(python), packages, problems)


def a_record(path: str = "/home/ann/rl/.venv", **changes: object) -> EnvironmentRecord:
    """Answer the record of a venv of ann's."""
    fields: dict[str, object] = {
        "path": path,
        "python": f"{path}/bin/python",
        "kind": "venv",
        "digest": Digest("sha256:" + "0" * 64),
        "home": "/home/ann",
        **changes,
    }
    return EnvironmentRecord(**fields)  # type: ignore[arg-type]  # the fields are the caller's words


def an_environment(snapshot: Snapshot, path: str = "/home/ann/rl/.venv", **changes: object) -> Environment:
    """Answer an environment with this content."""
    return Environment(a_record(path, digest=digest_of(snapshot), **changes), snapshot)


def a_lock(markers: Mapping[str, str] | None = None, /, **versions: str) -> Lock:
    """Answer a lock of these versions; ``markers`` by package name."""
    packages = tuple(
        LockedPackage(name.replace("_", "-"), version, (markers or {}).get(name))
        for name, version in versions.items()
    )
    return Lock(packages=packages, digest=Digest("sha256:" + "1" * 64))


def a_policy(
    *rules: PackageRule, python: str | None = None, unlisted: Level = "ignore", name: str = "rl-team"
) -> Policy:
    """Answer a policy with these rules."""
    return Policy(
        name=name, rules=Rules(python=PythonRule(version=python), packages=rules, unlisted=unlisted)
    )
