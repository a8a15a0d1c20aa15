"""The policy file: YAML to ``domain.policy.Policy``, every problem at once, each with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

import yaml

from envguard.domain.policy import Policy, Rules, Unlisted
from envguard.errors import PolicyError
from envguard.formats.files import is_encodable, shown
from envguard.formats.nodes import Problems, compose, entries, line_of, text_of, word_of
from envguard.formats.rules import parse_packages, parse_python
from envguard.formats.selectors import parse_selectors, parse_waivers

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
_UNLISTED = ("ignore", "warn", "error")


def is_policy_name(text: str) -> bool:
    """Whether a policy may be called so."""
    return _NAME.fullmatch(text) is not None


def parse_policy(text: str, *, filename: str) -> Policy:
    """Answer the policy that a file's text says.

    Raises PolicyError: one problem, or all of them in ``problems``.
    """
    policy, problems = examine_policy(text, filename=filename)
    problems.raise_all()
    return policy


def examine_policy(text: str, *, filename: str) -> tuple[Policy, Problems]:
    """Answer the policy as far as its text can be understood, and what else is wrong with it.

    Raises PolicyError where nothing of it can be: it is no YAML, or has too many problems.
    """
    if not is_encodable(text):
        raise PolicyError("the policy is not UTF-8", where=filename, hint="save it as UTF-8")
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
    return _policy(root, nodes, places, problems), problems


def _policy(
    root: yaml.Node, nodes: Mapping[str, yaml.Node], places: dict[str, str], problems: Problems
) -> Policy:
    _check_version(root, nodes, problems)
    lock = _text(nodes, "lock", problems)
    if "lock" in places:
        places.setdefault("unlisted", places["lock"])
    return Policy(
        name=_name(root, nodes, problems),
        description=_text(nodes, "description", problems),
        rules=Rules(
            python=parse_python(nodes.get("python"), problems),
            packages=parse_packages(nodes.get("packages"), places, problems),
            unlisted=_unlisted(nodes, problems),
        ),
        lock=lock,
        applies_to=parse_selectors(nodes.get("applies-to"), problems),
        waivers=parse_waivers(nodes.get("waivers"), problems),
        places=places,
    )


def _check_version(root: yaml.Node, nodes: Mapping[str, yaml.Node], problems: Problems) -> None:
    node = nodes.get("envguard")
    if node is None:
        problems.add(root, "envguard", "the key is missing", "begin the file with `envguard: 1`")
    elif text_of(node, "envguard", problems) not in (None, "1"):
        problems.add(node, "envguard", "this version of envguard reads policies of version 1", "envguard: 1")


def _name(root: yaml.Node, nodes: Mapping[str, yaml.Node], problems: Problems) -> str:
    if "name" not in nodes:
        problems.add(root, "name", "the key is missing", "name: rl-team")
        return ""
    name = _text(nodes, "name", problems)
    if name is not None and not is_policy_name(name):
        hint = "lower case letters, digits, `.`, `_` and `-`, up to 64: rl-team"
        problems.add(nodes["name"], "name", f"not a policy's name: `{shown(name)}`", hint)
    return name or ""


def _unlisted(nodes: Mapping[str, yaml.Node], problems: Problems) -> Unlisted:
    default: Unlisted = "warn" if "lock" in nodes else "ignore"
    if "unlisted" not in nodes:
        return default
    word = word_of(nodes["unlisted"], "unlisted", _UNLISTED, problems)
    return cast("Unlisted", word) if word is not None else default


def _text(nodes: Mapping[str, yaml.Node], key: str, problems: Problems) -> str | None:
    return text_of(nodes[key], key, problems) if key in nodes else None
