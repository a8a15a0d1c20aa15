from __future__ import annotations

import pytest

from envguard.domain.versions import is_version


@pytest.mark.parametrize(
    "version", ["1", "1.0rc1", "1!1.0", "1.0.post1", "1.0.dev0", "1.0+cu121", "V1", "1-1"]
)
def test_a_version_by_pep_440(version: str) -> None:
    assert is_version(version)


@pytest.mark.parametrize("version", ["", "dev", "1.0-r2x", "1..0", "unknown"])
def test_no_version_by_pep_440(version: str) -> None:
    assert not is_version(version)
