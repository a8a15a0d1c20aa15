"""What others say is installed: the interpreter itself, pip and uv.

Each answer is a set of (normalised name, version). ``importlib.metadata`` gives versions as they are written;
pip and uv rewrite some to the form of PEP 440, so versions are compared by their meaning where they have one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypedDict

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envguard.domain.environment import Environment, Origin
from tests.inventory.asking import what_it_lists
from tests.inventory.oracle.children import own_tool, run

Listing = set[tuple[str, str]]

_PATH = """
import json, sys
print(json.dumps(sys.path[1:] if sys.path[0] == '' else sys.path))
"""


class Row(TypedDict, total=False):
    """One entry of ``pip list --format json``, and of uv's, which imitates it."""

    name: str
    version: str
    editable_project_location: str


def what_we_read(environment: Environment) -> Listing:
    """Answer our own listing, in the form that is compared."""
    return listing((package.name, package.version) for package in environment.snapshot.packages)


def what_the_interpreter_finds(python: Path) -> Listing:
    """Answer what ``importlib.metadata`` lists, or ``pkg_resources`` before 3.8."""
    return listing(what_it_lists(python))


def what_pip_lists(python: Path, environ: Mapping[str, str]) -> Listing:
    """Answer what the environment's own pip lists."""
    return listing((row["name"], row["version"]) for row in pip_rows(python, environ))


def pip_rows(python: Path, environ: Mapping[str, str]) -> list[Row]:
    """Answer ``pip list`` as it is."""
    rows: list[Row] = json.loads(run([python, "-m", "pip", "list", "--format", "json"], environ))
    return rows


def uv_rows(python: Path, environ: Mapping[str, str]) -> list[Row]:
    """Answer ``uv pip list`` as it is."""
    command: list[str | Path] = [
        own_tool("uv"),
        "--quiet",
        "pip",
        "list",
        "--format",
        "json",
        "--python",
        python,
    ]
    rows: list[Row] = json.loads(run(command, environ))
    return rows


def what_uv_lists(python: Path, environ: Mapping[str, str]) -> Listing:
    """Answer what uv lists."""
    return listing((row["name"], row["version"]) for row in uv_rows(python, environ))


def origins_by_pip(python: Path, environ: Mapping[str, str]) -> dict[str, Origin]:
    """Answer the origins in ``pip inspect``, without local addresses, of what is from no index."""
    report = json.loads(run([python, "-m", "pip", "inspect"], environ))
    told: dict[str, Origin] = {}
    for entry in report["installed"]:
        direct = entry.get("direct_url")
        if direct is None:
            continue
        name = canonicalize_name(entry["metadata"]["name"])
        if "vcs_info" in direct:
            told[name] = Origin("vcs", commit=direct["vcs_info"]["commit_id"])
        elif "dir_info" in direct:
            told[name] = Origin("editable" if direct["dir_info"].get("editable") else "directory")
        else:
            digest = direct["archive_info"].get("hashes", {}).get("sha256")
            told[name] = Origin("archive", archive_digest=digest and f"sha256:{digest}")
    return told


def folders_on_path(python: Path, environ: Mapping[str, str]) -> list[str]:
    """Answer ``sys.path`` without the standard library, which is what it is without ``site``."""
    without = json.loads(run([python, "-S", "-c", _PATH], environ))
    return [folder for folder in json.loads(run([python, "-c", _PATH], environ)) if folder not in without]


def listing(pairs: Iterable[tuple[str, str]]) -> Listing:
    """Answer names by PEP 503 and versions by PEP 440, as far as they are some."""
    return {(canonicalize_name(name), _plain(version)) for name, version in pairs}


def _plain(version: str) -> str:
    try:
        return str(Version(version))
    except InvalidVersion:
        return version
