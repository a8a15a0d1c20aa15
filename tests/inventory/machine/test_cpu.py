from __future__ import annotations

from pathlib import Path

import pytest

from envguard.inventory.machine.cpu import (
    cpu_model,
    first_processor,
    parse_count,
    parse_processor,
    simd_level,
)
from envguard.inventory.machine.files import MachineFiles
from tests.builders.machines import GRAVITON_3, ROME, SANDY_BRIDGE, SAPPHIRE_RAPIDS, cpuinfo

SKYLAKE_X = ROME + " avx512f avx512dq avx512cd avx512bw avx512vl"
KNIGHTS_LANDING = ROME + " avx512f avx512cd avx512er avx512pf"
NEOVERSE_N1 = (
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp ssbs"
)
APPLE_M1 = (
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm jscvt fcma lrcpc dcpop "
    "sha3 asimddp sha512 asimdfhm dit uscat ilrcpc flagm sb paca pacg dcpodp flagm2 frint"
)


@pytest.mark.parametrize(
    ("flags", "level"),
    [
        pytest.param(SANDY_BRIDGE, "x86-64-v2 avx", id="Sandy Bridge"),
        pytest.param(ROME, "x86-64-v3", id="Rome"),
        pytest.param(ROME.replace("abm", ""), "x86-64-v2 avx fma avx2", id="a hypervisor that hides lzcnt"),
        pytest.param(SKYLAKE_X, "x86-64-v4", id="Skylake-X"),
        pytest.param(KNIGHTS_LANDING, "x86-64-v3 avx512f", id="Knights Landing"),
        pytest.param(
            SAPPHIRE_RAPIDS,
            "x86-64-v4 avx_vnni avx512_vnni avx512_bf16 avx512_fp16 amx_int8 amx_bf16",
            id="Sapphire Rapids",
        ),
        pytest.param(SKYLAKE_X.replace("sse4_2", ""), "x86-64-v1 avx fma avx2 avx512f", id="a hole in v2"),
        pytest.param("fpu cmov", None, id="not 64 bits"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_x86_levels_are_those_of_the_psabi(flags: str, level: str | None) -> None:
    assert simd_level("x86_64", {"flags": flags}) == level


@pytest.mark.parametrize("lacking", ["cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"])
def test_v2_needs_all_of_its_features(lacking: str) -> None:
    words = [word for word in SKYLAKE_X.split() if word != lacking]
    assert str(simd_level("x86_64", {"flags": " ".join(words)})).split()[0] == "x86-64-v1"


@pytest.mark.parametrize("lacking", ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"])
def test_v3_needs_all_of_its_features(lacking: str) -> None:
    words = [word for word in SKYLAKE_X.split() if word != lacking]
    assert str(simd_level("x86_64", {"flags": " ".join(words)})).split()[0] == "x86-64-v2"


@pytest.mark.parametrize("lacking", ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"])
def test_v4_needs_all_of_its_features(lacking: str) -> None:
    words = [word for word in SKYLAKE_X.split() if word != lacking]
    assert str(simd_level("x86_64", {"flags": " ".join(words)})).split()[0] == "x86-64-v3"


@pytest.mark.parametrize(
    ("features", "level"),
    [
        pytest.param("fp asimd evtstrm crc32 cpuid", "armv8.0-a", id="Cortex-A72"),
        pytest.param(NEOVERSE_N1, "armv8.2-a asimdhp asimddp", id="Neoverse N1"),
        pytest.param(
            "fp asimd evtstrm sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm fcma dcpop sve",
            "armv8.2-a asimdhp sve",
            id="A64FX",
        ),
        pytest.param(GRAVITON_3, "armv8.4-a asimdhp asimdfhm i8mm bf16 sve", id="Neoverse V1"),
        pytest.param(APPLE_M1, "armv8.5-a asimdhp asimdfhm", id="Apple M1"),
        pytest.param(
            GRAVITON_3 + " sb sve2 flagm2 frint bti",
            "armv8.5-a asimdhp asimdfhm i8mm bf16 sve sve2",
            id="Neoverse V2",
        ),
    ],
)
def test_arm_levels_are_the_versions_of_the_architecture(features: str, level: str) -> None:
    assert simd_level("aarch64", {"Features": features}) == level
    assert simd_level("arm64", {"Features": features}) == level


def test_other_architectures_have_no_level() -> None:
    assert simd_level("ppc64le", {"flags": ROME}) is None


@pytest.mark.parametrize(
    ("text", "model"),
    [
        pytest.param(cpuinfo("AMD  EPYC 7742", ROME), "AMD EPYC 7742", id="x86"),
        pytest.param("CPU implementer\t: 0x41\nCPU part\t: 0xd0c\n", "Neoverse-N1", id="Arm"),
        pytest.param(
            "CPU implementer\t: 0x99\nCPU part\t: 0x1\n", "Arm 0x99:0x1", id="an Arm without a name"
        ),
        pytest.param(
            "processor\t: 0\ncpu\t\t: POWER9, altivec supported\n", "POWER9, altivec supported", id="POWER"
        ),
        pytest.param("processor\t: 0\nmodel name\t:\n", None, id="an empty name"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_the_model_is_the_processors_own_name(text: str, model: str | None) -> None:
    assert cpu_model(parse_processor(text)) == model


def test_only_the_first_processor_is_read() -> None:
    assert parse_processor("model name: a\n\nmodel name: b\nflags: x\n") == {"model name": "a"}


@pytest.mark.parametrize(
    ("ranges", "count"),
    [
        ("0", 1),
        ("0-3", 4),
        ("0-47,96-143", 96),
        ("0,2", 2),
        ("3-1", None),
        ("", None),
        ("0-", None),
        ("٣", None),
    ],
)
def test_processors_are_counted_by_their_ranges(ranges: str, count: int | None) -> None:
    assert parse_count(ranges) == count


def test_this_machines_level_is_what_its_loader_supports() -> None:
    """As ``ld.so --help`` says: the directories of glibc-hwcaps that it would search."""
    import platform
    import subprocess

    loader = Path("/lib64/ld-linux-x86-64.so.2")
    if platform.machine() != "x86_64" or not loader.exists():
        pytest.skip("no loader of glibc for x86-64 here")
    told = subprocess.run([str(loader), "--help"], capture_output=True, text=True, timeout=20).stdout
    levels = [line.split()[0] for line in told.splitlines() if "(supported, searched)" in line]
    if "glibc-hwcaps" not in told:
        pytest.skip("this glibc has no levels yet")
    level = simd_level("x86_64", first_processor(MachineFiles()))
    assert str(level).split()[0] == (levels[0] if levels else "x86-64-v1")
