"""``envguard scan``: what it looks for, where, for how long, and what it says of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders.environments import write_tree
from tests.builders.places import add_kernel, lay_out_conda, lay_out_python, lay_out_venv
from tests.cli.conftest import Envguard


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a home with a venv and a conda environment."""
    folder = tmp_path / "ann"
    lay_out_venv(folder / "rl" / ".venv", lay_out_python(tmp_path / "base"))
    lay_out_conda(folder / "miniconda3" / "envs" / "rl")
    return folder


def kinds(envguard: Envguard, *arguments: str | Path) -> list[str]:
    return [each["kind"] for each in envguard("scan", "--json", *arguments).json()["environments"]]


def test_roots_are_repeatable_and_limit_it(envguard: Envguard, home: Path) -> None:
    assert kinds(envguard, "--roots", home) == ["conda", "venv"]
    assert kinds(envguard, "--roots", home / "rl") == ["venv"]
    assert kinds(envguard, "--roots", home / "rl", "--roots", home / "miniconda3/envs") == ["conda", "venv"]


def test_kinds_limit_it(envguard: Envguard, home: Path) -> None:
    assert kinds(envguard, "--roots", home, "--kinds", "conda") == ["conda"]
    assert kinds(envguard, "--roots", home, "--kinds", "venv, conda") == ["conda", "venv"]


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["--kinds", "cnoda"], "--kinds: no kind of environment: `cnoda`", "conda"),
        (["--kinds", "venv,"], "--kinds: no kind of environment: ``", "venv, virtualenv"),
        (["--roots", "{home}/rll"], "--roots: no such folder: {home}/rll", "{home}/rl"),
        (["--roots", "{home}/rl/.venv/pyvenv.cfg"], "--roots: no such folder", None),
        (["--roots", ""], "--roots: it is empty", None),
        (["--roots", "{home}", "--roots", ""], "--roots: it is empty", None),
        ([""], "PATHS: it is empty", None),
        (["--time-limit", "0"], "--time-limit: seconds are expected, more than 0: not `0`", None),
        (["--time-limit", "-1"], "--time-limit: seconds are expected, more than 0: not `-1`", None),
        (["--time-limit", "nan"], "--time-limit: seconds are expected, more than 0: not `nan`", None),
        (["--time-limit", "inf"], "--time-limit: seconds are expected, more than 0: not `inf`", None),
        (["--time-limit", "1e400"], "--time-limit: seconds are expected, more than 0: not `1e400`", None),
        (["--time-limit", "soon"], "--time-limit: seconds are expected, more than 0: not `soon`", None),
        (["{home}/rl/.venv", "--kinds", "venv"], "PATHs are read as they are", None),
        (["{home}/rl/.venv", "--roots", "{home}"], "PATHs are read as they are", None),
    ],
)
def test_what_cannot_be_meant_is_refused(
    arguments: list[str], error: str, hint: str | None, envguard: Envguard, home: Path
) -> None:
    run = envguard("scan", *(each.format(home=home) for each in arguments))
    assert run.code == 2
    assert run.err.startswith(f"error: {error.format(home=home)}")
    assert run.out == ""
    if hint is not None:
        assert f"hint: {hint.format(home=home)}" in run.err


def test_time_that_ran_out_is_said_and_is_no_failure(envguard: Envguard, home: Path) -> None:
    run = envguard("scan", "--roots", home, "--time-limit", "0.000001")
    assert run.code == 0
    assert "incomplete" in run.out
    assert envguard("scan", "--json", "--roots", home, "--time-limit", "0.000001").json()["incomplete"]


def register_what_cannot_be_read(home: Path) -> str:
    """Have conda's registry name a place that nobody can look at, not even the superuser."""
    place = f"{home}/{'x' * 300}"
    write_tree(home, {".conda/environments.txt": f"{place}\n"})
    return place


def test_what_could_not_be_read_is_named(envguard: Envguard, home: Path) -> None:
    place = register_what_cannot_be_read(home)
    run = envguard("scan", "--roots", home, COLUMNS="600")
    assert f"unread: {place}: file name too long" in run.out
    assert run.code == 0
    document = envguard("scan", "--json", "--roots", home).json()
    assert document["incomplete"]
    assert [unread["path"] for unread in document["unread"]] == [place]


def test_what_was_passed_over_is_said_when_asked(envguard: Envguard, home: Path) -> None:
    (home / "rl" / "link").symlink_to("/")
    for number in range(20_001):
        (home / "rl" / f"{number}").symlink_to("x")
    plain, verbose = (envguard("scan", "--roots", home, *more, COLUMNS="300") for more in ([], ["-v"]))
    assert "passed over" not in plain.out
    assert f"passed over: {home}/rl: more than 20000 entries" in verbose.out
    assert not envguard("scan", "--json", "--roots", home).json()["incomplete"]


def test_an_environment_may_be_called_by_its_name(envguard: Envguard, home: Path) -> None:
    add_kernel(home / ".local", "lab", f"{home}/rl/.venv/bin/python")
    for name, path in (("conda:rl", home / "miniconda3/envs/rl"), ("kernel:lab", home / "rl/.venv")):
        write_tree(home, {"p.yaml": "envguard: 1\nname: p\n"})
        verdict = envguard("check", name, "--policy", home / "p.yaml", "--json", HOME=str(home)).json()
        assert verdict["environment"] == str(path)
        (told,) = envguard("scan", name, "--json", HOME=str(home)).json()["environments"]
        assert told["path"] == str(path)
    refused = envguard("check", "kernel:lb", "--json", HOME=str(home))
    assert refused.code == 3
    assert refused.json()["error"]["hint"] == "kernel:lab"


def test_what_is_unread_makes_check_all_undecided(envguard: Envguard, home: Path) -> None:
    place = register_what_cannot_be_read(home)
    run = envguard("check", "--all", HOME=str(home))
    assert run.code == 3
    assert f"unread: {place}" in run.err


def test_check_all_judges_what_is_bound_wherever_it_lies(envguard: Envguard, home: Path) -> None:
    (home / "nothing").mkdir()
    assert envguard("use", "rl-team", home / "rl/.venv").code == 0
    document = envguard("check", "--all", "--json", HOME=str(home / "nothing")).json()
    assert str(home / "rl/.venv") in {each["environment"] for each in document["verdicts"]}
