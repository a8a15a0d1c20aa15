"""Markdown whose table stays a table, whatever somebody wrote."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from envguard.report.markdown import markdown
from tests.report.arranging import WAIVED, a_finding, a_verdict, an_unlisted, text


def cells(row: str) -> list[str]:
    """Answer the cells of a row as GitHub takes it apart: at bars without a backslash."""
    return [cell.strip() for cell in re.split(r"(?<!\\)(?:\\\\)*\|", row)[1:-1]]


def test_a_verdict_is_a_headline_and_a_table() -> None:
    findings = [a_finding(reason="five\n`values`"), an_unlisted("ipdb"), a_finding(waived=WAIVED)]
    assert markdown([a_verdict(*findings, revision=8)]) == text(
        r"""
        ### drifted from rl-team r8: 1 error, 1 warning

        /home/ann/rl/.venv

        | severity | finding | why | where | fix |
        |---|---|---|---|---|
        | error | gym 0.25.2, needs ==0.26.2 | five \`values\` | rl-team.yaml:7 |  |
        | warn | ipdb 1.0, outside the policy |  |  |  |
        | waived until 2026-11-25 | gym 0.25.2, needs ==0.26.2 | old GPU | rl-team.yaml:7 |  |
        """
    ).rstrip("\n")


def test_several_verdicts_follow_each_other() -> None:
    unknown = a_verdict(outcome="unknown", reason="two policies apply")
    assert markdown([a_verdict(), unknown]) == text(
        """
        ### compliant with rl-team

        /home/ann/rl/.venv

        ### unknown by rl-team

        /home/ann/rl/.venv: two policies apply
        """
    ).rstrip("\n")


def test_bars_tags_and_links_are_text() -> None:
    finding = a_finding(package="a|b", reason="<img src=x> [y](z)")
    row = markdown([a_verdict(finding)]).splitlines()[-1]
    assert r"a\|b" in row
    assert r"\<img src=x\> \[y\](z)" in row


@given(*[st.text(st.characters(exclude_categories=()), max_size=30)] * 3)
def test_a_row_is_one_line_of_five_cells(package: str, reason: str, place: str) -> None:
    finding = a_finding(package=package, reason=reason, place=place, fix=reason)
    lines = markdown([a_verdict(finding, environment=f"/{place}")]).split("\n")
    assert len(lines) == 7
    assert len(cells(lines[-1])) == 5
    assert all(line.isprintable() for line in lines)
