"""The guard's side of a meeting at the server: what ``envguard ranks`` answers, or does not."""

from __future__ import annotations

import pytest

from tests.guard.jobs import CALL, COMPLIANT, SCRIPT, UNKNOWN, outcome, start
from tests.guard.places import Place, Told

NOWHERE = "printf 'envguard-ranks 1\\nnowhere\\tit is away\\nend\\t2\\n'"


def ranks(place: Place, says: str, before: str = "", count: int = 2) -> list[Told]:
    """What ranks come to where ``envguard`` is a shell script that says this."""
    folder = place.home / "bin"
    folder.mkdir(exist_ok=True)
    (folder / "envguard").write_text(f"#!/bin/sh\n{says}\n")
    (folder / "envguard").chmod(0o755)
    path, server, text = (
        f"{folder}:/usr/bin:/bin",
        "https://server.example",
        before + SCRIPT.format(call=CALL),
    )
    started = [
        start(place, each, 2, text=text, PATH=path, ENVGUARD_SERVER=server, ENVGUARD_RANKS_TIMEOUT="5")
        for each in range(count)
    ]
    return [each.end() for each in started]


def test_a_server_that_cannot_be_asked_is_passed_over(place: Place) -> None:
    assert [outcome(told) for told in ranks(place, NOWHERE)] == [COMPLIANT] * 2


@pytest.mark.parametrize("says", ["exit 1", "echo no", "printf 'envguard-ranks 1\\nend\\t1\\n'"])
def test_an_answer_that_is_none_is_unknown(place: Place, says: str) -> None:
    (told,) = ranks(place, says, count=1)
    assert outcome(told) == UNKNOWN
    assert "`envguard ranks` gives no answer that is understood; name a folder" in told.out


def test_where_no_file_can_be_written_it_is_unknown(place: Place) -> None:
    (told,) = ranks(place, NOWHERE, "import tempfile; tempfile.tempdir = '/nowhere'\n", count=1)
    assert outcome(told) == UNKNOWN
    assert "`envguard ranks` cannot be asked: No such file or directory; name a folder" in told.out
