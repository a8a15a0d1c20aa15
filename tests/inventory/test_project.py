from __future__ import annotations

import os
from pathlib import Path

import pytest

from envguard.errors import PolicyError
from envguard.inventory import project_of
from envguard.inventory.project import project_for_scan
from tests.builders.environments import write_tree

MARKED = '[project]\nname = "paper"\n\n[tool.envguard]\n# who decides\npolicy = "rl-team"\n'


def test_a_folder_is_its_own_project(tmp_path: Path) -> None:
    project = project_of(write_tree(tmp_path, {"pyproject.toml": MARKED}))
    assert project is not None
    assert (project.path, project.name, project.policy) == (str(tmp_path), "paper", "rl-team")
    assert project.marker_place == "pyproject.toml:6"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('tool.envguard.policy = "rl"\n', 1),
        ('[tool]\nenvguard = {policy = "rl"}\n', 2),
        ('[tool]\nenvguard.policy = "rl"\n', 2),
        ('[other]\npolicy = "x"\n[ tool . "envguard" ]\n"policy"="rl"\n', 4),
    ],
)
def test_the_place_is_the_line_however_it_is_written(text: str, line: int, tmp_path: Path) -> None:
    project = project_of(write_tree(tmp_path, {"pyproject.toml": text}))
    assert project is not None
    assert (project.policy, project.marker_place) == ("rl", f"pyproject.toml:{line}")


@pytest.mark.parametrize(
    ("text", "policy", "line"),
    [
        ("policy: rl-team\n", "rl-team", 1),
        ("# the team's\n---\npolicy: policies/rl.yaml  # a path\n", "policies/rl.yaml", 3),
        ('policy: "rl team"\n', "rl team", 1),
        ("policy: 'rl'\r\n", "rl", 1),
        ("\ufeffpolicy: rl#1\n", "rl#1", 1),
    ],
)
def test_the_one_key_of_a_marker_file(text: str, policy: str, line: int, tmp_path: Path) -> None:
    project = project_of(write_tree(tmp_path, {".envguard.yaml": text}))
    assert project is not None
    assert (project.policy, project.marker_place) == (policy, f".envguard.yaml:{line}")


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        (".envguard.yaml", "policy: a\nother: b\n", 2),
        (".envguard.yaml", "policy: [a]\n", 1),
        (".envguard.yaml", "policy: &a b\n", 1),
        (".envguard.yaml", "\npolicy:\n", 2),
        (".envguard.yaml", "polcy: a\n", 1),
        (".envguard.yaml", "", 1),
        (".envguard.yaml", "policy: a\npolicy: b\n", 2),
        ("pyproject.toml", '[project]\nname = "x\n', 2),
        ("pyproject.toml", '[tool.envguard]\npolcy = "rl"\n', 2),
        ("pyproject.toml", "[tool.envguard]\npolicy = 3\n", 2),
        ("pyproject.toml", '[tool.envguard]\npolicy = ""\n', 2),
        ("pyproject.toml", "\n[tool.envguard]\n", 2),
        ("pyproject.toml", "[tool]\nenvguard = 1\n", 1),
        ("pyproject.toml", "x = " + "[" * 100_000, 1),
        ("pyproject.toml", "x" + ".x" * 20_000 + " = 1", 1),
    ],
)
def test_a_marker_that_cannot_be_used_is_an_error_with_its_line(
    name: str, text: str, line: int, tmp_path: Path
) -> None:
    write_tree(tmp_path, {name: text})
    with pytest.raises(PolicyError) as caught:
        project_of(tmp_path)
    assert str(caught.value.where).startswith(f"{tmp_path / name}:{line}")
    project, problem = project_for_scan(tmp_path)
    assert project is None
    assert problem is not None
    assert problem.kind == "unreadable"


def test_bytes_that_are_no_text_are_an_error_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"\n\n# \xff\n")
    with pytest.raises(PolicyError, match=r"pyproject\.toml:3: not UTF-8"):
        project_of(tmp_path)


def test_a_fifo_as_marker_is_an_error_and_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".envguard.yaml")
    with pytest.raises(PolicyError, match="not a regular file"):
        project_of(tmp_path)


def test_the_nearest_folder_that_says_so_is_the_project(tmp_path: Path) -> None:
    write_tree(tmp_path, {"pyproject.toml": MARKED, "inner/pyproject.toml": '[project]\nname = "inner"\n'})
    project = project_of(tmp_path / "inner")
    assert project is not None
    assert (project.name, project.policy, project.marker_place) == ("inner", None, None)


def test_a_marker_file_wins_over_the_pyproject_beside_it(tmp_path: Path) -> None:
    project = project_of(write_tree(tmp_path, {"pyproject.toml": MARKED, ".envguard.yaml": "policy: mine\n"}))
    assert project is not None
    assert (project.name, project.policy, project.marker_place) == ("paper", "mine", ".envguard.yaml:1")


def test_a_folder_without_a_sign_asks_the_one_above(tmp_path: Path) -> None:
    write_tree(tmp_path, {"pyproject.toml": MARKED, "a/b/c.txt": ""})
    project = project_of(tmp_path / "a" / "b")
    assert project is not None
    assert project.path == str(tmp_path)


def test_the_walk_ends_with_the_repository(tmp_path: Path) -> None:
    write_tree(tmp_path, {"pyproject.toml": MARKED, "repository/.git": "gitdir: x", "repository/a/b": ""})
    assert project_of(tmp_path / "repository" / "a") is None


def test_a_pyproject_without_a_table_is_a_project_without_a_name(tmp_path: Path) -> None:
    project = project_of(write_tree(tmp_path, {"pyproject.toml": "project = 1\ntool = 2\n"}))
    assert project is not None
    assert (project.name, project.policy) == (None, None)
