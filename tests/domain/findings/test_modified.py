"""Files that changed after their installation."""

from __future__ import annotations

from datetime import datetime, timezone

from envguard.domain.environment import Integrity
from envguard.domain.findings.modified import modified_findings
from envguard.domain.remedy import Reinstall, command_for
from tests.builders.documents import a_record, a_snapshot

LOOKED_AT = datetime(2026, 11, 24, tzinfo=timezone.utc)


def test_nothing_is_said_until_somebody_looked() -> None:
    assert list(modified_findings(a_record(), a_snapshot(gym="0.26.2"), "error")) == []


def test_each_modified_package_is_one_finding_that_a_new_installation_mends() -> None:
    files: dict[str, tuple[str, ...]] = {"gym": ("a.py", "b.py", "c.py", "d.py")}
    record = a_record(integrity=Integrity(LOOKED_AT, ("gym",), files))
    (found,) = modified_findings(record, a_snapshot(gym="0.26.2"), "warn")
    assert (found.kind, found.severity, found.rule) == ("modified-files", "warn", "integrity")
    assert found.actual == "a.py, b.py, c.py and 1 more"
    assert found.remedy == Reinstall("gym==0.26.2")
    assert command_for([found.remedy], record) == (
        "/home/ann/rl/.venv/bin/python -m pip install --force-reinstall --no-deps gym==0.26.2"
    )


def test_a_version_that_is_none_gives_no_command() -> None:
    record = a_record(integrity=Integrity(LOOKED_AT, ("gym",)))
    (found,) = modified_findings(record, a_snapshot(gym="; rm -rf"), "warn")
    assert (found.remedy, found.actual) == (None, None)


def test_a_policy_can_pass_them_over() -> None:
    record = a_record(integrity=Integrity(LOOKED_AT, ("gym",)))
    assert list(modified_findings(record, a_snapshot(gym="0.26.2"), "ignore")) == []
