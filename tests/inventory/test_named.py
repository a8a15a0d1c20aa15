"""Environments by name, where not everything can be asked or read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from envguard.errors import InventoryError
from envguard.inventory.discovery.mounts import Answers, Mount, Mounts
from envguard.inventory.discovery.sight import Eye, Notes
from envguard.inventory.layout import locate
from envguard.inventory.named import place_named
from envguard.inventory.names import names_of
from tests.builders.environments import write_tree
from tests.builders.homes import Machine
from tests.builders.places import add_kernel, lay_out_conda


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def an_eye(*silent: Path) -> Eye:
    """What these hold would only be mounted by asking."""
    mounts = {str(place): Mount(str(place), "autofs", "x") for place in silent}
    return Eye(Answers(Mounts({"/": Mount("/", "ext4", "x"), **mounts}), within_s=1), Notes())


def named(name: str, machine: Machine, eye: Eye, **environ: str) -> str:
    return place_named(name, {"HOME": str(machine.home), **environ}, None, eye, str(machine.root))


def test_what_does_not_answer_is_not_asked_and_that_is_said(machine: Machine) -> None:
    silent = machine.elsewhere / "silent"
    lay_out_conda(silent / "envs" / "rl")
    with pytest.raises(InventoryError, match=f"unread: {silent}/envs: its file system does not answer"):
        named("conda:rl", machine, an_eye(silent), CONDA_ENVS_PATH=f"{silent}/envs")


def test_what_is_registered_where_nothing_answers_is_not_asked(machine: Machine) -> None:
    venv = machine.venv(machine.elsewhere / "rl")
    add_kernel(machine.home / ".local", "rl", f"{venv}/bin/python")
    assert named("kernel:rl", machine, an_eye()) == f"{venv}/bin/python"
    with pytest.raises(InventoryError, match="does not answer") as caught:
        named("kernel:rl", machine, an_eye(venv))
    assert caught.value.where == f"{venv}/bin/python"


def test_a_name_that_is_not_found_where_not_all_was_read_may_exist(machine: Machine) -> None:
    place = ".local/share/jupyter/kernels/lab/kernel.json"
    write_tree(machine.home, {place: "{"})
    with pytest.raises(
        InventoryError, match=r"no environment of this name: `kernel:rl`; unread: .*not a kernel"
    ):
        named("kernel:rl", machine, an_eye())


def test_a_kernel_that_cannot_be_read_does_not_make_way_for_another_of_its_name(machine: Machine) -> None:
    venv = machine.venv(machine.elsewhere / "rl")
    add_kernel(machine.root / "usr", "rl", f"{venv}/bin/python")
    write_tree(machine.home, {".local/share/jupyter/kernels/other/kernel.json": "{"})
    assert named("kernel:rl", machine, an_eye()) == f"{venv}/bin/python"
    write_tree(machine.home, {".local/share/jupyter/kernels/rl/kernel.json": "{"})
    with pytest.raises(InventoryError, match="`kernel:rl` cannot be read: not a kernel's JSON") as caught:
        named("kernel:rl", machine, an_eye())
    assert caught.value.where == str(machine.home / ".local/share/jupyter/kernels/rl/kernel.json")


def test_a_closed_environment_is_not_said_to_be_absent(
    open_folder: Path, as_somebody: Callable[[], None]
) -> None:
    machine = Machine(open_folder)
    prefix = lay_out_conda(machine.home / ".conda" / "envs" / "rl")
    add_kernel(machine.home / ".local", "rl", f"{prefix}/bin/python")
    prefix.chmod(0)
    as_somebody()
    for name in ("conda:rl", "kernel:rl"):
        with pytest.raises(InventoryError, match=rf"{prefix}.*: .*permission denied"):
            named(name, machine, an_eye())


def test_the_names_of_an_environment_are_asked_of_nobody_who_does_not_answer(machine: Machine) -> None:
    venv = machine.venv(machine.elsewhere / "rl")
    silent = machine.root / "usr"
    add_kernel(silent, "rl", f"{venv}/bin/python")
    assert names_of(locate(str(venv)), an_eye(), str(machine.root)) == ("kernel:rl",)
    eye = an_eye(silent)
    assert names_of(locate(str(venv)), eye, str(machine.root)) == ()
    assert str(silent / "share/jupyter/kernels") in eye.notes.unread
