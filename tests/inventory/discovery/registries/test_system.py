from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from envguard.domain.environment import Integrity
from envguard.errors import InventoryError
from envguard.inventory import scan_machine
from envguard.inventory.discovery.host import Host
from envguard.inventory.discovery.people import Person, is_home, people_around, people_to_scan
from envguard.inventory.integrity import check_hashes
from envguard.inventory.shadows import shadows_of
from tests.builders.environments import write_dist_info, write_tree
from tests.builders.places import lay_out_python
from tests.inventory.test_record_file import hashed

NOW = datetime(2026, 11, 23, 17, tzinfo=timezone.utc)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give the root of a file system with one Python for everybody."""
    lay_out_python(tmp_path / "root" / "usr")
    return tmp_path / "root"


def a_home_with(folder: Path, library: str, **packages: str) -> Path:
    site = folder / ".local" / "lib" / library / "site-packages"
    for name, version in packages.items():
        write_dist_info(site, name, version)
    site.mkdir(parents=True, exist_ok=True)
    return folder


def a_host(root: Path, *homes: Path, is_superuser: bool = True) -> Host:
    people = [Person(home.stat().st_uid, str(home)) for home in homes]
    return Host(people=(Person(0, str(root / "nobodys")), *people), root=str(root), is_superuser=is_superuser)


def test_the_systems_interpreter_is_one_with_all_its_names(root: Path) -> None:
    (environment,) = scan_machine(host=a_host(root)).environments
    record = environment.record
    assert (record.kind, record.path) == ("system", f"{root}/usr/bin/python3.11")
    assert record.also == (f"{root}/usr/bin/python", f"{root}/usr/bin/python3")


def test_pythons_beside_it_and_in_frameworks_count(root: Path) -> None:
    lay_out_python(root / "usr" / "local", "3.12.1")
    lay_out_python(root / "Library/Frameworks/Python.framework/Versions/3.10", "3.10.13")
    found = {each.record.path for each in scan_machine(host=a_host(root)).environments}
    assert found == {
        f"{root}/usr/bin/python3.11",
        f"{root}/usr/local/bin/python3.12",
        f"{root}/Library/Frameworks/Python.framework/Versions/3.10/bin/python3.10",
    }


class TestWhatPeopleInstalledForThemselves:
    def test_it_is_an_environment_of_theirs(self, root: Path, tmp_path: Path) -> None:
        write_dist_info(root / "usr/lib/python3.11/site-packages", "requests", "2.0")
        ann = a_home_with(tmp_path / "ann", "python3.11", gym="0.26.2", requests="3.0")
        (user, _) = scan_machine(host=a_host(root, ann)).environments
        record = user.record
        assert (record.kind, record.path) == ("user", f"{ann}/.local/lib/python3.11/site-packages")
        assert record.python == f"{root}/usr/bin/python3.11"
        assert {(each.name, each.version) for each in user.snapshot.packages} == {
            ("gym", "0.26.2"),
            ("requests", "3.0"),
        }
        assert [each.kind for each in record.details] == ["shadowed"]
        assert record.project is None

    def test_each_persons_is_another(self, root: Path, tmp_path: Path) -> None:
        homes = [a_home_with(tmp_path / name, "python3.11", gym="1") for name in ("ann", "bob")]
        kinds = [each.record.kind for each in scan_machine(host=a_host(root, *homes)).environments]
        assert sorted(kinds) == ["system", "user", "user"]

    def test_its_files_are_compared_with_their_records(self, root: Path, tmp_path: Path) -> None:
        ann = a_home_with(tmp_path / "ann", "python3.11")
        site = ann / ".local/lib/python3.11/site-packages"
        write_tree(site, {"gym.py": "x = 1\n", "rich.py": "x = 1\n"})
        for name in ("gym", "rich"):
            write_dist_info(site, name, "1", RECORD=f"{name}.py,{hashed('sha256')},6\n")
        (user, _) = scan_machine(host=a_host(root, ann)).environments
        (site / "gym.py").write_text("x = 2\n")
        assert check_hashes(user, now=NOW) == Integrity(NOW, ("gym",), {"gym": ("gym.py",)})
        shutil.rmtree(site)
        with pytest.raises(InventoryError, match="no such folder"):
            check_hashes(user, now=NOW)

    def test_what_the_working_directory_takes_from_it_is_a_shadow(self, root: Path, tmp_path: Path) -> None:
        ann = a_home_with(tmp_path / "ann", "python3.11", gym="1")
        write_tree(ann / ".local/lib/python3.11/site-packages", {"gym.py": ""})
        cwd = write_tree(tmp_path / "cwd", {"gym.py": ""})
        (user, _) = scan_machine(host=a_host(root, ann)).environments
        (shadow,) = shadows_of(user, [str(cwd)])
        assert (shadow.package, shadow.place) == ("gym", f"{cwd}/gym.py")

    @pytest.mark.parametrize(
        ("library", "packages"),
        [("python3.11", {}), ("python3.9", {"gym": "1"}), ("ruby", {"gym": "1"})],
        ids=["empty", "no such Python here", "another language"],
    )
    def test_what_no_interpreter_would_import_is_none(
        self, library: str, packages: dict[str, str], root: Path, tmp_path: Path
    ) -> None:
        ann = a_home_with(tmp_path / "ann", library, **packages)
        assert [each.record.kind for each in scan_machine(host=a_host(root, ann)).environments] == ["system"]

    def test_a_folder_that_another_owns_is_not_imported(self, root: Path, tmp_path: Path) -> None:
        ann = a_home_with(tmp_path / "ann", "python3.11", gym="1")
        host = Host(
            people=(Person(0, str(tmp_path / "mine")), Person(os.getuid() + 1, str(ann))),
            root=str(root),
            is_superuser=True,
        )
        assert [each.record.kind for each in scan_machine(host=host).environments] == ["system"]

    def test_an_ordinary_user_sees_his_own_in_the_systems(self, root: Path, tmp_path: Path) -> None:
        ann = a_home_with(tmp_path / "ann", "python3.11", gym="1")
        kinds = [
            each.record.kind for each in scan_machine(host=a_host(root, ann, is_superuser=False)).environments
        ]
        assert kinds == ["system"]

    def test_roots_leave_out_the_system_but_not_what_lies_below_them(
        self, root: Path, tmp_path: Path
    ) -> None:
        ann, bob = (a_home_with(tmp_path / name, "python3.11", gym="1") for name in ("ann", "bob"))
        scan = scan_machine([ann], host=a_host(root, ann, bob))
        assert [each.record.path for each in scan.environments] == [
            f"{ann}/.local/lib/python3.11/site-packages"
        ]


def test_my_home_is_what_home_says_if_it_is_mine(tmp_path: Path) -> None:
    me = people_to_scan({"HOME": str(tmp_path), "PIPX_HOME": "/x"})[0]
    assert (me.uid, me.home, me.environ["PIPX_HOME"]) == (os.geteuid(), str(tmp_path), "/x")


def test_a_home_that_is_anothers_is_not_mine(tmp_path: Path) -> None:
    others = "/"
    if os.geteuid() == 0:
        os.chown(tmp_path, 65534, -1)
        others = str(tmp_path)
    assert others not in {person.home for person in people_to_scan({"HOME": others})}


def test_a_home_that_nobody_can_look_at_is_unread_and_one_that_is_absent_is_nothing(tmp_path: Path) -> None:
    loop, absent, file = tmp_path / "loop", tmp_path / "absent", tmp_path / "file"
    loop.symlink_to("loop")
    file.write_text("")
    assert {str(absent), str(file)}.isdisjoint(
        person.home for home in (absent, file) for person in people_to_scan({"HOME": str(home)})
    )
    me = people_to_scan({"HOME": str(loop)})[0]
    assert me.home == str(loop)
    scan = scan_machine(host=Host(people=(me,), root=str(tmp_path)))
    assert [(each.path, each.reason) for each in scan.unread] == [
        (str(loop), "too many levels of symbolic links")
    ]


def test_a_home_in_a_closed_folder_may_be_there(open_folder: Path, as_somebody: Callable[[], None]) -> None:
    home = open_folder / "closed" / "ann"
    home.mkdir(parents=True)
    home.parent.chmod(0)
    as_somebody()
    assert is_home(str(home))
    assert not is_home(str(open_folder / "absent"))


def test_nobody_elses_variables_are_known() -> None:
    assert all(not person.environ for person in people_to_scan({"A": "b"}) if person.uid != os.geteuid())
    assert [one.uid for one in people_around("/", {})][-1] == 0
