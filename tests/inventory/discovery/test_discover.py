from __future__ import annotations

import itertools
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from envguard.domain.environment import Environment
from envguard.errors import InventoryError
from envguard.inventory import read_environment, scan_machine, scan_paths
from envguard.inventory.discovery.host import Host
from envguard.inventory.discovery.mounts import Mount, Mounts
from envguard.inventory.discovery.people import Person
from envguard.inventory.discovery.walk import ENTRIES_CAP
from envguard.inventory.environment import read_layout
from envguard.inventory.files import is_below
from envguard.inventory.freshness import Memories
from envguard.inventory.layout import Layout
from tests.builders.environments import make_venv, pyenv_pythons, write_tree
from tests.builders.places import add_kernel, lay_out_python, lay_out_venv
from tests.inventory.asking import python_or_skip


@pytest.fixture
def home(tmp_path: Path, empty_of: Callable[[str], Path]) -> Path:
    """Give a home with an environment in a project."""
    folder = tmp_path / "home"
    shutil.copytree(empty_of("3.11"), folder / "work" / "rl" / ".venv", symlinks=True)
    return folder


def paths(home: Path) -> list[str]:
    return [environment.record.path for environment in scan_machine([home]).environments]


def test_environments_below_the_roots_are_found(home: Path) -> None:
    scan = scan_machine([home])
    assert [environment.record.path for environment in scan.environments] == [str(home / "work/rl/.venv")]
    assert not scan.is_incomplete


def test_an_environment_reached_by_a_link_is_one_with_two_paths(home: Path) -> None:
    (home / "a-link").symlink_to(home / "work" / "rl" / ".venv")
    (environment,) = scan_machine([home]).environments
    assert environment.record.path == str(home / "work/rl/.venv")
    assert environment.record.also == (str(home / "a-link"),)


def test_a_link_to_an_environment_outside_of_the_roots_counts(home: Path, tmp_path: Path) -> None:
    venv = home / "work" / "rl" / ".venv"
    venv.rename(tmp_path / "scratch")
    venv.symlink_to(tmp_path / "scratch")
    (environment,) = scan_machine([home]).environments
    assert environment.record.path == str(tmp_path / "scratch")
    assert environment.record.also == (str(venv),)


def test_an_environment_is_not_entered(home: Path, empty_of: Callable[[str], Path]) -> None:
    venv = home / "work" / "rl" / ".venv"
    shutil.copytree(empty_of("3.11"), venv / "inner", symlinks=True)
    assert paths(home) == [str(venv)]


@pytest.mark.parametrize("name", [".git", "node_modules", "__pycache__", ".cache"])
def test_folders_that_never_matter_are_not_entered(name: str, home: Path) -> None:
    (home / "work").rename(home / name)
    assert paths(home) == []


def test_poetrys_environments_count_though_they_lie_in_a_cache(home: Path) -> None:
    kept = home / ".cache" / "pypoetry" / "virtualenvs"
    kept.parent.mkdir(parents=True)
    (home / "work" / "rl").rename(kept)
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
    assert paths(home) == [str(home / "work/rl/.venv")]


def test_a_folder_of_data_is_not_walked(home: Path) -> None:
    data = home / "work" / "rl"
    for number in range(ENTRIES_CAP):
        (data / f"{number}.jpg").symlink_to("x")
    scan = scan_machine([home])
    assert scan.environments == ()
    assert not scan.is_incomplete
    assert [place.path for place in scan.passed_over] == [str(data)]


def test_a_loop_of_links_ends(home: Path) -> None:
    (home / "work" / "loop").symlink_to(home)
    (home / "self").symlink_to("self")
    assert paths(home) == [str(home / "work/rl/.venv")]


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
    (home / "work" / "rl" / "a-link").symlink_to("/nowhere")
    scan_machine([home], progress=heard.append, host=Host(people=()))
    there = dict.fromkeys(place for place in heard if os.path.lexists(place) and is_below(place, str(home)))
    places = ("", "work", "work/rl", "work/rl/a-link", "work/rl/.venv")
    assert list(there) == [str(home / place) for place in places]


def test_a_root_may_be_an_environment_itself(home: Path) -> None:
    assert paths(home / "work" / "rl" / ".venv") == [str(home / "work/rl/.venv")]


def test_a_root_that_is_an_environment_is_entered_all_the_same(home: Path) -> None:
    lay_out_python(home)
    for own in ("lib/inner", "bin/inner"):
        shutil.copytree(home / "work" / "rl", home / own, symlinks=True)
    own_python = str(home / "bin/python3.11")
    assert paths(home) == [own_python, str(home / "work/rl/.venv")]
    assert paths(home.parent) == [own_python]


def test_roots_limit_the_registries_too(home: Path, tmp_path: Path, empty_of: Callable[[str], Path]) -> None:
    outside = tmp_path / "outside" / "rl"
    shutil.copytree(empty_of("3.11"), outside, symlinks=True)
    write_tree(home, {".conda/environments.txt": f"{outside}\n{home}/work/rl/.venv\n"})
    assert paths(home) == [str(home / "work/rl/.venv")]


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
    venv = home / "work" / "rl" / ".venv"
    add_kernel(venv, "rl", "python")
    assert scan_paths([venv]).environments[0].record.names == ("kernel:rl",)
    assert read_environment(venv).record.names == ("kernel:rl",)


class TestWhatCouldNotBeRead:
    def told(self, home: Path, host: Host | None = None) -> dict[str, str]:
        scan = scan_machine([home], host=host)
        assert scan.is_incomplete == bool(scan.unread)
        return {place.path: place.reason for place in scan.unread}

    def test_a_root_that_is_absent(self, home: Path) -> None:
        assert self.told(home / "absent") == {str(home / "absent"): "no such file or directory"}

    def test_a_config_that_is_no_file(self, home: Path) -> None:
        (home / "work/rl/.venv/pyvenv.cfg").unlink()
        os.mkfifo(home / "work/rl/.venv/pyvenv.cfg")
        assert self.told(home) == {}
        (environment,) = scan_machine([home]).environments
        assert "not a regular file" in environment.record.details[0].detail
        assert [each.kind for each in environment.snapshot.problems] == ["unreadable"]

    def test_a_config_that_is_no_file_of_a_registered_environment(self, home: Path) -> None:
        kept = home / ".cache/pypoetry/virtualenvs"
        kept.parent.mkdir(parents=True)
        (home / "work" / "rl").rename(kept)
        (kept / ".venv/pyvenv.cfg").unlink()
        (kept / ".venv/pyvenv.cfg").mkdir()
        (environment,) = scan_machine([home]).environments
        assert environment.record.path == str(kept / ".venv")
        assert [each.kind for each in environment.snapshot.problems] == ["unreadable"]

    def test_closed_folders(
        self, open_folder: Path, empty_of: Callable[[str], Path], as_somebody: Callable[[], None]
    ) -> None:
        for name in ("closed", "listed"):
            (open_folder / name / "inner").mkdir(parents=True)
        write_tree(open_folder, {".conda/environments.txt": f"{open_folder}/closed/inner\n"})
        (open_folder / "closed").chmod(0)
        as_somebody()
        assert self.told(open_folder) == {
            str(open_folder / "closed"): "permission denied",
            str(open_folder / "closed/inner"): "permission denied",
        }
        for root in (open_folder / "closed", open_folder / "closed/inner"):
            assert [place.path for place in scan_machine([root]).unread] == [str(root)]

    def test_an_environment_that_can_be_searched_and_not_listed_is_read(
        self, open_folder: Path, as_somebody: Callable[[], None]
    ) -> None:
        venv = lay_out_venv(open_folder / "venv", lay_out_python(open_folder / "base"))
        venv.chmod(0o311)
        as_somebody()
        scan = scan_machine([open_folder])
        assert [each.record.kind for each in scan.environments] == ["system", "venv"]

    def test_what_vanishes_while_it_is_looked_at(self, home: Path) -> None:
        venv = home / "work" / "rl" / ".venv"

        def remove_and_read(layout: Layout, *, named: str) -> Environment:
            shutil.rmtree(venv)
            return read_layout(layout, named=named)

        scan = scan_machine([home], read=remove_and_read)
        assert scan.is_incomplete
        assert [place.path for place in scan.unread] == [str(venv)]

    def test_what_nobody_foresaw_costs_its_own_environment(self, home: Path) -> None:
        shutil.copytree(home / "work", home / "other", symlinks=True)

        def stumble(layout: Layout, *, named: str) -> Environment:
            if "other" in named:
                raise ValueError("a number of 5,000 digits")
            return read_layout(layout, named=named)

        scan = scan_machine([home], read=stumble)
        assert [each.record.path for each in scan.environments] == [f"{home}/work/rl/.venv"]
        assert [each.reason for each in scan.unread] == ["cannot be understood: ValueError"]

    @pytest.mark.parametrize("place", ["work", "work/rl/.venv"])
    def test_where_an_earlier_look_hung(self, place: str, home: Path) -> None:
        shutil.copytree(home / "work", home / "other", symlinks=True)
        scan = scan_machine([home], avoid=[str(home / place)])
        assert [each.record.path for each in scan.environments] == [f"{home}/other/rl/.venv"]
        assert [(each.path, each.reason) for each in scan.unread] == [
            (str(home / place), "an earlier look hung here")
        ]
        assert scan.is_incomplete

    def test_a_link_at_which_an_earlier_look_hung(self, home: Path, tmp_path: Path) -> None:
        (home / "work" / "rl" / ".venv").rename(tmp_path / "scratch")
        (home / "work" / "link").symlink_to(tmp_path / "scratch")
        (home / "other").symlink_to(tmp_path / "scratch")
        (home / "data").symlink_to(tmp_path)
        hung = [str(home / "data"), str(home / "work" / "link")]
        scan = scan_machine([home], avoid=hung)
        assert [each.record.also for each in scan.environments] == [(str(home / "other"),)]
        assert [place.path for place in scan.unread] == hung

    def test_a_root_at_which_an_earlier_look_hung_is_not_asked_for(self, home: Path) -> None:
        absent = str(home / "absent")
        for scan in (
            scan_machine([Path(absent)], avoid=[absent]),
            scan_machine(host=Host(people=(Person(1, absent),), root=absent), avoid=[absent]),
        ):
            assert [(each.path, each.reason) for each in scan.unread] == [
                (absent, "an earlier look hung here")
            ]

    def test_a_home_at_which_an_earlier_look_hung_leads_nowhere(
        self, home: Path, tmp_path: Path, empty_of: Callable[[str], Path]
    ) -> None:
        outside = tmp_path / "outside" / "rl"
        shutil.copytree(empty_of("3.11"), outside, symlinks=True)
        write_tree(home, {".conda/environments.txt": f"{outside}\n"})
        host = Host(people=(Person(home.stat().st_uid, str(home)),), root=str(tmp_path / "root"))
        assert scan_machine(host=host, avoid=[str(home)]).environments == ()
        assert len(scan_machine(host=host).environments) == 2

    def test_a_folder_that_vanishes_is_nothing_to_tell(self, home: Path) -> None:
        def remove(path: str) -> None:
            shutil.rmtree(home / "work" / "rl", ignore_errors=True)

        assert scan_machine([home], progress=remove).unread == ()


class TestMounts:
    """Whose table is handed in: what is mounted where cannot be changed by a test."""

    def a_host(self, *mounts: Mount, people: tuple[Person, ...] = ()) -> Host:
        whole = Mount("/", "ext4", "/dev/vda")
        return Host(people=people, mounts=Mounts({each.place: each for each in (whole, *mounts)}))

    def a_mount(self, place: Path, kind: str = "ext4", source: str = "/dev/vdb") -> Mount:
        return Mount(str(place), kind, source)

    @pytest.mark.parametrize("kind", ["ext4", "nfs4", "fuse.sshfs", "autofs"])
    def test_what_is_mounted_below_a_root_is_not_walked_unless_told(self, kind: str, home: Path) -> None:
        host = self.a_host(self.a_mount(home / "work", kind))
        scan = scan_machine([home], host=host)
        assert scan.environments == ()
        assert not scan.is_incomplete
        assert [(place.path, place.reason) for place in scan.passed_over] == [
            (str(home / "work"), f"another file system: {kind}")
        ]
        everywhere = scan_machine([home], host=host, all_file_systems=True)
        is_asked = kind != "autofs"
        assert (len(everywhere.environments), everywhere.is_incomplete) == (int(is_asked), not is_asked)

    def test_a_root_that_is_named_is_walked_wherever_it_is(self, home: Path) -> None:
        host = self.a_host(self.a_mount(home, "nfs4", "host:/export/ann"))
        memories = Memories({}, clock=lambda: time.time() + 10)
        (environment,) = scan_machine([home], host=host, read=memories.read).environments
        assert environment.record.shared_as == "nfs:host:/export/ann/work/rl/.venv"
        assert memories.kept == {}, "another machine's clock tells its times"

    def test_a_home_that_nobody_named_is_not_and_that_is_told(self, home: Path, tmp_path: Path) -> None:
        kept = home / ".cache/pypoetry/virtualenvs"
        kept.parent.mkdir(parents=True)
        (home / "work" / "rl").rename(kept)
        (home / "work").rmdir()
        mount = self.a_mount(home, "nfs4", "host:/export/ann")
        host = self.a_host(mount, people=(Person(home.stat().st_uid, str(home)),))
        scan = scan_machine(host=msgspec.structs.replace(host, root=str(tmp_path / "root")))
        assert [each.record.path for each in scan.environments] == [str(kept / ".venv")]
        assert [place.path for place in scan.unread] == [str(home)]
        assert scan.is_incomplete

    def test_homes_of_others_on_a_network_are_theirs_to_scan(self, home: Path, tmp_path: Path) -> None:
        lay_out_venv(home / ".local/share/pipx/venvs/black", lay_out_python(tmp_path / "base"))
        people = (Person(1, str(tmp_path / "mine")), Person(2, str(home)), Person(3, str(tmp_path / "eve")))
        (tmp_path / "mine").mkdir()
        for kind, found in (("nfs4", ["pipx"]), ("autofs", [])):
            host = self.a_host(self.a_mount(home, kind), self.a_mount(tmp_path / "eve", kind), people=people)
            scan = scan_machine(host=msgspec.structs.replace(host, root=str(tmp_path / "root")))
            assert [each.record.kind for each in scan.environments] == found
            assert not scan.is_incomplete
            assert [place.path for place in scan.passed_over] == [str(tmp_path / "eve"), str(home)]

    def test_a_linked_root_is_walked_by_its_name_and_mounts_are_known_by_theirs(
        self, home: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "link").symlink_to(home)
        assert len(scan_machine([tmp_path / "link"]).environments) == 1
        host = self.a_host(self.a_mount(home / "work"))
        assert scan_machine([tmp_path / "link"], host=host).environments == ()

    def test_without_a_table_devices_are_compared(self, home: Path) -> None:
        assert len(scan_machine([home], host=Host(people=())).environments) == 1

    def test_roots_inside_of_roots_are_walked_once(self, home: Path) -> None:
        heard: list[str] = []
        scan_machine([home, home / "work", home], progress=heard.append)
        assert heard.count(str(home / "work" / "rl")) == 1

    def test_a_network_mount_that_does_not_answer_is_unread(self, home: Path) -> None:
        gone = home / "work" / "rl" / ".venv"
        shutil.move(gone, home / "elsewhere")
        gone.symlink_to("/nowhere/at/all/.venv")
        (home / "data").symlink_to("/nowhere/at/all/data")
        host = self.a_host(self.a_mount(Path("/nowhere/at/all"), "nfs", "host:/x"))
        write_tree(home, {".conda/environments.txt": "/nowhere/at/all/env\n"})
        person = Person(home.stat().st_uid, str(home))
        scan = scan_machine(host=msgspec.structs.replace(host, people=(person,), root=str(home / "none")))
        assert {place.path for place in scan.unread} == {str(gone), "/nowhere/at/all/env"}
        assert [place.path for place in scan.passed_over] == [str(home / "data")]


@pytest.mark.parametrize("place", [".local/share/containers/storage/overlay/x/diff", ".local/share/docker/x"])
def test_files_of_containers_are_the_containers(place: str, home: Path) -> None:
    (home / place).parent.mkdir(parents=True)
    (home / "work").rename(home / place)
    assert paths(home) == []


def test_given_paths_are_read_and_nothing_else(home: Path) -> None:
    venv = home / "work" / "rl" / ".venv"
    make_venv(python_or_skip("3.10"), home / "other")
    scan = scan_paths([venv, venv / "bin" / "python"])
    assert [environment.record.path for environment in scan.environments] == [str(venv)]
    assert scan.facts.os


def test_a_given_path_that_is_none_is_an_error(home: Path) -> None:
    with pytest.raises(InventoryError):
        scan_paths([home])


def test_paths_that_are_no_text_are_escaped(home: Path) -> None:
    (home / "work").rename(home / os.fsdecode(b"od\xff\nd"))
    (environment,) = scan_machine([home]).environments
    assert environment.record.path == f"{home}/od\\xff\\x0ad/rl/.venv"
    assert environment.record.path.isprintable()
