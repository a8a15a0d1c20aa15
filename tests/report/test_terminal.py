"""What people read: whole texts at 80 columns, without colour."""

from __future__ import annotations

from datetime import datetime, timezone

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import to_builtins
from rich.console import Console

from envguard.domain.environment import (
    BrokenRequirement,
    Environment,
    Problem,
    ProblemDetail,
    Scan,
    snapshot_of,
)
from envguard.domain.remedy import Install, Remake
from envguard.domain.verdict import JudgedFinding, Pending, Verdict
from envguard.report.here import Here
from envguard.report.terminal import (
    mend_command,
    show_scan,
    show_team,
    show_verdict,
    show_verdicts,
)
from envguard.wire import Difference, PendingRevision, TeamReport
from tests.builders.documents import FACTS, a_snapshot, an_environment, an_interpreter
from tests.report.arranging import (
    HERE,
    WAIVED,
    a_finding,
    a_machine,
    a_report,
    a_verdict,
    an_unlisted,
    printed,
    text,
)

VENV = an_environment(a_snapshot(gym="0.25.2", numpy="1.26.4"))
GYM = a_finding(reason="step() returns five values since 0.26", remedy=Install("gym==0.26.2"))


def shown(
    verdict: Verdict,
    environment: Environment = VENV,
    *,
    source: str = "policy named in pyproject.toml:2",
    is_verbose: bool = False,
    here: Here = HERE,
) -> str:
    return printed(
        lambda console: show_verdict(
            console,
            verdict,
            environment,
            chosen="active",
            source=source,
            here=here,
            is_verbose=is_verbose,
        )
    )


def team(report: TeamReport, policy: str | None = None, *, is_verbose: bool = False) -> str:
    return printed(lambda console: show_team(console, report, policy, is_verbose=is_verbose))


def test_one_command_mends_every_error_and_nothing_else() -> None:
    torch = a_finding(package="torch", remedy=Install("torch==2.4.1"))
    waived = a_finding(package="jax", remedy=Install("jax==1"), waived=WAIVED)
    warned = a_finding(package="rich", severity="warn", remedy=Install("rich==1"))
    mend = mend_command(a_verdict(GYM, torch, waived, warned), VENV)
    assert mend == "/home/ann/rl/.venv/bin/python -m pip install gym==0.26.2 torch==2.4.1"


def test_nothing_to_mend_is_no_command() -> None:
    assert mend_command(a_verdict(), VENV) is None


def test_a_drifted_environment_shows_what_where_why_and_how_to_mend_it() -> None:
    verdict = a_verdict(
        GYM,
        a_finding(kind="missing", package="torch", expected="==2.4.*", actual=None, place="rl-team.yaml:10"),
        a_finding(package="jax", place="rl-team.yaml:11", waived=WAIVED),
        *map(an_unlisted, ["ipdb", "rich", "ruff", "uvloop"]),
        revision=8,
    )
    assert shown(verdict) == text(
        """
        drifted from `rl-team` r8: 2 errors, 4 warnings
        .venv, Python 3.11.7, 2 packages (active); policy named in pyproject.toml:2

        gym 0.25.2, needs ==0.26.2  step() returns five values since 0.26
          rl-team.yaml:7
        torch absent, needs ==2.4.*  rl-team.yaml:10
        jax 0.25.2, needs ==0.26.2  rl-team.yaml:11  waived until 2026-11-25 by ann
        warn  4 packages outside the policy: ipdb, rich, ruff, ...  (-v lists them)

        mend  /home/ann/rl/.venv/bin/python -m pip install gym==0.26.2
        """
    )


def a_wrong_python(**changes: object) -> JudgedFinding:
    fields = {
        "package": None,
        "expected": "==3.12.*",
        "actual": "3.11.7",
        "remedy": Remake("==3.12.*"),
        **changes,
    }
    return a_finding(kind="interpreter-mismatch", **fields)


def test_an_environment_to_be_made_anew_is_said_to_be_kept_aside() -> None:
    told = " ".join(shown(a_verdict(a_wrong_python())).split())
    assert told.endswith("it names what to install; the old environment is kept as *.before")


def test_a_waived_python_makes_nothing_anew() -> None:
    assert "*.before" not in shown(a_verdict(a_wrong_python(waived=WAIVED), GYM))


def test_verbose_lists_what_the_policy_does_not_name() -> None:
    verdict = a_verdict(an_unlisted("ipdb"), an_unlisted("rich"), outcome="compliant")
    assert shown(verdict, is_verbose=True) == text(
        """
        compliant with `rl-team`: 2 warnings
        .venv, Python 3.11.7, 2 packages (active); policy named in pyproject.toml:2

        warn  ipdb 1.0, outside the policy
        warn  rich 1.0, outside the policy
        """
    )


def test_a_compliant_environment_is_two_lines() -> None:
    environment = an_environment(a_snapshot(gym="0.26.2"))
    assert shown(a_verdict(), environment) == text(
        """
        compliant with `rl-team`
        .venv, Python 3.11.7, 1 package (active); policy named in pyproject.toml:2
        """
    )


def test_a_newer_lock_that_waits_is_told() -> None:
    pending = Pending(lock=42, until=datetime(2026, 12, 7, 2, 0, tzinfo=timezone.utc))
    verdict = msgspec.structs.replace(a_verdict(revision=3), pending=pending)
    line = "pending: lock 42 waits; this one judges until Mon 07 Dec, 02:00 UTC"
    assert shown(verdict).splitlines()[-1] == line
    assert to_builtins(verdict)["pending"] == {"lock": 42, "until": "2026-12-07T02:00:00Z"}


def test_unknown_says_why() -> None:
    verdict = a_verdict(outcome="unknown", reason="`nlp` and `rl-team` both apply (marker)")
    assert shown(verdict) == text(
        """
        unknown by `rl-team`
        .venv, Python 3.11.7, 2 packages (active); policy named in pyproject.toml:2
        because `nlp` and `rl-team` both apply (marker)
        """
    )


def test_a_long_second_line_is_broken_between_its_parts() -> None:
    path = "/home/ann/projects/reinforcement/.venv"
    verdict = a_verdict(environment=path)
    assert shown(verdict, source="no policy; judged by the lock pylock.toml") == text(
        """
        compliant with `rl-team`
        ~/projects/reinforcement/.venv, Python 3.11.7, 2 packages (active);
        no policy; judged by the lock pylock.toml
        """
    )


def test_a_scan_is_a_row_for_each_environment() -> None:
    broken = an_environment(
        a_snapshot(problems=[Problem("unreadable", "numpy")]),
        "/srv/old/.venv",
        details=(ProblemDetail("unreadable", "numpy", "METADATA is empty"),),
    )
    scan = Scan(FACTS, (VENV, broken), is_incomplete=True)
    assert printed(lambda console: show_scan(console, scan, here=HERE, is_verbose=True)) == text(
        """
        ENVIRONMENT     KIND  PYTHON  PACKAGES  PROBLEMS
        .venv           venv  3.11.7         2
        /srv/old/.venv  venv  3.11.7         0         1
        /srv/old/.venv: unreadable: METADATA is empty
        incomplete: not everything could be looked at
        """
    )


def test_requirements_that_do_not_hold_are_troubles_of_an_environment() -> None:
    broken = [BrokenRequirement("gym", "numpy<2", "2.1.3"), BrokenRequirement("rl", "torch")]
    snapshot = snapshot_of(an_interpreter(), [], broken_requirements=broken)
    scan = Scan(FACTS, (an_environment(snapshot, "/srv/.venv"),))
    assert printed(lambda console: show_scan(console, scan, here=HERE, is_verbose=True)) == text(
        """
        ENVIRONMENT  KIND  PYTHON  PACKAGES  PROBLEMS
        /srv/.venv   venv  3.11.7         0         2
        /srv/.venv: broken-requirement: gym requires numpy<2, found 2.1.3
        /srv/.venv: broken-requirement: rl requires torch, found nothing
        """
    )


def test_verdicts_are_a_row_for_each_environment() -> None:
    verdicts = [
        a_verdict(GYM, an_unlisted("ipdb"), a_finding(package="jax", waived=WAIVED)),
        a_verdict(outcome="unmanaged", environment="/usr/bin/python3.11"),
        a_verdict(
            outcome="unknown",
            environment="/home/ann/nlp/.venv",
            reason="`nlp` and `rl-team` both apply (marker); bind it with `envguard use`",
        ),
    ]
    assert printed(lambda console: show_verdicts(console, verdicts, here=HERE)) == text(
        """
        VERDICT    ENVIRONMENT          POLICY   FINDINGS
        drifted    .venv                rl-team  gym 0.25.2, needs ==0.26.2
        unmanaged  /usr/bin/python3.11  -
        unknown    ~/nlp/.venv          rl-team  `nlp` and `rl-team` both apply
                                                 (marker); bind it with `envguard use`

        unmanaged: 1 of 3, no policy binds them; `envguard check ENV` takes the
        project's lock
        """
    )


def test_the_team_s_drift_is_a_row_for_each_cause() -> None:
    report = a_report(
        a_machine("ws-7", a_verdict(a_finding(moved="machine"), an_unlisted("ipdb"))),
        a_machine("ws-9", a_verdict(a_finding(moved="never-matched"))),
        a_machine("ws-4", a_verdict(a_finding()), reason="silent since 2026-11-22 11:00 UTC", state="stale"),
        a_machine("ws-5", a_verdict(outcome="unknown", reason="two policies apply")),
        compliant=0,
        drifted=2,
        unknown=2,
    )
    assert team(report) == text(
        """
        0 of 4 machines match rl-team r8; 2 drift, 2 unknown

        DRIFT, BY CAUSE             MACHINES    WHAT MOVED
        gym 0.25.2, needs ==0.26.2  ws-7, ws-9  the machine, never matched
        unknown: ws-4, silent since 2026-11-22 11:00 UTC, drifted then
        unknown: ws-5: two policies apply
        """
    )


def test_verbose_lists_what_is_no_error() -> None:
    report = a_report(a_machine("ws-7", a_verdict(an_unlisted("ipdb"), outcome="compliant")), compliant=1)
    assert "ipdb 1.0, outside the policy  ws-7" in team(report, is_verbose=True)
    assert team(report) == "1 of 1 machine matches rl-team r8\n"


def test_without_a_policy_the_team_s_report_says_where_machines_differ() -> None:
    differences = (
        Difference(package="gym", versions={"0.25.2": ("ws-7",), "0.26.2": ("ws-4", "ws-9")}),
        Difference(package="numpy", versions={"2.1.3": ("ws-9",)}),
    )
    report = a_report(a_machine("ws-4"), a_machine("ws-7"), policies={}, differences=differences)
    assert team(report) == text(
        """
        no policy yet: 2 machines reporting

        WHERE MACHINES DIFFER  VERSION  MACHINES
        gym                    0.25.2   ws-7
                               0.26.2   ws-4, ws-9
        numpy                  2.1.3    ws-9
        """
    )


NAMES = st.text(min_size=1, max_size=120)


class TestEveryTextOfOthers:
    """Names, versions, paths, reasons: whatever somebody wrote."""

    @given(NAMES, NAMES, NAMES, NAMES)
    def test_no_line_is_over_80_columns_and_no_control_character_passes(
        self, package: str, version: str, path: str, reason: str
    ) -> None:
        finding = a_finding(package=package, actual=version, reason=reason, place=path)
        verdict = a_verdict(finding, an_unlisted(package), environment=f"/{path}", reason=reason)
        environment = an_environment(a_snapshot(), f"/{path}", details=(_a_detail(reason),))
        report = a_report(a_machine(package, verdict), a_machine(path, reason=reason, state="stale"))
        texts = [
            shown(verdict, environment, source=reason),
            printed(lambda console: show_verdicts(console, [verdict], here=HERE)),
            printed(lambda console: show_scan(console, _a_scan(environment), here=HERE, is_verbose=True)),
            team(report, is_verbose=True),
        ]
        for line in "\n".join(texts).split("\n"):
            assert line.isprintable()
            assert line == line.rstrip(" ")
            assert _columns(line) <= 80

    def test_an_escape_sequence_in_a_path_is_shown_as_text(self) -> None:
        path = "/home/ann/rl/\x1b[2J.venv"
        environment = an_environment(a_snapshot(), path, details=(_a_detail("\x1b]0;owned\x07"),))
        scan = printed(lambda console: show_scan(console, _a_scan(environment), here=HERE, is_verbose=True))
        assert "\\x1b[2J.venv" in scan
        assert "\\x1b]0;owned\\x07" in scan
        mend = shown(a_verdict(GYM, environment=path), environment).splitlines()[-1]
        assert mend == r"mend  '/home/ann/rl/\x1b[2J.venv/bin/python' -m pip install gym==0.26.2"

    def test_markup_of_the_console_is_text(self) -> None:
        verdict = a_verdict(a_finding(package="[red]gym", reason=":warning: [link=x]y"))
        assert "[red]gym 0.25.2, needs ==0.26.2  :warning: [link=x]y" in shown(verdict)


def test_a_pasteable_line_is_never_broken() -> None:
    requirements = [
        a_finding(package=name, remedy=Install(f"{name}==1.0")) for name in ("gymnasium", "stable-baselines3")
    ]
    environment = an_environment(a_snapshot(), "/home/ann/projects/reinforcement/.venv")
    mend = shown(a_verdict(*requirements), environment).splitlines()[-1]
    assert len(mend) > 80
    assert mend.endswith("-m pip install gymnasium==1.0 stable-baselines3==1.0")


def test_colour_repeats_what_the_words_say() -> None:
    console = Console(force_terminal=True, color_system="standard", width=80)
    with console.capture() as captured:
        show_verdicts(console, [a_verdict(GYM)], here=HERE)
    assert "\x1b[31mdrifted" in captured.get()


def test_a_machine_of_which_not_all_is_known_is_named_with_its_reason() -> None:
    silent = a_machine("ws-4", a_verdict(), reason="silent since 2026-11-22 11:00 UTC", state="stale")
    cut_off = a_machine("ws-5", a_verdict(), reason="its last scan was cut off before its end")
    printed_report = team(a_report(silent, cut_off, unknown=2))
    assert "unknown: ws-4, silent since 2026-11-22 11:00 UTC, matched then\n" in printed_report
    assert "unknown: ws-5, its last scan was cut off before its end\n" in printed_report


def test_who_is_away_is_told_apart_and_is_no_cause() -> None:
    away = a_machine("bob-mbp", a_verdict(a_finding()), state="away")
    printed_report = team(a_report(away, away=1))
    assert "away: bob-mbp, since Tue 24 Nov, 11:00 UTC, drifted then\n" in printed_report
    assert "DRIFT" not in printed_report
    assert "1 away" in printed_report


def _a_detail(text: str) -> ProblemDetail:
    return ProblemDetail("unreadable", None, text)


def _a_scan(environment: Environment) -> Scan:
    return Scan(FACTS, (environment,))


def _columns(line: str) -> int:
    from rich.cells import cell_len

    return cell_len(line)


def test_a_revision_that_has_not_judged_all_is_pending() -> None:
    machines = a_machine("ws-7", a_verdict(outcome="compliant")), a_machine("ws-9", a_verdict(GYM))
    report = a_report(*machines, compliant=1, drifted=1, policies={"rl-team": 2})
    waiting = {"rl-team": PendingRevision(revision=2, machines=1, of=2)}
    assert team(msgspec.structs.replace(report, pending=waiting)) == text(
        """
        1 of 2 machines matches rl-team; 1 drifts
        pending rl-team r2: 1 of 2 machines not judged by it yet

        DRIFT, BY CAUSE             MACHINES  WHAT MOVED
        gym 0.25.2, needs ==0.26.2  ws-9
        """
    )
