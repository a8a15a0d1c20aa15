"""Which processor a machine has, and the widest instructions that its code may use.

Rules
1. x86-64 levels are those of the psABI ("Micro-architecture levels"), told by the kernel's names for their
   features; OSFXSR, SCE and OSXSAVE have none and are implied by ``lm``, ``syscall`` and ``xsave``.
2. Arm levels are the versions of the architecture whose features the kernel shows to programs. What came
   after 8.5 is optional, or invisible to programs: it is told by name.
3. Beside the level stand the extensions beyond it by which numeric libraries choose other kernels, so that
   equal packages give other digits.
"""

from __future__ import annotations

import re

from envguard.inventory.machine.files import MachineFiles, word_of

_X86_LEVELS: tuple[tuple[str, frozenset[str]], ...] = (
    ("x86-64-v1", frozenset({"lm", "cmov", "cx8", "fpu", "fxsr", "mmx", "syscall", "sse", "sse2"})),
    ("x86-64-v2", frozenset({"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"})),
    ("x86-64-v3", frozenset({"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"})),
    ("x86-64-v4", frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"})),
)
_X86_EXTRAS = (
    *("avx", "fma", "avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_int8", "amx_bf16", "amx_fp16"),
)
_ARM_LEVELS: tuple[tuple[str, frozenset[str]], ...] = (
    ("armv8.0-a", frozenset({"fp", "asimd"})),
    ("armv8.1-a", frozenset({"crc32", "atomics", "asimdrdm"})),
    ("armv8.2-a", frozenset({"dcpop"})),
    ("armv8.3-a", frozenset({"fcma", "jscvt", "lrcpc"})),
    ("armv8.4-a", frozenset({"asimddp", "dit", "flagm", "ilrcpc", "uscat"})),
    ("armv8.5-a", frozenset({"dcpodp", "flagm2", "frint", "sb"})),
)
_ARM_EXTRAS = ("asimdhp", "asimddp", "asimdfhm", "i8mm", "bf16", "sve", "sve2", "sme")
_ARM_PARTS = {
    ("0x41", "0xd03"): "Cortex-A53",
    ("0x41", "0xd07"): "Cortex-A57",
    ("0x41", "0xd08"): "Cortex-A72",
    ("0x41", "0xd0b"): "Cortex-A76",
    ("0x41", "0xd0c"): "Neoverse-N1",
    ("0x41", "0xd40"): "Neoverse-V1",
    ("0x41", "0xd49"): "Neoverse-N2",
    ("0x41", "0xd4f"): "Neoverse-V2",
    ("0x46", "0x001"): "A64FX",
    ("0xc0", "0xac3"): "Ampere-1",
}
"""(implementer, part) of the main ID register, for servers and boards that compute."""

_PAIR = re.compile(r"^([^:\n]*?)[ \t]*:[ \t]*([^\n]*)$", re.MULTILINE)
_RANGE = re.compile(r"([0-9]{1,6})(?:-([0-9]{1,6}))?")


def first_processor(files: MachineFiles) -> dict[str, str]:
    """Answer what ``/proc/cpuinfo`` says of the first processor, by its own words."""
    return parse_processor(files.text("/proc/cpuinfo"))


def parse_processor(cpuinfo: str) -> dict[str, str]:
    """Answer the pairs of the first paragraph; of one word, the first."""
    pairs: dict[str, str] = {}
    for key, value in _PAIR.findall(cpuinfo.lstrip("\n").partition("\n\n")[0]):
        pairs.setdefault(key.strip(), value)
    return pairs


def cpu_model(processor: dict[str, str]) -> str | None:
    """Answer the processor's name; an Arm's number where it has none, None where nothing tells."""
    named = processor.get("model name") or processor.get("cpu model") or processor.get("cpu")
    if named:
        return word_of(named) or None
    implementer, part = processor.get("CPU implementer"), processor.get("CPU part")
    if implementer is None or part is None:
        return None
    return _ARM_PARTS.get((implementer, part)) or word_of(f"Arm {implementer}:{part}")


def simd_level(architecture: str, processor: dict[str, str]) -> str | None:
    """Answer the level and the extensions beyond it; None for other architectures, and where none is told."""
    if architecture in ("x86_64", "amd64"):
        return level_of(frozenset(processor.get("flags", "").split()), _X86_LEVELS, _X86_EXTRAS)
    if architecture in ("aarch64", "arm64"):
        return level_of(frozenset(processor.get("Features", "").split()), _ARM_LEVELS, _ARM_EXTRAS)
    return None


def level_of(
    flags: frozenset[str], levels: tuple[tuple[str, frozenset[str]], ...], extras: tuple[str, ...]
) -> str | None:
    """Answer the last level that is there whole, with all before it; then the extras beyond it."""
    reached: str | None = None
    implied: frozenset[str] = frozenset()
    for name, needed in levels:
        if not needed <= flags:
            break
        reached, implied = name, implied | needed
    if reached is None:
        return None
    return " ".join([reached, *(extra for extra in extras if extra in flags - implied)])


def cpu_count(files: MachineFiles) -> int | None:
    """Answer how many logical processors are in use; None where the kernel does not tell."""
    return parse_count(files.word("/sys/devices/system/cpu/online"))


def parse_count(ranges: str) -> int | None:
    """Answer how many numbers ``0-3,8`` names; None where it is no such list."""
    count = 0
    for part in ranges.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            return None
        count += max(int(match[2] or match[1]) - int(match[1]) + 1, 0)
    return count or None
