"""The messages that agent, people and server exchange under ``/api/v1``: JSON, one type each.

Rules
1. Everything is retryable: snapshots by digest, check-ins by (machine, epoch, seq).
2. A check-in carries one hash over all records. Unchanged, nothing else happens; changed, the reply names
   what the server lacks.
3. A field may be added with a default; none is renamed or removed within ``/api/v1``.
"""

from envguard.wire.machines import (
    BODY_LIMIT_BYTES,
    PROTOCOL,
    Checkin,
    CheckinReply,
    EnrolReply,
    EnrolRequest,
    JoinString,
    Records,
    RecordsReply,
    read_join,
    records_digest,
    write_join,
)
from envguard.wire.policies import (
    GovernedEnvironment,
    PlannedChange,
    PlannedEnvironment,
    PlanReply,
    Policies,
    PolicyRevision,
    PolicyRevisions,
    PushReply,
    RevisionRow,
)
from envguard.wire.ranks import RankNames, RankNote, RankNoteReply, RankNotes
from envguard.wire.team import (
    AskedWaiver,
    Difference,
    Refusal,
    TeamEnvironment,
    TeamMachine,
    TeamReport,
    TeamSummary,
    team_environment,
)
from envguard.wire.waivers import (
    AcquittedFinding,
    WaiverDecision,
    WaiverEntry,
    WaiverReply,
    WaiverRequest,
    Waivers,
    WaiverStep,
    entry_of_file,
    waivers_digest,
)

__all__ = [
    "BODY_LIMIT_BYTES",
    "PROTOCOL",
    "AcquittedFinding",
    "AskedWaiver",
    "Checkin",
    "CheckinReply",
    "Difference",
    "EnrolReply",
    "EnrolRequest",
    "GovernedEnvironment",
    "JoinString",
    "PlanReply",
    "PlannedChange",
    "PlannedEnvironment",
    "Policies",
    "PolicyRevision",
    "PolicyRevisions",
    "PushReply",
    "RankNames",
    "RankNote",
    "RankNoteReply",
    "RankNotes",
    "Records",
    "RecordsReply",
    "Refusal",
    "RevisionRow",
    "TeamEnvironment",
    "TeamMachine",
    "TeamReport",
    "TeamSummary",
    "WaiverDecision",
    "WaiverEntry",
    "WaiverReply",
    "WaiverRequest",
    "WaiverStep",
    "Waivers",
    "entry_of_file",
    "read_join",
    "records_digest",
    "team_environment",
    "waivers_digest",
    "write_join",
]
