"""Which C library a machine's programs load, told by its files.

Rules
1. glibc's file says "GNU C Library ... release version"; it is looked for where the loader looks.
2. musl's loader holds its version as a text of its own; it counts where no glibc is found.
"""

from __future__ import annotations

import re

from envguard.inventory.machine.files import MachineFiles
from envguard.inventory.machine.loader import library_folders

_CAP_BYTES = 8 * 1024 * 1024
_GLIBC = rb"GNU C Library [^\n\0]{0,200}? version ([0-9]{1,3}(?:\.[0-9]{1,4}){1,2})"
_MUSL_NAME = r"ld-musl-[^/]+\.so\.1"
_MUSL = rb"\0([0-9]\.[0-9]{1,3}\.[0-9]{1,3}(?:_git[0-9]{1,8})?)\0"


def libc_of(files: MachineFiles, architecture: str) -> str | None:
    """Answer such as ``glibc 2.36`` or ``musl 1.2.4``; None where neither is found."""
    for folder in library_folders(files, architecture):
        version = glibc_version(files.head(f"{folder}/libc.so.6", cap_bytes=_CAP_BYTES))
        if version is not None:
            return f"glibc {version}"
    for name in files.names("/lib"):
        if re.fullmatch(_MUSL_NAME, name):
            version = musl_version(files.head(f"/lib/{name}", cap_bytes=_CAP_BYTES))
            if version is not None:
                return f"musl {version}"
    return None


def glibc_version(content: bytes) -> str | None:
    """Answer the version that a ``libc.so.6`` holds."""
    match = re.search(_GLIBC, content)
    return match[1].decode() if match else None


def musl_version(content: bytes) -> str | None:
    """Answer the version that a ``ld-musl-*.so.1`` holds."""
    match = re.search(_MUSL, content) if b"musl libc" in content else None
    return match[1].decode() if match else None
