"""``envguard explain``: which rule says what of a package, and why it is this policy."""

from __future__ import annotations

import os
from pathlib import Path

import click

from envguard.cli.judged import bound_environment, choose, judge_at
from envguard.cli.local import held_policies, this_machine
from envguard.cli.options import env_option, filled, json_option, policy_option
from envguard.cli.output import console, now, print_json


@click.command()
@click.argument("package", required=False, callback=filled)
@env_option("The environment, as for `check`.")
@policy_option
@json_option
def explain(package: str | None, env: str | None, named: str | None, *, as_json: bool) -> int:
    """Say which rule decides, and where it is written.

    With PACKAGE: what is installed, what the policy and its lock say, which waivers there are. Without:
    which sources name a policy for the environment, and which of them counts.

    Exit code: 0 explained, 2 wrong usage, 3 something could not be had.

    Example: envguard explain numpy --env .venv
    """
    return (
        _explain_binding(env, named, as_json=as_json)
        if package is None
        else _explain(package, env, named, as_json=as_json)
    )


def _explain(package: str, env: str | None, named: str | None, *, as_json: bool) -> int:
    from envguard.domain.explanation import explain_package
    from envguard.domain.requirements import normalised_name
    from envguard.report.explained import explanation_document, show_explanation
    from envguard.runs.judging import reference

    judged = judge_at(choose(env).path, named)
    found = explain_package(
        normalised_name(package), judged.environment, judged.facts, judged.governing, judged.verdict
    )
    document = explanation_document(
        found,
        record=judged.environment.record,
        policy=reference(judged.governing),
        source=judged.source,
        machine=this_machine().name,
        now=now(),
    )
    if as_json:
        print_json(document)
    else:
        show_explanation(console(), document)
    return 0


def _explain_binding(env: str | None, named: str | None, *, as_json: bool) -> int:
    from envguard.report.explained import BindingDocument, StepRow, show_steps
    from envguard.runs.judging import broken_marker
    from envguard.runs.steps import policy_steps

    choice = choose(env)
    environment = bound_environment(choice.path)
    steps = policy_steps(
        named,
        environment.record,
        environ=os.environ,
        machine=this_machine(),
        known=held_policies(),
        cwd=Path.cwd(),
        broken=broken_marker(environment),
    )
    document = BindingDocument(
        environment=environment.record.path,
        chosen=choice.reason,
        steps=tuple(StepRow(step.source, step.says) for step in steps),
    )
    if as_json:
        print_json(document)
    else:
        show_steps(console(), document)
    return 0
