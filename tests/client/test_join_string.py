"""The one string that a machine joins by: whole, or refused."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envguard.errors import UsageError
from envguard.wire import JoinString, read_join, write_join

WORDS = st.text(st.characters(exclude_categories=["Cs"]))


def join_string(body: bytes) -> str:
    return "envguard-join-1." + base64.urlsafe_b64encode(body).decode()


@given(WORDS, WORDS)
def test_what_was_written_is_read(url: str, token: str) -> None:
    assert read_join(f"  {write_join(JoinString(url, token))}\n") == JoinString(url, token)


@given(st.text() | st.text().map("envguard-join-1.".__add__) | st.binary().map(join_string))
def test_anything_else_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(UsageError, match="only a part") as caught:
        read_join(text)
    assert caught.value.hint


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_part_of_one_is_refused(cut: int) -> None:
    with pytest.raises(UsageError):
        read_join(write_join(JoinString("https://envguard.example", "t"))[:-cut])


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(UsageError):
        read_join(join_string(b'{"x":' + b"[" * 100_000))


def test_string_of_an_older_server_names_no_authority() -> None:
    old = join_string(b'{"url":"https://envguard.example","token":"t"}')
    assert read_join(old) == JoinString("https://envguard.example", "t", None)
    assert write_join(JoinString("https://envguard.example", "t")) == old.rstrip("=")


@given(WORDS, WORDS, WORDS)
def test_fingerprint_is_read_again(url: str, token: str, authority: str) -> None:
    assert read_join(write_join(JoinString(url, token, authority))).authority == authority
