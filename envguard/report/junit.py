"""Verdicts as JUnit XML: a suite for each environment, a case for each finding.

Rules
1. An error that counts is a ``failure``; what could not be read or decided is an ``error``.
2. Warnings, waived findings and environments without a policy are ``skipped``, with the reason.
3. A suite is never empty: an environment without findings is one case that passed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from envguard.domain.verdict import JudgedFinding, Verdict
from envguard.report.causes import label_of

_NOT_XML = re.compile("[^\t\n\r -\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0, "2.2 Characters", forbids, and the control characters that it discourages."""

_COUNTED = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}


def junit(verdicts: Sequence[Verdict]) -> str:
    """Answer one XML document for all of them."""
    root = ET.Element("testsuites", name="envguard")
    for verdict in verdicts:
        _count(_add_suite(root, verdict))
    _count(root)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}'


def _add_suite(root: ET.Element, verdict: Verdict) -> ET.Element:
    suite = ET.SubElement(root, "testsuite", name=_clean(verdict.environment))
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", name="verdict", value=verdict.verdict)
    if verdict.policy is not None:
        ET.SubElement(properties, "property", name="policy", value=_clean(verdict.policy.name))
    for finding in verdict.findings:
        _add_finding(_add_case(suite, finding.package or finding.kind), finding)
    if verdict.verdict == "unmanaged":
        _say(_add_case(suite, "policy"), "skipped", "unmanaged", "no policy applies")
    elif verdict.verdict == "unknown" and not any(map(_is_unreadable, verdict.findings)):
        _say(_add_case(suite, "policy"), "error", "unknown", verdict.reason or "could not be decided")
    elif not verdict.findings:
        _add_case(suite, "policy")
    return suite


def _add_finding(case: ET.Element, finding: JudgedFinding) -> None:
    kind, label = finding.kind, label_of(finding)
    if finding.waived is not None:
        waived = f"waived until {finding.waived.until:%Y-%m-%d}: {finding.waived.reason}"
        _say(case, "skipped", kind, f"{label}; {waived}")
    elif _is_unreadable(finding):
        _say(case, "error", kind, label, _told(finding))
    elif finding.severity == "error":
        _say(case, "failure", kind, label, _told(finding))
    else:
        _say(case, "skipped", kind, f"{finding.severity}: {label}")


def _add_case(suite: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", name=_clean(name), classname=suite.attrib["name"])


def _say(case: ET.Element, outcome: str, kind: str, message: str, text: str = "") -> None:
    ET.SubElement(case, outcome, type=kind, message=_clean(message)).text = _clean(text) or None


def _told(finding: JudgedFinding) -> str:
    parts = [("", finding.reason), ("rule: ", finding.place), ("fix: ", finding.fix)]
    return "\n".join(f"{word}{part}" for word, part in parts if part)


def _is_unreadable(finding: JudgedFinding) -> bool:
    return finding.kind == "unreadable" and finding.waived is None


def _count(suite: ET.Element) -> None:
    for attribute, tag in _COUNTED.items():
        suite.set(attribute, str(sum(1 for _ in suite.iter(tag))))


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)
