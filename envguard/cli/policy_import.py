"""``envguard policy import``: a lock of another format as ``pylock.toml``."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import click
import msgspec

from envguard.cli import completion
from envguard.cli.options import filled, json_option
from envguard.cli.output import print_json, tell
from envguard.domain.locks.lock import LeftOut, Lock
from envguard.errors import PolicyError, UsageError
from envguard.report.printable import printable

_PYLOCK = re.compile(r"pylock(\.[^.]+)?\.toml|.+\.pylock\.toml")
_MINOR = re.compile(r"3\.[0-9]{1,2}")
_LOWEST = re.compile(r"(?:>=|==|~=)\s*(3\.[0-9]{1,2})")


class Imported(msgspec.Struct, frozen=True):
    """A lock as it is to be written."""

    text: str
    lock: Lock
    left_out: tuple[LeftOut, ...]


@click.command("import")
@click.argument("lock", callback=filled, shell_complete=completion.files)
@click.option("--output", metavar="FILE", callback=filled, help="What to write.  [default: NAME.pylock.toml]")
@click.option(
    "--python-version",
    metavar="X.Y",
    callback=filled,
    help="The lowest Python to ask an index for, where LOCK names no files.  [default: LOCK's, or this]",
)
@click.option("--allow-incomplete", is_flag=True, help="Leave out what a pylock.toml has no place for.")
@click.option("--dry-run", is_flag=True, help="Print it, and write nothing.")
@json_option
def import_lock(
    lock: str,
    output: str | None,
    python_version: str | None,
    *,
    allow_incomplete: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Write a lock of another format as pylock.toml.

    It has names and hashes of files, and no addresses of indexes. What LOCK says of extras, groups and
    platforms becomes markers. Where LOCK names no files (requirements.txt, Pipfile.lock), uv asks your index
    for those of its pins; nothing is resolved anew.

    Exit code: 0 done, 2 wrong usage or something has no place in it, 3 it could not be done.

    Example: envguard policy import uv.lock --output policies/rl-team.pylock.toml
    """
    from envguard.cli.written import WrittenFile, refuse_existing, write_all
    from envguard.formats import read_lock

    path = Path(lock)
    read = read_lock(path)
    target = _target(path, output, read)
    file = WrittenFile(path=target, text="")
    if not dry_run:
        refuse_existing([file])
    imported = _imported(path, read, target, python_version)
    if imported.left_out and not allow_incomplete:
        raise _incomplete(path, imported.left_out)
    if not dry_run:
        write_all([msgspec.structs.replace(file, text=imported.text)])
    if as_json:
        from envguard.report.written import import_document

        print_json(
            import_document(str(path), str(target), imported.lock, imported.left_out, is_dry_run=dry_run)
        )
        return
    if dry_run:
        click.echo(imported.text, nl=False)
    else:
        count = len(imported.lock.packages)
        words = f"{target}: {count} {'package' if count == 1 else 'packages'} of {path}"
        click.echo(printable(words))
    for each in imported.left_out:
        tell(f"left out: {_words(each)}")


def _target(path: Path, output: str | None, lock: Lock) -> Path:
    if output is not None:
        target = Path(output)
        if _PYLOCK.fullmatch(target.name) is None:
            what = f"not the name of a pylock.toml: {target.name}"
            raise UsageError(what, where="--output", hint="NAME.pylock.toml, or pylock.NAME.toml")
        return target
    from envguard.formats.names import name_of_lock, policy_name_from

    called = name_of_lock(path.name) or lock.project or path.absolute().parent.name
    return path.parent / f"{policy_name_from(called)}.pylock.toml"


def _imported(path: Path, lock: Lock, target: Path, python_version: str | None) -> Imported:
    from envguard.domain.locks.conditions import TooManyConditionsError
    from envguard.domain.locks.flat import flattened
    from envguard.formats import parse_lock
    from envguard.formats.locks.write_pylock import write_pylock

    try:
        flat = flattened(lock)
    except TooManyConditionsError as error:
        raise PolicyError(f"its conditions are too many to be told flat: {error}", where=str(path)) from error
    whole = _with_files(path, flat, python_version)
    folder = os.path.relpath(path.absolute().parent, target.absolute().parent)
    text, left_out = write_pylock(whole, folder=folder)
    if len(left_out) == sum(not package.only_constrains for package in whole.packages):
        raise _incomplete(path, left_out)
    return Imported(text, parse_lock(text, filename=target.name), left_out)


def _with_files(path: Path, lock: Lock, python_version: str | None) -> Lock:
    """The lock with the files that it does not name, as an index has them."""
    from envguard.formats.locks.completion import completed, files_in, pins_to_ask

    pins = pins_to_ask(lock)
    if not pins:
        return lock
    from envguard.cli.asking_uv import ask_uv

    python = _lowest_python(lock, python_version)
    found = completed(lock, files_in(ask_uv(pins, python, path)), where=str(path))
    # Files for earlier Pythons were not asked for: the lock must not speak for them.
    return found if lock.requires_python else msgspec.structs.replace(found, requires_python=f">={python}")


def _lowest_python(lock: Lock, said: str | None) -> str:
    if said is not None:
        if _MINOR.fullmatch(said) is None:
            raise UsageError(f"not a Python's version: `{said}`", where="--python-version", hint="3.11")
        return said
    found = _LOWEST.search(lock.requires_python or "")
    return found[1] if found is not None else f"3.{sys.version_info.minor}"


def _incomplete(path: Path, left_out: tuple[LeftOut, ...]) -> PolicyError:
    problems = [PolicyError(_words(each), where=str(path)) for each in left_out]
    last = PolicyError(
        f"{len(left_out)} of its packages have no place in a pylock.toml",
        where=str(path),
        hint="--allow-incomplete writes the rest; or name this lock in the policy: it is read as it is",
    )
    return PolicyError(last.what, where=last.where, hint=last.hint, problems=[*problems, last])


def _words(each: LeftOut) -> str:
    return f"{each.name}{f' {each.version}' if each.version else ''}: {each.reason}"
