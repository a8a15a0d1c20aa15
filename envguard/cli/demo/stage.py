"""The tale of the demo, from the first environment to the check that is compliant again."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from envguard.cli.demo.children import (
    Children,
    Said,
    envguard_environ,
    first_line,
    python_environ,
    tail,
)
from envguard.cli.demo.install import Progress, build_environments
from envguard.cli.demo.story import Colleague, Story, words_of
from envguard.errors import EnvguardError, TransportError

if TYPE_CHECKING:
    from rich.console import Console

_ENVGUARD = (sys.executable, "-m", "envguard.cli.main")
_COMMAND_WITHIN_S = 60.0
_SCRIPT_WITHIN_S = 60.0
_SERVER_WITHIN_S = 30.0
_REPORT_WITHIN_S = 60.0
_MEND_WITHIN_S = 300.0
_POLL_S = 0.25


class Serving(msgspec.Struct, frozen=True):
    """What the demo's server announced."""

    url: str
    join: str
    admin_token_file: str


class Stage:
    """The folder, the children and the console with which the tale is told."""

    def __init__(self, folder: Path, story: Story, children: Children, console: Console) -> None:
        self._folder = folder
        self._story = story
        self._children = children
        self._console = console
        self._agents: dict[str, subprocess.Popen[bytes]] = {}

    def play(self) -> Serving:
        """Tell it all and answer the server, which runs on."""
        self._install()
        self._run_script()
        self._title("a server, a policy, three agents")
        serving = self._start_server()
        token = Path(serving.admin_token_file).read_text().strip()
        admin = {"ENVGUARD_SERVER": serving.url, "ENVGUARD_TOKEN": token}
        self._push(admin)
        self._start_agents(serving.join)
        self._wait_for_report(admin)
        self._title("the team's drift report: envguard team")
        self._show(self._call("team", environ={**admin, **self._looks}))
        self._mend(self._story.colleagues[1])
        return serving

    def _install(self) -> None:
        self._title(f"three machines, Python {words_of(self._story.version)}: installing")
        if self._story.notice is not None:
            self._say(f"  {self._story.notice}")
        with Progress(self._console) as progress:
            build_environments(self._story, self._folder, self._children, progress)
        for colleague in self._story.colleagues:
            self._say(f"  {colleague.machine}  ready: {colleague.words}")

    def _run_script(self) -> None:
        self._title("the same ten lines on each: python train.py")
        for colleague in self._story.colleagues:
            said = self._children.run(
                (".venv/bin/python", "train.py"),
                environ=python_environ(self._folder),
                within_s=_SCRIPT_WITHIN_S,
                what=f"train.py of {colleague.machine}",
                cwd=self._project(colleague),
            )
            self._say(f"  {colleague.machine}  {said.last_line}")

    def _start_server(self) -> Serving:
        state, out, log = (self._folder / name for name in ("server", "server.json", "server.log"))
        process = self._children.start(
            (*_ENVGUARD, "server", "--listen", "127.0.0.1:0", "--state", str(state), "--json"),
            environ=envguard_environ(self._folder, {}),
            out=out,
            err=log,
        )
        line = first_line(process, out, log=log, within_s=_SERVER_WITHIN_S, what="the demo's server")
        serving = msgspec.json.decode(line, type=Serving)
        self._say(f"  server   {serving.url}")
        return serving

    def _push(self, admin: Mapping[str, str]) -> None:
        source = self._story.policy
        (self._folder / source.filename).write_text(source.text)
        if source.lock_filename is not None and source.lock_text is not None:
            (self._folder / source.lock_filename).write_text(source.lock_text)
        self._call("policy", "push", source.filename, environ=admin)
        self._say("  policy   rl-team pushed")

    def _start_agents(self, join: str) -> None:
        for colleague in self._story.colleagues:
            own = self._own(colleague)
            roots = ("--roots", str(self._project(colleague)))
            self._call("join", "-", "--name", colleague.machine, *roots, environ=own, given=join)
            self._agents[colleague.machine] = self._children.start(
                (*_ENVGUARD, "agent"),
                environ=envguard_environ(self._folder, own),
                out=self._agent_log(colleague.machine),
            )
            self._say(f"  agent    {colleague.machine}")

    def _wait_for_report(self, admin: Mapping[str, str]) -> None:
        deadline = time.monotonic() + _REPORT_WITHIN_S
        while True:
            machines = json.loads(self._call("team", "--json", environ=admin).out)["machines"]
            judged = {each["name"] for each in machines if each["verdict"] in ("compliant", "drifted")}
            late = [machine for machine in self._agents if machine not in judged]
            if not late:
                return
            log = tail(self._agent_log(late[0]))
            if self._agents[late[0]].poll() is not None:
                raise EnvguardError(f"the agent of {late[0]} ended{log}")
            if time.monotonic() > deadline:
                raise TransportError(f"{late[0]} did not report within {_REPORT_WITHIN_S:g} s{log}")
            time.sleep(_POLL_S)

    def _mend(self, colleague: Colleague) -> None:
        self._title(f"{colleague.machine} looks: envguard check .venv")
        checked = self._check(colleague)
        line = mend_line(checked.out)
        if line is None:
            raise EnvguardError("`envguard check` printed no line that mends", hint="envguard check .venv")
        self._title(f"{colleague.machine} pastes the line")
        self._say(f"$ {self._without_folder(line)}")
        pasted = self._children.run(
            ("/bin/sh", "-c", line),
            environ=python_environ(self._folder),
            within_s=_MEND_WITHIN_S,
            what="the line",
            cwd=self._project(colleague),
        )
        if pasted.code:
            raise EnvguardError(f"the line that mends failed: {pasted.last_line}")
        self._say(f"  done: {installed(pasted)}")
        self._title(f"{colleague.machine} looks again: envguard check .venv")
        self._check(colleague)

    def _check(self, colleague: Colleague) -> Said:
        environ = {**self._own(colleague), **self._looks}
        said = self._call("check", ".venv", environ=environ, cwd=self._project(colleague))
        self._show(said)
        return said

    def _call(
        self,
        *arguments: str,
        environ: Mapping[str, str],
        given: str | None = None,
        cwd: Path | None = None,
    ) -> Said:
        """Run an envguard command; a verdict of 1 is an answer, anything else but 0 a failure."""
        said = self._children.run(
            (*_ENVGUARD, *arguments),
            environ=envguard_environ(self._folder, environ),
            within_s=_COMMAND_WITHIN_S,
            what=f"`envguard {arguments[0]}`",
            given=given,
            cwd=cwd,
        )
        if said.code not in (0, 1) or (said.code == 1 and not said.out):
            raise EnvguardError(f"`envguard {arguments[0]}` failed: {said.last_line}")
        return said

    @property
    def _looks(self) -> Mapping[str, str]:
        """What makes a child print as if it printed here itself."""
        width = {"COLUMNS": str(self._console.width)}
        is_coloured = self._console.is_terminal and not self._console.no_color
        return {**width, "FORCE_COLOR": "1"} if is_coloured else {**width, "NO_COLOR": "1"}

    def _show(self, said: Said) -> None:
        click.echo(self._without_folder(said.out), nl=False)

    def _say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, markup=False)

    def _title(self, text: str) -> None:
        self._console.print(f"\n{text}", soft_wrap=True, markup=False, style="bold")

    def _without_folder(self, text: str) -> str:
        return text.replace(str(self._folder), "DEMO")

    def _own(self, colleague: Colleague) -> Mapping[str, str]:
        """As on a machine of its own: its agent tells its verdicts to nobody on this one."""
        return {
            "ENVGUARD_STATE": str(self._folder / f"{colleague.machine}.state"),
            "RUNTIME_DIRECTORY": str(self._folder / f"{colleague.machine}.run"),
        }

    def _project(self, colleague: Colleague) -> Path:
        return self._folder / colleague.machine

    def _agent_log(self, machine: str) -> Path:
        return self._folder / f"{machine}.agent.log"


def mend_line(printed: str) -> str | None:
    """Answer the command that ``check`` printed to be pasted; None where it printed none."""
    lines = click.unstyle(printed).splitlines()
    return next((line.removeprefix("mend").strip() for line in lines if line.startswith("mend  ")), None)


def installed(said: Said) -> str:
    """Answer what pip said that it installed, such as ``gym 0.26.2``; else its last line."""
    for line in said.out.splitlines():
        if line.startswith("Successfully installed "):
            packages = (name.rpartition("-") for name in line.split()[2:])
            return ", ".join(f"{name} {version}" for name, _, version in packages)
    return said.last_line


def write_stop(folder: Path, pids: list[int]) -> str:
    """Write a script into the folder that ends processes and removes the folder; answer the line to paste."""
    numbers, place = " ".join(map(str, pids)), shlex.quote(str(folder))
    (folder / "stop").write_text(_STOP.format(pids=numbers, folder=place))
    return f"sh {shlex.quote(str(folder / 'stop'))}"


_STOP = """\
# Ends a demo that was kept. Read as a whole before it removes itself.
{{
    kill {pids} 2>/dev/null
    for pid in {pids}; do
        for tenth in $(seq 100); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
    done
    rm -rf {folder}
    exit
}}
"""
