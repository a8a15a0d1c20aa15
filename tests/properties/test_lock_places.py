"""Places in locks: of one broken entry among good ones, the told line and column hold its name or its key."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envguard.errors import PolicyError
from envguard.formats import parse_lock

NAMES = st.lists(st.from_regex(r"[a-z][a-z0-9]{0,6}", fullmatch=True), min_size=1, max_size=8, unique=True)
BROKEN = "~broken~"


class Format(NamedTuple):
    """A format: what its lock is of names and versions, and what stands where an entry's version is wrong."""

    filename: str
    written: Callable[[dict[str, str]], str]
    at: Callable[[str], str]


def _uv(versions: dict[str, str]) -> str:
    own = '[[package]]\nname = "zz-me"\nsource = { virtual = "." }\n'
    tables = (
        f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{ registry = "x" }}\n'
        for name, version in versions.items()
    )
    return "\n".join(['version = 1\nrequires-python = ">=3.10"\n', *tables, own])


def _poetry(versions: dict[str, str]) -> str:
    tables = (
        f'[[package]]\nname = "{name}"\ndescription = """\nversion = 1"""\n  version = "{version}"\n'
        'optional = false\ngroups = ["main"]\nfiles = []\n[package.dependencies]\nversion = "*"\n'
        for name, version in versions.items()
    )
    return "\n".join([*tables, '[metadata]\nlock-version = "2.1"\npython-versions = ">=3.10"\n'])


def _pylock(versions: dict[str, str]) -> str:
    tables = (
        f"[[packages]]\nname = '{name}'\nversion = '{version}'\n"
        f"[[packages.wheels]]\npath = '{name}-1-py3-none-any.whl'\nhashes = {{ sha256 = 'aa' }}\n"
        for name, version in versions.items()
    )
    return "\n".join(['lock-version = "1.0"\ncreated-by = "t"', *tables])


def _pipenv(versions: dict[str, str]) -> str:
    entries = {name: {"hashes": ["sha256:ab"], "version": f"=={text}"} for name, text in versions.items()}
    wrong = {name: each | {"version": BROKEN} for name, each in entries.items() if BROKEN in each["version"]}
    return json.dumps({"_meta": {"hash": {"sha256": "version"}}, "default": entries | wrong}, indent=4)


def _requirements(versions: dict[str, str]) -> str:
    return "".join(f"# why\n  {name}=={text} \\\n    --hash=sha256:ab\n" for name, text in versions.items())


def _environment(versions: dict[str, str]) -> str:
    return "dependencies:\n" + "".join(f"  - {name}=1={text}\n" for name, text in versions.items())


def _conda_lock(versions: dict[str, str]) -> str:
    entries = (
        f"- name: {name}\n  version: '1'\n  manager: conda\n  platform: linux-64\n"
        f"  url: https://h.example/linux-64/{'x' if BROKEN in text else f'{name}-1-b.conda'}\n"
        "  hash: {md5: ab}\n"
        for name, text in versions.items()
    )
    return "".join(["version: 1\nmetadata:\n  platforms: [linux-64]\npackage:\n", *entries])


def _explicit(versions: dict[str, str]) -> str:
    files = (f"  https://h.example/linux-64/{name}-{text}-b.conda\n" for name, text in versions.items())
    return "".join(["@EXPLICIT\n", *(each.replace(f"{BROKEN}-b.conda", "b.zip") for each in files)])


FORMATS = [
    Format("uv.lock", _uv, lambda _: f'version = "{BROKEN}"'),
    Format("poetry.lock", _poetry, lambda _: f'version = "{BROKEN}"'),
    Format("pylock.toml", _pylock, lambda _: f"version = '{BROKEN}'"),
    Format("Pipfile.lock", _pipenv, lambda _: f'"version": "{BROKEN}"'),
    Format("requirements.txt", _requirements, lambda name: f"{name}=={BROKEN}"),
    Format("environment.yml", _environment, lambda name: f"{name}=1={BROKEN}"),
    Format("conda-lock.yml", _conda_lock, lambda _: "https://h.example/linux-64/x"),
    Format("spec.txt", _explicit, lambda name: f"https://h.example/linux-64/{name}-b.zip"),
]


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.filename)
@given(st.data())
def test_the_place_of_a_broken_entry_is_its_own(form: Format, data: st.DataObject) -> None:
    names = data.draw(NAMES)
    broken = data.draw(st.sampled_from(names))
    text = form.written({name: BROKEN if name == broken else "1" for name in names})
    with pytest.raises(PolicyError) as caught:
        parse_lock(text, filename=form.filename)
    assert caught.value.problems == ()
    filename, line, column = (caught.value.where or "").partition(": ")[0].split(":")
    assert filename == form.filename
    assert text.splitlines()[int(line) - 1][int(column) - 1 :].startswith(form.at(broken))


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.filename)
@given(NAMES)
def test_without_a_broken_entry_there_is_no_problem(form: Format, names: list[str]) -> None:
    assert parse_lock(form.written(dict.fromkeys(names, "1")), filename=form.filename).packages
