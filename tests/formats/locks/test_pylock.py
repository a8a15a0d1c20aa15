"""What a pylock.toml tells beyond names and versions."""

from __future__ import annotations

import pytest

from envguard.domain.environment import Origin
from envguard.domain.locks.lock import Artifact, LockedPackage
from envguard.errors import PolicyError
from envguard.formats import parse_lock

HEAD = 'lock-version = "1.0"\ncreated-by = "t"\n'
SDIST = "version = '1'\nsdist = { path = 'gym-1.zip', hashes = { sha256 = 'aa' } }\n"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def the_one(entry: str) -> LockedPackage:
    (package,) = parse_lock(f'{HEAD}[[packages]]\nname = "gym"\n{entry}', filename="pylock.toml").packages
    return package


def test_an_entry_keeps_its_marker_and_python() -> None:
    package = the_one(SDIST + "marker = \"python_version < '3.13'\"\nrequires-python = '>=3.6'\n")
    assert (package.marker, package.requires_python) == ('python_version < "3.13"', ">=3.6")


def test_files_are_told_by_name_path_or_address() -> None:
    package = the_one(
        """version = "1"
sdist = { url = "https://index.example/gym-1.tar.gz?x=1", hashes = { sha256 = "AA" } }
wheels = [
  { name = "gym-1-py3-none-any.whl", path = "x", hashes = { sha256 = "bb", md5 = "cc" } },
  { path = "files/gym-1-cp311-cp311-win32.whl", hashes = { sha256 = "dd" } },
]
"""
    )
    assert package.artifacts == (
        Artifact("gym-1-py3-none-any.whl", ("sha256:bb", "md5:cc")),
        Artifact("gym-1-cp311-cp311-win32.whl", ("sha256:dd",)),
        Artifact("gym-1.tar.gz", ("sha256:aa",)),
    )


@pytest.mark.parametrize(
    ("entry", "origin"),
    [
        pytest.param(SDIST, None, id="an index"),
        pytest.param(
            f"vcs = {{ type = 'git', url = 'https://u:p@git.example/gym?t=1', commit-id = '{COMMIT}' }}\n",
            Origin(kind="vcs", url="https://git.example/gym", commit=COMMIT),
            id="a repository, without its credentials",
        ),
        pytest.param("directory = { path = '.' }\n", Origin(kind="directory"), id="a folder"),
        pytest.param(
            "directory = { path = '.', editable = true }\n", Origin(kind="editable"), id="an editable folder"
        ),
        pytest.param(
            "archive = { url = 'https://h.example/gym.zip', hashes = { sha256 = 'aa' } }\n",
            Origin(kind="archive", url="https://h.example/gym.zip"),
            id="an archive",
        ),
    ],
)
def test_where_an_entry_must_come_from(entry: str, origin: Origin | None) -> None:
    assert the_one(entry).origin == origin


def test_extras_and_groups_are_those_that_can_be_chosen() -> None:
    head = (
        HEAD
        + "extras = ['box']\ndependency-groups = ['dev', 'docs']\ndefault-groups = ['dev']\npackages = []\n"
    )
    lock = parse_lock(head, filename="pylock.toml")
    assert (lock.extras, lock.groups, lock.default_groups) == (("box",), ("dev", "docs"), ("dev",))


def problems_of(text: str) -> list[str | None]:
    with pytest.raises(PolicyError) as caught:
        parse_lock(text, filename="pylock.toml")
    return [each.where for each in caught.value.problems or (caught.value,)]


def test_what_is_wrong_with_each_entry_is_told_at_once_with_its_line() -> None:
    good = f'[[packages]]\nname = "gym"\n{SDIST}'
    text = (
        'lock-version = "1.0"\n'  # no `created-by`
        '[[packages]]\nname = "numpy"\nversion = "x.y"\n'
        f"{good}"
        '[[packages]]\nname = "A b"\n'
        '[[packages]]\nname = "jax"\nmarker = "os_name"\n'
    )
    assert problems_of(text) == [
        "pylock.toml: created-by",
        "pylock.toml:4:1: packages[0].version",
        "pylock.toml:10:1: packages[2].name",
        "pylock.toml:13:1: packages[3].marker",
    ]
    assert problems_of(HEAD + "packages = [3, {name = 3}]\n") == [
        "pylock.toml:3:1: packages[0]",
        "pylock.toml:3:1: packages[1].name",
    ]
    assert problems_of(HEAD + "packages = 3\n") == ["pylock.toml:3:1: packages"]


def test_the_hundredth_problem_of_a_lock_ends_it() -> None:
    assert len(problems_of(HEAD + '[[packages]]\nname = "A b"\n' * 200)) == 100
