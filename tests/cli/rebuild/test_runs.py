"""``rebuild`` makes the environment of a run again, and says what is otherwise."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.builders.environments import install_wheel_files, make_venv, pyenv_python, site_packages
from tests.builders.projects import make_project
from tests.cli.conftest import Envguard
from tests.cli.rebuild.receipts import Rebuild, change_receipt, stamped
from tests.cli.test_schemas import hold
from tests.inventory.oracle.children import run


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


def test_the_guard_is_there_again(envguard: Envguard, rebuild: Rebuild, project: Path) -> None:
    assert envguard("guard", "install", ".venv", cwd=project).code == 0
    stamped(envguard, project)
    done = rebuild("runs/42")
    assert (done.code, done.err) == (0, "")
    assert (site_packages(project / ".venv-42") / "envguard_guard.py").exists()
