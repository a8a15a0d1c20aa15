from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from envguard.inventory import scan_machine
from envguard.inventory.discovery.host import Host
from envguard.inventory.discovery.registries.processes import Running, candidates_of, prefixes_mapped, running
from tests.builders.guides import Listener
from tests.builders.places import lay_out_python, lay_out_venv


def a_process(executable: Path | str, command: Path | str, **fields: object) -> Running:
    told = {"folder": "/", "path": "", "mapped": (), **fields}
    return Running(executable=str(executable), command=str(command), **told)  # type: ignore[arg-type]  # the caller's words


def paths_of(*processes: Running) -> list[str]:
    return [candidate.path for candidate in candidates_of(processes, Listener())]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return lay_out_python(tmp_path / "base")


@pytest.fixture
def venv(base: Path, tmp_path: Path) -> Path:
    return lay_out_venv(tmp_path / "venv", base)


def test_a_linked_environments_process_is_told_by_its_command(base: Path, venv: Path) -> None:
    process = a_process(base / "bin" / "python3.11", venv / "bin" / "python")
    assert paths_of(process) == [f"{venv}/bin/python"]


def test_a_bare_command_is_resolved_by_the_processs_own_path(base: Path, venv: Path) -> None:
    process = a_process(base / "bin" / "python3.11", "python", path=f"/nowhere:{venv}/bin")
    assert paths_of(process) == [f"{venv}/bin/python"]


def test_a_relative_command_is_resolved_by_the_processs_own_folder(base: Path, venv: Path) -> None:
    by_folder = a_process(base / "bin" / "python3.11", "bin/python", folder=str(venv))
    by_path = a_process(base / "bin" / "python3.11", "python", folder=str(venv), path="bin")
    assert paths_of(by_folder, by_path) == [f"{venv}/bin/python"]


@pytest.mark.parametrize("command", ["", "ray::worker", "/usr/sbin/nginx: master", "./gone/python"])
def test_a_title_that_a_process_gave_itself_is_no_evidence(command: str, base: Path) -> None:
    executable = base / "bin" / "python3.11"
    assert paths_of(a_process(executable, command)) == [str(executable)]


def test_a_command_that_leads_to_another_python_is_no_evidence(
    base: Path, venv: Path, tmp_path: Path
) -> None:
    other = lay_out_python(tmp_path / "other") / "bin" / "python3.11"
    assert paths_of(a_process(other, venv / "bin" / "python")) == [str(other)]


def test_where_a_command_leads_is_not_asked_of_what_does_not_answer(base: Path, venv: Path) -> None:
    executable = base / "bin" / "python3.11"
    for command, path in ((f"{venv}/bin/python", ""), ("python", f"{venv}/bin")):
        asked: list[str] = []

        def may_ask(path: str, asked: list[str] = asked) -> bool:
            asked.append(path)
            return not path.startswith(str(venv))

        process = a_process(executable, command, path=path)
        assert [each.path for each in candidates_of([process], Listener(may_ask))] == [str(executable)]
        assert asked == [f"{venv}/bin/python"]


def test_compiled_modules_tell_the_environment(base: Path, venv: Path) -> None:
    process = a_process(base / "bin" / "python3.11", "title", mapped=(str(venv),))
    assert paths_of(process) == [str(base / "bin" / "python3.11"), str(venv)]
    assert paths_of(a_process("/usr/sbin/uwsgi", "uwsgi", mapped=(str(venv),))) == [str(venv)]


def test_an_executable_that_was_replaced_meanwhile_is_known_by_its_place(base: Path) -> None:
    executable = base / "bin" / "python3.11"
    assert paths_of(a_process(f"{executable} (deleted)", "title")) == [str(executable)]


def test_other_programs_tell_nothing() -> None:
    assert paths_of(a_process("/usr/sbin/nginx", "/usr/sbin/nginx"), a_process("/bin/pythonista", "x")) == []


def test_maps_are_read_as_the_kernel_writes_them() -> None:
    lines = [
        b"55d0-55d1 r--p 00000000 fe:00 1     /usr/bin/python3.11",
        b"7f00-7f01 r-xp 00000000 fe:00 2     /home/ann/my env/lib/python3.11/site-packages/numpy/core/_m.so",
        b"7f01-7f02 r-xp 00000000 fe:00 3  /o/lib64/python3.13t/site-packages/a.cpython-313t.so.1 (deleted)",
        b"7f02-7f03 r-xp 00000000 fe:00 4     /p/lib/python3.11/lib-dynload/_json.so",
        b"7f03-7f04 rw-p 00000000 00:00 0     [heap]",
        b"7f04-7f05 rw-p 00000000 00:00 0 ",
    ]
    assert prefixes_mapped(b"\n".join(lines)) == ("/home/ann/my env", "/o")


@contextmanager
def waiting(python: Path, **environ: str) -> Iterator[int]:
    """A process of this interpreter that runs until the end of the block."""
    program = "import sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [python.name, "-c", program],
        executable=python,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PATH": str(python.parent), **environ},
        cwd="/",
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def test_a_real_process_in_an_environment_made_with_links_is_found(
    empty_of: Callable[[str], Path], tmp_path: Path
) -> None:
    venv, inherited = tmp_path / "venv", tmp_path / "inherited"
    shutil.copytree(empty_of("3.11"), venv, symlinks=True)
    shutil.copytree(empty_of("3.11"), inherited, symlinks=True)
    with waiting(venv / "bin" / "python", VIRTUAL_ENV=str(inherited)):
        host = Host(people=(), processes=running, root=str(tmp_path / "root"))
        found = {each.record.path for each in scan_machine(host=host).environments}
        assert str(venv) in found
        assert str(inherited) not in found
        limited = scan_machine([tmp_path / "root"], host=host)
        assert limited.environments == ()


def test_processes_that_may_not_be_looked_into_are_passed_over(as_somebody: Callable[[], None]) -> None:
    if os.geteuid() != 0:
        pytest.skip("only the superuser has processes that another may not look into")
    as_somebody()
    assert all(isinstance(process, Running) for process in running())
