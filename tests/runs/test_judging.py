"""Every environment of a machine gets a verdict; what could not be decided says why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from envguard.domain.binding import Machine
from envguard.domain.environment import Environment, ProblemDetail, Project
from envguard.domain.policy import LockedPolicy, Require, Selector, UnusablePolicy, Waiver
from envguard.domain.verdict import Match, Verdict
from envguard.runs.comparing import Comparisons, basis_of
from envguard.runs.held import parse_kept
from envguard.runs.judging import Policies, Ruled, judge_bound
from envguard.state import KeptPolicy
from tests.builders.documents import FACTS, a_policy, a_snapshot, an_environment
from tests.formats.test_source import a_source

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.utc)
RL_TEAM = LockedPolicy(policy=a_policy(Require(name="gym", specifier="==0.26.2")), lock=None, revision=3)


def judged(
    environment: Environment, policies: Policies, matches: Mapping[str, Match] | None = None
) -> Verdict:
    [ruled] = judge_bound(
        [environment], FACTS, Machine("ws-7"), policies, NOW, comparisons=Comparisons(), matches=matches or {}
    )
    return ruled.verdict


def marked(policy: str, gym: str = "0.26.2", details: tuple[ProblemDetail, ...] = ()) -> Environment:
    project = Project("/home/ann/rl", policy=policy)
    return an_environment(a_snapshot(gym=gym), project=project, details=details)


def test_an_environment_is_judged_by_the_policy_that_its_project_names() -> None:
    policies = Policies({"rl-team": RL_TEAM})
    assert judged(marked("rl-team"), policies).verdict == "compliant"
    assert judged(marked("rl-team", "0.25.2"), policies).verdict == "drifted"


def test_without_a_binding_it_is_unmanaged() -> None:
    assert judged(an_environment(a_snapshot()), Policies({"rl-team": RL_TEAM})).verdict == "unmanaged"


def test_a_projects_file_judges_where_the_server_has_no_such_policy() -> None:
    own = LockedPolicy(policy=a_policy(Require(name="gym", specifier="==1"), name="own"), lock=None)
    policies = Policies({}, {"/home/ann/rl": own})
    assert judged(marked("own"), policies).verdict == "drifted"
    servers = Policies({"own": RL_TEAM}, {"/home/ann/rl": own})
    assert judged(marked("own"), servers).verdict == "compliant"


def selecting(name: str) -> LockedPolicy:
    policy = msgspec.structs.replace(a_policy(name=name), applies_to=(Selector(),))
    return LockedPolicy(policy=policy, lock=None)


UNUSABLE = UnusablePolicy(name="rl-team", reason="rl-team.yaml:3: unknown key", revision=4)
DETAIL = ProblemDetail("unreadable", None, "pyproject.toml is not TOML")


@pytest.mark.parametrize(
    ("environment", "policies", "reason"),
    [
        pytest.param(
            marked("gone"), Policies({}), "policy `gone` (marker) is not known here", id="not known"
        ),
        pytest.param(
            an_environment(a_snapshot()),
            Policies({"a": selecting("a"), "b": selecting("b")}),
            "`a` and `b` both apply (applies-to); bind it with `envguard use`",
            id="two apply",
        ),
        pytest.param(
            marked("rl-team"),
            Policies({"rl-team": UNUSABLE}),
            "policy `rl-team` r4 cannot be read by this envguard: rl-team.yaml:3: unknown key",
            id="cannot be read",
        ),
        pytest.param(
            marked("rl-team", details=(DETAIL,)),
            Policies({"rl-team": RL_TEAM}),
            "pyproject.toml is not TOML",
            id="the marker is broken",
        ),
    ],
)
def test_what_cannot_be_decided_is_unknown_and_says_why(
    environment: Environment, policies: Policies, reason: str
) -> None:
    verdict = judged(environment, policies)
    assert (verdict.verdict, verdict.reason, verdict.findings) == ("unknown", reason, ())


def test_a_kept_policy_that_cannot_be_read_takes_none_of_the_others_along() -> None:
    good = a_source("a==1\n")
    bad = msgspec.structs.replace(good, text=good.text + "novelty: 1\n")
    kept = {
        name: KeptPolicy(name=name, revision=2, lock_revision=1, source=source, received_at=NOW)
        for name, source in (("t", good), ("u", bad), ("v", good))
    }
    known = parse_kept(kept)
    assert isinstance(known["t"], LockedPolicy)
    assert isinstance(known["u"], UnusablePolicy)
    assert "unknown key: `novelty`" in known["u"].reason
    assert isinstance(known["v"], UnusablePolicy)
    assert known["v"].reason == "its file names another policy: t"


class TestMatches:
    MATCHED = marked("rl-team")
    POLICIES = Policies({"rl-team": RL_TEAM})

    def match(self, drifted_at: datetime | None = None) -> dict[str, Match]:
        return {
            self.MATCHED.record.path: Match(
                basis=basis_of(self.MATCHED, FACTS, RL_TEAM), drifted_at=drifted_at
            )
        }

    def test_drift_says_what_moved_and_since_when(self) -> None:
        found = judged(marked("rl-team", "0.25.2"), self.POLICIES, self.match(NOW))
        assert ([each.moved for each in found.findings], found.since) == (["machine"], NOW)

    def test_another_policy_moved_where_the_machine_did_not(self) -> None:
        stricter = LockedPolicy(policy=a_policy(Require(name="gym", specifier="==1")), lock=None, revision=4)
        found = judged(self.MATCHED, Policies({"rl-team": stricter}), self.match())
        assert [each.moved for each in found.findings] == ["policy"]

    def test_what_nobody_remembers_is_not_told(self) -> None:
        found = judged(marked("rl-team", "0.25.2"), self.POLICIES)
        assert ([each.moved for each in found.findings], found.since) == ([None], None)

    def test_the_end_of_a_waiver_bites_at_once_and_is_told(self) -> None:
        waiver = Waiver(package="gym", until=NOW, reason="old GPU", approved_by="lead")
        policy = msgspec.structs.replace(
            RL_TEAM.policy, rules=a_policy(Require(name="gym", specifier="==9")).rules, waivers=(waiver,)
        )
        governing = LockedPolicy(policy=policy, lock=None, revision=3)
        comparisons = Comparisons()

        def at(moment: datetime, matches: Mapping[str, Match]) -> Ruled:
            policies = Policies({"rl-team": governing})
            [ruled] = judge_bound(
                [self.MATCHED],
                FACTS,
                Machine("ws-7"),
                policies,
                moment,
                comparisons=comparisons,
                matches=matches,
            )
            return ruled

        before = at(NOW - timedelta(seconds=1), {})
        assert before.verdict.verdict == "compliant"
        assert before.basis is not None
        after = at(NOW, {self.MATCHED.record.path: Match(basis=before.basis)})
        assert after.verdict.verdict == "drifted"
        assert [each.moved for each in after.verdict.findings] == ["waiver"]

    def test_one_machine_s_waiver_acquits_no_other(self) -> None:
        waiver = Waiver(
            package="gym", until=NOW + timedelta(1), reason="r", approved_by="lead", machine="ws-7"
        )
        policy = msgspec.structs.replace(
            RL_TEAM.policy, rules=a_policy(Require(name="gym", specifier="==9")).rules, waivers=(waiver,)
        )
        policies = Policies({"rl-team": LockedPolicy(policy=policy, lock=None, revision=3)})
        comparisons = Comparisons()
        verdicts = []
        for name in ("ws-7", "ws-8"):
            [ruled] = judge_bound(
                [self.MATCHED], FACTS, Machine(name), policies, NOW, comparisons=comparisons, matches={}
            )
            verdicts.append(ruled.verdict.verdict)
        assert verdicts == ["compliant", "drifted"]


def test_a_comparison_is_made_once_and_a_verdict_each_time() -> None:
    comparisons = Comparisons()
    environment = marked("rl-team", "0.25.2")
    first = comparisons.of(environment, FACTS, RL_TEAM)
    assert comparisons.of(environment, FACTS, RL_TEAM).findings is first.findings
    assert comparisons.of(marked("rl-team"), FACTS, RL_TEAM).findings == ()
