"""The API's OpenAPI 3.1 document, made from the table of routes and the types of the messages.

Rules
1. A schema is a type's, under its name. What only the server writes has every field; of what is sent to it,
   fields with a default may be absent.
2. Every answer that is not a success is a ``Refusal``. Which ones an address gives follows from what it
   takes; what is its own stands in the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import msgspec

from envguard.report.schemas import DIALECT, Schema, require_all, structs_in
from envguard.server.asked import MOST_ROWS
from envguard.server.routes import API, Described
from envguard.wire import BODY_LIMIT_BYTES, Refusal

_REF = "#/components/schemas/{name}"
_PLACE = re.compile(r"{(\w+)}")
_NUMBER = "^[1-9][0-9]{0,8}$"

_PLACES: Mapping[str, Schema] = {
    "digest": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$", "description": "A snapshot's digest."},
    "name": {"type": "string", "minLength": 1, "description": "A policy's name."},
    "meeting": {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "A meeting's name."},
    "note": {
        "type": "string",
        "pattern": r"^[a-z]{1,20}(\.[0-9a-f]{1,64}){1,3}$",
        "description": "A note's name.",
    },
    "number": {"type": "string", "pattern": _NUMBER, "description": "A waiver's number."},
    "decision": {"type": "string", "enum": ["approve", "refuse", "end"], "description": "What is decided."},
    "package": {"type": "string", "minLength": 1, "description": "A package's name, however it is written."},
}

_OF_ALL = {
    503: "The database does not answer; `Retry-After` says when to come back.",
    507: "The disk of the database is full; nothing was kept.",
    500: "The server failed.",
}
_OF_SOMEBODY = {
    401: "The request carries no token, or one that the server does not know.",
    403: "Who asks may not do this.",
}
_OF_A_MESSAGE = {
    400: "The message is no such message; the place in it that is wrong is named.",
    413: f"The message is too large: never over {BODY_LIMIT_BYTES} bytes, compressed or not.",
    415: "The server does not read this content encoding: deflate and gzip.",
}
_OF_A_QUERY = {400: "A parameter is not known, or none: it is named."}
_OF_A_PLACE = {400: "A part of the address is none: it is named.", 404: "There is nothing at this address."}

_HEADERS: Schema = {
    "Link": {"description": "The address of the next page, `rel=next`.", "schema": {"type": "string"}},
    "Envguard-Count": {
        "description": "Rows of all pages, where it was asked for.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
}


@cache
def document() -> Schema:
    """Answer the document."""
    found: Schema = msgspec.json.decode(document_text())
    return found


@cache
def document_text() -> bytes:
    """Answer it as it is served."""
    return msgspec.json.encode(_made())


def _made() -> Schema:
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": "envguard",
            "version": "1",
            "description": "Within this version fields may be added; none is renamed or removed. "
            f"Lists have {MOST_ROWS} rows a page at most.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/api/v1"}],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A person's token, or the secret of a joined machine.",
                }
            },
        },
    }


def refusals_of(route: Described) -> Mapping[int, str]:
    """Answer every status by which an address says no, with the reason in words."""
    found = dict(_OF_ALL)
    if _PLACE.search(route.path):
        found |= _OF_A_PLACE
    if route.query is not None:
        found |= _OF_A_QUERY
    if route.takes is not None:
        found |= _OF_A_MESSAGE
    if route.act != "enter":
        found |= _OF_SOMEBODY
    return {**found, **route.refuses}


def _paths() -> Schema:
    paths: Schema = {}
    for route in API:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return paths


def _operation(route: Described) -> Schema:
    operation: Schema = {
        "operationId": route.name,
        "summary": route.says,
        "security": [] if route.act == "enter" else [{"token": []}],
        "x-envguard-act": route.act,
        "responses": _responses(route),
    }
    parameters = [*_places(route.path), *_query(route.query)]
    if parameters:
        operation["parameters"] = parameters
    if route.takes is not None:
        content = {"application/json": {"schema": _ref(route.takes)}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _responses(route: Described) -> Schema:
    content: Schema = {text: {"schema": {}} for text in route.texts}
    if route.answers is not None:
        content = {"application/json": {"schema": _ref(route.answers)}, **content}
    success: Schema = {"description": "It is done." if not content else "The answer."}
    if content:
        success["content"] = content
    if "text/csv" in content:
        success["headers"] = _HEADERS
    refused = {"application/json": {"schema": _ref(Refusal)}}
    return {
        ("200" if content else "204"): success,
        **{
            str(status): {"description": words, "content": refused}
            for status, words in sorted(refusals_of(route).items())
        },
    }


def _places(path: str) -> Iterable[Schema]:
    for name in _PLACE.findall(path):
        schema = dict(_PLACES[name])
        words = schema.pop("description")
        yield {"name": name, "in": "path", "required": True, "description": words, "schema": schema}


def _query(kind: type[msgspec.Struct] | None) -> Iterable[Schema]:
    if kind is None:
        return
    [schema], found = msgspec.json.schema_components([kind], ref_template=_REF)
    fields = found[schema["$ref"].rpartition("/")[2]]["properties"]
    for name, field in fields.items():
        words = field.pop("description", None)
        told = {} if words is None else {"description": words}
        yield {"name": name, "in": "query", **told, "schema": _without_null(field)}


def _without_null(schema: Schema) -> Schema:
    """A parameter is absent, never null."""
    options = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    kept = {key: value for key, value in schema.items() if key != "anyOf" and value is not None}
    return {**(options[0] if options else {}), **kept}


def _schemas() -> Schema:
    sent = {each for route in API for each in _structs(route.takes)}
    written = {each for route in API for each in _structs(route.answers)} | {Refusal}
    kinds = sorted(sent | written, key=lambda kind: kind.__name__)
    refs, found = msgspec.json.schema_components(kinds, ref_template=_REF)
    for kind, ref in zip(kinds, refs, strict=True):
        definition = found[ref["$ref"].rpartition("/")[2]]
        if kind not in sent and not kind.__struct_config__.omit_defaults:
            require_all(definition)
    return dict(sorted(found.items()))


def _structs(kind: type[msgspec.Struct] | None) -> Iterable[type[msgspec.Struct]]:
    return () if kind is None else structs_in(kind)


def _ref(kind: type[msgspec.Struct]) -> Schema:
    [schema], _ = msgspec.json.schema_components([kind], ref_template=_REF)
    found: dict[str, Any] = schema
    return found
