from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from envguard.errors import InventoryError
from envguard.inventory import read_environment, scan_machine, scan_paths
from envguard.inventory.discovery.host import Host
from envguard.inventory.discovery.people import Person
from envguard.inventory.discovery.walk import ENTRIES_CAP
from envguard.inventory.files import is_below
from tests.builders.environments import make_venv, pyenv_pythons, write_tree
from tests.builders.places import add_kernel, lay_out_python
from tests.inventory.asking import python_or_skip


def paths(home: Path) -> list[str]:
    return [environment.record.path for environment in scan_machine([home]).environments]


def test_environments_below_the_roots_are_found(home: Path) -> None:
    scan = scan_machine([home])
    assert [environment.record.path for environment in scan.environments] == [str(home / "projects/rl/.venv")]
    assert not scan.is_incomplete


def test_an_environment_reached_by_a_link_is_one_with_two_paths(home: Path) -> None:
    (home / "a-link").symlink_to(home / "projects" / "rl" / ".venv")
    (environment,) = scan_machine([home]).environments
    assert environment.record.path == str(home / "projects/rl/.venv")
    assert environment.record.also == (str(home / "a-link"),)


def test_a_link_to_an_environment_outside_of_the_roots_counts(home: Path, tmp_path: Path) -> None:
    venv = home / "projects" / "rl" / ".venv"
    venv.rename(tmp_path / "scratch")
    venv.symlink_to(tmp_path / "scratch")
    (environment,) = scan_machine([home]).environments
    assert environment.record.path == str(tmp_path / "scratch")
    assert environment.record.also == (str(venv),)


def test_an_environment_is_not_entered(home: Path, empty_of: Callable[[str], Path]) -> None:
    venv = home / "projects" / "rl" / ".venv"
    shutil.copytree(empty_of("3.11"), venv / "inner", symlinks=True)
    assert paths(home) == [str(venv)]


@pytest.mark.parametrize("name", [".git", "node_modules", "__pycache__", ".cache"])
def test_folders_that_never_matter_are_not_entered(name: str, home: Path) -> None:
    (home / "projects").rename(home / name)
    assert paths(home) == []


def test_poetrys_environments_count_though_they_lie_in_a_cache(home: Path) -> None:
    kept = home / ".cache" / "pypoetry" / "virtualenvs"
    kept.parent.mkdir(parents=True)
    (home / "projects" / "rl").rename(kept)
    assert paths(home) == [str(kept / ".venv")]


def test_pyenvs_pythons_below_a_root_are_found() -> None:
    pythons = pyenv_pythons()
    if not pythons:
        pytest.skip("no pyenv")
    root = next(iter(pythons.values())).parents[3]
    found = {environment.record.path for environment in scan_machine([root]).environments}
    assert found >= {str(python.parents[1].resolve()) for python in pythons.values()}


def test_a_home_with_a_link_to_python_in_its_bin_is_no_environment(home: Path) -> None:
    (home / "bin").mkdir()
    (home / "bin" / "python").symlink_to(python_or_skip("3.11"))
    assert paths(home) == [str(home / "projects/rl/.venv")]


def test_a_folder_of_data_is_not_walked(home: Path) -> None:
    data = home / "projects" / "rl"
    for number in range(ENTRIES_CAP):
        (data / f"{number}.jpg").symlink_to("x")
    scan = scan_machine([home])
    assert scan.environments == ()
    assert not scan.is_incomplete
    assert [place.path for place in scan.passed_over] == [str(data)]
    asked_for = scan_machine([data])
    assert [(place.path, place.reason) for place in asked_for.unread] == [
        (str(data), f"more than {ENTRIES_CAP} entries")
    ]


def test_a_loop_of_links_ends(home: Path) -> None:
    (home / "projects" / "loop").symlink_to(home)
    (home / "self").symlink_to("self")
    assert paths(home) == [str(home / "projects/rl/.venv")]


def test_what_the_time_budget_left_out_makes_the_scan_incomplete(home: Path) -> None:
    ticks = itertools.count()
    scan = scan_machine([home], deadline_s=2, clock=lambda: float(next(ticks)))
    assert scan.is_incomplete
    assert scan.environments == ()


def test_time_runs_out_in_the_registries_too(home: Path, tmp_path: Path) -> None:
    write_tree(home, {".conda/environments.txt": "/gone\n" * 100})
    ticks = itertools.count()
    person = Person(home.stat().st_uid, str(home))
    scan = scan_machine(
        host=Host(people=(person,), root=str(tmp_path / "root")),
        deadline_s=50,
        clock=lambda: float(next(ticks)),
    )
    assert scan.is_incomplete


def test_progress_hears_of_folders_and_environments(home: Path) -> None:
    heard: list[str] = []
    (home / "projects" / "rl" / "a-link").symlink_to("/nowhere")
    scan_machine([home], progress=heard.append, host=Host(people=()))
    there = dict.fromkeys(place for place in heard if os.path.lexists(place) and is_below(place, str(home)))
    places = ("", "projects", "projects/rl", "projects/rl/a-link", "projects/rl/.venv")
    assert list(there) == [str(home / place) for place in places]


def test_a_root_may_be_an_environment_itself(home: Path) -> None:
    assert paths(home / "projects" / "rl" / ".venv") == [str(home / "projects/rl/.venv")]


def test_a_root_that_is_an_environment_is_entered_all_the_same(home: Path) -> None:
    lay_out_python(home)
    for own in ("lib/inner", "bin/inner"):
        shutil.copytree(home / "projects" / "rl", home / own, symlinks=True)
    own_python = str(home / "bin/python3.11")
    assert paths(home) == [own_python, str(home / "projects/rl/.venv")]
    assert paths(home.parent) == [own_python]


def test_roots_limit_the_registries_too(home: Path, tmp_path: Path, empty_of: Callable[[str], Path]) -> None:
    outside = tmp_path / "outside" / "rl"
    shutil.copytree(empty_of("3.11"), outside, symlinks=True)
    write_tree(home, {".conda/environments.txt": f"{outside}\n{home}/projects/rl/.venv\n"})
    assert paths(home) == [str(home / "projects/rl/.venv")]


def test_what_is_bound_counts_as_registered(
    home: Path, tmp_path: Path, empty_of: Callable[[str], Path]
) -> None:
    outside = tmp_path / "outside" / "rl"
    shutil.copytree(empty_of("3.11"), outside, symlinks=True)
    host = Host(people=(), root=str(tmp_path / "root"))
    bound = scan_machine(bound=[outside, tmp_path / "gone"], host=host)
    assert [each.record.path for each in bound.environments] == [str(outside)]
    assert not bound.is_incomplete
    assert scan_machine([home], bound=[outside], kinds={"uv"}).environments == ()


def test_only_wanted_kinds_are_read(home: Path) -> None:
    assert [each.record.kind for each in scan_machine([home], kinds={"venv", "conda"}).environments] == [
        "venv"
    ]
    assert scan_machine([home], kinds={"conda"}).environments == ()


def test_names_are_told_of_a_given_path_too(home: Path) -> None:
    venv = home / "projects" / "rl" / ".venv"
    add_kernel(venv, "rl", "python")
    assert scan_paths([venv]).environments[0].record.names == ("kernel:rl",)
    assert read_environment(venv).record.names == ("kernel:rl",)


@pytest.mark.parametrize("place", [".local/share/containers/storage/overlay/x/diff", ".local/share/docker/x"])
def test_files_of_containers_are_the_containers(place: str, home: Path) -> None:
    (home / place).parent.mkdir(parents=True)
    (home / "projects").rename(home / place)
    assert paths(home) == []


def test_given_paths_are_read_and_nothing_else(home: Path) -> None:
    venv = home / "projects" / "rl" / ".venv"
    make_venv(python_or_skip("3.10"), home / "other")
    scan = scan_paths([venv, venv / "bin" / "python"])
    assert [environment.record.path for environment in scan.environments] == [str(venv)]
    assert scan.facts.os


def test_a_given_path_that_is_none_is_an_error(home: Path) -> None:
    with pytest.raises(InventoryError):
        scan_paths([home])


def test_paths_that_are_no_text_are_escaped(home: Path) -> None:
    (home / "projects").rename(home / os.fsdecode(b"od\xff\nd"))
    (environment,) = scan_machine([home]).environments
    assert environment.record.path == f"{home}/od\\xff\\x0ad/rl/.venv"
    assert environment.record.path.isprintable()
