"""Environments for the guard's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guard.places import MINORS, Place, make_place


@pytest.fixture(params=MINORS)
def any_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An environment of each Python that there is."""
    return make_place(request.param, tmp_path)


@pytest.fixture(params=("2.7", "3.6", "3.13"))
def some_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An environment of the oldest Pythons and of the newest, for what differs by more than one version."""
    return make_place(request.param, tmp_path)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An environment of one Python, for what differs by no version."""
    return make_place("3.11", tmp_path)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Place, Place]:
    """Two environments, and one project."""
    first = make_place("3.11", tmp_path)
    second = make_place("3.11", tmp_path / "other")
    second.project = first.project
    return first, second
