"""Holds answers of the API to its OpenAPI document."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import jsonschema

from envguard.server.openapi import document


def hold(method: str, path: str, status: int, kind: str, body: bytes) -> None:
    """Hold an answer to what the document says of its address; ``kind`` is its content type."""
    operation = operation_at(method, path)
    if operation is None:
        assert status in (404, 405), f"{method} {path} is not described, and answered {status}"
        return
    responses, name = operation["responses"], operation["operationId"]
    assert str(status) in responses, f"{name} is not described to answer {status}: {body!r}"
    content = responses[str(status)].get("content")
    if content is None:
        assert body == b""
        return
    told = kind.partition(";")[0]
    assert told in content, f"{name} is not described to answer in {told}"
    if told == "application/json":
        validator(json.dumps(content[told]["schema"])).validate(json.loads(body))


def operation_at(method: str, path: str) -> dict[str, Any] | None:
    """Answer what is described at an address; None where nothing is."""
    for pattern, operations in _paths():
        if method.lower() in operations and pattern.fullmatch(path):
            found: dict[str, Any] = operations[method.lower()]
            return found
    return None


@cache
def _paths() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """The addresses, those without places first."""
    paths = sorted(document()["paths"].items(), key=lambda each: each[0].count("{"))
    return [(re.compile(re.sub("{[^}]+}", "[^/]+", path)), operations) for path, operations in paths]


@cache
def validator(schema: str) -> jsonschema.Draft202012Validator:
    """Answer what holds JSON to a schema of the document."""
    return jsonschema.Draft202012Validator({**json.loads(schema), "components": document()["components"]})
