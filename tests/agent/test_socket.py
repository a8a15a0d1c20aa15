"""The agent's socket, asked by other processes as the guard asks."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from envguard.state import State
from envguard.state.runtime import verdict_file_name
from tests.agent.team import Team, joined
from tests.builders.environments import install, make_venv, site_packages
from tests.builders.verdict_reader import Read, read_file, read_verdict

ROOT = Path(__file__).resolve().parents[2]
LONG_S = 3600.0
AGENT = """
import sys
from pathlib import Path
from envguard.agent import run_forever
from envguard.log import configure
from envguard.state import open_state
configure()
run_forever(open_state(Path(sys.argv[1])))
"""
ASKING = """
import os, socket, sys
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
with socket.socket(socket.AF_UNIX) as asking:
    asking.connect(sys.argv[1])
    asking.sendall(sys.argv[2].encode())
    print(asking.makefile().read(), end="")
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short name that everybody may enter: as a machine's runtime folder is."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    (folder / "run").mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def env(tmp_path: Path) -> Path:
    folder = tmp_path / "roots" / "project"
    folder.mkdir(parents=True)
    install(make_venv(Path(sys.executable), folder / ".venv"), gym="0.26.2")
    time.sleep(1.05)  # what changed within the last second is not trusted
    return folder / ".venv"


@pytest.fixture
def machine(tmp_path: Path, env: Path) -> Iterator[tuple[State, Team]]:
    """It looks by itself once an hour."""
    assert env.exists()
    with joined(tmp_path, interval_s=LONG_S) as (state, team, _server):
        yield state, team


@contextmanager
def running(state: State, place: Path, log: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": str(place / "run")}
    with (log or Path(os.devnull)).open("wb") as errors:
        process = subprocess.Popen([sys.executable, "-c", AGENT, str(state.path)], env=environ, stderr=errors)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def socket_of(place: Path) -> Path:
    return place / "run" / "envguard" / "agent.sock"


def send(place: Path, question: bytes) -> bytes:
    """The whole answer; nothing where it hung up."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(10)
        asking.connect(str(socket_of(place)))
        try:
            asking.sendall(question)
            return b"".join(iter(lambda: asking.recv(65536), b""))
        except (BrokenPipeError, ConnectionResetError):
            return b""


def ask(place: Path, environment: Path | str, policy: str = "") -> bytes:
    return send(place, f"judge 1\t{environment}\t{policy}\n".encode())


def eventually(place: Path, environment: Path | str) -> Read:
    """The first answer with a verdict."""
    ends_at = time.monotonic() + 40
    answer = b""
    while time.monotonic() < ends_at:
        try:
            answer = ask(place, environment)
        except OSError:
            answer = b""
        if answer and not answer.startswith(b"refused\t"):
            return read_verdict(answer)
        time.sleep(0.1)
    raise AssertionError(answer)


def test_it_says_what_the_file_says_without_the_notes(
    machine: tuple[State, Team], place: Path, env: Path
) -> None:
    with running(machine[0], place):
        read = eventually(place, env)
        status = socket_of(place).stat()
        filed = read_file(place / "run" / "envguard" / "verdicts" / verdict_file_name(str(env)))
    assert stat.S_ISSOCK(status.st_mode)
    assert status.st_mode & 0o777 == (0o666 if os.geteuid() == 0 else 0o600)
    assert read.notes == ()
    assert (read.head, read.findings) == (filed.head, filed.findings)
    assert read.outcome == "drifted"


def test_what_changed_is_refused_and_looked_at_soon(
    machine: tuple[State, Team], place: Path, env: Path
) -> None:
    state, team = machine
    with running(state, place):
        eventually(place, env)
        before = len(team.checkins)
        shutil.rmtree(site_packages(env) / "gym-0.26.2.dist-info")
        install(env, gym="0.25.2")
        answer = ask(place, env)
        assert answer.startswith(b"refused\tchanged since ")
        assert b"; the next look is at " in answer
        assert eventually(place, env).outcome == "compliant"
        assert len(team.checkins) == before, "the server hears of it in its time"


def test_after_a_kill_the_next_agent_answers_in_the_same_place(
    machine: tuple[State, Team], place: Path, env: Path
) -> None:
    state, _ = machine
    with running(state, place) as process:
        first = eventually(place, env)
        process.kill()
        process.wait()
        assert socket_of(place).exists()
        with pytest.raises(ConnectionRefusedError):
            ask(place, env)
        left = read_file(place / "run" / "envguard" / "verdicts" / verdict_file_name(str(env)))
        assert left.holds()
    with running(state, place):
        again = eventually(place, env)
    assert again.findings == first.findings
    assert again.times >= first.times


def test_at_a_clean_end_the_socket_goes_and_the_files_stay(
    machine: tuple[State, Team], place: Path, env: Path
) -> None:
    with running(machine[0], place) as process:
        eventually(place, env)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert not socket_of(place).exists()
    assert read_file(place / "run" / "envguard" / "verdicts" / verdict_file_name(str(env))).holds()


def test_another_agents_socket_is_left_to_it(
    machine: tuple[State, Team], place: Path, env: Path, tmp_path: Path
) -> None:
    with running(machine[0], place), joined(tmp_path / "other") as (other, team, _server):
        eventually(place, env)
        inode = socket_of(place).stat().st_ino
        with running(other, place, tmp_path / "log") as process:
            wait_for(lambda: len(team.checkins) >= 2)
            assert process.poll() is None
            assert (tmp_path / "log").read_text().count("another agent tells its verdicts there") == 1
        assert socket_of(place).stat().st_ino == inode
        assert eventually(place, env).outcome == "drifted"


def test_what_is_no_dead_socket_of_ours_is_left_and_files_are_written_all_the_same(
    machine: tuple[State, Team], place: Path, env: Path, tmp_path: Path
) -> None:
    (place / "run" / "envguard").mkdir(mode=0o755)
    socket_of(place).write_text("theirs")
    file = place / "run" / "envguard" / "verdicts" / verdict_file_name(str(env))
    with running(machine[0], place, tmp_path / "log"):
        wait_for(file.exists)
    assert socket_of(place).read_text() == "theirs"
    assert "socket_not_opened" in (tmp_path / "log").read_text()


def wait_for(condition: object) -> None:
    assert callable(condition)
    ends_at = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.05)


def test_it_answers_while_the_loop_waits_for_the_server(
    machine: tuple[State, Team], place: Path, env: Path
) -> None:
    state, team = machine
    with running(state, place) as process:
        eventually(place, env)
        process.kill()
        process.wait()
    team.may_answer.clear()
    try:
        with running(state, place):
            eventually(place, env)
            began = time.monotonic()
            for _ in range(20):
                read_verdict(ask(place, env))
            assert time.monotonic() - began < 10
    finally:
        team.may_answer.set()


@pytest.mark.parametrize(
    ("policy", "words"),
    [("rl-team", None), ("other", b"refused\tanother policy judges it here: rl-team\n")],
    ids=["the one that judged", "another"],
)
def test_a_policy_that_is_named_must_be_the_one_that_judged(
    policy: str, words: bytes | None, machine: tuple[State, Team], place: Path, env: Path
) -> None:
    with running(machine[0], place):
        eventually(place, env)
        answer = ask(place, env, policy)
    if words is None:
        assert read_verdict(answer).outcome == "drifted"
    else:
        assert answer == words


BAD = {
    "nothing": b"\n",
    "another version": b"judge 2\t/e\t\n",
    "another word": b"upgrade 1\t/e\t\n",
    "too few fields": b"judge 1\t/e\n",
    "too many fields": b"judge 1\t/e\t\t\n",
    "a bad escape": b"judge 1\t/\\x\t\n",
    "bytes": b"\xff\0\xfe\n",
    "an environment that is not known": b"judge 1\t/nowhere\\n\t\n",
    "a path with a zero": b"judge 1\t/no\0where\t\n",
    "no path": b"judge 1\t\t\n",
}


def test_bad_questions_are_refused_or_hung_up_on_and_good_ones_answered(
    machine: tuple[State, Team], place: Path, env: Path, tmp_path: Path
) -> None:
    with running(machine[0], place, tmp_path / "log") as process:
        eventually(place, env)
        for name, question in BAD.items():
            answer = send(place, question)
            assert answer.startswith(b"refused\t"), name
            assert answer.count(b"\n") == 1, name
            assert answer.endswith(b"\n"), name
        assert send(place, b"a" * 20000 + b"\n") == b""
        assert send(place, b"judge 1\t/" + b"a" * 8000 + b"\t\n").startswith(b"refused\t")
        began = time.monotonic()
        assert send(place, b"judge 1\t") == b"", "a line that does not end"
        assert time.monotonic() - began < 5
        assert read_verdict(ask(place, env)).outcome == "drifted"
        assert process.poll() is None
    assert "question_broke" not in (tmp_path / "log").read_text()


def test_the_silent_do_not_keep_the_others_out_for_long(
    machine: tuple[State, Team], place: Path, env: Path
) -> None:
    with running(machine[0], place), ExitStack() as stack:
        eventually(place, env)
        for _ in range(40):
            silent = stack.enter_context(socket.socket(socket.AF_UNIX))
            silent.connect(str(socket_of(place)))
        last = stack.enter_context(socket.socket(socket.AF_UNIX))
        last.settimeout(5)
        last.connect(str(socket_of(place)))
        assert last.recv(1) == b"", "one too many is hung up on"
        assert eventually(place, env).outcome == "drifted"


def test_as_many_as_a_job_has_scripts_reach_an_agent_that_has_no_moment_just_now(
    machine: tuple[State, Team], place: Path, env: Path
) -> None:
    """They do not wait to be let in: a script's connection has a time limit, so the kernel says no."""
    with running(machine[0], place) as process, ExitStack() as stack:
        eventually(place, env)
        process.send_signal(signal.SIGSTOP)
        stack.callback(process.send_signal, signal.SIGCONT)
        for _ in range(200):
            asking = stack.enter_context(socket.socket(socket.AF_UNIX))
            asking.settimeout(5)
            asking.connect(str(socket_of(place)))
        process.send_signal(signal.SIGCONT)
        assert eventually(place, env).outcome == "drifted"


def asked_by_another(place: Path, environment: Path) -> str:
    """The answer to a process of another user, where we may start one; else to one of our own."""
    arguments = [sys.executable, "-I", "-c", ASKING, str(socket_of(place)), f"judge 1\t{environment}\t\n"]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=30, check=True).stdout


@pytest.mark.parametrize("closed", [None, "project", "project/.venv"], ids=str)
def test_a_user_hears_of_what_he_may_read_and_not_even_that_there_is_more(
    closed: str | None, tmp_path: Path, place: Path
) -> None:
    env = make_venv(Path(sys.executable), place / "roots" / "project" / ".venv")
    install(env, gym="0.26.2")
    if closed is not None:
        (place / "roots" / closed).chmod(0o700)
    time.sleep(1.05)
    with joined(tmp_path, roots=place / "roots") as (state, _team, _server), running(state, place):
        assert eventually(place, env).outcome == "drifted"
        answer, unknown = asked_by_another(place, env), asked_by_another(place, place / "nowhere")
    if closed is None or os.geteuid() != 0:
        assert read_verdict(answer.encode()).outcome == "drifted"
    else:
        assert answer == unknown.replace(str(place / "nowhere"), str(env))
    assert unknown.startswith("refused\t")
