"""The parts of a policy that ``compare`` reads: for Python, packages, origins and machine, and which lock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

import yaml
from packaging.utils import canonicalize_name

from envguard.domain.findings.machine import VERSION_FACTS, level_asked, size_asked
from envguard.domain.locks.lock import LockChoice
from envguard.domain.policy import (
    Deny,
    Level,
    MachineFact,
    MachineRule,
    OriginRules,
    PackageRule,
    PythonRule,
    Require,
    Severity,
)
from envguard.errors import PolicyError
from envguard.formats.companions import beside
from envguard.formats.files import shown
from envguard.formats.language import (
    FACTS,
    LEVELS,
    LOCK_KEYS,
    MACHINE_KEYS,
    ORIGIN_KEYS,
    PYTHON_KEYS,
    RULE_KEYS,
    SEVERITIES,
    is_package_name,
)
from envguard.formats.nodes import (
    Problems,
    entries,
    fields_of,
    items_of,
    place_of,
    text_of,
    truth_of,
    word_of,
    words_of,
)
from envguard.formats.specifiers import specifier_of

_BUILD = re.compile(r"[A-Za-z0-9_.*?\[\]!+-]{1,100}", re.ASCII)


def parse_python(node: yaml.Node | None, problems: Problems) -> PythonRule:
    """Answer the rule for the interpreter: a specifier, or version, implementation and free-threaded."""
    if node is None:
        return PythonRule()
    if isinstance(node, yaml.ScalarNode):
        return PythonRule(version=specifier_of(node, "python", problems) or None)
    fields = fields_of(node, "python", PYTHON_KEYS, problems)
    free = fields.get("free-threaded")
    implementation = fields.get("implementation")
    version = fields.get("version")
    return PythonRule(
        version=(specifier_of(version, "python.version", problems) or None) if version else None,
        implementation=words_of(implementation, "python.implementation", problems)
        if implementation
        else None,
        free_threaded=truth_of(free, "python.free-threaded", problems) if free else None,
    )


def parse_packages(node: yaml.Node | None, problems: Problems) -> tuple[PackageRule, ...]:
    """Answer the rules sorted by normalised name; ``problems`` learns where each stands."""
    if node is None:
        return ()
    rules: dict[str, PackageRule] = {}
    spelled: dict[str, str] = {}
    for name, key_node, value in entries(node, "packages", None, problems):
        key = f"packages.{name}"
        normal = package_name(key_node, name, key, problems)
        if normal is None:
            continue
        if normal in rules:
            what = f"`{name}` and `{spelled[normal]}` are one package: `{normal}`"
            problems.add(key_node, key, what, "keep one of them")
            continue
        rules[normal] = _rule(normal, key, value, problems)
        spelled[normal] = name
        problems.places[f"packages.{normal}"] = place_of(key_node)
    return tuple(rules[name] for name in sorted(rules))


def parse_origins(node: yaml.Node | None, problems: Problems) -> OriginRules:
    """Answer what it is to come from elsewhere than an index."""
    if node is None:
        return OriginRules()
    fields = fields_of(node, "origins", ORIGIN_KEYS, problems)
    levels = {
        name.replace("-", "_"): level_of(value, f"origins.{name}", problems, default="ignore")
        for name, value in fields.items()
    }
    return OriginRules(**levels)


def parse_machine(node: yaml.Node | None, problems: Problems) -> tuple[MachineRule, ...]:
    """Answer the rules for the machine, sorted by fact: each what the fact must be, or a table with that."""
    if node is None:
        return ()
    rules = []
    for fact, _, value in entries(node, "machine", FACTS, problems):
        key = f"machine.{fact}"
        fields = {"value": value}
        if not isinstance(value, yaml.ScalarNode):
            fields = fields_of(value, key, MACHINE_KEYS, problems)
        else:
            problems.places[f"{key}.value"] = place_of(value)
        if "value" not in fields:
            if isinstance(value, yaml.MappingNode):
                problems.add(value, key, "it does not say what the fact must be", "{value: '>=550'}")
            continue
        expected = _expected(cast("MachineFact", fact), fields["value"], key, problems)
        severity, reason = severity_of(fields, key, problems), _reason(fields, key, problems)
        rules.append(MachineRule(cast("MachineFact", fact), expected, severity, reason))
    return tuple(sorted(rules, key=lambda rule: rule.fact))


def parse_lock_choice(node: yaml.Node | None, problems: Problems) -> tuple[str | None, LockChoice]:
    """Answer the lock's name relative to the policy's folder, and which extras and groups are meant."""
    if node is None:
        return None, LockChoice()
    if isinstance(node, yaml.ScalarNode):
        return file_beside(node, "lock", problems), LockChoice()
    fields = fields_of(node, "lock", LOCK_KEYS, problems)
    file = file_beside(fields["file"], "lock.file", problems) if "file" in fields else None
    if "file" not in fields and isinstance(node, yaml.MappingNode):
        problems.add(node, "lock", "it names no file", "{file: pylock.toml, groups: [dev]}")
    chosen = {
        name: names_of(fields[name], f"lock.{name}", problems, may_be_empty=True)
        for name in ("extras", "groups")
        if name in fields
    }
    return file, LockChoice(**chosen)


def file_beside(node: yaml.Node, key: str, problems: Problems) -> str | None:
    """Answer a file's name relative to the policy's folder, written relative to the file that names it."""
    name = words_of(node, key, problems)
    if name is None:
        return None
    place = place_of(node)
    try:
        return beside(place.filename, name, str(place))
    except PolicyError as error:
        problems.add(node, key, error.what, error.hint)
        return None


def package_name(node: yaml.Node, text: str, key: str, problems: Problems) -> str | None:
    """Answer a package's normalised name (PEP 503); what is none is noted."""
    if is_package_name(text):
        return str(canonicalize_name(text))
    hint = "a name only; versions stand after the colon" if re.search("[<>=~!@;]", text) else "such as gym"
    problems.add(node, key, f"not a package's name: `{shown(text)}`", hint)
    return None


def names_of(node: yaml.Node, key: str, problems: Problems, *, may_be_empty: bool = False) -> tuple[str, ...]:
    """Answer the normalised names of a list, in the order of writing; one that is there twice is noted."""
    names: dict[str, None] = {}
    for path, item in items_of(node, key, problems, may_be_empty=may_be_empty):
        text = text_of(item, path, problems)
        normal = package_name(item, text, path, problems) if text is not None else None
        if normal in names:
            problems.add(item, path, f"it is there twice: `{normal}`", "keep one of them")
        elif normal is not None:
            names[normal] = None
    return tuple(names)


def level_of(node: yaml.Node, key: str, problems: Problems, *, default: Level) -> Level:
    """Answer a level; anything else is noted, and the default in its place."""
    word = word_of(node, key, LEVELS, problems)
    return cast("Level", word) if word is not None else default


def severity_of(fields: Mapping[str, yaml.Node], key: str, problems: Problems) -> Severity:
    """Answer the severity that a table says; without one ``error``."""
    if "severity" not in fields:
        return "error"
    word = word_of(fields["severity"], f"{key}.severity", SEVERITIES, problems)
    return cast("Severity", word) if word is not None else "error"


def _rule(name: str, key: str, node: yaml.Node, problems: Problems) -> PackageRule:
    if isinstance(node, yaml.ScalarNode):
        return Require(name=name, specifier=specifier_of(node, key, problems))
    fields = fields_of(node, key, RULE_KEYS, problems)
    severity = severity_of(fields, key, problems)
    reason = _reason(fields, key, problems)
    if "deny" in fields and truth_of(fields["deny"], f"{key}.deny", problems):
        for other in ("version", "optional", "build"):
            if other in fields:
                what = f"`deny` and `{other}` exclude each other"
                problems.add(fields[other], f"{key}.{other}", what, "keep one of them")
        return Deny(name=name, severity=severity, reason=reason)
    version = fields.get("version")
    return Require(
        name=name,
        specifier=specifier_of(version, f"{key}.version", problems) if version else "",
        severity=severity,
        reason=reason,
        optional="optional" in fields and truth_of(fields["optional"], f"{key}.optional", problems),
        build=_build(fields["build"], f"{key}.build", problems) if "build" in fields else None,
    )


def _reason(fields: Mapping[str, yaml.Node], key: str, problems: Problems) -> str | None:
    return text_of(fields["reason"], f"{key}.reason", problems) if "reason" in fields else None


def _build(node: yaml.Node, key: str, problems: Problems) -> str | None:
    text = text_of(node, key, problems)
    if text is not None and not _BUILD.fullmatch(text):
        hint = "such as cu121, or a pattern such as py311*_0"
        problems.add(node, key, f"not a build: `{shown(text)}`", hint)
        return None
    return text


def _expected(fact: MachineFact, node: yaml.Node, key: str, problems: Problems) -> str:
    if fact in VERSION_FACTS:
        specifier = specifier_of(node, key, problems)
        if not specifier and text_of(node, key, problems) is not None and node.value.strip() in ("", "*"):
            problems.add(node, key, "it asks for nothing", "such as '>=2.31', or take the key out")
        return specifier
    text = words_of(node, key, problems)
    if text is None:
        return ""
    if fact == "memory" and size_asked(text) is None:
        problems.add(node, key, f"not a comparison with a size: `{shown(text)}`", "such as '>=32GiB'")
    if fact == "simd" and text.strip()[0] in "<>=" and level_asked(text) is None:
        hint = "such as '>=x86-64-v3', or a pattern such as 'armv8*'"
        problems.add(node, key, f"not a comparison with a level: `{shown(text)}`", hint)
    return text.strip()
