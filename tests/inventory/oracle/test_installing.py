"""Whatever installed a distribution, and from wherever: we read what the interpreter, pip and uv list."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from envguard.domain.environment import Origin
from envguard.inventory import read_environment
from tests.builders.environments import make_venv, site_packages
from tests.builders.wheels import make_wheel
from tests.inventory.asking import MINORS, python_or_skip
from tests.inventory.oracle.children import own_tool, run
from tests.inventory.oracle.making import make_with_pip
from tests.inventory.oracle.projects import commit, make_legacy_project, make_project
from tests.inventory.oracle.witnesses import (
    origins_by_pip,
    uv_rows,
    what_pip_lists,
    what_the_interpreter_finds,
    what_uv_lists,
    what_we_read,
)

PIP_INSPECTS = MINORS[3:]
"""The versions whose own pip is 22.2 or newer."""
PIP_NOTES_DIGESTS = MINORS[6:]
"""The versions whose own pip notes the digest of a local archive, too."""


def origins_we_read(folder: Path) -> dict[str, Origin]:
    """Origins without local addresses, of what is from no index."""
    packages = read_environment(folder).snapshot.packages
    return {one.name: one.origin for one in packages if one.origin.kind != "index"}


def pip_install(folder: Path, environ: Mapping[str, str], *what: str | Path) -> None:
    """Install by the environment's own pip."""
    how = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    run([folder / "bin" / "python", *how, *what], environ)


@pytest.mark.parametrize("minor", MINORS[2:])
def test_pip_from_everywhere(minor: str, environ: Mapping[str, str], tmp_path: Path) -> None:
    folder, wheels = make_with_pip(minor, tmp_path / "env"), tmp_path / "wheels"
    for name, version in {"Gym": "0.26.2", "zope.interface": "5.0", "local_build": "2.4.0+cu121"}.items():
        make_wheel(wheels, name, version)
    repository = make_project(tmp_path / "repository", "From.VCS", "1.0rc1")
    commit_id = commit(repository, environ)
    by_file = make_wheel(tmp_path, "by-file", "1")
    digest = f"sha256:{hashlib.sha256(by_file.read_bytes()).hexdigest()}"
    pip_install(
        folder,
        environ,
        *("--find-links", wheels, "Gym", "zope.interface", "local-build"),
        by_file,
        make_project(tmp_path / "folder", "by-folder", "2.0.post1"),
        f"git+file://{repository}",
        *("--editable", make_project(tmp_path / "working on", "My_Project", "0.1.dev0")),
    )
    python = folder / "bin" / "python"
    read = what_we_read(read_environment(folder))
    assert read == what_the_interpreter_finds(python)
    assert read == what_pip_lists(python, environ)
    assert read == what_uv_lists(python, environ)
    assert {"gym", "zope-interface", "by-file", "by-folder", "from-vcs", "my-project"} < {n for n, _ in read}
    assert read_environment(folder).snapshot.problems == ()
    assert origins_we_read(folder) == {
        "by-file": Origin("archive", archive_digest=digest if minor in PIP_NOTES_DIGESTS else None),
        "by-folder": Origin("directory"),
        "from-vcs": Origin("vcs", commit=commit_id),
        "my-project": Origin("editable"),
    }
    if minor in PIP_INSPECTS:
        assert origins_we_read(folder) == origins_by_pip(python, environ)


@pytest.mark.parametrize("minor", ["2.7", "3.6", "3.8", "3.11"])
def test_what_setuptools_did_before_wheels(minor: str, environ: Mapping[str, str], tmp_path: Path) -> None:
    folder = make_with_pip(minor, tmp_path / "env")
    python = folder / "bin" / "python"
    ways = {
        "Old_develop": ["develop"],
        "Old.Egg": ["install"],
        "Old_Zip": ["install"],
        "Old_Plain": ["install", "--single-version-externally-managed", "--record", "installed.txt"],
    }
    for name, arguments in ways.items():
        project = make_legacy_project(tmp_path / name, name, "1.0-r3", zip_safe="Zip" in name)
        run([python, "-W", "ignore", "setup.py", "--quiet", *arguments], environ, project)
    environment = read_environment(folder)
    assert what_we_read(environment) == what_the_interpreter_finds(python)
    assert what_we_read(environment) == what_pip_lists(python, environ)
    assert {"old-develop", "old-egg", "old-zip", "old-plain"} < {n for n, _ in what_we_read(environment)}
    assert origins_we_read(folder) == {"old-develop": Origin("editable")}
    assert environment.snapshot.problems == ()


@pytest.mark.parametrize("minor", ["3.8", "3.11", "3.13"])
@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
def test_uv_by_every_kind_of_link(mode: str, minor: str, environ: Mapping[str, str], tmp_path: Path) -> None:
    folder = make_venv(python_or_skip(minor), tmp_path / "env")
    python = folder / "bin" / "python"
    run(
        [
            *(own_tool("uv"), "--quiet", "pip", "install", "--python", python, "--link-mode", mode),
            *("--no-deps", "--no-build-isolation"),
            make_wheel(tmp_path / "wheels", "Gym", "0.26.2"),
            make_project(tmp_path / "folder", "by-folder", "2.0"),
            *("--editable", make_project(tmp_path / "working on", "My.Project", "0.1")),
        ],
        environ,
    )
    if mode == "symlink":
        assert (site_packages(folder) / "gym-0.26.2.dist-info" / "METADATA").is_symlink()
    environment = read_environment(folder)
    assert what_we_read(environment) == what_the_interpreter_finds(python) == what_uv_lists(python, environ)
    assert environment.snapshot.problems == ()
    assert {name: origin.kind for name, origin in origins_we_read(folder).items()} == {
        "gym": "archive",
        "by-folder": "directory",
        "my-project": "editable",
    }
    editable = {row["name"] for row in uv_rows(python, environ) if "editable_project_location" in row}
    assert editable == {"my-project"}


@pytest.mark.parametrize("minor", ["3.7", "3.12"])
def test_a_target_folder_that_a_path_file_adds(
    minor: str, environ: Mapping[str, str], tmp_path: Path
) -> None:
    folder, target = make_with_pip(minor, tmp_path / "env"), tmp_path / "target"
    pip_install(folder, environ, "--target", target, make_wheel(tmp_path, "gym", "1"))
    python = folder / "bin" / "python"
    assert "gym" not in {name for name, _ in what_we_read(read_environment(folder))}
    (site_packages(folder) / "target.pth").write_text(f"{target}\n")
    assert what_we_read(read_environment(folder)) == what_the_interpreter_finds(python)
    assert what_we_read(read_environment(folder)) == what_pip_lists(python, environ)


@pytest.mark.parametrize("minor", ["3.8", "3.13"])
def test_portions_of_a_namespace(minor: str, environ: Mapping[str, str], tmp_path: Path) -> None:
    folder = make_with_pip(minor, tmp_path / "env")
    old = {"old/__init__.py": "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"}
    legacy = "import sys, types; sys.modules.setdefault('legacy', types.ModuleType('legacy'))\n"
    pip_install(
        folder,
        environ,
        make_wheel(tmp_path, "ns.one", "1", files={"ns/one.py": ""}),
        make_wheel(tmp_path, "ns.two", "2", files={"ns/two.py": ""}),
        make_wheel(tmp_path, "old-one", "1", files={**old, "old/one.py": ""}),
        make_wheel(tmp_path, "legacy.one", "1", files={"legacy_one-nspkg.pth": legacy, "legacy/one.py": ""}),
    )
    python = folder / "bin" / "python"
    assert what_we_read(read_environment(folder)) == what_the_interpreter_finds(python)
    assert what_we_read(read_environment(folder)) == what_pip_lists(python, environ)
    assert read_environment(folder).snapshot.problems == ()
