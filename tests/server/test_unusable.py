"""A policy in the store that this version cannot read: what it binds is unknown, all else goes on."""

from __future__ import annotations

import pytest

from tests.server.asking import POLICY, Server, a_checkin, a_record, a_snapshot, records
from tests.server.test_pages import cookie_of, sign_in

GOOD = a_snapshot(gym="0.26.2")
RL = a_record(GOOD)
VISION = a_record(GOOD, "/home/bob/vision/.venv", policy="vision")
OTHERS = POLICY.replace('["*"]', f'["{RL.path}"]')
UNUSABLE = {
    "newer": "envguard: 2\nname: vision\n",
    "refused today": "envguard: 1\nname: vision\nupgrade: {missed: never}\n",
    "another name": "envguard: 1\nname: audio\n",
}


@pytest.fixture(params=UNUSABLE, ids=list(UNUSABLE))
def secret(request: pytest.FixtureRequest, server: Server) -> str:
    """The secret of a machine with two environments; the policy of the second cannot be read."""
    server.keep_policy("vision", UNUSABLE[request.param])
    server.push(OTHERS)
    made = server.enrol("ws-7")
    server.report(made, records(RL, VISION), GOOD)
    return made


def test_what_it_binds_is_unknown_and_the_rest_is_judged(server: Server, secret: str) -> None:
    (machine,) = server.team().machines
    rl, vision = machine.environments
    assert (machine.verdict, rl.verdict, vision.verdict) == ("unknown", "compliant", "unknown")
    assert (vision.policy, vision.revision) == ("vision", 1)
    assert vision.reason is not None
    assert vision.reason.startswith("policy `vision` r1 cannot be read by this envguard: ")
    assert server.team("?policy=vision").summary.unknown == 1


def test_everything_else_goes_on(server: Server, secret: str) -> None:
    assert len(server.ask("GET", "/policies", token=secret).json()["policies"]) == 2
    assert server.ask("GET", "/policies/vision", token=secret).json()["revision"] == 1
    checkin = a_checkin(records(RL, VISION))
    assert not server.ask("POST", "/checkin", checkin, token=secret).json()["wants_records"]
    page = server.ask("GET", "//", cookie=cookie_of(sign_in(server, server.admin)))
    assert page.status == 200
    assert b"cannot be read by this envguard" in page.body
    governed = {"machine": "ws-7", "path": RL.path, "also_on": []}
    assert server.push(OTHERS + "# a comment\n").json()["governs"] == [governed]


def test_push_of_a_correct_revision_mends_it(server: Server, secret: str) -> None:
    pushed = server.push(POLICY.replace("rl-team", "vision").replace('["*"]', '["/srv/*"]')).json()
    assert (pushed["revision"], pushed["is_new"]) == (2, True)
    assert pushed["governs"] == [{"machine": "ws-7", "path": VISION.path, "also_on": []}]
    assert server.team().machines[0].verdict == "compliant"
