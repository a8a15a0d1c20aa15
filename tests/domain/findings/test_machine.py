"""What a policy asks of the machine."""

from __future__ import annotations

import msgspec
import pytest

from envguard.domain.facts import Gpu, MachineFacts
from envguard.domain.findings.machine import machine_findings
from envguard.domain.policy import MachineFact, MachineRule
from tests.builders.documents import FACTS

MACHINE = MachineFacts(
    os="Debian GNU/Linux 12",
    kernel="6.1.0-18-amd64",
    libc="glibc 2.36",
    architecture="x86_64",
    cpu="AMD EPYC 7763",
    simd="x86-64-v3 avx512_vnni avx512_bf16",
    memory_bytes=64 * 10**9,
    gpus=(Gpu("NVIDIA A100-SXM4-80GB"), Gpu("NVIDIA A100-SXM4-80GB")),
    nvidia_driver="550.54.15",
    cuda=("12.4.1", "11.8.0"),
    blas="openblas 0.3.21",
)


@pytest.mark.parametrize(
    ("fact", "expected", "is_met"),
    [
        pytest.param("nvidia-driver", ">=550", True, id="a driver that is new enough"),
        pytest.param("nvidia-driver", ">=560", False, id="a driver that is too old"),
        pytest.param("glibc", ">=2.31", True, id="glibc"),
        pytest.param("musl", ">=1", False, id="musl is not there"),
        pytest.param("kernel", ">=6.1,<7", True, id="a kernel's numbers come first"),
        pytest.param("cuda", "==11.8.*", True, id="one of the toolkits"),
        pytest.param("cuda", ">=12.5", False, id="none of the toolkits"),
        pytest.param("memory", ">=60GB", True, id="memory in powers of ten"),
        pytest.param("memory", ">= 60 GiB", False, id="memory in powers of two"),
        pytest.param("memory", "<64000000001", True, id="memory in bytes"),
        *(pytest.param("memory", f"{sign}64GB", True, id=f"{sign} the same") for sign in (">=", "<=", "==")),
        *(pytest.param("memory", f"{sign}64GB", False, id=f"{sign} the same") for sign in (">", "<")),
        pytest.param("simd", ">=x86-64-v2", True, id="a lower level"),
        pytest.param("simd", ">x86-64-v3", False, id="above the level itself"),
        pytest.param("simd", ">=x86-64-v4", False, id="a higher level"),
        pytest.param("simd", "x86-64-v3", True, id="the level by its name"),
        pytest.param("simd", "==x86-64-v3", True, id="just this level"),
        pytest.param("simd", "*avx512_bf16*", True, id="what it has besides"),
        pytest.param("gpu", "*a100*", True, id="all of the GPUs"),
        pytest.param("gpu", "*H100*", False, id="another GPU"),
        pytest.param("os", "debian*12", True, id="the system by a pattern"),
        pytest.param("cpu", "*intel*", False, id="another processor"),
        pytest.param("architecture", "x86_64", True, id="the architecture"),
        pytest.param("blas", "openblas*", True, id="the algebra library"),
    ],
)
def test_facts_are_asked_as_their_kind_is_compared(fact: MachineFact, expected: str, is_met: bool) -> None:
    found = list(machine_findings([MachineRule(fact, expected)], MACHINE))
    assert [(each.kind, each.rule) for each in found] == (
        [] if is_met else [("machine-mismatch", f"machine.{fact}")]
    )


def test_one_gpu_of_another_kind_is_a_mismatch() -> None:
    mixed = msgspec.structs.replace(MACHINE, gpus=(*MACHINE.gpus, Gpu("NVIDIA T4")))
    (found,) = machine_findings([MachineRule("gpu", "*A100*")], mixed)
    assert found.actual == "NVIDIA A100-SXM4-80GB, NVIDIA T4"


@pytest.mark.parametrize(
    ("expected", "actual"),
    [(">=64GiB", "59.6GiB"), (">=64.01GB", "64GB"), (">=1TB", "0.06TB"), (">99999999999", "64000000000")],
)
def test_memory_is_told_in_the_unit_that_is_asked(expected: str, actual: str) -> None:
    (found,) = machine_findings([MachineRule("memory", expected)], MACHINE)
    assert found.actual == actual


def test_a_fact_that_is_not_there_is_absent_with_the_rule_s_words() -> None:
    rule = MachineRule("nvidia-driver", ">=550", "warn", "the kernels need it")
    (found,) = machine_findings([rule], FACTS)
    assert (found.expected, found.actual) == ("nvidia-driver >=550", "absent")
    assert (found.severity, found.reason) == ("warn", "the kernels need it")


@pytest.mark.parametrize("fact", ["blas", "cpu", "cuda", "gpu", "memory", "musl", "simd"])
def test_what_a_machine_does_not_have_meets_nothing(fact: MachineFact) -> None:
    bare = MachineFacts(os="Debian GNU/Linux 12", kernel="6.1")
    asked = {"memory": "<1TB", "simd": "<=x86-64-v4", "musl": ">=0", "cuda": ">=0"}.get(fact, "*")
    (found,) = machine_findings([MachineRule(fact, asked)], bare)
    assert found.actual == "absent"


def test_musl_is_asked_of_machines_that_have_it() -> None:
    alpine = msgspec.structs.replace(MACHINE, libc="musl 1.2.4")
    asked = [MachineRule("musl", ">=1.2,<2"), MachineRule("glibc", ">=1")]
    assert [each.rule for each in machine_findings(asked, alpine)] == ["machine.glibc"]


def test_a_simd_level_of_another_family_meets_no_comparison() -> None:
    arm = msgspec.structs.replace(MACHINE, simd="armv8.2-a sve")
    assert list(machine_findings([MachineRule("simd", ">=x86-64")], arm))
