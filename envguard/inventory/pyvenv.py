"""``pyvenv.cfg``: what makes a folder a virtual environment.

Rules (as ``getpath`` and ``site`` read it)
1. The first ``home`` and the first version count, the last ``include-system-site-packages``.
2. That key absent means *true*; only ``true``, in any capitals, is true.
3. The version is the one at creation; it goes stale when the base is patched in place.
4. The file may also lie beside the interpreter; an empty one makes an environment, too.
5. One that cannot be read, or is not UTF-8, makes an environment whose interpreter would not start.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import msgspec

from envguard.inventory.files import reason_of, shown

if TYPE_CHECKING:
    from envguard.inventory.files import Reader

NAME = "pyvenv.cfg"
"""The file that marks an environment's folder."""

_CAP_BYTES = 64 * 1024
_VERSION = re.compile(r"\d{1,4}\.\d{1,4}(?:\.\d{1,4}(?:(?:a|b|rc)\d{1,4})?\+?)?(?!\d)")


class VenvConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says."""

    home: str | None
    """The folder of the base's interpreter."""
    includes_system_site: bool
    version: str | None
    """Such as ``3.11.7``; None where no key tells one."""
    is_virtualenv: bool
    """Made by virtualenv, not by ``venv`` or uv."""
    is_uv: bool
    """Made by uv."""
    fault: str | None = None
    """Why the file could not be read, or why no interpreter would start here."""


def read_config(reader: Reader, prefix: str) -> VenvConfig | None:
    """Answer what the environment's file says; None where there is no such file."""
    for path in config_places(prefix):
        if os.path.lexists(path):
            try:
                return parse_config(reader.read(path, cap_bytes=_CAP_BYTES))
            except OSError as error:
                return _faulty(f"{shown(path)}: {reason_of(error)}")
    return None


def config_places(prefix: str) -> tuple[str, str]:
    """Answer where the file may lie, in the order in which it is looked for."""
    return os.path.join(prefix, "bin", NAME), os.path.join(prefix, NAME)


def parse_config(content: bytes) -> VenvConfig:
    """Answer what the text of a ``pyvenv.cfg`` says; a value that holds a NUL counts as absent."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return _faulty("pyvenv.cfg: not UTF-8: the interpreter would not start")
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    for line in text.replace("\r", "\n").split("\n"):
        key, found, value = line.partition("=")
        if found and "\0" not in value:
            first.setdefault(key.strip().lower(), value.strip())
            last[key.strip().lower()] = value.strip()
    return VenvConfig(
        home=first.get("home") or None,
        includes_system_site=last.get("include-system-site-packages", "true").lower() == "true",
        version=_version(first.get("version") or first.get("version_info") or ""),
        is_virtualenv="virtualenv" in first,
        is_uv="uv" in first,
    )


def _faulty(fault: str) -> VenvConfig:
    return VenvConfig(
        home=None, includes_system_site=False, version=None, is_virtualenv=False, is_uv=False, fault=fault
    )


def _version(text: str) -> str | None:
    """Also virtualenv's ``3.11.7.final.0``."""
    match = _VERSION.match(text)
    return match[0] if match else None
