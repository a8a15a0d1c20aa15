"""Every address of the API under ``/api/v1``, described once: routes and OpenAPI document are made of it.

``act`` is what one must be allowed to do to be answered: ``enter`` is anybody's.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from envguard.domain.environment import Snapshot
from envguard.domain.policy import PolicySource
from envguard.server.asked import EnvironmentsAsked, FindingsAsked, MachinesAsked, PackageQuery, Text
from envguard.server.described import Described, Empty
from envguard.server.routes_admission import OF_ADMISSION, TOO_OFTEN
from envguard.wire import (
    Checkin,
    CheckinReply,
    EnrolReply,
    EnrolRequest,
    Goodbye,
    PlanReply,
    Policies,
    PolicyRevision,
    PolicyRevisions,
    PushReply,
    RankNames,
    RankNoteReply,
    RankNotes,
    Records,
    RecordsReply,
    RunMessage,
    RunReply,
    Runs,
    TeamCounts,
    TeamReport,
    WaiverDecision,
    WaiverReply,
    WaiverRequest,
    Waivers,
)
from envguard.wire.lists import EnvironmentsPage, FindingsPage, MachinesPage, PackagePage


class RevisionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """``GET policies/{name}``."""

    revision: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=999_999_999)] | None,
        msgspec.Meta(description="By default the newest."),
    ] = None


class TeamQuery(msgspec.Struct, frozen=True, kw_only=True):
    """``GET team``."""

    policy: Annotated[Text | None, msgspec.Meta(description="Of the environments of one policy.")] = None
    since: Annotated[
        Text | None, msgspec.Meta(description="When the reader's day began: a time with its zone.")
    ] = None


class WaiversQuery(msgspec.Struct, frozen=True, kw_only=True):
    """``GET waivers``."""

    policy: Annotated[Text | None, msgspec.Meta(description="Of one policy.")] = None
    all: Annotated[Literal["0", "1"], msgspec.Meta(description="1: also those that are over.")] = "0"


class RunsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """``GET receipts``."""

    has: Annotated[Text | None, msgspec.Meta(description="With this package: `numpy>=2`.")] = msgspec.field(
        default=None, name="with"
    )
    policy: Text | None = None
    person: Text | None = None
    machine: Text | None = None
    since: Annotated[Text | None, msgspec.Meta(description="Begun since this time.")] = None
    failed: Annotated[Literal["0", "1"] | None, msgspec.Meta(description="Whether it failed.")] = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100
    before: Annotated[Text | None, msgspec.Meta(description="The `next` of the answer before.")] = None


_NO_POLICY = {404: "There is no such policy, or no such revision."}
_NOT_READ = {422: "The policy cannot be used as it is written: every problem with its line."}
_SNAPSHOTS = "of an environment, or of one in which something ran"

API: tuple[Described, ...] = (
    Described(
        name="enrol",
        method="POST",
        path="/enroll",
        act="enter",
        says="Exchange a join token for a machine's own secret.",
        takes=EnrolRequest,
        answers=EnrolReply,
        refuses={
            403: "The join token is unknown, expired, revoked or used up.",
            409: "Another machine has this name already.",
            **TOO_OFTEN,
        },
    ),
    Described(
        name="checkin",
        method="POST",
        path="/checkin",
        act="report",
        says="Say how things stand; the answer says what the server lacks, and when to come back.",
        takes=Checkin,
        answers=CheckinReply,
        refuses={
            409: "The machine has said something later, or two machines are one.",
            426: "Agent and server speak other protocols.",
        },
    ),
    Described(
        name="goodbye",
        method="POST",
        path="/goodbye",
        act="report",
        says="Say that nothing will be heard of this machine for a while.",
        takes=Goodbye,
        refuses={409: "The machine has said something later."},
    ),
    Described(
        name="put_environments",
        method="PUT",
        path="/environments",
        act="report",
        says="Send all records of the machine; the answer names the snapshots that are missing.",
        takes=Records,
        answers=RecordsReply,
    ),
    Described(
        name="put_snapshot",
        method="PUT",
        path="/snapshots/{digest}",
        act="run",
        says=f"Send a snapshot {_SNAPSHOTS}, by its digest.",
        takes=Snapshot,
    ),
    Described(
        name="get_policies",
        method="GET",
        path="/policies",
        act="read",
        says="The newest revision of each policy, with its waivers; to a machine, those that concern it.",
        answers=Policies,
    ),
    Described(
        name="push_policy",
        method="POST",
        path="/policies",
        act="decide",
        says="Make these files the policy's next revision.",
        takes=PolicySource,
        answers=PushReply,
        refuses=_NOT_READ,
    ),
    Described(
        name="plan_policy",
        method="POST",
        path="/policies/plan",
        act="look-around",
        says="What a push of these files would do; nothing is kept.",
        takes=PolicySource,
        answers=PlanReply,
        refuses=_NOT_READ,
    ),
    Described(
        name="get_policy",
        method="GET",
        path="/policies/{name}",
        act="read",
        says="One revision of a policy.",
        query=RevisionQuery,
        answers=PolicyRevision,
        refuses=_NO_POLICY,
    ),
    Described(
        name="get_revisions",
        method="GET",
        path="/policies/{name}/revisions",
        act="read",
        says="All revisions of a policy without their files, the newest first.",
        answers=PolicyRevisions,
        refuses=_NO_POLICY,
    ),
    Described(
        name="rank_names",
        method="GET",
        path="/ranks/{meeting}",
        act="run",
        says="The names of the notes of a meeting of a job's ranks.",
        answers=RankNames,
        refuses={404: "No meeting has such a name."},
    ),
    Described(
        name="write_rank_notes",
        method="POST",
        path="/ranks/{meeting}",
        act="run",
        says="Keep notes of a meeting, and drop others.",
        takes=RankNotes,
        answers=Empty,
        refuses={404: "No meeting has such a name.", 409: "Another note lies there, or it is too much."},
    ),
    Described(
        name="rank_note",
        method="GET",
        path="/ranks/{meeting}/{note}",
        act="run",
        says="What a note of a meeting says.",
        answers=RankNoteReply,
        refuses={404: "No meeting has such a name."},
    ),
    Described(
        name="list_waivers",
        method="GET",
        path="/waivers",
        act="read",
        says="The waivers that are asked for or in force; to a machine, those that concern it.",
        query=WaiversQuery,
        answers=Waivers,
        refuses={404: "There is no such policy."},
    ),
    Described(
        name="ask_waiver",
        method="POST",
        path="/waivers",
        act="ask",
        says="Ask for a permission to differ; of a lead it is granted at once.",
        takes=WaiverRequest,
        answers=WaiverReply,
        refuses={
            404: "There is no such policy or machine.",
            409: "It is asked for or granted already.",
            422: "It cannot be granted as it is asked.",
        },
    ),
    Described(
        name="decide_waiver",
        method="POST",
        path="/waivers/{number}/{decision}",
        act="decide",
        says="Approve, refuse or end a waiver.",
        takes=WaiverDecision,
        answers=WaiverReply,
        refuses={404: "There is no such waiver, or no such decision.", 409: "It was decided already."},
    ),
    Described(
        name="list_runs",
        method="GET",
        path="/receipts",
        act="read",
        says="The newest runs; to a machine, those that it told of itself.",
        query=RunsQuery,
        answers=Runs,
    ),
    Described(
        name="tell_run",
        method="POST",
        path="/receipts",
        act="run",
        says="Tell of a run, or more of one, by its key; the answer names the snapshot that is missing.",
        takes=RunMessage,
        answers=RunReply,
    ),
    Described(
        name="team",
        method="GET",
        path="/team",
        act="read",
        says="How the team stands.",
        query=TeamQuery,
        answers=TeamReport,
        refuses={404: "There is no such policy."},
    ),
    Described(
        name="team_counts",
        method="GET",
        path="/team/counts",
        act="read",
        says="How many machines stand how, without their names.",
        answers=TeamCounts,
    ),
    Described(
        name="team_machines",
        method="GET",
        path="/team/machines",
        act="read",
        says="The team's machines, a page at a time; a machine reads of itself.",
        query=MachinesAsked,
        answers=MachinesPage,
        texts=("text/csv",),
    ),
    Described(
        name="team_environments",
        method="GET",
        path="/team/environments",
        act="read",
        says="The team's environments, a page at a time; a machine reads of its own.",
        query=EnvironmentsAsked,
        answers=EnvironmentsPage,
        texts=("text/csv",),
    ),
    Described(
        name="team_findings",
        method="GET",
        path="/team/findings",
        act="read",
        says="In what environments differ from their policies, a page at a time; a machine reads of its own.",
        query=FindingsAsked,
        answers=FindingsPage,
        texts=("text/csv",),
    ),
    Described(
        name="team_package",
        method="GET",
        path="/team/packages/{package}",
        act="read",
        says="Who has a package, in which version, a page at a time; a machine reads of itself.",
        query=PackageQuery,
        answers=PackagePage,
        texts=("text/csv",),
    ),
    Described(
        name="get_authority",
        method="GET",
        path="/ca",
        act="enter",
        says="The certificate whose fingerprint join strings carry, in PEM.",
        texts=("application/x-pem-file",),
        refuses={404: "The server has no authority of its own."},
    ),
    *OF_ADMISSION,
    Described(
        name="describe",
        method="GET",
        path="/openapi.json",
        act="enter",
        says="This document.",
        texts=("application/json",),
    ),
)
