from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from envguard.inventory import read_environment
from envguard.inventory.interpreter import version_in_dpkg
from tests.builders.environments import make_venv, make_virtualenv_27, write_dist_info, write_tree
from tests.inventory.asking import MINORS, python_or_skip, what_it_says_of_itself


@pytest.mark.parametrize("minor", MINORS)
def test_a_whole_python_is_what_it_says_of_itself(minor: str) -> None:
    python = python_or_skip(minor)
    interpreter = read_environment(python).snapshot.interpreter
    said = what_it_says_of_itself(python)
    assert interpreter.markers == said["markers"]
    assert interpreter.abi == said["abi"]
    assert interpreter.version == interpreter.markers["python_full_version"]


@pytest.mark.parametrize("minor", MINORS)
def test_an_environment_has_its_bases_interpreter(minor: str, empty_of: Callable[[str], Path]) -> None:
    folder = empty_of(minor)
    whole = read_environment(python_or_skip(minor)).snapshot.interpreter
    assert read_environment(folder).snapshot.interpreter == whole


def test_the_systems_python_is_what_it_says_of_itself() -> None:
    python = Path("/usr/bin/python3")
    if not python.exists():
        pytest.skip("no /usr/bin/python3")
    interpreter = read_environment(python).snapshot.interpreter
    assert interpreter.markers == what_it_says_of_itself(python)["markers"]


@pytest.mark.parametrize("minor", ["3.6", "3.11", "3.13"])
def test_a_copied_interpreter_is_told_by_its_bytes(minor: str, tmp_path: Path) -> None:
    python = python_or_skip(minor)
    folder = make_venv(python, tmp_path / "copied", "--copies")
    assert not (folder / "bin" / "python").is_symlink()
    assert read_environment(folder).snapshot.interpreter == read_environment(python).snapshot.interpreter


def test_the_bases_version_counts_when_the_configuration_is_stale(env: Path) -> None:
    config = env / "pyvenv.cfg"
    config.write_text(config.read_text().replace("version = 3.11.", "version = 3.11.0"))
    version = read_environment(python_or_skip("3.11")).snapshot.interpreter.version
    assert read_environment(env).snapshot.interpreter.version == version


def test_a_version_injected_by_a_newline_in_the_command_does_not_count(env: Path) -> None:
    with (env / "pyvenv.cfg").open("a") as config:
        config.write("version = 9.9.9\n")
    (env / "bin" / "python").unlink()
    (env / "bin" / "python").symlink_to("/gone/python")
    assert read_environment(env).snapshot.interpreter.version.startswith("3.11.")


def test_virtualenvs_27_environment_is_python_27(tmp_path: Path) -> None:
    folder = make_virtualenv_27(python_or_skip("2.7"), tmp_path / "v")
    environment = read_environment(folder)
    assert environment.record.kind == "virtualenv"
    assert environment.snapshot.interpreter.version == "2.7.18"
    assert environment.snapshot.interpreter.abi == "cp27mu"
    assert environment.snapshot.problems == ()


def test_a_free_threaded_python_is_told_by_its_library_folder(tmp_path: Path) -> None:
    base = tmp_path / "versions" / "3.13.0t"
    for place in ("bin/python3.13", "lib/python3.13t/os.py", "lib/python3.13t/site-packages/x"):
        (base / place).parent.mkdir(parents=True, exist_ok=True)
        (base / place).write_text("")
    (base / "bin" / "python").symlink_to("python3.13")
    header = base / "include" / "python3.13t" / "patchlevel.h"
    header.parent.mkdir(parents=True)
    header.write_text('#define PY_VERSION      "3.13.0"\n')
    interpreter = read_environment(base).snapshot.interpreter
    assert (interpreter.abi, interpreter.free_threaded, interpreter.version) == ("cp313t", True, "3.13.0")


def test_pypy_has_the_languages_version_and_its_own(tmp_path: Path) -> None:
    base = tmp_path / "pypy"
    for place in ("bin/pypy3.9", "lib/pypy3.9/os.py", "include/pypy3.9/patchlevel.h"):
        (base / place).parent.mkdir(parents=True, exist_ok=True)
        (base / place).write_text('#define PY_VERSION "3.9.18"\n#define PYPY_VERSION "7.3.13"\n')
    interpreter = read_environment(base / "bin" / "pypy3.9").snapshot.interpreter
    assert interpreter.implementation == "PyPy"
    assert (interpreter.version, interpreter.abi) == ("3.9.18", "pypy39_pp73")
    assert interpreter.markers["implementation_version"] == "7.3.13"


def test_an_environment_of_pypy_reads_its_own_library_folder(tmp_path: Path) -> None:
    base, env = tmp_path / "pypy", tmp_path / "env"
    header = '#define PY_VERSION "3.9.18"\n#define PYPY_VERSION "7.3.13"\n'
    write_tree(
        base, {"bin/pypy3.9": "\x7fELF", "lib/pypy3.9/os.py": "", "include/pypy3.9/patchlevel.h": header}
    )
    write_tree(base, {"lib/pypy3.9/cffi.egg-info/PKG-INFO": "Name: cffi\nVersion: 1.15\n\n"})
    config = f"home = {base}/bin\ninclude-system-site-packages = false\nversion = 3.9.18\n"
    write_tree(env, {"pyvenv.cfg": config, "lib/pypy3.9/site-packages/x": "", "lib/python3.9/y": ""})
    (env / "bin").mkdir()
    (env / "bin" / "python").symlink_to(base / "bin" / "pypy3.9")
    write_dist_info(env / "lib" / "pypy3.9" / "site-packages", "gym", "1")
    snapshot = read_environment(env).snapshot
    assert (snapshot.interpreter.implementation, snapshot.interpreter.abi) == ("PyPy", "pypy39_pp73")
    assert [(one.name, one.version) for one in snapshot.packages] == [("cffi", "1.15"), ("gym", "1")]
    assert snapshot.problems == ()


def test_a_free_threaded_environment_reads_its_own_library_folder(tmp_path: Path) -> None:
    base, env = tmp_path / "base", tmp_path / "env"
    header = '#define PY_VERSION "3.13.0"\n'
    write_tree(base, {"bin/python3.13": "", "lib/python3.13t/os.py": ""})
    write_tree(base, {"include/python3.13t/patchlevel.h": header})
    write_tree(env, {"pyvenv.cfg": f"home = {base}/bin\ninclude-system-site-packages = false\n"})
    (env / "bin").mkdir()
    (env / "bin" / "python").symlink_to(base / "bin" / "python3.13")
    write_dist_info(env / "lib" / "python3.13t" / "site-packages", "gym", "1")
    snapshot = read_environment(env).snapshot
    assert (snapshot.interpreter.free_threaded, snapshot.interpreter.abi) == (True, "cp313t")
    assert [(one.name, one.version) for one in snapshot.packages] == [("gym", "1")]


STATUS = """Package: python3.11-minimal
Status: {status}
Version: {version}

Package: python3.12-minimal
Status: install ok installed
Version: 3.12.9-1
"""


@pytest.mark.parametrize(
    ("version", "status", "expected"),
    [
        pytest.param("3.11.2-6+deb12u6", "install ok installed", "3.11.2", id="revision"),
        pytest.param("1:3.11.2-6", "install ok installed", "3.11.2", id="epoch"),
        pytest.param("3.11.0~rc1-1", "install ok installed", "3.11.0rc1", id="candidate"),
        pytest.param("3.11.2-6", "deinstall ok config-files", None, id="removed"),
        pytest.param("3.10.2-6", "install ok installed", None, id="another minor"),
    ],
)
def test_debians_version_is_upstreams_without_epoch_and_revision(
    version: str, status: str, expected: str | None
) -> None:
    text = STATUS.format(version=version, status=status).encode()
    assert version_in_dpkg(text, "python3.11-minimal", "3.11") == expected


def test_without_headers_the_bytes_of_the_executable_tell_the_version(tmp_path: Path) -> None:
    base = tmp_path / "opt"
    (base / "bin").mkdir(parents=True)
    (base / "lib" / "python3.11").mkdir(parents=True)
    (base / "lib" / "python3.11" / "os.py").touch()
    (base / "bin" / "python3.11").write_bytes(b"\x7fELF..\x003.11.4\x00..\x001.2.13\x00" + os.urandom(64))
    assert read_environment(base / "bin" / "python3.11").snapshot.interpreter.version == "3.11.4"
