from __future__ import annotations

import pytest

from tests.inventory.oracle.children import clean_environ


@pytest.fixture(scope="session")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give the variables of offline children, whose caches a whole session shares."""
    return clean_environ(tmp_path_factory.mktemp("caches"))
