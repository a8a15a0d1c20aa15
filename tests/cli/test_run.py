"""``run`` judges the environment of a command, and stands between nobody and it."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.builders.environments import install, make_venv, site_packages
from tests.cli.conftest import Envguard

GYM = "envguard: 1\nname: rl-team\npackages:\n  gym: {version: ==0.25.2, reason: five values}\n"
OTHER = GYM.replace("0.25.2", "0.26.2")


@pytest.fixture
def judged(project: Path) -> Path:
    """A project whose environment is what its policy says."""
    (project / "rl-team.yaml").write_text(GYM)
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl-team.yaml"\n')
    return project


def drift(project: Path, text: str = OTHER) -> None:
    (project / "rl-team.yaml").write_text(text)


def receipts(project: Path) -> list[dict[str, Any]]:
    """Answer what the receipts say, in the order of their runs."""
    found = sorted((project / ".envguard" / "runs").glob("*/receipt.json"))
    return [json.loads(path.read_text()) for path in found]


def test_a_compliant_command_runs_and_nothing_is_said(envguard: Envguard, judged: Path) -> None:
    script = "import sys; print(sys.prefix); sys.exit(7)"
    run = envguard("run", "--", ".venv/bin/python", "-c", script, cwd=judged)
    assert (run.code, run.out, run.err) == (7, f"{judged}/.venv\n", "")


def test_with_v_one_line_says_what_was_judged(envguard: Envguard, judged: Path) -> None:
    run = envguard("run", "-v", "--", ".venv/bin/python", "-c", "", cwd=judged)
    assert run.err.startswith(f"compliant with `rl-team`: {judged}/.venv (`.venv/bin/python`)")
    assert len(run.err.splitlines()) == 1


def test_in_one_that_drifted_the_command_does_not_start(envguard: Envguard, judged: Path) -> None:
    drift(judged)
    run = envguard("run", "--", ".venv/bin/python", "-c", "print('it ran')", cwd=judged)
    assert (run.code, run.out) == (1, "")
    assert "drifted from `rl-team`: 1 error" in run.err
    assert "gym 0.25.2, needs ==0.26.2" in run.err
    assert "start  envguard run --allow-drift REASON -- .venv/bin/python -c 'print('" in run.err
    assert not (judged / ".envguard").exists()


def test_the_environment_of_the_command_is_judged_not_the_active_one(
    envguard: Envguard, judged: Path, tmp_path: Path
) -> None:
    other = make_venv(Path(sys.executable), tmp_path / "other")
    install(other, gym="0.1")
    run = envguard(
        "run", "--", f"{other}/bin/python", "-c", "", cwd=judged, VIRTUAL_ENV=str(judged / ".venv")
    )
    assert (run.code, "gym 0.1, needs ==0.25.2" in run.err) == (1, True)


def test_what_cannot_be_told_is_said_and_the_usual_choice_is_judged(envguard: Envguard, judged: Path) -> None:
    run = envguard("run", "--", "sh", "-c", "exit 4", cwd=judged)
    assert run.code == 4
    assert "note: which environment it uses cannot be told: `sh` is no program of Python's" in run.err
    assert f"note: judged is {judged}/.venv (the project's .venv)" in run.err
    assert envguard("run", "--env", ".venv", "--", "sh", "-c", "exit 4", cwd=judged).err == ""


@pytest.mark.parametrize("how", ["option", "variable"])
def test_a_reason_starts_it_all_the_same_and_is_recorded(envguard: Envguard, judged: Path, how: str) -> None:
    drift(judged)
    options = ["--allow-drift", "paper rerun"] if how == "option" else []
    environ = {"ENVGUARD_ALLOW_DRIFT": "paper rerun"} if how == "variable" else {}
    script = "import os; print(os.environ['ENVGUARD_ALLOW_DRIFT'])"
    run = envguard("run", *options, "--", ".venv/bin/python", "-c", script, cwd=judged, **environ)
    assert (run.code, run.out) == (0, "paper rerun\n")
    assert "drifted from `rl-team`: 1 error; started all the same: paper rerun" in run.err
    (receipt,) = receipts(judged)
    assert receipt["allow_drift"] == "paper rerun"
    assert receipt["judgement"]["verdict"]["verdict"] == "drifted"


def test_a_policy_may_only_warn(envguard: Envguard, judged: Path) -> None:
    drift(judged, OTHER + "before-run: warn\n")
    run = envguard("run", "--", ".venv/bin/python", "-c", "print('ran')", cwd=judged)
    assert (run.code, run.out) == (0, "ran\n")
    assert "its policy only warns" in run.err


def test_what_could_not_be_read_is_undecided_also_where_drift_only_warns(
    envguard: Envguard, judged: Path
) -> None:
    drift(judged, GYM + "before-run: warn\n")
    (site_packages(judged / ".venv") / "gym-0.25.2.dist-info" / "METADATA").write_text("")
    command = ("--", ".venv/bin/python", "-c", "print('ran')")
    assert envguard("run", *command, cwd=judged).code == 3
    assert envguard("run", "--allow-drift", "why not", *command, cwd=judged).out == "ran\n"


def test_a_policy_that_cannot_be_had_is_undecided_and_a_reason_starts_it(
    envguard: Envguard, judged: Path
) -> None:
    command = ("--policy", "no-such", "--", ".venv/bin/python", "-c", "print('ran')")
    assert envguard("run", *command, cwd=judged).code == 3
    run = envguard("run", "--allow-drift", "offline", *command, cwd=judged)
    assert (run.code, run.out) == (0, "ran\n")
    (receipt,) = receipts(judged)
    assert receipt["judgement"] is None
    assert "`no-such` cannot be had" in receipt["undecided"]


@pytest.mark.parametrize("text", ["envguard: [\n", "envguard: 9\nname: rl-team\n"], ids=["broken", "newer"])
def test_a_policy_that_cannot_be_used_is_undecided_and_a_reason_starts_it(
    envguard: Envguard, judged: Path, text: str
) -> None:
    (judged / "rl-team.yaml").write_text(text)
    command = ("--", ".venv/bin/python", "-c", "print('ran')")
    assert envguard("run", *command, cwd=judged).code == 2
    run = envguard("run", "--allow-drift", "the lead is asleep", *command, cwd=judged)
    assert (run.code, run.out, "rl-team.yaml" in run.err) == (0, "ran\n", True)
    (receipt,) = receipts(judged)
    assert (receipt["judgement"], receipt["allow_drift"]) == (None, "the lead is asleep")


def test_without_any_policy_the_way_on_is_named(envguard: Envguard, project: Path) -> None:
    run = envguard("run", "--", ".venv/bin/python", "-c", "", cwd=project)
    assert (run.code, "envguard policy new --from-env" in run.err) == (2, True)


@pytest.mark.parametrize(
    ("command", "code"),
    [("no-such-command", 127), ("./no-such-command", 127), ("./rl-team.yaml", 126), ("./.venv", 126)],
)
def test_what_cannot_be_started_is_what_shells_answer(
    envguard: Envguard, judged: Path, command: str, code: int
) -> None:
    run = envguard("run", "--env", ".venv", "--", command, cwd=judged)
    assert (run.code, run.out) == (code, "")
    assert run.err.startswith(f"error: {command}: ")


def test_a_script_without_a_first_line_runs_as_in_a_shell(envguard: Envguard, judged: Path) -> None:
    script = judged / "x"
    script.write_text("echo $1\n")
    script.chmod(0o755)
    for options in ([], ["--exec"]):
        assert envguard("run", "--env", ".venv", *options, "--", "./x", "hi", cwd=judged).out == "hi\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--"],
        ["--env", "", "--", "true"],
        ["--no-such", "--", "true"],
        ["--allow-drift", "", "--", "true"],
        ["--receipt", "x", "--no-receipt", "--", "true"],
        ["--", ""],
    ],
)
def test_wrong_usage_is_exit_2(envguard: Envguard, judged: Path, arguments: list[str]) -> None:
    run = envguard("run", *arguments, cwd=judged)
    assert (run.code, run.err.startswith("error: ")) == (2, True)


def test_options_of_the_command_are_its_own(envguard: Envguard, judged: Path) -> None:
    script = "import sys; print(sys.argv[1:])"
    run = envguard("run", ".venv/bin/python", "-c", script, "--json", "--env", "x", "--", "-v", cwd=judged)
    assert run.out == "['--json', '--env', 'x', '--', '-v']\n"
    failed = envguard("run", "--policy", "no-such", "--", ".venv/bin/python", "--json", cwd=judged)
    assert (failed.code, failed.out) == (3, "")


def test_a_receipt_says_what_ran_where_and_how_it_ended(envguard: Envguard, judged: Path) -> None:
    run = envguard("run", "--", ".venv/bin/python", "-c", "import sys; sys.exit(3)", cwd=judged)
    assert run.code == 3
    (receipt,) = receipts(judged)
    judgement = receipt["judgement"]
    assert receipt["schema"] == "envguard/receipt/1"
    assert receipt["command"] == [".venv/bin/python", "-c", "import sys; sys.exit(3)"]
    assert (receipt["folder"], receipt["exit_code"]) == (str(judged), 3)
    assert receipt["start"] < receipt["end"]
    assert judgement["verdict"]["environment"] == str(judged / ".venv")
    assert judgement["verdict"]["policy"]["name"] == "rl-team"
    assert judgement["verdict"]["digest"] == receipt["digest_at_end"]
    assert [each["name"] for each in judgement["snapshot"]["packages"]] == ["gym"]
    assert judgement["facts"]["kernel"] == os.uname().release
    assert (receipt["commit"], receipt["dirty"]) == (None, None)


def test_a_receipt_is_its_owner_s_alone_and_git_does_not_see_it(envguard: Envguard, judged: Path) -> None:
    git = ["git", "-C", str(judged), "-c", "user.name=ann", "-c", "user.email=ann@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    (judged / ".gitignore").write_text(".venv\n")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "x"], check=True)
    envguard("run", "--", ".venv/bin/python", "-c", "", cwd=judged)
    (folder,) = (judged / ".envguard" / "runs").iterdir()
    assert (folder.stat().st_mode & 0o777, (folder / "receipt.json").stat().st_mode & 0o777) == (0o700, 0o600)
    status = subprocess.run([*git, "status", "--porcelain"], check=True, capture_output=True, text=True)
    assert status.stdout == ""
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    (judged / "new.py").write_text("")
    envguard("run", "--", ".venv/bin/python", "-c", "", cwd=judged)
    clean, dirty = receipts(judged)
    assert (clean["commit"], clean["dirty"]) == (head.stdout.strip(), False)
    assert (dirty["commit"], dirty["dirty"]) == (head.stdout.strip(), True)


def test_a_run_that_was_killed_with_its_supervisor_has_a_receipt_without_an_end(
    envguard: Envguard, judged: Path
) -> None:
    script = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"
    assert envguard("run", "--", ".venv/bin/python", "-c", script, cwd=judged).code == -9
    (receipt,) = receipts(judged)
    assert (receipt["end"], receipt["exit_code"]) == (None, None)


def test_a_folder_for_the_receipt_can_be_named_and_is_never_used_twice(
    envguard: Envguard, judged: Path
) -> None:
    command = ("--receipt", "runs/41", "--", ".venv/bin/python", "-c", "")
    assert envguard("run", *command, cwd=judged).code == 0
    assert json.loads((judged / "runs" / "41" / "receipt.json").read_text())["id"] == "41"
    assert not (judged / ".envguard").exists()
    again = envguard("run", *command, cwd=judged)
    assert (again.code, "there is a receipt already" in again.err) == (2, True)


def test_no_receipt_is_written_where_none_is_wanted(envguard: Envguard, judged: Path) -> None:
    assert envguard("run", "--no-receipt", "--", ".venv/bin/python", "-c", "", cwd=judged).code == 0
    assert not (judged / ".envguard").exists()


def test_where_no_receipt_can_be_written_the_run_goes_on_and_says_so(
    envguard: Envguard, judged: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (judged / ".envguard").symlink_to(elsewhere)
    run = envguard("run", "--", ".venv/bin/python", "-c", "print('ran')", cwd=judged)
    assert (run.code, run.out) == (0, "ran\n")
    assert "warning: " in run.err
    assert "no receipt can be written" in run.err
    assert list(elsewhere.iterdir()) == []


def test_secrets_of_a_command_line_are_not_written_down(envguard: Envguard, judged: Path) -> None:
    words = [
        "--token",
        "s3cret",
        "--password=s3cret",
        "WANDB_API_KEY=s3cret",
        "https://ann:s3cret@example.org/",
    ]
    envguard("run", "--", ".venv/bin/python", "-c", "", *words, cwd=judged)
    (receipt,) = receipts(judged)
    assert receipt["command"][3:] == [
        "--token",
        "***",
        "--password=***",
        "WANDB_API_KEY=***",
        "https://***@example.org/",
    ]


def test_an_environment_that_changes_under_a_run_is_said_so(envguard: Envguard, judged: Path) -> None:
    new = site_packages(judged / ".venv") / "rich-13.0.dist-info"
    metadata = "Name: rich\nVersion: 13.0\n"
    script = f"import os; os.mkdir({str(new)!r})\nopen({str(new / 'METADATA')!r}, 'w').write({metadata!r})"
    run = envguard("run", "--", ".venv/bin/python", "-c", script, cwd=judged)
    assert "warning: the environment changed while the command ran: rich absent -> 13.0" in run.err
    (receipt,) = receipts(judged)
    assert receipt["digest_at_end"] != receipt["judgement"]["verdict"]["digest"]


def test_under_a_run_that_failed_stands_what_changed_since_it_last_worked(
    envguard: Envguard, judged: Path
) -> None:
    command = ("run", "--", ".venv/bin/python", "-c", "import os, sys; sys.exit(os.path.exists('bad'))")
    envguard(*command, cwd=judged)
    install(judged / ".venv", numpy="2.1.0")
    (judged / "bad").touch()
    failed = envguard(*command, cwd=judged)
    assert failed.code == 1
    assert failed.err == "since it last worked, just now: numpy absent -> 2.1.0\n"
    (judged / "bad").unlink()
    assert envguard(*command, cwd=judged).err == ""
    (judged / "bad").touch()
    last = envguard(*command, cwd=judged).err
    assert last == "since it last worked, just now: nothing that a receipt knows of changed\n"


def test_the_environment_is_leased_while_the_command_lives(envguard: Envguard, judged: Path) -> None:
    lease = judged / ".venv" / ".envguard-lease"
    script = (
        "import fcntl, os, sys\n"
        f"lease = os.open({str(lease)!r}, os.O_RDONLY)\n"
        "try: fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "except BlockingIOError: print('in use')\n"
    )
    for options in ([], ["--exec"]):
        run = envguard("run", *options, "--", ".venv/bin/python", "-c", script, cwd=judged)
        assert run.out == "in use\n"
    with lease.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert envguard("check", cwd=judged).code == 0


def test_a_receipt_that_cannot_be_closed_changes_no_exit_code(envguard: Envguard, judged: Path) -> None:
    script = "import shutil, sys; shutil.rmtree('.envguard'); sys.exit(5)"
    run = envguard("run", "--", ".venv/bin/python", "-c", script, cwd=judged)
    assert run.code == 5
    assert run.err.startswith("warning: the receipt could not be closed: ")


def test_bytes_that_are_no_text_are_handed_on_and_written_down_escaped(judged: Path, tmp_path: Path) -> None:
    strange = judged / os.fsdecode(b"a\xff")
    strange.mkdir()
    script = "import os, sys; print(os.fsencode(sys.argv[1]), os.getcwdb()[-2:])"
    command = [sys.executable, "-m", "envguard.cli.main", "run", "--", "../.venv/bin/python", "-c", script]
    done = subprocess.run(
        [*map(os.fsencode, command), b"b\xfe"],
        cwd=strange,
        env={**os.environ, "ENVGUARD_STATE": str(tmp_path / "s"), "ENVGUARD_CACHE": str(tmp_path / "c")},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"b'b\\xfe' b'a\\xff'\n", b"")
    (receipt,) = receipts(judged)
    assert (receipt["command"][-1], receipt["folder"]) == ("b\\xfe", f"{judged}/a\\xff")


def test_what_ran_before_is_judged_again_where_something_changed(
    envguard: Envguard, judged: Path, tmp_path: Path
) -> None:
    command = ("run", "--", ".venv/bin/python", "-c", "")
    old = 10**9 * 1_700_000_000
    for _ in range(2):
        assert envguard(*command, cwd=judged).code == 0
    drift(judged)
    assert envguard(*command, cwd=judged).code == 1
    drift(judged, GYM)
    os.utime(judged / "rl-team.yaml", ns=(old, old))
    assert envguard(*command, cwd=judged).code == 0
    (site_packages(judged / ".venv") / "gym-0.25.2.dist-info" / "METADATA").write_text(
        "Name: gym\nVersion: 1\n"
    )
    assert envguard(*command, cwd=judged).code == 1


def test_exec_takes_the_place_of_envguard_and_the_receipt_has_no_end(
    envguard: Envguard, judged: Path
) -> None:
    script = (
        "import os, sys; print(os.getpid() == int(open('/proc/self/stat').read().split()[0])); sys.exit(5)"
    )
    run = envguard("run", "--exec", "--", ".venv/bin/python", "-c", script, cwd=judged)
    assert run.code == 5
    (receipt,) = receipts(judged)
    assert (receipt["replaced"], receipt["end"]) == (True, None)


def test_files_that_were_handed_in_reach_the_command(
    envguard: Envguard, judged: Path, tmp_path: Path
) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    script = f"import os, sys; os.write({writing}, sys.stdin.buffer.read())"
    done = subprocess.run(
        [sys.executable, "-m", "envguard.cli.main", "run", "--", ".venv/bin/python", "-c", script],
        cwd=judged,
        input=b"through",
        pass_fds=[writing],
        check=False,
        timeout=60,
        env={
            **os.environ,
            "ENVGUARD_STATE": str(tmp_path / "state"),
            "ENVGUARD_CACHE": str(tmp_path / "cache"),
        },
    )
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        assert (done.returncode, file.read()) == (0, b"through")
