from __future__ import annotations

import sys
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envguard.domain.environment import BrokenRequirement, Environment, Package, Problem
from envguard.inventory import read_environment
from envguard.inventory.archives import DIRECTORY_CAP_BYTES, ENTRIES_CAP, ENTRY_CAP, read_archive
from envguard.inventory.files import reader_for
from envguard.inventory.search_path import Folder
from tests.builders.environments import site_packages, write_tree
from tests.inventory.asking import what_it_lists

GYM = "Name: gym\nVersion: 1\n\n"
UNREADABLE = (Problem("unreadable"),)


def read_with(env: Path, name: str) -> Environment:
    """Read an environment with the archive of this name on its path."""
    (site_packages(env) / "x.pth").write_text(f"{name}\n")
    return read_environment(env)


def test_a_broken_archive_on_the_path_is_unreadable(env: Path) -> None:
    (site_packages(env) / "x-1.egg").write_bytes(b"PK" + b"\0" * 100)
    assert read_with(env, "x-1.egg").snapshot.problems == UNREADABLE


def test_a_file_that_is_no_archive_is_nothing(env: Path) -> None:
    (site_packages(env) / "x-1.egg").write_text("text")
    assert read_with(env, "x-1.egg").snapshot.problems == ()


@pytest.mark.parametrize(
    ("name", "entry", "is_counted"),
    [
        ("x.zip", "gym-1.dist-info/METADATA", True),
        ("x.zip", "gym-1.egg-info/PKG-INFO", True),
        ("gym-1-py3.egg", "EGG-INFO/PKG-INFO", True),
        ("x.zip", "EGG-INFO/PKG-INFO", False),
        ("x.zip", "vendored/gym-1.dist-info/METADATA", False),
    ],
)
def test_entries_count_as_the_interpreter_counts_them(
    name: str, entry: str, is_counted: bool, env: Path
) -> None:
    with zipfile.ZipFile(site_packages(env) / name, "w") as archive:
        archive.writestr(entry, GYM)
    snapshot = read_with(env, name).snapshot
    assert snapshot.packages == ((Package("gym", "1"),) if is_counted else ())
    assert snapshot.problems == ()
    assert what_it_lists(env / "bin" / "python") == ({("gym", "1")} if is_counted else set())


REQUIRES = """numpy<2

[:python_version < "3"]
six

[:python_version >= "3"]
rl@ https://index.example/rl.zip
torch>1

[gpu]
cuda

[gpu:os_name == "posix"]
cudnn
"""
EXPECTED = (
    BrokenRequirement("gym", "numpy<2"),
    BrokenRequirement("gym", 'rl; python_version >= "3"'),
    BrokenRequirement("gym", 'torch>1; python_version >= "3"'),
)


@pytest.mark.parametrize(
    ("name", "entry"),
    [("gym-1-py3.egg", "EGG-INFO"), ("gym-1-py3.egg", "egg-info"), ("x.zip", "gym-1.egg-info")],
)
@pytest.mark.parametrize("is_zipped", [True, False], ids=["zipped", "folder"])
def test_requirements_of_an_egg_are_read_zipped_or_not(
    is_zipped: bool, name: str, entry: str, env: Path
) -> None:
    files = {f"{entry}/PKG-INFO": GYM, f"{entry}/requires.txt": REQUIRES}
    if is_zipped:
        with zipfile.ZipFile(site_packages(env) / name, "w") as archive:
            for place, text in files.items():
                archive.writestr(place, text)
    else:
        write_tree(site_packages(env) / name, files)
    assert read_with(env, name).snapshot.broken_requirements == EXPECTED


def test_requirements_in_the_metadata_of_a_zipped_egg_come_first(env: Path) -> None:
    with zipfile.ZipFile(site_packages(env) / "gym-1-py3.egg", "w") as archive:
        archive.writestr("EGG-INFO/PKG-INFO", "Name: gym\nVersion: 1\nRequires-Dist: scipy\n\n")
        archive.writestr("EGG-INFO/requires.txt", REQUIRES)
    assert read_with(env, "gym-1-py3.egg").snapshot.broken_requirements == (
        BrokenRequirement("gym", "scipy"),
    )


@pytest.mark.parametrize(
    ("requires", "fault"),
    [
        pytest.param("gym\n" * 4097, "more requirements than 4096", id="too many"),
        pytest.param("#\n" * 150_000, "requires.txt: longer than 262144 bytes", id="too long"),
    ],
)
def test_requirements_of_a_zipped_egg_that_are_left_out_are_told(
    requires: str, fault: str, env: Path
) -> None:
    egg = site_packages(env) / "gym-1-py3.egg"
    with zipfile.ZipFile(egg, "w") as archive:
        archive.writestr("EGG-INFO/PKG-INFO", GYM)
        archive.writestr("EGG-INFO/requires.txt", requires)
    details = [each.detail for each in read_with(env, egg.name).record.details]
    assert details == [f"{egg}/EGG-INFO: {fault}"]


def test_what_its_metadata_lacks_the_entry_tells(env: Path) -> None:
    with zipfile.ZipFile(site_packages(env) / "x.zip", "w") as archive:
        archive.writestr("gym-1.dist-info/METADATA", "Name: gym\n\n")
        archive.writestr("numpy-2.dist-info/RECORD", "")
    snapshot = read_with(env, "x.zip").snapshot
    assert snapshot.packages == (Package("gym", "1"), Package("numpy", "2"))
    assert snapshot.problems == (Problem("unreadable", "gym"), Problem("unreadable", "numpy"))


def test_a_bomb_is_read_to_its_cap_and_no_further(env: Path) -> None:
    path = site_packages(env) / "x.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("gym-1.dist-info/METADATA", "w") as member,
    ):
        member.write(GYM.encode())
        for _ in range(300):
            member.write(bytes(1024 * 1024))
    tracemalloc.start()
    assert read_with(env, "x.zip").snapshot.packages == (Package("gym", "1"),)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 20 * 1024 * 1024


@pytest.mark.parametrize("is_64", [False, True])
def test_a_directory_that_would_fill_the_memory_is_refused(is_64: bool, env: Path) -> None:
    path = site_packages(env) / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("gym-1.dist-info/METADATA", GYM)
    content = bytearray(path.read_bytes())
    if is_64:
        content[-22:-22] = b"PK\6\7" + bytes(16)
    else:
        content[-10:-6] = (DIRECTORY_CAP_BYTES + 1).to_bytes(4, "little")
    path.write_bytes(content)
    assert read_with(env, "x.zip").snapshot.problems == UNREADABLE


def test_an_archive_of_countless_distributions_is_refused(env: Path) -> None:
    with zipfile.ZipFile(site_packages(env) / "x.zip", "w") as archive:
        for number in range(ENTRIES_CAP + 1):
            archive.writestr(f"p{number}-1.dist-info/METADATA", "")
    assert read_with(env, "x.zip").snapshot.problems == UNREADABLE


def test_an_entry_with_an_endless_name_is_unreadable_and_the_others_count(env: Path) -> None:
    with zipfile.ZipFile(site_packages(env) / "x.zip", "w") as archive:
        archive.writestr("gym-1.dist-info/METADATA", GYM)
        archive.writestr("a-" * (ENTRY_CAP // 2) + ".dist-info/METADATA", "")
    snapshot = read_with(env, "x.zip").snapshot
    assert (snapshot.packages, snapshot.problems) == ((Package("gym", "1"),), UNREADABLE)


@pytest.mark.skipif(sys.platform != "linux", reason="a file that opens and cannot be read is Linux's")
def test_an_archive_that_opens_and_cannot_be_read_is_unreadable() -> None:
    contents = read_archive(Folder("/proc/self/mem", "added", reader_for("/proc/self")))
    assert [problem.kind for problem in contents.problems] == ["unreadable"]


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bzip2", "lzma"])
def test_compressions_that_no_installer_uses_are_refused(how: int, env: Path) -> None:
    with zipfile.ZipFile(site_packages(env) / "x.zip", "w", how) as archive:
        archive.writestr("gym-1.dist-info/METADATA", GYM)
    assert read_with(env, "x.zip").snapshot.problems == UNREADABLE


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archives") / "x.egg"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("EGG-INFO/PKG-INFO", GYM)
        opened.writestr("gym-1.dist-info/METADATA", GYM * 20)
    return path


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=4)), max_size=5))
def test_no_damage_raises(archive: Path, damages: list[tuple[int, bytes]]) -> None:
    content = bytearray(archive.read_bytes())
    for place, new in damages:
        content[place : place + len(new)] = new
    damaged = archive.with_name("damaged.egg")
    damaged.write_bytes(content)
    contents = read_archive(Folder(str(damaged), "added", reader_for(str(damaged))))
    assert all(one.name.isprintable() for one in contents.distributions)
