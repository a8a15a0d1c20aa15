from __future__ import annotations

from pathlib import Path

import pytest

from tests.inventory.oracle.children import clean_environ
from tests.judging.world import make_index, make_world


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of all wheels; it is shared, so only to be read."""
    return make_world(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="session")
def environ(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give the variables of children whose one index is a folder with the wheels."""
    index = make_index(tmp_path_factory.mktemp("index"), wheels).as_uri()
    scratch = tmp_path_factory.mktemp("caches")
    own = clean_environ(scratch, PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index)
    return {name: value for name, value in own.items() if name != "PIP_NO_INDEX"}
