from __future__ import annotations

import os
import time

import pytest

from tests.builders.environments import write_tree
from tests.builders.homes import Machine
from tests.builders.places import lay_out_conda, lay_out_python


def test_its_list_is_read_with_stale_lines(machine: Machine) -> None:
    prefix = lay_out_conda(machine.elsewhere / "rl")
    lines = ["/gone", "", "relative", "# of mine", str(prefix), f"  {machine.elsewhere} "]
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
def test_the_usual_places_are_known(place: str, names: tuple[str, ...], machine: Machine) -> None:
    prefix = lay_out_conda(machine.home / place)
    assert machine.found() == {prefix: ("conda", *names)}


def test_an_installation_for_all_is_known_with_what_lies_in_it(machine: Machine) -> None:
    base = lay_out_conda(machine.root / "opt" / "conda")
    (base / "condabin").mkdir()
    inner = lay_out_conda(base / "envs" / "rl")
    assert machine.found() == {base: ("conda", "conda:base"), inner: ("conda", "conda:rl")}


def test_an_installation_that_the_walk_finds_leads_to_its_environments(machine: Machine) -> None:
    base = lay_out_conda(machine.home / "tools" / "my-conda")
    inner = lay_out_conda(base / "envs" / "rl")
    assert machine.found() == {base: ("conda",), inner: ("conda", "conda:rl")}


@pytest.mark.parametrize("variable", ["CONDA_ENVS_PATH", "CONDA_ENVS_DIRS"])
def test_variables_name_folders_of_environments(variable: str, machine: Machine) -> None:
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
def test_settings_name_folders_of_environments(file: str, text: str, machine: Machine) -> None:
    prefix = lay_out_conda(machine.elsewhere / "a" / "rl")
    write_tree(machine.home, {file: text.format(machine.elsewhere)})
    assert machine.found(PLACE=str(machine.elsewhere)) == {prefix: ("conda", "conda:rl")}


@pytest.mark.parametrize(
    "text",
    [
        *("", "- envs_dirs", "envs_dirs: {a: b}", "envs_dirs: [1, null, ~]"),
        *("envs_dirs: !!bool maybe", "envs_dirs: !!int ''", "envs_dirs: !!timestamp x"),
        *("envs_dirs: &a [*a]", "? [envs_dirs]\n: /x", "envs_dirs:"),
    ],
)
def test_settings_of_another_shape_are_no_settings(text: str, machine: Machine) -> None:
    write_tree(machine.home, {".condarc": text})
    assert machine.found() == {}


@pytest.mark.parametrize(
    "content",
    [b"envs_dirs: [", b"envs_dirs: " + b"[" * 9999, b"envs_dirs: [/\xff]", b"channels: \xff", b"a: b\0"],
    ids=["open", "deep", "bytes", "bytes elsewhere", "NUL"],
)
def test_settings_that_are_broken_are_told(content: bytes, machine: Machine) -> None:
    (machine.home / ".condarc").write_bytes(content)
    assert machine.unread() == {".condarc": "not YAML"}


def test_settings_may_be_utf_16(machine: Machine) -> None:
    prefix = lay_out_conda(machine.elsewhere / "a" / "rl")
    (machine.home / ".condarc").write_text(f"envs_dirs: ['{prefix.parent}']", encoding="utf-16")
    assert machine.found() == {prefix: ("conda", "conda:rl")}


@pytest.mark.parametrize("line", [b"/a\0b", b"\0\0\0", b"rl\xff"])
def test_a_list_that_is_broken_is_told_and_the_rest_is_read(line: bytes, machine: Machine) -> None:
    prefix = lay_out_conda(machine.elsewhere / "rl")
    write_tree(machine.home, {".conda/environments.txt": ""})
    (machine.home / ".conda/environments.txt").write_bytes(b"\n".join([line, os.fsencode(prefix)]))
    assert machine.unread() == {".conda/environments.txt": "not a list of paths"}
    assert [each.record.path for each in machine.scan().environments] == [str(prefix)]


@pytest.mark.parametrize("text", ["/a\\ud800", "/a\\0", "/a\\udcff"])
def test_what_can_be_no_path_is_left_out(text: str, machine: Machine) -> None:
    prefix = lay_out_conda(machine.elsewhere / "a" / "rl")
    write_tree(machine.home, {".condarc": f'envs_dirs: ["{text}", "{machine.elsewhere}/a"]\n'})
    assert machine.found() == {prefix: ("conda", "conda:rl")}


def test_settings_that_would_be_of_endless_size_are_not_built(machine: Machine) -> None:
    levels = [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12)]
    text = "\n".join(["envs_dirs: [/nowhere]", "a0: &a0 {k: v}", *levels])
    write_tree(machine.home, {".condarc": text})
    began = time.monotonic()
    assert machine.found() == {}
    assert time.monotonic() - began < 5


def test_what_conda_did_not_make_has_no_name_of_condas(machine: Machine) -> None:
    venv = machine.venv(machine.home / ".conda" / "envs" / "rl")
    assert machine.found() == {venv: ("venv",)}


def test_its_cache_of_packages_holds_no_environments(machine: Machine) -> None:
    pkgs = machine.home / ".conda" / "pkgs"
    lay_out_python(pkgs / "python-3.11.7-h1_0_cpython")
    write_tree(pkgs, {"urls.txt": ""})
    assert machine.found() == {}


def test_a_prefix_without_python_is_no_environment(machine: Machine) -> None:
    write_tree(machine.home, {".conda/envs/r/conda-meta/history": "", ".conda/envs/r/bin/R": ""})
    assert machine.found() == {}
