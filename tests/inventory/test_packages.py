from __future__ import annotations

import subprocess
import sys

import pytest

from envguard.inventory.packages import is_version


@pytest.mark.parametrize(
    "version", ["1", "1.0rc1", "1!1.0", "1.0.post1", "1.0.dev0", "1.0+cu121", "V1", "1-1"]
)
def test_a_version_by_pep_440(version: str) -> None:
    assert is_version(version)


@pytest.mark.parametrize("version", ["", "dev", "1.0-r2x", "1..0", "unknown"])
def test_no_version_by_pep_440(version: str) -> None:
    assert not is_version(version)


def test_reading_an_environment_imports_neither_psutil_nor_packaging() -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from envguard.inventory import machine_facts, read_environment;"
        "machine_facts(); read_environment(Path(sys.executable));"
        "heavy = {'psutil', 'packaging', 'yaml'} & set(sys.modules);"
        "sys.exit(bool(heavy))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
