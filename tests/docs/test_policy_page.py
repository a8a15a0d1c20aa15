"""docs/policy.md says every key with its default, and its examples are policies."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from envguard.formats import language, parse_policy
from envguard.formats.companions import KeptFiles
from envguard.formats.language import Key

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TABLES: dict[str, dict[str, Key]] = {
    name: keys for name, keys in vars(language).items() if name.endswith("_KEYS") and isinstance(keys, dict)
}


@pytest.mark.parametrize("table", TABLES)
def test_every_key_has_its_line_with_its_default(table: str) -> None:
    rows = [language.row(name, key) for name, key in TABLES[table].items()]
    assert [row for row in rows if f"{row}\n" not in PAGE] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_policy(example: str) -> None:
    text = example if "envguard: 1" in example else f"envguard: 1\nname: t\n{example}"
    files = KeptFiles({"../lab/base.yaml": "envguard: 1\n"})
    assert parse_policy(text, filename="t.yaml", companions=files).name


def test_every_key_has_an_example() -> None:
    written = "".join(EXAMPLES)
    names = {name for keys in TABLES.values() for name in keys}
    assert {name for name in names if f"{name}:" not in written} <= {
        "description",
        "grace",
        "halt-after-failures",
        "indexes",
        "kind",
        "missed",
        "only-wheels",
    }
