"""A policy and its lock, from files to what can judge."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from envguard.domain.policy import PolicySource
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
        ("a==2", "t.yaml:5: packages.a", "`==1` excludes 2, which the lock t.txt wants", "lock anew"),
        ("b==2", "t.yaml:6: packages.b", "denied, but the lock t.txt wants b 2", "lock anew"),
        ("a==1\n-c c.txt", "t.txt:2", "the requirements file is not there: c.txt", "send it"),
        (None, "t.yaml:3: lock", "the lock is not there: t.txt", "send it"),
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


def test_a_conditional_pin_contradicts_nothing() -> None:
    locked = parse_source(a_source('a==2; os_name == "nt"\nb==1; os_name == "nt"'))
    assert locked.lock is not None


def test_a_missing_lock_is_an_error_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(POLICY)
    with pytest.raises(PolicyError, match=r"no such lock: .*t\.txt") as caught:
        read_source(tmp_path / "t.yaml")
    assert caught.value.where == "t.yaml:3: lock"
    assert caught.value.hint == f"a lock is looked for beside its policy, in {tmp_path}"


def test_a_missing_policy_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="no such policy"):
        read_source(tmp_path / "t.yaml")


@pytest.mark.parametrize(
    ("raw", "what", "line"),
    [(b"a: 1\nb: \xff\n", "not UTF-8", ":2"), (b"#" * (1 << 18) + b"#", "over 256 KiB", "")],
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


def test_what_a_lock_only_constrains_may_be_denied() -> None:
    lock = "-c c.txt\na==1\n"
    source = msgspec.structs.replace(a_source(lock), further={"c.txt": "b==2\n"})
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
    assert source.further == {"locks/a.txt": "a==1"}
    lock = parse_source(source).lock
    assert lock is not None
    assert [package.name for package in lock.packages] == ["a"]
