"""Numbers of thousands of digits, which Python refuses to read: one such file harms no other environment."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from envguard.inventory import read_environment, scan_machine
from tests.builders.environments import install, site_packages, write_dist_info

DIGITS = "9" * 5_000


def a_version_in_the_config(env: Path) -> None:
    config = env / "pyvenv.cfg"
    lines = [line for line in config.read_text().splitlines() if not line.startswith("version")]
    config.write_text("\n".join([*lines, f"version = 3.{DIGITS}"]) + "\n")
    (env / "bin" / "python").unlink()
    (env / "bin" / "python").write_bytes(b"\x7fELF nothing")
    (site_packages(env) / ".x.pth").write_text("\n")


def a_patch_version_in_the_config(env: Path) -> None:
    config = env / "pyvenv.cfg"
    config.write_text(config.read_text().replace("version = 3.11.", f"version = 3.11.{DIGITS}"))
    (site_packages(env) / ".x.pth").write_text("\n")


def a_version(env: Path) -> None:
    for number, version in enumerate([f"1.{DIGITS}", f"{DIGITS}!1"]):
        headers = f"Name: gym{number}\nVersion: {version}\n\n"
        write_dist_info(site_packages(env), f"gym{number}", "1", metadata=headers.encode())


def a_requirement(env: Path) -> None:
    requires = [f"a>=1.{DIGITS}", f"b; python_version < '{DIGITS}'", f"numpy=={DIGITS}"]
    headers = "\n".join(["Name: gym", "Version: 1", *(f"Requires-Dist: {each}" for each in requires)])
    write_dist_info(site_packages(env), "gym", "1", metadata=f"{headers}\n\n".encode())
    install(env, numpy="1.26.4")


@pytest.mark.parametrize(
    "spoil",
    [a_version_in_the_config, a_patch_version_in_the_config, a_version, a_requirement],
    ids=lambda spoil: spoil.__name__,
)
def test_thousands_of_digits(
    spoil: Callable[[Path], None], new_env: Callable[[str], Path], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    for name in ("good", "bad"):
        shutil.copytree(
            new_env("3.11") if name == "good" else tmp_path / "env3.11", home / name, symlinks=True
        )
    spoil(home / "bad")
    assert read_environment(home / "bad").record.path == str(home / "bad")
    scan = scan_machine([home])
    assert [each.record.path for each in scan.environments] == [str(home / "bad"), str(home / "good")]
