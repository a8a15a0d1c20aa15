"""The policy file: YAML to ``domain.policy.Policy``, every problem at once, each with line and column.

Rules
1. A file is read together with the files that it extends (:mod:`envguard.formats.bases`). Each is checked by
   itself, so that what a nearer file replaces is told too; what must be there is asked of all together.
2. An unknown key is an error, and so is whatever can never hold: silence would be a lie.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

import yaml

from envguard.domain.calendar import Calendar
from envguard.domain.policy import BeforeRun, Level, PackageRule, Policy, Rules, UpgradeRules
from envguard.formats.bases import laid_over, read_chain
from envguard.formats.companions import ALONE, Companions
from envguard.formats.files import shown
from envguard.formats.language import BEFORE_RUN, POLICY_KEYS, POLICY_NAME
from envguard.formats.nodes import Problems, fields_of, text_of, value_at, word_of
from envguard.formats.rules import (
    level_of,
    parse_lock_choice,
    parse_machine,
    parse_origins,
    parse_packages,
    parse_python,
)
from envguard.formats.selectors import parse_selectors, parse_waivers

_NAME = re.compile(POLICY_NAME)

_Nodes = Mapping[str, yaml.Node]


def is_policy_name(text: str) -> bool:
    """Whether a policy may be called so."""
    return _NAME.fullmatch(text) is not None


def parse_policy(text: str, *, filename: str, companions: Companions = ALONE) -> Policy:
    """Answer the policy that a file's text says; ``companions`` has the files that it extends.

    Raises PolicyError: one problem, or all of them in ``problems``.
    """
    policy, problems = examine_policy(text, filename=filename, companions=companions)
    problems.raise_all()
    return policy


def examine_policy(text: str, *, filename: str, companions: Companions = ALONE) -> tuple[Policy, Problems]:
    """Answer the policy as far as its text can be understood, and what is wrong with it.

    Raises PolicyError where nothing of it can be: it is no YAML, or has too many problems.
    """
    problems = Problems(filename)
    chain = read_chain(text, filename, companions, problems)
    if len(chain.roots) > 1 or not chain.is_whole:
        for root in chain.roots:
            part = Problems(filename, is_whole=False)
            _policy(root, chain.names, part)
            problems.absorb(part)
    whole = Problems(filename, is_whole=chain.is_whole)
    policy = _policy(laid_over(chain.roots), chain.names, whole)
    problems.absorb(whole)
    for root in chain.roots:
        _check_version(root, problems)
    return policy, problems


def _policy(root: yaml.Node, names: tuple[str, ...], problems: Problems) -> Policy:
    nodes = fields_of(root, "", POLICY_KEYS, problems)
    lock, choice = parse_lock_choice(nodes.get("lock"), problems)
    if "lock" in problems.places:
        problems.places.setdefault("unlisted", problems.places["lock"])
    packages = parse_packages(nodes.get("packages"), problems)
    calendar, upgrade = _changing(nodes, packages, problems)
    return Policy(
        name=_name(root, nodes, problems),
        description=_description(nodes, problems),
        rules=Rules(
            python=parse_python(nodes.get("python"), problems),
            packages=packages,
            unlisted=_level(nodes, "unlisted", problems, default="warn" if "lock" in nodes else "ignore"),
            choice=choice,
            origins=parse_origins(nodes.get("origins"), problems),
            integrity=_level(nodes, "integrity", problems, default="warn"),
            broken_requirements=_level(nodes, "broken-requirements", problems, default="info"),
            machine=parse_machine(nodes.get("machine"), problems),
        ),
        lock=lock,
        applies_to=parse_selectors(nodes.get("applies-to"), problems),
        waivers=parse_waivers(nodes.get("waivers"), problems),
        before_run=_before_run(nodes, problems),
        calendar=calendar,
        upgrade=upgrade,
        extends=names[1:],
        places={key: f"{place.filename}:{place.line}" for key, place in problems.places.items()},
    )


def _changing(
    nodes: _Nodes, packages: tuple[PackageRule, ...], problems: Problems
) -> tuple[Calendar | None, UpgradeRules | None]:
    """When and to what environments may be changed."""
    if "calendar" not in nodes and "upgrade" not in nodes:
        return None, None
    # 6 ms, which the other policies do not pay
    from envguard.formats.calendar import parse_calendar
    from envguard.formats.coherence import check_coherence
    from envguard.formats.upgrade import parse_upgrade

    calendar = parse_calendar(nodes.get("calendar"), problems)
    upgrade = parse_upgrade(nodes.get("upgrade"), problems)
    if problems.is_whole:
        check_coherence(packages, calendar, upgrade, problems)
    return calendar, upgrade


def _check_version(root: yaml.MappingNode, problems: Problems) -> None:
    node = value_at(root, "envguard")
    if node is None:
        problems.add(root, "envguard", "the key is missing", "begin the file with `envguard: 1`")
    elif text_of(node, "envguard", problems) not in (None, "1"):
        problems.add(node, "envguard", "this version of envguard reads policies of version 1", "envguard: 1")


def _name(root: yaml.Node, nodes: _Nodes, problems: Problems) -> str:
    if "name" not in nodes:
        problems.add_missing(root, "name", "the key is missing", "name: rl-team")
        return ""
    name = text_of(nodes["name"], "name", problems)
    if name is not None and not is_policy_name(name):
        hint = "lower case letters, digits, `.`, `_` and `-`, up to 64: rl-team"
        problems.add(nodes["name"], "name", f"not a policy's name: `{shown(name)}`", hint)
    return name or ""


def _description(nodes: _Nodes, problems: Problems) -> str | None:
    return text_of(nodes["description"], "description", problems) if "description" in nodes else None


def _level(nodes: _Nodes, key: str, problems: Problems, *, default: Level) -> Level:
    return level_of(nodes[key], key, problems, default=default) if key in nodes else default


def _before_run(nodes: _Nodes, problems: Problems) -> BeforeRun:
    if "before-run" not in nodes:
        return "refuse"
    word = word_of(nodes["before-run"], "before-run", BEFORE_RUN, problems)
    return cast("BeforeRun", word) if word is not None else "refuse"
