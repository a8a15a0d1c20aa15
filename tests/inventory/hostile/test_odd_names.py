"""Whatever things are called: nothing raw reaches a terminal, and all JSON is valid."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from envguard.inventory import read_environment
from tests.builders.environments import site_packages, write_dist_info
from tests.cli.conftest import Envguard

ODD = [
    b"new\nline",
    b"escape\x1b[31m\x1b]0;title\x07",
    b"back\x08\x7f",
    b"latin \xf6\xff",
    "bidi \u202e \u2066 \u200b".encode(),
    "c1 \x9b31m".encode(),
    b"[bold red]markup",
    b"$(touch x) ;'\"`",
    b"--option",
    b"x" * 200,
]


def assert_harmless(text: str) -> None:
    """Every line is printable but for colours, which are not there without a terminal."""
    assert all(line.isprintable() for line in text.split("\n"))


def test_environments_below_odd_folders(env: Path, envguard: Envguard) -> None:
    write_dist_info(site_packages(env), "gym", "1")
    for name in ODD:
        shutil.copytree(env, env.parent / "odd" / os.fsdecode(name) / ".venv", symlinks=True)
    run = envguard("scan", "--roots", env.parent / "odd", "--json")
    environments = run.json()["environments"]
    assert len(environments) == len(ODD)
    for environment in environments:
        assert [package["name"] for package in environment["snapshot"]["packages"]] == ["gym"]
        assert environment["path"].isprintable()
    assert_harmless(envguard("scan", "--roots", env.parent / "odd", "-v").out)


@pytest.mark.parametrize("name", [ODD[1], ODD[3]], ids=["escape", "not UTF-8"])
def test_one_environment_below_an_odd_folder(name: bytes, env: Path, envguard: Envguard) -> None:
    odd = env.parent / os.fsdecode(name) / ".venv"
    shutil.copytree(env, odd, symlinks=True)
    for command in ["scan", "check"]:
        run = envguard(command, odd)
        assert_harmless(run.out + run.err)


def test_packages_and_versions_of_odd_names(env: Path, envguard: Envguard) -> None:
    site = site_packages(env)
    for number, name in enumerate(ODD[:-1]):
        metadata = b"Name: " + name + b"\nVersion: 1" + name + b"\n\n"
        folder = write_dist_info(site, f"p{number}", "1", metadata=metadata)
        (folder / "INSTALLER").write_bytes(name)
        (site / os.fsdecode(name + b"-2.dist-info")).mkdir()
        (site / os.fsdecode(b"~" + name)).mkdir()
        (site / os.fsdecode(name + b".pth")).write_bytes(b"\xff")
    packages = read_environment(env).snapshot.packages
    assert len(packages) > len(ODD)
    for text in [*(one.name for one in packages), *(one.version for one in packages)]:
        assert text.isprintable()
        text.encode()
    assert envguard("scan", env, "--json").json()["environments"]
    shown = envguard("scan", env, "-v")
    assert_harmless(shown.out + shown.err)
    (env.parent / "requirements.txt").write_text("gym==1\n")
    judged = envguard("check", env, "--policy", env.parent / "requirements.txt")
    assert judged.code == 3
    assert_harmless(judged.out + judged.err)


def test_a_path_that_is_no_text_is_given_as_it_is(env: Path, envguard: Envguard) -> None:
    odd = env.rename(env.parent / os.fsdecode(b"\xff\nenv"))
    (environment,) = envguard("scan", odd, "--json").json()["environments"]
    assert environment["path"] == f"{env.parent}/\\xff\\x0aenv"


def test_an_environment_at_the_longest_path_there_can_be(env: Path, envguard: Envguard) -> None:
    """Deeper folders exist, but no path leads to them in one go."""
    deep = env.parent / "d"
    while len(str(deep)) < 3_400:
        deep /= "x" * 200
    deep.mkdir(parents=True)
    shutil.copytree(env, deep / ".venv", symlinks=True)
    write_dist_info(site_packages(deep / ".venv"), "gym", "1")
    snapshot = read_environment(deep / ".venv").snapshot
    assert [package.name for package in snapshot.packages] == ["gym"]
    here = os.open(deep, os.O_RDONLY)
    for _ in range(10):
        os.mkdir("y" * 200, dir_fd=here)
        below = os.open("y" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    run = envguard("scan", "--roots", env.parent, "--json")
    assert run.code == 0
    assert len(run.json()["environments"]) == 2
