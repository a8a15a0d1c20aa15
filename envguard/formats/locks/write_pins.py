"""What an environment contains as the lock that its own tools read: pins for pip and uv, or conda's file.

Rules
1. A line is a requirement as ``pip freeze`` writes it: ``name==version``, ``===`` for a version that is not
   PEP 440, ``name @ address`` for what came from one.
2. In ``environment.yml`` conda's packages are ``name=version=build``, or ``name==version``, and pip's
   stand below ``pip:``.
3. What the lock does not have is a comment, so that a reader misses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from envguard.domain.frozen import Frozen
from envguard.domain.locks.lock import LeftOut, LockedPackage
from envguard.domain.versions import pin


def write_requirements(environment: Frozen) -> str:
    """Answer a requirements file."""
    lines = [_requirement(package) for package in environment.pinned]
    return "\n".join([*_comments(environment), *lines]) + "\n"


def write_conda_environment(environment: Frozen, name: str) -> str:
    """Answer an ``environment.yml`` of this name."""
    of_conda = [_conda_spec(package) for package in environment.pinned if package.ecosystem == "conda"]
    of_pip = [_requirement(package) for package in environment.pinned if package.ecosystem == "python"]
    lines = [
        *_comments(environment),
        f"name: {name}",
        "# channels: name them here, in the order in which conda asked them",
        "dependencies:",
        *(f"  - {spec}" for spec in of_conda),
    ]
    if of_pip:
        lines += ["  - pip:", *(f'      - "{line}"' for line in of_pip)]
    return "\n".join(lines) + "\n"


def _comments(environment: Frozen) -> Iterator[str]:
    yield "# What one environment contains, written by `envguard policy new --from-env`."
    yield from map(_comment, environment.left_out)
    by_rule = (LeftOut(rule.name, None, f"a rule of the policy: {rule.reason}") for rule in environment.rules)
    yield from map(_comment, by_rule)


def _comment(left: LeftOut) -> str:
    named = f"{left.name} {left.version}" if left.version else left.name
    return _one_line(f"# not here: {named} ({left.reason})")


def _one_line(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)


def _conda_spec(package: LockedPackage) -> str:
    """A spec of just this version: without a build, one ``=`` would take those too that go on behind it."""
    if not package.build:
        return f"{package.name}=={package.version}"
    return f"{package.name}={package.version}={package.build}"


def _requirement(package: LockedPackage) -> str:
    version, origin = package.version or "", package.origin
    if origin is None:
        return package.name + pin(version)
    if origin.kind == "vcs":
        return f"{package.name} @ git+{origin.url}@{origin.commit}"
    return f"{package.name} @ {origin.url}{''.join(_fragments(package))}"


def _fragments(package: LockedPackage) -> Iterable[str]:
    for artifact in package.artifacts:
        for digest in artifact.digests:
            yield f"#{digest.replace(':', '=', 1)}"
