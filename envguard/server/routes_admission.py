"""The addresses of who comes in: tokens, machines that wait or go, secrets, and the log of all that."""

from __future__ import annotations

from typing import Annotated

import msgspec

from envguard.server.asked import Text
from envguard.server.described import Described
from envguard.wire import (
    AuditPage,
    MachineDone,
    Machines,
    PersonTokenReply,
    PersonTokenRequest,
    RetireRequest,
    Revoked,
    RevokeRequest,
    SecretReply,
    TokenReply,
    TokenRequest,
    Tokens,
    WhoAmI,
)


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """``GET audit``."""

    after: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=10**18 - 1)], msgspec.Meta(description="Behind this row.")
    ] = 0
    since: Annotated[Text | None, msgspec.Meta(description="Since this time.")] = None


TOO_OFTEN = {429: "Too many tries from there failed; `Retry-After` says when to come back."}
_NO_MACHINE = {404: "There is no such machine."}
OF_ADMISSION: tuple[Described, ...] = (
    Described(
        name="renew_secret",
        method="POST",
        path="/secret",
        act="report",
        says="Another secret for the machine, which is its own once it comes with it to `secret/use`.",
        answers=SecretReply,
    ),
    Described(
        name="use_secret",
        method="POST",
        path="/secret/use",
        act="enter",
        says="Make the offered secret, with which this is asked, the machine's from now on.",
        refuses={401: "No machine was offered this secret.", **TOO_OFTEN},
    ),
    Described(
        name="new_join",
        method="POST",
        path="/tokens",
        act="administer",
        says="A fresh join string.",
        takes=TokenRequest,
        answers=TokenReply,
    ),
    Described(
        name="whoami",
        method="GET",
        path="/whoami",
        act="read",
        says="Whom the server takes one for.",
        answers=WhoAmI,
    ),
    Described(
        name="list_tokens",
        method="GET",
        path="/tokens",
        act="administer",
        says="All tokens and join strings, without what opens anything.",
        answers=Tokens,
    ),
    Described(
        name="new_person_token",
        method="POST",
        path="/tokens/people",
        act="administer",
        says="A fresh token of a person, shown this once.",
        takes=PersonTokenRequest,
        answers=PersonTokenReply,
    ),
    Described(
        name="revoke_tokens",
        method="POST",
        path="/tokens/revoke",
        act="administer",
        says="End one token, or all of a person, and the sessions opened with them.",
        takes=RevokeRequest,
        answers=Revoked,
        refuses={404: "There is no such token."},
    ),
    Described(
        name="list_machines",
        method="GET",
        path="/machines",
        act="look-around",
        says="All machines: those that wait, those that joined, those that are retired.",
        answers=Machines,
    ),
    Described(
        name="approve_machine",
        method="POST",
        path="/machines/{machine}/approve",
        act="administer",
        says="Let a machine in that waits.",
        answers=MachineDone,
        refuses=_NO_MACHINE,
    ),
    Described(
        name="retire_machine",
        method="POST",
        path="/machines/{machine}/retire",
        act="administer",
        says="Take a machine out of the team, and end its secret.",
        takes=RetireRequest,
        answers=MachineDone,
        refuses=_NO_MACHINE,
    ),
    Described(
        name="list_audit",
        method="GET",
        path="/audit",
        act="administer",
        says="The rows of the audit log behind a number, and where the log ends.",
        query=AuditQuery,
        answers=AuditPage,
    ),
)
