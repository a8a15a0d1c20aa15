"""Properties of what the inventory reads, one class per rule."""

from __future__ import annotations

import email.parser
import email.policy
import random

from hypothesis import given
from hypothesis import strategies as st

from envguard.domain.environment import Interpreter, Package, Problem, digest_of, snapshot_of
from envguard.inventory.distributions import normalised
from envguard.inventory.files import shown
from envguard.inventory.metadata import parse_headers

INTERPRETER = Interpreter(implementation="CPython", version="3.11.7", abi="cp311", platform="linux-x86_64")

values = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
lines = st.one_of(
    st.sampled_from(
        [
            "Name: gym",
            "Requires-Dist: numpy<2",
            "requires-dist:torch",
            "Version: 1.0",
            "name:gym",
            "VERSION:2",
            "",
            " folded",
            "\tfolded",
            "nonsense",
        ]
    ),
    st.builds("{}: {}".format, st.sampled_from(["Summary", "Name", "Version", "X-y"]), values),
    values,
)
endings = st.sampled_from(["\n", "\r\n", "\r"])
packages = st.builds(
    Package, name=st.text("ab-", min_size=1, max_size=5), version=st.sampled_from(["1", "2", "x"])
)
problems = st.builds(
    Problem, kind=st.sampled_from(["shadowed", "unreadable"]), package=st.sampled_from([None, "a"])
)


class TestHeadersAreThoseOfTheEmailParser:
    """Of ``importlib.metadata``, that is; values are compared with runs of blanks as one."""

    @given(st.lists(lines, max_size=12), endings)
    def test_name_and_version(self, written: list[str], ending: str) -> None:
        text = ending.join(["Metadata-Version: 2.1", *written, ""])
        message = email.parser.Parser(policy=email.policy.compat32).parsestr(text)
        headers = parse_headers(text.encode())
        assert (headers.name or "") == _first(message["Name"])
        assert (headers.version or "") == _first(message["Version"])
        assert headers.requires == tuple(map(_first, message.get_all("Requires-Dist", [])))

    @given(st.binary(max_size=200))
    def test_any_bytes_give_printable_text(self, content: bytes) -> None:
        headers = parse_headers(b"Name: " + content + b"\nVersion: 1\n\n")
        assert (headers.name or "").isprintable()


class TestDigestsDoNotDependOnOrder:
    """Two machines list one folder in different orders."""

    @given(st.lists(packages), st.lists(problems), st.randoms(use_true_random=False))
    def test_shuffled_parts(self, some: list[Package], wrong: list[Problem], chance: random.Random) -> None:
        before = digest_of(snapshot_of(INTERPRETER, some, wrong))
        chance.shuffle(some)
        chance.shuffle(wrong)
        assert digest_of(snapshot_of(INTERPRETER, some, wrong)) == before


class TestTextForPeople:
    """Whatever a file or folder is called, it may be shown and encoded."""

    @given(st.text(st.characters()))
    def test_is_printable_and_encodes(self, text: str) -> None:
        assert shown(text).isprintable()
        shown(text).encode()

    @given(st.text(st.characters()))
    def test_normalising_a_name_twice_is_once_unless_it_was_escaped(self, text: str) -> None:
        name = normalised(text)
        name.encode()
        assert "\\" in name or normalised(name) == name


def _first(value: object) -> str:
    return " ".join(str(value or "").split())
