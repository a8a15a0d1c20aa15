"""Which parts an environment has, and what is said where its interpreter is gone or is none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from envguard.domain.environment import Environment
from envguard.errors import InventoryError
from envguard.inventory import choose_environment, read_environment, scan_machine, scan_paths
from tests.builders.environments import write_dist_info, write_tree
from tests.builders.homes import Machine
from tests.builders.places import lay_out_conda, lay_out_python, lay_out_venv


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    return lay_out_venv(tmp_path / "env", lay_out_python(tmp_path / "base"))


def told(environment: Environment) -> list[tuple[str, str]]:
    return [(each.kind, each.detail) for each in environment.record.details]


def remove_interpreters(prefix: Path) -> None:
    for python in (prefix / "bin").glob("python*"):
        python.unlink()


class TestAnInterpreterThatIsGone:
    def test_absent(self, venv: Path) -> None:
        remove_interpreters(venv)
        assert told(read_environment(venv)) == [("base-missing", f"{venv}/bin/python is gone")]

    def test_with_the_folder_that_held_it(self, venv: Path) -> None:
        remove_interpreters(venv)
        (venv / "bin").rmdir()
        assert told(read_environment(venv)) == [("base-missing", f"{venv}/bin/python is gone")]

    def test_a_link_to_what_is_gone(self, venv: Path, tmp_path: Path) -> None:
        base = tmp_path / "base" / "bin" / "python3.11"
        base.unlink()
        detail = f"{venv}/bin/python leads to {base}, which is gone"
        assert told(read_environment(venv)) == [("base-missing", detail)]

    def test_a_link_to_itself(self, venv: Path) -> None:
        remove_interpreters(venv)
        (venv / "bin" / "python").symlink_to("python")
        detail = f"{venv}/bin/python is a link that leads to itself"
        assert told(read_environment(venv)) == [("base-missing", detail)]

    def test_a_standard_library_that_is_gone(self, venv: Path, tmp_path: Path) -> None:
        base = tmp_path / "base"
        (base / "lib/python3.11/os.py").unlink()
        detail = f"{venv}/bin/python leads to {base}/bin/python3.11: no lib/python3.11 belongs to it"
        assert told(read_environment(venv)) == [("base-missing", detail)]

    def test_a_folder_of_interpreters_that_is_closed_hides_it(
        self, open_folder: Path, as_somebody: Callable[[], None]
    ) -> None:
        venv = lay_out_venv(open_folder / "env", lay_out_python(open_folder / "base"))
        (venv / "bin").chmod(0)
        as_somebody()
        assert told(read_environment(venv)) == [("unreadable", f"{venv}/bin: permission denied")]
        with pytest.raises(InventoryError, match=f"{venv}/bin: cannot be read: permission denied"):
            read_environment(venv / "bin" / "python")


class TestAnInterpreterThatIsNone:
    @pytest.mark.parametrize(
        ("target", "fault"),
        [
            ("/dev/zero", "is no program: not a regular file"),
            ("/", "is no program: not a regular file"),
            ("../pyvenv.cfg", "is no program"),
        ],
    )
    def test_what_is_no_program(self, target: str, fault: str, venv: Path) -> None:
        remove_interpreters(venv)
        (venv / "bin" / "python").symlink_to(target)
        assert told(read_environment(venv)) == [("not-an-environment", f"{venv}/bin/python {fault}")]

    def test_one_that_may_be_run_and_not_read_is_one(
        self, open_folder: Path, as_somebody: Callable[[], None]
    ) -> None:
        base = lay_out_python(open_folder / "base")
        venv = lay_out_venv(open_folder / "env", base)
        (base / "bin" / "python3.11").chmod(0o711)
        as_somebody()
        assert told(read_environment(venv)) == []


class TestAWholePythonThatCannotRun:
    @pytest.fixture
    def python(self, tmp_path: Path) -> Path:
        prefix = lay_out_python(tmp_path / "home" / ".pyenv" / "versions" / "3.11.7")
        write_dist_info(prefix / "lib/python3.11/site-packages", "gym", "1")
        return prefix

    @pytest.mark.parametrize(
        ("target", "kind", "fault"),
        [
            ("/dev/zero", "not-an-environment", "is no program: not a regular file"),
            ("../lib/python3.11/os.py", "not-an-environment", "is no program"),
            ("../run", "not-an-environment", "is a script: it may run any Python"),
            ("python", "base-missing", "is a link that leads to itself"),
            ("/nowhere", "base-missing", "leads to /nowhere, which is gone"),
        ],
    )
    def test_is_told_with_what_it_holds(
        self, target: str, kind: str, fault: str, python: Path, tmp_path: Path
    ) -> None:
        remove_interpreters(python)
        write_tree(python, {"run": "#!/bin/sh"})
        (python / "bin" / "python").symlink_to(target)
        (environment,) = scan_machine([tmp_path]).environments
        assert told(environment) == [(kind, f"{python}/bin/python {fault}")]
        assert told(read_environment(python)) == told(environment)
        assert (environment.record.kind, environment.record.path) == ("pyenv", str(python))
        assert environment.snapshot.interpreter.version == "3.11.7"
        assert [package.name for package in environment.snapshot.packages] == ["gym"]

    def test_by_the_path_of_its_interpreter_too(self, python: Path) -> None:
        program = python / "bin" / "python3.11"
        program.write_text("hello")
        assert told(read_environment(program)) == [("not-an-environment", f"{program} is no program")]
        program.unlink()
        program.symlink_to("/dev/null")
        fault = f"{program} is no program: not a regular file"
        assert told(read_environment(program)) == [("not-an-environment", fault)]

    def test_two_are_two(self, tmp_path: Path) -> None:
        for name in ("a", "b"):
            prefix = lay_out_python(tmp_path / name)
            remove_interpreters(prefix)
            (prefix / "bin" / "python").symlink_to("/dev/null")
        paths = [each.record.path for each in scan_machine([tmp_path]).environments]
        assert paths == [f"{tmp_path}/a", f"{tmp_path}/b"]

    def test_a_folder_without_a_standard_library_is_nothing(self, tmp_path: Path) -> None:
        write_tree(tmp_path / "tools", {"bin/python": "#!/bin/sh", "lib/python3.11/readme": ""})
        scan = scan_machine([tmp_path])
        assert (scan.environments, scan.is_incomplete) == ((), False)


class TestAPrefixOfCondasWithoutItsPython:
    @pytest.fixture
    def machine(self, tmp_path: Path) -> Machine:
        return Machine(tmp_path)

    def a_prefix(self, machine: Machine) -> Path:
        prefix = lay_out_conda(machine.home / "miniconda3" / "envs" / "rl")
        write_dist_info(prefix / "lib/python3.11/site-packages", "gym", "1")
        return prefix

    @pytest.mark.parametrize("names", ["python*", "python3.11", "*"])
    def test_is_told_as_an_environment_without_one_is(self, names: str, machine: Machine) -> None:
        prefix = self.a_prefix(machine)
        for path in (prefix / "bin").glob(names):
            path.unlink()
        if names == "*":
            (prefix / "bin").rmdir()
        (environment,) = machine.scan().environments
        assert (environment.record.kind, environment.record.names) == ("conda", ("conda:rl",))
        leads = f" leads to {prefix}/bin/python3.11, which" if names == "python3.11" else ""
        assert ("base-missing", f"{prefix}/bin/python{leads} is gone") in told(environment)
        snapshot = environment.snapshot
        assert snapshot.interpreter.version == "3.11.7"
        assert [package.name for package in snapshot.packages] == ["gym"]
        assert not machine.scan().is_incomplete

    def test_is_one_for_commands_and_the_walk_too(self, machine: Machine) -> None:
        prefix = self.a_prefix(machine).rename(machine.home / "mine")
        remove_interpreters(prefix)
        (prefix / "bin").rmdir()
        assert [each.record.path for each in scan_machine([machine.home]).environments] == [str(prefix)]
        choice = choose_environment(str(prefix), environ={}, cwd=machine.home)
        assert "base-missing" in {kind for kind, _ in told(read_environment(choice.path))}

    def test_without_a_record_of_python_it_is_none(self, machine: Machine) -> None:
        prefix = machine.home / "miniconda3" / "envs" / "r"
        write_tree(prefix, {"conda-meta/history": "", "conda-meta/python-dateutil-2.9.0-py_0.json": "{}"})
        write_tree(prefix, {"conda-meta/r-base-4.3.1-h1_0.json": "{}", "bin/R": ""})
        scan = machine.scan()
        assert scan.environments == ()
        assert not scan.is_incomplete

    def test_where_its_records_cannot_be_listed_nobody_can_tell(self, machine: Machine) -> None:
        prefix = machine.home / "miniconda3" / "envs" / "r"
        write_tree(prefix, {"bin/R": ""})
        (prefix / "conda-meta").symlink_to("conda-meta")
        assert machine.unread() == {"miniconda3/envs/r": "too many levels of symbolic links"}

    def test_pypy(self, machine: Machine) -> None:
        prefix = lay_out_python(machine.home / "miniconda3" / "envs" / "p", library="pypy3.9")
        write_tree(
            prefix, {"conda-meta/python-3.9.18-0_73_pypy.json": '{"name": "python", "version": "3.9.18"}'}
        )
        for python in (prefix / "bin").iterdir():
            python.unlink()
        (environment,) = machine.scan().environments
        assert environment.snapshot.interpreter.implementation == "PyPy"
        assert environment.snapshot.interpreter.version == "3.9.18"


class TestOnePathAndTheWalkAgree:
    """Whoever looks, and however he came upon it, is told the same."""

    @pytest.mark.parametrize(
        ("place", "mode"),
        [
            *(("pyvenv.cfg", 0), ("pyvenv.cfg", 0o600), ("bin", 0), ("bin", 0o444), ("lib", 0)),
            *(("lib/python3.11/site-packages", 0), (".", 0o311)),
        ],
    )
    @pytest.mark.parametrize("owner", [65534, 65533])
    def test_on_what_is_closed(
        self, owner: int, place: str, mode: int, open_folder: Path, as_somebody: Callable[[], None]
    ) -> None:
        venv = lay_out_venv(open_folder / "env", lay_out_python(open_folder / "base"))
        if os.geteuid() == 0:
            for path in [venv, *venv.rglob("*")]:
                os.lchown(path, owner, owner)
        (venv / place).chmod(mode)
        as_somebody()
        walked = {each.record.path: each for each in scan_machine([open_folder]).environments}
        (named,) = scan_paths([venv]).environments
        assert named == walked[str(venv)]

    def test_on_a_folder_that_nobody_may_enter(
        self, open_folder: Path, as_somebody: Callable[[], None]
    ) -> None:
        venv = lay_out_venv(open_folder / "env", lay_out_python(open_folder / "base"))
        venv.chmod(0)
        as_somebody()
        (unread,) = scan_machine([open_folder]).unread
        assert (unread.path, unread.reason) == (str(venv), "permission denied")
        for path in (venv, venv / "bin" / "python"):
            with pytest.raises(InventoryError, match="cannot be read: permission denied") as caught:
                scan_paths([path])
            assert caught.value.where == str(venv)
        with pytest.raises(InventoryError, match="permission denied"):
            read_environment(choose_environment(str(venv), environ={}, cwd=open_folder).path)
