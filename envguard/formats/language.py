"""The words of the policy language: every key with its meaning, its default and the shape of its value.

The readers of the parts take their keys and words from here, and so does the JSON Schema for editors
(:mod:`envguard.formats.policy_schema`): there is no second list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

import msgspec

from envguard.domain.findings.finding import FindingKind
from envguard.domain.policy import BeforeRun, Level, MachineFact, Severity

Shape = Mapping[str, Any]
"""A JSON Schema of a value."""


class Key(msgspec.Struct, frozen=True):
    """One key."""

    says: str
    value: Shape
    default: str | None = None
    """What holds where the key is left out; None: nothing does, or the key must be there."""
    must_be: bool = False


Keys = Mapping[str, Key]
"""The keys of one table of the language, in the order in which people write them."""

LEVELS: tuple[Level, ...] = get_args(Level)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
FACTS: tuple[MachineFact, ...] = get_args(MachineFact)
BEFORE_RUN: tuple[BeforeRun, ...] = get_args(BeforeRun)
UPGRADE_UNLISTED = ("keep", "remove")
MISSED = ("next-start", "skip")
POLICY_NAME = r"[a-z0-9][a-z0-9._-]{0,63}"
PACKAGE_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
INDEX_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?"


def is_package_name(text: str) -> bool:
    """Whether a package may be called so."""
    return re.fullmatch(PACKAGE_NAME, text) is not None


def words(choices: tuple[str, ...]) -> Shape:
    """Answer the shape of one of these words."""
    return {"enum": list(choices)}


def list_of(value: Shape, *, may_be_empty: bool = False) -> Shape:
    """Answer the shape of a list."""
    return (
        {"type": "array", "items": value}
        if may_be_empty
        else {"type": "array", "items": value, "minItems": 1}
    )


def table_of(keys: Keys) -> Shape:
    """Answer the shape of a table with just these keys."""
    required = [name for name, key in keys.items() if key.must_be]
    shape: dict[str, Any] = {"type": "object", "additionalProperties": False}
    shape["properties"] = {name: _described(key) for name, key in keys.items()}
    return {**shape, "required": required} if required else shape


def either(*shapes: Shape) -> Shape:
    """Answer the shape of what has one of several shapes."""
    return {"anyOf": list(shapes)}


def row(name: str, key: Key) -> str:
    """Answer a key's line in the table of docs/policy.md."""
    shown = f"`{name}: 1`" if name == "envguard" else f"`{name}`"
    return f"| {shown} | {'required' if key.must_be else key.default or ''} | {key.says} |"


def _described(key: Key) -> Shape:
    default = f" Default: {key.default}." if key.default is not None else ""
    return {"description": f"{key.says}.{default}", **key.value}


TEXT: Shape = {"type": ["string", "number", "boolean"]}
"""What is written without quotes may look like a number to others; it is read as it is written."""
SPECIFIER: Shape = {"type": ["string", "null"], "description": 'a PEP 440 specifier such as ">=1.26,<2"'}
TRUTH: Shape = {"type": "boolean"}
DURATION: Shape = {"type": "string", "pattern": r"^\s*(?=[0-9])([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?\s*$"}
WEEKLY: Shape = {"type": "string", "pattern": r"^\s*[A-Za-z]+ +[0-9]{2}:[0-9]{2}\s*$"}
CIVIL: Shape = {"type": "string", "pattern": r"^\s*2[01][0-9]{2}-[0-9]{2}-[0-9]{2}"}
LEVEL: Shape = words(LEVELS)
PACKAGE: Shape = {"type": ["string", "number", "boolean"], "pattern": f"^{PACKAGE_NAME}$"}


def _number(least: int) -> Shape:
    return {"type": ["integer", "string"], "minimum": least, "pattern": "^[0-9]+$"}


PYTHON_KEYS: Keys = {
    "version": Key("A PEP 440 specifier", SPECIFIER, "any"),
    "implementation": Key("Such as CPython or PyPy, in any case", TEXT, "any"),
    "free-threaded": Key("Whether the interpreter must have no GIL", TRUTH, "either"),
}
LOCK_KEYS: Keys = {
    "file": Key("The lock, relative to the file that names it", TEXT, must_be=True),
    "extras": Key("The lock's extras that must be there", list_of(TEXT, may_be_empty=True), "none"),
    "groups": Key(
        "The lock's dependency groups that must be there", list_of(TEXT, may_be_empty=True), "the lock's own"
    ),
}
RULE_KEYS: Keys = {
    "version": Key("A PEP 440 specifier", SPECIFIER, "any version"),
    "build": Key("A local version label such as cu121, or a pattern for conda's build string", TEXT, "any"),
    "optional": Key("Judged only where it is installed", TRUTH, "false"),
    "deny": Key("It must not be there", TRUTH, "false"),
    "severity": Key("What it is to differ", words(SEVERITIES), "error"),
    "reason": Key("Shown with the finding", TEXT),
}
ORIGIN_KEYS: Keys = {
    "editable": Key("Installations that follow a folder", LEVEL, "ignore"),
    "vcs": Key("Installations from a repository", LEVEL, "ignore"),
    "direct-url": Key("Installations from an archive or a folder by its address", LEVEL, "ignore"),
}
MACHINE_KEYS: Keys = {
    "value": Key("What the fact must be", TEXT, must_be=True),
    "severity": Key("What it is to differ", words(SEVERITIES), "error"),
    "reason": Key("Shown with the finding", TEXT),
}
SELECTOR_KEYS: Keys = {
    "environments": Key("`*`, paths from / or ~ or **, conda:NAME, kernel:NAME", list_of(TEXT), "all"),
    "machines": Key("Names, patterns, label:KEY or label:KEY=VALUE", list_of(TEXT), "all"),
}
WINDOW_KEYS: Keys = {
    "every": Key("When the window opens, such as monday 03:00", WEEKLY),
    "for": Key("How long it stays open, such as 4h", DURATION),
    "cutoff": Key("How long before its end nothing starts any more", DURATION, "0s"),
    "propose": Key("When the next lock is resolved", WEEKLY, "72 hours before the window"),
}
FREEZE_KEYS: Keys = {
    "from": Key("A day, or a time such as 2027-01-20 09:00", CIVIL, must_be=True),
    "until": Key("A day (to its end) or a time, such as 2027-01-29 13:00 AoE", CIVIL, must_be=True),
    "reason": Key("Shown to those who must wait", TEXT, must_be=True),
}
CALENDAR_KEYS: Keys = {
    "timezone": Key("An IANA zone", {"type": "string"}, "each machine's own"),
    "upgrade": Key("The weekly window", table_of(WINDOW_KEYS), "none"),
    "freezes": Key("Times in which nothing changes", list_of(table_of(FREEZE_KEYS)), "none"),
}
RING_KEYS: Keys = {
    "machines": Key("Names, patterns, label:KEY or label:KEY=VALUE", list_of(TEXT), must_be=True),
    "soak": Key("How long it is watched before the next ring", DURATION, "0s"),
    "at-once": Key("How many may be at it at one time", _number(1), "all"),
}
UPGRADE_KEYS: Keys = {
    "requirements": Key("What `pip install -U` is asked for", list_of(TEXT), "none"),
    "minimum-release-age": Key("How old a release must be", DURATION, "0s"),
    "indexes": Key("Names; addresses are each machine's own", list_of(TEXT), "default"),
    "only-wheels": Key("Nothing is built", TRUTH, "true"),
    "build-allowed": Key("Packages that may be built all the same", list_of(PACKAGE), "none"),
    "unlisted": Key("What becomes of packages outside the lock", words(UPGRADE_UNLISTED), "keep"),
    "missed": Key("What a machine does that slept through its window", words(MISSED), "next-start"),
    "rings": Key("Who is upgraded when", list_of(table_of(RING_KEYS)), "all machines at once"),
    "grace": Key("How long an environment may keep its lock", DURATION, "7d"),
    "smoke": Key("Commands that must succeed in an upgraded environment", list_of(TEXT), "none"),
    "halt-after-failures": Key("How many failures stop the rollout", _number(1), "1"),
}
WAIVER_KEYS: Keys = {
    "package": Key("Whose findings do not count", PACKAGE, must_be=True),
    "until": Key("A day (its beginning, UTC) or a time with its zone", {"type": "string"}, must_be=True),
    "reason": Key("Why", TEXT, must_be=True),
    "approved-by": Key("By whom", TEXT, must_be=True),
    "machine": Key("The name of the one machine that may differ", TEXT, "all"),
    "environment": Key(
        "The environments that may differ, as in applies-to", TEXT, "all that the policy judges"
    ),
    "kind": Key("The one kind of finding that does not count", words(get_args(FindingKind)), "all"),
}
POLICY_KEYS: Keys = {
    "envguard": Key("The version of this language", {"enum": [1, "1"]}, must_be=True),
    "name": Key(
        "Lower case letters, digits, `.`, `_` and `-`",
        {"type": ["string", "number", "boolean"], "pattern": f"^{POLICY_NAME}$"},
        "none; required but where it is only extended",
    ),
    "description": Key("For people", TEXT),
    "extends": Key("A policy file that this one is laid over, relative to this file", TEXT, "none"),
    "python": Key("Which interpreter", either(SPECIFIER, table_of(PYTHON_KEYS)), "any"),
    "lock": Key(
        "The exact packages: a file, relative to the one that names it",
        either(TEXT, table_of(LOCK_KEYS)),
        "none",
    ),
    "packages": Key(
        "Rules on top of the lock, by package",
        {
            "type": "object",
            "propertyNames": {"pattern": f"^{PACKAGE_NAME}$"},
            "additionalProperties": either(SPECIFIER, table_of(RULE_KEYS)),
        },
        "none",
    ),
    "unlisted": Key(
        "What it is to have a package that neither the lock nor a rule names",
        LEVEL,
        "warn with a lock, else ignore",
    ),
    "origins": Key("What it is to come from elsewhere than an index", table_of(ORIGIN_KEYS), "ignore"),
    "integrity": Key("What it is to have files that changed after their installation", LEVEL, "warn"),
    "broken-requirements": Key("What it is to lack what an installed package requires", LEVEL, "info"),
    "before-run": Key("What happens before a run in a drifted environment", words(BEFORE_RUN), "refuse"),
    "machine": Key(
        "What the machine must be, by fact",
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {fact: either(TEXT, table_of(MACHINE_KEYS)) for fact in FACTS},
        },
        "none",
    ),
    "applies-to": Key("For whom", list_of(table_of(SELECTOR_KEYS)), "projects that name this policy"),
    "calendar": Key("When upgrades may happen", table_of(CALENDAR_KEYS), "never by itself"),
    "upgrade": Key("What the weekly upgrade asks for, and its limits", table_of(UPGRADE_KEYS), "none"),
    "waivers": Key("Permissions to differ, each with an end", list_of(table_of(WAIVER_KEYS)), "none"),
}
"""The keys of a policy file."""
