"""What can make equal environments behave differently on two machines.

Told by the kernel's files and system calls where there are any; nothing here fails or takes long.
"""

from __future__ import annotations

import os
import platform
import re
import sys

from envguard.domain.facts import MachineFacts
from envguard.inventory.files import Reader, shown

_CAP_BYTES = 64 * 1024
_MODEL = re.compile(r"^(?:model name|Model|cpu model)\s*:\s*(.+)$", re.MULTILINE)
_MEMORY = re.compile(r"^MemTotal:\s*(\d+) kB$", re.MULTILINE)
_RELEASE = re.compile(r"""^(NAME|VERSION_ID)=["']?([^"'\n]*)["']?$""", re.MULTILINE)


def machine_facts() -> MachineFacts:
    """Answer the facts of the machine that this runs on."""
    return MachineFacts(
        os=_os_name(),
        kernel=platform.release(),
        kernel_version=platform.version(),
        libc=_libc(),
        architecture=platform.machine(),
        cpu=_cpu(_text("/proc/cpuinfo")),
        cpu_count=os.cpu_count(),
        memory_bytes=_memory_bytes(_text("/proc/meminfo")),
    )


def os_name_in(release: str) -> str | None:
    """Answer a name such as ``Debian GNU/Linux 12`` from the text of an os-release file."""
    found = dict(_RELEASE.findall(release))
    return shown(" ".join(found[key] for key in ("NAME", "VERSION_ID") if found.get(key))) or None


def _os_name() -> str:
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    told = os_name_in(_text("/etc/os-release") or _text("/usr/lib/os-release"))
    return told or f"{platform.system()} {platform.release()}"


def _libc() -> str | None:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):
        return None


def _cpu(cpuinfo: str) -> str | None:
    match = _MODEL.search(cpuinfo)
    return shown(match[1].strip()) if match else (platform.processor() or None)


def _memory_bytes(meminfo: str) -> int | None:
    match = _MEMORY.search(meminfo)
    if match:
        return int(match[1]) * 1024
    try:
        import psutil
    except ImportError:
        return None
    return int(psutil.virtual_memory().total)


def _text(path: str) -> str:
    try:
        return Reader(0).read_head(path, cap_bytes=_CAP_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
