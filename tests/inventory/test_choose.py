from __future__ import annotations

from pathlib import Path

import pytest

from envguard.errors import InventoryError, UsageError
from envguard.inventory import choose_environment
from tests.builders.environments import write_tree
from tests.builders.places import add_kernel, lay_out_conda


def an_environment(folder: Path) -> Path:
    write_tree(folder, {"pyvenv.cfg": "home = /usr/bin\n", "bin/python": "\x7fELF"})
    (folder / "bin" / "python").chmod(0o755)
    return folder


def a_pyenv(root: Path, *versions: str) -> Path:
    for version in versions:
        an_environment(root / "versions" / version)
    write_tree(root, {"shims/python": "#!/bin/sh\nexit 9\n"})
    (root / "shims" / "python").chmod(0o755)
    return root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    return folder


def test_what_is_named_wins(project: Path, tmp_path: Path) -> None:
    named = an_environment(tmp_path / "named")
    active = an_environment(tmp_path / "active")
    choice = choose_environment("../named", environ={"VIRTUAL_ENV": str(active)}, cwd=project)
    assert choice.path.resolve() == named
    assert choice.reason == "named"


@pytest.mark.parametrize("name", ["x" * 300, "conda:" + "x" * 300])
def test_what_cannot_even_be_looked_for_is_not_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(InventoryError):
        choose_environment(name, environ={}, cwd=tmp_path)


def test_a_folder_on_path_that_cannot_be_looked_into_is_passed_over(tmp_path: Path) -> None:
    folder = an_environment(tmp_path / "v")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)  # for the superuser it is not; a name that is too long is for nobody
    path = f"{closed}:{tmp_path / ('x' * 300)}:{folder / 'bin'}"
    choice = choose_environment("python", environ={"PATH": path}, cwd=tmp_path)
    assert choice.path == folder / "bin" / "python"


@pytest.mark.parametrize("name", ["~nosuchuser", "~nosuchuser/env"])
def test_a_home_of_nobody_is_a_name_as_any(name: str, tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="no such file or folder"):
        choose_environment(name, environ={}, cwd=tmp_path)
    an_environment(tmp_path / name)
    assert choose_environment(name, environ={}, cwd=tmp_path).path == tmp_path / name


def test_an_interpreter_may_be_named_by_its_command(tmp_path: Path) -> None:
    folder = an_environment(tmp_path / "v")
    choice = choose_environment("python", environ={"PATH": str(folder / "bin")}, cwd=tmp_path)
    assert choice.path == folder / "bin" / "python"


def test_a_named_folder_that_is_none_points_to_the_environment_in_it(project: Path) -> None:
    an_environment(project / ".venv")
    with pytest.raises(InventoryError) as caught:
        choose_environment(".", environ={}, cwd=project)
    assert str(project / ".venv") in str(caught.value.hint)


@pytest.mark.parametrize(
    ("argument", "error"),
    [
        ("nowhere", InventoryError),
        ("", InventoryError),
        ("conda:x", InventoryError),
        ("kernel:x", InventoryError),
    ],
)
def test_what_is_named_and_is_none_is_an_error(argument: str, error: type[Exception], project: Path) -> None:
    with pytest.raises(error):
        choose_environment(argument, environ={"PATH": ""}, cwd=project)


def test_the_active_environment_is_next(project: Path, tmp_path: Path) -> None:
    active, conda = an_environment(tmp_path / "active"), an_environment(tmp_path / "conda")
    environ = {"VIRTUAL_ENV": str(active), "CONDA_PREFIX": str(conda)}
    choice = choose_environment(None, environ=environ, cwd=project)
    assert (choice.path, choice.reason, choice.warning) == (active, "active: VIRTUAL_ENV", None)


def test_an_active_environment_that_is_not_the_projects_is_warned_of(project: Path, tmp_path: Path) -> None:
    active, own = an_environment(tmp_path / "active"), an_environment(project / ".venv")
    choice = choose_environment(None, environ={"VIRTUAL_ENV": str(active)}, cwd=project)
    assert choice.path == active
    assert choice.warning is not None
    assert str(active) in choice.warning
    assert str(own) in choice.warning


def test_an_active_environment_that_is_the_projects_by_a_link_is_not_warned_of(
    project: Path, tmp_path: Path
) -> None:
    own = an_environment(tmp_path / "elsewhere")
    (project / ".venv").symlink_to(own)
    assert choose_environment(None, environ={"VIRTUAL_ENV": str(own)}, cwd=project).warning is None


def test_an_active_environment_that_is_gone_is_an_error(project: Path) -> None:
    with pytest.raises(InventoryError) as caught:
        choose_environment(None, environ={"VIRTUAL_ENV": "/gone"}, cwd=project)
    assert caught.value.hint == "unset VIRTUAL_ENV"


def test_a_conda_environment_counts_and_its_base_does_not(project: Path, tmp_path: Path) -> None:
    conda, own = an_environment(tmp_path / "conda"), an_environment(project / ".venv")
    assert choose_environment(None, environ={"CONDA_PREFIX": str(conda)}, cwd=project).path == conda
    base = {"CONDA_PREFIX": str(conda), "CONDA_DEFAULT_ENV": "base"}
    assert choose_environment(None, environ=base, cwd=project).path == own
    (conda / "condabin").mkdir()
    assert choose_environment(None, environ={"CONDA_PREFIX": str(conda)}, cwd=project).path == own


def test_the_projects_environment_is_looked_for_upwards(project: Path) -> None:
    own = an_environment(project / ".venv")
    inner = project / "a" / "b"
    inner.mkdir(parents=True)
    choice = choose_environment(None, environ={"PATH": ""}, cwd=inner)
    assert (choice.path, choice.reason) == (own, "the project's .venv")


def test_the_search_for_it_ends_with_the_repository(project: Path, tmp_path: Path) -> None:
    an_environment(tmp_path / ".venv")
    with pytest.raises(UsageError):
        choose_environment(None, environ={"PATH": ""}, cwd=project)


def test_the_first_python_on_the_path_is_last(project: Path, tmp_path: Path) -> None:
    first, second = an_environment(tmp_path / "1"), an_environment(tmp_path / "2")
    (first / "bin" / "python").rename(first / "bin" / "python3")
    environ = {"PATH": f"{first}/bin:{second}/bin"}
    choice = choose_environment(None, environ=environ, cwd=project)
    assert (choice.path, choice.reason) == (second / "bin" / "python", "first `python` on PATH")
    (second / "bin" / "python").unlink()
    assert choose_environment(None, environ=environ, cwd=project).path == first / "bin" / "python3"


def test_nothing_at_all_is_an_error_with_a_way_on(project: Path) -> None:
    with pytest.raises(UsageError) as caught:
        choose_environment(None, environ={"PATH": "/nowhere"}, cwd=project)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("environ", "file", "version"),
    [
        pytest.param({"PYENV_VERSION": "3.10.13"}, "3.11.7", "3.10.13", id="variable"),
        pytest.param({}, "3.11.7\n", "3.11.7", id="file"),
        pytest.param({}, "3.11\n", "3.11.10", id="newest of a minor"),
        pytest.param({}, "# ours\npython-3.10.13\n3.11.7\n", "3.10.13", id="prefix and comment"),
        pytest.param({"PYENV_VERSION": "9.9:3.11.7"}, "", "3.11.7", id="first that is there"),
        pytest.param({}, "../../x\n", "3.11.9", id="no way out, so the global one"),
        pytest.param({}, None, "3.11.9", id="global"),
    ],
)
def test_a_shim_is_resolved_without_running_it(
    environ: dict[str, str], file: str | None, version: str, project: Path, tmp_path: Path
) -> None:
    root = a_pyenv(tmp_path / "pyenv", "3.10.13", "3.11.7", "3.11.9", "3.11.10")
    (root / "version").write_text("3.11.9\n")
    if file is not None:
        (project / ".python-version").write_text(file)
    choice = choose_environment(None, environ={**environ, "PATH": str(root / "shims")}, cwd=project)
    assert choice.path == root / "versions" / version / "bin" / "python"


def test_a_shim_of_the_system_is_what_the_path_holds_beside_it(project: Path, tmp_path: Path) -> None:
    root, system = a_pyenv(tmp_path / "pyenv", "3.11.7"), an_environment(tmp_path / "system")
    environ = {"PATH": f"{root}/shims:{system}/bin"}
    assert choose_environment(None, environ=environ, cwd=project).path == system / "bin" / "python"


def test_a_shim_of_what_is_not_installed_says_how_to_install_it(project: Path, tmp_path: Path) -> None:
    root = a_pyenv(tmp_path / "pyenv", "3.11.7")
    (project / ".python-version").write_text("3.12.1\n")
    with pytest.raises(InventoryError) as caught:
        choose_environment(None, environ={"PATH": f"{root}/shims"}, cwd=project)
    assert caught.value.hint == "pyenv install 3.12.1"


class TestNames:
    def test_a_conda_environment(self, project: Path, tmp_path: Path) -> None:
        prefix = lay_out_conda(tmp_path / "miniconda3" / "envs" / "rl")
        choice = choose_environment("conda:rl", environ={"HOME": str(tmp_path)}, cwd=project)
        assert (choice.path, choice.reason) == (prefix, "named")

    def test_condas_base(self, project: Path, tmp_path: Path) -> None:
        prefix = lay_out_conda(tmp_path / "my-conda")
        (prefix / "condabin").mkdir()
        environ = {"HOME": str(tmp_path), "CONDA_EXE": f"{prefix}/bin/conda"}
        assert choose_environment("conda:base", environ=environ, cwd=project).path == prefix

    def test_the_folders_that_settings_name_go_first(self, project: Path, tmp_path: Path) -> None:
        lay_out_conda(tmp_path / "miniconda3" / "envs" / "rl")
        first = lay_out_conda(tmp_path / "scratch" / "rl")
        environ = {"HOME": str(tmp_path), "CONDA_ENVS_PATH": str(tmp_path / "scratch")}
        assert choose_environment("conda:rl", environ=environ, cwd=project).path == first

    def test_a_kernel_of_mine(self, project: Path, tmp_path: Path) -> None:
        folder = an_environment(tmp_path / "v")
        add_kernel(tmp_path / ".local", "rl", f"{folder}/bin/python")
        choice = choose_environment("kernel:rl", environ={"HOME": str(tmp_path)}, cwd=project)
        assert choice.path == folder / "bin" / "python"

    @pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX", None])
    def test_a_kernel_of_the_active_environment_or_the_projects(
        self, variable: str | None, project: Path, tmp_path: Path
    ) -> None:
        folder = an_environment(tmp_path / "v" if variable else project / ".venv")
        add_kernel(folder, "python3", "python")
        environ = {"HOME": str(tmp_path), **({variable: str(folder)} if variable else {})}
        choice = choose_environment("kernel:python3", environ=environ, cwd=project)
        assert choice.path == folder / "bin" / "python"

    @pytest.mark.parametrize(
        ("argument", "hint"),
        [("conda:r1", "conda:rl"), ("kernel:lr", "kernel:rl"), ("conda:something-else", "envguard scan")],
    )
    def test_a_name_that_nothing_has_leads_to_the_nearest(
        self, argument: str, hint: str, project: Path, tmp_path: Path
    ) -> None:
        lay_out_conda(tmp_path / "miniconda3" / "envs" / "rl")
        add_kernel(tmp_path / ".local", "rl", "/x/bin/python")
        with pytest.raises(InventoryError) as caught:
            choose_environment(argument, environ={"HOME": str(tmp_path)}, cwd=project)
        assert caught.value.hint == hint
        assert argument in str(caught.value)

    def test_a_kernel_whose_environment_is_gone_is_an_error(self, project: Path, tmp_path: Path) -> None:
        add_kernel(tmp_path / ".local", "rl", "/gone/bin/python")
        with pytest.raises(InventoryError, match="/gone/bin/python"):
            choose_environment("kernel:rl", environ={"HOME": str(tmp_path)}, cwd=project)

    def test_a_folder_of_that_name_goes_first(self, project: Path, tmp_path: Path) -> None:
        folder = an_environment(project / "conda:rl")
        assert choose_environment("conda:rl", environ={"HOME": str(tmp_path)}, cwd=project).path == folder
