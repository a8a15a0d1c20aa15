"""The schema for editors: valid is whatever parses, and it knows every key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from envguard.formats import language, parse_policy
from envguard.formats.companions import FolderFiles
from envguard.formats.policy_schema import policy_schema
from tests.builders.yaml_text import as_editors_read

ROOT = Path(__file__).resolve().parents[2]
GOOD = [
    *sorted((ROOT / "policies").glob("*.yaml")),
    *sorted((ROOT / "tests" / "formats" / "good_policies").rglob("*.yaml")),
]
EDITOR = jsonschema.Draft202012Validator(policy_schema())


def keys_of(schema: dict[str, Any]) -> Iterator[str]:
    """Every key of every table in a schema."""
    yield from schema.get("properties", {})
    parts = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    parts += [
        schema[name] for name in ("items", "additionalProperties") if isinstance(schema.get(name), dict)
    ]
    for part in parts:
        yield from keys_of(part)


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(policy_schema())


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_a_policy_that_parses_is_valid(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.parent.name != "bases":
        parse_policy(text, filename=path.name, companions=FolderFiles(path.parent))
    EDITOR.validate(as_editors_read(text))


def test_every_key_of_the_parser_is_in_it() -> None:
    tables = [table for name, table in vars(language).items() if name.endswith("_KEYS")]
    assert {key for table in tables for key in table} <= set(keys_of(policy_schema()))


def test_every_key_is_described() -> None:
    schema = policy_schema()
    assert schema["properties"]["unlisted"]["description"].endswith("Default: warn with a lock, else ignore.")
    assert all("description" in each for each in schema["properties"].values())


@pytest.mark.parametrize(
    "text",
    [
        "name: t",
        "envguard: 2",
        "envguard: 1\npackges: {}",
        "envguard: 1\npython: 3.11",
        "envguard: 1\nunlisted: loud",
        "envguard: 1\nupgrade: {grace: a week}",
        "envguard: 1\nmachine: {nvidia: '>=5'}",
        "envguard: 1\nwaivers: [{package: a}]",
    ],
)
def test_an_editor_underlines_common_mistakes(text: str) -> None:
    assert not EDITOR.is_valid(as_editors_read(text))
