"""Options and values that mean the same in every command."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from stat import S_ISDIR
from typing import Any, TypeVar

import click

from envguard.cli import completion
from envguard.domain.nearest import nearest
from envguard.errors import UsageError

Command = TypeVar("Command", bound=Callable[..., Any])

_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}


def seconds(_ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Answer a span of time; ``nan``, ``inf`` and what is not above zero are wrong usage."""
    if value is None:
        return None
    try:
        span = float(value)
    except ValueError:
        span = math.nan
    if not math.isfinite(span) or span <= 0:
        raise UsageError(f"seconds are expected, more than 0: not `{value}`", where=shown_name(param))
    return span


def lasting(_ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Answer seconds: ``90d``, ``12h``, ``30m``, or a number of them."""
    if value is None:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,8})([smhdw]?)", value.strip(), re.ASCII)
    if found is None:
        raise UsageError(f"not a span of time: {value}", where=shown_name(param), hint="90d, 12h, 30m")
    return int(found[1]) * _UNITS_S[found[2]]


def labels(_ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    """Answer labels of a machine: each ``KEY=VALUE``."""
    pairs = dict(each.partition("=")[::2] for each in value)
    if not all(key.strip() for key in pairs):
        raise UsageError("a label has a key", where=shown_name(param), hint="--label gpu=a100")
    return pairs


def filled(_ctx: click.Context, param: click.Parameter, value: Any) -> Any:  # click's signature
    """Refuse an empty text: a variable of the shell that nobody set must not mean the current folder."""
    if any(each == "" for each in (value if isinstance(value, tuple) else (value,))):
        raise UsageError("it is empty", where=shown_name(param))
    return value


def folders(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[Path, ...]:
    """Answer the folders that are named; one that is not there is wrong usage."""
    named = tuple(Path(each) for each in filled(ctx, param, value))
    for folder in named:
        if _is_no_folder(folder):
            raise UsageError(
                f"no such folder: {folder}", where=shown_name(param), hint=_nearest_folder(folder)
            )
    return named


def env_option(help_: str) -> Callable[[Command], Command]:
    """Answer ``--env ENV`` with what it means for this command."""
    return click.option("--env", metavar="ENV", callback=filled, shell_complete=completion.files, help=help_)


def shown_name(param: click.Parameter) -> str:
    """Answer what a command line calls it: ``--roots``, ``ENV``."""
    return max(param.opts, key=len) if isinstance(param, click.Option) else param.human_readable_name


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
roots_option = click.option(
    "--roots",
    metavar="DIR",
    multiple=True,
    callback=folders,
    shell_complete=completion.folders,
    help="Look only below; repeatable.",
)
policy_option = click.option(
    "--policy",
    "named",
    metavar="P",
    callback=filled,
    shell_complete=completion.policies_and_files,
    help="A policy's name, a policy file, or a lock.",
)
server_state_option = click.option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="DIR",
    callback=filled,
    help="The server's folder; default: as of `envguard server`.",
)
database_option = click.option(
    "--database",
    metavar="URL",
    callback=filled,
    help="An SQLAlchemy URL; default: SQLite in the state folder.",
)
verbose_option = click.option("-v", "--verbose", count=True, help="Say more; twice: everything.")


def _is_no_folder(path: Path) -> bool:
    """Whether there is none; one that cannot be seen from here may well be there."""
    try:
        return not S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return True
    except OSError:
        return False


def _nearest_folder(path: Path) -> str | None:
    """What was probably meant: a folder beside it of nearly this name."""
    try:
        beside = [each.name for each in path.parent.iterdir() if each.is_dir()]
    except (OSError, ValueError):
        return None
    name = nearest(path.name, beside)
    return str(path.parent / name) if name is not None else None
