"""The marker is added to a ``pyproject.toml`` and nothing else of it changes."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envguard.errors import PolicyError
from envguard.formats.marker import with_marker

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '[tool.envguard]\npolicy = "rl.yaml"\n'),
        ("# a\n[project]\n", '# a\n[project]\n\n[tool.envguard]\npolicy = "rl.yaml"\n'),
        ("[project]", '[project]\n\n[tool.envguard]\npolicy = "rl.yaml"\n'),
        ("[a]\r\nb = 1\r\n", '[a]\r\nb = 1\r\n\r\n[tool.envguard]\r\npolicy = "rl.yaml"\r\n'),
        ("[tool.envguard]  # ours\n[a]\n", '[tool.envguard]  # ours\npolicy = "rl.yaml"\n[a]\n'),
        ("[ tool . envguard ]", '[ tool . envguard ]\npolicy = "rl.yaml"\n'),
        ("[tool.envguard]\r\n[a]\r\n", '[tool.envguard]\r\npolicy = "rl.yaml"\r\n[a]\r\n'),
        ("\ufeff[a]\n", '\ufeff[a]\n\n[tool.envguard]\npolicy = "rl.yaml"\n'),
    ],
    ids=["empty", "end", "no line end", "crlf", "table", "table at the end", "table in crlf", "mark"],
)
def test_where_it_is_added(before: str, after: str) -> None:
    assert with_marker(before, "rl.yaml", where="pyproject.toml") == after


@pytest.mark.parametrize(
    "text",
    [
        "tool = {ruff = {x = 1}}\n",
        "[tool]\nenvguard = 1\n",
        "tool = 1\n",
        "nonsense",
        'a = """\n[tool.envguard]\n"""\n',
        "[" * 5000,
    ],
)
def test_where_it_cannot_be_added_the_lines_are_told(text: str) -> None:
    with pytest.raises(PolicyError) as caught:
        with_marker(text, "rl.yaml", where="pyproject.toml")
    assert caught.value.hint == '[tool.envguard]\npolicy = "rl.yaml"'


@given(st.text(max_size=40))
def test_any_path_is_written_as_what_it_is(policy: str) -> None:
    changed = with_marker("[project]\nname = 'x'\n", policy.replace("\x7f", ""), where="pyproject.toml")
    assert tomllib.loads(changed)["tool"]["envguard"] == {"policy": policy.replace("\x7f", "")}


PIECES = (
    "[tool.envguard]",
    "[tool]",
    "[a]",
    "b = 1",
    "tool.x = 1",
    "# c",
    "\n",
    "\r\n",
    " ",
    '"""',
    "'",
    "{",
    "}",
)


@given(st.lists(st.sampled_from(PIECES), max_size=10))
def test_whatever_a_file_says_it_says_afterwards_or_is_not_changed(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        changed = with_marker(text, "rl.yaml", where="pyproject.toml")
    except PolicyError:
        return
    document = tomllib.loads(changed)
    assert document["tool"]["envguard"].pop("policy") == "rl.yaml"
    before = tomllib.loads(text)
    tool = before.setdefault("tool", {})
    tool.setdefault("envguard", {})
    assert document == before
