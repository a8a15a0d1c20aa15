"""A SARIF log that code scanning accepts."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from envguard.domain.verdict import Verdict
from envguard.report.sarif import sarif
from tests.report.arranging import WAIVED, a_finding, a_verdict, an_unlisted


def run_of(*verdicts: Verdict) -> dict[str, Any]:
    log = json.loads(sarif(verdicts))
    assert log["version"] == "2.1.0"
    [run] = log["runs"]
    found: dict[str, Any] = run
    return found


def test_a_finding_is_a_result_where_its_rule_is_written() -> None:
    [result] = run_of(a_verdict(a_finding(reason="five values")))["results"]
    assert result == {
        "ruleId": "version-mismatch",
        "level": "error",
        "message": {"text": "gym 0.25.2, needs ==0.26.2; five values"},
        "locations": [
            {
                "logicalLocations": [{"fullyQualifiedName": "/home/ann/rl/.venv", "kind": "environment"}],
                "physicalLocation": {
                    "artifactLocation": {"uri": "rl-team.yaml"},
                    "region": {"startLine": 7},
                },
            }
        ],
    }


def test_every_result_s_rule_is_described_once() -> None:
    run = run_of(a_verdict(a_finding(), a_finding(package="numpy")), a_verdict(an_unlisted("ipdb")))
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["version-mismatch", "unlisted"]
    assert all(rule["shortDescription"]["text"] for rule in run["tool"]["driver"]["rules"])


def test_severities_are_sarif_s_levels() -> None:
    findings = [a_finding(severity=severity) for severity in ("error", "warn", "info")]
    assert [each["level"] for each in run_of(a_verdict(*findings))["results"]] == ["error", "warning", "note"]


def test_a_waived_finding_is_suppressed_with_its_reason() -> None:
    [result] = run_of(a_verdict(a_finding(waived=WAIVED), outcome="compliant"))["results"]
    assert result["suppressions"] == [{"justification": "old GPU", "kind": "external"}]


def test_what_could_not_be_decided_is_an_error() -> None:
    [result] = run_of(a_verdict(outcome="unknown", reason="two policies apply"))["results"]
    assert (result["ruleId"], result["level"]) == ("undecided", "error")
    assert "physicalLocation" not in result["locations"][0]


def test_a_file_name_is_written_as_a_reference() -> None:
    [result] = run_of(a_verdict(a_finding(place="our policy#1.yaml:7")))["results"]
    location = result["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "our%20policy%231.yaml"


def test_a_name_of_others_is_no_link_and_no_placeholder() -> None:
    [result] = run_of(a_verdict(a_finding(package="[click](evil) {0}")))["results"]
    assert result["message"]["text"].startswith(r"\[click\](evil) {{0}}")


def test_where_all_is_well_the_log_is_empty() -> None:
    run = run_of(a_verdict(), a_verdict(outcome="unmanaged"))
    assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])


@given(*[st.text(st.characters(exclude_categories=()), max_size=30)] * 3)
def test_every_text_is_json(package: str, reason: str, place: str) -> None:
    finding = a_finding(package=package, reason=reason, place=f"{place}:7")
    [result] = run_of(a_verdict(finding, environment=place))["results"]
    assert result["message"]["text"].isprintable()
