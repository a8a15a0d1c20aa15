"""``rebuild`` of what is wrong, hostile or old, and beside settings that are meant for something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.builders.environments import make_venv, site_packages
from tests.cli.conftest import Envguard
from tests.cli.rebuild.receipts import Rebuild, change_receipt, stamped
from tests.inventory.oracle.children import system_tool


def test_a_receipt_of_somebody_else_s_gives_no_line_that_does_something_else(
    envguard: Envguard, rebuild: Rebuild, project: Path
) -> None:
    stamped(envguard, project)
    evil = {"commit": "x; rm -rf ~", "command": ["python", "a b; id", "$(id)", "\x1b[2J"]}
    change_receipt(project, lambda receipt: receipt.update(evil))
    done = rebuild("runs/42")
    assert "git checkout" not in done.out
    assert f"again  {project}/.venv-42/bin/python 'a b; id' '$(id)' '\\x1b[2J'\n" in done.out


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


def test_no_index_is_asked_for_what_an_interpreter_has_by_itself(
    envguard: Envguard, rebuild: Rebuild, project: Path
) -> None:
    make_venv(system_tool("pypy3"), project / "pp")
    receipt = stamped(envguard, project, "runs/39", "--env", "pp")
    assert "cffi" in [each["name"] for each in receipt["judgement"]["snapshot"]["packages"]]
    done = rebuild("runs/39")
    assert (done.code, done.err) == (0, "")
