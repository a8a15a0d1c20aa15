"""Whether a compiled policy is taken: whose file it is, and whether what it was made of is as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.builders.environments import install
from tests.guard.compiled import COMPLIANT, POLICY, compiled, installed
from tests.guard.places import Place, make_place
from tests.guard.test_agents_file import last
from tests.guard.test_installing import envguard


def test_a_policy_file_that_is_gone_is_not_the_one_that_is_asked_for(place: Place) -> None:
    install(place.env, gym="0.26.2")
    installed(place)
    assert last(place, '"./rl-team.yaml"') == COMPLIANT
    (place.project / "rl-team.yaml").unlink()
    assert "another policy was compiled" in last(place, '"./rl-team.yaml"')


def test_what_a_user_binds_later_makes_the_choice_of_check_old(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = place.home / "state"
    monkeypatch.setenv("ENVGUARD_STATE", str(state))
    install(place.env, gym="0.26.2")
    (place.project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "./rl-team.yaml"\n')
    (place.project / "rl-team.yaml").write_text(POLICY)
    assert envguard(place, "guard", "install", str(place.env)).code == 0
    assert last(place) == COMPLIANT
    assert envguard(place, "use", "other-team", str(place.env)).code == 0
    told = last(place)
    assert told.startswith("unknown"), told
    assert f"{state}/" in told
    assert "has changed since the policy was compiled" in told


def test_what_neither_the_user_nor_the_owner_wrote_is_not_taken(tmp_path: Path) -> None:
    place = make_place("3.11", tmp_path)
    install(place.env, gym="0.26.2")
    path = compiled(installed(place))
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
        assert "is not taken" in last(place)
        os.chown(place.site, 65534, 65534)
    assert last(place) == COMPLIANT, "who owns the folder writes into the environment anyway"
