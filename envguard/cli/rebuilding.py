"""An environment is made from a run or a lock, compared with it, and told."""

from __future__ import annotations

import os
import shlex
import signal
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from envguard.cli.asking_uv import find_uv
from envguard.cli.git import answer_of, ask_git
from envguard.cli.output import now, tell
from envguard.cli.progress import Waiting
from envguard.cli.rebuild_source import RunSource, Source, source_of
from envguard.domain.comparison import Comparison, EnvironmentSide, Pair, compare_sides
from envguard.domain.difference import differences_from_lock
from envguard.domain.environment import Environment, is_commit
from envguard.domain.receipt import Receipt
from envguard.errors import EnvguardError, InventoryError
from envguard.inventory import machine_facts
from envguard.inventory.whole_pythons import whole_pythons
from envguard.report.compared import contents_part
from envguard.report.printable import encodable
from envguard.report.rebuilt import Again, RebuildDocument, Rebuilt
from envguard.state.receipts import project_folder
from envguard.updater.children import Children
from envguard.updater.making import Made, Making
from envguard.updater.place import claim
from envguard.updater.planning import Plan, installer_for, plan_for_lock, plan_for_run

if TYPE_CHECKING:
    from envguard.updater.indexes import Indexes
    from envguard.updater.interface import Installer

_CHOOSE_THEMSELVES = frozenset(
    {"conda", "hatch", "mamba", "micromamba", "pdm", "pipenv", "pixi", "poetry", "uv", "uvx"}
)
"""Programs that run a command in an environment of their own choice."""


def rebuild_from(text: str, into: str | None, given: Indexes, *, cwd: str) -> Rebuilt:
    """Make what a word of the command line names; raises EnvguardError where it cannot be made."""
    source = source_of(text, cwd)
    folder = (
        os.path.abspath(into)
        if into is not None
        else os.path.join(project_folder(cwd), f".venv-{source.name}")
    )
    plan = _plan(source, folder)
    installer = installer_for(plan, find_uv(), given, os.environ, cwd)
    _say_what_is_odd(source, plan)
    made = _make(plan, installer, folder, cwd)
    return _told(source, plan, installer, made, cwd)


def _plan(source: Source, folder: str) -> Plan:
    if isinstance(source, RunSource):
        judgement = source.judgement
        return plan_for_run(
            judgement.snapshot,
            judgement.kind,
            source.files,
            judgement.editables,
            whole_pythons(judgement.python, environ=os.environ),
            folder,
        )
    return plan_for_lock(
        source.lock,
        source.choice,
        source.rule,
        source.path,
        machine_facts(),
        whole_pythons(_near(), environ=os.environ),
        folder,
    )


def _near() -> str | None:
    """The environment that one is in, or near to: its Python is the first to think of."""
    from pathlib import Path

    from envguard.inventory import choose_environment

    try:
        return str(choose_environment(None, environ=os.environ, cwd=Path.cwd()).path)
    except EnvguardError:
        return None


def _say_what_is_odd(source: Source, plan: Plan) -> None:
    if not isinstance(source, RunSource):
        return
    if source.receipt.is_changed:
        tell("note: the environment changed while the command ran; this is how it was at the start")
    found, wanted = plan.python.interpreter.version, source.judgement.snapshot.interpreter.version
    if found != wanted:
        tell(f"note: no Python {wanted} is here, so it is made with {found}")


def _make(plan: Plan, installer: Installer, folder: str, cwd: str) -> Made:
    place = claim(folder)
    _stop_by_signals()
    try:
        if place.was_swept:
            tell("note: swept what an earlier rebuild left there unfinished")
        run = Children(cwd, os.path.join(place.work, "log"), place.lock)
        with Waiting("making the environment") as waiting:
            making = Making(place, installer, run, waiting.step, _put_guard)
            made = making.make(plan.recipe, plan.python.path, is_exact=plan.locked is None, now=now())
        place.finish()
        return made
    except BaseException:
        place.clear()
        raise


def _put_guard(folder: str) -> None:
    from pathlib import Path

    from envguard.runs.guard_files import install_guard, site_for_guard

    install_guard(site_for_guard(Path(folder)))


def _stop_by_signals() -> None:
    """What would end this process at once stops it as Ctrl-C does: nothing half made may stay."""

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, stop)


def _told(source: Source, plan: Plan, installer: Installer, made: Made, cwd: str) -> Rebuilt:
    environment = made.environment
    comparison = _compared(source, plan, environment)
    [pair] = comparison.pairs
    is_same = pair.difference.is_empty and not made.modified
    python = os.path.join(environment.record.path, "bin", "python")
    recipe = plan.recipe
    document = RebuildDocument(
        source=encodable(source.given),
        kind="run" if isinstance(source, RunSource) else "policy" if source.is_policy else "lock",
        environment=environment.record.path,
        python=encodable(python),
        same=is_same and not made.not_made,
        digest=environment.record.digest,
        wanted=source.receipt.digest if isinstance(source, RunSource) else None,
        installer=installer.name,
        packages=len(recipe.ingredients),
        by_hash=sum(bool(each.digests) for each in recipe.ingredients),
        not_made=made.not_made,
        modified=made.modified,
        differs=contents_part(pair),
        facts=comparison.facts,
        again=_again(source.receipt, environment, cwd) if isinstance(source, RunSource) else None,
    )
    lines = tuple(installer.line(python, each.install) if each.install else None for each in made.not_made)
    return Rebuilt(document=document, comparison=comparison, lines=lines)


def _compared(source: Source, plan: Plan, environment: Environment) -> Comparison:
    record = environment.record
    facts = machine_facts()
    here = EnvironmentSide(given=record.path, snapshot=environment.snapshot, record=record, facts=facts)
    if isinstance(source, RunSource):
        found = compare_sides(source.as_side(), here)
        if isinstance(found, Comparison):
            return found
        raise InventoryError(found.reason)
    difference = differences_from_lock(plan.locked or {}, environment.snapshot)
    pair = Pair(a=source.given, b=record.path, difference=difference)
    return Comparison(a=source.as_side(), b=here, pairs=(pair,))


def _again(receipt: Receipt, environment: Environment, cwd: str) -> Again | None:
    commit = receipt.commit if is_commit(receipt.commit) else None
    if commit is None and not receipt.command:
        return None
    tree = answer_of(ask_git(cwd))
    command, chooses = _command(receipt, environment.record.path, cwd)
    return Again(
        commit=commit,
        dirty=receipt.dirty,
        is_checked_out=commit is not None and tree.commit == commit and tree.dirty is False,
        folder=receipt.folder,
        command=command,
        in_own_environment=chooses,
    )


def _command(receipt: Receipt, made: str, cwd: str) -> tuple[str | None, bool]:
    """The command as one types it to run in what was made, and whether it would not: it chooses by itself."""
    if not receipt.command:
        return None, False
    first, *rest = receipt.command
    name = os.path.basename(first)
    there = (
        ""
        if receipt.folder == cwd or not os.path.isdir(receipt.folder)
        else f"cd {shlex.quote(receipt.folder)} && "
    )
    if name in _CHOOSE_THEMSELVES:
        return there + shlex.join(receipt.command), True
    old = receipt.verdict.environment if receipt.verdict is not None else None
    program = os.path.join(made, "bin", name)
    is_of_old = old is not None and os.path.dirname(os.path.join(receipt.folder, first)) == os.path.join(
        old, "bin"
    )
    if (is_of_old or os.sep not in first) and os.path.exists(program):
        return there + shlex.join([program, *rest]), False
    activate = shlex.quote(os.path.join(made, "bin", "activate"))
    return f"{there}. {activate} && {shlex.join(receipt.command)}", False
