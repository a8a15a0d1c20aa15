from __future__ import annotations

import json

import pytest

from envguard.domain.environment import Origin
from envguard.inventory.origin import parse_origin

SHA256, SHA512 = "a" * 64, "b" * 128


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        pytest.param(
            '{"url": "https://u:p@index.example/a.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}',
            Origin("vcs", "https://index.example/a.git", "abc"),
            id="vcs",
        ),
        pytest.param(
            '{"url": "file:///src/a", "dir_info": {"editable": true}}', Origin("editable"), id="editable"
        ),
        pytest.param('{"url": "file:///src/a", "dir_info": {}}', Origin("directory"), id="directory"),
        pytest.param(
            '{"url": "https://index.example/a.whl?token=s#x=s", "archive_info": {"hash": "sha256=0"}}',
            Origin("archive", "https://index.example/a.whl"),
            id="archive",
        ),
        pytest.param(
            f'{{"url": "file:///a.whl", "archive_info": {{"hash": "sha256={SHA256.upper()}"}}}}',
            Origin("archive", archive_digest=f"sha256:{SHA256}"),
            id="archive, as pip before 23.1 notes its digest",
        ),
        pytest.param(
            f'{{"url": "file:///a.whl", "archive_info": {{"hash": "md5={"0" * 32}", '
            f'"hashes": {{"sha512": "{SHA512}", "sha256": "{SHA256}"}}}}}}',
            Origin("archive", archive_digest=f"sha256:{SHA256}"),
            id="archive, of several digests the one that locks have",
        ),
        pytest.param(
            '{"url": "file:///a.whl", "archive_info": {"hashes": '
            f'{{"x": "{SHA256}", "sha512": "{SHA512}"}}}}}}',
            Origin("archive", archive_digest=f"sha512:{SHA512}"),
            id="archive, with another digest only",
        ),
        pytest.param(
            '{"url": "file:///a.whl", "archive_info": {"hash": 1, "hashes": ["sha256"]}}',
            Origin("archive"),
            id="archive, with digests that are none",
        ),
        pytest.param('{"url": "https://index.example/a", "x": 1}', Origin("unknown"), id="no kind"),
        pytest.param('{"url": 1, "dir_info": {}}', Origin("unknown"), id="wrong type"),
        pytest.param("[]", Origin("unknown"), id="no object"),
        pytest.param("{", Origin("unknown"), id="broken"),
        pytest.param("", Origin("unknown"), id="empty"),
        pytest.param("[" * 60_000, Origin("unknown"), id="deep"),
        pytest.param('{"url": "\\ud800", "dir_info": {}}', Origin("unknown"), id="half a character"),
    ],
)
def test_origin_of_a_direct_url(text: str, origin: Origin) -> None:
    assert parse_origin(text.encode()) == origin


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:p@ss@index.example/x", "https://index.example/x"),
        ("git+ssh://git@index.example:22/x.git", "ssh://index.example:22/x.git"),
        ("https://index.example/x?key=s#frag", "https://index.example/x"),
        ("https://index.example/\x1bx", "https://index.example/\\x1bx"),
        ("git@index.example:x", None),
        ("file:///home/ann/x", None),
        ("git+file:///home/ann/x", None),
    ],
)
def test_a_url_keeps_nothing_that_could_be_a_credential(url: str, expected: str | None) -> None:
    told = json.dumps({"url": url, "archive_info": {}})
    assert parse_origin(told.encode()) == Origin("archive", expected)
