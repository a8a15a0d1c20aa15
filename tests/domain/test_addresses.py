"""Addresses as they may be kept."""

from __future__ import annotations

import pytest

from envguard.domain.addresses import plain_address


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        pytest.param("https://h.example/a", "https://h.example/a", id="as it is"),
        pytest.param("https://u:p@h.example/a?token=t#f", "https://h.example/a", id="without credentials"),
        pytest.param("git+ssh://git@h.example/a", "ssh://h.example/a", id="without the tool"),
        pytest.param("https://u@p@h.example/a", "https://h.example/a", id="the last @ ends the user"),
        pytest.param("file:///home/ann/a", None, id="a local file"),
        pytest.param("git+file:///home/ann/a", None, id="a local repository"),
        pytest.param("../a", None, id="no address"),
    ],
)
def test_an_address_keeps_scheme_host_and_path(url: str, plain: str | None) -> None:
    assert plain_address(url) == plain
