"""Which tool made an environment: laid out as Poetry 2, PDM 2, Pipenv, Hatch 1, pipx and uv leave it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envguard.inventory import read_environment
from tests.builders.environments import write_tree
from tests.builders.places import lay_out_conda, lay_out_python, lay_out_venv
from tests.inventory.asking import python_or_skip

VIRTUALENV = "virtualenv = 20.26.0"
UV = "uv = 0.5.1"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return lay_out_python(tmp_path / "base")


@pytest.mark.parametrize(
    ("place", "line", "beside", "kind"),
    [
        pytest.param("p/.venv", "version = 3.11.7", {}, "venv", id="venv"),
        pytest.param("p/.venv", VIRTUALENV, {}, "virtualenv", id="virtualenv"),
        pytest.param("p/.venv", UV, {}, "uv", id="uv"),
        pytest.param("p/.venv", VIRTUALENV, {"p/poetry.lock": ""}, "poetry", id="poetry's, in the project"),
        pytest.param("p/.venv", VIRTUALENV, {"p/poetry.toml": ""}, "poetry", id="poetry's, not locked yet"),
        pytest.param("p/.venv", UV, {"p/poetry.lock": ""}, "uv", id="poetry makes none by uv"),
        pytest.param("p/other", VIRTUALENV, {"p/poetry.lock": ""}, "virtualenv", id="poetry's is .venv"),
        pytest.param(
            "c/pypoetry/virtualenvs/p-xJpTpEax-py3.11", VIRTUALENV, {}, "poetry", id="poetry's cache"
        ),
        pytest.param(
            "c/v/p-xJpTpEax-py3.11", VIRTUALENV, {"c/v/envs.toml": ""}, "poetry", id="poetry's list"
        ),
        pytest.param("p/.venv", VIRTUALENV, {"p/pdm.lock": ""}, "pdm", id="pdm's lock"),
        pytest.param("p/.venv", UV, {"p/.pdm-python": "{venv}/bin/python"}, "pdm", id="pdm's choice"),
        pytest.param("p/.venv", UV, {"p/.pdm-python": "/usr/bin/python"}, "uv", id="pdm chose another"),
        pytest.param("s/pdm/venvs/p-V02Q_5O_-3.11", VIRTUALENV, {}, "pdm", id="pdm's folder"),
        pytest.param(
            "s/w/p3-N4nsXOkm", VIRTUALENV, {"s/w/p3-N4nsXOkm/.project": "/p3"}, "pipenv", id="pipenv"
        ),
        pytest.param(
            "s/w/rl", VIRTUALENV, {"s/w/rl/.project": "/rl"}, "virtualenv", id="virtualenvwrapper's"
        ),
        pytest.param(
            "p/.venv",
            VIRTUALENV,
            {"p/.venv/.project": "/p", "p/Pipfile": ""},
            "pipenv",
            id="pipenv's, in the project",
        ),
        pytest.param("s/hatch/env/virtual/p4/Msz1wr4o/test", VIRTUALENV, {}, "hatch", id="hatch"),
        pytest.param("p/.hatch/test", UV, {}, "hatch", id="hatch's, in the project"),
        pytest.param("s/x/venvs/black", UV, {"s/x/venvs/black/pipx_metadata.json": "{}"}, "pipx", id="pipx"),
        pytest.param("s/pipx/venvs/black", "version = 3.11", {}, "pipx", id="pipx, cut off"),
        pytest.param(
            "s/x/shared", "version = 3.11", {"s/x/venvs/black/a": ""}, "pipx", id="pipx's shared one"
        ),
        pytest.param("s/tools/ruff", UV, {"s/tools/ruff/uv-receipt.toml": ""}, "uv-tool", id="uv tool"),
        pytest.param(".pyenv/versions/rl", "version = 3.11", {}, "pyenv", id="pyenv's virtualenv, old"),
        pytest.param(
            ".pyenv/versions/3.11.7/envs/rl", "version = 3.11", {}, "pyenv", id="pyenv's virtualenv"
        ),
    ],
)
def test_a_virtual_environment_is_its_tools(
    place: str, line: str, beside: dict[str, str], kind: str, base: Path, tmp_path: Path
) -> None:
    venv = lay_out_venv(tmp_path / place, base, line)
    write_tree(tmp_path, {name: text.replace("{venv}", str(venv)) for name, text in beside.items()})
    assert read_environment(venv).record.kind == kind


@pytest.mark.parametrize(
    ("place", "kind", "is_known_by_folder"),
    [
        ("opt/python", "system", False),
        (".pyenv/versions/3.11.7", "pyenv", True),
        ("uv/python/cpython-3.11.7-linux-x86_64-gnu", "uv-python", True),
        ("uv/python/cpython-3.13.0+freethreaded-linux-aarch64-gnu", "uv-python", True),
        ("uv/python/cpython-3.12.1-macos-aarch64-none", "uv-python", True),
    ],
)
def test_a_whole_python_is_its_tools(place: str, kind: str, is_known_by_folder: bool, tmp_path: Path) -> None:
    prefix = lay_out_python(tmp_path / place)
    record = read_environment(prefix).record
    assert record.kind == kind
    assert record.path == str(prefix if is_known_by_folder else prefix / "bin" / "python3.11")
    assert record.project is None


@pytest.mark.parametrize(
    ("place", "kind", "names"),
    [
        ("miniconda3/envs/rl", "conda", ("conda:rl",)),
        ("somewhere/rl", "conda", ()),
        ("p/.pixi/envs/default", "pixi", ()),
    ],
)
def test_what_conda_made_has_its_name_there(
    place: str, kind: str, names: tuple[str, ...], tmp_path: Path
) -> None:
    record = read_environment(lay_out_conda(tmp_path / place)).record
    assert (record.kind, record.names, record.path) == (kind, names, str(tmp_path / place))


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (["venv", "--offline", "--no-config", "--python"], "uv"),
        (["--no-download", "--no-seed", "--python"], "virtualenv"),
    ],
    ids=["uv", "virtualenv"],
)
def test_what_the_real_tools_make_is_theirs(command: list[str], kind: str, tmp_path: Path) -> None:
    program = Path(sys.executable).parent / kind
    if not program.exists():
        pytest.skip(f"no {kind} beside the Python that runs the tests")
    python = python_or_skip("3.11")
    environ = {"PATH": os.defpath, "HOME": str(tmp_path)}
    subprocess.run(
        [program, *command, python, tmp_path / "made"], check=True, capture_output=True, env=environ
    )
    record = read_environment(tmp_path / "made").record
    assert (record.kind, record.path) == (kind, str(tmp_path / "made"))


def test_condas_base_is_called_so(tmp_path: Path) -> None:
    base = lay_out_conda(tmp_path / "miniforge3")
    (base / "condabin").mkdir()
    assert read_environment(base).record.names == ("conda:base",)


def test_a_pixi_environment_moved_elsewhere_keeps_its_file(tmp_path: Path) -> None:
    prefix = lay_out_conda(tmp_path / "detached" / "rl")
    (prefix / "conda-meta" / "pixi").write_text("{}")
    assert read_environment(prefix).record.kind == "pixi"


@pytest.mark.parametrize(
    ("library", "version", "implementation", "is_free_threaded"),
    [("python3.13t", "3.13.0", "CPython", True), ("pypy3.9", "3.9.16", "PyPy", False)],
)
def test_other_builds_are_read(
    library: str, version: str, implementation: str, is_free_threaded: bool, tmp_path: Path
) -> None:
    base = lay_out_python(tmp_path / "base", version, library)
    found = read_environment(lay_out_venv(tmp_path / "v", base)).snapshot.interpreter
    assert (found.implementation, found.version, found.free_threaded) == (
        implementation,
        version,
        is_free_threaded,
    )


def test_a_framework_is_read(tmp_path: Path) -> None:
    framework = lay_out_python(tmp_path / "Library/Frameworks/Python.framework/Versions/3.11")
    venv = read_environment(lay_out_venv(tmp_path / "v", framework))
    assert venv.snapshot.interpreter.version == "3.11.7"
    assert read_environment(framework / "bin" / "python3").record.kind == "system"


@pytest.mark.parametrize(
    ("place", "changer"),
    [("s/pipx/venvs/black", "none"), ("p/.venv", "uv")],
)
def test_what_a_tool_keeps_for_itself_nobody_else_changes(
    place: str, changer: str, base: Path, tmp_path: Path
) -> None:
    assert read_environment(lay_out_venv(tmp_path / place, base)).record.changer == changer


def test_a_python_that_says_hands_off_is_left_alone(tmp_path: Path) -> None:
    prefix = lay_out_python(tmp_path / "uv/python/cpython-3.11.7-linux-x86_64-gnu")
    (prefix / "lib/python3.11/EXTERNALLY-MANAGED").write_text("[externally-managed]\n")
    assert read_environment(prefix).record.changer == "none"
