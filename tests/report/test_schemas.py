"""A schema asks for every field that is always written, and for no other."""

from __future__ import annotations

from datetime import datetime, timezone

import jsonschema
import msgspec
import pytest

from envguard.domain.environment import Digest
from envguard.domain.policy import LockedPolicy, PolicySource
from envguard.report.outputs import (
    ServerDocument,
    TokenDocument,
    VersionDocument,
    lint_document,
    policies_document,
    policy_document,
    push_document,
)
from envguard.report.schemas import DIALECT, schemas
from envguard.wire import Difference, GovernedEnvironment, PolicyRevision, PushReply
from tests.builders.documents import a_policy
from tests.report.arranging import NOW, WAIVED, a_finding, a_machine, a_report, a_verdict

SOURCE = PolicySource(filename="rl-team.yaml", text="envguard: 1\n")
REVISION = PolicyRevision(
    name="rl-team",
    revision=8,
    lock_revision=None,
    digest=Digest("sha256:" + "0" * 64),
    pushed_at=datetime(2026, 11, 24, tzinfo=timezone.utc),
    source=SOURCE,
)
REPLY = PushReply(
    name="rl-team", revision=8, is_new=True, governs=(GovernedEnvironment("ws-7", "/home/ann/rl/.venv"),)
)


class Extra(msgspec.Struct, tag_field="schema", tag="envguard/extra/2"):
    """An output of another room."""

    always: int | None = None


def test_every_schema_is_one() -> None:
    for schema in schemas().values():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["$schema"] == DIALECT


def test_outputs_of_other_rooms_can_be_added() -> None:
    assert schemas(Extra)["extra-2"]["$defs"]["Extra"]["required"] == ["schema", "always"]


@pytest.mark.parametrize(
    ("name", "definition", "required"),
    [
        pytest.param("scan-1", "OriginPart", ["kind"], id="what may be absent is not required"),
        pytest.param("error-1", "ErrorPart", ["kind", "message", "place", "hint"], id="problems of one file"),
        pytest.param(
            "verdict-1",
            "PolicyRef",
            ["name", "revision", "lock", "digest", "pulled_at", "before_run"],
            id="defaults are written too",
        ),
        pytest.param("token-1", "TokenDocument", ["schema", "join"], id="a document's own name"),
    ],
)
def test_a_field_is_required_where_it_is_always_written(
    name: str, definition: str, required: list[str]
) -> None:
    assert schemas()[name]["$defs"][definition]["required"] == required


@pytest.mark.parametrize(
    ("name", "document"),
    [
        pytest.param("lint-1", lint_document([LockedPolicy(policy=a_policy(), lock=None)]), id="lint"),
        pytest.param("policy-1", policy_document(SOURCE, 8), id="policy"),
        pytest.param("policies-1", policies_document([REVISION]), id="policies"),
        pytest.param("push-1", push_document(REPLY), id="push"),
        pytest.param("token-1", TokenDocument(join="envguard-join-1.x"), id="token"),
        pytest.param("version-1", VersionDocument(version="0.1", python="3.11.7"), id="version"),
        pytest.param(
            "server-1",
            ServerDocument(
                url="https://envguard.example:8750",
                join="x",
                admin_token_file="/srv/admin-token",
                tls="own",
                ca_fingerprint="sha256:" + "0" * 64,
                ca_file="/srv/ca.pem",
            ),
            id="server",
        ),
        pytest.param("verdict-1", a_verdict(a_finding(waived=WAIVED, moved="machine")), id="verdict"),
        pytest.param(
            "team-1",
            a_report(
                a_machine("ws-7", a_verdict(a_finding())),
                differences=(Difference(package="gym", versions={"0.26.2": ("ws-7",)}),),
            ),
            id="team",
        ),
    ],
)
def test_a_document_is_as_its_schema_says(name: str, document: msgspec.Struct) -> None:
    validator = jsonschema.Draft202012Validator(schemas()[name])
    validator.validate(msgspec.json.decode(msgspec.json.encode(document)))


def test_times_are_aware() -> None:
    assert NOW.tzinfo is timezone.utc
    pushed_at = schemas()["policies-1"]["$defs"]["PolicyRow"]["properties"]["pushed_at"]
    assert pushed_at == {"type": "string", "format": "date-time"}
