"""Pulling brings the cache to what the server has, or leaves it as it was."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from envguard.domain.environment import Digest
from envguard.domain.policy import PolicySource
from envguard.errors import StateError
from envguard.runs.pulling import pull
from envguard.wire import PolicyRevision

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.utc)


def a_revision(name: str, text: str | None = None, revision: int = 1) -> PolicyRevision:
    source = PolicySource(filename="p.yaml", text=text or f"envguard: 1\nname: {name}\n")
    digest = Digest("sha256:" + "0" * 64)
    return PolicyRevision(
        name=name, revision=revision, lock_revision=None, digest=digest, pushed_at=NOW, source=source
    )


def test_a_name_that_leads_elsewhere_writes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    with pytest.raises(StateError, match="cannot be a file's"):
        pull(lambda: [a_revision("good"), a_revision("../bad")], folder, (), now=NOW)
    assert list(tmp_path.rglob("*")) == []


def test_a_policy_that_this_version_cannot_read_is_taken_and_says_why(tmp_path: Path) -> None:
    [told] = pull(lambda: [a_revision("new", "envguard: 2\nname: new\n")], tmp_path, (), now=NOW)
    assert told.change == "new"
    assert told.unusable is not None
    assert "p.yaml:1" in told.unusable
    assert (tmp_path / "new.json").exists()


def test_a_server_that_went_back_to_an_earlier_state_is_followed(tmp_path: Path) -> None:
    pull(lambda: [a_revision("p", revision=4)], tmp_path, (), now=NOW)
    [told] = pull(lambda: [a_revision("p", revision=2)], tmp_path, (), now=NOW)
    assert (told.change, told.before, told.revision) == ("changed", 4, 2)
