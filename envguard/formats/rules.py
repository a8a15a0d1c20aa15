"""The parts of a policy that ``compare`` reads: ``python`` and ``packages``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

import yaml
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from envguard.domain.policy import Deny, PackageRule, PythonRule, Require, Severity
from envguard.formats.files import shown
from envguard.formats.nodes import Problems, entries, is_empty, line_of, text_of, truth_of, word_of

_PACKAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_PYTHON_KEYS = ("version", "implementation", "free-threaded")
_RULE_KEYS = ("version", "severity", "reason", "optional", "deny", "build")
_LATER_RULE_KEYS = ("build",)
_SEVERITIES = ("error", "warn", "info")
_LONGEST_SPECIFIER = 200


def parse_python(node: yaml.Node | None, problems: Problems) -> PythonRule:
    """Answer the rule for the interpreter: a specifier, or version, implementation and free-threaded."""
    if node is None:
        return PythonRule()
    if isinstance(node, yaml.ScalarNode):
        return PythonRule(version=_specifier(node, "python", problems) or None)
    fields = {name: value for name, _, value in entries(node, "python", _PYTHON_KEYS, problems)}
    free = fields.get("free-threaded")
    implementation = fields.get("implementation")
    version = fields.get("version")
    return PythonRule(
        version=(_specifier(version, "python.version", problems) or None) if version else None,
        implementation=text_of(implementation, "python.implementation", problems) if implementation else None,
        free_threaded=truth_of(free, "python.free-threaded", problems) if free else None,
    )


def parse_packages(
    node: yaml.Node | None, places: dict[str, str], problems: Problems
) -> tuple[PackageRule, ...]:
    """Answer the rules sorted by normalised name; ``places`` learns where each stands."""
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
        places[f"packages.{normal}"] = f"{problems.filename}:{line_of(key_node)}"
    return tuple(rules[name] for name in sorted(rules))


def package_name(node: yaml.Node, text: str, key: str, problems: Problems) -> str | None:
    """Answer a package's normalised name (PEP 503); what is none is noted."""
    if _PACKAGE.fullmatch(text):
        return str(canonicalize_name(text))
    hint = "a name only; versions stand after the colon" if re.search("[<>=~!@;]", text) else "such as gym"
    problems.add(node, key, f"not a package's name: `{shown(text)}`", hint)
    return None


def _rule(name: str, key: str, node: yaml.Node, problems: Problems) -> PackageRule:
    if isinstance(node, yaml.ScalarNode):
        return Require(name=name, specifier=_specifier(node, key, problems))
    fields: dict[str, yaml.Node] = {}
    for field, key_node, value in entries(node, key, _RULE_KEYS, problems):
        if field in _LATER_RULE_KEYS:
            what = f"not supported by this version yet: `{field}`"
            problems.add(key_node, f"{key}.{field}", what, "take the key out")
        else:
            fields[field] = value
    severity = _severity(fields, key, problems)
    reason = text_of(fields["reason"], f"{key}.reason", problems) if "reason" in fields else None
    if "deny" in fields and truth_of(fields["deny"], f"{key}.deny", problems):
        for other in ("version", "optional"):
            if other in fields:
                what = f"`deny` and `{other}` exclude each other"
                problems.add(fields[other], f"{key}.{other}", what, "keep one of them")
        return Deny(name=name, severity=severity, reason=reason)
    version = fields.get("version")
    return Require(
        name=name,
        specifier=_specifier(version, f"{key}.version", problems) if version else "",
        severity=severity,
        reason=reason,
        optional="optional" in fields and truth_of(fields["optional"], f"{key}.optional", problems),
    )


def _severity(fields: Mapping[str, yaml.Node], key: str, problems: Problems) -> Severity:
    if "severity" not in fields:
        return "error"
    word = word_of(fields["severity"], f"{key}.severity", _SEVERITIES, problems)
    return cast("Severity", word) if word is not None else "error"


def _specifier(node: yaml.Node, key: str, problems: Problems) -> str:
    """Answer a specifier set without blanks; empty for any version."""
    if is_empty(node):
        return ""
    text = text_of(node, key, problems) or ""
    if text.strip() in ("", "*"):
        return ""
    try:
        if len(text) > _LONGEST_SPECIFIER or not str(SpecifierSet(text)):
            raise InvalidSpecifier(text)
    except InvalidSpecifier:
        what = f"not a version specifier: `{shown(text)}`"
        problems.add(node, key, what, _corrected(text, is_python=key.startswith("python")))
        return ""
    return "".join(text.split())


def _corrected(text: str, *, is_python: bool) -> str:
    bare = text.strip().lstrip("=~^ ")
    if not re.fullmatch(r"[0-9][\w.*+!]*", bare):
        return 'such as ">=3.10,<3.13"' if is_python else 'such as ">=1.26,<2"'
    wild = ".*" if is_python and bare.count(".") == 1 and not bare.endswith("*") else ""
    return f'did you mean "=={bare}{wild}"?'
