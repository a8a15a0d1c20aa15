"""JUnit XML is read by parsers that give up on the first wrong character."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envguard.domain.verdict import Verdict
from envguard.report.junit import junit
from tests.report.arranging import WAIVED, a_finding, a_verdict, an_unlisted

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=30)


def parsed(*verdicts: Verdict) -> ET.Element:
    return ET.fromstring(junit(verdicts).encode())


def test_an_error_is_a_failed_case_in_its_environment_s_suite() -> None:
    finding = a_finding(reason="five values", fix="python -m pip install gym==0.26.2")
    [suite] = parsed(a_verdict(finding))
    assert (suite.tag, suite.get("name")) == ("testsuite", "/home/ann/rl/.venv")
    [case] = suite.iter("testcase")
    assert (case.get("name"), case.get("classname")) == ("gym", "/home/ann/rl/.venv")
    [failure] = case
    assert failure.attrib == {"type": "version-mismatch", "message": "gym 0.25.2, needs ==0.26.2"}
    assert failure.text == "five values\nrule: rl-team.yaml:7\nfix: python -m pip install gym==0.26.2"


@pytest.mark.parametrize(
    ("verdict", "outcome", "message"),
    [
        pytest.param(
            a_verdict(an_unlisted("ipdb"), outcome="compliant"),
            "skipped",
            "warn: ipdb 1.0, outside the policy",
            id="a warning",
        ),
        pytest.param(
            a_verdict(a_finding(waived=WAIVED), outcome="compliant"),
            "skipped",
            "gym 0.25.2, needs ==0.26.2; waived until 2026-11-25: old GPU",
            id="a waived error",
        ),
        pytest.param(
            a_verdict(outcome="unknown", reason="two policies apply"),
            "error",
            "two policies apply",
            id="unknown",
        ),
        pytest.param(
            a_verdict(a_finding(kind="unreadable", reason="METADATA is empty"), outcome="unknown"),
            "error",
            "gym: METADATA is empty",
            id="unreadable",
        ),
        pytest.param(a_verdict(outcome="unmanaged"), "skipped", "no policy applies", id="unmanaged"),
    ],
)
def test_what_is_no_drift_is_no_failure(verdict: Verdict, outcome: str, message: str) -> None:
    [case] = parsed(verdict).iter("testcase")
    [said] = case
    assert (said.tag, said.get("message")) == (outcome, message)


def test_a_compliant_environment_is_a_case_that_passed() -> None:
    [case] = parsed(a_verdict()).iter("testcase")
    assert not list(case)


def test_suites_count_their_cases_and_the_whole_counts_them_all() -> None:
    root = parsed(a_verdict(a_finding(), an_unlisted("ipdb")), a_verdict(), a_verdict(outcome="unmanaged"))
    names = ("tests", "failures", "errors", "skipped")
    assert [root.get(name) for name in names] == ["4", "1", "0", "2"]
    assert [[suite.get(name) for name in names] for suite in root] == [
        ["2", "1", "0", "1"],
        ["1", "0", "0", "0"],
        ["1", "0", "0", "1"],
    ]


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_every_text_is_well_formed(package: str, reason: str, path: str) -> None:
    finding = a_finding(package=package, reason=reason, place=path, fix=reason)
    [suite] = parsed(a_verdict(finding, environment=path))
    assert len(list(suite.iter("failure"))) == 1


def test_markup_comes_back_as_it_was_and_control_characters_are_gone() -> None:
    finding = a_finding(package='<b a="&">', reason="a\x1b[31m\x00\ufffe]]>b")
    [suite] = parsed(a_verdict(finding))
    [case] = suite.iter("testcase")
    assert case.get("name") == '<b a="&">'
    assert case[0].text == "a[31m]]>b\nrule: rl-team.yaml:7"
