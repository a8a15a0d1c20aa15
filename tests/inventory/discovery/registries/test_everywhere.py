"""What tools registered for a person: laid out as they do, told by default or by their settings."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from envguard.domain.environment import Scan
from envguard.inventory import scan_machine
from envguard.inventory.discovery.host import Host
from envguard.inventory.discovery.mounts import Mount, Mounts
from envguard.inventory.discovery.people import Person
from envguard.inventory.discovery.registries.interface import NAMES_CAP, anywhere, names_in
from tests.builders.environments import write_tree
from tests.builders.places import add_kernel, lay_out_conda, lay_out_python, lay_out_venv

UV = "uv = 0.5.1"


class Machine:
    """A machine of its own in a folder: a person, a root of the file system, and a Python to borrow from."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home" / "ann"
        self.root = folder / "root"
        self.elsewhere = folder / "elsewhere"
        self.home.mkdir(parents=True)
        self.base = lay_out_python(folder / "base")

    def venv(self, folder: Path, *lines: str) -> Path:
        return lay_out_venv(folder, self.base, *lines)

    def found(self, **environ: str) -> dict[Path, tuple[str, ...]]:
        """Kind and names of what is found, by its folder, with these variables."""
        person = Person(self.home.stat().st_uid, str(self.home), environ)
        scan = scan_machine(host=Host(people=(person,), root=str(self.root)))
        assert not scan.is_incomplete
        return {Path(each.record.path): (each.record.kind, *each.record.names) for each in scan.environments}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


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


@pytest.mark.parametrize(
    "text", ["not TOML", "[virtualenvs]\npath = 3", "virtualenvs = []", "a=" + "[" * 9999]
)
def test_settings_that_are_broken_are_no_settings(text: str, machine: Machine) -> None:
    for tool in ("pypoetry", "hatch", "pdm"):
        write_tree(machine.home, {f".config/{tool}/config.toml": text})
    assert machine.found() == {}


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
    assert len(names_in(str(kernels), anywhere)) == NAMES_CAP


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


class TestConda:
    def test_its_list_is_read_with_stale_lines(self, machine: Machine) -> None:
        prefix = lay_out_conda(machine.elsewhere / "rl")
        lines = ["/gone", "", "relative", str(prefix), f"{prefix}\0", f"  {machine.elsewhere} "]
        write_tree(machine.home, {".conda/environments.txt": "\n".join(lines)})
        assert machine.found() == {prefix: ("conda",)}

    @pytest.mark.parametrize(
        ("place", "names"),
        [
            ("miniconda3", ()),
            ("miniforge3/envs/rl", ("conda:rl",)),
            (".conda/envs/rl", ("conda:rl",)),
            ("micromamba/envs/rl", ("conda:rl",)),
            (".local/share/mamba/envs/rl", ("conda:rl",)),
        ],
    )
    def test_the_usual_places_are_known(self, place: str, names: tuple[str, ...], machine: Machine) -> None:
        prefix = lay_out_conda(machine.home / place)
        assert machine.found() == {prefix: ("conda", *names)}

    def test_an_installation_for_all_is_known_with_what_lies_in_it(self, machine: Machine) -> None:
        base = lay_out_conda(machine.root / "opt" / "conda")
        (base / "condabin").mkdir()
        inner = lay_out_conda(base / "envs" / "rl")
        assert machine.found() == {base: ("conda", "conda:base"), inner: ("conda", "conda:rl")}

    def test_an_installation_that_the_walk_finds_leads_to_its_environments(self, machine: Machine) -> None:
        base = lay_out_conda(machine.home / "tools" / "my-conda")
        inner = lay_out_conda(base / "envs" / "rl")
        assert machine.found() == {base: ("conda",), inner: ("conda", "conda:rl")}

    @pytest.mark.parametrize("variable", ["CONDA_ENVS_PATH", "CONDA_ENVS_DIRS"])
    def test_variables_name_folders_of_environments(self, variable: str, machine: Machine) -> None:
        prefix = lay_out_conda(machine.elsewhere / "a" / "rl")
        told = f"/nowhere:{machine.elsewhere / 'a'}"
        assert machine.found(**{variable: told}) == {prefix: ("conda", "conda:rl")}

    @pytest.mark.parametrize(
        ("file", "text"),
        [
            (".condarc", "envs_dirs:\n  - {0}/a\n"),
            (".condarc", "envs_path: {0}/a\n"),
            (".config/conda/.condarc", "envs_dirs: [$PLACE/a]\n"),
            (".conda/.condarc", "channels: [x]\nenvs_dirs: ['~/../../elsewhere/a']\n"),
        ],
    )
    def test_settings_name_folders_of_environments(self, file: str, text: str, machine: Machine) -> None:
        prefix = lay_out_conda(machine.elsewhere / "a" / "rl")
        write_tree(machine.home, {file: text.format(machine.elsewhere)})
        assert machine.found(PLACE=str(machine.elsewhere)) == {prefix: ("conda", "conda:rl")}

    @pytest.mark.parametrize(
        "text",
        [
            *("envs_dirs: [", "- envs_dirs", "envs_dirs: {a: b}", "envs_dirs: [1, null, ~]"),
            *("envs_dirs: !!bool maybe", "envs_dirs: !!int ''", "envs_dirs: !!timestamp x"),
            *("envs_dirs: " + "[" * 9999, "envs_dirs: &a [*a]", "? [envs_dirs]\n: /x", "envs_dirs:"),
        ],
    )
    def test_settings_that_are_broken_are_no_settings(self, text: str, machine: Machine) -> None:
        write_tree(machine.home, {".condarc": text})
        assert machine.found() == {}

    @pytest.mark.parametrize("text", ["/a\\ud800", "/a\\0", "/a\\udcff"])
    def test_what_can_be_no_path_is_left_out(self, text: str, machine: Machine) -> None:
        prefix = lay_out_conda(machine.elsewhere / "a" / "rl")
        write_tree(machine.home, {".condarc": f'envs_dirs: ["{text}", "{machine.elsewhere}/a"]\n'})
        assert machine.found() == {prefix: ("conda", "conda:rl")}

    def test_settings_that_would_be_of_endless_size_are_not_built(self, machine: Machine) -> None:
        levels = [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12)]
        text = "\n".join(["envs_dirs: [/nowhere]", "a0: &a0 {k: v}", *levels])
        write_tree(machine.home, {".condarc": text})
        began = time.monotonic()
        assert machine.found() == {}
        assert time.monotonic() - began < 5

    def test_what_conda_did_not_make_has_no_name_of_condas(self, machine: Machine) -> None:
        venv = machine.venv(machine.home / ".conda" / "envs" / "rl")
        assert machine.found() == {venv: ("venv",)}

    def test_its_cache_of_packages_holds_no_environments(self, machine: Machine) -> None:
        pkgs = machine.home / ".conda" / "pkgs"
        lay_out_python(pkgs / "python-3.11.7-h1_0_cpython")
        write_tree(pkgs, {"urls.txt": ""})
        assert machine.found() == {}

    def test_a_prefix_without_python_is_no_environment(self, machine: Machine) -> None:
        write_tree(machine.home, {".conda/envs/r/conda-meta/history": "", ".conda/envs/r/bin/R": ""})
        assert machine.found() == {}


class TestKernels:
    def test_a_kernel_of_mine_leads_to_its_environment_and_names_it(self, machine: Machine) -> None:
        venv = machine.venv(machine.elsewhere / "rl")
        add_kernel(machine.home / ".local", "rl", f"{venv}/bin/python")
        assert machine.found() == {venv: ("venv", "kernel:rl")}

    def test_a_kernel_for_all_does(self, machine: Machine) -> None:
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
    def test_variables_lead_elsewhere(self, variable: str, value: str, place: str, machine: Machine) -> None:
        venv = machine.venv(machine.elsewhere / "rl")
        add_kernel(machine.elsewhere / "made", "rl", f"{venv}/bin/python")
        target = machine.elsewhere / place
        target.parent.mkdir(parents=True)
        (machine.elsewhere / "made/share/jupyter/kernels").rename(target)
        assert machine.found(**{variable: value.format(machine.elsewhere)}) == {venv: ("venv", "kernel:rl")}

    def test_a_bare_python_in_an_environment_is_its_own(self, machine: Machine) -> None:
        venv = machine.venv(machine.home / "rl")
        add_kernel(venv, "python3", "python")
        assert machine.found() == {venv: ("venv", "kernel:python3")}

    def test_a_bare_python_of_mine_is_the_one_on_my_path(self, machine: Machine) -> None:
        venv = machine.venv(machine.elsewhere / "rl")
        add_kernel(machine.home / ".local", "mine", "python")
        assert machine.found(PATH=f"/nowhere:{venv}/bin") == {venv: ("venv", "kernel:mine")}
        assert machine.found() == {}

    def test_an_environments_kernel_may_lead_to_another(self, machine: Machine) -> None:
        first, other = machine.venv(machine.home / "rl"), machine.venv(machine.elsewhere / "other")
        add_kernel(first, "other", f"{other}/bin/python")
        assert machine.found() == {first: ("venv",), other: ("venv", "kernel:other")}

    def test_two_kernels_of_one_environment_are_two_names(self, machine: Machine) -> None:
        venv = machine.venv(machine.elsewhere / "rl")
        for name in ("b", "a"):
            add_kernel(machine.home / ".local", name, f"{venv}/bin/python")
        assert machine.found() == {venv: ("venv", "kernel:a", "kernel:b")}

    @pytest.mark.parametrize(
        "text",
        [
            *(
                "",
                "{",
                "[]",
                '{"argv": []}',
                '{"argv": "python"}',
                '{"argv": [1]}',
                '{"argv": ["R", "--slave"]}',
            ),
            '{"argv": ["./bin/python"]}',
            '{"argv": ["/gone/bin/python"]}',
            '{"argv": ["/x\\u0000/python"]}',
            "[" * 99999,
        ],
    )
    def test_what_is_no_kernel_of_pythons_is_passed_over(self, text: str, machine: Machine) -> None:
        write_tree(machine.home, {".local/share/jupyter/kernels/x/kernel.json": text})
        assert machine.found() == {}
