"""Conda's own packages in a prefix, as its records in ``conda-meta`` tell them.

Rules
1. A record whose files hold a ``dist-info`` or ``egg-info`` is a distribution of Python's, under whatever
   name conda has for it: it says which build that is and what conda calls it, and is counted there.
2. That is so only while the folder which it names is there and nobody else installed it since: pip replaces
   conda's files and leaves its records as they were.
3. All other records are system packages: libraries, compilers, Python itself.
"""

from __future__ import annotations

import os
import re

import msgspec

from envguard.domain.environment import Origin, Package, ProblemDetail
from envguard.inventory.files import Reader, reason_of, shown

FOLDER = "conda-meta"
"""Where conda, mamba and pixi keep a record of each package, below the prefix."""

_CAP_BYTES = 64 * 1024 * 1024
_DISTRIBUTION = rb'(?i)site-packages/([^/"\\]+\.(?:dist-info|egg-info))'
_PYTHON = r"python-(\d+\.\d+\.\w+)-([^-]+)\.json"
_CONDA = Origin(kind="conda")


class Recorded(msgspec.Struct, frozen=True):
    """What conda calls a distribution of Python's, its version, and its build string, which may be empty."""

    name: str
    version: str
    build: str


class CondaRecords(msgspec.Struct, frozen=True):
    """What the records of one prefix say."""

    distributions: dict[str, Recorded] = {}
    """By the name of the metadata's folder or file."""
    system_packages: tuple[Package, ...] = ()
    problems: tuple[ProblemDetail, ...] = ()
    looked_at: tuple[str, ...] = ()
    """The records' paths."""


class RecordedPython(msgspec.Struct, frozen=True):
    """A Python that conda installed, as the name of its record tells."""

    version: str
    is_pypy: bool

    @property
    def minor(self) -> str:
        """Such as ``3.11``."""
        return ".".join(self.version.split(".")[:2])


class _Record(msgspec.Struct):
    name: str
    version: str
    build: str = ""


NO_RECORDS = CondaRecords()
"""Those of a prefix that is not conda's."""


def read_conda_records(reader: Reader, prefix: str) -> CondaRecords:
    """Answer the records of a prefix; :data:`NO_RECORDS` where it is not conda's."""
    folder = os.path.join(prefix, FOLDER)
    try:
        names = [name for name in reader.names(folder) if name.endswith(".json")]
    except (FileNotFoundError, NotADirectoryError):
        return NO_RECORDS
    except OSError as error:
        trouble = ProblemDetail("unreadable", None, f"{shown(folder)}: {reason_of(error)}")
        return CondaRecords(problems=(trouble,))
    looked_at = tuple(os.path.join(folder, name) for name in names)
    distributions: dict[str, Recorded] = {}
    others: list[Package] = []
    problems: list[ProblemDetail] = []
    for name in names:
        path = os.path.join(folder, name)
        try:
            content = reader.read(path, cap_bytes=_CAP_BYTES)
            record = msgspec.json.decode(content, type=_Record)
        except OSError as error:
            problems.append(_unreadable(name, path, reason_of(error)))
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            problems.append(_unreadable(name, path, "not a record of conda's"))
        else:
            places = {os.fsdecode(place) for place in re.findall(_DISTRIBUTION, content)}
            recorded = Recorded(shown(record.name), shown(record.version), shown(record.build))
            distributions.update(dict.fromkeys(places, recorded))
            if not places:
                others.append(_package(record))
    return CondaRecords(distributions, tuple(others), tuple(problems), looked_at)


def pythons_in(reader: Reader, prefix: str) -> list[RecordedPython]:
    """Answer the Pythons that conda installed into a prefix; OSError where its records cannot be listed."""
    try:
        names = reader.names(os.path.join(prefix, FOLDER))
    except (FileNotFoundError, NotADirectoryError):
        return []
    matches = (re.fullmatch(_PYTHON, name) for name in names)
    return [RecordedPython(match[1], "pypy" in match[2]) for match in matches if match]


def _package(record: _Record) -> Package:
    return Package(shown(record.name), shown(record.version), _CONDA, shown(record.build) or None)


def _unreadable(file_name: str, path: str, reason: str) -> ProblemDetail:
    """The file is called NAME-VERSION-BUILD.json."""
    name = shown(file_name.rsplit("-", 2)[0].removesuffix(".json"))
    return ProblemDetail("unreadable", name, f"{shown(path)}: {reason}")
