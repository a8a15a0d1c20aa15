from __future__ import annotations

import os
import platform
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from envguard.domain.environment import digest_of
from envguard.domain.facts import Gpu, MachineFacts
from envguard.inventory import machine_facts
from envguard.inventory.machine.facts import built_in_bytes, os_name_in
from tests.builders.machines import (
    MACHINES,
    a_laptop,
    a_told,
    an_a100_server,
    an_alpine,
    an_amd_server,
    an_arm_server,
)

GIB = 1 << 30
KERNEL = MachineFacts(
    os="",
    kernel="6.1.0-18-amd64",
    kernel_version="#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)",
    architecture="x86_64",
)
A100 = Gpu(model="NVIDIA A100-SXM4-80GB", vendor="nvidia")


def facts_of(root: Path, architecture: str = "x86_64") -> MachineFacts:
    return machine_facts(str(root), a_told(architecture))


def test_facts_are_what_the_platform_says() -> None:
    facts = machine_facts()
    assert (facts.kernel, facts.kernel_version) == (platform.release(), platform.version())
    assert (facts.architecture, facts.cpu_count) == (platform.machine(), os.cpu_count())
    assert facts.os


def test_memory_is_what_psutil_measures_and_the_kernels_share() -> None:
    psutil = pytest.importorskip("psutil")
    usable = psutil.virtual_memory().total
    assert usable <= (machine_facts().memory_bytes or 0) < usable * 1.13


def test_two_looks_at_one_machine_are_equal() -> None:
    assert digest_of(machine_facts()) == digest_of(machine_facts())


def test_an_a100_server_is_told_by_its_files(tmp_path: Path) -> None:
    assert facts_of(an_a100_server(tmp_path)) == replace(
        KERNEL,
        os="Debian GNU/Linux 12",
        libc="glibc 2.36",
        cpu="AMD EPYC 7742 64-Core Processor",
        cpu_count=256,
        simd="x86-64-v3",
        memory_bytes=1024 * GIB,
        gpus=(A100, A100),
        nvidia_driver="550.54.15",
        cuda=("12.4.1", "10.2.89"),
        blas="openblas 0.3.21",
    )


def test_an_amd_server_is_told_by_its_files(tmp_path: Path) -> None:
    assert facts_of(an_amd_server(tmp_path)) == replace(
        KERNEL,
        os="Fedora Linux 40",
        libc="glibc 2.39",
        cpu="Intel(R) Xeon(R) Platinum 8480C",
        cpu_count=96,
        simd="x86-64-v4 avx_vnni avx512_vnni avx512_bf16 avx512_fp16 amx_int8 amx_bf16",
        memory_bytes=256 * GIB,
        gpus=(Gpu(model="1002:740c gfx90a", vendor="amd"),),
        blas="reference 3.12.0",
    )


def test_an_arm_server_is_told_by_its_files(tmp_path: Path) -> None:
    assert facts_of(an_arm_server(tmp_path), "aarch64") == replace(
        KERNEL,
        os="Ubuntu 24.04",
        libc="glibc 2.39",
        cpu="Neoverse-V1",
        cpu_count=2,
        simd="armv8.4-a asimdhp asimdfhm i8mm bf16 sve",
        memory_bytes=8 * GIB,
        blas="atlas 3.10.3",
        architecture="aarch64",
    )


def test_an_alpine_is_told_by_its_files(tmp_path: Path) -> None:
    assert facts_of(an_alpine(tmp_path)) == replace(
        KERNEL,
        os="Alpine Linux 3.19.1",
        libc="musl 1.2.4_git20230717",
        cpu="Intel(R) Core(TM) i7-2600 CPU @ 3.40GHz",
        simd="x86-64-v2 avx",
        memory_bytes=16 * GIB,
        blas="openblas 0.3.25",
    )


def test_a_laptop_is_told_by_its_files(tmp_path: Path) -> None:
    assert facts_of(a_laptop(tmp_path)) == replace(
        KERNEL,
        os="Arch Linux",
        cpu="12th Gen Intel(R) Core(TM) i7-1260P",
        simd="x86-64-v3",
        memory_bytes=32 * GIB,
        gpus=(Gpu(model="Alder Lake-P GT2 [Iris Xe Graphics]", vendor="intel"),),
    )


@pytest.mark.parametrize("name", MACHINES)
def test_what_moves_by_itself_is_no_fact(name: str, tmp_path: Path) -> None:
    before, after = MACHINES[name](tmp_path / "a"), MACHINES[name](tmp_path / "b")
    cpuinfo, meminfo = after / "proc/cpuinfo", after / "proc/meminfo"
    cpuinfo.write_text(cpuinfo.read_text().replace("2600.126", "3387.001").replace("2100.00", "2099.98"))
    meminfo.write_text(meminfo.read_text().replace("23084460", "1084"))
    for information in after.glob("proc/driver/nvidia/gpus/*/information"):
        information.write_text(information.read_text().replace("GPU-5c4f", "GPU-aaaa"))
    assert digest_of(facts_of(before)) == digest_of(facts_of(after))


@pytest.mark.parametrize("name", MACHINES)
def test_serial_numbers_and_addresses_are_not_told(name: str, tmp_path: Path) -> None:
    told = msgspec.json.encode(facts_of(MACHINES[name](tmp_path))).decode()
    for secret in ("GPU-5c4f", "14695981039346656037", "0000:07:00.0", str(tmp_path)):
        assert secret not in told


def test_of_a_machine_without_files_only_the_kernel_is_known(tmp_path: Path) -> None:
    facts = facts_of(tmp_path)
    assert facts == replace(KERNEL, os="Linux 6.1.0-18-amd64")


def test_a_mac_is_told_by_its_system_calls(tmp_path: Path) -> None:
    told = a_told("arm64", system="Darwin", os="macOS 15.1", cpu_count=10, memory_bytes=16 * GIB)
    assert machine_facts(str(tmp_path), told) == replace(
        KERNEL, os="macOS 15.1", architecture="arm64", cpu_count=10, memory_bytes=16 * GIB
    )


@pytest.mark.parametrize("make", ["fifo", "folder", "loop", "sparse"])
def test_what_is_no_plain_file_is_as_if_it_were_absent(make: str, tmp_path: Path) -> None:
    root = an_a100_server(tmp_path)
    for path in [each for each in root.rglob("*") if each.is_file() and not each.is_symlink()]:
        path.unlink()
        if make == "fifo":
            os.mkfifo(path)
        elif make == "folder":
            path.mkdir()
        elif make == "loop":
            path.symlink_to(path.name)
        else:
            with path.open("wb") as file:
                file.truncate(3 << 30)
    facts = facts_of(root)
    assert (facts.cpu, facts.libc, facts.memory_bytes, facts.nvidia_driver) == (None, None, None, None)
    assert facts.cuda == ()
    assert [gpu.model for gpu in facts.gpus] == []


@pytest.mark.parametrize(
    ("usable_gib", "built_in_gib"),
    [
        *((1.94, 2), (3.82, 4), (7.57, 8), (15.25, 16), (23.54, 24), (62.7, 64), (64, 64), (94.1, 96)),
        *((125.6, 128), (188.6, 192), (376.4, 384), (503.5, 512), (755.3, 768), (1007.4, 1024)),
    ],
)
def test_memory_is_what_is_built_in(usable_gib: float, built_in_gib: int) -> None:
    assert built_in_bytes(int(usable_gib * GIB)) == built_in_gib * GIB


def test_equal_machines_have_equal_memory_under_different_kernels() -> None:
    assert built_in_bytes(64 * GIB * 975 // 1000) == built_in_bytes(64 * GIB * 988 // 1000)


@pytest.mark.parametrize(
    ("release", "name"),
    [
        ('NAME="Debian GNU/Linux"\nVERSION_ID="12"\n', "Debian GNU/Linux 12"),
        ("NAME=Arch\n", "Arch"),
        ("PRETTY_NAME=x\n", None),
        ("", None),
    ],
)
def test_the_systems_name_is_the_one_that_people_know(release: str, name: str | None) -> None:
    assert os_name_in(release) == name
