from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from envguard.inventory.machine.files import MachineFiles
from envguard.inventory.machine.libc import glibc_version, libc_of, musl_version
from tests.builders.environments import write_tree
from tests.builders.machines import an_a100_server, an_alpine


def test_this_machines_libc_is_what_it_says_itself() -> None:
    try:
        told = os.confstr("CS_GNU_LIBC_VERSION")
    except ValueError:
        pytest.skip("this Python was not made for glibc")
    assert libc_of(MachineFiles(), platform.machine()) == told


@pytest.mark.parametrize(
    ("content", "version"),
    [
        (b"GNU C Library (Ubuntu GLIBC 2.31-0ubuntu9.9) stable release version 2.31.\n", "2.31"),
        (b"GNU C Library stable release version 2.17, by Roland McGrath et al.\n", "2.17"),
        (b"GNU C Library (GNU libc) development release version 2.39.9000.\n", "2.39.9000"),
        (b"version 2.31", None),
        (b"", None),
    ],
)
def test_glibc_is_told_by_its_banner(content: bytes, version: str | None) -> None:
    assert glibc_version(content) == version


@pytest.mark.parametrize(
    ("content", "version"),
    [
        (b"\x00musl libc (x86_64)\nVersion %s\n\x00127.0.0.1\x001.2.3\x00", "1.2.3"),
        (b"\x001.1.24\x00musl libc (aarch64)\n\x00", "1.1.24"),
        (b"\x001.2.3\x00", None),
        (b"musl libc", None),
    ],
)
def test_musl_is_told_by_a_text_of_its_own(content: bytes, version: str | None) -> None:
    assert musl_version(content) == version


def test_glibc_goes_before_musl_that_lies_beside_it(tmp_path: Path) -> None:
    files = MachineFiles(str(an_alpine(an_a100_server(tmp_path))))
    assert libc_of(files, "x86_64") == "glibc 2.36"


def test_a_libc_of_another_architecture_is_none_of_ours(tmp_path: Path) -> None:
    write_tree(tmp_path, {"usr/lib/i386-linux-gnu/libc.so.6": "GNU C Library x version 2.31.\n"})
    assert libc_of(MachineFiles(str(tmp_path)), "x86_64") is None
    assert libc_of(MachineFiles(str(tmp_path)), "i686") == "glibc 2.31"
