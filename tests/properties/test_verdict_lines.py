"""Verdict lines say what the verdict says, whatever is written in it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envguard.domain.binding import Source
from envguard.domain.environment import digest_of_text
from envguard.domain.findings.finding import FindingKind
from envguard.domain.policy import BeforeRun, Severity
from envguard.domain.verdict import JudgedFinding, PolicyRef, Verdict, Waived
from envguard.formats.verdict_lines import Binding, Times, field, line, text_of, verdict_lines, whole
from tests.builders.verdict_reader import read_verdict

DIGEST = digest_of_text("x")
ESCAPED_BYTES = st.binary(min_size=1, max_size=8).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8")),
    st.text("\\\t\r\nntr \x85\u2028\x0b\0a"),
    ESCAPED_BYTES,
)
MOMENTS = st.floats(0, 7e9).map(lambda at_s: datetime.fromtimestamp(at_s, timezone.utc))
WAIVED = st.builds(Waived, until=MOMENTS, reason=TEXTS, approved_by=TEXTS)
FINDINGS = st.builds(
    JudgedFinding,
    kind=st.sampled_from(get_args(FindingKind)),
    severity=st.sampled_from(get_args(Severity)),
    **{name: st.none() | TEXTS for name in ("package", "expected", "actual", "reason", "place", "fix")},
    waived=st.none() | WAIVED,
)
POLICIES = st.builds(
    PolicyRef, name=TEXTS, revision=st.none() | st.integers(1, 10**6), digest=st.just(DIGEST)
)
VERDICTS = st.builds(
    Verdict,
    environment=TEXTS,
    digest=st.just(DIGEST),
    verdict=st.sampled_from(["compliant", "drifted", "unknown"]),
    policy=POLICIES,
    findings=st.lists(FINDINGS, max_size=3).map(tuple),
    reason=st.none() | TEXTS,
)
BINDINGS = st.builds(
    Binding,
    source=st.sampled_from(get_args(Source)),
    words=TEXTS,
    before_run=st.sampled_from(get_args(BeforeRun)),
)


class TestFields:
    @given(TEXTS)
    def test_a_field_is_read_back_and_has_no_end_of_line_and_no_tab(self, text: str) -> None:
        written = field(text)
        assert not set(written) & set("\t\r\n")
        assert text_of(written) == text

    @given(st.text("\\tnrx", max_size=6))
    def test_what_no_field_is_written_like_is_refused(self, written: str) -> None:
        try:
            text = text_of(written)
        except ValueError:
            return
        assert field(text) == written


class TestVerdicts:
    @given(VERDICTS, BINDINGS)
    def test_all_that_is_said_is_read_back(self, verdict: Verdict, binding: Binding) -> None:
        read = read_verdict(whole(verdict_lines(verdict, binding, Times(7, 9), boot="b")))
        policy = verdict.policy
        assert policy is not None
        assert read.head["environment"] == (verdict.environment,)
        assert read.head["boot"] == ("b",)
        assert read.times == (7, 9)
        revision = "-" if policy.revision is None else str(policy.revision)
        assert read.head["policy"] == (policy.name, revision, DIGEST, binding.source, binding.before_run)
        assert (read.outcome, read.head["digest"]) == (verdict.verdict, (DIGEST,))
        assert read.head["source"] == (binding.words,)
        assert read.head.get("reason") == (None if verdict.reason is None else (verdict.reason,))
        assert [each[:8] for each in read.findings] == [
            (
                each.kind,
                each.severity,
                each.package or "",
                each.expected or "",
                each.actual or "",
                each.reason or "",
                each.place or "",
                each.fix or "",
            )
            for each in verdict.findings
        ]
        for each, fields in zip(verdict.findings, read.findings, strict=True):
            until = datetime.fromisoformat(fields[8].replace("Z", "+00:00")) if fields[8] else None
            expected = each.waived.until.replace(microsecond=0) if each.waived is not None else None
            assert until == expected

    @given(VERDICTS, BINDINGS, st.data())
    def test_what_is_cut_off_is_not_taken(
        self, verdict: Verdict, binding: Binding, data: st.DataObject
    ) -> None:
        content = whole(
            verdict_lines(verdict, binding, Times(7, 9), boot="b"), f"{line('in', '')}\n".encode()
        )
        cut = data.draw(st.integers(0, len(content) - 1))
        with pytest.raises((AssertionError, IndexError)):
            read_verdict(content[:cut])
