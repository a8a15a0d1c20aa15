"""What findings mean here and now."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from envguard.domain.environment import Digest, EnvironmentRecord, ProblemDetail, Project
from envguard.domain.findings.finding import Finding, FindingKind
from envguard.domain.policy import Severity, Waiver
from envguard.domain.remedy import Install
from envguard.domain.verdict import (
    Basis,
    Match,
    Moved,
    Pending,
    PolicyRef,
    Verdict,
    Waived,
    judge,
    next_match,
    what_moved,
    worst,
)
from tests.builders.documents import a_record

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.utc)


def a_finding(
    kind: FindingKind = "version-mismatch", package: str = "gym", severity: Severity = "error"
) -> Finding:
    return Finding(kind=kind, rule=f"packages.{package}", package=package, severity=severity)


def judged(
    *findings: Finding,
    waivers: tuple[Waiver, ...] = (),
    machine: str = "ws-7",
    record: EnvironmentRecord | None = None,
    moved: Moved | None = None,
) -> Verdict:
    return judge(
        findings,
        record or a_record(project=Project("/home/ann/rl", "my-project")),
        waivers,
        NOW,
        machine=machine,
        policy=PolicyRef(name="rl-team"),
        places={"packages.gym": "rl-team.yaml:7"},
        moved=moved,
    )


def test_a_verdict_ends_with_the_first_thing_that_it_rests_on() -> None:
    soon, late = NOW + timedelta(hours=1), NOW + timedelta(days=3)
    drifted = judged(a_finding("missing", "a"))
    waived = judged(a_finding(), waivers=(a_waiver(until=soon),))
    assert [drifted.ends_at, waived.ends_at] == [None, soon]
    for until, end in ((late, soon), (NOW, NOW)):
        assert msgspec.structs.replace(waived, pending=Pending(lock=42, until=until)).ends_at == end


def a_waiver(**changes: object) -> Waiver:
    fields: dict[str, object] = {
        "package": "gym",
        "until": NOW + timedelta(days=1),
        "reason": "old GPU",
        "approved_by": "lead",
        **changes,
    }
    return Waiver(**fields)  # type: ignore[arg-type]  # the fields are the caller's words


def test_nothing_found_is_compliant() -> None:
    assert judged().verdict == "compliant"


def test_an_error_is_drift_and_names_its_place() -> None:
    verdict = judged(a_finding())
    assert (verdict.verdict, verdict.findings[0].place) == ("drifted", "rl-team.yaml:7")


def test_a_warning_is_no_drift() -> None:
    assert judged(a_finding(severity="warn")).verdict == "compliant"


def test_unreadable_is_unknown_even_beside_an_error() -> None:
    assert judged(a_finding(), a_finding("unreadable", "numpy")).verdict == "unknown"


def test_the_project_itself_is_never_unlisted() -> None:
    assert judged(a_finding("unlisted", "my-project")).findings == ()
    assert len(judged(a_finding("unlisted", "rich"), a_finding("missing", "my-project")).findings) == 2


def test_a_fix_is_the_command_of_what_mends_it() -> None:
    mended = msgspec.structs.replace(a_finding(), remedy=Install("gym==0.26.2"))
    first, second = judged(mended, a_finding(package="numpy")).findings
    assert (first.fix or "").endswith("pip install gym==0.26.2")
    assert second.fix is None


@pytest.mark.parametrize(
    ("waiver", "verdict"),
    [
        pytest.param(a_waiver(), "compliant", id="in force"),
        pytest.param(a_waiver(until=NOW), "drifted", id="over at its end"),
        pytest.param(a_waiver(machine="ws-7"), "compliant", id="this machine's"),
        pytest.param(a_waiver(machine="ws-8"), "drifted", id="another machine's"),
        pytest.param(a_waiver(kind="missing"), "drifted", id="another kind's"),
        pytest.param(a_waiver(package="numpy"), "drifted", id="another package's"),
        pytest.param(a_waiver(environment="~/rl/.venv"), "compliant", id="this environment's"),
        pytest.param(a_waiver(environment="/srv/**"), "drifted", id="another environment's"),
    ],
)
def test_a_waiver_counts_for_what_it_names_until_its_end(waiver: Waiver, verdict: str) -> None:
    found = judged(a_finding(), waivers=(waiver,))
    assert found.verdict == verdict
    assert len(found.findings) == 1


def test_what_could_not_be_read_is_acquitted_only_by_its_own_name() -> None:
    torn = a_finding("unreadable")
    assert judged(torn, waivers=(a_waiver(),)).verdict == "unknown"
    assert judged(torn, waivers=(a_waiver(kind="unreadable"),)).verdict == "compliant"


def test_a_waived_finding_says_by_whose_permission_and_which() -> None:
    [found] = judged(a_finding(), waivers=(a_waiver(id=17),)).findings
    assert found.waived == Waived(NOW + timedelta(days=1), "old GPU", "lead", 17)


def test_what_could_not_be_read_is_told_with_its_place() -> None:
    detail = ProblemDetail("unreadable", "gym", "lib/gym-1.dist-info/METADATA is not text")
    finding = msgspec.structs.replace(a_finding("unreadable"), reason="its metadata could not be read")
    verdict = judged(finding, record=a_record(details=(detail,)))
    assert (verdict.verdict, verdict.findings[0].reason) == ("unknown", detail.detail)
    assert judged(finding).findings[0].reason == "its metadata could not be read"
    others = (msgspec.structs.replace(detail, package="numpy"), ProblemDetail("leftover", "gym", "~ym"))
    assert judged(finding, record=a_record(details=others)).findings[0].reason == finding.reason
    differs = msgspec.structs.replace(a_finding(), reason="gym 0.26 needs it")
    assert judged(differs, record=a_record(details=(detail,))).findings[0].reason == differs.reason


def test_the_worst_outcome_speaks_for_a_machine() -> None:
    assert worst(["compliant", "unknown", "drifted"]) == "drifted"
    assert worst(["compliant", "unknown"]) == "unknown"
    assert worst(["unmanaged", "compliant"]) == "compliant"
    assert worst([]) == "unmanaged"


def test_what_moved_is_told_by_the_digests() -> None:
    def basis(snapshot: str, policy: str) -> Basis:
        return Basis(snapshot=Digest(snapshot), facts=Digest("f"), policy=Digest(policy), lock=None, engine=1)

    assert what_moved(None, basis("a", "p")) == "never-matched"
    assert what_moved(basis("a", "p"), basis("b", "p")) == "machine"
    assert what_moved(basis("a", "p"), basis("a", "q")) == "policy"
    assert what_moved(basis("a", "p"), basis("a", "p")) == "waiver"


def test_what_moved_is_told_of_what_is_not_compliant() -> None:
    drifted = judged(a_finding(), a_finding("modified-files", "numpy"), moved="waiver")
    assert [each.moved for each in drifted.findings] == ["waiver", "machine"]
    by_policy = judged(a_finding("modified-files", "numpy"), moved="policy")
    assert [each.moved for each in by_policy.findings] == ["policy"]
    assert [each.moved for each in judged(a_finding(), moved=None).findings] == [None]
    assert [each.moved for each in judged(a_finding(severity="warn"), moved="machine").findings] == [None]


def test_a_match_is_remembered_with_the_moment_at_which_drift_was_seen() -> None:
    basis = Basis(snapshot=Digest("s"), facts=Digest("f"), policy=Digest("p"), lock=None, engine=1)
    other = msgspec.structs.replace(basis, snapshot=Digest("t"))
    assert next_match(None, judged(a_finding()), basis, NOW) is None
    matched = next_match(None, judged(), basis, NOW)
    assert matched == Match(basis=basis)
    assert next_match(matched, judged(a_finding("unreadable")), other, NOW) == matched
    assert next_match(matched, judged(), None, NOW) == matched
    drifted = next_match(matched, judged(a_finding()), other, NOW)
    assert drifted == Match(basis=basis, drifted_at=NOW)
    later = NOW + timedelta(hours=1)
    assert next_match(drifted, judged(a_finding()), other, later) == drifted
    assert next_match(drifted, judged(a_finding("unreadable")), other, later) == drifted
    assert next_match(drifted, judged(), other, later) == Match(basis=other)
