"""Which files a compiled policy notes: those by whose change the guard sees that it is old."""

from __future__ import annotations

from pathlib import Path

import pytest

from envguard.runs.compiling import may_decide


@pytest.mark.parametrize(
    ("path", "may"),
    [
        ("/etc/envguard/rl-team.yaml", True),
        ("/dev/shm/rl-team.yaml", True),
        ("/srv/policies/absent.yaml", True),
        ("/dev/null", False),
        ("/dev/tty", False),
        ("/proc/self/mountinfo", False),
        ("/usr/share/zoneinfo/Europe/Zurich", False),
        ("/srv/lib/yaml/loader.py", False),
    ],
)
def test_what_lies_in_a_system_folder_may_be_a_policy(path: str, may: bool) -> None:
    assert may_decide(path) is may


def test_a_folder_decides_nothing(tmp_path: Path) -> None:
    assert not may_decide(str(tmp_path))
