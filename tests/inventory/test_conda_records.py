"""Conda's records, laid out as conda and mamba write them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from envguard.domain.environment import Environment, Origin, Package
from envguard.inventory import read_environment
from tests.builders.environments import site_packages, write_dist_info

CONDA = Origin(kind="conda")


def write_record(env: Path, name: str, version: str, build: str, *files: str, **more: object) -> Path:
    folder = env / "conda-meta"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{version}-{build}.json"
    record = {"name": name, "version": version, "build": build, "files": files, "depends": ["python"], **more}
    path.write_text(json.dumps(record, indent=2))
    return path


def write_python_record(env: Path, name: str, version: str) -> None:
    place = f"lib/python3.11/site-packages/{name}-{version}.dist-info"
    write_record(env, name, version, "py311_0", f"{place}/METADATA", f"{place}/RECORD")


def package(environment: Environment, name: str) -> Package:
    (found,) = [each for each in environment.snapshot.packages if each.name == name]
    return found


def test_a_record_with_a_distribution_says_which_build_it_is_under_whatever_name(env: Path) -> None:
    write_dist_info(site_packages(env), "torch", "2.4.0", INSTALLER="conda\n")
    place = "lib/python3.11/site-packages/torch-2.4.0.dist-info"
    write_record(env, "pytorch", "2.4.0", "cuda121_py311h1", f"{place}/METADATA", f"{place}/RECORD")
    environment = read_environment(env)
    assert package(environment, "torch") == Package(
        "torch", "2.4.0", CONDA, "cuda121_py311h1", conda_name="pytorch"
    )
    assert environment.snapshot.system_packages == ()


@pytest.mark.parametrize(
    ("conda_s", "python_s", "told"),
    [
        ("gym", "gym", None),
        ("typing_extensions", "typing_extensions", "typing_extensions"),
        ("Gym", "gym", "Gym"),
    ],
    ids=["the same", "as PEP 503 does not write it", "in capitals"],
)
def test_conda_s_own_name_is_told_where_it_is_another(
    conda_s: str, python_s: str, told: str | None, env: Path
) -> None:
    write_dist_info(site_packages(env), python_s, "1.0", INSTALLER="conda\n")
    write_record(env, conda_s, "1.0", "0", f"lib/python3.11/site-packages/{python_s}-1.0.dist-info/METADATA")
    [found] = read_environment(env).snapshot.packages
    assert found.conda_name == told


def test_the_folder_in_which_a_feedstock_was_built_is_no_origin(env: Path) -> None:
    told = json.dumps({"url": "file:///croot/gym_1689/work", "dir_info": {}})
    write_dist_info(site_packages(env), "gym", "0.26.2", INSTALLER="conda", direct_url__json=told)
    write_record(
        env, "gym", "0.26.2", "pyhd8_0", "lib/python3.11/site-packages/gym-0.26.2.dist-info/METADATA"
    )
    assert package(read_environment(env), "gym").origin == CONDA


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_what_somebody_else_installed_since_is_not_conda_s(installer: str, env: Path) -> None:
    write_record(
        env, "numpy", "1.26.4", "py311_0", "lib/python3.11/site-packages/numpy-1.26.4.dist-info/METADATA"
    )
    write_record(
        env, "gym", "0.25.2", "py311_0", "lib/python3.11/site-packages/gym-0.25.2.dist-info/METADATA"
    )
    write_dist_info(site_packages(env), "numpy", "1.26.4", INSTALLER=installer)
    write_dist_info(site_packages(env), "gym", "0.26.2", INSTALLER=installer)
    environment = read_environment(env)
    assert package(environment, "numpy") == Package("numpy", "1.26.4")
    assert package(environment, "gym") == Package("gym", "0.26.2")
    assert environment.snapshot.system_packages == ()


def test_records_without_a_distribution_are_system_packages(env: Path) -> None:
    write_record(env, "libblas", "3.9.0", "20_linux64_mkl", "lib/libblas.so.3")
    write_record(env, "_libgcc_mutex", "0.1", "main")
    assert read_environment(env).snapshot.system_packages == (
        Package("_libgcc_mutex", "0.1", CONDA, "main"),
        Package("libblas", "3.9.0", CONDA, "20_linux64_mkl"),
    )


def test_another_build_of_a_library_is_another_snapshot(env: Path) -> None:
    write_record(env, "libblas", "3.9.0", "20_linux64_mkl").rename(env / "conda-meta" / "libblas.json")
    before = read_environment(env).record.digest
    (env / "conda-meta" / "libblas.json").unlink()
    write_record(env, "libblas", "3.9.0", "20_linux64_openblas")
    assert read_environment(env).record.digest != before


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"name": 1}', b"[" * 100_000, b"\xff\xfe", b'{"name": "a"}'], ids=repr
)
def test_a_record_that_cannot_be_understood_is_unreadable(content: bytes, env: Path) -> None:
    write_record(env, "lib-zed", "1.2", "h1_0").write_bytes(content)
    environment = read_environment(env)
    assert [(each.kind, each.package) for each in environment.snapshot.problems] == [
        ("unreadable", "lib-zed")
    ]


def test_a_record_that_is_no_file_is_unreadable_and_does_not_hang(env: Path) -> None:
    path = write_record(env, "zlib", "1", "h_0")
    path.unlink()
    os.mkfifo(path)
    assert [each.package for each in read_environment(env).snapshot.problems] == ["zlib"]


def test_the_words_of_a_record_may_be_shown(env: Path) -> None:
    path = write_record(env, "a\x1b[31m", "1\n2", "b\x07")
    assert path.exists()
    (told,) = read_environment(env).snapshot.system_packages
    assert (told.name, told.version, told.build) == ("a\\x1b[31m", "1\\x0a2", "b\\x07")
