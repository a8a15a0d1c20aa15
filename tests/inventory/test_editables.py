from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from envguard.domain.environment import Editable
from envguard.inventory import read_environment
from envguard.inventory.editables import editable_folder
from tests.builders.environments import install, make_venv, site_packages, write_dist_info, write_tree
from tests.inventory.test_git import commit, git

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="no git here")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Give a project's folder, with a blank and a letter that URLs escape in its name."""
    folder = tmp_path / "my gym é"
    write_tree(folder, {"src/gym/__init__.py": ""})
    return folder


def editables(env: Path) -> tuple[Editable, ...]:
    return read_environment(env).record.editables


def direct_url(url: str, *, editable: bool = True) -> str:
    return json.dumps({"url": url, "dir_info": {"editable": editable}})


@needs_git
def test_folder_and_commit_of_an_editable(env: Path, source: Path) -> None:
    git(source, "init", "-q")
    commit(source)
    write_dist_info(site_packages(env), "gym", "1", direct_url__json=direct_url(source.as_uri()))
    assert editables(env) == (Editable("gym", str(source), git(source, "rev-parse", "HEAD")),)


def test_a_folder_in_no_repository_has_no_commit(env: Path, source: Path) -> None:
    write_dist_info(site_packages(env), "gym", "1", direct_url__json=direct_url(source.as_uri()))
    assert editables(env) == (Editable("gym", str(source)),)


def test_a_folder_that_is_gone_is_still_named(env: Path) -> None:
    write_dist_info(site_packages(env), "gym", "1", direct_url__json=direct_url("file:///home/ann/gym"))
    assert editables(env) == (Editable("gym", "/home/ann/gym"),)


def test_what_is_not_editable_has_none(env: Path, source: Path) -> None:
    url = direct_url(source.as_uri(), editable=False)
    write_dist_info(site_packages(env), "gym", "1", direct_url__json=url)
    install(env, numpy="1.26.4")
    assert editables(env) == ()


def test_a_legacy_development_installation(env: Path, source: Path) -> None:
    site = site_packages(env)
    write_tree(source, {"src/gym.egg-info/PKG-INFO": "Metadata-Version: 2.1\nName: gym\nVersion: 1\n\n"})
    (site / "gym.egg-link").write_text(f"{source / 'src'}\n../")
    (site / "easy-install.pth").write_text(f"{source / 'src'}\n")
    assert editables(env) == (Editable("gym", str(source)),)


@pytest.mark.parametrize("name", ["__editable__.my_gym-1.pth", "_my_gym.pth", "__my_gym.pth", "my-gym.pth"])
def test_where_the_url_says_nothing_the_package_s_own_pth_does(name: str, env: Path, source: Path) -> None:
    site = site_packages(env)
    write_dist_info(site, "my_gym", "1", direct_url__json=direct_url("https://example.org/gym"))
    (site / name).write_text(f"import os\n\n{source / 'src'}\n")
    assert editables(env) == (Editable("my-gym", str(source / "src")),)


def test_nothing_to_go_by_is_no_editable_and_no_crash(env: Path) -> None:
    site = site_packages(env)
    write_dist_info(site, "gym", "1", direct_url__json=direct_url("https://example.org/gym"))
    os.mkfifo(site / "_gym.egg-link")
    (site / "gym.egg-link").write_bytes(b"\0")
    assert editables(env) == ()


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("file:///home/ann/a%20b", "/home/ann/a b"),
        ("file://localhost/home/ann/gym/", "/home/ann/gym"),
        ("file:/home/ann/gym", "/home/ann/gym"),
        ("file:///home/ann/%E9", "/home/ann/\udce9"),
        ("file:///home/ann/%00", None),
        ("file://elsewhere/home/ann/gym", None),
        ("https://example.org/gym", None),
        ("", None),
    ],
)
def test_urls_of_folders(url: str, folder: str | None) -> None:
    assert editable_folder(direct_url(url).encode()) == folder


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 100_000, b'{"url": 1}', b'{"url": "file:///a"}'])
def test_texts_that_name_no_editable_folder(content: bytes) -> None:
    assert editable_folder(content) is None


@pytest.mark.slow
@needs_git
def test_what_pip_and_uv_install_editable_is_found(tmp_path: Path, source: Path) -> None:
    git(source, "init", "-q")
    commit(source)
    text = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    (source / "pyproject.toml").write_text(text + '[project]\nname = "My.Gym"\nversion = "1"\n')
    with (source / "pyproject.toml").open("a") as file:
        file.write('[tool.hatch.build]\ndev-mode-dirs = ["src"]\n')
        file.write('[tool.hatch.build.targets.wheel]\npackages = ["src/gym"]\n')
    env = make_venv(Path(sys.executable), tmp_path / "env")
    uv = shutil.which("uv", path=Path(sys.executable).parent) or shutil.which("uv")
    pip = [sys.executable, "-m", "pip", "--python", str(env / "bin" / "python"), "install"]
    ways = [[*pip, "--no-deps", "--no-index", "--no-build-isolation"]]
    if uv is not None:
        ways.append([uv, "pip", "install", "--python", str(env), "--offline", "--no-build-isolation"])
    environ = {**os.environ, "UV_CACHE_DIR": str(tmp_path / "cache"), "UV_NO_CONFIG": "1"}
    library = site_packages(Path(sys.prefix))
    (site_packages(env) / "build.pth").write_text(f"{library}\n")
    for way in ways:
        subprocess.run([*way, "--editable", str(source)], check=True, capture_output=True, env=environ)
        told = {each.package: each for each in editables(env)}
        assert told["my-gym"] == Editable("my-gym", str(source), git(source, "rev-parse", "HEAD"))
