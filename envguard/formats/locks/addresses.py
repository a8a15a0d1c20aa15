"""Direct references: an address, or a path, as where a package must come from, and what its name tells.

Rules
1. Addresses lose user, password, query and fragment, as those that installers noted do in an inventory: each
   can carry a credential, and both must be comparable. Of local places nothing is kept.
2. A repository is a pin with a full commit only: a branch or a tag is whatever it is on that day.
3. A variable (``${TOKEN}``) may stand where a credential does. Anywhere else it would make the lock another
   one on each machine.
"""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple
from urllib.parse import unquote

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from envguard.domain.environment import Origin
from envguard.domain.locks.lock import Artifact, LockedPackage
from envguard.errors import PolicyError
from envguard.formats.files import shown

ARCHIVE_SUFFIXES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar")
"""How the name of an archive ends that pip installs."""

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:\?[^#]*)?(?:#(.*))?", re.DOTALL)
_VCS = {"git": 40, "hg": 40, "bzr": 0, "svn": 0}
"""Version control systems, and the digits of a full commit; 0: their revisions are numbers."""
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_ALGORITHMS = frozenset(("md5", "sha1", "sha224", "sha256", "sha384", "sha512"))
_HEX = re.compile(r"[0-9a-f]{1,128}")
_LONGEST_FILENAME = 255
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,198}[A-Za-z0-9])?")


class Reference(NamedTuple):
    """What an address, or a path, says."""

    origin: Origin
    name: str | None = None
    """Normalised; None where it does not say."""
    version: str | None = None
    artifacts: tuple[Artifact, ...] = ()
    location: str | None = None
    """A relative path, as it is written."""
    subdirectory: str | None = None

    def package(self, name: str, marker: str | None) -> LockedPackage:
        """Answer the entry that wants the package from here."""
        return LockedPackage(
            name=name,
            version=self.version,
            marker=marker,
            origin=self.origin,
            location=self.location,
            subdirectory=self.subdirectory,
            artifacts=self.artifacts,
        )


def parse_reference(text: str, where: str, *, is_editable: bool = False) -> Reference:
    """Answer what a direct reference says; raises PolicyError where it is none, or no pin.

    ``text`` is an address with ``://``, or a path.
    """
    match = _ADDRESS.fullmatch(text)
    scheme, host, path, fragment = match.groups() if match is not None else ("file", "", text, None)
    host = host.rpartition("@")[2]
    refuse_variables(f"{host}{path}", where)
    marks = dict(part.partition("=")[::2] for part in (fragment or "").split("&"))
    named = _egg(marks.get("egg", ""))
    within = unquote(marks.get("subdirectory", "")) or None
    location = text if match is None and not text.startswith(("/", "file:")) else None
    vcs, plus, transport = scheme.lower().partition("+")
    if plus and vcs in _VCS:
        address = None if transport == "file" else f"{scheme[len(vcs) + 1 :]}://{host}"
        origin = _repository(vcs, address, path, where, is_editable=is_editable)
        return Reference(origin, named, subdirectory=within)
    if is_editable:
        return Reference(Origin(kind="editable"), named, location=location)
    digests = tuple(f"{kind}:{value}" for kind, value in marks.items() if is_digest_of(kind, value))
    address = None if scheme.lower() == "file" else _whole(f"{scheme}://{host}{path}")
    found = _file(address, unquote(posixpath.basename(path)), digests, named)
    return found._replace(location=location, subdirectory=within)


def parse_digest(text: str) -> str | None:
    """Answer a digest such as ``sha256:`` and hexadecimal digits, in small letters; None where it is none."""
    kind, _, value = text.strip().lower().partition(":")
    return f"{kind}:{value}" if is_digest_of(kind, value) else None


def is_digest_of(kind: str, value: str) -> bool:
    """Whether the value is a digest of this algorithm."""
    return kind in _ALGORITHMS and _HEX.fullmatch(value) is not None


def is_address(text: str) -> bool:
    """Whether a word is an address or a path, as pip tells them from names."""
    path = text.partition("#")[0]
    is_path = path in (".", "..") or path.startswith(("./", "../", "/", "file:"))
    return is_path or "://" in text or path.lower().endswith(ARCHIVE_SUFFIXES)


def refuse_variables(text: str, where: str) -> None:
    """Raise PolicyError where the text names a variable of the environment."""
    found = _VARIABLE.search(text)
    if found is not None:
        what = f"a variable is another value on each machine: `{found[0]}`"
        raise PolicyError(what, where=where, hint="write the value; only a credential may be a variable")


def is_name(text: str) -> bool:
    """Whether a distribution may be called so."""
    return _NAME.fullmatch(text) is not None


def repository(vcs: str, url: str | None, revision: str, where: str, *, is_editable: bool) -> Origin:
    """Answer the origin of a repository at a revision; raises PolicyError where that is no full commit."""
    if is_editable:
        return Origin(kind="editable")
    digits = _VCS[vcs]
    is_full = bool(
        revision.isascii() and revision.isdigit()
        if not digits
        else _HEX.fullmatch(revision) and len(revision) in (digits, 64)
    )
    if not is_full:
        what = f"not a pin: no full commit: `{shown(revision)}`" if revision else "not a pin: no commit"
        hint = f"{vcs}+https://HOST/PATH@COMMIT, the commit in full: what a branch or a tag names can move"
        raise PolicyError(what, where=where, hint=hint)
    return Origin(kind="vcs", url=None if url is None else _whole(url), commit=revision)


def _repository(vcs: str, address: str | None, path: str, where: str, *, is_editable: bool) -> Origin:
    before, at, revision = path.rpartition("@")
    url = None if address is None else address + (before if at else path)
    return repository(vcs, url, revision if at else "", where, is_editable=is_editable)


def _file(address: str | None, filename: str, digests: tuple[str, ...], named: str | None) -> Reference:
    name, version = named, None
    if filename.lower().endswith(ARCHIVE_SUFFIXES):
        told = name_and_version(filename)
        if told is not None:
            name, version = told
        artifacts = (Artifact(filename, digests),)
        return Reference(Origin(kind="archive", url=address), name, version, artifacts)
    if address is None:
        return Reference(Origin(kind="directory"), name)
    return Reference(Origin(kind="archive", url=address), name, None, (Artifact("", digests),))


def name_and_version(filename: str) -> tuple[str, str] | None:
    """Answer name and version of a wheel or a source archive; None where its file's name does not tell."""
    if len(filename) > _LONGEST_FILENAME:
        return None
    try:
        if filename.endswith(".whl"):
            name, version, _, _ = parse_wheel_filename(filename)
        else:
            name, version = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return str(name), str(version)


def _whole(address: str) -> str:
    """The address as it can be compared: an error may cut what it shows, a lock not."""
    return address if address.isprintable() else shown(address)


def _egg(text: str) -> str | None:
    name = text.partition("[")[0]
    return str(canonicalize_name(name)) if is_name(name) else None
