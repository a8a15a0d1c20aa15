"""What an environment's owner could not read is not read for others either, and never taken for absent."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from envguard.inventory import read_environment, scan_machine
from envguard.inventory.files import Reader
from tests.builders.environments import make_venv, site_packages, write_dist_info
from tests.inventory.hostile.sick import sparse
from tests.inventory.oracle.making import base_python

SOMEBODY = 65534
as_superuser = pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser reads for others")


@pytest.fixture
def theirs(open_folder: Path) -> Path:
    """Give an environment that belongs to somebody else, made of the system's Python, which all may read."""
    folder = make_venv(base_python("Debian"), open_folder / "env")
    write_dist_info(site_packages(folder), "gym", "1")
    give(folder)
    return folder


def give(folder: Path) -> None:
    """Make a folder, and all in it, somebody else's."""
    for path in [folder, *folder.rglob("*")]:
        os.lchown(path, SOMEBODY, SOMEBODY)


def told(env: Path) -> tuple[dict[str, str], set[tuple[str, str | None]]]:
    snapshot = read_environment(env).snapshot
    packages = {one.name: one.version for one in snapshot.packages}
    return packages, {(one.kind, one.package) for one in snapshot.problems}


@as_superuser
def test_an_environment_of_somebody_elses_is_read(theirs: Path) -> None:
    assert told(theirs) == ({"gym": "1"}, set())


@as_superuser
@pytest.mark.parametrize("place", ["gym-1.dist-info/METADATA", "gym-1.dist-info"])
def test_what_its_owner_closed_is_unreadable_though_the_superuser_could(place: str, theirs: Path) -> None:
    (site_packages(theirs) / place).chmod(0)
    assert told(theirs) == ({"gym": "1"}, {("unreadable", "gym")})


@as_superuser
@pytest.mark.parametrize("place", ["bin", "pyvenv.cfg", "lib/python3.11/site-packages", "lib/python3.11"])
def test_a_closed_part_makes_an_environment_unreadable_never_empty(place: str, theirs: Path) -> None:
    if not (theirs / place).exists():
        pytest.skip("another Python than Debian 12's")
    (theirs / place).chmod(0)
    assert ("unreadable", None) in told(theirs)[1]


@as_superuser
@pytest.mark.parametrize("mode", [0o600, 0o644], ids=["closed itself", "in a closed folder"])
def test_a_link_to_what_only_the_superuser_may_read_is_not_followed(
    mode: int, theirs: Path, open_folder: Path
) -> None:
    secret = open_folder / "secret" / "METADATA"
    secret.parent.mkdir(mode=0o755 if mode == 0o600 else 0o700)
    secret.write_text("Name: secret\nVersion: 9\n\n")
    secret.chmod(mode)
    metadata = site_packages(theirs) / "gym-1.dist-info" / "METADATA"
    metadata.unlink()
    metadata.symlink_to(secret)
    assert told(theirs) == ({"gym": "1"}, {("unreadable", "gym")})


@as_superuser
def test_a_closed_folder_behind_a_linked_dist_info_is_not_entered(theirs: Path, open_folder: Path) -> None:
    (open_folder / "secret").mkdir(mode=0o700)
    write_dist_info(open_folder / "secret", "secret", "9")
    (site_packages(theirs) / "numpy-2.dist-info").symlink_to(open_folder / "secret" / "secret-9.dist-info")
    assert told(theirs) == ({"gym": "1", "numpy": "2"}, {("unreadable", "numpy")})


@as_superuser
def test_a_path_file_does_not_open_the_superusers_folders(theirs: Path, open_folder: Path) -> None:
    (open_folder / "secret").mkdir(mode=0o700)
    write_dist_info(open_folder / "secret", "secret", "9")
    (site_packages(theirs) / "x.pth").write_text(f"{open_folder / 'secret'}\n")
    assert told(theirs) == ({"gym": "1"}, {("unreadable", None)})


@as_superuser
def test_a_link_to_what_all_may_read_is_followed(theirs: Path, open_folder: Path) -> None:
    cached = open_folder / "cache" / "METADATA"
    cached.parent.mkdir(mode=0o755)
    cached.write_text("Name: numpy\nVersion: 2\n\n")
    dist_info = site_packages(theirs) / "numpy-2.dist-info"
    dist_info.mkdir()
    (dist_info / "METADATA").symlink_to(cached)
    assert told(theirs) == ({"gym": "1", "numpy": "2"}, set())


@as_superuser
@pytest.mark.parametrize(("mode", "problems"), [(0o711, set()), (0o600, {("not-an-environment", None)})])
def test_an_interpreter_that_its_owner_may_not_read_is_one_if_it_may_be_run(
    mode: int, problems: set[tuple[str, str | None]], theirs: Path, open_folder: Path
) -> None:
    python = open_folder / "python3.11"
    python.write_bytes(b"\x7fELF")
    python.chmod(mode)
    (theirs / "bin" / "python").unlink()
    (theirs / "bin" / "python").symlink_to(python)
    assert told(theirs)[1] == problems


@as_superuser
@pytest.mark.parametrize(
    ("uid", "gid", "mode", "may"),
    [
        (SOMEBODY, 0, 0o400, True),
        (SOMEBODY, 0, 0o077, False),
        (0, SOMEBODY, 0o040, True),
        (0, SOMEBODY, 0o007, False),
        (0, 0, 0o004, True),
        (0, 0, 0o770, False),
    ],
    ids="{0:o}".format,
)
def test_rights_are_the_kernels(uid: int, gid: int, mode: int, may: bool, open_folder: Path) -> None:
    path = open_folder / "file"
    path.write_text("x")
    os.chown(path, uid, gid)
    path.chmod(mode)
    child = os.fork()
    if child == 0:  # pragma: no cover
        os.setgroups([SOMEBODY])
        os.setgid(SOMEBODY)
        os.setuid(SOMEBODY)
        os._exit(os.access(path, os.R_OK))
    assert bool(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])) is may
    try:
        Reader(SOMEBODY).read(str(path), cap_bytes=10)
    except PermissionError:
        assert not may
    else:
        assert may


def test_somebody_without_rights_scans_on(open_folder: Path, as_somebody: Callable[[], None]) -> None:
    open_env = make_venv(base_python("Debian"), open_folder / "b-env")
    closed = open_folder / "a-closed"
    make_venv(base_python("Debian"), closed / "env")
    write_dist_info(site_packages(open_env), "gym", "1")
    sparse(site_packages(open_env) / "huge.pth")
    (site_packages(open_env) / "gym-1.dist-info").chmod(0)
    closed.chmod(0)
    try:
        as_somebody()
        (found,) = scan_machine([open_folder]).environments
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        closed.chmod(0o755)
    assert [(one.name, one.version) for one in found.snapshot.packages] == [("gym", "1")]
    assert {one.kind for one in found.snapshot.problems} == {"unreadable"}
