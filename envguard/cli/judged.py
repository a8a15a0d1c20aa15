"""One environment, judged as ``check`` and the bare ``envguard`` both show it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envguard.cli.local import existing_state, held_policies, known_matches, this_machine
from envguard.cli.output import now, tell
from envguard.domain.environment import Environment
from envguard.domain.facts import MachineFacts
from envguard.domain.policy import LockedPolicy
from envguard.domain.verdict import Verdict

if TYPE_CHECKING:
    from envguard.inventory import Choice


class Judged(msgspec.Struct, frozen=True):
    """A verdict, what it is about, and where its policy came from."""

    verdict: Verdict
    environment: Environment
    source: str
    """Why it is this policy, in words."""
    governing: LockedPolicy
    is_own_lock: bool
    """No policy applies: the project's own lock judged."""
    facts: MachineFacts


class JudgedLock(msgspec.Struct, frozen=True):
    """A verdict on a lock, and where its policy came from."""

    verdict: Verdict
    source: str
    folder: str | None
    """Where the policy lies; None for one of the server's."""


def choose(env: str | None) -> Choice:
    """Answer the environment that a command line means; what is odd about the choice is told."""
    from envguard.inventory import choose_environment

    choice = choose_environment(env, environ=os.environ, cwd=Path.cwd())
    if choice.warning is not None:
        tell(f"warning: {choice.warning}")
    return choice


def bound_environment(path: Path) -> Environment:
    """Answer the environment at a path, with what its owner bound it to."""
    from envguard.inventory import read_environment
    from envguard.runs.bindings import apply_uses, uses_of_owners

    [environment] = apply_uses([read_environment(path)], uses_of_owners(existing_state()))
    return environment


def judge_lock_at(path: Path, named: str | None) -> JudgedLock:
    """Judge the lock in a file, which nobody needs to have installed."""
    from envguard.cli.shelf import keep_parsed_locks
    from envguard.formats import read_lock
    from envguard.runs.judging import judge_lock_file
    from envguard.runs.policies import choose_policy_for_lock

    keep_parsed_locks()
    lock, at = read_lock(path), now()
    governing = choose_policy_for_lock(
        named, path.absolute(), environ=os.environ, known=held_policies(), cwd=Path.cwd()
    )
    verdict = judge_lock_file(str(path), lock, governing.policy, machine=this_machine().name, now=at)
    source = governing.said(at)
    return JudgedLock(msgspec.structs.replace(verdict, source=source), source, governing.policy.folder)


def as_last_looked_at(environment: Environment) -> Environment:
    """Answer the environment with what the agent last found of its files, if that still holds."""
    from envguard.errors import StateError

    state = existing_state()
    try:
        kept = state.checks().get(environment.record.path) if state is not None else None
    except StateError:
        return environment  # what the agent kept is broken: it looks again
    if kept is None:
        return environment
    return msgspec.structs.replace(environment, record=kept.told_of(environment.record))


def judge_at(
    path: Path, named: str | None, *, look: Callable[[Environment], Environment] = as_last_looked_at
) -> Judged:
    """Judge the environment at a path; ``named`` is the policy that the command line names, if it does.

    ``look`` adds to the environment what is known of changed files.
    """
    from envguard.cli.shelf import keep_parsed_locks
    from envguard.inventory import machine_facts
    from envguard.runs.comparing import Comparisons
    from envguard.runs.here import findings_here
    from envguard.runs.judging import judge_environment
    from envguard.runs.policies import choose_policy
    from envguard.runs.steps import projects_here

    keep_parsed_locks()
    environment = bound_environment(path)
    machine = this_machine()
    governing = choose_policy(
        named,
        environment,
        environ=os.environ,
        machine=machine,
        known=held_policies(),
        cwd=Path.cwd(),
    )
    facts, at = machine_facts(), now()
    ruled = judge_environment(
        environment := look(environment),
        facts,
        governing.policy,
        machine=machine.name,
        now=at,
        comparisons=Comparisons(),
        match=known_matches().get(environment.record.path),
        here=findings_here(environment, environ=os.environ, cwd=Path.cwd()),
        used_for=projects_here(environment.record, Path.cwd()),
    )
    source = governing.said(at)
    return Judged(
        verdict=msgspec.structs.replace(ruled.verdict, source=source),
        environment=environment,
        source=source,
        governing=ruled.governing or governing.policy,
        is_own_lock=governing.is_own_lock,
        facts=facts,
    )
