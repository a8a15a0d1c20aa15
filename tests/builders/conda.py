"""Prefixes as conda makes them: a record for each package, and the metadata of Python's distributions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.builders.environments import write_dist_info
from tests.builders.places import lay_out_python


class CondaPackage(msgspec.Struct, frozen=True):
    """A package of conda's, and the distributions that lie in it."""

    name: str
    version: str
    build: str
    distributions: tuple[tuple[str, str], ...] = ()
    """Names and versions, as their metadata says."""
    installer: str = "conda"
    """Who wrote its files last: pip replaces them and leaves conda's record."""


def make_prefix(folder: Path, packages: Sequence[CondaPackage], python: str = "3.11.7") -> Path:
    """Lay out a prefix with these packages and answer its folder; ``python`` itself needs a record, too."""
    lay_out_python(folder, python)
    (folder / "conda-meta").mkdir()
    (folder / "conda-meta" / "history").touch()
    for package in packages:
        add_conda_package(folder, package)
    return folder


def add_conda_package(prefix: Path, package: CondaPackage) -> None:
    """Write what conda writes of a package."""
    (site,) = prefix.glob("lib/python3*/site-packages")
    files = [f"lib/{package.name}.txt"]
    for name, version in package.distributions:
        place = write_dist_info(site, name, version, INSTALLER=f"{package.installer}\n")
        files.append(f"{place.relative_to(prefix)}/METADATA")
    record = {"name": package.name, "version": package.version, "build": package.build, "files": files}
    path = prefix / "conda-meta" / f"{package.name}-{package.version}-{package.build}.json"
    path.write_text(json.dumps(record, indent=2), encoding="utf-8")
