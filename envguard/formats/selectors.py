"""The parts of a policy that say for whom: ``applies-to``, and ``waivers`` with their times."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import get_args

import yaml

from envguard.domain.finding import FindingKind
from envguard.domain.policy import Selector, Waiver
from envguard.errors import PolicyError
from envguard.formats.files import shown
from envguard.formats.nodes import Problems, entries, items_of, text_of, word_of
from envguard.formats.rules import package_name

_ENVIRONMENT_PATTERN = re.compile(r"\*|~(/.*)?|/.*|\*\*(/.*)?|conda:.+|kernel:.+", re.DOTALL)
_NEEDED = ("package", "until", "reason", "approved-by")
_TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)([Tt ](?P<time>\d\d:\d\d:\d\d(\.\d{1,6})?)(?P<zone>[Zz]|[+-]\d\d:\d\d))?",
    re.ASCII,
)


def parse_time(text: str) -> datetime:
    """Answer a date (its beginning, UTC) or an RFC 3339 time as aware UTC; raises PolicyError otherwise."""
    found = _TIME.fullmatch(text)
    try:
        if found is None:
            raise ValueError(text)
        day = datetime.fromisoformat(found["day"])
        if found["time"] is None:
            return day.replace(tzinfo=timezone.utc)
        clock, _, fraction = found["time"].partition(".")
        zone = "+00:00" if found["zone"] in "Zz" else found["zone"]
        moment = datetime.fromisoformat(f"{found['day']}T{clock}.{fraction:0<6}{zone}")
        return moment.astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        hint = "a date, 2027-02-01, or a time with its zone, 2027-02-01T12:00:00Z"
        raise PolicyError(f"not a time: `{shown(text)}`", hint=hint) from error


def parse_selectors(node: yaml.Node | None, problems: Problems) -> tuple[Selector, ...]:
    """Answer ``applies-to``: a list of environments and machines; a list that is left out means all."""
    if node is None:
        return ()
    selectors = []
    for key, item in items_of(node, "applies-to", problems):
        lists: dict[str, tuple[str, ...]] = {"environments": ("*",), "machines": ("*",)}
        for name, _, value in entries(item, key, tuple(lists), problems):
            lists[name] = _patterns(value, f"{key}.{name}", name, problems)
        selectors.append(Selector(lists["environments"], lists["machines"]))
    return tuple(selectors)


def parse_waivers(node: yaml.Node | None, problems: Problems) -> tuple[Waiver, ...]:
    """Answer the waivers; one that does not say who, why and until when is noted."""
    if node is None:
        return ()
    waivers = [_waiver(item, key, problems) for key, item in items_of(node, "waivers", problems)]
    return tuple(waiver for waiver in waivers if waiver is not None)


def _patterns(node: yaml.Node, key: str, name: str, problems: Problems) -> tuple[str, ...]:
    texts = []
    for path, item in items_of(node, key, problems):
        text = text_of(item, path, problems)
        if text is None:
            continue
        if name == "environments" and not _ENVIRONMENT_PATTERN.fullmatch(text):
            hint = "`*` for all, a path from / or ~ or **, `conda:NAME` or `kernel:NAME`"
            problems.add(item, path, f"names no environment: `{shown(text)}`", hint)
        elif name == "machines" and text.removeprefix("label:").strip() == "":
            problems.add(item, path, f"names no machine: `{text}`", 'such as "ws-*" or "label:gpu"')
        texts.append(text)
    return tuple(texts)


def _waiver(item: yaml.Node, key: str, problems: Problems) -> Waiver | None:
    nodes = {name: value for name, _, value in entries(item, key, (*_NEEDED, "machine", "kind"), problems)}
    absent = [name for name in _NEEDED if name not in nodes]
    if absent and isinstance(item, yaml.MappingNode):
        hint = "a waiver is for one package, until a day, for a reason, approved by somebody"
        problems.add(item, key, f"a waiver must say: {', '.join(absent)}", hint)
    texts: dict[str, str] = {}
    for name, node in nodes.items():
        path = f"{key}.{name}"
        if name == "kind":
            text = word_of(node, path, get_args(FindingKind), problems)
        else:
            text = text_of(node, path, problems)
            if text is not None and not text.strip():
                problems.add(node, path, "a text is expected, not nothing")
                continue
        if text is not None:
            texts[name] = text
    return _written_waiver(texts, nodes, key, problems)


def _written_waiver(
    texts: dict[str, str], nodes: dict[str, yaml.Node], key: str, problems: Problems
) -> Waiver | None:
    package, until = None, None
    if "package" in texts:
        package = package_name(nodes["package"], texts["package"], f"{key}.package", problems)
    if "until" in texts:
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
        kind=texts.get("kind"),
    )
