"""Tokens on their way: made, listed, revoked; and who somebody is by one."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from envguard.domain.rights import PersonRole, Role

ID_CHARACTERS = 12
"""Of a token's id: enough to tell apart all tokens that a team ever made."""

JOIN_EXPIRES_S = 7 * 24 * 3600.0
JOIN_USES = 1000
PERSON_EXPIRES_S = 90 * 24 * 3600.0

_Lasting = Annotated[float, msgspec.Meta(gt=0, le=366 * 24 * 3600)]


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``POST tokens``: a string by which machines join."""

    expires_s: _Lasting = JOIN_EXPIRES_S
    uses: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = JOIN_USES
    labels: dict[str, str] = {}
    """What machines that join by it are called, whatever they say of themselves."""
    needs_approval: bool = False
    """Machines that join by it wait for ``machines approve``."""


class TokenReply(msgspec.Struct, frozen=True):
    """The one string that ``envguard join`` takes."""

    join: str


class PersonTokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``POST tokens/people``."""

    person: str
    role: PersonRole
    expires_s: _Lasting = PERSON_EXPIRES_S


class PersonTokenReply(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/person-token/1"
):
    """A person's token, shown this once."""

    id: str
    person: str
    role: PersonRole
    expires_at: datetime
    token: str
    url: str
    """Of the server, for ``envguard login``."""
    ca_fingerprint: str | None = None
    """Of the certificate that signs the server's; null where everybody trusts who signed it."""


TokenKind = Literal["person", "join", "file"]
"""``file``: the one that the server wrote to its state folder."""


class TokenRow(msgspec.Struct, frozen=True, kw_only=True):
    """A token without what opens anything."""

    id: str
    kind: TokenKind
    person: str | None = None
    role: PersonRole | None = None
    made_at: datetime
    made_by: str | None = None
    """Null of one that the server made itself."""
    expires_at: datetime | None = None
    """Null: it does not end by itself."""
    used_on: date | None = None
    """The last day on which a person's was used, in UTC."""
    uses_left: int | None = None
    """Of a join string: how many machines it still lets in."""
    labels: dict[str, str] = {}
    needs_approval: bool = False


class Tokens(msgspec.Struct, frozen=True, tag_field="schema", tag="envguard/tokens/1"):
    """``GET tokens``."""

    tokens: tuple[TokenRow, ...]


class RevokeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``POST tokens/revoke``: one by its id, or all of a person."""

    id: str | None = None
    person: str | None = None


class Revoked(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/revoked/1"):
    """What ended."""

    tokens: tuple[TokenRow, ...]
    sessions: int
    """Of the pages, that ended with them."""


class WhoAmI(msgspec.Struct, frozen=True, kw_only=True):
    """``GET whoami``: whom the server takes one for."""

    name: str
    role: Role
    expires_at: datetime | None = None
    """When the token ends; None: not by itself."""
