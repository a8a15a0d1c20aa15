"""What is in the file of a kept verdict: this user's own, and yet nothing that is taken at its word."""

from __future__ import annotations

import tracemalloc
from marshal import dumps
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envguard.cli import again


@pytest.mark.parametrize("kind", [b"(", b"[", b"<"], ids=["tuple", "list", "set"])
def test_a_length_in_a_kept_file_takes_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: bytes
) -> None:
    monkeypatch.setenv("ENVGUARD_CACHE", str(tmp_path))
    place = again.place_of(again.digest_of_call(["check"]) or b"")
    assert place is not None
    Path(place).parent.mkdir()
    Path(place).write_bytes(again.sealed(kind + (10**8).to_bytes(4, "little")))
    Path(place).chmod(0o600)
    tracemalloc.start()
    try:
        assert again.answer(["check"]) is None
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


PLAIN = st.none() | st.booleans() | st.integers() | st.binary(max_size=20) | st.text(max_size=20)
OF_SEVEN = st.lists(
    st.recursive(
        PLAIN,
        lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=5), each, max_size=4),
    ),
    min_size=7,
    max_size=7,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(min_size=1, max_size=200) | OF_SEVEN.map(lambda each: dumps(tuple(each), 2)))
def test_no_content_of_a_kept_file_is_believed_or_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setenv("ENVGUARD_CACHE", str(tmp_path))
    digest = again.digest_of_call(["check"])
    place = again.place_of(digest or b"")
    assert place is not None
    Path(place).parent.mkdir(exist_ok=True)
    for written in (content, again.sealed(content)):
        Path(place).write_bytes(written)
        Path(place).chmod(0o600)
        assert again.answer(["check"]) is None
