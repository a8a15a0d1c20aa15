"""Files that open like any other and then cannot be read, as the kernel has them or a bad disk makes them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from envguard.inventory import read_environment, scan_machine
from tests.builders.environments import site_packages, write_tree

SICK = Path("/proc/self/mem")
"""Opens as a regular file; its first byte cannot be read."""

pytestmark = pytest.mark.skipif(not SICK.exists(), reason="no /proc/self/mem on this system")


def sick_python(env: Path) -> None:
    (env / "bin" / "python").unlink()
    (env / "bin" / "python").symlink_to(SICK)


def sick_whole_python(env: Path) -> None:
    sick_python(env)
    (env / "pyvenv.cfg").unlink()
    write_tree(env, {"lib/python3.11/os.py": "", "conda-meta/history": ""})


def sick_archive(env: Path) -> None:
    (site_packages(env) / "z.egg").symlink_to(SICK)
    (site_packages(env) / "e.pth").write_text("z.egg\n")


@pytest.mark.parametrize(
    "spoil", [sick_python, sick_whole_python, sick_archive], ids=lambda spoil: spoil.__name__
)
def test_one_environment_that_cannot_be_read_harms_no_other(
    spoil: Callable[[Path], None], new_env: Callable[[str], Path], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(new_env("3.11"), home / "good", symlinks=True)
    shutil.copytree(tmp_path / "env3.11", home / "bad", symlinks=True)
    spoil(home / "bad")
    scan = scan_machine([home])
    assert str(home / "good") in {each.record.path for each in scan.environments}
    told = {each.record.path for each in scan.environments if each.record.details}
    assert str(home / "bad") in told | {place.path for place in scan.unread}


def test_a_bin_python_that_cannot_be_read_is_no_interpreter(env: Path) -> None:
    sick_python(env)
    environment = read_environment(env)
    assert [each.kind for each in environment.snapshot.problems] == ["not-an-environment"]
    (detail,) = environment.record.details
    assert detail.detail == f"{env}/bin/python is no program: input/output error"


def test_a_bin_python_that_is_a_script_may_run_anything(env: Path) -> None:
    (env / "bin" / "python").unlink()
    (env / "bin" / "python").write_text('#!/bin/sh\nexec /usr/bin/python3 "$@"\n')
    assert [each.kind for each in read_environment(env).snapshot.problems] == ["not-an-environment"]
