"""Held to what ``import`` does in the interpreter itself, from the same folder with the same PYTHONPATH."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from envguard.inventory import read_environment
from envguard.inventory.shadows import Shadow, folders_before, shadows_of
from tests.builders.environments import install, make_venv, site_packages, write_dist_info, write_tree
from tests.inventory.asking import MINORS

_SAY = """
import json, os, sys
import {module}
place = getattr({module}, '__file__', None)
print(json.dumps(place and os.path.abspath(place)))
"""


def what_it_imports(env: Path, module: str, cwd: Path, **environ: str) -> str | None:
    """Answer the file that the environment's interpreter imports from this folder; None for a namespace."""
    done = subprocess.run(
        [str(env / "bin" / "python"), "-c", _SAY.format(module=module)],
        cwd=cwd,
        env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1", "HOME": os.devnull, **environ},
        capture_output=True,
        check=True,
        timeout=60,
    )
    place = json.loads(done.stdout)
    return None if place is None else str(place)


def shadows(env: Path, cwd: Path, **environ: str) -> dict[str, str]:
    environment = read_environment(env)
    found = shadows_of(environment, folders_before(environment, environ=environ, cwd=str(cwd)))
    return {shadow.module: shadow.place for shadow in found}


def assert_as_imported(env: Path, cwd: Path, module: str = "gym", **environ: str) -> None:
    """The shadow is what is imported where that is not the environment's own; else there is none."""
    imported = what_it_imports(env, module, cwd, **environ)
    is_own = imported is None or imported.startswith(str(env))
    assert shadows(env, cwd, **environ) == ({} if is_own else {module: imported})


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    folder = tmp_path / "cwd"
    folder.mkdir()
    return folder


LAYOUTS = {
    "nothing": {},
    "a module": {"gym.py": ""},
    "a package": {"gym/__init__.py": ""},
    "a folder that is no package": {"gym/readme.txt": ""},
    "a folder that is no package, and a module": {"gym/readme.txt": "", "gym.py": ""},
    "a package and a module": {"gym/__init__.py": "", "gym.py": ""},
    "a text file of the name": {"gym": ""},
    "a folder named as a module": {"gym.py/__init__.py": ""},
    "another name that begins alike": {
        "gym2.py": "",
        "gymnasium/__init__.py": "",
        "gym.txt": "",
        "gym.py.bak": "",
    },
    "only what is inside a folder": {"src/gym.py": ""},
    "an extension module of no interpreter here": {"gym.cpython-30-x86_64-linux-gnu.so": ""},
    "the test folder that every project has": {"tests/__init__.py": ""},
}


@pytest.mark.parametrize("minor", MINORS)
def test_what_is_imported_from_here_is_told(
    minor: str, new_env: Callable[[str], Path], tmp_path: Path
) -> None:
    env = new_env(minor)
    install(env, gym="0.25.2")
    layouts = dict(LAYOUTS)
    if minor == "2.7":  # it tries to read the folder as a module, and fails
        del layouts["a folder named as a module"]
    for number, files in enumerate(layouts.values()):
        here, beside = tmp_path / f"a{number}", tmp_path / f"b{number}"
        write_tree(here, files)
        here.mkdir(exist_ok=True)
        beside.mkdir()
        assert_as_imported(env, here)
        assert_as_imported(env, beside, PYTHONPATH=f"{here}:{tmp_path / 'gone'}")


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_relative_and_empty_parts_of_pythonpath_are_from_here(
    layout: dict[str, str], env: Path, cwd: Path
) -> None:
    install(env, gym="0.25.2")
    write_tree(cwd / "lib", layout)
    (cwd / "lib").mkdir(exist_ok=True)
    assert_as_imported(env, cwd, PYTHONPATH="lib")
    assert_as_imported(env, cwd / "lib", PYTHONPATH="::")


def test_compiled_modules_and_bytecode_count(env: Path, cwd: Path) -> None:
    install(env, gym="0.25.2")
    environment = read_environment(env)
    python = env / "bin" / "python"
    say = "import importlib.machinery as m; print(' '.join(m.EXTENSION_SUFFIXES + m.BYTECODE_SUFFIXES))"
    suffixes = subprocess.run([python, "-c", say], capture_output=True, check=True, text=True).stdout.split()
    assert len(suffixes) == 4
    for suffix in suffixes:
        for name in (f"gym{suffix}", f"gym/__init__{suffix}"):
            folder = cwd / suffix / str(len(name))
            write_tree(folder, {name: ""})
            (found,) = shadows_of(environment, [str(folder)])
            assert found == Shadow("gym", "gym", str(folder / name))
    for suffix in (
        ".cpython-310-x86_64-linux-gnu.so",
        ".cpython-311-other-linux-gnu.so",
        ".pyd",
        ".cp311.so",
    ):
        folder = cwd / suffix
        write_tree(folder, {f"gym{suffix}": ""})
        assert shadows_of(environment, [str(folder)]) == ()


def test_of_several_files_the_one_that_is_imported_is_named(env: Path, cwd: Path) -> None:
    install(env, gym="0.25.2")
    write_tree(cwd, {"gym.py": "", "gym/__init__.py": ""})
    assert_as_imported(env, cwd)
    (cwd / "gym" / "__init__.py").unlink()
    assert_as_imported(env, cwd)


def test_the_first_of_several_folders_counts(env: Path, cwd: Path, tmp_path: Path) -> None:
    install(env, gym="0.25.2")
    write_tree(tmp_path / "one", {"gym/readme.txt": ""})
    write_tree(tmp_path / "two", {"gym.py": ""})
    write_tree(tmp_path / "three", {"gym/__init__.py": ""})
    for order in ("one:two:three", "three:two:one", "two:one"):
        paths = ":".join(str(tmp_path / name) for name in order.split(":"))
        assert_as_imported(env, cwd, PYTHONPATH=paths)


def test_a_folder_of_the_environment_is_no_shadow_and_hides_later_ones(
    env: Path, cwd: Path, tmp_path: Path
) -> None:
    site = install(env, gym="0.25.2")
    write_tree(tmp_path / "one", {"gym.py": ""})
    assert_as_imported(env, site)
    assert_as_imported(env, cwd, PYTHONPATH=f"{site}:{tmp_path / 'one'}")
    assert_as_imported(env, cwd, PYTHONPATH=f"{tmp_path / 'one'}:{site}")


def test_a_namespace_package_is_taken_by_a_regular_one_and_shares_with_a_folder(env: Path, cwd: Path) -> None:
    write_tree(site_packages(env), {"cloud/storage.py": ""})
    write_dist_info(site_packages(env), "cloud_storage", "1", top_level__txt="cloud\n")
    write_tree(cwd, {"cloud/readme.txt": ""})
    assert what_it_imports(env, "cloud.storage", cwd) is not None
    assert shadows(env, cwd) == {}
    (cwd / "cloud" / "__init__.py").touch()
    assert what_it_imports(env, "cloud", cwd) == shadows(env, cwd)["cloud"]


@pytest.mark.parametrize("told_by", ["top_level.txt", "RECORD"])
def test_import_names_that_are_not_the_package_s_name(told_by: str, env: Path, cwd: Path) -> None:
    site = site_packages(env)
    write_tree(site, {"yaml/__init__.py": "", "_yaml.py": ""})
    places = ("yaml/__init__.py", "_yaml.py", "../../../bin/yaml", "PyYAML-6.dist-info/METADATA")
    rows = "".join(f"{place},sha256={'0' * 64},0\n" for place in places)
    if told_by == "RECORD":
        write_dist_info(site, "PyYAML", "6", RECORD=rows)
    else:
        write_dist_info(site, "PyYAML", "6", top_level__txt="_yaml\nyaml\n")
    write_tree(cwd, {"yaml.py": "", "bin/__init__.py": ""})
    environment = read_environment(env)
    assert shadows_of(environment, [str(cwd)]) == (Shadow("pyyaml", "yaml", str(cwd / "yaml.py")),)


def test_a_legacy_installation_is_shadowed_too(env: Path, cwd: Path) -> None:
    site = site_packages(env)
    write_tree(site, {"gym.py": "", "gym-1-py3.11.egg-info/PKG-INFO": "Name: gym\nVersion: 1\n\n"})
    write_tree(site, {"Old_Gym-1.egg-info": "Name: Old.Gym\nVersion: 1\n\n", "old_gym.py": ""})
    write_tree(cwd, {"gym.py": "", "old_gym.py": ""})
    assert sorted(shadows(env, cwd)) == ["gym", "old_gym"]


def test_tests_and_docs_of_a_project_shadow_nothing(env: Path, cwd: Path) -> None:
    site = site_packages(env)
    write_tree(site, {"tests/__init__.py": "", "gym.py": ""})
    write_dist_info(site, "gym", "1", top_level__txt="gym\ntests\n")
    write_tree(cwd, {"tests/__init__.py": ""})
    assert shadows(env, cwd) == {}


def test_a_package_that_is_not_installed_is_not_shadowed(env: Path, cwd: Path) -> None:
    write_tree(cwd, {"gym.py": ""})
    write_tree(site_packages(env), {"gym.py": ""})
    assert shadows(env, cwd) == {}


def test_the_project_s_own_source_is_no_shadow_of_its_editable(env: Path, cwd: Path, tmp_path: Path) -> None:
    site = site_packages(env)
    write_tree(cwd, {"gym/__init__.py": ""})
    url = json.dumps({"url": cwd.as_uri(), "dir_info": {"editable": True}})
    write_dist_info(site, "gym", "1", direct_url__json=url, top_level__txt="gym\n")
    assert shadows(env, cwd) == {}
    (site / "_gym.pth").write_text(f"{cwd}\n")
    assert shadows(env, cwd) == {}
    write_tree(tmp_path / "other", {"gym.py": ""})
    found = shadows(env, tmp_path / "other")
    assert found == {"gym": what_it_imports(env, "gym", tmp_path / "other")}


def test_an_editable_that_brings_its_own_finder_is_shadowed_elsewhere(
    env: Path, cwd: Path, tmp_path: Path
) -> None:
    url = json.dumps({"url": (tmp_path / "source").as_uri(), "dir_info": {"editable": True}})
    write_dist_info(site_packages(env), "gym", "1", direct_url__json=url, top_level__txt="gym\n")
    write_tree(cwd, {"gym.py": ""})
    assert shadows(env, cwd) == {"gym": str(cwd / "gym.py")}


def test_a_project_installed_from_its_folder_is_shadowed_by_its_source(env: Path, cwd: Path) -> None:
    install(env, gym="1")
    write_tree(cwd, {"gym.py": "", "pyproject.toml": '[project]\nname = "gym"\n'})
    assert_as_imported(env, cwd)


def test_with_a_safe_path_the_folder_itself_does_not_count(env: Path, cwd: Path) -> None:
    install(env, gym="0.25.2")
    write_tree(cwd, {"gym.py": ""})
    assert_as_imported(env, cwd, PYTHONSAFEPATH="1")
    assert_as_imported(env, cwd, PYTHONSAFEPATH="1", PYTHONPATH=str(cwd))


def test_before_311_there_is_no_safe_path(new_env: Callable[[str], Path], cwd: Path) -> None:
    env = new_env("3.10")
    install(env, gym="0.25.2")
    write_tree(cwd, {"gym.py": ""})
    assert_as_imported(env, cwd, PYTHONSAFEPATH="1")


def test_a_zip_on_pythonpath_is_not_looked_into_and_harms_nothing(env: Path, cwd: Path) -> None:
    install(env, gym="0.25.2")
    with zipfile.ZipFile(cwd / "lib.zip", "w") as archive:
        archive.writestr("gym.py", "")
    assert shadows(env, cwd, PYTHONPATH=str(cwd / "lib.zip")) == {}


def test_names_that_are_no_text_are_passed_over(env: Path, cwd: Path) -> None:
    install(env, gym="0.25.2")
    Path(os.fsdecode(os.fsencode(cwd) + b"/\xe9.py")).touch()
    os.mkfifo(cwd / "gym.py")
    assert shadows(env, cwd) == {}


def test_pypy_has_suffixes_of_its_own(tmp_path: Path, cwd: Path) -> None:
    python = shutil.which("pypy3")
    if python is None:
        pytest.skip("no PyPy here")
    env = make_venv(Path(python), tmp_path / "env")
    install(env, gym="0.25.2")
    say = "import importlib.machinery as m; print(' '.join(m.EXTENSION_SUFFIXES))"
    suffixes = subprocess.run([python, "-c", say], capture_output=True, check=True, text=True).stdout.split()
    for suffix in suffixes:
        write_tree(cwd / suffix, {f"gym{suffix}": ""})
        assert shadows(env, cwd / suffix) == {"gym": str(cwd / suffix / f"gym{suffix}")}
