"""A lock that was parsed once is the same lock again, as long as all that it was read from is the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from envguard.domain.environment import Digest
from envguard.errors import PolicyError
from envguard.formats import parse_lock, read_lock
from envguard.formats.companions import ALONE
from envguard.formats.locks.interface import Parser
from envguard.formats.locks.remembered import keep_parsed_on, parsed_once

TEXTS = Path(__file__).parent / "texts"
DATA = Path(__file__).parent / "data"
FILES = sorted(path for path in [*TEXTS.iterdir(), *DATA.rglob("*.lock")] if path.is_file())


class Pile:
    """A shelf in memory that counts."""

    version = "1"

    def __init__(self) -> None:
        self.kept: dict[Digest, bytes] = {}
        self.taken = 0

    def take(self, key: Digest) -> bytes | None:
        content = self.kept.get(key)
        self.taken += content is not None
        return content

    def put(self, key: Digest, content: bytes) -> None:
        self.kept[key] = content


@pytest.fixture
def pile() -> Iterator[Pile]:
    shelf = Pile()
    keep_parsed_on(shelf)
    yield shelf
    keep_parsed_on(None)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_format_comes_back_as_it_was(path: Path, tmp_path: Path, pile: Pile) -> None:
    keep_parsed_on(None)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "app"\nversion = "1.0"\n')
    for each in [path, *path.parent.glob("pyproject.toml")]:
        shutil.copy(each, tmp_path)
    path = tmp_path / path.name
    parsed = read_lock(path)
    keep_parsed_on(pile)
    assert read_lock(path) == parsed
    assert pile.taken == 0
    assert read_lock(path) == parsed
    assert pile.taken == 1


def test_another_text_name_or_version_is_another_lock(pile: Pile) -> None:
    parse_lock("gym==0.25.2\n", filename="requirements.txt")
    parse_lock("gym==0.26.2\n", filename="requirements.txt")
    parse_lock("gym==0.25.2\n", filename="dev.txt")
    pile.version = "2"
    parse_lock("gym==0.25.2\n", filename="requirements.txt")
    assert (len(pile.kept), pile.taken) == (4, 0)


@pytest.mark.parametrize("change", ["gym==0.26.2\n", "", None], ids=["edited", "emptied", "removed"])
def test_a_further_file_that_changed_is_read_again(change: str | None, tmp_path: Path, pile: Pile) -> None:
    lock, more = tmp_path / "requirements.txt", tmp_path / "more.txt"
    lock.write_text("-r more.txt\nsix==1.16.0\n")
    more.write_text("gym==0.25.2\n")
    before = read_lock(lock)
    assert read_lock(lock) == before
    if change is None:
        more.unlink()
        with pytest.raises(PolicyError, match="no such"):
            read_lock(lock)
    else:
        more.write_text(change)
        assert read_lock(lock) != before


def test_what_is_wrong_is_told_each_time(pile: Pile) -> None:
    for _ in range(2):
        with pytest.raises(PolicyError, match=r"r\.txt:1"):
            parse_lock("gym>=1\n", filename="r.txt")
    assert not pile.kept


@pytest.mark.parametrize(
    "content",
    [b"", b"\xc1", b"\x92\x01\x02", b"\x91" * 100_000],
    ids=["empty", "no code", "other types", "deep"],
)
def test_a_broken_shelf_is_no_matter(content: bytes, pile: Pile) -> None:
    parsed = parse_lock("gym==0.25.2\n", filename="r.txt")
    [key] = pile.kept
    pile.kept[key] = content
    assert parse_lock("gym==0.25.2\n", filename="r.txt") == parsed


def test_where_it_is_known_no_parser_is_sought(pile: Pile) -> None:
    def find_parser() -> Parser:
        raise AssertionError("it was parsed again")

    lock = parse_lock("gym==0.25.2\n", filename="r.txt")
    assert parsed_once("gym==0.25.2\n", "r.txt", ALONE, find_parser) == lock
