"""What can make equal environments behave differently on two machines.

Rules
1. Told by files below the machine's root, and by the few system calls in :class:`Told`; nothing is executed,
   nothing fails, nothing takes long. What no file tells is None.
2. Two looks at one machine are equal, so nothing that moves by itself is a fact: no clock, no free memory, no
   names, no serial numbers, no variables of the shell that asks.
3. Two machines of one build are equal: memory is what is built in and not what the kernel left of it.
"""

from __future__ import annotations

import os
import re

import msgspec

from envguard.domain.facts import MachineFacts
from envguard.inventory.files import shown
from envguard.inventory.machine import cpu
from envguard.inventory.machine.blas import machine_blas
from envguard.inventory.machine.files import MachineFiles
from envguard.inventory.machine.gpus import cuda_toolkits, gpus_of, nvidia_driver
from envguard.inventory.machine.libc import libc_of

_MEMORY = re.compile(r"^MemTotal:[ \t]*([0-9]{1,14}) kB$", re.MULTILINE)
_RELEASE = re.compile(r"""^(NAME|VERSION_ID)=["']?([^"'\n]*)["']?$""", re.MULTILINE)
_STEPS = 8
"""Between a power of two and the next: memory is built in from parts of no finer size."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the running system answers when it is asked, where a file might say otherwise."""

    system: str
    """``Linux``, ``Darwin``."""
    os: str | None = None
    """The system's name where no file tells it, such as ``macOS 15.1``."""
    release: str
    version: str
    architecture: str
    libc: str | None = None
    """None where this Python was not made for glibc: then files tell."""
    cpu_count: int | None = None
    memory_bytes: int | None = None
    """None where a file tells."""


def machine_facts(root: str = "/", told: Told | None = None) -> MachineFacts:
    """Answer the facts of the machine that this runs on.

    ``root`` is the folder that stands for ``/``; ``told`` what to believe instead of the running system.
    """
    files = MachineFiles(root)
    told = told or ask_system()
    processor = cpu.first_processor(files)
    return MachineFacts(
        os=_os_name(files, told),
        kernel=told.release,
        kernel_version=told.version,
        libc=told.libc or libc_of(files, told.architecture),
        architecture=told.architecture,
        cpu=cpu.cpu_model(processor),
        cpu_count=cpu.cpu_count(files) or told.cpu_count,
        simd=cpu.simd_level(told.architecture, processor),
        memory_bytes=_memory_bytes(files, told),
        gpus=gpus_of(files),
        nvidia_driver=nvidia_driver(files),
        cuda=cuda_toolkits(files),
        blas=machine_blas(files, told.architecture),
    )


def ask_system() -> Told:
    """Answer what the system says of itself, by system calls and no child."""
    import platform

    told = Told(
        system=platform.system(),
        release=platform.release(),
        version=platform.version(),
        architecture=platform.machine(),
        libc=_glibc(),
        cpu_count=os.cpu_count(),
    )
    if told.system != "Darwin":
        return told
    import psutil

    memory_bytes = int(psutil.virtual_memory().total)
    return msgspec.structs.replace(told, os=f"macOS {platform.mac_ver()[0]}", memory_bytes=memory_bytes)


def os_name_in(release: str) -> str | None:
    """Answer a name such as ``Debian GNU/Linux 12`` from the text of an os-release file."""
    found = dict(_RELEASE.findall(release))
    return shown(" ".join(found[key] for key in ("NAME", "VERSION_ID") if found.get(key))) or None


def built_in_bytes(usable_bytes: int) -> int:
    """Answer the memory that a machine has, from what its kernel left usable.

    A kernel takes one to three per cent for itself, and another release of it takes another share, so the
    exact figure would tell equal machines apart. It is rounded up to an eighth of the power of two below it:
    62.7 GiB are 64, and 23.5 are 24.
    """
    step = max((1 << max(usable_bytes.bit_length() - 1, 0)) // _STEPS, 1)
    return -(-usable_bytes // step) * step


def _os_name(files: MachineFiles, told: Told) -> str:
    named = told.os or os_name_in(files.text("/etc/os-release") or files.text("/usr/lib/os-release"))
    return named or f"{told.system} {told.release}"


def _glibc() -> str | None:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):
        return None


def _memory_bytes(files: MachineFiles, told: Told) -> int | None:
    match = _MEMORY.search(files.text("/proc/meminfo"))
    return built_in_bytes(int(match[1]) * 1024) if match else told.memory_bytes
