"""A folder that changes while it is read: no exception, and a state that was there, or a problem."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from envguard.errors import InventoryError
from envguard.inventory import read_environment, scan_machine
from tests.builders.environments import site_packages, write_dist_info
from tests.inventory.hostile.sick import soon

_CHANGE = """
import itertools, os, pathlib, shutil, sys
site = pathlib.Path(sys.argv[1])
print('ready', flush=True)
for turn in itertools.count():
    version = turn % 2 + 1
    new = site / f'gym-{version}.dist-info'
    new.mkdir(exist_ok=True)
    (new / 'METADATA').write_text(f'Name: gym\\nVersion: {version}\\n\\n')
    (new / 'RECORD').write_text('')
    (site / 'x.pth').write_text('added\\n' * turn)
    (site / 'added').mkdir(exist_ok=True)
    shutil.rmtree(site / f'gym-{3 - version}.dist-info', ignore_errors=True)
    os.rename(site / 'added', site / f'gone-{turn}')
    os.rmdir(site / f'gone-{turn}')
    (site / 'x.pth').unlink()
"""


@contextmanager
def installing(site: Path) -> Iterator[None]:
    """Install and remove in a process of its own, until the block ends."""
    with subprocess.Popen([sys.executable, "-c", _CHANGE, site], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        try:
            yield
        finally:
            child.kill()


@contextmanager
def again_and_again(change: Callable[[], None]) -> Iterator[None]:
    """Do something in a thread until the block ends."""
    over = threading.Event()

    def loop() -> None:
        while not over.is_set():
            change()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_packages_that_come_and_go(env: Path) -> None:
    site = site_packages(env)
    write_dist_info(site, "numpy", "2.0")
    seen = set()
    with installing(site), soon():
        for _ in range(300):
            snapshot = read_environment(env).snapshot
            versions = {one.version for one in snapshot.packages if one.name == "gym"}
            assert "numpy" in {one.name for one in snapshot.packages}
            assert versions <= {"1", "2"}
            assert len(versions) < 2 or "duplicate" in {one.kind for one in snapshot.problems}
            seen |= versions
    assert seen


def test_an_environment_that_comes_and_goes(env: Path) -> None:
    write_dist_info(site_packages(env), "gym", "1")
    work = env.parent / "work"
    work.mkdir()

    def change() -> None:
        shutil.copytree(env, work / "env", symlinks=True)
        shutil.rmtree(work / "env")

    with again_and_again(change):
        for _ in range(150):
            with soon():
                scan_machine([work])
                with contextlib.suppress(InventoryError):
                    read_environment(work / "env")


def test_an_environment_that_is_exchanged(env: Path) -> None:
    write_dist_info(site_packages(env), "gym", "1")
    other = Path(shutil.copytree(env, env.parent / "other", symlinks=True))
    write_dist_info(site_packages(other), "numpy", "2")
    link = env.parent / "link"
    link.symlink_to(env)

    def change() -> None:
        for target in (other, env):
            (env.parent / "next").symlink_to(target)
            (env.parent / "next").rename(link)

    with again_and_again(change):
        for _ in range(200):
            names = [package.name for package in read_environment(link).snapshot.packages]
            assert names in (["gym"], ["gym", "numpy"])


def test_a_folder_of_50_000_entries_is_read_soon(env: Path) -> None:
    site = site_packages(env)
    write_dist_info(site, "gym", "1")
    for number in range(50_000):
        os.mknod(site / f"module_{number}.py")
    with soon():
        snapshot = read_environment(env).snapshot
    assert [package.name for package in snapshot.packages] == ["gym"]
    assert snapshot.problems == ()


def test_a_flood_of_path_files_is_told_and_does_not_last(env: Path) -> None:
    site = site_packages(env)
    for number in range(40):
        lines = range(number * 100_000, (number + 1) * 100_000)
        (site / f"{number:02}.pth").write_text("\n".join(map(str, lines)))
    with soon():
        problems = read_environment(env).snapshot.problems
    assert {problem.kind for problem in problems} == {"unreadable"}
