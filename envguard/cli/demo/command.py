"""``envguard demo``: the whole story on this machine, in a temporary folder, with real processes."""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
import time
from pathlib import Path

import click

from envguard.cli.demo.children import Children, Interrupts
from envguard.cli.demo.stage import Serving, Stage, write_stop
from envguard.cli.demo.story import Story, choose_story, interpreters, policies_folder
from envguard.cli.output import console, here, tell
from envguard.errors import UsageError

_REMOVE_TRIES = 20
_REMOVE_EVERY_S = 0.1


@click.command()
@click.option("--keep", is_flag=True, help="Leave the environments, the server and the agents there.")
@click.option("--python", metavar="PATH", help="The interpreter to build with; default: the best one found.")
def demo(*, keep: bool, python: str | None) -> None:
    """Show the whole story on this machine.

    In a temporary folder: three environments, a server, three agents, one policy. Ctrl-C leaves nothing.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard demo --keep
    """
    with Interrupts() as interrupts:
        story = choose_story(interpreters() if python is None else [_named(python)])
        # Resolved: commands that run inside show it so, and it is looked for in what they print.
        folder = Path(tempfile.mkdtemp(prefix="envguard-demo-")).resolve()
        children = Children(interrupts, folder)
        is_kept = False
        # Twice: a signal may come between the block's end and the first line of its `finally`.
        try:
            try:
                _play(folder, story, children, keep=keep)
                is_kept = keep
            finally:
                interrupts.end()
        finally:
            if not is_kept:
                children.stop()
                _remove(folder)


def _named(python: str) -> str:
    found = shutil.which(python)
    if found is None:
        raise UsageError(f"no such interpreter: `{python}`", where="--python", hint="envguard demo")
    return str(Path(found).absolute())


def _play(folder: Path, story: Story, children: Children, *, keep: bool) -> None:
    printer = console()
    serving = Stage(folder, story, children, printer).play()
    printer.print("\nwhat to try next", style="bold")
    if keep:
        _tell_what_is_kept(folder, story, serving)
        click.echo(f"\nkept until you paste: {write_stop(folder, children.pids())}")
    else:
        _tell_what_is_next()


def _tell_what_is_next() -> None:
    command = _command()
    policy = here().shown(str(policies_folder() / "rl-team.yaml"))
    _tell_commands(
        (f"{command} demo --keep", "leaves it running"),
        (f"{command} scan", "this whole machine"),
        (f"{command} check --policy {shlex.quote(policy)}", "the active one"),
    )


def _tell_what_is_kept(folder: Path, story: Story, serving: Serving) -> None:
    machine = story.colleagues[2].machine
    state, environment = (
        shlex.quote(str(folder / name)) for name in (f"{machine}.state", f"{machine}/.venv")
    )
    token = shlex.quote(serving.admin_token_file)
    command = _command()
    for line in (
        f"ENVGUARD_STATE={state} {command} check {environment}",
        f"ENVGUARD_SERVER={serving.url} ENVGUARD_TOKEN=$(cat {token}) {command} team",
        f"{serving.url} in a browser; the token is in {token}",
    ):
        click.echo(f"  {line}")


def _tell_commands(*lines: tuple[str, str]) -> None:
    width = max(len(command) for command, _ in lines)
    for command, words in lines:
        click.echo(f"  {command:{width}}  # {words}")


def _command() -> str:
    """Answer how a person types ``envguard`` here: it need not be on the PATH."""
    beside = Path(sys.executable).parent / "envguard"
    if shutil.which("envguard") is not None or not beside.exists():
        return "envguard"
    return shlex.quote(here().shown(str(beside)))


def _remove(folder: Path) -> None:
    """Remove a folder in which a process that was killed may have just written."""
    for _ in range(_REMOVE_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_REMOVE_EVERY_S)
    tell(f"warning: could not be removed: {folder}")
