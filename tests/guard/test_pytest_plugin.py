"""``pytest --envguard``, in a real environment with a real pytest, with and without xdist."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from envguard.runs.guard_files import install_guard
from tests.builders.environments import link_installed, make_venv
from tests.guard.agent_lines import DRIFT, agent, lines, whole, write
from tests.guard.places import Place, Told

PYTEST = ["pytest", "pluggy", "iniconfig", "packaging", "pygments", "pytest-xdist", "execnet"]
OF_OLD_PYTHONS = ["exceptiongroup", "tomli", "typing-extensions"] if sys.version_info < (3, 11) else []
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bare(tmp_path: Path) -> Place:
    """An environment with pytest, and a project with one test that leaves a file."""
    place = Place(make_venv(Path(sys.executable), tmp_path / "env"), tmp_path / "project")
    link_installed(place.env, *PYTEST, *OF_OLD_PYTHONS)
    (place.project / "test_it.py").write_text("def test_it():\n    open('ran', 'w').close()\n")
    return place


@pytest.fixture
def place(bare: Place) -> Place:
    """The same with the guard, as a distribution."""
    install_guard(bare.site)
    return bare


def pytest_in(place: Place, *arguments: str, **environ: str) -> Told:
    return place.call("-m", "pytest", "-p", "no:cacheprovider", *arguments, **environ)


def ran(place: Place) -> bool:
    return (place.project / "ran").exists()


def judge(place: Place, outcome: str = "compliant", **others: str) -> None:
    """Write the agent's verdict on the environment as it is now."""
    findings: Sequence[Sequence[str]] = [DRIFT] if outcome == "drifted" else ()
    write(place, whole(lines(place, outcome, findings=findings, **others)))


def test_a_compliant_environment_is_named_in_the_header(place: Place) -> None:
    judge(place)
    told = pytest_in(place, "--envguard")
    assert (told.code, told.err) == (0, "")
    assert "\nenvguard: compliant with rl-team r8\n" in told.out
    assert ran(place)


def test_drift_ends_the_session_with_the_table_before_anything_is_collected(place: Place) -> None:
    judge(place, "drifted")
    (place.project / "test_it.py").write_text("open('ran', 'w').close()\n")
    told = pytest_in(place, "--envguard")
    assert (told.code, told.out) == (11, "")
    assert told.err.startswith("drifted from `rl-team` r8: 1 error\n")
    assert "gym      ==0.26.2  0.25.2" in told.err
    assert not ran(place)


def test_what_is_unknown_is_not_passed(place: Place) -> None:
    told = pytest_in(place, "--envguard")
    assert (told.code, told.out) == (13, "")
    assert "there is no `envguard` command" in told.err
    assert not ran(place)


def test_without_the_option_nothing_is_judged(place: Place) -> None:
    judge(place, "drifted")
    told = pytest_in(place)
    assert told.code == 0
    assert "envguard:" not in told.out
    assert not (place.env / ".envguard-lease").exists()


def test_workers_of_xdist_do_not_judge_again(place: Place) -> None:
    with agent(place, whole(lines(place))) as asked:
        told = pytest_in(place, "--envguard", "-n2")
    assert told.code == 0, told
    assert "envguard: compliant with rl-team r8" in told.out
    assert len(asked) == 1
    assert ran(place)


def test_drift_starts_no_workers(place: Place) -> None:
    judge(place, "drifted")
    told = pytest_in(place, "--envguard", "-n2")
    assert (told.code, told.out) == (11, "")
    assert not ran(place)


def test_a_setting_makes_it_standing_and_is_taken_back_for_once(place: Place) -> None:
    judge(place, "drifted")
    (place.project / "pytest.ini").write_text("[pytest]\nenvguard = true\n")
    assert pytest_in(place).code == 11
    assert pytest_in(place, "-o", "envguard=false").code == 0


@pytest.mark.parametrize("option", ["--help", "--markers", "--fixtures", "--version"])
def test_what_runs_no_test_is_told_all_the_same(place: Place, option: str) -> None:
    judge(place, "drifted")
    told = pytest_in(place, "--envguard", option)
    assert told.code == 0, told.err


def test_the_policy_that_is_named_is_the_one_that_is_asked_for(place: Place) -> None:
    with agent(place, whole(lines(place, policy="freeze\t2\tsha256:p\tuse\trefuse"))) as asked:
        told = pytest_in(place, "--envguard-policy", "freeze")
    assert told.code == 0, told
    assert "envguard: compliant with freeze r2" in told.out
    assert asked[0].endswith(b"\tfreeze\n")


@pytest.mark.parametrize(
    ("policy", "environ", "words"),
    [
        ("rl-team\t8\tsha256:p\tmarker\twarn", {}, "drifted from rl-team r8, 1 error; the policy only warns"),
        (
            "rl-team\t8\tsha256:p\tmarker\trefuse",
            {"ENVGUARD_ALLOW_DRIFT": "a paper"},
            "drifted from rl-team r8, 1 error; allowed: a paper",
        ),
    ],
    ids=["a policy that warns", "allowed"],
)
def test_drift_that_stops_nothing_is_in_the_header(
    place: Place, policy: str, environ: dict[str, str], words: str
) -> None:
    judge(place, "drifted", policy=policy)
    told = pytest_in(place, "--envguard", **environ)
    assert told.code == 0
    assert f"envguard: {words}\n" in told.out
    assert "drifted from `rl-team` r8: 1 error" in told.err


def add_envguard(place: Place) -> None:
    """Install the whole distribution as this checkout's is: editable."""
    link_installed(place.env, "envguard", "msgspec")
    assert (place.site / "_envguard.pth").read_text().strip() == str(ROOT)


@pytest.mark.parametrize("with_guard", [True, False])
def test_the_whole_distribution_has_the_same_option(bare: Place, with_guard: bool) -> None:
    if with_guard:
        install_guard(bare.site)
    add_envguard(bare)
    judge(bare)
    told = pytest_in(bare, "--envguard", "-W", "error")
    assert (told.code, told.err) == (0, "")
    assert told.out.count("envguard: compliant with rl-team r8") == 1
    judge(bare, "drifted")
    assert pytest_in(bare, "--envguard").code == 11


@pytest.mark.parametrize("module", ["envguard_guard", "envguard"])
def test_a_script_may_import_it_before_it_calls_pytest(place: Place, module: str) -> None:
    add_envguard(place)
    judge(place)
    text = f"import sys, {module}, pytest\nsys.exit(pytest.main(['-W', 'error', '--envguard', '-n2']))\n"
    told = place.run(text)
    assert told.code == 0, told
    assert "warning" not in told.out.lower()
    assert ran(place)
