"""What holds for all tests: nothing is kept in the home of who runs them, nor told to their machine."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# Speed is measured in benchmarks/, never in a test: a busy machine must not fail one.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every command that a test starts inherits a cache that goes with the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True, scope="session")
def _own_runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An agent that a test starts tells its verdicts there, whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        patch.delitem(os.environ, "RUNTIME_DIRECTORY", raising=False)
        yield
