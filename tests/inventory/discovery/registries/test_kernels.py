from __future__ import annotations

import pytest

from tests.builders.environments import write_tree
from tests.builders.homes import Machine
from tests.builders.places import add_kernel


def test_a_kernel_of_mine_leads_to_its_environment_and_names_it(machine: Machine) -> None:
    venv = machine.venv(machine.elsewhere / "rl")
    add_kernel(machine.home / ".local", "rl", f"{venv}/bin/python")
    assert machine.found() == {venv: ("venv", "kernel:rl")}


def test_a_kernel_for_all_does(machine: Machine) -> None:
    venv = machine.venv(machine.elsewhere / "rl")
    add_kernel(machine.root / "usr" / "local", "rl", f"{venv}/bin/python")
    assert machine.found() == {venv: ("venv", "kernel:rl")}


@pytest.mark.parametrize(
    ("variable", "value", "place"),
    [
        ("JUPYTER_PATH", "/nowhere:{}/j", "j/kernels"),
        ("JUPYTER_DATA_DIR", "{}/j", "j/kernels"),
        ("XDG_DATA_HOME", "{}/j", "j/jupyter/kernels"),
    ],
)
def test_variables_lead_elsewhere(variable: str, value: str, place: str, machine: Machine) -> None:
    venv = machine.venv(machine.elsewhere / "rl")
    add_kernel(machine.elsewhere / "made", "rl", f"{venv}/bin/python")
    target = machine.elsewhere / place
    target.parent.mkdir(parents=True)
    (machine.elsewhere / "made/share/jupyter/kernels").rename(target)
    assert machine.found(**{variable: value.format(machine.elsewhere)}) == {venv: ("venv", "kernel:rl")}


def test_a_bare_python_in_an_environment_is_its_own(machine: Machine) -> None:
    venv = machine.venv(machine.home / "rl")
    add_kernel(venv, "python3", "python")
    assert machine.found() == {venv: ("venv", "kernel:python3")}


def test_a_bare_python_of_mine_is_the_one_on_my_path(machine: Machine) -> None:
    venv = machine.venv(machine.elsewhere / "rl")
    add_kernel(machine.home / ".local", "mine", "python")
    assert machine.found(PATH=f"/nowhere:{venv}/bin") == {venv: ("venv", "kernel:mine")}
    assert machine.found() == {}


def test_an_environments_kernel_may_lead_to_another(machine: Machine) -> None:
    first, other = machine.venv(machine.home / "rl"), machine.venv(machine.elsewhere / "other")
    add_kernel(first, "other", f"{other}/bin/python")
    assert machine.found() == {first: ("venv",), other: ("venv", "kernel:other")}


def test_two_kernels_of_one_environment_are_two_names(machine: Machine) -> None:
    venv = machine.venv(machine.elsewhere / "rl")
    for name in ("b", "a"):
        add_kernel(machine.home / ".local", name, f"{venv}/bin/python")
    assert machine.found() == {venv: ("venv", "kernel:a", "kernel:b")}


@pytest.mark.parametrize(
    "text",
    [
        *("{}", '{"argv": []}', '{"argv": ["R", "--slave"]}', '{"argv": ["./bin/python"]}'),
        *('{"argv": ["/gone/bin/python"]}', '{"argv": ["/x\\u0000/python"]}'),
    ],
)
def test_what_is_no_kernel_of_pythons_is_passed_over(text: str, machine: Machine) -> None:
    write_tree(machine.home, {".local/share/jupyter/kernels/x/kernel.json": text})
    assert machine.found() == {}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"argv": "python"}', b'{"argv": [1]}', b'{"argv": ["\xff"]}', b"[" * 99999],
    ids=["empty", "open", "list", "text", "number", "bytes", "deep"],
)
def test_what_is_no_kernel_at_all_is_told(content: bytes, machine: Machine) -> None:
    place = ".local/share/jupyter/kernels/x/kernel.json"
    write_tree(machine.home, {place: ""})
    (machine.home / place).write_bytes(content)
    assert machine.unread() == {place: "not a kernel's JSON"}


def test_a_file_among_the_kernels_is_nothing(machine: Machine) -> None:
    write_tree(machine.home, {".local/share/jupyter/kernels/README": ""})
    assert machine.found() == {}
