"""What holds for all tests: nothing is kept in the home of who runs them, nor told to their machine."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Speed is measured in benchmarks/, never in a test: a busy machine must not fail one.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

_STOPPING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every command that a test starts inherits a cache that goes with the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True, scope="session")
def _own_config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whom the one who runs the tests signed in as is nothing to them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(autouse=True, scope="session")
def _own_runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An agent that a test starts tells its verdicts there, whoever runs the tests."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "XDG_RUNTIME_DIR", str(folder))
        patch.delitem(os.environ, "RUNTIME_DIRECTORY", raising=False)
        yield folder


@pytest.fixture(autouse=True, scope="session")
def _stoppable_children() -> Iterator[None]:
    """In the background and under nohup signals are ignored, also by what tests start; a handler is not."""
    ignored = [each for each in _STOPPING if signal.getsignal(each) == signal.SIG_IGN]
    for each in ignored:
        signal.signal(each, lambda _number, _frame: None)
    yield
    for each in ignored:
        signal.signal(each, signal.SIG_IGN)


@pytest.fixture(autouse=True)
def _no_agent_of_another_test(_own_runtime: Path) -> Iterator[None]:
    """What an agent told in one test is not told to the next, as if another user's agent were here."""
    yield
    shutil.rmtree(_own_runtime / "envguard", ignore_errors=True)
