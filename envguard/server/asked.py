"""What may be asked of a list, as types: the parameters after an address, each with what it means.

A parameter that is not known, that stands there twice, or that is none is refused by its name.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from starlette.datastructures import QueryParams

from envguard.domain.environment import EnvironmentKind
from envguard.domain.findings.finding import FindingKind
from envguard.domain.policy import Severity
from envguard.domain.verdict import Outcome
from envguard.server.refusals import RefusalError
from envguard.wire.lists import State

MOST_ROWS = 500
_REPEATABLE = "label"

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
_T = TypeVar("_T", bound=msgspec.Struct)


def _meaning(words: str) -> msgspec.Meta:
    return msgspec.Meta(description=words)


class Paging(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every list takes."""

    limit: Annotated[
        int, msgspec.Meta(ge=1, le=MOST_ROWS, description="Rows of a page at most; it may have fewer.")
    ] = 100
    cursor: Annotated[Text | None, _meaning("The `next` of the page before.")] = None
    count: Annotated[bool, _meaning("Also count the rows of all pages, which looks at all of them.")] = False
    format: Annotated[
        Literal["json", "csv"] | None, _meaning("By default what `Accept` prefers, else JSON.")
    ] = None


class OfMachines(Paging, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose rows."""

    machine: Annotated[Text | None, _meaning("Of the machine of this name.")] = None
    name: Annotated[Text | None, _meaning("Of machines whose names match: `ws-*`.")] = None
    label: Annotated[
        tuple[Text, ...], _meaning("Of machines with this label: `gpu`, or `gpu=a*`; repeatable.")
    ] = ()


class Judged(OfMachines, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As what they stand."""

    state: Annotated[State | None, _meaning("Of machines that are heard so.")] = None
    verdict: Annotated[Outcome | None, _meaning("With this verdict.")] = None
    policy: Annotated[Text | None, _meaning("Of environments that this policy judges.")] = None


class MachinesAsked(Judged, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``GET team/machines``."""


class EnvironmentsAsked(Judged, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``GET team/environments``."""

    kind: Annotated[EnvironmentKind | None, _meaning("Made by this tool.")] = None
    has: Annotated[Text | None, _meaning("With this package: `numpy>=2`.")] = msgspec.field(
        default=None, name="with"
    )


class FindingsAsked(Judged, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``GET team/findings``; ``verdict`` is that of the environment."""

    kind: FindingKind | None = None
    severity: Severity | None = None
    package: Annotated[Text | None, _meaning("About this package.")] = None
    waived: Annotated[bool | None, _meaning("Whether it is permitted.")] = None


class PackageQuery(OfMachines, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``GET team/packages/{package}``."""

    version: Annotated[Text | None, _meaning("Of these versions: `>=2`; by default of any.")] = None


def asked_of(kind: type[_T], query: QueryParams) -> _T:
    """Answer what is asked for; raises RefusalError with 400, which names the parameter."""
    items = query.multi_items()
    unprintable = next((name for name, text in items if not text.isprintable()), None)
    if unprintable is not None:
        raise RefusalError(400, f"characters that cannot be printed: {unprintable}")
    names = [name for name, _ in items if name != _REPEATABLE]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RefusalError(400, f"given twice: {twice}", "one value of each parameter is taken, but of label")
    given: dict[str, object] = dict(items)
    if _REPEATABLE in given:
        given[_REPEATABLE] = query.getlist(_REPEATABLE)
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise RefusalError(400, f"malformed query: {str(error).replace('$.', '')}") from error
