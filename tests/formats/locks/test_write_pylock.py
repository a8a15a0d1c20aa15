"""A ``pylock.toml`` that was written is one that ``packaging`` takes, and selects what it was made from."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest
from packaging.pylock import Pylock
from packaging.specifiers import SpecifierSet

from envguard.domain.environment import Digest, Origin
from envguard.domain.locks.flat import flattened
from envguard.domain.locks.lock import Artifact, Lock, LockedPackage
from envguard.formats import parse_lock, read_lock
from envguard.formats.locks.write_pylock import lacks_files, write_pylock

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DATA = Path(__file__).parent / "data"
REPOSITORY = Path(__file__).parents[3]
FOLDERS = sorted(path.name for path in DATA.iterdir())
SHA = "sha256:" + "ab" * 32
COMMIT = "0123456789abcdef0123456789abcdef01234567"
WHEEL = Artifact("gym-0.26.2-py3-none-any.whl", (SHA,))


def a_lock(*packages: LockedPackage, **fields: object) -> Lock:
    lock = Lock(packages=packages, digest=Digest("sha256:" + "0" * 64))
    return msgspec.structs.replace(lock, **fields)


def written(*packages: LockedPackage, folder: str = ".", **fields: object) -> tuple[Lock, Pylock]:
    text, left_out = write_pylock(a_lock(*packages, **fields), folder=folder)
    assert left_out == ()
    return parse_lock(text, filename="pylock.toml"), Pylock.from_dict(tomllib.loads(text))


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_real_lock_is_written_whole(folder: str) -> None:
    (path,) = (DATA / folder).glob("*.lock")
    flat = flattened(read_lock(path))
    lacking = [package for package in flat.packages if lacks_files(package)]
    text, left_out = write_pylock(flat)
    assert "index.example" not in text
    again = parse_lock(text, filename="pylock.toml")
    names = [package.name for package in flat.packages]
    gone = [each.name for each in left_out]
    assert sorted([*(package.name for package in again.packages), *gone]) == sorted(names)
    assert [package.name for package in lacking] == [
        name for name in gone if name in {p.name for p in lacking}
    ]
    assert SpecifierSet(again.requires_python or "") == SpecifierSet(flat.requires_python or "")
    assert again.extras == flat.extras
    assert set(again.groups) == {*flat.groups, *flat.default_groups}


def test_a_written_lock_written_again_is_the_same() -> None:
    lock = read_lock(REPOSITORY / "policies" / "rl-team.pylock.toml")
    text, left_out = write_pylock(lock)
    assert left_out == ()
    again = parse_lock(text, filename="pylock.toml")
    assert msgspec.structs.replace(again, digest=lock.digest) == lock
    assert write_pylock(again)[0] == text


def test_an_index_file_is_named_by_its_name_alone() -> None:
    lock, pylock = written(LockedPackage("gym", "0.26.2", artifacts=(WHEEL,)))
    assert lock.packages == (LockedPackage("gym", "0.26.2", artifacts=(WHEEL,)),)
    assert pylock.packages[0].index is None
    assert pylock.packages[0].wheels is not None
    assert pylock.packages[0].wheels[0].url is None


def test_of_several_source_archives_the_usual_one_is_named() -> None:
    files = tuple(Artifact(f"gym-0.26.2{suffix}", (SHA,)) for suffix in (".zip", ".tar.gz"))
    lock, _ = written(
        LockedPackage("gym", "0.26.2", artifacts=(*files, Artifact("gym-0.26.2.win32.exe", (SHA,))))
    )
    assert [file.filename for file in lock.packages[0].artifacts] == ["gym-0.26.2.tar.gz"]


def test_repositories_folders_and_archives_keep_their_place() -> None:
    vcs = Origin("vcs", "https://git.example/a", COMMIT)
    archive = Origin("archive", "https://files.example/c.zip")
    lock, pylock = written(
        LockedPackage("a", "1.0", origin=vcs, subdirectory="libs/a"),
        LockedPackage("b", origin=Origin("editable"), location="./libs/b"),
        LockedPackage("c", "1.0", origin=archive, artifacts=(Artifact("c.zip", (SHA,)),)),
        LockedPackage("d", "2.0", origin=Origin("directory"), location="../d", subdirectory="x"),
        LockedPackage(
            "e", "3.0", origin=Origin("archive"), location="e.zip", artifacts=(Artifact("", (SHA,)),)
        ),
        folder="../locks",
    )
    assert [package.origin for package in lock.packages] == [
        vcs,
        Origin("editable"),
        archive,
        Origin("directory"),
        Origin("archive"),
    ]
    packages = pylock.packages
    assert packages[0].vcs is not None
    assert (packages[0].vcs.subdirectory, packages[0].vcs.type) == ("libs/a", "git")
    folders = [
        (each.directory.path, each.directory.editable) for each in packages if each.directory is not None
    ]
    assert folders == [("../locks/libs/b", True), ("../d", False)]
    assert packages[4].archive is not None
    assert packages[4].archive.path == "../locks/e.zip"


def test_what_the_whole_lock_says_is_kept() -> None:
    lock, _ = written(
        LockedPackage("gym", "0.26.2", marker='"cpu" in extras', requires_python=">=3.8", artifacts=(WHEEL,)),
        requires_python=">=3.10",
        environments=('sys_platform == "linux"',),
        extras=("cpu",),
        groups=("dev", "docs"),
        default_groups=("dev", "main"),
    )
    assert (lock.requires_python, lock.environments) == (">=3.10", ('sys_platform == "linux"',))
    assert (lock.extras, lock.groups, lock.default_groups) == (
        ("cpu",),
        ("dev", "docs", "main"),
        ("dev", "main"),
    )
    assert (lock.packages[0].marker, lock.packages[0].requires_python) == ('"cpu" in extras', ">=3.8")


@pytest.mark.parametrize(
    ("package", "reason"),
    [
        (LockedPackage("mkl", "2024.0", ecosystem="conda", build="h1_0"), "conda's packages have no place"),
        (LockedPackage("gym", "0.26.2"), "no names of its files"),
        (LockedPackage("gym", "0.26.2", artifacts=(Artifact("", (SHA,)),)), "no names of its files"),
        (LockedPackage("gym", "0.26.2", artifacts=(Artifact(WHEEL.filename),)), "no names of its files"),
        (LockedPackage("gym", "0.25.2", artifacts=(WHEEL,)), "no names of its files"),
        (LockedPackage("gym", specifier=">=1"), "no exact version"),
        (LockedPackage("gym", "2004d-x"), "no exact version"),
        (LockedPackage("gym", origin=Origin("vcs", None, COMMIT)), "its repository has no address"),
        (LockedPackage("gym", origin=Origin("vcs", "https://git.example/a", "main")), "or no commit"),
        (LockedPackage("gym", origin=Origin("editable")), "one machine's own"),
        (LockedPackage("gym", origin=Origin("directory"), location="/home/ann/gym"), "one machine's own"),
        (
            LockedPackage("gym", origin=Origin("archive", "https://files.example/g.zip")),
            "no hash of its archive",
        ),
        (LockedPackage("gym", origin=Origin("archive"), artifacts=(WHEEL,)), "lies on one machine"),
        (LockedPackage("_gym", "1.0"), "not a name"),
    ],
)
def test_what_has_no_place_is_named_with_the_reason(package: LockedPackage, reason: str) -> None:
    text, (left,) = write_pylock(a_lock(package))
    assert (left.name, left.version) == (package.name, package.version)
    assert reason in left.reason
    assert "[[packages]]" not in text


def test_a_constraint_asks_for_nothing() -> None:
    text, left_out = write_pylock(a_lock(LockedPackage("gym", "0.26.2", only_constrains=True)))
    assert ("[[packages]]" in text, left_out) == (False, ())


def test_texts_of_any_kind_stay_what_they_are() -> None:
    location = 'a "b"\\c/\x7f\x01é'
    _, pylock = written(LockedPackage("b", origin=Origin("editable"), location=location))
    assert pylock.packages[0].directory is not None
    assert pylock.packages[0].directory.path == location
