"""Which Pythons there are to make an environment from: the near one first, each once, no virtual one."""

from __future__ import annotations

from pathlib import Path

import pytest

from envguard.inventory.whole_pythons import whole_pythons
from tests.builders.environments import write_tree
from tests.builders.places import lay_out_python, lay_out_venv


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def found(home: Path, near: Path | None = None, *path: Path) -> list[str]:
    """The folders of what is found, by their names."""
    environ = {"HOME": str(home), "PATH": ":".join(map(str, path))}
    root = str(home.parent / "root")
    pythons = whole_pythons(str(near) if near else None, environ=environ, root=root)
    return [Path(each.path).parents[1].name for each in pythons]


def test_the_base_of_what_is_near_comes_first(home: Path, tmp_path: Path) -> None:
    near = lay_out_venv(tmp_path / "venv", lay_out_python(tmp_path / "near"))
    lay_out_python(home / ".pyenv" / "versions" / "3.12.1", "3.12.1")
    assert found(home) == ["3.12.1"]
    assert found(home, near) == ["near", "3.12.1"]
    assert found(home, near / "bin" / "python") == ["near", "3.12.1"]


def test_path_goes_before_what_tools_keep_and_the_system(home: Path, tmp_path: Path) -> None:
    lay_out_python(tmp_path / "root" / "usr", "3.9.2")
    lay_out_python(home / ".local" / "share" / "uv" / "python" / "cpython-3.13", "3.13.0")
    lay_out_python(home / ".pyenv" / "versions" / "3.12.1", "3.12.1")
    own = lay_out_python(tmp_path / "own")
    assert found(home, None, own / "bin", Path("bin")) == ["own", "3.12.1", "cpython-3.13", "usr"]


def test_an_environment_on_path_stands_for_its_base_and_each_is_told_once(home: Path, tmp_path: Path) -> None:
    base = lay_out_python(tmp_path / "base")
    venv = lay_out_venv(tmp_path / "venv", base)
    assert found(home, None, venv / "bin", base / "bin") == ["base"]


def test_what_is_gone_or_no_python_is_passed_over(home: Path, tmp_path: Path) -> None:
    write_tree(tmp_path, {"bin/python3": "#!/bin/sh\n", "closed/python": ""})
    lost = lay_out_venv(tmp_path / "venv", lay_out_python(tmp_path / "base"))
    (tmp_path / "base").rename(tmp_path / "moved")
    assert found(home, lost, tmp_path / "bin", tmp_path / "absent") == []
    assert found(home, tmp_path / "nothing") == []


def test_its_own_pip_is_told(home: Path, tmp_path: Path) -> None:
    base = lay_out_python(tmp_path / "base")
    environ = {"HOME": str(home), "PATH": ""}
    [bare] = whole_pythons(str(base), environ=environ, root=str(tmp_path))
    assert (bare.has_pip, bare.bundled) == (False, None)
    write_tree(base / "share" / "python-wheels", {"pip-23.0.1.whl": ""})
    [shared] = whole_pythons(str(base), environ=environ, root=str(tmp_path))
    assert (shared.has_pip, shared.bundled) == (False, f"{base}/share/python-wheels")
    write_tree(base / "lib" / "python3.11" / "ensurepip", {"__init__.py": "", "_bundled/pip-23.2.1.whl": ""})
    [whole] = whole_pythons(str(base), environ=environ, root=str(tmp_path))
    assert (whole.has_pip, whole.bundled) == (True, f"{base}/lib/python3.11/ensurepip/_bundled")
    assert whole.interpreter.version == "3.11.7"
