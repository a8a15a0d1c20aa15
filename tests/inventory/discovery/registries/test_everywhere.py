"""What tools registered for a person: laid out as they do, told by default or by their settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envguard.domain.environment import Scan
from envguard.inventory import scan_machine
from envguard.inventory.discovery.host import Host
from envguard.inventory.discovery.mounts import Mount, Mounts
from envguard.inventory.discovery.people import Person
from envguard.inventory.discovery.registries.interface import NAMES_CAP, names_in
from tests.builders.environments import write_tree
from tests.builders.guides import Listener
from tests.builders.homes import Machine
from tests.builders.places import add_kernel, lay_out_conda, lay_out_python

UV = "uv = 0.5.1"


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        (".cache/pypoetry/virtualenvs/rl-xJpTpEax-py3.11", "poetry"),
        (".local/share/virtualenvs/rl", "venv"),
        (".virtualenvs/rl", "venv"),
        (".local/share/hatch/env/virtual/rl/Msz1wr4o/rl", "hatch"),
        (".local/share/pdm/venvs/rl-V02Q_5O_-3.11", "pdm"),
        (".local/share/pipx/venvs/black", "pipx"),
        (".local/share/pipx/shared", "pipx"),
        (".local/pipx/venvs/black", "pipx"),
        (".local/share/uv/tools/ruff", "uv-tool"),
        (".pyenv/versions/3.11.7/envs/rl", "pyenv"),
    ],
)
def test_the_usual_places_are_known(place: str, kind: str, machine: Machine) -> None:
    venv = machine.venv(machine.home / place)
    assert machine.found() == {venv: (kind,)}


@pytest.mark.parametrize(
    ("variable", "value", "place", "kind"),
    [
        ("POETRY_VIRTUALENVS_PATH", "v", "v/rl-xJpTpEax-py3.11", "poetry"),
        ("POETRY_CACHE_DIR", "c", "c/virtualenvs/rl", "poetry"),
        ("XDG_CACHE_HOME", "c", "c/pypoetry/virtualenvs/rl", "poetry"),
        ("WORKON_HOME", "w", "w/rl", "venv"),
        ("XDG_DATA_HOME", "d", "d/virtualenvs/rl", "venv"),
        ("HATCH_DATA_DIR", "h", "h/env/virtual/rl/Msz1wr4o/rl", "hatch"),
        ("PDM_VENV_LOCATION", "p", "p/rl-V02Q_5O_-3.11", "pdm"),
        ("PIPX_HOME", "x", "x/venvs/black", "pipx"),
        ("XDG_DATA_HOME", "d", "d/pipx/venvs/black", "pipx"),
        ("UV_TOOL_DIR", "t", "t/ruff", "uv-tool"),
        ("XDG_DATA_HOME", "d", "d/uv/tools/ruff", "uv-tool"),
        ("PYENV_ROOT", "pyenv", "pyenv/versions/3.11.7/envs/rl", "venv"),
    ],
)
def test_variables_lead_elsewhere(variable: str, value: str, place: str, kind: str, machine: Machine) -> None:
    venv = machine.venv(machine.elsewhere / place)
    assert machine.found(**{variable: str(machine.elsewhere / value)}) == {venv: (kind,)}
    assert machine.found() == {}


@pytest.mark.parametrize(
    ("file", "text", "place", "kind"),
    [
        (".config/pypoetry/config.toml", '[virtualenvs]\npath = "{}/v"', "v/rl", "poetry"),
        (".config/pypoetry/config.toml", 'cache-dir = "{}/c"', "c/virtualenvs/rl", "poetry"),
        (
            ".config/pypoetry/config.toml",
            'cache-dir = "{}/c"\n[virtualenvs]\npath = "{{cache-dir}}/v"',
            "c/v/rl",
            "poetry",
        ),
        (".config/hatch/config.toml", '[dirs.env]\nvirtual = "{}/h"', "h/rl/Msz1wr4o/rl", "hatch"),
        (".config/pdm/config.toml", '[venv]\nlocation = "{}/p"', "p/rl", "pdm"),
    ],
)
def test_settings_lead_elsewhere(file: str, text: str, place: str, kind: str, machine: Machine) -> None:
    write_tree(machine.home, {file: text.format(machine.elsewhere)})
    venv = machine.venv(machine.elsewhere / place)
    assert machine.found() == {venv: (kind,)}


TOOLS = ("pypoetry", "hatch", "pdm")


@pytest.mark.parametrize("text", ["", "[virtualenvs]\npath = 3", "virtualenvs = []"])
def test_settings_of_another_shape_are_no_settings(text: str, machine: Machine) -> None:
    for tool in TOOLS:
        write_tree(machine.home, {f".config/{tool}/config.toml": text})
    assert machine.found() == {}


@pytest.mark.parametrize(
    "text",
    ["not TOML", "a=" + "[" * 9999, "path = '\udcff'", "a" + ".a" * 32_000 + " = 1"],
    ids=["text", "deep", "bytes", "long key"],
)
def test_settings_that_are_broken_are_told(text: str, machine: Machine) -> None:
    for tool in TOOLS:
        write_tree(machine.home, {f".config/{tool}/config.toml": ""})
        (machine.home / f".config/{tool}/config.toml").write_bytes(os.fsencode(text))
    assert machine.unread() == {f".config/{tool}/config.toml": "not TOML" for tool in TOOLS}


def test_uvs_pythons_are_found_and_pyenvs_by_their_links(machine: Machine) -> None:
    name = "cpython-3.11.7-linux-x86_64-gnu"
    python = lay_out_python(machine.elsewhere / "python" / name)
    version = lay_out_python(machine.home / ".pyenv/versions/3.12.1", "3.12.1")
    link = machine.home / ".pyenv/versions/rl"
    link.symlink_to(machine.venv(version / "envs" / "rl"))
    found = machine.found(UV_PYTHON_INSTALL_DIR=str(machine.elsewhere / "python"))
    assert found == {python: ("uv-python",), version: ("pyenv",), version / "envs" / "rl": ("pyenv",)}


def test_a_folder_that_is_made_to_keep_a_scan_busy_is_cut_off(machine: Machine) -> None:
    kernels = machine.home / ".local/share/jupyter/kernels"
    kernels.mkdir(parents=True)
    for number in range(NAMES_CAP + 10):
        (kernels / str(number)).symlink_to("x")
    guide = Listener()
    assert len(names_in(str(kernels), guide)) == NAMES_CAP
    assert guide.unread == {str(kernels): f"more than {NAMES_CAP} entries"}


def test_other_peoples_environments_are_not_where_my_variables_say(machine: Machine) -> None:
    bob = machine.home.parent / "bob"
    mine = machine.venv(machine.elsewhere / "venvs" / "black")
    his = machine.venv(bob / ".local/share/pipx/venvs/ruff")
    people = (
        Person(machine.home.stat().st_uid, str(machine.home), {"PIPX_HOME": str(machine.elsewhere)}),
        Person(1, str(bob)),
    )
    scan = scan_machine(host=Host(people=people, root=str(machine.root)))
    assert [each.record.path for each in scan.environments] == [str(mine), str(his)]


class TestPlacesThatCannotBeAsked:
    """A setting, a kernel or a process may name what lies on a mount that would only be made by asking."""

    @pytest.fixture
    def closed(self, machine: Machine) -> Path:
        folder = machine.elsewhere / "closed"
        folder.mkdir(parents=True)
        return folder

    def scan(self, machine: Machine, closed: Path, *roots: Path, **environ: str) -> Scan:
        mounts = Mounts({"/": Mount("/", "ext4", "x"), str(closed): Mount(str(closed), "autofs", "x")})
        person = Person(machine.home.stat().st_uid, str(machine.home), environ)
        host = Host(people=(person,), mounts=mounts, root=str(machine.root))
        return scan_machine(roots or None, host=host)

    @pytest.mark.parametrize(
        ("variable", "inside"),
        [
            ("CONDA_ENVS_PATH", "rl"),
            ("WORKON_HOME", "rl"),
            ("POETRY_VIRTUALENVS_PATH", "rl"),
            ("PDM_VENV_LOCATION", "rl"),
            ("UV_TOOL_DIR", "rl"),
        ],
    )
    def test_folders_of_environments_are_not_listed(
        self, variable: str, inside: str, machine: Machine, closed: Path
    ) -> None:
        lay_out_conda(closed / "envs" / inside)
        scan = self.scan(machine, closed, **{variable: f"{closed}/envs"})
        assert [place.path for place in scan.unread] == [f"{closed}/envs"]
        assert scan.is_incomplete

    def test_outside_of_the_roots_they_are_nothing_to_tell(self, machine: Machine, closed: Path) -> None:
        scan = self.scan(machine, closed, machine.home, CONDA_ENVS_PATH=f"{closed}/envs")
        assert not scan.is_incomplete

    def test_nor_are_folders_of_kernels(self, machine: Machine, closed: Path) -> None:
        venv = machine.venv(machine.elsewhere / "rl")
        add_kernel(closed, "rl", f"{venv}/bin/python")
        scan = self.scan(machine, closed, JUPYTER_PATH=f"{closed}/share/jupyter")
        assert scan.environments == ()
        assert [place.path for place in scan.unread] == [f"{closed}/share/jupyter/kernels"]

    def test_nor_are_linked_kernels_read(self, machine: Machine, closed: Path) -> None:
        venv = machine.venv(machine.elsewhere / "rl")
        kernel = add_kernel(closed, "rl", f"{venv}/bin/python")
        own = machine.home / ".local/share/jupyter/kernels"
        own.mkdir(parents=True)
        (own / "rl").symlink_to(kernel)
        assert self.scan(machine, closed).environments == ()

    def test_nor_is_a_python_looked_for_along_the_path(self, machine: Machine, closed: Path) -> None:
        machine.venv(closed / "rl")
        venv = machine.venv(machine.elsewhere / "rl")
        add_kernel(machine.home / ".local", "mine", "python")
        scan = self.scan(machine, closed, PATH=f"{closed}/rl/bin:{venv}/bin")
        assert [each.record.path for each in scan.environments] == [str(venv)]

    def test_nor_are_settings_read(self, machine: Machine, closed: Path) -> None:
        venv = machine.venv(machine.elsewhere / "v" / "rl")
        write_tree(closed, {"config.toml": f'[virtualenvs]\npath = "{venv.parent}"'})
        write_tree(closed, {"condarc": f"envs_dirs: [{venv.parent}]"})
        scan = self.scan(machine, closed, POETRY_CONFIG_DIR=str(closed), CONDARC=f"{closed}/condarc")
        assert scan.environments == ()
        assert {place.path for place in scan.unread} == {f"{closed}/config.toml", f"{closed}/condarc"}

    def test_they_are_told_before_they_are_asked_and_left_out_if_that_hung(self, machine: Machine) -> None:
        folder = machine.elsewhere / "envs"
        prefix = lay_out_conda(folder / "rl")
        person = Person(machine.home.stat().st_uid, str(machine.home), {"CONDA_ENVS_PATH": str(folder)})
        host = Host(people=(person,), root=str(machine.root))
        heard: list[str] = []
        scan_machine(host=host, progress=heard.append)
        assert heard.index(str(folder)) < heard.index(str(prefix))
        scan = scan_machine(host=host, avoid=[str(folder)])
        assert scan.environments == ()
        assert [place.path for place in scan.unread] == [str(folder)]


def test_places_of_hatch_that_keep_a_scan_busy_are_cut_off_and_told(machine: Machine) -> None:
    folder = machine.home / ".local/share/hatch/env/virtual"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        for number in range(NAMES_CAP // 2 + 1):
            (folder / name / str(number)).touch()
    assert machine.unread() == {
        ".local/share/hatch/env/virtual": f"more than {NAMES_CAP} entries in its folders"
    }
