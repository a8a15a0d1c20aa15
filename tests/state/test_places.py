from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from envguard.state.places import usual_cache_folder, usual_config_folder, usual_state_folder

VALUES = ["", "/srv/it", "/srv/it/", "//srv/it", "/", " /srv/it", "/srv/it ", "relative", "~/mine"]


@pytest.mark.parametrize("told", [None, *VALUES])
@pytest.mark.parametrize("home", ["/home/ann", "/home/ann/", "/", "//home/ann", "/srv/an n"])
def test_a_place_is_the_one_that_the_library_names(
    monkeypatch: pytest.MonkeyPatch, told: str | None, home: str
) -> None:
    monkeypatch.setenv("HOME", home)
    for variable in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(variable, raising=False)
        if told is not None:
            monkeypatch.setenv(variable, told)

    assert usual_state_folder() == Path(platformdirs.user_state_dir("envguard", appauthor=False))
    assert usual_cache_folder() == Path(platformdirs.user_cache_dir("envguard", appauthor=False))
    assert usual_config_folder() == Path(platformdirs.user_config_dir("envguard", appauthor=False))


@pytest.mark.parametrize("home", [None, "", "relative"])
def test_a_home_that_needs_an_interpretation_is_left_to_the_library(
    monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", home)

    assert usual_state_folder() == Path(platformdirs.user_state_dir("envguard", appauthor=False))
