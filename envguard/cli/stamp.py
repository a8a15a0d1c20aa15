"""``envguard stamp``."""

from __future__ import annotations

import click
import msgspec

from envguard.cli import completion
from envguard.cli.options import env_option, filled, json_option, policy_option
from envguard.cli.output import here, print_json
from envguard.errors import UsageError


@click.command()
@click.argument("directory", metavar="DIR", callback=filled, shell_complete=completion.folders)
@click.option("--param", "params", metavar="K=V", multiple=True, help="Say this of the run; repeatable.")
@env_option("This environment.  [default: chosen as by `check`]")
@policy_option
@json_option
def stamp(
    directory: str, params: tuple[str, ...], env: str | None, named: str | None, *, as_json: bool
) -> None:
    """Write into a folder which environment this is.

    A receipt as `run` writes it, of no command: what is installed, by which policy it is judged and how, the
    machine, the commit. Where DIR has a receipt already, the parameters are added to it. Python scripts say
    the same of themselves: envguard.stamp("runs/42", params={"lr": 0.1}).

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard stamp runs/42 --param lr=0.1 --param data=v3
    """
    told = dict(map(_parameter, params))
    from envguard.cli.judged import choose
    from envguard.cli.stamping import stamp_run

    receipt = stamp_run(directory, told, str(choose(env).path), (), named)
    judgement = receipt.judgement
    if as_json:
        print_json(receipt)
    elif judgement is not None:
        place = here().shown(judgement.verdict.environment)
        click.echo(f"stamped {directory}: {place}, {judgement.verdict.verdict}")


def _parameter(text: str) -> tuple[str, object]:
    """A name and its value: a number, true, false and null are such, all else is text."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"NAME=VALUE is expected: not `{text}`", where="--param")
    try:
        return name, msgspec.json.decode(value, type=bool | int | float | None)
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return name, value
