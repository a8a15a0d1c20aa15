from __future__ import annotations

import shutil
import time
from pathlib import Path

import msgspec
import pytest

from envguard.inventory import scan_machine
from envguard.inventory.discovery.host import Host
from envguard.inventory.discovery.mounts import Mount, Mounts
from envguard.inventory.discovery.people import Person
from envguard.inventory.freshness import Memories
from tests.builders.environments import write_tree
from tests.builders.places import lay_out_python, lay_out_venv


class TestMounts:
    """Whose table is handed in: what is mounted where cannot be changed by a test."""

    def a_host(self, *mounts: Mount, people: tuple[Person, ...] = ()) -> Host:
        whole = Mount("/", "ext4", "/dev/vda")
        return Host(people=people, mounts=Mounts({each.place: each for each in (whole, *mounts)}))

    def a_mount(self, place: Path, kind: str = "ext4", source: str = "/dev/vdb") -> Mount:
        return Mount(str(place), kind, source)

    @pytest.mark.parametrize("kind", ["ext4", "nfs4", "fuse.sshfs", "autofs"])
    def test_what_is_mounted_below_a_root_is_not_walked_unless_told(self, kind: str, home: Path) -> None:
        host = self.a_host(self.a_mount(home / "projects", kind))
        scan = scan_machine([home], host=host)
        assert scan.environments == ()
        assert not scan.is_incomplete
        assert [(place.path, place.reason) for place in scan.passed_over] == [
            (str(home / "projects"), f"another file system: {kind}")
        ]
        everywhere = scan_machine([home], host=host, all_file_systems=True)
        is_asked = kind != "autofs"
        assert (len(everywhere.environments), everywhere.is_incomplete) == (int(is_asked), not is_asked)

    def test_a_root_that_is_named_is_walked_wherever_it_is(self, home: Path) -> None:
        host = self.a_host(self.a_mount(home, "nfs4", "host:/export/ann"))
        memories = Memories({}, clock=lambda: time.time() + 10)
        (environment,) = scan_machine([home], host=host, read=memories.read).environments
        assert environment.record.shared_as == "nfs:host:/export/ann/projects/rl/.venv"
        assert memories.kept == {}, "another machine's clock tells its times"

    def test_a_home_that_nobody_named_is_not_and_that_is_told(self, home: Path, tmp_path: Path) -> None:
        kept = home / ".cache/pypoetry/virtualenvs"
        kept.parent.mkdir(parents=True)
        (home / "projects" / "rl").rename(kept)
        (home / "projects").rmdir()
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
        host = self.a_host(self.a_mount(home / "projects"))
        assert scan_machine([tmp_path / "link"], host=host).environments == ()

    def test_without_a_table_devices_are_compared(self, home: Path) -> None:
        assert len(scan_machine([home], host=Host(people=())).environments) == 1

    def test_roots_inside_of_roots_are_walked_once(self, home: Path) -> None:
        heard: list[str] = []
        scan_machine([home, home / "projects", home], progress=heard.append)
        assert heard.count(str(home / "projects" / "rl")) == 1

    def test_a_network_mount_that_does_not_answer_is_unread(self, home: Path) -> None:
        gone = home / "projects" / "rl" / ".venv"
        shutil.move(gone, home / "elsewhere")
        gone.symlink_to("/nowhere/at/all/.venv")
        (home / "data").symlink_to("/nowhere/at/all/data")
        host = self.a_host(self.a_mount(Path("/nowhere/at/all"), "nfs", "host:/x"))
        write_tree(home, {".conda/environments.txt": "/nowhere/at/all/env\n"})
        person = Person(home.stat().st_uid, str(home))
        scan = scan_machine(host=msgspec.structs.replace(host, people=(person,), root=str(home / "none")))
        assert {place.path for place in scan.unread} == {str(gone), "/nowhere/at/all/env"}
        assert [place.path for place in scan.passed_over] == [str(home / "data")]
