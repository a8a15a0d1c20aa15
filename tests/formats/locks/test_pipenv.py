"""``Pipfile.lock`` as Pipenv writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from envguard.domain.environment import Origin
from envguard.domain.locks.lock import Artifact, Lock, LockChoice, LockedPackage
from envguard.domain.locks.selection import Selected, select
from envguard.errors import PolicyError
from envguard.formats.companions import KeptFiles
from envguard.formats.locks import parse_lock, read_lock

TEXTS = Path(__file__).parent / "texts"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
LINUX_311 = {"python_version": "3.11", "python_full_version": "3.11.7", "sys_platform": "linux"}


def written(default: object = None, **more: object) -> str:
    return json.dumps({"_meta": {"requires": {}}, "default": default or {}, "develop": {}, **more})


def entry(**fields: Any) -> LockedPackage:
    [package] = parse_lock(written({"a": fields}), filename="Pipfile.lock").packages
    return package


def errors_of(text: str, files: dict[str, str] | None = None) -> list[PolicyError]:
    with pytest.raises(PolicyError) as caught:
        parse_lock(text, filename="Pipfile.lock", companions=KeptFiles(files or {}))
    return list(caught.value.problems) or [caught.value]


def chosen(lock: Lock, *groups: str, **values: str) -> dict[str, str | None]:
    found = select(lock, LINUX_311 | values, LockChoice(groups=groups))
    assert isinstance(found, Selected)
    return {name: package.version for name, package in found.packages.items()}


class TestRealLock:
    """What Pipenv wrote for a project with two further categories."""

    def test_default_is_there_always_and_the_others_by_choice(self) -> None:
        lock = read_lock(TEXTS / "Pipfile.lock")
        assert lock.requires_python == "==3.11.*"
        assert (lock.groups, lock.default_groups) == (("develop", "docs"), ())
        default = {"certifi", "charset-normalizer", "here", "idna", "pysocks", "requests", "urllib3"}
        assert set(chosen(lock)) == default
        assert set(chosen(lock, "docs")) == default | {"markdown"}
        assert chosen(lock, "develop")["pytest"] == "8.3.3"
        assert chosen(lock, sys_platform="win32")["colorama"] is None

    def test_hashes_and_editables_are_kept(self) -> None:
        packages = {package.name: package for package in read_lock(TEXTS / "Pipfile.lock").packages}
        assert packages["here"] == LockedPackage("here", origin=Origin("editable"), location="./here")
        assert len(packages["requests"].artifacts) == 2


class TestEntries:
    """Single entries."""

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({"version": "==1.2", "index": "x", "extras": ["y"]}, LockedPackage("a", "1.2")),
            ({"version": "===2022x"}, LockedPackage("a", "2022x")),
            ({"version": "*"}, LockedPackage("a")),
            ({"version": ">=1,<2"}, LockedPackage("a", specifier=">=1,<2")),
            ({"version": "==1.*"}, LockedPackage("a", specifier="==1.*")),
            (
                {"version": "==1", "hashes": ["sha256:AB"], "markers": "os_name == 'nt'"},
                LockedPackage("a", "1", 'os_name == "nt"', artifacts=(Artifact("", ("sha256:ab",)),)),
            ),
            (
                {"version": "==1", "markers": "os_name == 'nt'", "os_markers": "python_version < '3'"},
                LockedPackage("a", "1", 'os_name == "nt" and python_version < "3"'),
            ),
            (
                {"git": "https://u:p@h.example/a.git", "ref": COMMIT, "subdirectory": "x"},
                LockedPackage("a", origin=Origin("vcs", "https://h.example/a.git", COMMIT)),
            ),
            (
                {"git": f"git+ssh://git@h.example/a.git@{COMMIT}"},
                LockedPackage("a", origin=Origin("vcs", "ssh://h.example/a.git", COMMIT)),
            ),
            ({"git": "../a", "ref": COMMIT}, LockedPackage("a", origin=Origin("vcs", commit=COMMIT))),
            ({"git": "https://h.example/a", "editable": True}, LockedPackage("a", origin=Origin("editable"))),
            ({"path": "./x"}, LockedPackage("a", origin=Origin("directory"), location="./x")),
            (
                {"path": ".", "editable": True},
                LockedPackage("a", origin=Origin("editable"), location="."),
            ),
            (
                {"file": "https://h.example/a-1.0.tar.gz", "hashes": ["sha256:ab"]},
                LockedPackage(
                    "a",
                    "1.0",
                    origin=Origin("archive", "https://h.example/a-1.0.tar.gz"),
                    artifacts=(Artifact("a-1.0.tar.gz"), Artifact("", ("sha256:ab",))),
                ),
            ),
        ],
    )
    def test_an_entry_is_read_as_pipenv_installs_it(
        self, fields: dict[str, Any], expected: LockedPackage
    ) -> None:
        assert entry(**fields) == expected

    def test_a_bare_text_is_a_version(self) -> None:
        lock = parse_lock(written({"a": "==1", "b": "2", "c": "*"}), filename="Pipfile.lock")
        assert [package.version for package in lock.packages] == ["1", "2", None]

    def test_what_two_categories_want_alike_is_one_entry(self) -> None:
        nt = {"version": "==1", "markers": "os_name == 'nt'"}
        lock = parse_lock(
            written({"a": {"version": "==1"}, "b": nt}, develop={"a": nt, "b": {"version": "==1"}}),
            filename="Pipfile.lock",
        )
        assert [package.name for package in lock.packages] == ["a", "b"]
        assert chosen(lock, os_name="posix") == {"a": "1"}
        assert chosen(lock, "develop", os_name="posix") == {"a": "1", "b": "1"}

    def test_a_package_whose_name_is_a_hash_is_called_as_its_folder_says(self) -> None:
        text = written({"e1839a8": {"path": "sub", "editable": True}})
        one, two = (
            parse_lock(
                text,
                filename="Pipfile.lock",
                companions=KeptFiles({"sub/pyproject.toml": f"[project]\nname='{name}'"}),
            )
            for name in ("One", "two")
        )
        assert [package.name for package in one.packages] == ["one"]
        assert one.digest != two.digest
        assert "name is not said" in errors_of(text)[0].what

    def test_the_whole_version_of_python_counts(self) -> None:
        text = written(_meta={"requires": {"python_version": "3.11", "python_full_version": "3.11.4"}})
        assert parse_lock(text, filename="Pipfile.lock").requires_python == "==3.11.4"


class TestBad:
    """What is no Pipfile.lock."""

    @pytest.mark.parametrize(
        ("text", "where", "what"),
        [
            ("", "Pipfile.lock:1:1", "not JSON"),
            ("{\n 1}", "Pipfile.lock:2:2", "not JSON"),
            ("[]", "Pipfile.lock", "keys and values are expected"),
            ("{}", "Pipfile.lock", "it has no `default`"),
            ("[" * 200_000, "Pipfile.lock", "nested too deeply"),
            ('{"default": ' + "1" * 5_000 + "}", "Pipfile.lock", "not JSON"),
            (
                '{"default": {"a": "==1", "a": "==2"}}',
                "Pipfile.lock:1:26: default.a",
                "the key is there twice: `a`",
            ),
            ("\ufeff{}", "Pipfile.lock", "it has no `default`"),
            ('{"default": []}', "Pipfile.lock:1:2: default", "keys and values are expected"),
            ('{"de\\nfault": {}}', "Pipfile.lock:1:2: de\\nfault", "not a category's name"),
            (written(_meta=[]), "Pipfile.lock:1:2: _meta", "keys and values are expected"),
            (
                written(_meta={"requires": 3}),
                "Pipfile.lock:1:12: _meta.requires",
                "keys and values are expected",
            ),
            (
                written(_meta={"requires": {"python_version": 3}}),
                "Pipfile.lock:1:25: _meta.requires.python_version",
                "not a version: `3`",
            ),
            (written({"a": 1}), "Pipfile.lock:1:41: default.a", "keys and values are expected"),
            (written({"!": "==1"}), "Pipfile.lock:1:41: default.!", "not a package's name: `!`"),
            (written({"a": {}}), "Pipfile.lock:1:41: default.a.version", "no version"),
            (written({"a": "1" * 300}), "Pipfile.lock:1:41: default.a.version", "no version"),
            (written({"a": "\x1b[2J"}), "Pipfile.lock:1:41: default.a.version", "a text is expected"),
            (
                written({"a": {"version": "~~1"}}),
                "Pipfile.lock:1:47: default.a.version",
                "not a version: `~~1`",
            ),
            (
                written({"a": {"version": "==1", "markers": "x ="}}),
                "Pipfile.lock:1:65: default.a.markers",
                "not a marker: `x =`",
            ),
            (
                written({"a": {"version": "==1", "markers": "(" * 9_000}}),
                "Pipfile.lock:1:65: default.a.markers",
                "not a marker",
            ),
            (
                written({"a": {"version": "==1", "hashes": "x"}}),
                "Pipfile.lock:1:65: default.a.hashes",
                "a list is expected",
            ),
            (
                written({"a": {"version": "==1", "hashes": ["sha256:ab", 1]}}),
                "Pipfile.lock:1:65: default.a.hashes[1]",
                "not a hash: `1`",
            ),
            (
                written({"a": {"git": "https://h.example/a", "ref": "main"}}),
                "Pipfile.lock:1:77: default.a.ref",
                "not a pin: no full commit: `main`",
            ),
        ],
    )
    def test_it_is_refused_with_the_place(self, text: str, where: str, what: str) -> None:
        error = errors_of(text)[0]
        assert error.where == where
        assert what in error.what

    def test_all_wrong_entries_are_told_at_once(self) -> None:
        errors = errors_of(written({"a": 1, "b": "==1"}, develop={"c": {}}))
        assert [each.where for each in errors] == [
            "Pipfile.lock:1:41: default.a",
            "Pipfile.lock:1:74: develop.c.version",
        ]

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            (written({f"a{n}": "==1" for n in range(20_000)}), "too many"),
            (json.dumps({f"a{n}": {} for n in range(12_000)}), "too many"),
            ("[" + "{}," * 30_000, "too many"),
            (" " * (9 << 20), "too large"),
        ],
        ids=["entries", "categories", "tables", "large"],
    )
    def test_what_nobody_needs_is_refused(self, text: str, what: str) -> None:
        assert what in errors_of(text)[0].what

    def test_the_hundredth_problem_ends_it(self) -> None:
        assert len(errors_of(written({f"a{n}": 1 for n in range(5_000)}))) == 100
