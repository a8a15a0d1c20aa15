"""Markers that are files: a project may name a policy file of its own instead of a policy's name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from envguard.domain.environment import Environment, ProblemDetail
from envguard.domain.policy import LockedPolicy
from envguard.errors import PolicyError
from envguard.formats import load_policy
from envguard.runs.policies import is_file_reference


def resolve_markers(
    environments: Iterable[Environment],
) -> tuple[list[Environment], dict[str, LockedPolicy]]:
    """Answer the environments with policies' names in place of files, and the policies of those files.

    A file that cannot be used leaves a detail in the record, by which the verdict becomes unknown.
    """
    resolved: list[Environment] = []
    policies: dict[str, LockedPolicy] = {}
    for environment in environments:
        project = environment.record.project
        if project is None or project.policy is None or not is_file_reference(project.policy):
            resolved.append(environment)
            continue
        try:
            governing = load_policy(Path(project.path) / project.policy)
        except PolicyError as error:
            detail = ProblemDetail("unreadable", None, str(error))
            record = msgspec.structs.replace(
                environment.record, details=(*environment.record.details, detail)
            )
        else:
            policies[governing.policy.name] = governing
            named = msgspec.structs.replace(project, policy=governing.policy.name)
            record = msgspec.structs.replace(environment.record, project=named)
        resolved.append(msgspec.structs.replace(environment, record=record))
    return resolved, policies
