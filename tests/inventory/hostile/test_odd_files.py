"""Whatever lies where a file should: the reading ends, raises nothing, and says what it could not read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from envguard.domain.environment import Environment
from envguard.inventory import read_environment, scan_machine
from envguard.inventory.files import Reader
from tests.builders.environments import site_packages, write_dist_info
from tests.cli.conftest import Envguard
from tests.inventory.hostile.sick import (
    KINDS,
    endless_headers,
    fifo,
    folder,
    loop,
    noise,
    nuls,
    soon,
    sparse,
    terminal,
)

PLACES = {
    "METADATA": "lib/python3.11/site-packages/gym-1.dist-info/METADATA",
    "RECORD": "lib/python3.11/site-packages/gym-1.dist-info/RECORD",
    "INSTALLER": "lib/python3.11/site-packages/gym-1.dist-info/INSTALLER",
    "WHEEL": "lib/python3.11/site-packages/gym-1.dist-info/WHEEL",
    "direct_url.json": "lib/python3.11/site-packages/gym-1.dist-info/direct_url.json",
    "dist-info": "lib/python3.11/site-packages/gym-1.dist-info",
    "egg-info": "lib/python3.11/site-packages/old-1.egg-info",
    "egg-link": "lib/python3.11/site-packages/old.egg-link",
    "pth": "lib/python3.11/site-packages/x.pth",
    "zip": "lib/python3.11/site-packages/added.zip",
    "site-packages": "lib/python3.11/site-packages",
    "lib": "lib",
    "pyvenv.cfg": "pyvenv.cfg",
    "pyvenv.cfg in bin": "bin/pyvenv.cfg",
    "python": "bin/python",
    "bin": "bin",
}
ALWAYS_TOLD = {"METADATA", "dist-info", "egg-info", "pth", "pyvenv.cfg"}


def spoil(env: Path, place: str, make: Callable[[Path], None]) -> None:
    """Put something sick at a place of an environment that is otherwise in order."""
    site = site_packages(env)
    write_dist_info(site, "gym", "1")
    write_dist_info(site, "numpy", "2.0")
    if place == "zip":
        (site / "z.pth").write_text("added.zip\n")
    path = env / PLACES[place]
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    make(path)


def kinds(environment: Environment) -> set[str]:
    return {problem.kind for problem in environment.snapshot.problems}


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("place", PLACES)
def test_the_reading_ends_and_the_rest_is_read(place: str, make: Callable[[Path], None], env: Path) -> None:
    spoil(env, place, make)
    with soon():
        scan = scan_machine([env.parent])
    for environment in scan.environments:
        msgspec.json.encode(environment)
        assert all(detail.detail.isprintable() for detail in environment.record.details)
    if place not in ("site-packages", "lib", "python", "bin"):
        (environment,) = scan.environments
        names = {package.name for package in environment.snapshot.packages}
        assert "numpy" in names
        assert place == "egg-info" or "gym" in names


@pytest.mark.parametrize("place", ["METADATA", "dist-info", "egg-info", "pyvenv.cfg", "pyvenv.cfg in bin"])
@pytest.mark.parametrize("make", [fifo, terminal, *KINDS[3:5]])
def test_what_is_no_file_is_told(place: str, make: Callable[[Path], None], env: Path) -> None:
    spoil(env, place, make)
    assert kinds(read_environment(env)) == {"unreadable"}


@pytest.mark.parametrize(
    ("place", "make"),
    [
        ("METADATA", folder),
        ("METADATA", sparse),
        ("METADATA", endless_headers),
        ("METADATA", noise),
        ("pth", fifo),
        ("pth", sparse),
        ("pth", noise),
        ("pyvenv.cfg", sparse),
        ("pyvenv.cfg", noise),
        ("pyvenv.cfg", folder),
    ],
)
def test_what_is_no_text_of_its_kind_is_told(place: str, make: Callable[[Path], None], env: Path) -> None:
    spoil(env, place, make)
    assert kinds(read_environment(env)) == {"unreadable"}


@pytest.mark.parametrize("place", ["lib", "site-packages"])
@pytest.mark.parametrize("make", [fifo, loop])
def test_what_is_no_folder_is_told_and_never_empty(
    place: str, make: Callable[[Path], None], env: Path
) -> None:
    (env / "lib64").unlink(missing_ok=True)
    spoil(env, place, make)
    assert "unreadable" in kinds(read_environment(env))


@pytest.mark.parametrize("make", [fifo, terminal, loop, sparse, folder])
def test_a_link_file_that_cannot_be_read_is_told(make: Callable[[Path], None], env: Path) -> None:
    spoil(env, "egg-link", make)
    assert kinds(read_environment(env)) == {"unreadable"}


@pytest.mark.parametrize("make", [fifo, sparse, noise, folder], ids=["fifo", "sparse", "noise", "folder"])
def test_an_origin_that_cannot_be_read_is_not_taken_for_an_index(
    make: Callable[[Path], None], env: Path
) -> None:
    spoil(env, "direct_url.json", make)
    origins = {package.name: package.origin.kind for package in read_environment(env).snapshot.packages}
    assert origins == {"gym": "unknown", "numpy": "index"}


@pytest.mark.parametrize("make", [folder, lambda path: path.symlink_to("gone")], ids=["folder", "dangling"])
def test_a_path_file_that_no_interpreter_reads_is_nothing(make: Callable[[Path], None], env: Path) -> None:
    spoil(env, "pth", make)
    assert kinds(read_environment(env)) == set()


def test_a_writer_at_a_fifo_is_not_woken(env: Path) -> None:
    spoil(env, "METADATA", fifo)
    woken = threading.Event()

    def write() -> None:
        os.close(os.open(env / PLACES["METADATA"], os.O_WRONLY))
        woken.set()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    read_environment(env)
    assert not woken.wait(0.2)
    os.close(os.open(env / PLACES["METADATA"], os.O_RDONLY | os.O_NONBLOCK))
    writer.join(timeout=5)
    assert woken.is_set()


_CUT = """
import os, sys
while True:
    with open(sys.argv[1], 'wb') as file:
        file.write(b'\\x7fELF')
        file.truncate(100_000_000)
    os.truncate(sys.argv[1], 4)
"""
_READ = """
import pathlib, sys
from envguard.inventory import read_environment
for _ in range(40):
    read_environment(pathlib.Path(sys.argv[1]))
"""


def test_an_executable_that_is_cut_short_while_it_is_read_kills_nobody(env: Path) -> None:
    """A mapped one would, by SIGBUS."""
    python = env / "bin" / "python"
    python.unlink()
    with subprocess.Popen([sys.executable, "-c", _CUT, python]) as cutter:
        read = subprocess.run([sys.executable, "-c", _READ, env], timeout=120, check=False)
        cutter.kill()
    assert read.returncode == 0


def test_values_that_no_path_can_hold_count_as_absent(env: Path) -> None:
    (env / "pyvenv.cfg").write_bytes(b"home = /a\0b\ninclude-system-site-packages = false\n")
    (site_packages(env) / "x.egg-link").write_bytes(b"/a\0b\n.")
    assert read_environment(env).snapshot.interpreter.version.startswith("3.11.")
    assert kinds(read_environment(env)) == set()


def test_the_commands_say_what_they_could_not_read(env: Path, envguard: Envguard) -> None:
    spoil(env, "METADATA", fifo)
    run = envguard("scan", "--roots", env.parent, "--json")
    assert run.code == 0
    (environment,) = run.json()["environments"]
    assert environment["snapshot"]["problems"] == [
        {
            "kind": "unreadable",
            "package": "gym",
            "detail": f"{env / PLACES['dist-info']}: not a regular file",
        }
    ]
    (env.parent / "requirements.txt").write_text("gym==1\nnumpy==2.0\n")
    judged = envguard("check", env, "--policy", env.parent / "requirements.txt", "--json")
    assert (judged.code, judged.json()["verdict"]) == (3, "unknown")


def test_nul_bytes_and_odd_shebangs_of_an_old_layout_raise_nothing(new_env: Callable[[str], Path]) -> None:
    env = new_env("2.7")
    nuls(env / "lib" / "python2.7" / "orig-prefix.txt")
    assert "base-missing" in kinds(read_environment(env))


def test_a_reader_never_opens_what_is_no_file(tmp_path: Path) -> None:
    fifo(tmp_path / "x")
    with pytest.raises(OSError, match="not a regular file"):
        Reader(os.geteuid()).open(str(tmp_path / "x"))
