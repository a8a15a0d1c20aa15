"""A policy and its lock, from files to what can judge."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from envguard.domain.policy import FurtherFile, PolicySource
from envguard.errors import PolicyError
from envguard.formats import load_policy, parse_source, read_source

POLICIES = Path(__file__).resolve().parents[2] / "policies"
POLICY = "envguard: 1\nname: t\nlock: t.txt\npackages:\n  a: '==1'\n  b: {deny: true}\n"


def a_source(lock: str | None) -> PolicySource:
    return PolicySource(filename="t.yaml", text=POLICY, lock_filename="t.txt", lock_text=lock)


@pytest.mark.parametrize(
    ("name", "locked"),
    [("rl-team", 4), ("pinned-pythons", None), ("paper-freeze", 4)],
)
def test_the_examples_have_no_problems(name: str, locked: int | None) -> None:
    loaded = load_policy(POLICIES / f"{name}.yaml")
    assert loaded.policy.name == name
    assert (len(loaded.lock.packages) if loaded.lock else None) == locked
    assert loaded.policy.applies_to == ()


@pytest.mark.parametrize("path", sorted(POLICIES.iterdir()), ids=lambda path: path.name)
def test_the_examples_name_no_address(path: Path) -> None:
    assert "://" not in path.read_text(encoding="utf-8")


def test_revisions_are_carried() -> None:
    locked = parse_source(a_source("a==1"), revision=4, lock_revision=2)
    assert (locked.revision, locked.lock_revision) == (4, 2)


@pytest.mark.parametrize(
    ("lock", "where", "what", "hint"),
    [
        ("a==2", "t.yaml:5:3: packages.a", "`==1` excludes 2, which the lock t.txt wants", "lock anew"),
        ("b==2", "t.yaml:6:3: packages.b", "denied, but the lock t.txt wants b 2", "lock anew"),
        ("a==1\n-c c.txt", "t.txt:2:1", "the requirements file is not there: c.txt", "send it"),
        (None, "t.yaml:3:1: lock", "the lock is not there: t.txt", "send it"),
    ],
    ids=["excluded", "denied", "further", "absent"],
)
def test_rules_and_lock_must_be_able_to_hold_together(
    lock: str | None, where: str, what: str, hint: str
) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_source(a_source(lock))
    assert (caught.value.where, caught.value.what) == (where, what)
    assert hint in (caught.value.hint or "")


def test_every_contradiction_is_raised_at_once() -> None:
    with pytest.raises(PolicyError) as caught:
        parse_source(a_source("a==2\nb==2"))
    assert len(caught.value.problems) == 2


BROKEN = POLICY.replace("lock:", "pakages: {}\nlock:").replace("{deny: true}", "'>>1'") + "unlisted: no\n"
ITS_OWN = ["t.yaml:3:1: pakages", "t.yaml:7:6: packages.b", "t.yaml:8:11: unlisted"]


@pytest.mark.parametrize(
    ("lock", "places"),
    [
        pytest.param(None, [ITS_OWN[0], "t.yaml:4:1: lock", *ITS_OWN[1:]], id="no lock"),
        pytest.param("a==2", [ITS_OWN[0], "t.yaml:6:3: packages.a", *ITS_OWN[1:]], id="another lock"),
        pytest.param("a\nb==1\nc>2", [*ITS_OWN, "t.txt:1:1", "t.txt:3:1"], id="a broken lock"),
        pytest.param("a==1", ITS_OWN, id="a lock that is right"),
    ],
)
def test_all_that_is_wrong_with_a_policy_and_its_lock_is_told_at_once(
    lock: str | None, places: list[str], tmp_path: Path
) -> None:
    (tmp_path / "t.yaml").write_text(BROKEN)
    if lock is not None:
        (tmp_path / "t.txt").write_text(lock)
    with pytest.raises(PolicyError) as loaded:
        load_policy(tmp_path / "t.yaml")
    with pytest.raises(PolicyError) as pushed:
        parse_source(msgspec.structs.replace(a_source(lock), text=BROKEN))
    assert [each.where for each in loaded.value.problems] == places
    assert [each.where for each in pushed.value.problems] == places


def test_a_policy_without_its_two_first_keys_has_its_lock_looked_at(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("lock: gone.txt\n")
    with pytest.raises(PolicyError) as caught:
        load_policy(tmp_path / "t.yaml")
    assert [each.what.split(":")[0] for each in caught.value.problems] == [
        "the key is missing",
        "the key is missing",
        "there is no such lock",
    ]


def test_a_conditional_pin_contradicts_nothing() -> None:
    locked = parse_source(a_source('a==2; os_name == "nt"\nb==1; os_name == "nt"'))
    assert locked.lock is not None


def test_a_missing_lock_is_an_error_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(POLICY)
    with pytest.raises(PolicyError, match=r"no such lock: .*t\.txt") as caught:
        read_source(tmp_path / "t.yaml")
    assert caught.value.where == "t.yaml:3:1: lock"
    assert caught.value.hint == f"a lock is looked for beside its policy, in {tmp_path}"


def test_a_missing_policy_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="no such policy"):
        read_source(tmp_path / "t.yaml")


@pytest.mark.parametrize(
    ("raw", "what", "line"),
    [(b"a: 1\nb: \xff\n", "not UTF-8", ":2:4"), (b"#" * (1 << 18) + b"#", "over 256 KiB", "")],
    ids=["latin", "large"],
)
def test_a_file_that_is_no_policy_text_is_an_error(raw: bytes, what: str, line: str, tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_bytes(raw)
    with pytest.raises(PolicyError, match=what) as caught:
        read_source(path)
    assert caught.value.where == f"{path}{line}"


def test_a_source_travels_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(POLICY)
    (tmp_path / "t.txt").write_text("a==1\n")
    source = read_source(tmp_path / "t.yaml")
    assert source == a_source("a==1\n")
    assert msgspec.json.decode(msgspec.json.encode(source), type=PolicySource) == source


def test_a_source_is_enough_to_judge_by_elsewhere() -> None:
    there = parse_source(read_source(POLICIES / "rl-team.yaml"))
    here = load_policy(POLICIES / "rl-team.yaml")
    assert (there.policy.digest, there.lock) == (here.policy.digest, here.lock)


def test_the_project_beside_a_lock_travels_with_the_policy(tmp_path: Path) -> None:
    lock = 'version = 1\nrequires-python = ">=3.10"\n[[package]]\nname = "me"\nsource = { virtual = "." }\n'
    lock += "[package.metadata.requires-dev]\ndocs = []\n"
    project = '[tool.uv]\ndefault-groups = ["docs"]\n'
    (tmp_path / "rl").mkdir()
    (tmp_path / "t.yaml").write_text("envguard: 1\nname: t\nlock: rl/uv.lock\n")
    (tmp_path / "rl" / "uv.lock").write_text(lock)
    (tmp_path / "rl" / "pyproject.toml").write_text(project)
    source = read_source(tmp_path / "t.yaml")
    assert source.further == (FurtherFile("rl/pyproject.toml", project),)
    there, here = parse_source(source).lock, load_policy(tmp_path / "t.yaml").lock
    assert there is not None
    assert there.default_groups == ("docs",)
    assert there == here


def test_what_a_lock_only_constrains_may_be_denied() -> None:
    lock = "-c c.txt\na==1\n"
    source = msgspec.structs.replace(a_source(lock), further=(FurtherFile("c.txt", "b==2\n"),))
    assert parse_source(source).lock is not None


def test_the_files_that_a_lock_names_come_with_the_policy(tmp_path: Path) -> None:
    texts = {
        "t.yaml": POLICY.replace("t.txt", "locks/t.txt"),
        "locks/t.txt": "-r a.txt",
        "locks/a.txt": "a==1",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    source = read_source(tmp_path / "t.yaml")
    assert source.further == (FurtherFile("locks/a.txt", "a==1"),)
    lock = parse_source(source).lock
    assert lock is not None
    assert [package.name for package in lock.packages] == ["a"]
