"""Names of policies that are made from other names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envguard.formats import is_lock_name, is_policy_name
from envguard.formats.names import name_of_lock, policy_name_from


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("rl-team", "rl-team"),
        ("RL Team!", "rl-team"),
        ("_x_", "x"),
        ("", "policy"),
        ("é", "policy"),
        ("environment", "policy"),
        ("my-environment", "policy"),
        ("conda-lock", "policy"),
        ("a" * 100, "a" * 64),
    ],
)
def test_a_name_is_made_valid(text: str, name: str) -> None:
    assert policy_name_from(text) == name


@given(st.text())
def test_any_text_gives_a_name(text: str) -> None:
    name = policy_name_from(text)
    assert is_policy_name(name)
    assert not is_lock_name(f"{name}.yaml")


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("uv.lock", None),
        ("rl.uv.lock", "rl"),
        ("requirements.txt", None),
        ("rl.requirements.txt", "rl"),
        ("requirements-dev.txt", "requirements-dev"),
        ("rl-environment.yml", "rl"),
        ("Pipfile.lock", None),
        ("gpu.conda-lock.yml", "gpu"),
        ("rl.pylock.toml", "rl"),
        ("pylock.dev.toml", None),
        ("README", None),
    ],
)
def test_a_lock_is_called_what_stands_before_its_format(filename: str, name: str | None) -> None:
    assert name_of_lock(filename) == name
