"""Conda's platforms, told in the words of markers (PEP 508)."""

from __future__ import annotations

import re

from envguard.domain.locks.lock import Artifact, LockedPackage
from envguard.formats.locks.addresses import parse_digest

_SYSTEMS = {"linux": "linux", "osx": "darwin", "win": "win32", "emscripten": "emscripten", "wasi": "wasi"}
_MACHINES = {"64": "x86_64", "32": "i686", "win-64": "AMD64", "win-32": "x86", "win-arm64": "ARM64"}
_PART = re.compile(r"[A-Za-z0-9_.!+-]{1,200}")
_ARCHIVE_SUFFIXES = (".conda", ".tar.bz2")


def platform_marker(platform: str) -> str | None:
    """Answer the marker of a platform such as ``linux-64``; None where it is none of conda's."""
    system, _, machine = platform.partition("-")
    if system not in _SYSTEMS or not machine.isalnum() or not machine.isascii():
        return None
    name = _MACHINES.get(platform) or _MACHINES.get(machine, machine)
    return f'sys_platform == "{_SYSTEMS[system]}" and platform_machine == "{name}"'


def parts_of_file(filename: str) -> tuple[str, str, str] | None:
    """Answer name, version and build that a package file of conda's is named by; None where it is none."""
    for suffix in _ARCHIVE_SUFFIXES:
        if filename.endswith(suffix):
            rest, _, build = filename[: -len(suffix)].rpartition("-")
            name, _, version = rest.rpartition("-")
            is_whole = all(_PART.fullmatch(part) for part in (name, version, build))
            return (name.lower(), version, build) if is_whole else None
    return None


def conda_package(
    filename: str, parts: tuple[str, str, str], digests: tuple[str, ...], marker: str | None
) -> LockedPackage:
    """Answer the entry that wants this very file of conda's."""
    name, version, build = parts
    return LockedPackage(
        name=name,
        version=version,
        build=build,
        marker=marker,
        ecosystem="conda",
        artifacts=(Artifact(filename, digests),),
    )


def bare_digest(text: str) -> str | None:
    """Answer a digest as conda writes it behind an address: md5 bare, sha256 with its name."""
    return parse_digest(text if ":" in text else f"md5:{text}")
