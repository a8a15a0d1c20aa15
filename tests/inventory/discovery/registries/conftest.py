from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders.homes import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Give a machine with nothing on it but a Python and an empty home."""
    return Machine(tmp_path)
