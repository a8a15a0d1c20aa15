"""Workflow commands: one a line, escaped as GitHub's toolkit does."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from envguard.report.github import github
from tests.report.arranging import WAIVED, a_finding, a_verdict, an_unlisted

COMMAND = re.compile(r"::(?P<name>error|warning|notice) (?P<properties>[^:]*)::(?P<message>[^\r\n]*)")


def test_an_error_is_an_annotation_at_the_line_of_its_rule() -> None:
    finding = a_finding(reason="100% of it", fix="pip install gym==0.26.2")
    assert github([a_verdict(finding)]) == (
        "::error file=rl-team.yaml,line=7,title=gym 0.25.2%2C needs ==0.26.2"
        "::/home/ann/rl/.venv: gym 0.25.2, needs ==0.26.2%0A100%25 of it%0Afix: pip install gym==0.26.2"
    )


def test_warnings_information_and_waivers_say_what_they_are() -> None:
    findings = [an_unlisted("ipdb"), a_finding(severity="info"), a_finding(waived=WAIVED)]
    lines = github([a_verdict(*findings, outcome="compliant")]).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::warning", "::notice", "::notice"]
    assert lines[2].endswith("waived until 2026-11-25: old GPU")


def test_a_finding_without_a_place_has_no_file() -> None:
    assert github([a_verdict(a_finding(place=None))]).startswith("::error title=gym")


def test_unknown_is_an_error_with_its_reason() -> None:
    verdict = a_verdict(outcome="unknown", reason="two policies apply")
    assert github([verdict]) == "::error title=unknown::/home/ann/rl/.venv: two policies apply"


def test_where_all_is_well_there_is_nothing_to_say() -> None:
    assert github([a_verdict(), a_verdict(outcome="unmanaged")]) == ""


@given(st.text(), st.text(), st.text())
def test_no_text_ends_its_command_or_begins_another(package: str, reason: str, place: str) -> None:
    finding = a_finding(package=package, reason=reason, place=place)
    found = COMMAND.fullmatch(github([a_verdict(finding, environment=f"/{place}")]))
    assert found is not None
    keys = [part.partition("=")[0] for part in found["properties"].split(",")]
    assert keys in (["title"], ["file", "line", "title"])


@given(st.text(st.characters(exclude_categories=("C", "Z"))))
def test_a_title_comes_back_as_it_was(package: str) -> None:
    found = COMMAND.fullmatch(github([a_verdict(a_finding(package=package, kind="shadowed"))]))
    assert found is not None
    title = found["properties"].split(",")[-1].removeprefix("title=")
    for escape, character in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        title = title.replace(escape, character)
    assert title == f"{package or 'environment'}: shadowed"
