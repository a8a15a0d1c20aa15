"""What a machine has: environments, their content (snapshots), and what differs between equal ones (records).

Rules
1. A snapshot holds no path, host, time, owner or kind: equal environments have equal digests on any machine.
2. Its parts are sorted and its canonical JSON leaves out fields at their default, so that a field added later
   changes no digest of an environment that does not have it.
3. What is true of one place only (path, kind, owner, details that name paths) is in the record beside it.
4. Facts of the machine are a second content-addressed document (``domain.facts``).
"""

# No postponed annotations: decoding would compile each of their texts, 2 % of a cold `check`.
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NewType

import msgspec

from envguard.domain.facts import MachineFacts

# What hashlib prefers loads OpenSSL: 3 ms, in which Python's own hashes a megabyte.
try:
    if sys.version_info >= (3, 12):
        from _sha2 import sha256
    else:
        from _sha256 import sha256  # type: ignore[import-not-found]  # the stubs have only the newer
except ImportError:
    from hashlib import sha256

Digest = NewType("Digest", str)
"""``sha256:`` and 64 hexadecimal digits."""

OriginKind = Literal["index", "editable", "vcs", "directory", "archive", "conda", "debian", "unknown"]
"""Where a distribution came from."""

ProblemKind = Literal[
    "unreadable",
    "leftover",
    "duplicate",
    "shadowed",
    "invalid-version",
    "invalid-requirement",
    "base-missing",
    "not-an-environment",
    "incomplete",
]

EnvironmentKind = Literal[
    "venv",
    "virtualenv",
    "uv",
    "poetry",
    "pipenv",
    "hatch",
    "pdm",
    "conda",
    "pixi",
    "pyenv",
    "pipx",
    "uv-tool",
    "uv-python",
    "system",
    "user",
]
"""Which tool made the environment; ``user`` is a system interpreter with what its user added to it."""

NEVER_MEANT_BY_STAR: frozenset[EnvironmentKind] = frozenset(
    {"system", "user", "pipx", "uv-tool", "uv-python"}
)
"""Kinds that nobody made for a project: a policy must name them to judge them."""


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an installed distribution came from (PEP 610 where the installer wrote it)."""

    kind: OriginKind = "index"
    url: str | None = None
    """Without credentials; None for local places, which differ between equal environments."""
    commit: str | None = None
    """The full commit id of a ``vcs`` origin."""
    archive_digest: str | None = None
    """Of an ``archive``, what its installer noted: the algorithm, ``:`` and hexadecimal digits."""


INDEX = Origin()
"""The default origin; left out of canonical JSON, where it must be this very object."""


class Package(msgspec.Struct, frozen=True, omit_defaults=True):
    """One distribution that the interpreter would find installed."""

    name: str
    """Normalised (PEP 503)."""
    version: str
    """As its metadata writes it, whether or not it is a PEP 440 version."""
    origin: Origin = INDEX
    build: str | None = None
    """What tells two builds of one version apart: conda's build string, or the tag of a wheel with compiled
    code; None where there is none to tell."""
    conda_name: str | None = None
    """What conda calls a distribution that it installed, also where somebody replaced it since; None where
    that is its name."""
    conda_version: str | None = None
    """The version by which conda has what it installed; None where that is its version."""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something about the content that could not be read, or is not as it should be."""

    kind: ProblemKind
    package: str | None = None
    """The normalised name, or None where the problem is not one package's."""


class BrokenRequirement(msgspec.Struct, frozen=True, omit_defaults=True):
    """A ``Requires-Dist`` of an installed package that does not hold here (what ``pip check`` says)."""

    package: str
    """The package that requires something; normalised."""
    requirement: str
    """As its metadata writes it, such as ``numpy<2``."""
    found: str | None = None
    """The version that is installed instead; None where there is none."""


class Interpreter(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The Python that runs here, as far as files tell it."""

    implementation: str
    """``CPython`` or ``PyPy``: PEP 508's ``platform_python_implementation``."""
    version: str
    """The whole version, such as ``3.11.7``."""
    abi: str
    """The ABI tag, such as ``cp311`` or ``cp313t``."""
    platform: str
    """``sys.platform`` and the machine's architecture, such as ``linux-x86_64``."""
    free_threaded: bool = False
    markers: dict[str, str] = {}
    """PEP 508's environment markers without ``platform_release`` and ``platform_version`` (the kernel's)."""


class Snapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an environment contains. Build it with :func:`snapshot_of`, which sorts."""

    interpreter: Interpreter
    packages: tuple[Package, ...] = ()
    problems: tuple[Problem, ...] = ()
    system_packages: tuple[Package, ...] = ()
    """Conda packages that are no distributions of Python's."""
    broken_requirements: tuple[BrokenRequirement, ...] = ()


class ProblemDetail(msgspec.Struct, frozen=True):
    """The words to a problem of the snapshot; they may name paths, so they belong to the record."""

    kind: ProblemKind
    package: str | None
    detail: str


Changer = Literal["pip", "uv", "none"]
"""The tool by which a person changes an environment: its own pip, uv from outside, or none that is safe."""


class Project(msgspec.Struct, frozen=True, omit_defaults=True):
    """The project around an environment: the nearest folder above it that says so."""

    path: str
    name: str | None = None
    """The project's own distribution name, normalised; never counted as unlisted."""
    policy: str | None = None
    """The policy that its marker names; for a marker that is a file, the name inside that file."""
    marker_place: str | None = None
    """``pyproject.toml:12``; None without a marker."""


class Editable(msgspec.Struct, frozen=True, omit_defaults=True):
    """A package that is imported from somebody's folder: what it was can change at any moment."""

    package: str
    folder: str
    commit: str | None = None
    """The commit that is checked out there, in full; None where the folder is in no git repository."""


class Installers(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which tools installed the packages, as each package's ``INSTALLER`` says."""

    usual: str | None = None
    """The tool of most packages."""
    others: dict[str, str] = {}
    """Package to tool, where it was another one; to nothing where the package does not say."""


class Integrity(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which packages have files that changed after their installation, when somebody looked."""

    checked_at: datetime
    modified: tuple[str, ...]
    """Normalised names, sorted."""
    files: dict[str, tuple[str, ...]] = {}
    """The files of each modified package as its RECORD writes them; the first ones where there are many."""
    unchecked: tuple[str, ...] = ()
    """Packages that could not be checked to the end: something was unreadable or moving, or time ran out."""


class EnvironmentRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is true of an environment in one place, beside its snapshot."""

    path: str
    """The environment's folder, or for a system interpreter its executable; escaped to UTF-8."""
    path_bytes: bytes | None = None
    """The path as the file system has it, where it had to be escaped."""
    python: str
    """The interpreter by which one would run it."""
    kind: EnvironmentKind
    digest: Digest
    also: tuple[str, ...] = ()
    """Other paths to the same environment."""
    names: tuple[str, ...] = ()
    """What else it may be called: ``conda:rl``, ``kernel:rl``."""
    shared_as: str | None = None
    """On a network file system: what all machines call it that mount it, as ``nfs:host:/home/ann/.venv``."""
    owner: str | None = None
    """The user name, or the number where it has no name."""
    home: str | None = None
    """The owner's home, which ``~`` in a policy means."""
    changer: Changer = "pip"
    project: Project | None = None
    use: str | None = None
    """The policy that the owner bound it to with ``envguard use``."""
    details: tuple[ProblemDetail, ...] = ()
    installers: Installers = Installers()
    editables: tuple[Editable, ...] = ()
    integrity: Integrity | None = None
    """None until somebody looked."""
    blas: str | None = None
    """The linear algebra library that numpy would load here, such as ``openblas (numpy.libs)``."""


class Environment(msgspec.Struct, frozen=True):
    """One environment as the inventory read it: where it is, and what it contains."""

    record: EnvironmentRecord
    snapshot: Snapshot


class Unread(msgspec.Struct, frozen=True):
    """A place that should have been looked at, and could not be."""

    path: str
    reason: str


class Scan(msgspec.Struct, frozen=True):
    """One look at a machine."""

    facts: MachineFacts
    environments: tuple[Environment, ...]
    is_incomplete: bool = False
    """The look ended before everything was seen: what is absent here is not known to be gone."""
    unread: tuple[Unread, ...] = ()
    """Where it could not look, and why."""
    passed_over: tuple[Unread, ...] = ()
    """Where it did not look on purpose, and why: that makes no scan incomplete."""


def snapshot_of(
    interpreter: Interpreter,
    packages: Iterable[Package],
    problems: Iterable[Problem] = (),
    *,
    system_packages: Iterable[Package] = (),
    broken_requirements: Iterable[BrokenRequirement] = (),
) -> Snapshot:
    """Answer the snapshot of these parts, whatever order they came in."""
    return Snapshot(
        interpreter=interpreter,
        packages=_sorted_packages(packages),
        problems=tuple(sorted(set(problems), key=lambda each: (each.kind, each.package or ""))),
        system_packages=_sorted_packages(system_packages),
        broken_requirements=tuple(
            sorted(
                set(broken_requirements), key=lambda each: (each.package, each.requirement, each.found or "")
            )
        ),
    )


def digest_of(document: msgspec.Struct) -> Digest:
    """Answer the sha256 of the document's canonical JSON: sorted keys, defaults left out, UTF-8."""
    return Digest("sha256:" + sha256(_canonical(document)).hexdigest())


def digest_of_text(text: str | bytes) -> Digest:
    """Answer the sha256 of a text as it is written (a lock file, a policy file)."""
    raw = text.encode() if isinstance(text, str) else text
    return Digest("sha256:" + sha256(raw).hexdigest())


def is_digest(text: str) -> bool:
    """Whether the text has the form of a digest."""
    return len(text) == 71 and text.startswith("sha256:") and all(c in "0123456789abcdef" for c in text[7:])


def is_commit(text: str | None) -> bool:
    """Whether the text is the whole name of a commit, by either of git's digests."""
    return text is not None and len(text) in (40, 64) and all(c in "0123456789abcdef" for c in text)


def _sorted_packages(packages: Iterable[Package]) -> tuple[Package, ...]:
    return tuple(sorted(map(_plain, set(packages)), key=_rank))


def _rank(package: Package) -> tuple[str, ...]:
    origin = package.origin
    told = (package.name, package.version, package.build, origin.kind, origin.url, origin.commit)
    return tuple(
        part or "" for part in (*told, origin.archive_digest, package.conda_name, package.conda_version)
    )


def _plain(package: Package) -> Package:
    return msgspec.structs.replace(package, origin=INDEX) if package.origin == INDEX else package


def _canonical(document: msgspec.Struct) -> bytes:
    # A default is left out where it is the very default. Before Python 3.11 `tuple(generator)` makes an empty
    # tuple that is another than `()`: read back, it is the one.
    as_read = msgspec.json.decode(msgspec.json.encode(document), type=type(document))
    return msgspec.json.encode(as_read, order="sorted")
