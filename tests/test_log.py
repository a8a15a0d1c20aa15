"""Lines of the log: for people, and for what collects them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator

import pytest

from envguard import log


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Give the loggers back as other tests want them."""
    loggers = [logging.getLogger(name) for name in ("envguard", "another.library")]
    before = [(each, each.handlers[:], each.level, each.propagate) for each in loggers]
    yield
    for logger, handlers, level, propagate in before:
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


def written(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_json_has_the_same_keys_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(verbose=1, form="json")
    log.get_log("envguard.room").bind(machine="ws-7").info(
        "thing_done", count=3, why='two\nlines "x"', who=None
    )
    (line,) = map(json.loads, written(capsys))
    assert line.pop("at").startswith("20")
    assert line == {
        "level": "info",
        "event": "thing_done",
        "machine": "ws-7",
        "count": 3,
        "why": 'two\nlines "x"',
        "who": None,
    }


@pytest.mark.parametrize("form", ["text", "json"])
def test_warnings_of_a_library_go_the_same_way(capsys: pytest.CaptureFixture[str], form: log.Form) -> None:
    log.configure(form=form, libraries=("another.library",))
    other = logging.getLogger("another.library")
    other.info("not wanted")
    try:
        raise ValueError("on purpose")
    except ValueError:
        other.exception("it %s", "broke")
    text = capsys.readouterr().err
    assert "not wanted" not in text
    assert "it broke" in text
    assert "ValueError: on purpose" in text
    if form == "json":
        line = json.loads(text)
        assert (line["event"], line["logger"], line["level"]) == ("it broke", "another.library", "error")


def test_keys_of_a_unit_of_work_are_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(verbose=1)
    room = log.get_log("envguard.room")

    async def work(name: str) -> None:
        log.begin_unit(request=name)
        await asyncio.sleep(0)
        await asyncio.to_thread(room.info, "thing_done", of=name)

    async def both() -> None:
        await asyncio.gather(work("one"), work("two"))

    asyncio.run(both())
    room.info("thing_done")
    ends = sorted(line.split("thing_done")[1] for line in written(capsys))
    assert ends == ["", " of=one request=one", " of=two request=two"]
