from __future__ import annotations

import os
import platform

import pytest

from envguard.inventory import machine_facts
from envguard.inventory.facts import os_name_in


def test_facts_are_what_the_platform_says() -> None:
    facts = machine_facts()
    assert (facts.kernel, facts.kernel_version) == (platform.release(), platform.version())
    assert (facts.architecture, facts.cpu_count) == (platform.machine(), os.cpu_count())
    assert facts.os


def test_memory_is_what_psutil_measures() -> None:
    psutil = pytest.importorskip("psutil")
    assert machine_facts().memory_bytes == psutil.virtual_memory().total


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
