"""Each difference of the table is there: when one goes away, its test fails, and the table is mended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from envguard.inventory import read_environment
from tests.builders.environments import make_venv, site_packages, write_dist_info, write_tree
from tests.builders.wheels import make_wheel
from tests.inventory.oracle.children import run
from tests.inventory.oracle.differences import DIFFERENCES
from tests.inventory.oracle.making import base_python, make_with_pip
from tests.inventory.oracle.witnesses import (
    Listing,
    what_pip_lists,
    what_the_interpreter_finds,
    what_uv_lists,
    what_we_read,
)

PAGE = Path(__file__).resolve().parents[3] / "docs" / "inventory.md"
OWN = {"pip", "setuptools"}
GYM = "Name: gym\nVersion: 1\n\n"


@pytest.fixture(scope="module")
def with_pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an environment with a recent pip; each test leaves it as it was."""
    return make_with_pip("3.13", tmp_path_factory.mktemp("pip") / "env")


def ours(env: Path) -> tuple[Listing, set[tuple[str, str | None]]]:
    snapshot = read_environment(env).snapshot
    problems: set[tuple[str, str | None]] = {(one.kind, one.package) for one in snapshot.problems}
    return without_own(what_we_read(read_environment(env))), problems


def without_own(listing: Listing) -> Listing:
    return {(name, version) for name, version in listing if name not in OWN}


def theirs(env: Path, environ: Mapping[str, str]) -> tuple[Listing | None, Listing | None, Listing | None]:
    """The interpreter's, pip's and uv's answer; None where one ended with an error."""
    python = env / "bin" / "python"
    return (
        or_none(lambda: what_the_interpreter_finds(python)),
        or_none(lambda: what_pip_lists(python, environ)),
        or_none(lambda: what_uv_lists(python, environ)),
    )


def or_none(ask: Callable[[], Listing]) -> Listing | None:
    try:
        return without_own(ask())
    except (AssertionError, subprocess.CalledProcessError, TypeError):
        return None


@pytest.fixture
def env(with_pip: Path, tmp_path: Path) -> Path:
    """Give an environment with pip that the test may change."""
    run(["cp", "-a", with_pip, tmp_path / "env"], {"PATH": os.defpath})
    return tmp_path / "env"


def test_the_page_tells_every_difference() -> None:
    rows = [f"| {one.who} | {one.theirs} | {one.ours} |" for one in DIFFERENCES.values()]
    _, _, table = PAGE.read_text().partition("| who | does | envguard |\n|---|---|---|\n")
    assert table.partition("\n\n")[0].splitlines() == rows


def test_leftovers(env: Path, environ: Mapping[str, str]) -> None:
    write_dist_info(site_packages(env), "gym", "2")
    write_dist_info(site_packages(env), "~ym", "1", metadata=GYM.encode())
    good = {("gym", "2")}
    assert ours(env) == (good, {("leftover", "gym")})
    assert theirs(env, environ) == (good | {("gym", "1")}, good, good)


def test_two_in_one_folder(env: Path, environ: Mapping[str, str]) -> None:
    write_dist_info(site_packages(env), "gym", "1")
    write_dist_info(site_packages(env), "gym", "2")
    both = {("gym", "1"), ("gym", "2")}
    assert ours(env) == (both, {("duplicate", "gym")})
    finds, pip, uv = theirs(env, environ)
    assert (finds, uv) == (both, both)
    assert pip is not None
    assert len(pip) == 1


def test_two_folders(env: Path, environ: Mapping[str, str]) -> None:
    site = site_packages(env)
    write_dist_info(site, "gym", "1")
    write_dist_info(site / "more", "gym", "2")
    (site / "x.pth").write_text("more\n")
    first = {("gym", "1")}
    assert ours(env) == (first, {("shadowed", "gym")})
    assert theirs(env, environ) == (first | {("gym", "2")}, first, first)


def test_egg_link(env: Path, environ: Mapping[str, str]) -> None:
    source = write_tree(env / "project", {"gym.egg-info/PKG-INFO": GYM})
    write_tree(site_packages(env), {"gym.egg-link": f"{source}\n."})
    assert ours(env) == (set(), set())
    assert theirs(env, environ) == (set(), {("gym", "1")}, {("gym", "1")})


def test_eggs(env: Path, environ: Mapping[str, str]) -> None:
    site = site_packages(env)
    files = {"gym-1.egg/EGG-INFO/PKG-INFO": GYM, "x.pth": "gym-1.egg\n"}
    write_tree(site, {**files, "numpy-2.DIST-INFO/METADATA": "Name: numpy\nVersion: 2\n\n"})
    both = {("gym", "1"), ("numpy", "2")}
    assert ours(env) == (both, set())
    finds, _, uv = theirs(env, environ)
    assert (finds, uv) == (both, set())


@pytest.mark.parametrize(
    ("base", "brought"), [("3.13", "pip"), ("PyPy", "cffi")], ids=["what it sees", "what PyPy brings"]
)
def test_base(base: str, brought: str, environ: Mapping[str, str], tmp_path: Path) -> None:
    env = make_venv(base_python(base), tmp_path / "env", "--system-site-packages")
    read = what_we_read(read_environment(env))
    assert brought in {name for name, _ in read}
    assert what_the_interpreter_finds(env / "bin" / "python") == read
    assert brought not in {name for name, _ in what_uv_lists(env / "bin" / "python", environ)}


def test_wheels(env: Path, environ: Mapping[str, str]) -> None:
    wheel = make_wheel(env, "gym", "1")
    (site_packages(env) / "x.pth").write_text(f"{wheel}\n")
    assert ours(env) == ({("gym", "1")}, set())
    assert theirs(env, environ) == ({("gym", "1")}, set(), set())


def test_not_utf_8(env: Path, environ: Mapping[str, str]) -> None:
    metadata = b"Name: gym\nVersion: 1\nAuthor: J\xf6rg\n\n"
    write_dist_info(site_packages(env), "gym", "1", metadata=metadata)
    assert ours(env) == ({("gym", "1")}, set())
    assert theirs(env, environ) == (None, None, {("gym", "1")})


def test_byte_order_mark(env: Path, environ: Mapping[str, str]) -> None:
    write_dist_info(site_packages(env), "gym", "1", metadata=b"\xef\xbb\xbf" + GYM.encode())
    assert ours(env) == ({("gym", "1")}, set())
    assert theirs(env, environ)[0] is None


def test_incomplete(env: Path, environ: Mapping[str, str]) -> None:
    (write_dist_info(site_packages(env), "gym", "1") / "METADATA").unlink()
    assert ours(env) == ({("gym", "1")}, {("unreadable", "gym")})
    assert theirs(env, environ)[0] is None


def test_name(env: Path, environ: Mapping[str, str]) -> None:
    write_dist_info(site_packages(env), "gym", "1", metadata=b"Name: numpy\nVersion: 2\n\n")
    assert ours(env) == ({("numpy", "2")}, set())
    assert theirs(env, environ) == ({("numpy", "2")}, {("numpy", "1")}, {("gym", "1")})


def test_code(env: Path, environ: Mapping[str, str]) -> None:
    write_dist_info(env / "more", "gym", "1")
    (site_packages(env) / "x.pth").write_text(f"import sys; sys.path.append({str(env / 'more')!r})\n")
    assert ours(env) == (set(), {("unreadable", None)})
    assert theirs(env, environ) == ({("gym", "1")}, {("gym", "1")}, set())


def kill_at_first_leftover(command: list[str], site: Path, environ: Mapping[str, str]) -> None:
    with subprocess.Popen(command, env=dict(environ)) as child:
        until = time.monotonic() + 60
        while not list(site.glob("~*")) and child.poll() is None and time.monotonic() < until:
            time.sleep(0.001)
        child.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("minor", ["3.11", "3.13"])
def test_pip_that_was_killed_in_the_middle(minor: str, environ: Mapping[str, str], tmp_path: Path) -> None:
    env = make_with_pip(minor, tmp_path / "env")
    site, python = site_packages(env), env / "bin" / "python"
    files = {f"gym/part_{number}.py": "" for number in range(2_000)}
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    run([*install, make_wheel(tmp_path, "numpy", "2")], environ)
    new = make_wheel(tmp_path, "gym", "2", files=files)
    for _ in range(10):  # on a busy machine pip may be done before the blow falls
        run([*install, "--force-reinstall", make_wheel(tmp_path, "gym", "1", files=files)], environ)
        kill_at_first_leftover([*install, str(new)], site, environ)
        if list(site.glob("~*")):
            break
    read, problems = ours(env)
    assert ("numpy", "2") in read
    assert read <= {("numpy", "2"), ("gym", "1"), ("gym", "2")}
    assert "leftover" in {kind for kind, _ in problems}
    run([*install, "--force-reinstall", new], environ)
    read, problems = ours(env)
    assert read == {("gym", "2"), ("numpy", "2")}
    assert {kind for kind, _ in problems} == {"leftover"}
    uv = without_own(what_uv_lists(python, environ))
    assert uv == read
    if minor == "3.13":
        assert without_own(what_pip_lists(python, environ)) == read
