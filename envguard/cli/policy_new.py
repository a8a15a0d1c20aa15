"""``envguard policy new``: a policy from a template, or from what an environment contains."""

from __future__ import annotations

import difflib
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from envguard.cli import completion
from envguard.cli.options import filled, json_option
from envguard.cli.output import print_json, tell
from envguard.errors import UsageError
from envguard.formats.templates import NEEDS_LOCK, Template, policy_from_template
from envguard.report.printable import printable

if TYPE_CHECKING:
    from envguard.report.written import NewDocument
    from envguard.runs.founding import Founded, FoundedFile

_NO_MARKER = (
    "no project holds this environment, so nothing names the policy: envguard check {env} --policy {policy}"
)


@click.command()
@click.argument("name", required=False, callback=filled)
@click.option(
    "--from-env",
    "env",
    metavar="ENV",
    callback=filled,
    shell_complete=completion.files,
    help="The environment to write down, as `check` takes it.",
)
@click.option(
    "--template", type=click.Choice(get_args(Template)), help="What to begin with.  [default: minimal]"
)
@click.option("--output", metavar="FILE", callback=filled, help="The policy's file.  [default: NAME.yaml]")
@click.option("--dry-run", is_flag=True, help="Print the files, and write nothing.")
@json_option
def new(
    name: str | None,
    env: str | None,
    template: Template | None,
    output: str | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Write a new policy.

    NAME is made from the project's or the folder's name where it is not said. With --from-env it says what
    an environment contains: a lock of just that is written beside it (or the project's own lock is named,
    where the environment matches it), and the project's marker, so that `envguard check` is compliant. No
    network is needed. Nothing that is there is written over.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard policy new --from-env .venv
    """
    from envguard.cli.written import WrittenFile, refuse_existing, write_all

    if env is not None and template is not None:
        raise UsageError("--template begins a policy, --from-env writes one whole", where="--template")
    file = Path(output) if output is not None else None
    founded = _from_template(name, template or "minimal", file) if env is None else _from_env(name, env, file)
    files = [WrittenFile(path=each.path, text=each.text, before=each.before) for each in founded.files]
    if dry_run:
        refuse_existing(files)
    else:
        write_all(files)
    if as_json:
        print_json(_document(founded, env, is_dry_run=dry_run))
    elif dry_run:
        _show_files(founded.files)
    else:
        _show(founded, env)


def _from_template(name: str | None, template: Template, output: Path | None) -> Founded:
    from envguard.formats import project_lock
    from envguard.inventory import project_of
    from envguard.runs.founding import Founded, FoundedFile, named_file

    cwd = Path.cwd()
    project = project_of(cwd)
    own = project.name if project is not None else None
    called, path = named_file(name, own or cwd.name, output, Path())
    lock = None
    if template in NEEDS_LOCK:
        found = project_lock(cwd)
        if found is None:
            raise UsageError(
                "this folder has no lock for the template to name",
                where=f"--template {template}",
                hint="--from-env ENV writes one; or lock first: uv lock, poetry lock, pip freeze",
            )
        lock = Path(os.path.relpath(found[0], path.absolute().parent)).as_posix()
    python = f"==3.{sys.version_info.minor}.*"
    text = policy_from_template(template, name=called, file=path.name, python=python, lock=lock)
    return Founded(
        name=called,
        files=(FoundedFile(path=path, role="policy", text=text),),
        lock=lock,
        marker=None,
        left_out=(),
        notes=(),
    )


def _from_env(name: str | None, env: str, output: Path | None) -> Founded:
    from envguard.cli.judged import bound_environment, choose
    from envguard.cli.local import held_policies, this_machine
    from envguard.cli.output import now
    from envguard.inventory import machine_facts
    from envguard.runs.founding import found, place_for

    environment = bound_environment(choose(env).path)
    place = place_for(environment.record, name=name, output=output, cwd=Path.cwd(), known=held_policies())
    founded = found(environment, machine_facts(), place, machine=this_machine().name, now=now())
    for words, bound in (
        ("ENVGUARD_POLICY", os.environ.get("ENVGUARD_POLICY")),
        ("use", environment.record.use),
    ):
        if bound:
            tell(f"warning: {words} names `{bound}`, which goes before the project's marker")
    return founded


def _document(founded: Founded, env: str | None, *, is_dry_run: bool) -> NewDocument:
    from envguard.report.written import NewDocument, WrittenPart

    return NewDocument(
        name=founded.name,
        environment=env,
        lock=founded.lock,
        marker=str(founded.marker) if founded.marker is not None else None,
        files=tuple(WrittenPart(str(each.path), each.role) for each in founded.files),
        left_out=founded.left_out,
        notes=founded.notes,
        dry_run=is_dry_run,
    )


def _show(founded: Founded, env: str | None) -> None:
    for each in founded.files:
        verb = "wrote" if each.before is None else "added the marker to"
        click.echo(f"{verb} {_near(each.path)}")
    if founded.lock is not None:
        click.echo(f"lock: {founded.lock}")
    for each_out in founded.left_out:
        tell(f"not in the lock: {each_out.name} {each_out.version or ''}: {each_out.reason}")
    for note in founded.notes:
        tell(f"note: {note}")
    policy = shlex.quote(_near(founded.files[0].path))
    if env is None:
        click.echo(f"next: envguard policy lint {policy}")
    elif founded.marker is None:
        tell(f"note: {_NO_MARKER.format(env=shlex.quote(env), policy=policy)}")
    else:
        click.echo(f"next: envguard check {printable(shlex.quote(env))}")


def _show_files(files: Sequence[FoundedFile]) -> None:
    for each in files:
        if each.before is None:
            click.echo(f"--- {_near(each.path)}\n{each.text}", nl=not each.text.endswith("\n"))
        else:
            before, after = each.before.splitlines(), each.text.splitlines()
            click.echo(
                "\n".join(
                    difflib.unified_diff(before, after, _near(each.path), _near(each.path), lineterm="")
                )
            )


def _near(path: Path) -> str:
    """The path as seen from here, where it lies below."""
    try:
        return printable(str(path.absolute().relative_to(Path.cwd())))
    except ValueError:
        return printable(str(path))
