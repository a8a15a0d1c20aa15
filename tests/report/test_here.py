"""Paths are as short as they can be and still be pasted."""

from __future__ import annotations

import pytest

from envguard.report.here import Here


@pytest.mark.parametrize(
    ("here", "path", "shown"),
    [
        pytest.param(Here("/home/ann/rl", "/home/ann"), "/home/ann/rl/.venv", ".venv", id="below the folder"),
        pytest.param(Here("/home/ann/rl", "/home/ann"), "/home/ann/rl", ".", id="the folder itself"),
        pytest.param(Here("/home/ann/rl", "/home/ann"), "/home/ann/rl2/.venv", "~/rl2/.venv", id="beside it"),
        pytest.param(Here("/srv", "/home/ann"), "/home/ann", "~", id="the home itself"),
        pytest.param(Here("/opt", "/srv/ann"), "/srv/ann2/.venv", "/srv/ann2/.venv", id="another's home"),
        pytest.param(Here("/home/ann", "/home/ann"), "/home/ann/rl", "rl", id="in the home"),
        pytest.param(Here("/", "/"), "/opt/rl/.venv", "/opt/rl/.venv", id="the root shortens nothing"),
        pytest.param(Here(), "/opt/rl/.venv", "/opt/rl/.venv", id="nowhere"),
    ],
)
def test_a_path_is_relative_to_the_folder_else_to_the_home_else_whole(
    here: Here, path: str, shown: str
) -> None:
    assert here.shown(path) == shown
