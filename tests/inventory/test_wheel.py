from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envguard.domain.environment import Environment, Scan
from envguard.inventory import read_environment
from envguard.inventory.wheel import parse_build
from envguard.report.scanned import PackagePart, scan_document
from tests.builders.documents import FACTS
from tests.builders.environments import site_packages, write_dist_info
from tests.report.arranging import NOW


@pytest.mark.parametrize(
    ("content", "build"),
    [
        pytest.param("Tag: py3-none-any\n", None, id="any machine"),
        pytest.param("Tag: py2-none-any\nTag: py3-none-any\n", None, id="any Python"),
        pytest.param("Tag: cp311-cp311-linux_x86_64\n", "cp311-cp311-linux_x86_64", id="built here"),
        pytest.param(
            "Tag: cp311-cp311-manylinux_2_17_x86_64\r\nTag: cp311-cp311-manylinux2014_x86_64\r\n",
            "cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64",
            id="several platforms",
        ),
        pytest.param("Build: 2\nTag: py3-none-any\n", "2", id="a build number"),
        pytest.param("build: 2cu\ntag: py3-abi3-any\n", "2cu-py3-abi3-any", id="capitals"),
        pytest.param("Tag: nonsense\n", "nonsense", id="no tag"),
        pytest.param("", None, id="empty"),
    ],
)
def test_the_build_that_a_wheel_tells(content: str, build: str | None) -> None:
    assert parse_build(content.encode()) == build


@given(st.binary(max_size=200))
def test_any_bytes_are_a_build_that_can_be_shown_or_none(content: bytes) -> None:
    build = parse_build(b"Tag: " + content)
    assert build is None or build.isprintable()


def installers_told(environment: Environment) -> tuple[PackagePart, ...]:
    scan = Scan(FACTS, (environment,))
    return scan_document(scan, "ws-7", NOW).environments[0].snapshot.packages


def test_the_build_is_of_the_package_and_the_installer_of_the_record(env: Path) -> None:
    site = site_packages(env)
    write_dist_info(site, "numpy", "1.26.4", WHEEL="Tag: cp311-cp311-linux_x86_64\n", INSTALLER="uv\n")
    write_dist_info(site, "gym", "0.26.2", WHEEL="Tag: py3-none-any\n", INSTALLER="pip")
    write_dist_info(site, "rl", "1", WHEEL="Tag: py3-none-any\n", INSTALLER="UV")
    write_dist_info(site, "plain", "1")
    environment = read_environment(env)
    builds = {package.name: package.build for package in environment.snapshot.packages}
    assert builds == {"numpy": "cp311-cp311-linux_x86_64", "gym": None, "rl": None, "plain": None}
    installers = environment.record.installers
    assert (installers.usual, installers.others) == ("uv", {"gym": "pip", "plain": ""})
    told = {each.name: each.installer for each in installers_told(environment)}
    assert told == {"numpy": "uv", "rl": "uv", "gym": "pip", "plain": None}


def test_who_installed_it_does_not_change_the_digest(env: Path) -> None:
    folder = write_dist_info(site_packages(env), "gym", "1", INSTALLER="pip\n")
    before = read_environment(env).record.digest
    (folder / "INSTALLER").write_text("uv\n")
    assert read_environment(env).record.digest == before
    (folder / "WHEEL").write_text("Tag: cp311-cp311-linux_x86_64\n")
    assert read_environment(env).record.digest != before
