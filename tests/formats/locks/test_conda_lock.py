"""conda-lock's unified format, and conda's explicit lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from envguard.domain.environment import Origin
from envguard.domain.locks.lock import Artifact, Lock, LockChoice, LockedPackage
from envguard.domain.locks.selection import Selected, WrongPython, select
from envguard.errors import PolicyError
from envguard.formats.locks import is_lock_name, parse_lock, read_lock
from envguard.formats.locks.yaml_tree import Problems, read_tree

TEXTS = Path(__file__).parent / "texts"
LINUX = 'sys_platform == "linux" and platform_machine == "x86_64"'
MAC = 'sys_platform == "darwin" and platform_machine == "arm64"'
ON_LINUX = {"python_full_version": "3.11.7", "sys_platform": "linux", "platform_machine": "x86_64"}
ON_MAC = ON_LINUX | {"sys_platform": "darwin", "platform_machine": "arm64"}

HEAD = "version: 1\nmetadata:\n  platforms: [linux-64]\npackage:\n"
ENTRY = """\
- name: a
  version: '1.0'
  manager: conda
  platform: linux-64
  url: https://h.example/linux-64/a-1.0-py_0.conda
  hash: {md5: ab}
"""
EXPLICIT = """\
# This file may be used to create an environment using:
# $ conda create --name <env> --file <this file>
# platform: linux-64
@EXPLICIT
https://h.example/conda-forge/linux-64/_libgcc_mutex-0.1-conda_forge.tar.bz2#d7c89558ba9fa0495403155b64376d81
https://h.example/conda-forge/noarch/python-dateutil-2.9.0-pyhd8ed1ab_0.conda
https://h.example/conda-forge/linux-64/libx-1%211.0-h0_0.conda#sha256:ab
# pip gym @ https://h.example/gym-0.26.2-py3-none-any.whl --hash=sha256:ab
"""


def chosen(lock: Lock, markers: dict[str, str], *groups: str) -> set[str]:
    found = select(lock, markers, LockChoice(groups=groups))
    assert isinstance(found, Selected)
    return set(found.packages)


def errors_of(text: str, filename: str = "conda-lock.yml") -> list[PolicyError]:
    with pytest.raises(PolicyError) as caught:
        parse_lock(text, filename=filename)
    return list(caught.value.problems) or [caught.value]


@pytest.mark.parametrize(
    ("filename", "is_lock"),
    [
        ("conda-lock.yml", True),
        ("rl.conda-lock.yaml", True),
        ("py311_conda-lock.yml", True),
        ("conda-linux-64.lock", True),
        ("environment.yml", True),
        ("environment-dev.yaml", True),
        ("rl.environment.yml", True),
        ("rl-team.yaml", False),
        ("environments.yml", False),
        ("conda.lock", False),
    ],
)
def test_condas_files_are_told_by_their_names(filename: str, is_lock: bool) -> None:
    assert is_lock_name(filename) is is_lock


class TestUnified:
    """``conda-lock.yml``."""

    def test_each_platform_has_its_own_entries(self) -> None:
        lock = read_lock(TEXTS / "conda-lock.yml")
        assert lock.environments == (LINUX, MAC)
        assert lock.groups == ("dev",)
        always = {"_libgcc_mutex", "openssl", "tzdata", "gym", "by-address"}
        assert chosen(lock, ON_LINUX) == always
        assert chosen(lock, ON_LINUX, "dev") == always | {"pytest"}
        assert chosen(lock, ON_MAC) == chosen(lock, ON_MAC, "dev") == {"tzdata"}
        assert isinstance(select(lock, ON_MAC | {"platform_machine": "x86_64"}), WrongPython)

    def test_an_entry_of_condas_is_one_file(self) -> None:
        packages = {package.name: package for package in read_lock(TEXTS / "conda-lock.yml").packages}
        assert packages["openssl"] == LockedPackage(
            "openssl",
            "3.0.2h",
            LINUX,
            build="h166bdaf_1",
            ecosystem="conda",
            artifacts=(
                Artifact(
                    "openssl-3.0.2h-h166bdaf_1.conda",
                    (
                        "md5:25b1b0f2a5ab4a3d2b5f4a2ffb62b5c0",
                        "sha256:0f5ab6f8e1f8a3f8fcb4c5f3a63b1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b",
                    ),
                ),
            ),
        )

    def test_an_entry_of_pips_is_a_pin_or_an_address(self) -> None:
        packages = {package.name: package for package in read_lock(TEXTS / "conda-lock.yml").packages}
        assert packages["gym"].ecosystem == "python"
        assert (packages["gym"].version, packages["gym"].origin) == ("0.26.2", None)
        assert packages["gym"].artifacts[0].filename == "gym-0.26.2.tar.gz"
        commit = "0123456789abcdef0123456789abcdef01234567"
        assert packages["by-address"].origin == Origin("vcs", "https://git.example/by-address.git", commit)

    def test_several_categories_of_one_entry_are_read(self) -> None:
        lock = parse_lock(f"{HEAD}{ENTRY}  categories: [dev, docs]\n", filename="conda-lock.yml")
        assert lock.groups == ("dev", "docs")
        assert chosen(lock, ON_LINUX) == set()
        assert chosen(lock, ON_LINUX, "docs") == {"a"}

    def test_a_build_that_is_written_counts(self) -> None:
        text = f"{HEAD}{ENTRY}  build: other_1\n".replace("a-1.0-py_0.conda", "download")
        assert parse_lock(text, filename="conda-lock.yml").packages[0].build == "other_1"

    @pytest.mark.parametrize(
        ("platform", "marker"),
        [
            ("linux-64", LINUX),
            ("osx-arm64", MAC),
            ("linux-aarch64", 'sys_platform == "linux" and platform_machine == "aarch64"'),
            ("win-64", 'sys_platform == "win32" and platform_machine == "AMD64"'),
            ("win-arm64", 'sys_platform == "win32" and platform_machine == "ARM64"'),
            ("linux-32", 'sys_platform == "linux" and platform_machine == "i686"'),
        ],
    )
    def test_a_platform_is_a_marker(self, platform: str, marker: str) -> None:
        text = f"{HEAD}{ENTRY}".replace("linux-64", platform)
        assert parse_lock(text, filename="conda-lock.yml").environments == (marker,)

    @pytest.mark.parametrize(
        ("text", "where", "what"),
        [
            ("", "conda-lock.yml:1:1", "keys and values are expected"),
            ("- a", "conda-lock.yml:1:1", "keys and values are expected"),
            ("a: [\n", "conda-lock.yml:2:1", "not YAML"),
            ("\ta: 1", "conda-lock.yml:1:1", "not YAML"),
            ('a: "\\UFFFFFFFF"', "conda-lock.yml:1:7", "not YAML"),
            ("a: \x00", "conda-lock.yml", "a character that YAML does not allow"),
            ("a: &x [1]\nb: *x", "conda-lock.yml:2:4", "aliases"),
            ("a: !!python/object 1", "conda-lock.yml:1:4", "tags"),
            ("a: 1\n---\nb: 1", "conda-lock.yml:2:1", "a second document"),
            ("a: " + "[" * 100_000, "conda-lock.yml:1:23", "nested too deeply"),
            (HEAD + "- " * 400_000, "conda-lock.yml:5:39", "nested too deeply"),
            ("a:\n" + "- b\n" * 199_999, "conda-lock.yml:199998:3", "too many entries"),
            ("a:\n" + "- b\n" * 600_000, "conda-lock.yml:200001:1", "too many entries"),
            ("a: " + "x" * (17 << 20), "conda-lock.yml", "too large for a lock"),
            (f"version: 1\n{HEAD}{ENTRY}", "conda-lock.yml:2:1: version", "the key is there twice"),
            (f"{HEAD}{ENTRY}".replace("version: 1", "version: 2"), "conda-lock.yml:1:10: version", "not `2`"),
            ("? [a]\n: 1\n", "conda-lock.yml:1:3", "a key must be a word"),
            (HEAD, "conda-lock.yml:4:9: package", "the lock names no packages"),
            (f"{HEAD}  a: 1", "conda-lock.yml:5:3: package", "a list is expected"),
            ("version: 1\npackage: []", "conda-lock.yml:1:1: metadata", "keys and values are expected"),
            (
                "version: 1\nmetadata: {}\npackage: []",
                "conda-lock.yml:2:11: metadata.platforms",
                "the key is missing",
            ),
            (
                f"{HEAD}{ENTRY}".replace("[linux-64]", "[beos-64]"),
                "conda-lock.yml:3:15: metadata.platforms[0]",
                "not a platform of conda's: `beos-64`",
            ),
            (f"{HEAD}- a", "conda-lock.yml:5:3: package[0]", "keys and values are expected"),
            (f"{HEAD}- name: a", "conda-lock.yml:5:3: package[0].platform", "the key is missing"),
            (
                HEAD + ENTRY.replace("linux-64\n", "win-64\n"),
                "conda-lock.yml:8:13: package[0].platform",
                "not one of the lock's platforms: `win-64`",
            ),
            (
                HEAD + ENTRY.replace("name: a", "name: a b"),
                "conda-lock.yml:5:9: package[0].name",
                "not a package's name: `a b`",
            ),
            (
                HEAD + ENTRY.replace("'1.0'", "' '"),
                "conda-lock.yml:6:12: package[0].version",
                "not a version",
            ),
            (
                HEAD + ENTRY.replace("'1.0'", '"\\e[2J"'),
                "conda-lock.yml:6:12: package[0].version",
                "control characters",
            ),
            (
                HEAD + ENTRY.replace("'1.0'", "[1]"),
                "conda-lock.yml:6:12: package[0].version",
                "a text is expected",
            ),
            (
                HEAD + ENTRY.replace("manager: conda", "manager: npm"),
                "conda-lock.yml:7:12: package[0].manager",
                "not one of conda, pip: `npm`",
            ),
            (
                HEAD + ENTRY.replace(".conda", ".zip"),
                "conda-lock.yml:9:8: package[0].url",
                "not a package file of conda's",
            ),
            (
                HEAD + ENTRY.replace("{md5: ab}", "ab"),
                "conda-lock.yml:10:9: package[0].hash",
                "keys and values are expected",
            ),
            (
                HEAD + ENTRY.replace("{md5: ab}", "{md5: xy}"),
                "conda-lock.yml:10:15: package[0].hash.md5",
                "not a hash: `xy`",
            ),
            (
                f"{HEAD}{ENTRY}  category: '?'",
                "conda-lock.yml:11:13: package[0].category",
                "not a category's name: `?`",
            ),
            (
                HEAD + ENTRY.replace("manager: conda", "manager: pip").replace("https:", "git+https:"),
                "conda-lock.yml:9:8: package[0].url",
                "not a pin: no commit",
            ),
        ],
    )
    def test_what_is_wrong_is_told_with_its_place(self, text: str, where: str, what: str) -> None:
        errors = errors_of(text)
        assert (where, True) in [(each.where, what in each.what) for each in errors]

    def test_everything_wrong_is_told_at_once(self) -> None:
        errors = errors_of(HEAD + ENTRY.replace("'1.0'", "[]").replace("a-1.0", "a") + "- b\n" + ENTRY)
        assert [each.where for each in errors] == [
            "conda-lock.yml:6:12: package[0].version",
            "conda-lock.yml:11:3: package[1]",
        ]

    def test_half_a_character_is_refused(self) -> None:
        with pytest.raises(PolicyError, match="not YAML"):
            read_tree("a: \ud800", Problems("conda-lock.yml", "make it anew"))

    def test_the_hundredth_problem_ends_it(self) -> None:
        assert len(errors_of(HEAD + "- a\n" * 100_000)) == 100


class TestExplicit:
    """``@EXPLICIT``."""

    @pytest.mark.parametrize("filename", ["conda-linux-64.lock", "spec.txt"])
    def test_a_list_names_files_for_one_platform(self, filename: str) -> None:
        lock = parse_lock(EXPLICIT, filename=filename)
        assert lock.environments == (LINUX,)
        assert [(each.name, each.version, each.build) for each in lock.packages] == [
            ("_libgcc_mutex", "0.1", "conda_forge"),
            ("python-dateutil", "2.9.0", "pyhd8ed1ab_0"),
            ("libx", "1!1.0", "h0_0"),
            ("gym", "0.26.2", None),
        ]
        assert [each.ecosystem for each in lock.packages] == ["conda", "conda", "conda", "python"]
        assert lock.packages[0].artifacts[0].digests == ("md5:d7c89558ba9fa0495403155b64376d81",)
        assert lock.packages[2].artifacts[0].digests == ("sha256:ab",)

    def test_without_a_word_of_the_platform_there_is_none(self) -> None:
        text = "@EXPLICIT\nhttps://h.example/noarch/a-1-b_0.conda\n"
        assert parse_lock(text, filename="a.txt").environments == ()

    @pytest.mark.parametrize(
        ("line", "what"),
        [
            ("https://h.example/linux-64/a.conda", "not a package file of conda's"),
            ("https://h.example/linux-64/a-1-b.zip", "not a package file of conda's"),
            ("https://h.example/linux-64/a-1-b%1B.conda", "not a package file of conda's"),
            ("https://h.example/linux-64/a-1-b.conda#xyz", "not a hash: `xyz`"),
            ("https://h.example/win-64/a-1-b.conda", "another platform: `win-64`, after `linux-64`"),
            ("https://h.example/noarch/libx-2-b.conda", "`libx` is named on line 7 already"),
            ("# pip gym", "not a pin"),
            ("# pip -r x.txt", "not a pin"),
            ("# pip =", "not a requirement"),
            ("a==1", "not a package file of conda's"),
        ],
    )
    def test_a_wrong_line_is_named(self, line: str, what: str) -> None:
        (error,) = errors_of(f"{EXPLICIT}{line}\n", "spec.txt")
        assert error.where == "spec.txt:9:1"
        assert what in error.what

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("", "`@EXPLICIT` is missing"),
            ("@EXPLICIT\n", "the lock names no packages"),
            ("@EXPLICIT\n" + "x\n" * 100_000, "100 problems"),
            ("@EXPLICIT\n" + "".join(f"h/a{n}-1-b.conda\n" for n in range(30_000)), "too many lines"),
        ],
        ids=["nothing", "no packages", "problems", "lines"],
    )
    def test_what_is_no_list_is_refused(self, text: str, what: str) -> None:
        with pytest.raises(PolicyError, match=what):
            parse_lock(text, filename="conda-linux-64.lock")
