"""``%load_ext envguard_guard`` and ``%load_ext envguard``: a real kernel, and IPython in a terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from envguard.runs.guard_files import install_guard
from tests.builders.environments import install, make_venv
from tests.guard.agent_lines import DRIFT, lines, whole, write
from tests.guard.places import Place, Told, make_place

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = (*DRIFT[:5], "a < b & <script>", *DRIFT[6:])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An environment with the guard, which finds IPython where the tests have it."""
    place = Place(make_venv(Path(sys.executable), tmp_path / "env"), tmp_path / "project")
    (place.site / "tests.pth").write_text(str(metadata.distribution("ipykernel").locate_file("")))
    install_guard(place.site)
    return place


def judge(place: Place, outcome: str = "compliant") -> None:
    write(place, whole(lines(place, outcome, findings=[HOSTILE] if outcome == "drifted" else ())))


@contextmanager
def kernel(place: Place) -> Iterator[BlockingKernelClient]:
    """A kernel of the place's environment, in its project, as Jupyter starts one."""
    folder = place.home / "kernels" / "rl"
    folder.mkdir(parents=True)
    argv = [str(place.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    environ = {
        "PATH": os.defpath,
        "HOME": str(place.home),
        "XDG_RUNTIME_DIR": str(place.runtime),
        "JUPYTER_RUNTIME_DIR": str(place.home / "jupyter"),
        "IPYTHONDIR": str(place.home / "ipython"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    (folder / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "rl", "language": "python"})
    )
    specs = KernelSpecManager(kernel_dirs=[str(folder.parent)])
    manager = KernelManager(kernel_name="rl", kernel_spec_manager=specs)
    manager.connection_file = str(place.home / "connection.json")
    manager.start_kernel(cwd=str(place.project), env=environ)
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def said(client: BlockingKernelClient, code: str) -> list[tuple[str, Any]]:
    """What a cell shows: the kind of each message, and what is in it."""
    shown: list[tuple[str, Any]] = []
    reply = client.execute_interactive(
        code,
        timeout=60,
        output_hook=lambda message: shown.append((message["msg_type"], message["content"])),
    )
    assert reply["content"]["status"] == "ok", reply["content"]
    return [each for each in shown if each[0] not in ("status", "execute_input")]


def test_where_all_is_well_a_notebook_is_told_nothing(place: Place) -> None:
    judge(place)
    with kernel(place) as client:
        assert said(client, "%load_ext envguard_guard") == []
        [(kind, content)] = said(client, "%envguard")
    assert kind == "display_data"
    assert content["data"]["text/plain"].startswith("compliant: `rl-team` r8\n")


def test_drift_is_a_banner_that_holds_no_markup_of_others(place: Place) -> None:
    judge(place, "drifted")
    with kernel(place) as client:
        [(kind, content)] = said(client, "%load_ext envguard_guard")
        assert said(client, "print('trained')") == [("stream", {"name": "stdout", "text": "trained\n"})]
    text, html = content["data"]["text/plain"], content["data"]["text/html"]
    assert kind == "display_data"
    assert text.startswith("drifted from `rl-team` r8: 1 error\n")
    assert "gym      ==0.26.2  0.25.2  version-mismatch; a < b & <script> (rl-team.yaml:7)" in text
    assert text.endswith(
        "\nmend   pip install x\nthen   restart this session: what it has imported stays as it was"
    )
    assert "a &lt; b &amp; &lt;script&gt;" in html
    assert html.startswith("<pre ")
    assert html.count("<") == 2


def test_what_is_unknown_is_a_banner_with_the_reason(place: Place) -> None:
    with kernel(place) as client:
        [(_, content)] = said(client, "%load_ext envguard_guard")
    assert content["data"]["text/plain"].startswith("unknown: the policy of the project\n")
    assert "there is no `envguard` command" in content["data"]["text/plain"]


def test_it_is_judged_when_it_is_loaded_and_when_it_is_asked(place: Place) -> None:
    judge(place)
    with kernel(place) as client:
        assert said(client, "%load_ext envguard_guard") == []
        judge(place, "drifted")
        assert said(client, "1") != []
        [(_, content)] = said(client, "%envguard")
        assert content["data"]["text/plain"].startswith("drifted")
        [(_, content)] = said(client, "%envguard freeze")
        assert content["data"]["text/plain"].startswith("unknown: `freeze`\n")
        [(_, content)] = said(client, "%reload_ext envguard_guard")
        assert content["data"]["text/plain"].startswith("drifted")
        said(client, "%unload_ext envguard_guard")
        magics = "print('envguard' in get_ipython().magics_manager.magics['line'])"
        assert said(client, magics)[0][1]["text"] == "False\n"


def ipython(place: Place, code: str, **environ: str) -> Told:
    home = {"IPYTHONDIR": str(place.home / "ipython")}
    return place.call("-m", "IPython", "--colors=NoColor", "-c", code, **home, **environ)


def test_in_a_terminal_the_banner_is_text(place: Place) -> None:
    judge(place)
    assert ipython(place, "%load_ext envguard_guard").out == ""
    judge(place, "drifted")
    told = ipython(place, "%load_ext envguard_guard\nprint('trained')")
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith("drifted from `rl-team` r8: 1 error\n")
    assert told.out.endswith("it was\ntrained\n")
    assert "<pre" not in told.out


@pytest.mark.parametrize(
    ("version", "first"), [("==0.26.2", ""), ("==0.25.2", "drifted from `rl-team`: 1 error")]
)
def test_the_whole_distribution_judges_its_own_environment(tmp_path: Path, version: str, first: str) -> None:
    place = Place(make_venv(Path(sys.executable), tmp_path / "env"), tmp_path / "project")
    dependencies = metadata.distribution("ipykernel").locate_file("")
    (place.site / "tests.pth").write_text(f"{dependencies}\n{ROOT}\n")
    install(place.env, gym="0.26.2")
    (place.project / "rl-team.yaml").write_text(
        f'envguard: 1\nname: rl-team\npackages:\n  gym: "{version}"\nbroken-requirements: ignore\n'
    )
    told = ipython(place, "%load_ext envguard", ENVGUARD_POLICY="./rl-team.yaml")
    assert (told.code, told.err) == (0, "")
    assert (told.out.splitlines() or [""])[0] == first, told.out


def test_nothing_is_raised_whatever_is_broken(place: Place) -> None:
    code = "import envguard_guard\nenvguard_guard.load_ipython_extension(object())\nprint('trained')"
    told = place.call("-c", code)
    assert (told.code, told.out) == (0, "trained\n")
    assert told.err.startswith("envguard: no verdict can be shown: ")
    assert "Traceback" not in told.err


SHELL = """
import envguard_guard

class Shell(object):
    def register_magic_function(self, function, kind, name):
        self.function = function
        raise ValueError(u"verboten f\\xfcr Sie")

shell = Shell()
envguard_guard.load_ipython_extension(shell)
shell.function(u"f\\xfcr-uns ")
print("trained")
"""
"""What IPython hands over is text; where Python 2 has bytes, that is another type."""


@pytest.mark.parametrize("minor", ["2.7", "3.6", "3.13"])
def test_nothing_is_raised_by_words_that_are_no_ascii(tmp_path: Path, minor: str) -> None:
    told = make_place(minor, tmp_path).run(SHELL)
    assert (told.code, told.out) == (0, "trained\n"), told.err
    assert told.err.startswith("envguard: no verdict can be shown: ")
    assert "verboten" in told.err
    assert "Traceback" not in told.err
