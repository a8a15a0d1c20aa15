from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from envguard.domain.drift import compare
from envguard.domain.environment import BrokenRequirement, Problem, digest_of
from envguard.domain.policy import Require
from envguard.errors import InventoryError
from envguard.inventory import read_environment
from tests.builders.documents import FACTS, a_policy
from tests.builders.environments import (
    install,
    make_old_virtualenv,
    make_venv,
    make_virtualenv_27,
    site_packages,
    write_dist_info,
    write_tree,
)
from tests.inventory.asking import python_or_skip, what_it_lists


def test_the_record_says_where_and_whose(env: Path) -> None:
    record = read_environment(env).record
    assert (record.path, record.python, record.kind) == (str(env), str(env / "bin" / "python"), "venv")
    assert record.home is not None
    assert record.also == ()


def test_an_environment_is_named_by_folder_or_interpreter(env: Path) -> None:
    assert read_environment(env / "bin" / "python3").record.path == str(env)
    assert read_environment(env / "bin" / "python3").snapshot == read_environment(env).snapshot


def test_a_link_to_the_folder_is_the_environment_with_another_path(env: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(env)
    record = read_environment(link).record
    assert (record.path, record.also) == (str(env), (str(link),))


def test_a_link_elsewhere_to_its_interpreter_is_the_base(env: Path, tmp_path: Path) -> None:
    install(env, gym="1")
    link = tmp_path / "bin" / "python"
    link.parent.mkdir()
    link.symlink_to(env / "bin" / "python")
    environment = read_environment(link)
    assert environment.record.kind == "pyenv"
    assert "gym" not in {package.name for package in environment.snapshot.packages}


def test_equal_environments_have_equal_digests_wherever_they_lie(env: Path, tmp_path: Path) -> None:
    install(env, gym="0.26.2", numpy="1.26.4")
    other = tmp_path / "other"
    shutil.copytree(env, other, symlinks=True)
    assert read_environment(env).record.digest == read_environment(other).record.digest
    assert read_environment(env).record.digest == digest_of(read_environment(other).snapshot)


@pytest.mark.parametrize(
    ("packages", "changer"), [({"pip": "26.0"}, "pip"), ({"gym": "1"}, "uv")], ids=["with pip", "without"]
)
def test_the_changer_is_its_own_pip_or_uv(packages: dict[str, str], changer: str, env: Path) -> None:
    install(env, **packages)
    assert read_environment(env).record.changer == changer


@pytest.mark.parametrize("target", ["/gone/bin/python3.11", None], ids=["dangling", "absent"])
def test_an_environment_without_its_interpreter_has_no_base(target: str | None, env: Path) -> None:
    version = read_environment(env).snapshot.interpreter.version
    install(env, gym="1")
    for python in (env / "bin").glob("python*"):
        python.unlink()
    if target:
        (env / "bin" / "python").symlink_to(target)
    environment = read_environment(env)
    assert [problem.kind for problem in environment.snapshot.problems] == ["base-missing"]
    assert environment.snapshot.interpreter.version == version
    assert [package.name for package in environment.snapshot.packages] == ["gym"]


def test_an_old_virtualenv_is_one_without_a_configuration(tmp_path: Path) -> None:
    folder = make_old_virtualenv(python_or_skip("2.7"), tmp_path / "v")
    install(folder, gym="0.10.5")
    environment = read_environment(folder)
    assert (environment.record.kind, environment.record.path) == ("virtualenv", str(folder))
    assert {(one.name, one.version) for one in environment.snapshot.packages} == {("gym", "0.10.5")}
    assert what_it_lists(folder / "bin" / "python") == {("gym", "0.10.5")}


def test_a_27_environment_with_a_linked_interpreter_is_not_what_it_promises(tmp_path: Path) -> None:
    python = python_or_skip("2.7")
    folder = make_virtualenv_27(python, tmp_path / "v")
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").symlink_to(python)
    assert [problem.kind for problem in read_environment(folder).snapshot.problems] == ["not-an-environment"]


def test_the_library_of_what_python_really_is_counts(tmp_path: Path) -> None:
    folder = make_venv(python_or_skip("3.10"), tmp_path / "v")
    install(folder, gym="1")
    make_venv(python_or_skip("3.11"), folder, "--upgrade")
    environment = read_environment(folder)
    assert environment.snapshot.interpreter.markers["python_version"] == "3.10"
    assert {(one.name, one.version) for one in environment.snapshot.packages} == what_it_lists(
        folder / "bin" / "python"
    )
    assert environment.snapshot.problems == ()


def test_an_interpreter_that_moved_on_imports_nothing_here(env: Path) -> None:
    install(env, gym="1")
    (env / "bin" / "python").unlink()
    (env / "bin" / "python").symlink_to(python_or_skip("3.12"))
    (env / "pyvenv.cfg").write_text(
        f"home = {python_or_skip('3.12').parent}\ninclude-system-site-packages = false\n"
    )
    snapshot = read_environment(env).snapshot
    assert snapshot.packages == ()
    assert [problem.kind for problem in snapshot.problems] == ["not-an-environment"]
    assert what_it_lists(env / "bin" / "python") == set()


def test_without_a_configuration_a_linked_interpreter_runs_its_base(env: Path) -> None:
    install(env, gym="1")
    (env / "pyvenv.cfg").unlink()
    environment = read_environment(env)
    listed = {name.lower() for name, _ in what_it_lists(env / "bin" / "python")}
    assert environment.record.path == str(env)
    assert "gym" not in listed
    assert "gym" not in {package.name for package in environment.snapshot.packages}
    assert "not-an-environment" in {problem.kind for problem in environment.snapshot.problems}


def test_a_configuration_beside_the_interpreter_or_empty_makes_an_environment(env: Path) -> None:
    install(env, gym="1")
    (env / "pyvenv.cfg").rename(env / "bin" / "pyvenv.cfg")
    assert read_environment(env).record.kind == "venv"
    (env / "bin" / "pyvenv.cfg").write_text("")
    names = {package.name for package in read_environment(env).snapshot.packages}
    assert {"gym", "pip"} <= names


def test_an_environment_of_an_environment_belongs_to_the_base(env: Path, tmp_path: Path) -> None:
    install(env, gym="1")
    inner = make_venv(env / "bin" / "python", tmp_path / "inner", "--system-site-packages")
    names = {package.name for package in read_environment(inner).snapshot.packages}
    assert "gym" not in names
    assert "pip" in names


@pytest.mark.parametrize("make", ["absent", "folder", "file", "script"])
def test_a_path_that_is_no_environment_says_so_and_how_to_go_on(make: str, tmp_path: Path) -> None:
    path = tmp_path / "x\ny"
    if make == "folder":
        path.mkdir()
    elif make != "absent":
        path.write_text("#!/bin/sh\n" if make == "script" else "text")
    with pytest.raises(InventoryError) as caught:
        read_environment(path)
    assert caught.value.hint
    assert caught.value.where is not None
    assert caught.value.where.isprintable()


def test_the_project_around_an_environment_is_in_its_record(env: Path) -> None:
    write_tree(
        env.parent, {"pyproject.toml": '[project]\nname = "My.Paper"\n[tool.envguard]\npolicy = "rl-team"\n'}
    )
    project = read_environment(env).record.project
    assert project is not None
    assert (project.path, project.name) == (str(env.parent), "my-paper")
    assert (project.policy, project.marker_place) == ("rl-team", "pyproject.toml:4")


def test_a_broken_marker_is_a_detail_of_the_record(env: Path) -> None:
    write_tree(env.parent, {"pyproject.toml": "[tool.envguard\n"})
    record = read_environment(env).record
    assert record.project is None
    assert [(detail.kind, detail.package) for detail in record.details] == [("unreadable", None)]
    assert "pyproject.toml:1" in record.details[0].detail


def test_windows_layout_is_read_as_far_as_files_tell(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "pyvenv.cfg": "home = C:\\Python311\ninclude-system-site-packages = false\nversion = 3.11.7\n",
            "Scripts/python.exe": "MZ",
            "Lib/site-packages/gym-1.dist-info/METADATA": "Name: gym\nVersion: 1\n\n",
        },
    )
    snapshot = read_environment(tmp_path).snapshot
    assert [package.name for package in snapshot.packages] == ["gym"]
    assert (snapshot.interpreter.version, snapshot.interpreter.markers["sys_platform"]) == ("3.11.7", "win32")


def test_what_is_required_and_not_found_is_in_the_snapshot(env: Path) -> None:
    headers = "Name: gym\nVersion: 0.26.2\nRequires-Dist: numpy<2\nRequires-Dist: absent; extra == 'x'\n\n"
    write_dist_info(site_packages(env), "gym", "0.26.2", metadata=headers.encode())
    install(env, numpy="2.1.3")
    write_tree(
        site_packages(env),
        {
            "rl.egg-info/PKG-INFO": "Name: rl\nVersion: 1\n\n",
            "rl.egg-info/requires.txt": "torch\n[x]\nnope\n",
        },
    )
    assert read_environment(env).snapshot.broken_requirements == (
        BrokenRequirement("gym", "numpy<2", "2.1.3"),
        BrokenRequirement("rl", "torch"),
    )


def test_a_requirement_that_cannot_be_understood_is_told_and_decides_nothing(env: Path) -> None:
    headers = "Name: gym\nVersion: 1\nRequires-Dist: numpy (>=1, torch\nRequires-Dist: six>=1.*\n\n"
    write_dist_info(site_packages(env), "gym", "1", metadata=headers.encode())
    found = read_environment(env)
    assert found.snapshot.problems == (Problem("invalid-requirement", "gym"),)
    assert [each.detail for each in found.record.details] == [
        "gym requires `numpy (>=1, torch`",
        "gym requires `six>=1.*`",
    ]
    rules = a_policy(Require(name="gym", specifier=">=1")).rules
    assert compare(found.snapshot, FACTS, rules, None) == ()


def test_a_path_that_is_no_text_is_told_as_it_is_too(env: Path) -> None:
    place = Path(os.fsdecode(os.fsencode(env.parent) + b"/\xe9"))
    env.rename(place)
    record = read_environment(place).record
    assert record.path == f"{env.parent}/\\xe9"
    assert record.path_bytes == os.fsencode(place)
