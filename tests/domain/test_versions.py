from __future__ import annotations

import pytest

from envguard.domain.versions import allows, is_specifier, is_version


@pytest.mark.parametrize(
    "version", ["1", "1.0rc1", "1!1.0", "1.0.post1", "1.0.dev0", "1.0+cu121", "V1", "1-1"]
)
def test_a_version_by_pep_440(version: str) -> None:
    assert is_version(version)


@pytest.mark.parametrize("version", ["", "dev", "1.0-r2x", "1..0", "unknown"])
def test_no_version_by_pep_440(version: str) -> None:
    assert not is_version(version)


@pytest.mark.parametrize("text", ["1." + "9" * 5_000, "9" * 5_000 + "!1"], ids=["release", "epoch"])
def test_thousands_of_digits_are_no_version_and_meet_nothing(text: str) -> None:
    assert not is_version(text)
    assert not allows(">=1", text)
    assert allows(f"==={text[:150]}", text[:150])


def test_thousands_of_digits_are_no_specifier() -> None:
    assert not is_specifier(">=1." + "9" * 5_000)
