from __future__ import annotations

import logging

import pytest

from envguard.inventory.discovery.sight import Notes


def test_a_place_is_logged_once_and_keeps_its_first_reason(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    notes = Notes()
    for _ in range(3):
        notes.fail_silent("/mnt/a")
    notes.fail("/mnt/a", "permission denied")
    assert len(caplog.records) == 1
    assert list(notes.unread) == ["/mnt/a"]
    assert "does not answer" in notes.unread["/mnt/a"]
