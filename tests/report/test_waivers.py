"""What people read of waivers: lists, the team's report, and whom to ask."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from envguard.domain.verdict import JudgedFinding
from envguard.report.terminal import ask_command, show_team
from envguard.report.waivers import show_waivers
from envguard.wire import AcquittedFinding, AskedWaiver, WaiverEntry, Waivers, WaiverStep
from tests.report.arranging import (
    NOW,
    WAIVED,
    a_finding,
    a_machine,
    a_report,
    a_verdict,
    printed,
    text,
)


def an_entry(number: int | None = 17, **changes: object) -> WaiverEntry:
    fields: dict[str, object] = {
        "policy": "rl-team",
        "package": "gym",
        "machine": "ws-7",
        "environment": None,
        "kind": None,
        "until": NOW + timedelta(days=3),
        "reason": "old GPU",
        "state": "granted",
        "approved_by": "admin",
        "asked": WaiverStep(by="ws-7", at=NOW),
        "decided": WaiverStep(by="admin", at=NOW + timedelta(hours=1), reason="until then"),
        **changes,
    }
    return WaiverEntry(id=number, **fields)  # type: ignore[arg-type]  # the fields are the caller's words


def listed(*entries: WaiverEntry) -> str:
    return printed(lambda console: show_waivers(console, Waivers(entries)), width=100)


def test_a_list_says_who_what_until_when_and_whether_it_is_needed() -> None:
    where = AcquittedFinding(machine="ws-7", environment="/home/ann/rl/.venv", kind="version-mismatch")
    asked = an_entry(18, state="asked", approved_by=None, decided=None, kind="missing", acquits=(where,) * 5)
    of_file = an_entry(None, asked=None, decided=None, machine=None, environment="~/rl/.venv")
    assert listed(asked, an_entry(acquits=(where,)), of_file) == text(
        """
        18    asked    gym (missing) by `rl-team` on ws-7, until Fri 27 Nov 2026, 12:00 UTC
              asked by ws-7 on Tue 24 Nov 2026, 12:00 UTC: old GPU
              would cover ws-7 /home/ann/rl/.venv, ws-7 /home/ann/rl/.venv, ws-7 /home/ann/rl/.venv, and 2
        more
        17    granted  gym by `rl-team` on ws-7, until Fri 27 Nov 2026, 12:00 UTC
              asked by ws-7 on Tue 24 Nov 2026, 12:00 UTC: old GPU
              granted by admin on Tue 24 Nov 2026, 13:00 UTC: until then
              covers ws-7 /home/ann/rl/.venv
        file  granted  gym by `rl-team` on all machines in ~/rl/.venv, until Fri 27 Nov 2026, 12:00 UTC
              granted by admin: old GPU
              not needed: nothing that it permits is found now
        """
    )


def test_what_is_over_says_how_it_came_to_that() -> None:
    at_once = WaiverStep(by="admin", at=NOW)
    ended = WaiverStep(by="admin", at=NOW + timedelta(days=1), reason="the GPU is here")
    entry = an_entry(state="ended", asked=at_once, decided=at_once, ended=ended)
    refused = an_entry(state="refused", approved_by=None)
    assert listed(entry, refused) == text(
        """
        17    ended    gym by `rl-team` on ws-7, until Fri 27 Nov 2026, 12:00 UTC
              asked by admin on Tue 24 Nov 2026, 12:00 UTC: old GPU
              ended by admin on Wed 25 Nov 2026, 12:00 UTC: the GPU is here
        17    refused  gym by `rl-team` on ws-7, until Fri 27 Nov 2026, 12:00 UTC
              asked by ws-7 on Tue 24 Nov 2026, 12:00 UTC: old GPU
              refused by admin on Tue 24 Nov 2026, 13:00 UTC: until then
        """
    )


def test_no_waiver_is_said() -> None:
    assert listed() == "no waiver is asked for or in force\n"


def test_a_reason_is_one_line_and_no_terminal_obeys_it() -> None:
    shown = listed(an_entry(reason="a\nb\x1b[31m"))
    assert "old" not in shown
    assert "a b" in shown
    assert "\x1b" not in shown


def test_the_team_sees_what_is_waived_apart_and_what_waits() -> None:
    waived = a_finding(waived=WAIVED)
    machines = (
        a_machine("ws-7", a_verdict(waived)),
        a_machine("ws-9", a_verdict(waived, a_finding(package="b"))),
    )
    report = a_report(*machines, compliant=1, drifted=1)
    asked = AskedWaiver(id=17, policy="rl-team", package="torch", by="ann-pc")
    report = msgspec.structs.replace(report, asked=(asked,))
    assert printed(lambda console: show_team(console, report, None, is_verbose=False)) == text(
        """
        1 of 2 machines matches rl-team r8; 1 drifts

        DRIFT, BY CAUSE           MACHINES  WHAT MOVED
        b 0.25.2, needs ==0.26.2  ws-9

        WAIVED: DOES NOT COUNT      MACHINES    PERMITTED
        gym 0.25.2, needs ==0.26.2  ws-7, ws-9  until 2026-11-25 by ann

        yours: envguard waivers approve 17 (ann-pc)
        """
    )


@pytest.mark.parametrize(
    ("findings", "revision", "command"),
    [
        pytest.param([a_finding()], 8, "envguard waive gym --until fri --reason TEXT", id="drift"),
        pytest.param([a_finding()], None, None, id="no server"),
        pytest.param([a_finding(waived=WAIVED)], 8, None, id="waived"),
        pytest.param([a_finding(kind="interpreter-mismatch", package=None)], 8, None, id="no package"),
        pytest.param([a_finding(package="x;reboot")], 8, None, id="no package's name"),
    ],
)
def test_whom_to_ask_is_told_of_a_server_s_drift(
    findings: list[JudgedFinding], revision: int | None, command: str | None
) -> None:
    counting = any(each.waived is None for each in findings)
    verdict = a_verdict(*findings, outcome="drifted" if counting else "compliant", revision=revision)
    assert ask_command(verdict) == command


def test_the_line_names_what_the_command_line_named() -> None:
    verdict = a_verdict(a_finding(), revision=8)
    assert ask_command(verdict, env="my env", policy="rl-team") == (
        "envguard waive gym --env 'my env' --policy rl-team --until fri --reason TEXT"
    )
