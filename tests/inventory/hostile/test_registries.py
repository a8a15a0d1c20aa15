"""Whatever lies where a tool writes down its environments: the scan ends, finds the rest, is not whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from envguard.inventory import scan_machine
from envguard.inventory.discovery.host import Host
from envguard.inventory.discovery.mounts import Mount, Mounts
from envguard.inventory.discovery.people import Person
from tests.builders.environments import write_tree
from tests.builders.homes import Machine
from tests.builders.places import add_kernel, lay_out_python, lay_out_venv
from tests.cli.conftest import Envguard
from tests.inventory.hostile.sick import KINDS, a_process, fifo, loop, soon

KERNEL = ".local/share/jupyter/kernels/x/kernel.json"
FILES = [
    *(".conda/environments.txt", ".condarc", ".mambarc", ".config/conda/.condarc", KERNEL),
    *(".config/pypoetry/config.toml", ".config/hatch/config.toml", ".config/pdm/config.toml"),
]
FOLDERS = [
    *(".pyenv/versions", ".local/pipx/venvs", ".local/share/pipx/venvs", ".local/share/uv/tools"),
    *(".local/share/uv/python", ".cache/pypoetry/virtualenvs", ".local/share/hatch/env/virtual"),
    *(".local/share/pdm/venvs", ".local/share/virtualenvs", ".virtualenvs", ".conda/envs"),
    *("miniconda3/envs", ".local/share/jupyter/kernels", ".local/share/jupyter/kernels/x"),
]
SOMEBODY = 65534
as_superuser = pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser reads for others")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def open_machine(open_folder: Path) -> Machine:
    machine = Machine(open_folder)
    for path in (machine.home, *machine.home.parents):
        if path != open_folder.parent and open_folder in (path, *path.parents):
            path.chmod(0o755)
    return machine


def put(home: Path, place: str, make: Callable[[Path], None]) -> None:
    (home / place).parent.mkdir(parents=True, exist_ok=True)
    make(home / place)


def closed_file(path: Path) -> None:
    path.write_text("")
    path.chmod(0)


def closed_folder(path: Path) -> None:
    path.mkdir()
    path.chmod(0)


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("place", FILES)
def test_a_file_that_cannot_be_read_is_told(
    place: str, make: Callable[[Path], None], machine: Machine
) -> None:
    venv = machine.venv(machine.home / "rl" / ".venv")
    put(machine.home, place, make)
    with soon():
        scan = machine.scan()
    assert [each.record.path for each in scan.environments] == [str(venv)]
    # What the kernel tells of a process is a list, or a .condarc, that says nothing, if it is not too long.
    is_readable = make is a_process and ("conda" in place or "mamba" in place)
    unread = {each.path for each in scan.unread}
    assert unread == {str(machine.home / place)} or (is_readable and not unread)
    assert scan.is_incomplete is bool(unread)


@pytest.mark.parametrize("place", FOLDERS)
def test_a_folder_that_leads_to_itself_is_told(place: str, machine: Machine) -> None:
    put(machine.home, place, loop)
    assert machine.unread() == {place: "too many levels of symbolic links"}


@pytest.mark.parametrize("place", [*FILES, *FOLDERS])
def test_what_is_not_there_is_nothing(place: str, machine: Machine) -> None:
    put(machine.home, place, lambda path: path.symlink_to("gone"))
    assert machine.unread() == {}


@pytest.mark.parametrize("place", [place for place in FOLDERS if not place.startswith("miniconda3")])
def test_a_file_where_a_tool_has_a_folder_is_nothing(place: str, machine: Machine) -> None:
    put(machine.home, place, fifo)
    assert machine.unread() == {}


@pytest.mark.parametrize(
    ("place", "make"),
    [*((place, closed_file) for place in FILES), *((place, closed_folder) for place in FOLDERS)],
)
def test_what_is_closed_is_told(
    place: str, make: Callable[[Path], None], open_machine: Machine, as_somebody: Callable[[], None]
) -> None:
    put(open_machine.home, place, make)
    as_somebody()
    assert open_machine.unread() == {place: "permission denied"}


def test_of_a_closed_folder_only_itself_is_told(
    open_machine: Machine, as_somebody: Callable[[], None]
) -> None:
    for place in FOLDERS:
        (open_machine.home / place).mkdir(parents=True)
    (open_machine.home / ".local").chmod(0)
    as_somebody()
    assert open_machine.unread() == {".local": "permission denied"}


@pytest.mark.parametrize("name", ["black", "shared"])
def test_an_environment_that_leads_to_itself_is_told(name: str, machine: Machine) -> None:
    place = f".local/share/pipx/{'venvs/' if name == 'black' else ''}{name}"
    put(machine.home, place, loop)
    assert machine.unread() == {place: "too many levels of symbolic links"}


def test_outside_of_the_roots_it_is_nothing_to_tell(machine: Machine) -> None:
    put(machine.home, ".condarc", fifo)
    person = Person(machine.home.stat().st_uid, str(machine.home))
    host = Host(people=(person,), root=str(machine.root))
    machine.elsewhere.mkdir()
    assert scan_machine([machine.elsewhere], host=host).unread == ()
    assert [each.path for each in scan_machine([machine.home], host=host).unread] == [
        str(machine.home / ".condarc")
    ]


@as_superuser
def test_a_link_to_what_only_the_superuser_may_read_is_not_read_for_its_owner(open_machine: Machine) -> None:
    venv = open_machine.venv(open_machine.elsewhere / "rl")
    secret = open_machine.elsewhere / "secret"
    secret.write_text(f"{venv}\n")
    secret.chmod(0o600)
    put(open_machine.home, ".conda/environments.txt", lambda path: path.symlink_to(secret))
    os.chown(open_machine.home / ".conda", SOMEBODY, SOMEBODY)
    assert open_machine.unread() == {".conda/environments.txt": "permission denied"}
    assert open_machine.scan().environments == ()


def test_what_others_keep_closed_on_a_network_is_theirs_to_scan(
    open_machine: Machine, open_folder: Path, as_somebody: Callable[[], None]
) -> None:
    """There the superuser is nobody, and may not see into what his own machines' people have."""
    theirs = open_folder / "home" / "bob"
    lay_out_venv(theirs / ".virtualenvs/rl", lay_out_python(open_folder / "other"))
    put(theirs, ".condarc", closed_file)
    put(theirs, ".local", closed_folder)
    mounts = Mounts({"/": Mount("/", "ext4", "x"), str(theirs): Mount(str(theirs), "nfs4", "host:/bob")})
    people = (Person(SOMEBODY, str(open_machine.home)), Person(1, str(theirs)))
    as_somebody()
    host = Host(people=people, mounts=mounts, root=str(open_machine.root), is_superuser=True)
    scan = scan_machine(host=host)
    assert [each.record.path for each in scan.environments] == [str(theirs / ".virtualenvs/rl")]
    assert not scan.is_incomplete
    assert {str(theirs / ".condarc"), str(theirs / ".local")} < {each.path for each in scan.passed_over}
    assert {each.path for each in scan_machine([theirs], host=host).unread} == {
        str(theirs / ".condarc"),
        str(theirs / ".local"),
    }


def test_a_kernel_that_cannot_be_read_is_told_of_a_given_path_too(env: Path, envguard: Envguard) -> None:
    kernel = add_kernel(env, "rl", "python") / "kernel.json"
    document = envguard("scan", env, "--json", HOME=str(env.parent)).json()
    assert (document["incomplete"], document["environments"][0]["names"]) == (False, ["kernel:rl"])
    kernel.write_text("{")
    document = envguard("scan", env, "--json", HOME=str(env.parent)).json()
    assert document["unread"] == [{"path": str(kernel), "reason": "not a kernel's JSON"}]
    assert document["incomplete"]


def test_a_check_of_all_is_undecided(tmp_path: Path, envguard: Envguard) -> None:
    home = tmp_path / "home"
    write_tree(home, {KERNEL: "{", ".config/pdm/config.toml": "["})
    fifo(home / ".condarc")
    run = envguard("check", "--all", HOME=str(home), XDG_CONFIG_HOME=str(home / ".config"))
    assert run.code == 3
    for place, reason in (
        (KERNEL, "not a kernel's JSON"),
        (".config/pdm/config.toml", "not TOML"),
        (".condarc", "not a regular file"),
    ):
        assert f"unread: {home / place}: {reason}\n" in run.err
