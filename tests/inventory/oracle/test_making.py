"""However an environment was made: interpreter, path and packages are what the interpreter itself says."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from envguard.inventory import read_environment
from envguard.inventory.layout import locate
from envguard.inventory.search_path import search_path_of
from tests.builders.environments import make_venv, site_packages, write_dist_info
from tests.inventory.asking import MINORS, python_or_skip, what_it_says_of_itself
from tests.inventory.oracle.making import WAYS, WAYS_FOR_27, Maker, base_python
from tests.inventory.oracle.witnesses import folders_on_path, what_the_interpreter_finds, what_we_read

MADE = [
    *(pytest.param("2.7", way, id=f"2.7, {name}") for name, way in WAYS_FOR_27.items()),
    *(
        pytest.param(base, way, id=f"{base}, {name}")
        for base in [*MINORS[1:], "Debian", "PyPy"]
        for name, way in WAYS.items()
        if name in ("venv", "virtualenv", "uv") or base in ("3.6", "3.9", "3.11", "3.13", "Debian", "PyPy")
        if (base, name) != ("PyPy", "venv, copies")  # its own venv fails at that
    ),
]


def assert_as_the_interpreter_says(path: Path, python: Path, environ: Mapping[str, str]) -> None:
    """Compare all that an interpreter tells with what was read of the path."""
    environment = read_environment(path)
    said = what_it_says_of_itself(python)
    assert environment.snapshot.interpreter.markers == said["markers"]
    assert environment.snapshot.interpreter.abi == said["abi"]
    assert our_folders(path) == folders_on_path(python, environ)
    assert what_we_read(environment) == what_the_interpreter_finds(python)


def our_folders(path: Path) -> list[str]:
    """The folders that we would read, in order, without the standard library."""
    layout = locate(str(path))
    version = read_environment(path).snapshot.interpreter.version
    return [one.path for one in search_path_of(layout, version).folders if one.kind != "library"]


def fill(folder: Path) -> None:
    """Put a package and a path line into an environment."""
    site = site_packages(folder)
    write_dist_info(site, "Gym", "0.26.2")
    write_dist_info(site / "added", "zope.interface", "5.0")
    (site / "some.pth").write_text("added\nabsent\n")


@pytest.mark.parametrize(("base", "make"), MADE)
def test_an_environment_is_as_its_interpreter_says(
    base: str, make: Maker, environ: Mapping[str, str], tmp_path: Path
) -> None:
    folder = make(base_python(base), tmp_path / "made here", environ)
    fill(folder)
    assert_as_the_interpreter_says(folder, folder / "bin" / "python", environ)
    assert {one.kind for one in read_environment(folder).snapshot.problems} <= {"shadowed"}


@pytest.mark.parametrize("base", [*MINORS, "Debian", "PyPy"])
def test_a_whole_python_is_as_it_says(base: str, environ: Mapping[str, str]) -> None:
    python = base_python(base)
    assert_as_the_interpreter_says(python, python, environ)


@pytest.mark.parametrize(
    "inner", ["venv", "venv, seeing its base", "virtualenv", "uv", "uv, seeing its base"]
)
@pytest.mark.parametrize("outer", ["venv", "virtualenv", "uv"])
def test_an_environment_of_an_environment(
    outer: str, inner: str, environ: Mapping[str, str], tmp_path: Path
) -> None:
    between = WAYS[outer](python_or_skip("3.12"), tmp_path / "outer", environ)
    write_dist_info(site_packages(between), "between", "1")
    folder = WAYS[inner](between / "bin" / "python", tmp_path / "inner", environ)
    fill(folder)
    assert_as_the_interpreter_says(folder, folder / "bin" / "python", environ)
    assert "between" not in {name for name, _ in what_we_read(read_environment(folder))}


def to_another_minor(folder: Path) -> Path:
    make_venv(python_or_skip("3.11"), folder, "--upgrade")
    return folder


def to_its_own_minor(folder: Path) -> Path:
    make_venv(python_or_skip("3.10"), folder, "--upgrade", "--system-site-packages")
    return folder


def moved(folder: Path) -> Path:
    return folder.rename(folder.parent / "elsewhere")


def copied(folder: Path) -> Path:
    return Path(shutil.copytree(folder, folder.parent / "copy", symlinks=True))


def copied_through_links(folder: Path) -> Path:
    return Path(shutil.copytree(folder, folder.parent / "copy"))


def linked(folder: Path) -> Path:
    link = folder.parent / "link"
    link.symlink_to(folder)
    return link


def with_its_configuration_beside_python(folder: Path) -> Path:
    (folder / "pyvenv.cfg").rename(folder / "bin" / "pyvenv.cfg")
    return folder


def with_an_empty_configuration(folder: Path) -> Path:
    (folder / "pyvenv.cfg").write_text("")
    return folder


def with_a_vanished_home(folder: Path) -> Path:
    (folder / "pyvenv.cfg").write_text("home = /gone/bin\ninclude-system-site-packages = false\n")
    return folder


def with_the_wrong_version_written(folder: Path) -> Path:
    text = (folder / "pyvenv.cfg").read_text()
    (folder / "pyvenv.cfg").write_text(text.replace("version = 3.10", "version = 3.9"))
    return folder


def with_an_old_library_beside(folder: Path) -> Path:
    write_dist_info(folder / "lib" / "python3.8" / "site-packages", "old", "1")
    return folder


@pytest.mark.parametrize(
    "change",
    [
        to_another_minor,
        to_its_own_minor,
        moved,
        copied,
        copied_through_links,
        with_its_configuration_beside_python,
        with_an_empty_configuration,
        with_a_vanished_home,
        with_the_wrong_version_written,
        with_an_old_library_beside,
    ],
)
def test_what_became_of_an_environment(
    change: Callable[[Path], Path], environ: Mapping[str, str], tmp_path: Path
) -> None:
    folder = make_venv(python_or_skip("3.10"), tmp_path / "env")
    fill(folder)
    changed = change(folder)
    assert_as_the_interpreter_says(changed, changed / "bin" / "python", environ)


def test_a_link_to_the_folder_is_read_as_the_interpreter_reads_it(
    environ: Mapping[str, str], tmp_path: Path
) -> None:
    folder = make_venv(python_or_skip("3.10"), tmp_path / "env")
    fill(folder)
    link = linked(folder)
    assert what_we_read(read_environment(link)) == what_the_interpreter_finds(link / "bin" / "python")
    through = [Path(one).resolve() for one in folders_on_path(link / "bin" / "python", environ)]
    assert [Path(one) for one in our_folders(link)] == through
