"""A memory is worth something only if nothing that changes is missed."""

from __future__ import annotations

import json
import os
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from envguard.domain.environment import Environment
from envguard.inventory import read_environment
from envguard.inventory.environment import read_watched
from envguard.inventory.freshness import VALID_S, Memories, Memory, boot_id, is_fresh, remember
from envguard.inventory.layout import locate
from tests.builders.environments import install, make_venv, site_packages, write_dist_info, write_tree
from tests.inventory.asking import python_or_skip

LATER_S = 10.0
"""The files of a test are new: to be remembered they must be older than a tick of the clock."""


def read_with(memories: Memories, env: Path) -> Environment:
    return memories.read(locate(str(env)), named=str(env))


def a_memory(env: Path) -> Memory:
    memories = Memories({}, clock=lambda: time.time() + LATER_S)
    read_with(memories, env)
    (memory,) = memories.kept.values()
    return memory


def is_still_so(memory: Memory) -> bool:
    return is_fresh(memory, now_s=memory.read_at_s + 60, boot=boot_id())


def with_old_times(path: Path, change: Callable[[Path], object]) -> None:
    """Change a file and set its times back, as an editor that hides what it did."""
    before = path.stat()
    change(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def filled(env: Path) -> Path:
    """An environment with a package, a ``.pth`` and a project around it."""
    install(env, gym="0.26.2", numpy="1.26.4")
    write_tree(
        site_packages(env), {"more.pth": "more\n", "more/rl-1.dist-info/METADATA": "Name: rl\nVersion: 1\n"}
    )
    told = {"url": "https://index.example/rl", "vcs_info": {"vcs": "git", "commit_id": "a" * 40}}
    write_dist_info(site_packages(env), "rl", "1", direct_url__json=json.dumps(told))
    egg = {"PKG-INFO": "Name: egg\nVersion: 1\n\n", "requires.txt": "a\n"}
    write_tree(site_packages(env) / "egg-1.egg-info", egg)
    write_tree(site_packages(env), {"odd-1.dist-info/PKG-INFO": "Name: odd\nVersion: 1\n\n"})
    (site_packages(env) / "egg.egg-link").write_text("/a\n")
    with zipfile.ZipFile(site_packages(env) / "egg-1-py3.egg", "w") as archive:
        archive.writestr("EGG-INFO/PKG-INFO", "Name: zipped\nVersion: 1\n\n")
    (site_packages(env) / "egg.pth").write_text("egg-1-py3.egg\n")
    record = {"name": "openssl", "version": "3", "build": "h0"}
    write_tree(env, {"conda-meta/openssl-3-h0.json": json.dumps(record), "conda-meta/history": ""})
    (env.parent / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl-team"\n')
    return env


def test_nothing_changed_is_fresh_and_the_same_environment(filled: Path) -> None:
    memory = a_memory(filled)
    assert is_still_so(memory)
    again = Memories({str(filled): memory}, clock=lambda: memory.read_at_s + 60)
    assert read_with(again, filled) == read_environment(filled)
    assert again.kept == {str(filled): memory}


METADATA = "gym-0.26.2.dist-info/METADATA"
CHANGES: dict[str, Callable[[Path], object]] = {
    "an edited METADATA": lambda site: (site / METADATA).write_text("Name: gym\nVersion: 0.25.2\n\n"),
    "an edited METADATA with its times set back": lambda site: with_old_times(
        site / METADATA, lambda path: path.write_text(path.read_text().replace("0.26.2", "0.25.2"))
    ),
    "an appended .pth": lambda site: (site / "more.pth").write_text("more\nother\n"),
    "an appended .pth with its times set back": lambda site: with_old_times(
        site / "more.pth", lambda path: path.write_text("more\nmere\n")
    ),
    "a new .pth": lambda site: (site / "new.pth").write_text("\n"),
    "a new package": lambda site: write_dist_info(site, "torch", "2.4.0"),
    "a removed package": lambda site: (site / "numpy-1.26.4.dist-info").rename(site / "numpy"),
    "a package in a folder that a .pth adds": lambda site: write_dist_info(site / "more", "torch", "2.4.0"),
    "a direct_url.json": lambda site: (site / "gym-0.26.2.dist-info" / "direct_url.json").write_text("{}"),
    "an edited direct_url.json": lambda site: with_old_times(
        site / "rl-1.dist-info" / "direct_url.json",
        lambda path: path.write_text(path.read_text().replace("a" * 40, "b" * 40)),
    ),
    "an edited WHEEL": lambda site: with_old_times(
        site / "gym-0.26.2.dist-info" / "WHEEL",
        lambda path: path.write_text(path.read_text().replace("py3-none-any", "cp3-none-any")),
    ),
    "a WHEEL that is new": lambda site: (site / "rl-1.dist-info" / "WHEEL").write_text("Tag: a-b-c\n"),
    "an edited INSTALLER": lambda site: with_old_times(
        site / "gym-0.26.2.dist-info" / "INSTALLER", lambda path: path.write_text("envguard-toasts\n")
    ),
    "an edited .egg-link": lambda site: with_old_times(
        site / "egg.egg-link", lambda path: path.write_text("/b\n")
    ),
    "an edited record of conda's": lambda site: with_old_times(
        site.parents[2] / "conda-meta" / "openssl-3-h0.json",
        lambda path: path.write_text(path.read_text().replace('"3"', '"4"')),
    ),
    "a new record of conda's": lambda site: (site.parents[2] / "conda-meta" / "m-1-0.json").write_text("{}"),
    "an edited zip file": lambda site: with_old_times(
        site / "egg-1-py3.egg", lambda path: path.write_bytes(path.read_bytes()[::-1])
    ),
    "edited requirements of an egg-info": lambda site: (site / "egg-1.egg-info" / "requires.txt").write_text(
        "b\n"
    ),
    "an edited PKG-INFO where METADATA is absent": lambda site: (
        site / "odd-1.dist-info" / "PKG-INFO"
    ).write_text("Name: odd\nVersion: 2\n\n"),
    "another owner": lambda site: os.utime(site.parents[2]),
    "a METADATA that is gone": lambda site: (site / METADATA).unlink(),
    "an edited pyvenv.cfg": lambda site: (site.parents[2] / "pyvenv.cfg").write_text("home = /usr/bin\n"),
    "another project": lambda site: (site.parents[3] / "pyproject.toml").write_text(""),
    "a nearer marker": lambda site: (site.parents[3] / ".envguard.yaml").write_text("policy: other\n"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_noticed(change: Callable[[Path], object], filled: Path) -> None:
    memory = a_memory(filled)
    change(site_packages(filled))
    assert not is_still_so(memory)


def test_the_first_record_of_conda_s_is_noticed(env: Path) -> None:
    memory = a_memory(env)
    (env / "conda-meta").mkdir()
    assert not is_still_so(memory)


def test_a_folder_that_a_pth_named_and_that_was_absent_is_noticed(filled: Path) -> None:
    site = site_packages(filled)
    (site / "later.pth").write_text(f"{filled.parent / 'later'}\n")
    memory = a_memory(filled)
    write_dist_info(filled.parent / "later", "torch", "2.4.0")
    assert not is_still_so(memory)


def test_another_interpreter_is_noticed(filled: Path) -> None:
    memory = a_memory(filled)
    (filled / "bin" / "python").unlink()
    (filled / "bin" / "python").symlink_to(python_or_skip("3.12"))
    assert not is_still_so(memory)


def test_the_base_s_packages_are_watched_where_they_are_seen(tmp_path: Path) -> None:
    folder = make_venv(python_or_skip("3.11"), tmp_path / "v", "--system-site-packages")
    memory = a_memory(folder)
    watched = [str(Path(folder, place)) for folder, marks in memory.marks.items() for place in marks]
    of_base = [path for path in watched if path.endswith("site-packages") and str(tmp_path) not in path]
    assert of_base


def test_a_memory_ends_with_the_day_and_with_the_boot(filled: Path) -> None:
    memory = a_memory(filled)
    boot = boot_id()
    assert not is_fresh(memory, now_s=memory.read_at_s + VALID_S + 1, boot=boot)
    assert not is_fresh(memory, now_s=memory.read_at_s - 1, boot=boot)
    assert not is_fresh(memory, now_s=memory.read_at_s + 1, boot="another")


def test_files_that_may_change_within_the_same_tick_are_not_remembered(filled: Path) -> None:
    layout = locate(str(filled))
    assert remember(read_watched(layout), layout, began_at_s=time.time(), boot="b") is None


def test_a_memory_survives_being_written_down(filled: Path) -> None:
    memory = a_memory(filled)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(memory), type=Memory) == memory


def test_it_is_reached_by_the_path_of_this_time(filled: Path) -> None:
    memory = a_memory(filled)
    link = filled.parent / "link"
    link.symlink_to(filled)
    again = Memories({str(filled): memory}, clock=lambda: memory.read_at_s + 60)
    found = again.read(locate(str(link)), named=str(link))
    assert found.record.also == (str(link),)
    assert again.kept == {str(filled): memory}


def test_what_is_checked_out_is_looked_up_each_time(env: Path, tmp_path: Path) -> None:
    told = {"url": f"file://{tmp_path / 'rl'}", "dir_info": {"editable": True}}
    write_dist_info(site_packages(env), "rl", "1", direct_url__json=json.dumps(told))
    write_tree(
        tmp_path / "rl" / ".git", {"HEAD": "a" * 40 + "\n", "config": "", "objects/x": "", "refs/x": ""}
    )
    memory = a_memory(env)
    (before,) = memory.environment.record.editables
    write_tree(tmp_path / "rl" / ".git", {"HEAD": "b" * 40 + "\n"})
    again = Memories({str(env): memory}, clock=lambda: memory.read_at_s + 60)
    (after,) = read_with(again, env).record.editables
    assert again.kept == {str(env): memory}
    assert (before.commit, after.commit) == ("a" * 40, "b" * 40)


def test_what_happens_inside_of_git_is_no_change(filled: Path) -> None:
    (filled.parent / ".git").mkdir()
    memory = a_memory(filled)
    (filled.parent / ".git" / "index.lock").touch()
    assert is_still_so(memory)
    shutil.rmtree(filled.parent / ".git")
    assert not is_still_so(memory)


def test_another_kind_or_base_is_read_anew_though_no_file_changed(filled: Path) -> None:
    memory = a_memory(filled)
    again = Memories({str(filled): memory}, clock=lambda: memory.read_at_s + 60)
    layout = msgspec.structs.replace(locate(str(filled)), kind="poetry")
    assert again.read(layout, named=str(filled)).record.kind == "poetry"


def test_a_commit_that_the_owner_may_not_see_stays_unknown(
    open_folder: Path, new_env: Callable[[str], Path]
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only the superuser reads for others")
    env = open_folder / "env"
    shutil.copytree(new_env("3.11"), env, symlinks=True)
    told = {"url": f"file://{open_folder / 'rl'}", "dir_info": {"editable": True}}
    write_dist_info(site_packages(env), "rl", "1", direct_url__json=json.dumps(told))
    write_tree(
        open_folder / "rl" / ".git", {"HEAD": "a" * 40 + "\n", "config": "", "objects/x": "", "refs/x": ""}
    )
    (open_folder / "rl").chmod(0o700)
    for path in (env, *env.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    memory = a_memory(env)
    again = Memories({str(env): memory}, clock=lambda: memory.read_at_s + 60)
    for environment in (memory.environment, read_with(again, env)):
        assert [each.commit for each in environment.record.editables] == [None]
