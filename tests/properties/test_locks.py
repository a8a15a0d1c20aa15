"""What holds for every text that is given as a lock, and for every lock that tools can write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pip._internal.req.req_file import preprocess

from envguard.domain.environment import is_digest
from envguard.domain.locks.selection import MARKER_VARIABLES, select
from envguard.errors import PolicyError
from envguard.formats.companions import KeptFiles
from envguard.formats.locks import parse_lock
from envguard.formats.locks.lines import logical_lines

TEXTS = Path(__file__).parents[1] / "formats" / "locks" / "texts"
SPEC = "@EXPLICIT\nhttps://h.example/linux-64/a-1-b_0.conda#aa\n# pip b @ https://h.example/b-1.zip\n"
ENVIRONMENT = "name: x\ndependencies:\n- a=1=b_0\n- c=3.0.2h\n- pip:\n  - d==1\n  - -r uv-compile.txt\n"
REAL = {path.name: path.read_text(encoding="utf-8") for path in TEXTS.iterdir()}
REAL |= {"conda-linux-64.lock": SPEC, "environment.yml": ENVIRONMENT}
FILES = KeptFiles(REAL | {"pyproject.toml": "[project]\nname = 'x'\n"})

_WORDS = [*"[]{}:,-=@;#'\"\\ \n\t&*!|>", "\n- ", "\n  ", "-r ", "-c ", "-e ", "==", " @ ", "git+https://"]
_WORDS += ["${A}", "pip-compile.txt", "uv-export.txt", "null", "1" * 5000, "()" * 40, "\x1b", "\ufeff", "é"]
words = st.sampled_from(_WORDS)
pieces = st.lists(words | st.text(max_size=3), max_size=4).map("".join)


@st.composite
def mutated(draw: st.DrawFn, filename: str) -> str:
    """A real file in which some stretches were taken out, doubled or replaced."""
    text = REAL[filename]
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 60)))
        middle = draw(pieces | st.just(text[start:end] * 2))
        text = text[:start] + middle + text[end:]
    return text


class TestMutatedFiles:
    """A damaged lock is a lock, or a PolicyError that names the place; nothing else is raised."""

    @pytest.mark.parametrize("filename", sorted(REAL))
    @given(data=st.data())
    def test_it_is_read_or_refused(self, filename: str, data: st.DataObject) -> None:
        text = data.draw(mutated(filename))
        try:
            lock = parse_lock(text, filename=filename, companions=FILES)
        except PolicyError as error:
            for each in error.problems or (error,):
                assert (each.where or "").startswith((filename, *REAL))
                assert each.what.isprintable()
            return
        assert is_digest(lock.digest)
        assert lock.packages
        json.dumps([each.name for each in lock.packages]).encode()
        select(lock, dict.fromkeys(MARKER_VARIABLES, "3.11"))


class TestLogicalLines:
    """Lines are joined and cut as pip does it."""

    @given(
        st.lists(st.sampled_from(["a", "\\", "#", " ", "\t", "\n", "\r\n", "-r", "\x0c", "\\\n"])).map(
            "".join
        )
    )
    def test_as_pip(self, text: str) -> None:
        assert [(line.number, line.content) for line in logical_lines(text)] == list(preprocess(text))


names = st.from_regex(r"[a-z][a-z0-9]{0,6}", fullmatch=True)
versions = st.lists(st.integers(0, 99), min_size=1, max_size=3).map(lambda parts: ".".join(map(str, parts)))
pins = st.dictionaries(names, versions, min_size=1, max_size=6)


class TestPinsAreReadAsWritten:
    """Every format says the same pins."""

    @given(pins)
    def test_pipenv(self, wanted: dict[str, str]) -> None:
        text = json.dumps({"default": {name: {"version": f"=={each}"} for name, each in wanted.items()}})
        assert _pins(text, "Pipfile.lock") == wanted

    @given(pins)
    def test_conda_environment(self, wanted: dict[str, str]) -> None:
        lines = "".join(f"- {name}={version}=b_0\n" for name, version in wanted.items())
        assert _pins(f"dependencies:\n{lines}", "environment.yml") == wanted

    @given(pins)
    def test_conda_explicit(self, wanted: dict[str, str]) -> None:
        lines = "".join(
            f"https://h.example/noarch/{name}-{each}-b_0.conda\n" for name, each in wanted.items()
        )
        assert _pins(f"@EXPLICIT\n{lines}", "spec.txt") == wanted

    @given(pins, pins)
    def test_constraints_never_ask_for_anything(self, wanted: dict[str, str], more: dict[str, str]) -> None:
        constraints = "".join(f"{name}=={version}\n" for name, version in {**more, **wanted}.items())
        text = "-c c.txt\n" + "\n".join(wanted)
        lock = parse_lock(text, filename="r.txt", companions=KeptFiles({"c.txt": constraints}))
        assert {each.name: each.version for each in lock.packages if not each.only_constrains} == wanted
        assert {each.name for each in lock.packages if each.only_constrains} == more.keys() - wanted.keys()


def _pins(text: str, filename: str) -> dict[str, str | None]:
    return {each.name: each.version for each in parse_lock(text, filename=filename).packages}
