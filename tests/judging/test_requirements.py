"""What pip and uv installed from requirements files is what we want of them, for several Pythons."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from envguard.formats.locks import read_lock
from tests.builders.environments import write_tree
from tests.inventory.oracle.children import own_tool, run
from tests.inventory.oracle.making import make_with_pip
from tests.judging.changes import each_change_is_one_finding
from tests.judging.world import PYTHONS, by_pip, by_uv, make_with_uv, told

WANTED = """
gym[human]
numpy<2; python_version < '3.9'
numpy>=2; python_version >= '3.9'
torch==2.4.1+cpu
fastmath
winfix; sys_platform == 'win32'
"""


@pytest.fixture(scope="module")
def compiled(environ: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A requirements.txt with hashes for all Pythons and platforms, as ``uv pip compile`` writes it."""
    folder = write_tree(tmp_path_factory.mktemp("compiled"), {"requirements.in": WANTED})
    how = ["--universal", "--generate-hashes", "--python-version", "3.8", "--output-file", "requirements.txt"]
    run([own_tool("uv"), "--quiet", "pip", "compile", *how, "requirements.in"], environ, cwd=folder)
    return folder / "requirements.txt"


@pytest.mark.parametrize("python", PYTHONS)
def test_a_compiled_file_with_hashes_by_pip(
    python: str, compiled: Path, environ: Mapping[str, str], tmp_path: Path
) -> None:
    env = make_with_pip(python, tmp_path / "env")
    snapshot = by_pip(env, environ, "--require-hashes", "-r", compiled)
    versions = {package.name: package.version for package in snapshot.packages}
    assert versions["numpy"] == ("1.24.4" if python == "3.8" else "2.1.0")
    assert ("importlib-metadata" in versions) is (python == "3.8")
    each_change_is_one_finding(snapshot, read_lock(compiled))


@pytest.mark.parametrize("python", PYTHONS)
def test_a_compiled_file_by_uv(
    python: str, compiled: Path, environ: Mapping[str, str], tmp_path: Path
) -> None:
    env = make_with_uv(python, tmp_path / "env", environ)
    snapshot = by_uv(env, environ, "sync", "--require-hashes", compiled)
    each_change_is_one_finding(snapshot, read_lock(compiled))


def test_files_that_name_others_by_pip(environ: Mapping[str, str], wheels: Path, tmp_path: Path) -> None:
    (by_file,) = wheels.glob("pygame-*.whl")
    files = {
        "requirements.txt": "-r base/more.txt\n-c constraints.txt\nnumpy\npytest==8.0 \\\n  # why\n",
        "base/more.txt": f"-r ../least.txt\npygame @ {by_file.as_uri()}\nwinfix==1.0; os_name == 'nt'\n",
        "least.txt": "--prefer-binary\ntorch==2.4.1+cu121\nini_config\nfastmath==1.5.0\n",
        "constraints.txt": "numpy==2.1.0\nIni-Config==2.0\nsphinx==7.0\n",
    }
    path = write_tree(tmp_path / "project", files) / "requirements.txt"
    env = make_with_pip("3.11", tmp_path / "env")
    snapshot = by_pip(env, environ, "-r", path)
    lock = read_lock(path)
    each_change_is_one_finding(snapshot, lock)
    with_more = by_pip(env, environ, "sphinx==7.0")
    assert told(with_more, lock) == []
    other = [replace(each, version="7.1") if each.name == "sphinx" else each for each in with_more.packages]
    assert told(replace(with_more, packages=tuple(other)), lock) == [("version-mismatch", "sphinx")]
