"""What is said of each address of the API, once: the routes and the OpenAPI document are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from envguard.domain.rights import Act

Method = Literal["GET", "POST", "PUT"]


class Empty(msgspec.Struct, frozen=True):
    """Nothing but that it was done."""


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """One method at one address."""

    name: str
    method: Method
    path: str
    act: Act
    says: str
    """What is asked, in words."""
    query: type[msgspec.Struct] | None = None
    """What may stand after the address, a field each."""
    takes: type[msgspec.Struct] | None = None
    """The message; None where there is none."""
    answers: type[msgspec.Struct] | None = None
    """The answer as JSON; None where it has no body, or is another kind of text."""
    texts: tuple[str, ...] = ()
    """Other kinds of text in which the answer comes."""
    refuses: Mapping[int, str] = {}
    """Why it says no, beside what holds for all: status to words."""
