"""JSON Schemas of everything that commands print with ``--json``, made from the types themselves.

``docs/schemas`` publishes them; a test holds the files to the types.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import inspect

from envguard.domain.receipt import Receipt
from envguard.domain.verdict import Verdict
from envguard.report.compared import DiffDocument
from envguard.report.doctor import DoctorDocument
from envguard.report.documents import ErrorDocument
from envguard.report.explained import BindingDocument, ExplanationDocument
from envguard.report.listed import MachineDocument, PackageDocument
from envguard.report.outputs import (
    LintDocument,
    LogDocument,
    PoliciesDocument,
    PolicyDocument,
    PushDocument,
    ServerDocument,
    TokenDocument,
    VerdictsDocument,
    VersionDocument,
)
from envguard.report.planned import PlanDocument
from envguard.report.policy_changes import PolicyDiffDocument
from envguard.report.pulled import PullDocument
from envguard.report.rebuilt import RebuildDocument
from envguard.report.runs import RunsDocument
from envguard.report.scanned import ScanDocument
from envguard.report.upkeep import (
    BackupDocument,
    MigrationDocument,
    PruneDocument,
    RestoreDocument,
    ServerCheckDocument,
)
from envguard.report.written import ImportDocument, NewDocument
from envguard.wire import TeamReport, WaiverReply, Waivers

Schema = dict[str, Any]
"""One JSON Schema, as a JSON object."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_OUTPUTS: tuple[type[msgspec.Struct], ...] = (
    ScanDocument,
    Verdict,
    VerdictsDocument,
    Receipt,
    RunsDocument,
    RebuildDocument,
    TeamReport,
    MachineDocument,
    PackageDocument,
    DiffDocument,
    DoctorDocument,
    ExplanationDocument,
    BindingDocument,
    ErrorDocument,
    LintDocument,
    LogDocument,
    PolicyDocument,
    PolicyDiffDocument,
    PlanDocument,
    PoliciesDocument,
    PullDocument,
    PushDocument,
    NewDocument,
    ImportDocument,
    ServerDocument,
    MigrationDocument,
    BackupDocument,
    PruneDocument,
    RestoreDocument,
    ServerCheckDocument,
    TokenDocument,
    VersionDocument,
    WaiverReply,
    Waivers,
)


def schemas(*others: type[msgspec.Struct]) -> Mapping[str, Schema]:
    """Answer each output's schema by its name, such as ``scan-1`` for ``envguard/scan/1``.

    ``others`` are the outputs of rooms that this one may not import.
    """
    return {_name(each): _schema(each) for each in (*_OUTPUTS, *others)}


def _name(output: type[msgspec.Struct]) -> str:
    _, name, number = str(output.__struct_config__.tag).split("/")
    return f"{name}-{number}"


def _schema(output: type[msgspec.Struct]) -> Schema:
    schema = msgspec.json.schema(output)
    always_whole = {each.__name__ for each in structs_in(output) if not each.__struct_config__.omit_defaults}
    for name, definition in schema["$defs"].items():
        if name in always_whole:
            require_all(definition)
    return {"$schema": DIALECT, **schema}


def require_all(definition: Schema) -> None:
    """Say that every field is written: a default is of use to who reads the type, not to who reads JSON."""
    definition["required"] = list(definition["properties"])
    for field in definition["properties"].values():
        field.pop("default", None)


def structs_in(output: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    """Yield every struct that can occur in an output."""
    waiting: list[object] = [inspect.type_info(output)]
    seen: set[type] = set()
    while waiting:
        found = waiting.pop()
        if isinstance(found, inspect.StructType):
            if found.cls in seen:
                continue
            seen.add(found.cls)
            yield found.cls
        waiting.extend(_parts(found))


def _parts(found: object) -> Iterable[object]:
    match found:
        case inspect.StructType(fields=fields):
            return [field.type for field in fields]
        case inspect.UnionType(types=types):
            return types
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return [item]
        case inspect.DictType(value_type=value):
            return [value]
        case _:
            return []
