"""Locks of both formats, and what is no lock."""

from __future__ import annotations

from pathlib import Path

import pytest

from envguard.domain.locks.lock import Artifact, LockedPackage
from envguard.errors import PolicyError
from envguard.formats import parse_lock, policy_for_lock, project_lock

PYLOCK = """\
lock-version = "1.0"
created-by = "t"
requires-python = ">=3.10"
environments = ["sys_platform == 'linux'"]
default-groups = ["dev"]
[[packages]]
name = "gym"
version = "0.26.2"
marker = "python_version < '3.13'"
requires-python = ">=3.6"
sdist = { path = "gym-0.26.2.tar.gz", hashes = { sha256 = "aa" } }
[[packages]]
name = "here"
directory = { path = "." }
"""
UV = """\
version = 1
requires-python = ">=3.10"
[[package]]
name = "me"
source = { virtual = "." }
"""
POETRY = """\
[[package]]
name = "gym"
version = "0.26.2"
[metadata]
lock-version = "2.1"
"""
REQUIREMENTS = """\
--index-url https://index.test/simple
--no-binary=gym
# a comment \\
Gym[box]==0.26.2 ; python_version < "3.13" \\
    --hash=sha256:aa \\
    --hash=sha256:bb  # via us

numpy===1.26.4
"""


def hashes(*digits: str) -> tuple[Artifact, ...]:
    return tuple(Artifact("", (f"sha256:{each}",)) for each in digits)


def errors_of(text: str, filename: str) -> list[PolicyError]:
    with pytest.raises(PolicyError) as caught:
        parse_lock(text, filename=filename)
    return list(caught.value.problems) or [caught.value]


@pytest.mark.parametrize("filename", ["pylock.toml", "pylock.dev.toml", "rl.pylock.toml", "up/pylock.toml"])
def test_a_pylock_is_told_by_its_name(filename: str) -> None:
    lock = parse_lock(PYLOCK, filename=filename)
    assert [(each.name, each.version) for each in lock.packages] == [("gym", "0.26.2"), ("here", None)]
    assert lock.requires_python == ">=3.10"
    assert lock.environments == ('sys_platform == "linux"',)
    assert lock.default_groups == ("dev",)


def test_pinned_requirements_are_a_lock_with_their_markers() -> None:
    assert parse_lock(REQUIREMENTS, filename="requirements.txt").packages == (
        LockedPackage("gym", "0.26.2", 'python_version < "3.13"', artifacts=hashes("aa", "bb")),
        LockedPackage("numpy", "1.26.4"),
    )


def test_the_digest_is_of_the_text_as_written() -> None:
    one, two = (parse_lock(text, filename="a.txt") for text in ("a==1\n", "a==1 # why\n"))
    assert one.packages == two.packages
    assert one.digest != two.digest


@pytest.mark.parametrize(
    ("line", "what", "hint"),
    [
        ("gym", "not a pin: `gym`", "gym==VERSION"),
        ("gym>=1", "not a pin", "gym==VERSION"),
        ("gym==1,!=2", "not a pin", "gym==VERSION"),
        ("gym==1.*", "not a pin", "gym==VERSION"),
        ("gym==" + "9" * 300, "not a version", "gym==0.26.2"),
        ("=gym", "not a requirement: `=gym`", "gym==0.26.2"),
        (
            "https://me:secret@index.test/a.whl",
            "not said: `https://index.test/a.whl`",
            "NAME @ https://index",
        ),
        ("-e .", "the package's name is not said: `.`", "pyproject.toml"),
        ("-", "not supported in a lock: `-`", "take it out"),
        ("--target=here", "not supported in a lock: `--target`", "take it out"),
        ("-r base.txt", "the requirements file is not there: base.txt", "send it with the policy"),
        ("--constraint=c.txt", "the requirements file is not there: c.txt", "send it with the policy"),
        ("A==2", "`a` is pinned otherwise already, at r.txt:1", "keep one"),
    ],
)
def test_a_line_that_pins_nothing_is_named(line: str, what: str, hint: str) -> None:
    (error,) = errors_of(f"a==1\n\n{line}\n", "r.txt")
    assert error.where == "r.txt:3:1"
    assert what in error.what
    assert hint in (error.hint or "")
    assert "secret" not in f"{error.what} {error.hint}"


def test_a_continued_line_is_named_by_its_first() -> None:
    assert errors_of("a==1\nb \\\n  --hash=sha256:aa", "r.txt")[0].where == "r.txt:2:1"


def test_a_last_line_that_continues_into_nothing_counts() -> None:
    assert parse_lock("a==1 \\", filename="r.txt").packages == (LockedPackage("a", "1"),)


def test_all_wrong_lines_are_raised_at_once() -> None:
    assert [each.where for each in errors_of("a\nb==1\nc\n", "r.txt")] == ["r.txt:1:1", "r.txt:3:1"]


@pytest.mark.parametrize(
    ("text", "filename", "where", "what"),
    [
        ("", "r.txt", "r.txt", "the lock pins nothing"),
        ("a==1\ud800", "r.txt", "r.txt", "not UTF-8"),
        ("", "yarn.lock", "yarn.lock", "not a lock that this version reads"),
        ("a = \n", "pylock.toml", "pylock.toml:1:5", "not TOML"),
        ("a = " + "1" * 5000, "pylock.toml", "pylock.toml", "not TOML"),
        ("a = " + "[" * 9999, "pylock.toml", "pylock.toml", "nested too deeply"),
        ("", "pylock.toml", "pylock.toml: lock-version", "not a lock: Missing required value"),
        (PYLOCK.replace('"0.26.2"', '"new"'), "pylock.toml", "pylock.toml:8:1: packages[0].version", "`new`"),
        (PYLOCK.replace("1.0", "9.0"), "pylock.toml", "pylock.toml", "not a lock"),
    ],
    ids=["empty", "surrogate", "name", "toml", "number", "deep", "key", "version", "lock-version"],
)
def test_what_is_no_lock_is_refused_with_its_place(text: str, filename: str, where: str, what: str) -> None:
    (error,) = errors_of(text, filename)
    assert error.where == where
    assert what.replace("`", "'") in error.what.replace("`", "'")
    assert error.hint


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"pylock.toml": PYLOCK, "pylock.dev.toml": "x", "requirements.txt": "x"}, "pylock.toml"),
        ({"pylock.dev.toml": PYLOCK, "uv.lock": "x", "requirements.txt": "a==1"}, "pylock.dev.toml"),
        ({"uv.lock": UV, "poetry.lock": POETRY, "requirements.txt": "a==1"}, "uv.lock"),
        ({"poetry.lock": POETRY, "requirements.txt": "a==1"}, "poetry.lock"),
        ({"requirements.txt": "a==1"}, "requirements.txt"),
        ({"requirements.txt": "a==1\nb"}, None),
        ({"requirements.txt": "# nothing\n"}, None),
        ({}, None),
    ],
    ids=["plain", "named", "uv", "poetry", "requirements", "not pinned", "empty", "none"],
)
def test_a_projects_own_lock(files: dict[str, str], expected: str | None, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = project_lock(tmp_path)
    assert (found[0].name if found else None) == expected


def test_several_named_locks_are_not_guessed_between(tmp_path: Path) -> None:
    for name in ("pylock.a.toml", "pylock.b.toml"):
        (tmp_path / name).write_text(PYLOCK)
    with pytest.raises(PolicyError, match=r"several locks: pylock\.a\.toml, pylock\.b\.toml"):
        project_lock(tmp_path)


@pytest.mark.parametrize("name", ["pylock.toml", "uv.lock", "poetry.lock"])
def test_a_broken_lock_of_a_project_is_an_error(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("a =")
    with pytest.raises(PolicyError, match="not TOML"):
        project_lock(tmp_path)


def test_a_lock_alone_becomes_a_policy_that_warns_of_the_rest() -> None:
    locked = policy_for_lock(Path("pylock.toml"), parse_lock(PYLOCK, filename="pylock.toml"))
    assert locked.policy.name == "pylock.toml"
    assert locked.policy.rules.unlisted == "warn"
    assert locked.policy.places == {"lock": "pylock.toml", "unlisted": "pylock.toml"}


@pytest.mark.parametrize(
    ("text", "filename", "where"),
    [
        ("a==1\n \t b\n", "r.txt", "r.txt:2:4"),
        ("a==1\n  \\\n     b\n", "r.txt", "r.txt:2:3"),
        ("a==1\n# why\n\n  b  # c\n", "r.txt", "r.txt:4:3"),
        ("\ufeff b", "r.txt", "r.txt:1:2"),
        ("@EXPLICIT\n  a\n", "r.txt", "r.txt:2:3"),
        (
            "dependencies:\n  - pip:\n    -   b\n",
            "environment.yml",
            "environment.yml:3:9: dependencies[0].pip[0]",
        ),
    ],
)
def test_the_column_is_that_of_what_is_wrong(text: str, filename: str, where: str) -> None:
    assert [each.where for each in errors_of(text, filename)] == [where]
