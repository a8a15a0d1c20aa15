from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from envguard.domain.environment import Environment, Origin, Package
from envguard.inventory import read_environment
from tests.builders.environments import install, site_packages, write_dist_info, write_tree
from tests.inventory.asking import what_it_lists

GYM = "Metadata-Version: 2.1\nName: gym\nVersion: 0.26.2\n\n"


def packages(environment: Environment) -> dict[str, str]:
    return {package.name: package.version for package in environment.snapshot.packages}


def problems(environment: Environment) -> set[tuple[str, str | None]]:
    return {(problem.kind, problem.package) for problem in environment.snapshot.problems}


@pytest.mark.parametrize(
    ("metadata", "version", "is_readable"),
    [
        pytest.param(GYM.encode(), "0.26.2", True, id="plain"),
        pytest.param(b"Author: J\xf6rg\n" + GYM.encode(), "0.26.2", True, id="not UTF-8"),
        pytest.param(b"", "1.0", False, id="empty"),
        pytest.param(b"Name: gym\n\n", "1.0", False, id="no version"),
        pytest.param(b"Version: 2.0\n\n", "2.0", False, id="no name"),
    ],
)
def test_what_metadata_lacks_the_folders_name_tells(
    metadata: bytes, version: str, is_readable: bool, env: Path
) -> None:
    write_dist_info(site_packages(env), "gym", "1.0", metadata=metadata)
    environment = read_environment(env)
    assert packages(environment) == {"gym": version}
    assert problems(environment) == (set() if is_readable else {("unreadable", "gym")})


def test_a_dist_info_without_metadata_is_a_package_and_unreadable(env: Path) -> None:
    (write_dist_info(site_packages(env), "gym", "1.0") / "METADATA").unlink()
    environment = read_environment(env)
    assert packages(environment) == {"gym": "1.0"}
    assert problems(environment) == {("unreadable", "gym")}


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("Zope.Interface-5.0.dist-info", {"zope-interface": "5.0"}),
        ("a__b-1.dist-info", {"a-b": "1"}),
        ("UPPER-1.DIST-INFO", {"upper": "1"}),
        ("gone_pkg-1.0-py3.8.egg-info", {"gone-pkg": "1.0"}),
        ("dash-ed-1.0.dist-info", {"dash-ed": "1.0"}),
        ("bare.egg-info", {"bare": ""}),
        ("sp ace-1.dist-info", {"sp\\x20ace": "1"}),
    ],
)
def test_a_folders_name_is_normalised_and_escaped(place: str, expected: dict[str, str], env: Path) -> None:
    (site_packages(env) / place).mkdir()
    assert packages(read_environment(env)) == expected


def test_bytes_that_are_no_text_are_escaped(env: Path) -> None:
    (site_packages(env) / os.fsdecode(b"b\xff\n-1.dist-info")).mkdir()
    environment = read_environment(env)
    assert packages(environment) == {"b\\xff\\x0a": "1"}
    assert environment.record.details[0].detail.isprintable()


@pytest.mark.parametrize("entry", [".dist-info", "-1.dist-info", "..egg-info"])
def test_a_folder_without_a_name_is_no_package(entry: str, env: Path) -> None:
    (site_packages(env) / entry).mkdir()
    environment = read_environment(env)
    assert packages(environment) == {}
    assert {kind for kind, _ in problems(environment)} == {"unreadable"}


@pytest.mark.parametrize("entry", ["gym-1.dist-info", "gym-1.egg-info"])
@pytest.mark.parametrize(("metadata", "version"), [("", "2"), ("Name: gym\nVersion: 3\n\n", "3")])
def test_pkg_info_counts_where_metadata_is_empty(entry: str, metadata: str, version: str, env: Path) -> None:
    written = {"METADATA": metadata, "PKG-INFO": "Name: gym\nVersion: 2\n\n"}
    write_tree(site_packages(env) / entry, written)
    environment = read_environment(env)
    assert packages(environment) == {"gym": version}
    assert problems(environment) == set()
    assert what_it_lists(env / "bin" / "python") == {("gym", version)}


def test_egg_infos_count_as_folder_and_as_file(env: Path) -> None:
    write_tree(
        site_packages(env),
        {"a-1.egg-info/PKG-INFO": "Name: a\nVersion: 1\n\n", "b-2.egg-info": "Name: b\nVersion: 2\n\n"},
    )
    assert packages(read_environment(env)) == {"a": "1", "b": "2"}


def test_pips_leftovers_are_no_packages(env: Path) -> None:
    site = site_packages(env)
    write_dist_info(site, "gym", "0.26.2")
    write_dist_info(site, "~ym", "0.25.2", metadata=b"Name: gym\nVersion: 0.25.2\n\n")
    (site / "~ym").mkdir()
    environment = read_environment(env)
    assert packages(environment) == {"gym": "0.26.2"}
    assert problems(environment) == {("leftover", "gym"), ("leftover", None)}


def test_vendored_metadata_is_not_counted(env: Path) -> None:
    write_dist_info(site_packages(env) / "setuptools" / "_vendor", "packaging", "24.2")
    assert packages(read_environment(env)) == {}


def test_two_versions_in_one_folder_are_a_duplicate_and_both_told(env: Path) -> None:
    site = site_packages(env)
    write_dist_info(site, "gym", "0.26.2")
    write_dist_info(site, "gym", "0.25.2")
    environment = read_environment(env)
    assert {package.version for package in environment.snapshot.packages} == {"0.25.2", "0.26.2"}
    assert problems(environment) == {("duplicate", "gym")}


def test_an_egg_info_beside_the_dist_info_of_its_version_is_no_duplicate(env: Path) -> None:
    site = site_packages(env)
    write_dist_info(site, "gym", "0.26.2", direct_url__json='{"url": "file:///x", "dir_info": {}}')
    write_tree(site, {"gym.egg-info/PKG-INFO": GYM})
    environment = read_environment(env)
    assert environment.snapshot.packages == (Package("gym", "0.26.2", Origin("directory")),)
    assert environment.snapshot.problems == ()


def test_two_folders_are_shadowed_and_the_words_name_both(env: Path, tmp_path: Path) -> None:
    site, other = site_packages(env), tmp_path / "other"
    write_dist_info(site, "gym", "0.26.2")
    write_dist_info(other, "gym", "0.25.2")
    (site / "other.pth").write_text(f"{other}\n")
    environment = read_environment(env)
    assert packages(environment) == {"gym": "0.26.2"}
    (detail,) = environment.record.details
    assert (detail.kind, detail.package) == ("shadowed", "gym")
    assert str(site) in detail.detail
    assert str(other) in detail.detail


@pytest.mark.parametrize(
    ("version", "is_valid"),
    [
        ("1!2.0", True),
        ("1.0+local.1", True),
        ("v1.0", True),
        ("2.0-beta", True),
        ("dev", False),
        ("1.0-r2x", False),
    ],
)
def test_a_version_that_is_not_pep_440_is_kept_and_said(version: str, is_valid: bool, env: Path) -> None:
    write_dist_info(site_packages(env), "gym", "0", metadata=f"Name: gym\nVersion: {version}\n\n".encode())
    environment = read_environment(env)
    assert packages(environment) == {"gym": version}
    assert problems(environment) == (set() if is_valid else {("invalid-version", "gym")})


def test_an_editable_project_is_no_rival_of_its_own_egg_info(env: Path, tmp_path: Path) -> None:
    source = tmp_path / "project" / "src"
    write_tree(source, {"gym.egg-info/PKG-INFO": "Name: gym\nVersion: 0.26.1\n\n"})
    site = site_packages(env)
    (site / "__editable__.gym-0.26.2.pth").write_text(f"{source}\n")
    write_dist_info(
        site, "gym", "0.26.2", direct_url__json='{"url": "file:///project", "dir_info": {"editable": true}}'
    )
    snapshot = read_environment(env).snapshot
    assert snapshot.packages == (Package("gym", "0.26.2", Origin("editable")),)
    assert snapshot.problems == ()


def test_a_develop_install_is_editable(env: Path, tmp_path: Path) -> None:
    source = write_tree(tmp_path / "project", {"gym.egg-info/PKG-INFO": GYM})
    site = site_packages(env)
    write_tree(site, {"gym.egg-link": f"{source}\n.", "easy-install.pth": f"{source}\n"})
    assert read_environment(env).snapshot.packages == (Package("gym", "0.26.2", Origin("editable")),)


def test_an_egg_link_without_its_path_line_is_not_importable_and_not_counted(
    env: Path, tmp_path: Path
) -> None:
    source = write_tree(tmp_path / "project", {"gym.egg-info/PKG-INFO": GYM})
    write_tree(site_packages(env), {"gym.egg-link": f"{source}\n."})
    assert read_environment(env).snapshot.packages == ()


def test_an_origin_that_cannot_be_understood_is_unknown(env: Path) -> None:
    write_dist_info(site_packages(env), "gym", "1", direct_url__json="{")
    assert read_environment(env).snapshot.packages == (Package("gym", "1", Origin("unknown")),)


@pytest.mark.parametrize("minor", ["2.7", "3.6", "3.8", "3.11", "3.12", "3.13"])
def test_packages_are_what_the_interpreter_lists(
    minor: str, new_env: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = new_env(minor)
    site = install(folder, gym="0.26.2", numpy="1.26.4")
    path_lines = ["# comment", "", "added", "absent", f"{tmp_path}/outside", "import sys"]
    path_lines += ["egg-3.0-py3.egg", "zipped-4.0.egg", ""]
    write_tree(
        site,
        {
            "old-1.0.egg-info": "Name: old\nVersion: 1.0\n\n",
            "older-1.0-py3.egg-info/PKG-INFO": "Name: older\nVersion: 1.0\n\n",
            "paths.pth": "\n".join(path_lines),
            "added/nested.pth": "../never\n",
            "egg-3.0-py3.egg/EGG-INFO/PKG-INFO": "Name: egg\nVersion: 3.0\n\n",
            "unlisted-5.0.egg/EGG-INFO/PKG-INFO": "Name: unlisted\nVersion: 5.0\n\n",
            "never/no-1.egg-info/PKG-INFO": "Name: no\nVersion: 1\n\n",
        },
    )
    write_dist_info(site / "added", "inside", "1.1")
    write_dist_info(tmp_path / "outside", "outside", "1.2")
    with zipfile.ZipFile(site / "zipped-4.0.egg", "w") as archive:
        archive.writestr("EGG-INFO/PKG-INFO", "Name: zipped\nVersion: 4.0\n\n")
    environment = read_environment(folder)
    assert packages(environment) == dict(what_it_lists(folder / "bin" / "python"))
    assert set(packages(environment)) >= {
        "gym",
        "numpy",
        "old",
        "older",
        "inside",
        "outside",
        "egg",
        "zipped",
    }
    assert environment.snapshot.problems == ()


def test_a_direct_url_that_is_too_long_is_unreadable(env: Path) -> None:
    folder = write_dist_info(site_packages(env), "gym", "1")
    (folder / "direct_url.json").touch()
    os.truncate(folder / "direct_url.json", 10_000_000_000)
    environment = read_environment(env)
    assert problems(environment) == {("unreadable", "gym")}


def test_requirements_that_are_left_out_make_a_package_unreadable(env: Path) -> None:
    metadata = GYM.strip() + "\nRequires-Dist: gym" * 4097
    path = write_dist_info(site_packages(env), "gym", "0.26.2", metadata=metadata.encode())
    environment = read_environment(env)
    assert packages(environment) == {"gym": "0.26.2"}
    assert problems(environment) == {("unreadable", "gym")}
    assert [each.detail for each in environment.record.details] == [f"{path}: more requirements than 4096"]


def test_a_requires_text_that_is_cut_is_told(env: Path) -> None:
    path = site_packages(env) / "gym-1.egg-info"
    write_tree(path, {"PKG-INFO": "Name: gym\nVersion: 1\n\n", "requires.txt": "gym\n" * 5000})
    assert [each.detail for each in read_environment(env).record.details] == [
        f"{path}: more requirements than 4096"
    ]
    (path / "requires.txt").write_text("# \n" * 100_000)
    assert [each.detail for each in read_environment(env).record.details] == [
        f"{path}: requires.txt: longer than 262144 bytes"
    ]


@pytest.mark.parametrize("name", ["WHEEL", "INSTALLER"])
def test_each_file_that_is_none_is_told_and_one_that_is_absent_is_not(name: str, env: Path) -> None:
    path = write_dist_info(site_packages(env), "gym", "0.26.2")
    (path / name).unlink(missing_ok=True)
    assert read_environment(env).record.details == ()
    os.mkfifo(path / name)
    details = [each.detail for each in read_environment(env).record.details]
    assert details == [f"{path}: {name}: not a regular file"]
