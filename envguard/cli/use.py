"""``envguard use``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from envguard.cli import completion
from envguard.cli.local import existing_state, kept_policies, local_state
from envguard.cli.options import filled
from envguard.cli.output import tell


@click.command()
@click.argument("policy", callback=filled, shell_complete=completion.policies)
@click.argument("env", required=False, callback=filled, shell_complete=completion.files)
@click.option("--end", is_flag=True, help="End the binding; POLICY is the one that it names.")
def use(policy: str, env: str | None, *, end: bool) -> None:
    """Bind an environment of mine to a policy.

    ENV is chosen as by `check`. The binding goes before the project's marker and `applies-to`.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard use rl-team .venv
    """
    from envguard.cli.judged import choose
    from envguard.errors import UsageError
    from envguard.inventory import read_environment
    from envguard.inventory.files import place_shown_as

    _check_name(policy)
    choice = choose(env)
    record = read_environment(choice.path).record
    if os.getuid() != Path(place_shown_as(record.python)).parent.stat().st_uid:
        raise UsageError(
            f"only its owner may bind it: {record.owner}", where=record.path, hint="ask the owner to run it"
        )
    if end:
        _end(record.path, policy)
        return
    local_state().use(record.path, policy)
    click.echo(f"{record.path} is judged by `{policy}` from now on ({choice.reason})")
    if all(policy not in held for held in kept_policies()):
        tell(f"note: this machine holds no policy `{policy}` yet: until it does, the verdict is unknown")


def _check_name(policy: str) -> None:
    from envguard.errors import UsageError
    from envguard.formats import is_policy_name
    from envguard.runs.policies import is_file_reference

    if is_policy_name(policy) and not is_file_reference(policy):
        return
    raise UsageError(
        f"not a policy's name: {policy}",
        where="POLICY",
        hint="a policy file is named in the project's pyproject.toml: [tool.envguard] policy = FILE; "
        "or judge by it once: envguard check --policy FILE",
    )


def _end(path: str, policy: str) -> None:
    from envguard.errors import UsageError

    state = existing_state()
    bound = state.uses().get(path) if state is not None else None
    if state is None or bound != policy:
        what = f"it is bound to `{bound}`" if bound is not None else "nobody bound it"
        raise UsageError(
            f"not bound to `{policy}`: {what}", where=path, hint=bound and f"envguard use {bound} --end"
        )
    state.use(path, None)
    click.echo(f"{path} is no longer bound to `{policy}`")
