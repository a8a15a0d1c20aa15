"""The policy file: YAML to ``domain.policy.Policy``, every problem at once, each with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import cast

import yaml
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from envguard.domain.policy import (
    Deny,
    PackageRule,
    Policy,
    PythonRule,
    Require,
    Rules,
    Selector,
    Severity,
    Unlisted,
    Waiver,
)
from envguard.formats.nodes import (
    Problems,
    compose,
    entries,
    items_of,
    line_of,
    text_of,
    truth_of,
    word_of,
)

KEYS = (
    "envguard",
    "name",
    "description",
    "python",
    "lock",
    "packages",
    "unlisted",
    "applies-to",
    "waivers",
)
LATER_KEYS = (
    "extends",
    "origins",
    "integrity",
    "broken-requirements",
    "before-run",
    "machine",
    "calendar",
    "upgrade",
)
"""Keys of the policy language that this version does not carry out; refused, for silence would be a lie."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_PACKAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_RULE_KEYS = ("version", "severity", "reason", "optional", "deny")
_ENVIRONMENT_PATTERN = re.compile(r"\*|~(/.*)?|/.*|\*\*/.*|conda:.+|kernel:.+")


def parse_policy(text: str, *, filename: str) -> Policy:
    """Answer the policy that a file's text says.

    Raises PolicyError: one problem, or all of them in ``problems``.
    """
    problems = Problems(filename)
    root = compose(text, filename)
    places: dict[str, str] = {}
    nodes: dict[str, yaml.Node] = {}
    for name, key_node, value in entries(root, "", (*KEYS, *LATER_KEYS), problems):
        places[name] = f"{filename}:{line_of(key_node)}"
        if name in LATER_KEYS:
            problems.add(key_node, name, f"not supported by this version yet: `{name}`", "take the key out")
        else:
            nodes[name] = value
    policy = _policy(root, nodes, places, problems)
    problems.raise_all()
    return policy


def _policy(
    root: yaml.Node, nodes: Mapping[str, yaml.Node], places: dict[str, str], problems: Problems
) -> Policy:
    _version(root, nodes, problems)
    lock = _text(nodes, "lock", problems)
    default: Unlisted = "warn" if lock is not None else "ignore"
    unlisted = cast("Unlisted | None", _word(nodes, "unlisted", ("ignore", "warn", "error"), problems))
    if "lock" in places:
        places.setdefault("unlisted", places["lock"])
    return Policy(
        name=_name(root, nodes, problems),
        description=_text(nodes, "description", problems),
        rules=Rules(
            python=_python(nodes.get("python"), problems),
            packages=_packages(nodes.get("packages"), places, problems),
            unlisted=unlisted or default,
        ),
        lock=lock,
        applies_to=_selectors(nodes.get("applies-to"), problems),
        waivers=_waivers(nodes.get("waivers"), problems),
        places=places,
    )


def _version(root: yaml.Node, nodes: Mapping[str, yaml.Node], problems: Problems) -> None:
    node = nodes.get("envguard")
    if node is None:
        problems.add(root, "envguard", "the key is missing", "begin the file with `envguard: 1`")
    elif text_of(node, "envguard", problems) not in (None, "1"):
        problems.add(node, "envguard", "this version of envguard reads policies of version 1", "envguard: 1")


def _name(root: yaml.Node, nodes: Mapping[str, yaml.Node], problems: Problems) -> str:
    if "name" not in nodes:
        problems.add(root, "name", "the key is missing", "name: rl-team")
        return ""
    name = _text(nodes, "name", problems) or ""
    if not _NAME.fullmatch(name):
        problems.add(nodes["name"], "name", f"not a policy's name: `{name}`", "lower case: rl-team")
    return name


def _text(nodes: Mapping[str, yaml.Node], key: str, problems: Problems) -> str | None:
    return text_of(nodes[key], key, problems) if key in nodes else None


def _word(nodes: Mapping[str, yaml.Node], key: str, words: tuple[str, ...], problems: Problems) -> str | None:
    return word_of(nodes[key], key, words, problems) if key in nodes else None


def _python(node: yaml.Node | None, problems: Problems) -> PythonRule:
    if node is None:
        return PythonRule()
    if isinstance(node, yaml.ScalarNode):
        return PythonRule(version=_specifier(node, "python", problems))
    fields = {
        name: value
        for name, _, value in entries(
            node, "python", ("version", "implementation", "free-threaded"), problems
        )
    }
    free = fields.get("free-threaded")
    implementation = fields.get("implementation")
    return PythonRule(
        version=_specifier(fields["version"], "python.version", problems) if "version" in fields else None,
        implementation=text_of(implementation, "python.implementation", problems) if implementation else None,
        free_threaded=truth_of(free, "python.free-threaded", problems) if free else None,
    )


def _specifier(node: yaml.Node, key: str, problems: Problems) -> str:
    text = text_of(node, key, problems) or ""
    if text.strip() in ("", "*"):
        return ""
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        problems.add(node, key, f"not a version specifier: `{text}`", _corrected(text))
        return ""
    return text.replace(" ", "")


def _corrected(text: str) -> str:
    bare = text.strip().lstrip("=~^ ")
    return f'did you mean "=={bare}"?' if re.fullmatch(r"[0-9][\w.*+!]*", bare) else 'such as ">=1.26,<2"'


def _packages(node: yaml.Node | None, places: dict[str, str], problems: Problems) -> tuple[PackageRule, ...]:
    if node is None:
        return ()
    rules: dict[str, PackageRule] = {}
    for name, key_node, value in entries(node, "packages", None, problems):
        key = f"packages.{name}"
        normal = str(canonicalize_name(name))
        if not _PACKAGE.fullmatch(name):
            problems.add(key_node, key, f"not a package's name: `{name}`")
        elif normal in rules:
            problems.add(key_node, key, f"`{normal}` has a rule already, spelled otherwise")
        else:
            rules[normal] = _rule(normal, key, value, problems)
            places[f"packages.{normal}"] = f"{problems.filename}:{line_of(key_node)}"
    return tuple(rules[name] for name in sorted(rules))


def _rule(name: str, key: str, node: yaml.Node, problems: Problems) -> PackageRule:
    if isinstance(node, yaml.ScalarNode):
        return Require(name=name, specifier=_specifier(node, key, problems))
    fields = {field: value for field, _, value in entries(node, key, _RULE_KEYS, problems)}
    severity = cast(
        "Severity | None",
        word_of(fields["severity"], f"{key}.severity", ("error", "warn", "info"), problems)
        if "severity" in fields
        else None,
    )
    reason = text_of(fields["reason"], f"{key}.reason", problems) if "reason" in fields else None
    if "deny" in fields and truth_of(fields["deny"], f"{key}.deny", problems):
        for other in ("version", "optional"):
            if other in fields:
                problems.add(fields[other], f"{key}.{other}", f"`deny` and `{other}` exclude each other")
        return Deny(name=name, severity=severity or "error", reason=reason)
    version = fields.get("version")
    return Require(
        name=name,
        specifier=_specifier(version, f"{key}.version", problems) if version else "",
        severity=severity or "error",
        reason=reason,
        optional="optional" in fields and truth_of(fields["optional"], f"{key}.optional", problems),
    )


def _selectors(node: yaml.Node | None, problems: Problems) -> tuple[Selector, ...]:
    if node is None:
        return ()
    selectors = []
    for key, item in items_of(node, "applies-to", problems):
        lists: dict[str, tuple[str, ...]] = {"environments": ("*",), "machines": ("*",)}
        for name, _, value in entries(item, key, ("environments", "machines"), problems):
            texts = [
                text_of(each, path, problems) or ""
                for path, each in items_of(value, f"{key}.{name}", problems)
            ]
            lists[name] = tuple(texts)
            for text in texts if name == "environments" else ():
                if not _ENVIRONMENT_PATTERN.fullmatch(text):
                    hint = "a path from / or ~, `*` for all, `conda:NAME` or `kernel:NAME`"
                    problems.add(value, f"{key}.{name}", f"names no environment: `{text}`", hint)
        selectors.append(Selector(lists["environments"], lists["machines"]))
    return tuple(selectors)


def _waivers(node: yaml.Node | None, problems: Problems) -> tuple[Waiver, ...]:
    if node is None:
        return ()
    waivers = []
    needed = ("package", "until", "reason", "approved-by")
    for key, item in items_of(node, "waivers", problems):
        fields = {
            name: text_of(value, f"{key}.{name}", problems) or ""
            for name, _, value in entries(item, key, (*needed, "machine", "kind"), problems)
        }
        absent = [name for name in needed if name not in fields]
        until = _moment(fields.get("until", ""))
        if absent:
            problems.add(item, key, f"a waiver must say: {', '.join(absent)}")
        elif until is None:
            problems.add(item, f"{key}.until", f"not a time: `{fields['until']}`", "until: 2027-02-01")
        else:
            waivers.append(
                Waiver(
                    package=str(canonicalize_name(fields["package"])),
                    until=until,
                    reason=fields["reason"],
                    approved_by=fields["approved-by"],
                    machine=fields.get("machine"),
                    kind=fields.get("kind"),
                )
            )
    return tuple(waivers)


def _moment(text: str) -> datetime | None:
    """Answer a date (its beginning, UTC) or an RFC 3339 time; None where it is neither."""
    try:
        moment = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
    except ValueError:
        return None
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
