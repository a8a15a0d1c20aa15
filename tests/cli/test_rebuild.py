"""``rebuild`` makes an environment again, by real tools, from a folder of wheels."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.builders.environments import install_wheel_files, make_venv, pyenv_python, site_packages
from tests.builders.indexes import serve_index
from tests.builders.projects import make_project
from tests.builders.wheels import make_wheel
from tests.cli.conftest import Envguard, Run
from tests.cli.test_schemas import hold
from tests.inventory.oracle.children import clean_environ, own_tool, run, system_tool

PROJECT = """
[project]
name = "rl"
version = "1"
requires-python = ">=3.8"
dependencies = ["gym", "numpy"]
[tool.uv]
package = false
"""

Rebuild = Callable[..., Run]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheels, and the lock that uv made of them."""
    folder = tmp_path_factory.mktemp("locked")
    for name, version in (("gym", "0.26.2"), ("numpy", "1.26.4"), ("torch", "2.4.0+cu121")):
        make_wheel(folder / "wheels", name, version)
    make_project(folder, PROJECT)
    environ = {**clean_environ(folder / "caches"), "UV_OFFLINE": "0", "UV_PYTHON": sys.executable}
    with serve_index(folder / "wheels") as index:
        run([str(own_tool("uv")), "lock", "--default-index", index], environ, folder)
    return folder


@pytest.fixture
def wheels(locked: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(locked / "wheels", tmp_path / "wheels"))


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Nobody's settings."""
    (tmp_path / "home").mkdir()
    return {**clean_environ(tmp_path / "caches"), "HOME": str(tmp_path / "home")}


@pytest.fixture
def project(tmp_path: Path, locked: Path, wheels: Path) -> Path:
    """A project with a lock of uv's, and an environment that is as it says."""
    folder = make_project(tmp_path / "project", PROJECT)
    shutil.copy(locked / "uv.lock", folder)
    make_venv(Path(sys.executable), folder / ".venv")
    for wheel in ("gym-0.26.2", "numpy-1.26.4"):
        install_wheel_files(folder / ".venv", next(wheels.glob(f"{wheel}-*")))
    return folder


@pytest.fixture
def rebuild(envguard: Envguard, variables: dict[str, str], wheels: Path, project: Path) -> Rebuild:
    """Rebuild in the project, with the folder of wheels as the only source."""

    def call(*words: str | Path, **more: str) -> Run:
        sources = ("--no-index", "--find-links", wheels)
        return envguard("rebuild", *words, *sources, cwd=project, **{**variables, **more})

    return call


def stamped(envguard: Envguard, project: Path, name: str = "runs/42", *words: str | Path) -> dict[str, Any]:
    assert envguard("stamp", name, *words, cwd=project).code == 0
    found: dict[str, Any] = json.loads((project / name / "receipt.json").read_text())
    return found


def change_receipt(project: Path, change: Callable[[dict[str, Any]], None], name: str = "runs/42") -> None:
    path = project / name / "receipt.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_a_run_s_environment_is_made_again_with_the_same_digest(
    envguard: Envguard, rebuild: Rebuild, project: Path
) -> None:
    receipt = stamped(envguard, project)
    assert receipt["judgement"]["has_pylock"]
    done = rebuild("runs/42")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "made .venv-42: the environment of runs/42",
        f"Python {platform.python_version()}, 2 packages by uv, all held to a known digest",
    ]
    compared = envguard("diff", "runs/42", ".venv-42", cwd=project)
    assert compared.code == 0
    command = [str(project / ".venv-42" / "bin" / "python"), "-c", "import gym; print(gym.__version__)"]
    assert run(command, {}) == "0.26.2\n"
    assert not (project / ".venv-42" / ".envguard-unfinished").exists()


def test_the_document_says_what_was_made(envguard: Envguard, rebuild: Rebuild, project: Path) -> None:
    receipt = stamped(envguard, project)
    document = rebuild("runs/42/receipt.json", "--into", "again/42", "--json").json()
    hold(document, "rebuild-1")
    digest = receipt["judgement"]["verdict"]["digest"]
    assert (document["same"], document["digest"], document["wanted"]) == (True, digest, digest)
    assert document["environment"] == str(project / "again" / "42")
    assert (document["installer"], document["packages"], document["by_hash"]) == ("uv", 2, 2)
    assert (document["not_made"], document["again"]) == ([], None)


def test_a_run_is_named_as_runs_lists_it_and_told_how_to_start_it(
    envguard: Envguard, rebuild: Rebuild, project: Path
) -> None:
    for words in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x", "--allow-empty"],
    ):
        subprocess.run(["git", *words], cwd=project, check=True)
    (project / "train.py").write_text("")
    assert envguard("run", "--", ".venv/bin/python", "train.py", "--lr", "1 2", cwd=project).code == 0
    [one] = envguard("runs", "--json", cwd=project).json()["runs"]
    document = rebuild(one["id"], "--json").json()
    made = project / f".venv-{one['id']}"
    assert document["again"]["command"] == f"{made}/bin/python train.py --lr '1 2'"
    assert (document["again"]["dirty"], document["again"]["is_checked_out"]) == (True, False)
    text = rebuild(one["id"], "--into", "again").out
    assert f"\ncode   git checkout {document['again']['commit']}\n" in text
    assert "the tree had changes then, which no receipt keeps" in text


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["python", "train.py"], "MADE/bin/python train.py"),
        ([".venv/bin/python", "t.py", "--token", "***"], "MADE/bin/python t.py --token '***'"),
        (["srun", "python", "t.py"], ". MADE/bin/activate && srun python t.py"),
        (["uv", "run", "t.py"], "uv run t.py"),
    ],
    ids=["by its name", "by its path", "behind a starter", "a tool that chooses by itself"],
)
def test_the_command_is_told_as_it_runs_in_the_new_environment(
    envguard: Envguard, rebuild: Rebuild, project: Path, command: list[str], expected: str
) -> None:
    stamped(envguard, project)
    change_receipt(project, lambda receipt: receipt.update(command=command))
    document = rebuild("runs/42", "--json").json()
    assert document["again"]["command"] == expected.replace("MADE", str(project / ".venv-42"))
    assert document["again"]["in_own_environment"] == (command[0] == "uv")


def test_a_receipt_of_somebody_else_s_gives_no_line_that_does_something_else(
    envguard: Envguard, rebuild: Rebuild, project: Path
) -> None:
    stamped(envguard, project)
    evil = {"commit": "x; rm -rf ~", "command": ["python", "a b; id", "$(id)", "\x1b[2J"]}
    change_receipt(project, lambda receipt: receipt.update(evil))
    done = rebuild("runs/42")
    assert "git checkout" not in done.out
    assert f"again  {project}/.venv-42/bin/python 'a b; id' '$(id)' '\\x1b[2J'\n" in done.out


def test_a_run_of_elsewhere_is_made_with_the_difference_of_the_machines(
    envguard: Envguard, rebuild: Rebuild, project: Path
) -> None:
    def elsewhere(receipt: dict[str, Any]) -> None:
        receipt["judgement"]["machine"] = "ws-7"
        receipt["judgement"]["facts"]["nvidia_driver"] = "550.54.15"

    stamped(envguard, project)
    change_receipt(project, elsewhere)
    done = rebuild("runs/42")
    assert done.code == 0
    assert "A  runs/42 on ws-7" in done.out
    assert ["driver", "550.54.15", "-"] in [line.split() for line in done.out.splitlines()]


def test_what_comes_out_otherwise_is_told_as_a_difference(
    envguard: Envguard, rebuild: Rebuild, project: Path
) -> None:
    stamped(envguard, project)
    shutil.rmtree(site_packages(project / ".venv") / "numpy-1.26.4.dist-info")
    change_receipt(project, lambda receipt: receipt["judgement"]["snapshot"]["packages"].pop())
    change_receipt(
        project, lambda receipt: receipt["judgement"]["snapshot"].update(problems=[{"kind": "leftover"}])
    )
    done = rebuild("runs/42")
    assert (done.code, done.out.splitlines()[0]) == (1, "made .venv-42: not the environment of runs/42")
    assert "problem in A: leftover" in done.out


def test_what_no_index_has_is_left_to_the_person(envguard: Envguard, rebuild: Rebuild, project: Path) -> None:
    tool = make_project(project / "tool", '[project]\nname = "tool"\nversion = "1"\n', builds=("tool", "1"))
    python = project / ".venv" / "bin" / "python"
    site = site_packages(project / ".venv")
    info = site / "tool-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tool\nVersion: 1\n\n")
    (info / "direct_url.json").write_text(json.dumps({"url": tool.as_uri(), "dir_info": {"editable": True}}))
    (site / "tool.pth").write_text(f"{tool}\n")
    assert python.exists()
    stamped(envguard, project)
    done = rebuild("runs/42")
    assert done.code == 1
    assert "tool         1  imported from a folder" in done.out
    document = rebuild("runs/42", "--into", "again", "--json").json()
    assert document["not_made"] == [
        {
            "name": "tool",
            "version": "1",
            "reason": "imported from a folder",
            "install": ["--editable", str(tool)],
            "commit": None,
        }
    ]
    assert [each["name"] for each in document["differs"]["packages"]] == ["tool"]


def test_a_lock_is_made(rebuild: Rebuild, project: Path) -> None:
    done = rebuild("uv.lock")
    assert (done.code, done.out.splitlines()[0]) == (0, "made .venv-uv.lock: what uv.lock says")
    document = rebuild("uv.lock", "--into", "again", "--json").json()
    hold(document, "rebuild-1")
    assert (document["kind"], document["wanted"], document["by_hash"]) == ("lock", None, 2)


def test_a_digest_that_no_file_has_is_refused(rebuild: Rebuild, project: Path, wheels: Path) -> None:
    make_wheel(wheels, "gym", "0.26.2", files={"gym.py": "import os\n"})
    done = rebuild("uv.lock")
    assert done.code == 3
    assert "hash" in done.err.lower()
    assert not (project / ".venv-uv.lock").exists()


def test_a_policy_is_made_with_its_extras(
    envguard: Envguard, rebuild: Rebuild, project: Path, wheels: Path
) -> None:
    [wheel] = wheels.glob("torch-*")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lines = [
        'lock-version = "1.0"\ncreated-by = "t"\nextras = ["gpu"]\n[[packages]]\nname = "torch"',
        'version = "2.4.0+cu121"\nmarker = "\'gpu\' in extras"',
        f'wheels = [{{path = "{wheel.name}", hashes = {{sha256 = "{digest}"}}}}]\n',
    ]
    (project / "pylock.toml").write_text("\n".join(lines))
    (project / "rl.yaml").write_text(
        "envguard: 1\nname: rl\npython: '>=3.8'\nlock: {file: pylock.toml, extras: [gpu]}\n"
    )
    document = rebuild("rl.yaml", "--json").json()
    assert (document["kind"], document["same"], document["packages"]) == ("policy", True, 1)
    assert document["environment"] == str(project / ".venv-rl.yaml")


def test_a_revision_of_the_server_s_is_made(
    envguard: Envguard, rebuild: Rebuild, project: Path, admin: dict[str, str]
) -> None:
    (project / "rl.yaml").write_text("envguard: 1\nname: rl\nlock: uv.lock\n")
    assert envguard("policy", "push", "rl.yaml", cwd=project, **admin).code == 0
    done = rebuild("rl@r1", **admin)
    assert (done.code, done.out.splitlines()[0]) == (0, "made .venv-rl-r1: what rl@r1 says")


def test_the_newest_patch_of_its_minor_version_takes_the_place_of_a_python_that_is_gone(
    envguard: Envguard, rebuild: Rebuild, project: Path
) -> None:
    def older(receipt: dict[str, Any]) -> None:
        receipt["judgement"]["snapshot"]["interpreter"]["version"] = "3.11.99"

    stamped(envguard, project)
    change_receipt(project, older)
    done = rebuild("runs/42")
    assert done.code == 1
    assert done.err.startswith("note: no Python 3.11.99 is here, so it is made with 3.11.")


def test_an_environment_that_changed_under_its_run_is_made_as_it_was_at_the_start(
    envguard: Envguard, rebuild: Rebuild, project: Path
) -> None:
    stamped(envguard, project)
    change_receipt(project, lambda receipt: receipt.update(digest_at_end="sha256:" + "0" * 64))
    done = rebuild("runs/42")
    assert (done.code, "this is how it was at the start" in done.err) == (0, True)


def test_pip_makes_what_uv_does_not_know(
    envguard: Envguard, rebuild: Rebuild, project: Path, wheels: Path
) -> None:
    python = pyenv_python("3.6")
    assert python is not None
    make_venv(python, project / "old")
    install_wheel_files(project / "old", next(wheels.glob("gym-0.26.2-*")))
    stamped(envguard, project, "runs/36", "--env", "old")
    document = rebuild("runs/36", "--json").json()
    assert (document["installer"], document["same"], document["packages"]) == ("pip", True, 1)


def test_no_index_is_asked_for_what_an_interpreter_has_by_itself(
    envguard: Envguard, rebuild: Rebuild, project: Path
) -> None:
    make_venv(system_tool("pypy3"), project / "pp")
    receipt = stamped(envguard, project, "runs/39", "--env", "pp")
    assert "cffi" in [each["name"] for each in receipt["judgement"]["snapshot"]["packages"]]
    done = rebuild("runs/39")
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(
    ("version", "hint"),
    [("2.7.99", "uv python install 2.7.99"), ("3.99.1", "uv python install 3.99.1")],
)
def test_a_python_that_is_not_here_is_named(
    envguard: Envguard, rebuild: Rebuild, project: Path, version: str, hint: str
) -> None:
    def change(receipt: dict[str, Any]) -> None:
        receipt["judgement"]["snapshot"]["interpreter"]["version"] = version

    stamped(envguard, project)
    change_receipt(project, change)
    done = rebuild("runs/42", PYENV_ROOT="/nowhere")
    assert (done.code, version in done.err) == (3, True)
    assert not (project / ".venv-42").exists()


def test_the_guard_is_there_again(envguard: Envguard, rebuild: Rebuild, project: Path) -> None:
    assert envguard("guard", "install", ".venv", cwd=project).code == 0
    stamped(envguard, project)
    done = rebuild("runs/42")
    assert (done.code, done.err) == (0, "")
    assert (site_packages(project / ".venv-42") / "envguard_guard.py").exists()


def test_conda_s_environment_is_conda_s_to_make(envguard: Envguard, rebuild: Rebuild, project: Path) -> None:
    def as_conda(receipt: dict[str, Any]) -> None:
        receipt["judgement"]["kind"] = "conda"
        snapshot = receipt["judgement"]["snapshot"]
        snapshot["system_packages"] = [{"name": "python", "version": "3.11.7", "build": "h1_0_cpython"}]
        snapshot["packages"][0] |= {"origin": {"kind": "conda"}, "build": "py311_0"}

    stamped(envguard, project)
    change_receipt(project, as_conda)
    done = rebuild("runs/42")
    made = project / ".venv-42"
    line = f"conda create --yes --prefix {made} python=3.11.7=h1_0_cpython gym=0.26.2=py311_0"
    pip = f"{made}/bin/python -m pip install --no-deps numpy==1.26.4"
    assert (done.code, f"hint: {line} && {pip}\n" in done.err) == (3, True)


def test_a_lock_of_conda_s_is_conda_s_to_install(rebuild: Rebuild, project: Path) -> None:
    (project / "environment.yml").write_text("dependencies:\n  - python=3.11\n  - numpy=1.26.4\n")
    done = rebuild("environment.yml", "--into", "x")
    line = f"conda env create --prefix {project}/x --file {project}/environment.yml"
    assert (done.code, f"hint: {line}\n" in done.err) == (3, True)


@pytest.mark.parametrize(
    ("source", "into", "code", "words"),
    [
        ("runs/42", ".venv", 2, "the folder is there, and not empty"),
        ("runs/42", "pyproject.toml", 2, "no folder"),
        ("runs/42", "pyproject.toml/x", 3, "cannot be made"),
        ("runs", "x", 2, "a folder without a receipt"),
        ("runs/43", "x", 2, "there is no such run, lock or policy"),
        ("poetry.lock", "x", 2, "there is no such lock"),
        ("no-server@r1", "x", 2, "which server?"),
        ("bare.yaml", "x", 2, "the policy has no lock"),
        ("", "x", 2, "it is empty"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_made(
    envguard: Envguard, rebuild: Rebuild, project: Path, source: str, into: str, code: int, words: str
) -> None:
    stamped(envguard, project)
    (project / "bare.yaml").write_text("envguard: 1\nname: rl\n")
    before = sorted(project.iterdir())
    done = rebuild(source, "--into", into)
    assert (done.code, words in done.err) == (code, True), done.err
    assert sorted(project.iterdir()) == before


def test_an_edited_file_in_uv_s_cache_comes_not_into_the_environment(
    envguard: Envguard, rebuild: Rebuild, project: Path, variables: dict[str, str]
) -> None:
    assert rebuild("uv.lock").code == 0
    cached = list(Path(variables["UV_CACHE_DIR"]).glob("archive-v0/*/gym.py"))
    assert cached
    for each in cached:
        each.write_text("import malice\n")
    stamped(envguard, project)
    assert rebuild("runs/42").code == 0
    assert (site_packages(project / ".venv-42") / "gym.py").read_text() == "__version__ = '0.26.2'\n"


def test_settings_that_would_change_what_is_made_do_not_count(
    envguard: Envguard, rebuild: Rebuild, project: Path, tmp_path: Path
) -> None:
    stamped(envguard, project)
    (project / "uv.toml").write_text('override-dependencies = ["gym==0.25.2"]\n[pip]\ntarget = "elsewhere"\n')
    leading = {"PYTHONPATH": "", "UV_PRERELEASE": "allow", "UV_NO_CONFIG": "", "VIRTUAL_ENV": str(tmp_path)}
    (tmp_path / "pyvenv.cfg").write_text("")
    assert rebuild("runs/42", **leading).code == 0
    assert not (project / "elsewhere").exists()


def test_what_is_in_the_receipt_by_mistake_is_no_option(
    envguard: Envguard, rebuild: Rebuild, project: Path
) -> None:
    def change(receipt: dict[str, Any]) -> None:
        receipt["judgement"]["snapshot"]["packages"] = [
            {"name": "--index-url=http://evil", "version": "1"},
            {"name": "gym", "version": "1\n--index-url http://evil"},
            {
                "name": "a",
                "version": "1",
                "origin": {"kind": "vcs", "url": "ext::sh -c x", "commit": "0" * 40},
            },
            {
                "name": "b",
                "version": "1",
                "origin": {"kind": "vcs", "url": "https://x/y\n-e z", "commit": "0" * 40},
            },
        ]

    stamped(envguard, project)
    change_receipt(project, change)
    document = rebuild("runs/42", "--json").json()
    assert document["packages"] == 0
    assert len(document["not_made"]) == 4


def test_a_receipt_of_before_is_read(envguard: Envguard, rebuild: Rebuild, project: Path) -> None:
    stamped(envguard, project)
    change_receipt(project, lambda receipt: receipt["judgement"].pop("editables"))
    (project / "runs" / "42" / "pylock.toml").unlink()
    done = rebuild("runs/42")
    assert (done.code, "warning: no file is compared with a digest" in done.err) == (0, True)
    assert (project / ".venv-42").is_dir()
