"""``runs`` lists what ran in a project, by its receipts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders.environments import install
from tests.cli.conftest import Envguard
from tests.cli.test_schemas import hold


@pytest.fixture
def ran(envguard: Envguard, project: Path) -> Path:
    """A project with three runs: one that ended well, one that failed with numpy, one that nobody saw end."""
    (project / "rl.yaml").write_text("envguard: 1\nname: rl\npackages:\n  gym: ==0.25.2\n")
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl.yaml"\n')
    python = ("--", ".venv/bin/python", "-c")
    assert envguard("run", *python, "first = 1", cwd=project).code == 0
    install(project / ".venv", numpy="2.1.0")
    assert envguard("run", *python, "import sys; sys.exit(3)", cwd=project).code == 3
    assert envguard("run", "--exec", *python, "third = 3", cwd=project).code == 0
    return project


def test_runs_are_listed_with_how_they_ended(envguard: Envguard, ran: Path) -> None:
    (ran / "inner").mkdir()
    for cwd in (ran, ran / "inner"):
        run = envguard("runs", cwd=cwd, COLUMNS="160")
        assert run.code == 0
        header, third, second, first = run.out.splitlines()
        assert header.split() == ["RUN", "BEGAN", "ENDED", "VERDICT", "COMMAND"]
        assert third.split()[3:6] == ["not", "seen", "compliant"]
        assert third.endswith(".venv/bin/python -c 'third = 3'")
        assert second.split()[3:5] == ["3", "compliant"]
        assert first.split()[3:5] == ["0", "compliant"]


@pytest.mark.parametrize("columns", ["80", "40"])
def test_a_run_can_be_copied_from_the_list(envguard: Envguard, ran: Path, columns: str) -> None:
    names = sorted((each.name for each in (ran / ".envguard" / "runs").iterdir()), reverse=True)
    listed = envguard("runs", cwd=ran, COLUMNS=columns).out.splitlines()
    whole = [line.split()[0] for line in listed if line.startswith(tuple(names))]
    assert (whole == names) is (columns == "80")
    assert max(map(len, listed)) <= int(columns)


def test_runs_are_found_by_what_was_installed(envguard: Envguard, ran: Path) -> None:
    counts = {"numpy": 2, "numpy>=2": 2, "NumPy<2": 0, "gym==0.25.2": 3, "torch": 0}
    found = {spec: len(envguard("runs", "--with", spec, "--json", cwd=ran).json()["runs"]) for spec in counts}
    assert found == counts


def test_runs_are_a_document(envguard: Envguard, ran: Path) -> None:
    document = envguard("runs", "--json", "--count", "2", cwd=ran).json()
    hold(document, "runs-1")
    third, second = document["runs"]
    assert (third["exit_code"], third["end"], second["exit_code"]) == (None, None, 3)
    assert Path(second["receipt"], "receipt.json").is_file()


def test_what_is_no_receipt_is_passed_over_and_no_run_is_said(envguard: Envguard, tmp_path: Path) -> None:
    folder = tmp_path / "cwd" / ".envguard" / "runs" / "x"
    folder.mkdir(parents=True)
    (folder / "receipt.json").write_text("{")
    run = envguard("runs")
    assert (run.code, run.out) == (0, "no runs: envguard run -- COMMAND begins one\n")


@pytest.mark.parametrize(
    "spec",
    ["numpy >", "numpy @ https://example.org/x", "numpy[x]", "numpy; os_name=='nt'", "numpy; " + "(" * 5000],
)
def test_what_cannot_be_looked_for_is_wrong_usage(envguard: Envguard, spec: str) -> None:
    assert envguard("runs", "--with", spec).code == 2
