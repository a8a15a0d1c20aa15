"""Locks of projects: a real one, changed anywhere, is a lock or a PolicyError, and a lock can be asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envguard.domain.environment import is_digest
from envguard.domain.locks.lock import LockChoice
from envguard.domain.locks.selection import Ambiguous, Selected, WrongPython, select
from envguard.errors import PolicyError
from envguard.formats import parse_lock
from envguard.formats.companions import KeptFiles

DATA = Path(__file__).parents[1] / "formats" / "locks" / "data"
FOLDERS = sorted(path.name for path in DATA.iterdir())
MARKERS = {
    "implementation_name": "cpython",
    "implementation_version": "3.11.4",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "6.1",
    "platform_system": "Linux",
    "platform_version": "#1",
    "python_full_version": "3.11.4",
    "python_version": "3.11",
    "sys_platform": "linux",
}
PARTS = [
    *("[", "]", "{", "}", '"', "'", "=", "\n", ",", " ", ".", "(", ")", "1", "-", "\\", "\0", "<empty>", "é"),
    *("[[package]]\n", "name", "version", "source", "markers", '"x" = ', "[]", "{}", "true", "1979-05-27"),
    *("extra == 'x'", " and ", " or ", "python_version", "<", "^", "||", "*", "optional = true\n", "inf"),
]


@st.composite
def changed(draw: st.DrawFn, text: str) -> str:
    """Answer the text with some places cut out, repeated or overwritten."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 1, 2, 5, 20, 200])))
        put = draw(st.sampled_from([*PARTS, text[start:end], ""]) | st.text(max_size=3))
        text = text[:start] + put + text[end if draw(st.booleans()) else start :]
    return text


class TestChangedLocks:
    """What a tool wrote and somebody changed."""

    @pytest.mark.parametrize("folder", FOLDERS)
    @given(data=st.data())
    def test_is_a_lock_or_all_its_problems(self, folder: str, data: st.DataObject) -> None:
        (path,) = (DATA / folder).glob("*.lock")
        text = data.draw(changed(path.read_text(encoding="utf-8")))
        project = (DATA / folder / "pyproject.toml").read_text(encoding="utf-8")
        if data.draw(st.integers(0, 3)) == 0:
            project = data.draw(changed(project))
        try:
            files = KeptFiles({"pyproject.toml": project})
            lock = parse_lock(text, filename=path.name, companions=files)
        except PolicyError as error:
            refused = error.problems or (error,)
            assert all((each.where or "").startswith((path.name, "pyproject.toml")) for each in refused)
            assert all(each.what.isprintable() for each in refused)
            return
        assert is_digest(lock.digest)
        for choice in (LockChoice(), LockChoice(extras=lock.extras, groups=lock.groups)):
            assert isinstance(select(lock, MARKERS, choice), (Selected, WrongPython, Ambiguous))
