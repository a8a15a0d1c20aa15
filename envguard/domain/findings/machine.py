"""What a policy asks of the machine around an environment.

Rules
1. Versions (driver, CUDA, glibc, musl, kernel) are asked by PEP 440 specifiers, of the numbers that the fact
   begins with; of several CUDA toolkits one must meet it.
2. Memory is asked by a comparison and a size; the SIMD level by a comparison with one of its names, whatever
   the processor has besides (``x86-64-v4 avx512_bf16``).
3. All else is asked by a pattern, without regard to case; of several GPUs every one must meet it.
4. A fact that the machine does not have meets nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from envguard.domain.facts import MachineFacts
from envguard.domain.findings.finding import Finding
from envguard.domain.policy import MachineFact, MachineRule
from envguard.domain.versions import allows

VERSION_FACTS: tuple[MachineFact, ...] = ("cuda", "glibc", "kernel", "musl", "nvidia-driver")
"""Facts that a PEP 440 specifier set is asked of."""

_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_SIZE = r"(?i)(>=|<=|==|>|<)\s*(\d{1,15}(?:\.\d{1,6})?)\s*([KMGT]i?B|)"
_COMPARED = r"(>=|<=|==|>|<)\s*(\S.*)"
_NUMBERS = r"\d+(\.\d+)*"
_LEVELS = ("x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4")


def machine_findings(rules: Iterable[MachineRule], facts: MachineFacts) -> Iterator[Finding]:
    """Yield what of the machine is not as the policy asks."""
    for rule in rules:
        told = _told(rule.fact, facts)
        if not _is_met(rule, told):
            yield Finding(
                kind="machine-mismatch",
                rule=f"machine.{rule.fact}",
                severity=rule.severity,
                expected=f"{rule.fact} {rule.expected}",
                actual=", ".join(dict.fromkeys(_shown(rule, each) for each in told)) or "absent",
                reason=rule.reason,
            )


def size_asked(text: str) -> tuple[str, int] | None:
    """Answer the comparison and the bytes of a size such as ``>=64GB``; None where it is none."""
    found = re.fullmatch(_SIZE, text.strip())
    if found is None:
        return None
    return found[1], round(float(found[2]) * _UNITS[found[3].upper()])


def level_asked(text: str) -> tuple[str, str] | None:
    """Answer the comparison and the SIMD level of ``>=x86-64-v3``; None where the text compares nothing."""
    found = re.fullmatch(_COMPARED, text.strip())
    return (found[1], found[2].lower()) if found is not None and found[2].lower() in _LEVELS else None


def _told(fact: MachineFact, facts: MachineFacts) -> tuple[str, ...]:
    """What the machine says, one text for each thing that there is."""
    libc, _, libc_version = (facts.libc or "").partition(" ")
    known: dict[MachineFact, str | tuple[str, ...] | None] = {
        "architecture": facts.architecture,
        "blas": facts.blas,
        "cpu": facts.cpu,
        "cuda": facts.cuda,
        "glibc": libc_version if libc == "glibc" else None,
        "gpu": tuple(gpu.model for gpu in facts.gpus),
        "kernel": facts.kernel,
        "memory": None if facts.memory_bytes is None else str(facts.memory_bytes),
        "musl": libc_version if libc == "musl" else None,
        "nvidia-driver": facts.nvidia_driver,
        "os": facts.os,
        "simd": facts.simd,
    }
    value = known[fact]
    return value if isinstance(value, tuple) else (value,) if value else ()


def _shown(rule: MachineRule, told: str) -> str:
    """A fact as people read it: a size in the unit that is asked, rounded down."""
    asked = re.fullmatch(_SIZE, rule.expected.strip()) if rule.fact == "memory" else None
    if asked is None or not asked[3]:
        return told
    hundredths = int(told) * 100 // _UNITS[asked[3].upper()]
    return f"{hundredths / 100:g}{asked[3]}"


def _is_met(rule: MachineRule, told: tuple[str, ...]) -> bool:
    if not told:
        return False
    if rule.fact in VERSION_FACTS:
        return any(_is_version_met(rule.expected, each) for each in told)
    if rule.fact == "memory":
        return _is_size_met(rule.expected, int(told[0]))
    if rule.fact == "simd":
        return _is_level_met(rule.expected, told[0])
    return all(fnmatchcase(each.lower(), rule.expected.lower()) for each in told)


def _is_version_met(specifier: str, told: str) -> bool:
    found = re.match(_NUMBERS, told)
    return found is not None and allows(specifier, found[0])


def _is_size_met(expected: str, size_bytes: int) -> bool:
    asked = size_asked(expected)
    return asked is not None and _compares(asked[0], size_bytes, asked[1])


def _is_level_met(expected: str, told: str) -> bool:
    asked = level_asked(expected)
    level = told.lower().partition(" ")[0]
    if asked is None:
        return any(fnmatchcase(each, expected.lower()) for each in (told.lower(), level))
    return level in _LEVELS and _compares(asked[0], _LEVELS.index(level), _LEVELS.index(asked[1]))


def _compares(operator: str, found: int, asked: int) -> bool:
    match operator:
        case ">=":
            return found >= asked
        case "<=":
            return found <= asked
        case ">":
            return found > asked
        case "<":
            return found < asked
        case _:
            return found == asked
