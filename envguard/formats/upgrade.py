"""The part of a policy that says what the weekly upgrade asks for, and within which limits: ``upgrade``.

Rules
1. A requirement is told by PEP 508, and a package is named once, or by markers that differ.
2. Indexes are names: addresses and credentials are each machine's own, and are never printed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml
from packaging.utils import canonicalize_name

from envguard.domain.policy import Ring, UpgradeRules
from envguard.formats.files import shown
from envguard.formats.language import INDEX_NAME, MISSED, RING_KEYS, UPGRADE_KEYS, UPGRADE_UNLISTED
from envguard.formats.nodes import (
    Problems,
    fields_of,
    items_of,
    number_of,
    text_of,
    truth_of,
    word_of,
    words_of,
)
from envguard.formats.rules import names_of
from envguard.formats.selectors import machines_of
from envguard.formats.specifiers import excludes_everything
from envguard.formats.times import duration_of

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_INDEX = re.compile(INDEX_NAME)
_USER = re.compile(r"://[^/\s]*@")
_LONGEST_REQUIREMENT = 500


def parse_upgrade(node: yaml.Node | None, problems: Problems) -> UpgradeRules | None:
    """Answer the rules of the weekly upgrade; None where the policy has none."""
    if node is None:
        return None
    fields = fields_of(node, "upgrade", UPGRADE_KEYS, problems)
    found: dict[str, Any] = {**_lists(fields, problems), **_limits(fields, problems)}
    return UpgradeRules(**{name: value for name, value in found.items() if value is not None})


def requirement_of(text: str) -> Requirement | None:
    """Answer a PEP 508 requirement; None where a text is none."""
    from packaging.requirements import InvalidRequirement, Requirement  # as few policies need

    if len(text) > _LONGEST_REQUIREMENT:
        return None
    try:
        return Requirement(text)
    except (InvalidRequirement, RecursionError, ValueError):
        return None


def _lists(fields: Mapping[str, yaml.Node], problems: Problems) -> dict[str, object]:
    found: dict[str, object] = {}
    if "requirements" in fields:
        found["requirements"] = _requirements(fields["requirements"], problems)
    if "indexes" in fields:
        found["indexes"] = _indexes(fields["indexes"], problems)
    if "build-allowed" in fields:
        found["build_allowed"] = names_of(fields["build-allowed"], "upgrade.build-allowed", problems)
    if "rings" in fields:
        items = items_of(fields["rings"], "upgrade.rings", problems)
        found["rings"] = tuple(_ring(item, key, problems) for key, item in items)
    if "smoke" in fields:
        found["smoke"] = _commands(fields["smoke"], problems)
    return found


def _limits(fields: Mapping[str, yaml.Node], problems: Problems) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, field in (("minimum-release-age", "minimum_release_age_s"), ("grace", "grace_s")):
        if name in fields:
            found[field] = duration_of(fields[name], f"upgrade.{name}", problems)
    for name, field, words in (("unlisted", "unlisted", UPGRADE_UNLISTED), ("missed", "missed", MISSED)):
        if name in fields:
            found[field] = word_of(fields[name], f"upgrade.{name}", words, problems)
    if "only-wheels" in fields:
        found["only_wheels"] = truth_of(fields["only-wheels"], "upgrade.only-wheels", problems)
    if "halt-after-failures" in fields:
        key = "upgrade.halt-after-failures"
        found["halt_after_failures"] = number_of(fields["halt-after-failures"], key, problems, least=1)
    return found


def _requirements(node: yaml.Node, problems: Problems) -> tuple[str, ...]:
    """The requirements as they are written; wrong ones too, so that they are counted as the file counts."""
    texts: list[str] = []
    named: dict[str, set[str]] = {}
    for key, item in items_of(node, "upgrade.requirements", problems):
        text = words_of(item, key, problems) or ""
        texts.append(text.strip())
        requirement = requirement_of(text)
        if requirement is None:
            if text:
                problems.add(item, key, f"not a requirement: `{shown(text)}`", "as pip takes it: gym==0.26.2")
            continue
        if requirement.url is not None and _USER.search(requirement.url):
            hint = "take it out: credentials are each machine's own"
            problems.add(item, key, "there is a user or a password in an address", hint)
        if excludes_everything("".join(str(requirement.specifier).split())):
            problems.add(item, key, f"no version meets this: `{shown(text)}`", "all its parts must hold")
        name, marker = str(canonicalize_name(requirement.name)), str(requirement.marker or "")
        known = named.setdefault(name, set())
        if known and (not marker or marker in known or "" in known):
            problems.add(item, key, f"the package is named twice: `{name}`", "say all of it in one of them")
        known.add(marker)
    return tuple(texts)


def _indexes(node: yaml.Node, problems: Problems) -> tuple[str, ...]:
    names: list[str] = []
    for key, item in items_of(node, "upgrade.indexes", problems):
        text = text_of(item, key, problems)
        if text is None:
            continue
        if not _INDEX.fullmatch(text):
            what = "an index's name is expected, never its address"
            problems.add(item, key, what, "such as default; each machine's configuration has the address")
        elif text in names:
            problems.add(item, key, f"it is there twice: `{text}`", "keep one of them")
        else:
            names.append(text)
    return tuple(names)


def _commands(node: yaml.Node, problems: Problems) -> tuple[str, ...]:
    commands = []
    for key, item in items_of(node, "upgrade.smoke", problems):
        text = words_of(item, key, problems)
        if text is None:
            continue
        try:
            shlex.split(text)
        except ValueError:
            problems.add(item, key, f"a quote is not closed: `{shown(text)}`", "as a shell takes it")
        commands.append(text)
    return tuple(commands)


def _ring(node: yaml.Node, key: str, problems: Problems) -> Ring:
    fields = fields_of(node, key, RING_KEYS, problems)
    if "machines" not in fields and isinstance(node, yaml.MappingNode):
        problems.add(node, key, "a ring must say: machines", '{machines: ["*"]}')
    machines = machines_of(fields["machines"], f"{key}.machines", problems) if "machines" in fields else ()
    soak = duration_of(fields["soak"], f"{key}.soak", problems) if "soak" in fields else None
    at_once = None
    if "at-once" in fields:
        at_once = number_of(fields["at-once"], f"{key}.at-once", problems, least=1)
    return Ring(machines=machines, soak_s=soak or 0, at_once=at_once)
