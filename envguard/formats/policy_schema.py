"""The JSON Schema of a policy file, for editors: they complete keys and underline mistakes while one types.

It is made from the same table as the parser's keys (:mod:`envguard.formats.language`), and is laxer than the
parser: whatever parses is valid, but only the parser knows versions, zones, and what contradicts what.
"""

from __future__ import annotations

from typing import Any

from envguard.formats.language import POLICY_KEYS, table_of

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def policy_schema() -> dict[str, Any]:
    """Answer the schema as a JSON object."""
    about = {"title": "envguard policy", "description": "What a team's Python environments must be."}
    return {"$schema": _DIALECT, **about, **table_of(POLICY_KEYS)}
