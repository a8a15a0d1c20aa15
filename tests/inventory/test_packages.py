from __future__ import annotations

import subprocess
import sys


def test_reading_an_environment_imports_neither_psutil_nor_packaging() -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from envguard.inventory import machine_facts, read_environment;"
        "machine_facts(); read_environment(Path(sys.executable));"
        "heavy = {'psutil', 'packaging', 'yaml'} & set(sys.modules);"
        "sys.exit(bool(heavy))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
