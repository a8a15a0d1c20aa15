from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from envguard.domain.environment import Environment
from envguard.inventory import scan_machine
from envguard.inventory.discovery.host import Host
from envguard.inventory.discovery.people import Person
from envguard.inventory.environment import read_layout
from envguard.inventory.layout import Layout
from tests.builders.environments import write_tree
from tests.builders.places import lay_out_python, lay_out_venv


class TestWhatCouldNotBeRead:
    def told(self, home: Path, host: Host | None = None) -> dict[str, str]:
        scan = scan_machine([home], host=host)
        assert scan.is_incomplete == bool(scan.unread)
        return {place.path: place.reason for place in scan.unread}

    def test_a_root_that_is_absent(self, home: Path) -> None:
        assert self.told(home / "absent") == {str(home / "absent"): "no such file or directory"}

    def test_a_config_that_is_no_file(self, home: Path) -> None:
        (home / "projects/rl/.venv/pyvenv.cfg").unlink()
        os.mkfifo(home / "projects/rl/.venv/pyvenv.cfg")
        assert self.told(home) == {}
        (environment,) = scan_machine([home]).environments
        assert "not a regular file" in environment.record.details[0].detail
        assert [each.kind for each in environment.snapshot.problems] == ["unreadable"]

    def test_a_config_that_is_no_file_of_a_registered_environment(self, home: Path) -> None:
        kept = home / ".cache/pypoetry/virtualenvs"
        kept.parent.mkdir(parents=True)
        (home / "projects" / "rl").rename(kept)
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
        assert self.told(open_folder) == {str(open_folder / "closed"): "permission denied"}
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
        venv = home / "projects" / "rl" / ".venv"

        def remove_and_read(layout: Layout, *, named: str) -> Environment:
            shutil.rmtree(venv)
            return read_layout(layout, named=named)

        scan = scan_machine([home], read=remove_and_read)
        assert scan.is_incomplete
        assert [place.path for place in scan.unread] == [str(venv)]

    def test_what_nobody_foresaw_costs_its_own_environment(self, home: Path) -> None:
        shutil.copytree(home / "projects", home / "other", symlinks=True)

        def stumble(layout: Layout, *, named: str) -> Environment:
            if "other" in named:
                raise ValueError("a number of 5,000 digits")
            return read_layout(layout, named=named)

        scan = scan_machine([home], read=stumble)
        assert [each.record.path for each in scan.environments] == [f"{home}/projects/rl/.venv"]
        assert [each.reason for each in scan.unread] == ["cannot be understood: ValueError"]

    @pytest.mark.parametrize("place", ["projects", "projects/rl/.venv"])
    def test_where_an_earlier_look_hung(self, place: str, home: Path) -> None:
        shutil.copytree(home / "projects", home / "other", symlinks=True)
        scan = scan_machine([home], avoid=[str(home / place)])
        assert [each.record.path for each in scan.environments] == [f"{home}/other/rl/.venv"]
        assert [(each.path, each.reason) for each in scan.unread] == [
            (str(home / place), "an earlier look hung here")
        ]
        assert scan.is_incomplete

    def test_a_link_at_which_an_earlier_look_hung(self, home: Path, tmp_path: Path) -> None:
        (home / "projects" / "rl" / ".venv").rename(tmp_path / "scratch")
        (home / "projects" / "link").symlink_to(tmp_path / "scratch")
        (home / "other").symlink_to(tmp_path / "scratch")
        (home / "data").symlink_to(tmp_path)
        hung = [str(home / "data"), str(home / "projects" / "link")]
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
            shutil.rmtree(home / "projects" / "rl", ignore_errors=True)

        assert scan_machine([home], progress=remove).unread == ()
