"""The parts of a policy that say for whom: ``applies-to``, and ``waivers`` with their times."""

from __future__ import annotations

import re
from typing import get_args

import yaml

from envguard.domain.findings.finding import FindingKind
from envguard.domain.policy import Selector, Waiver
from envguard.errors import PolicyError
from envguard.formats.files import shown
from envguard.formats.language import SELECTOR_KEYS, WAIVER_KEYS
from envguard.formats.nodes import Problems, fields_of, items_of, text_of, word_of, words_of
from envguard.formats.rules import package_name

ENVIRONMENT_HINT = "`*` for all, a path from / or ~ or **, `conda:NAME` or `kernel:NAME`"
"""What names environments, for those who wrote something else."""

_ENVIRONMENT_PATTERN = re.compile(r"\*|~(/.*)?|/.*|\*\*(/.*)?|conda:.+|kernel:.+", re.DOTALL)


def parse_selectors(node: yaml.Node | None, problems: Problems) -> tuple[Selector, ...]:
    """Answer ``applies-to``: a list of environments and machines; a list that is left out means all."""
    if node is None:
        return ()
    selectors = []
    for key, item in items_of(node, "applies-to", problems):
        fields = fields_of(item, key, SELECTOR_KEYS, problems)
        lists: dict[str, tuple[str, ...]] = {}
        if "environments" in fields:
            lists["environments"] = _environments(fields["environments"], f"{key}.environments", problems)
        if "machines" in fields:
            lists["machines"] = machines_of(fields["machines"], f"{key}.machines", problems)
        selectors.append(Selector(**lists))
    return tuple(selectors)


def parse_waivers(node: yaml.Node | None, problems: Problems) -> tuple[Waiver, ...]:
    """Answer the waivers; one that does not say who, why and until when is noted."""
    if node is None:
        return ()
    waivers = [_waiver(item, key, problems) for key, item in items_of(node, "waivers", problems)]
    return tuple(waiver for waiver in waivers if waiver is not None)


def machines_of(node: yaml.Node, key: str, problems: Problems) -> tuple[str, ...]:
    """Answer patterns of machines' names and labels; what can name none is noted."""
    texts = []
    for path, item in items_of(node, key, problems):
        text = text_of(item, path, problems)
        if text is None:
            continue
        if text.removeprefix("label:").partition("=")[0].strip() == "":
            problems.add(item, path, f"names no machine: `{shown(text)}`", 'such as "ws-*" or "label:gpu"')
        texts.append(text)
    return tuple(texts)


def is_environment_pattern(text: str) -> bool:
    """Whether a text can name environments."""
    return _ENVIRONMENT_PATTERN.fullmatch(text) is not None


def _environments(node: yaml.Node, key: str, problems: Problems) -> tuple[str, ...]:
    texts = []
    for path, item in items_of(node, key, problems):
        text = text_of(item, path, problems)
        if text is None:
            continue
        if not is_environment_pattern(text):
            problems.add(item, path, f"names no environment: `{shown(text)}`", ENVIRONMENT_HINT)
        texts.append(text)
    return tuple(texts)


def _waiver(item: yaml.Node, key: str, problems: Problems) -> Waiver | None:
    nodes = fields_of(item, key, WAIVER_KEYS, problems)
    absent = [name for name, each in WAIVER_KEYS.items() if each.must_be and name not in nodes]
    if absent and isinstance(item, yaml.MappingNode):
        hint = "a waiver is for one package, until a day, for a reason, approved by somebody"
        problems.add(item, key, f"a waiver must say: {', '.join(absent)}", hint)
    texts: dict[str, str] = {}
    for name, node in nodes.items():
        path = f"{key}.{name}"
        if name == "kind":
            text = word_of(node, path, get_args(FindingKind), problems)
        else:
            text = words_of(node, path, problems)
        if text is not None:
            texts[name] = text
    if "environment" in texts and not is_environment_pattern(texts["environment"]):
        what = f"names no environment: `{shown(texts['environment'])}`"
        problems.add(nodes["environment"], f"{key}.environment", what, ENVIRONMENT_HINT)
    return _written_waiver(texts, nodes, key, problems)


def _written_waiver(
    texts: dict[str, str], nodes: dict[str, yaml.Node], key: str, problems: Problems
) -> Waiver | None:
    package, until = None, None
    if "package" in texts:
        package = package_name(nodes["package"], texts["package"], f"{key}.package", problems)
    if "until" in texts:
        from envguard.formats.times import parse_time  # 3 ms, for policies that let somebody differ

        try:
            until = parse_time(texts["until"])
        except PolicyError as error:
            problems.add(nodes["until"], f"{key}.until", error.what, error.hint)
    if package is None or until is None or not texts.keys() >= {"reason", "approved-by"}:
        return None
    return Waiver(
        package=package,
        until=until,
        reason=texts["reason"],
        approved_by=texts["approved-by"],
        machine=texts.get("machine"),
        environment=texts.get("environment"),
        kind=texts.get("kind"),
    )
