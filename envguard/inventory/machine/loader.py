"""Where the system's loader looks for shared libraries, as ``ld.so.conf`` (or musl's ``.path`` file) says.

Rules
1. The folders that are configured come before the loader's own, as in its cache.
2. Debian's folders of other architectures are passed over: the loader takes no library from them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from envguard.inventory.machine.files import MachineFiles

_FILES_CAP = 64
_FOLDERS_CAP = 64
_MULTIARCH = r"/(\w+)-linux-(?:gnu|musl)\w*(?:/|$)"
_DEBIAN_NAMES = {"ppc64le": "powerpc64le", "i686": "i386", "i586": "i386", "armv7l": "arm", "armv6l": "arm"}
"""The kernel's names of architectures that Debian's folders call otherwise."""


def library_folders(files: MachineFiles, architecture: str) -> tuple[str, ...]:
    """Answer the folders for programs of this architecture in their order, each once."""
    own = _DEBIAN_NAMES.get(architecture, architecture)
    folders = dict.fromkeys([*_configured(files), *_of_the_loader(files)])
    return tuple(each for each in folders if _architecture(each) in (None, own))[:_FOLDERS_CAP]


def _architecture(folder: str) -> str | None:
    match = re.search(_MULTIARCH, folder)
    return match[1] if match else None


def _configured(files: MachineFiles) -> Iterator[str]:
    for line in _lines(files, "/etc/ld.so.conf"):
        words = line.split()
        if words[0] != "include":
            yield from _folders(line)
            continue
        for pattern in words[1:]:
            for path in _matching(files, pattern):
                for included in _lines(files, path):
                    yield from _folders(included)


def _of_the_loader(files: MachineFiles) -> Iterator[str]:
    for name in files.names("/etc"):
        if name.startswith("ld-musl-") and name.endswith(".path"):
            for line in _lines(files, f"/etc/{name}"):
                yield from _folders(line.replace(":", " "))
    for parent in ("/lib", "/usr/lib"):
        yield from (f"{parent}/{name}" for name in files.names(parent) if re.search(_MULTIARCH, f"/{name}"))
    yield from ("/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib")


def _matching(files: MachineFiles, pattern: str) -> list[str]:
    """The files of a pattern; of all that a shell knows, one star is what these files use."""
    folder, name = os.path.split(os.path.normpath(os.path.join("/etc", pattern)))
    start, _, end = name.partition("*")
    matching = [each for each in files.names(folder) if each.startswith(start) and each.endswith(end)]
    return [f"{folder}/{each}" for each in matching[:_FILES_CAP]]


def _lines(files: MachineFiles, path: str) -> Iterator[str]:
    for line in files.text(path).splitlines():
        content = line.partition("#")[0].strip()
        if content:
            yield content


def _folders(line: str) -> Iterator[str]:
    """Yield the absolute folders of a line; a suffix such as ``=libc6`` is not part of one."""
    for word in line.replace(",", " ").split():
        folder = word.partition("=")[0]
        if folder.startswith("/"):
            yield os.path.normpath(folder)
