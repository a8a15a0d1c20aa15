"""``envguard demo``: the whole story on this machine, in a temporary folder, with real processes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NoReturn

import click

from envguard.cli.demo_story import Colleague, Story, choose_story
from envguard.errors import EnvguardError, StateError, TransportError

_READY_WITHIN_S = 60.0
_STOP_WITHIN_S = 5.0


@click.command()
@click.option("--keep", is_flag=True, help="Leave the environments, the server and the agents there.")
def demo(*, keep: bool) -> None:
    """Show the whole story here: three machines, one policy, drift, and its mending.

    Example: envguard demo --keep
    """
    signal.signal(signal.SIGTERM, _interrupt)
    story = choose_story()
    folder = Path(tempfile.mkdtemp(prefix="envguard-demo-"))
    stage = _Stage(folder, story)
    try:
        stage.play()
    except BaseException:
        stage.clear()
        raise
    if keep:
        click.echo(f"\nkept: {folder}; stop it with: kill {' '.join(stage.pids())} && rm -r {folder}")
    else:
        stage.clear()


class _Stage:
    """The demo's folder and processes."""

    def __init__(self, folder: Path, story: Story) -> None:
        self._folder = folder
        self._story = story
        self._processes: list[subprocess.Popen[str]] = []

    def play(self) -> None:
        """Tell the story from the first environment to the last check."""
        self._build_environments()
        self._run_script()
        url, join, token_file = self._start_server()
        admin = {"ENVGUARD_SERVER": url, "ENVGUARD_TOKEN": token_file.read_text().strip()}
        self._push(admin)
        self._start_agents(join)
        self._wait_for_report(admin)
        self._title("the team's drift report")
        self._show("team", environ=admin)
        self._mend(self._story.colleagues[1])
        self._title("what to try next")
        click.echo("envguard demo --keep                      # leaves all of this running")
        click.echo("envguard scan                             # every environment of this machine")
        click.echo("envguard check --policy policies/rl-team.yaml   # judge the one that is active")

    def pids(self) -> list[str]:
        """Answer the processes that still run."""
        return [str(process.pid) for process in self._processes if process.poll() is None]

    def clear(self) -> None:
        """Stop what was started and remove the folder; a second Ctrl-C does not cut this short."""
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        for process in self._processes:
            if process.poll() is None:
                process.terminate()
        for process in self._processes:
            _wait_or_kill(process)
        shutil.rmtree(self._folder, ignore_errors=True)
        signal.signal(signal.SIGINT, previous)

    def _build_environments(self) -> None:
        if self._story.notice is not None:
            click.echo(self._story.notice)
        self._title(f"three machines, Python {'.'.join(map(str, self._story.version))}: installing")
        with ThreadPoolExecutor(max_workers=3) as pool:
            jobs = {pool.submit(self._build, each): each for each in self._story.colleagues}
            try:
                for job in as_completed(jobs):
                    job.result()
                    click.echo(f"  {jobs[job].machine}  ready: {jobs[job].words}")
            except BaseException:
                for process in self._processes:
                    process.terminate()
                raise

    def _build(self, colleague: Colleague) -> None:
        project = self._project(colleague)
        project.mkdir()
        (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl-team"\n')
        (project / "train.py").write_text(self._story.script)
        self._install([self._story.python, "-m", "venv", str(project / ".venv")], colleague)
        pip = [str(project / ".venv/bin/python"), "-m", "pip", "--disable-pip-version-check", "install"]
        self._install([*pip, "--progress-bar", "off", *colleague.requirements], colleague)

    def _install(self, command: list[str], colleague: Colleague) -> None:
        log = self._folder / f"{colleague.machine}.log"
        with log.open("a") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, text=True)
            self._processes.append(process)
            code = process.wait()
        if code:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
            raise EnvguardError(
                f"installing for {colleague.machine} failed:\n{tail}", hint="is a package index in reach?"
            )

    def _run_script(self) -> None:
        self._title("the same ten lines on each: python train.py")
        for colleague in self._story.colleagues:
            project = self._project(colleague)
            done = subprocess.run(
                [str(project / ".venv/bin/python"), "train.py"],
                cwd=project,
                capture_output=True,
                text=True,
                check=False,
            )
            lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
            last = lines[-1] if lines else f"exit code {done.returncode}"
            click.echo(f"  {colleague.machine}  {last}")

    def _start_server(self) -> tuple[str, str, Path]:
        self._title("a server, a policy, three agents")
        process = self._start(
            ["server", "--listen", "127.0.0.1:0", "--state", self._path("server"), "--json"]
        )
        line = process.stdout.readline() if process.stdout is not None else ""
        if not line:
            raise StateError("the demo's server did not start", hint="envguard server")
        started = json.loads(line)
        click.echo(f"  server   {started['url']}")
        return started["url"], started["join"], Path(started["admin_token_file"])

    def _push(self, admin: Mapping[str, str]) -> None:
        source = self._story.policy
        (self._folder / source.filename).write_text(source.text)
        if source.lock_filename is not None and source.lock_text is not None:
            (self._folder / source.lock_filename).write_text(source.lock_text)
        self._call("policy", "push", self._path(source.filename), environ=admin)
        click.echo("  policy   rl-team pushed")

    def _start_agents(self, join: str) -> None:
        for colleague in self._story.colleagues:
            own = self._own(colleague)
            name = ["--name", colleague.machine, "--roots", str(self._project(colleague))]
            self._call("join", "-", *name, environ=own, given=join)
            self._start(["agent"], environ=own)
            click.echo(f"  agent    {colleague.machine}")

    def _wait_for_report(self, admin: Mapping[str, str]) -> None:
        deadline = time.monotonic() + _READY_WITHIN_S
        while time.monotonic() < deadline:
            report = json.loads(self._call("team", "--json", environ=admin))
            judged = [each for each in report["machines"] if each["verdict"] in ("compliant", "drifted")]
            if len(judged) == len(self._story.colleagues):
                return
            time.sleep(0.5)
        raise TransportError("the agents did not report in time", hint="envguard demo --keep")

    def _mend(self, colleague: Colleague) -> None:
        own, environment = self._own(colleague), str(self._project(colleague) / ".venv")
        self._title(f"{colleague.machine} looks: envguard check")
        self._show("check", environment, environ=own)
        verdict = json.loads(self._call("check", environment, "--json", environ=own))
        fixes = [each["fix"] for each in verdict["findings"] if each["severity"] == "error" and each["fix"]]
        self._title(f"{colleague.machine} pastes the line")
        for fix in fixes:
            self._install(["/bin/sh", "-c", fix], colleague)
        click.echo(f"  done: {len(fixes)} installed")
        self._show("check", environment, environ=own)

    def _show(self, *arguments: str, environ: Mapping[str, str]) -> None:
        click.echo(self._call(*arguments, environ=environ).replace(str(self._folder), "DEMO"), nl=False)

    def _call(self, *arguments: str, environ: Mapping[str, str], given: str | None = None) -> str:
        """Run an envguard command; a verdict of 1 or 3 is an answer, 2 is a failure."""
        done = subprocess.run(
            [*_ENVGUARD, *arguments],
            env=_clean(environ),
            cwd=self._folder,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in (0, 1) or not (done.stdout or done.returncode == 0):
            raise EnvguardError(f"`envguard {arguments[0]}` failed: {done.stderr.strip()}")
        return done.stdout

    def _start(self, arguments: list[str], environ: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        log = (self._folder / f"{arguments[0]}.log").open("a")
        with contextlib.closing(log):
            process = subprocess.Popen(
                [*_ENVGUARD, *arguments],
                env=_clean(environ or {}),
                stdout=subprocess.PIPE if arguments[0] == "server" else log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                text=True,
                # Ctrl-C is the demo's: it ends its children itself, in order.
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def _own(self, colleague: Colleague) -> Mapping[str, str]:
        return {"ENVGUARD_STATE": self._path(f"{colleague.machine}.state")}

    def _project(self, colleague: Colleague) -> Path:
        return self._folder / colleague.machine

    def _path(self, name: str) -> str:
        return str(self._folder / name)

    def _title(self, text: str) -> None:
        click.echo(f"\n{text}")


_ENVGUARD = (sys.executable, "-m", "envguard.cli.main")
_NOT_INHERITED = ("VIRTUAL_ENV", "CONDA_PREFIX", "NOTIFY_SOCKET", "NO_COLOR")


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    """Answer this environment without what would change the demo, and with what it sets."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("ENVGUARD_") and key not in _NOT_INHERITED
    }
    return {**kept, "COLUMNS": "100", **environ}


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _wait_or_kill(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(_STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
