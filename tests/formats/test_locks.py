"""Locks of both formats, and what is no lock."""

from __future__ import annotations

from pathlib import Path

import pytest

from envguard.domain.lock import LockedPackage
from envguard.errors import PolicyError
from envguard.formats import load_policy, parse_lock, parse_source, project_lock, read_source

POLICIES = Path(__file__).parents[2] / "policies"
PYLOCK = """
lock-version = "1.0"
created-by = "test"
requires-python = ">=3.10"
[[packages]]
name = "tomli"
version = "2.0.1"
marker = "python_version < '3.11'"
[[packages.wheels]]
path = "tomli-2.0.1-py3-none-any.whl"
hashes = {sha256 = "%s"}
""" % ("0" * 64)


@pytest.mark.parametrize("name", ["rl-team", "pinned-pythons", "paper-freeze"])
def test_the_example_policies_have_no_problem(name: str) -> None:
    assert load_policy(POLICIES / f"{name}.yaml").policy.name == name


def test_a_pylock_keeps_versions_markers_and_the_python_it_is_for() -> None:
    lock = parse_lock(PYLOCK, filename="pylock.toml")
    assert lock.packages == (LockedPackage("tomli", "2.0.1", 'python_version < "3.11"'),)
    assert lock.requires_python == ">=3.10"


def test_requirements_are_a_lock_when_all_is_pinned() -> None:
    text = (
        "--index-url https://index.example/\n# why\nGym==0.26.2 \\\n    --hash=sha256:00\n"
        'tomli===2.0.1 ; python_version < "3.11"  # old\n'
    )
    assert parse_lock(text, filename="requirements.txt").packages == (
        LockedPackage("gym", "0.26.2"),
        LockedPackage("tomli", "2.0.1", 'python_version < "3.11"'),
    )


@pytest.mark.parametrize(
    ("text", "filename", "where", "what"),
    [
        ("gym==1\nnumpy>=1\n", "requirements.txt", "requirements.txt:2", "not a pin"),
        ("gym==1.*\n", "requirements.txt", "requirements.txt:1", "not a pin"),
        ("-r base.txt\n", "requirements.txt", "requirements.txt:1", "not supported"),
        ("-e .\n", "requirements.txt", "requirements.txt:1", "not supported"),
        ("gym @ https://index.example/gym.zip\n", "r.txt", "r.txt:1", "not a pin"),
        ("!!\n", "r.txt", "r.txt:1", "not a requirement"),
        ("a = \n", "pylock.toml", "pylock.toml", "not TOML"),
        ('lock-version = "1.0"\n', "pylock.toml", "pylock.toml", "not a lock"),
        ("", "Pipfile.lock", "Pipfile.lock", "not a lock that this version reads"),
    ],
)
def test_what_is_no_lock_names_the_place(text: str, filename: str, where: str, what: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_lock(text, filename=filename)
    assert caught.value.where == where
    assert what in caught.value.what


def test_a_lock_that_is_missing_is_named_at_the_line_that_wants_it(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("envguard: 1\nname: p\nlock: gone.pylock.toml\n")
    with pytest.raises(PolicyError) as caught:
        load_policy(file)
    assert caught.value.where == "p.yaml:3: lock"


def test_a_rule_that_excludes_what_the_lock_wants_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text('envguard: 1\nname: p\nlock: r.txt\npackages:\n  numpy: "<2"\n  pandas: {deny: true}\n')
    (tmp_path / "r.txt").write_text("numpy==2.1\npandas==2\n")
    with pytest.raises(PolicyError) as caught:
        load_policy(file)
    assert [each.where for each in caught.value.problems] == [
        "p.yaml:5: packages.numpy",
        "p.yaml:6: packages.pandas",
    ]


def test_a_source_is_enough_to_judge_by_elsewhere() -> None:
    source = read_source(POLICIES / "rl-team.yaml")
    there = parse_source(source, revision=3, lock_revision=2)
    here = load_policy(POLICIES / "rl-team.yaml")
    assert (there.policy.digest, there.lock, there.revision) == (here.policy.digest, here.lock, 3)


def test_a_project_s_own_lock_is_found(tmp_path: Path) -> None:
    assert project_lock(tmp_path) is None
    (tmp_path / "requirements.txt").write_text("gym\n")
    assert project_lock(tmp_path) is None
    (tmp_path / "requirements.txt").write_text("gym==1\n")
    found = project_lock(tmp_path)
    assert found is not None
    assert found[0].name == "requirements.txt"
    (tmp_path / "pylock.toml").write_text(PYLOCK)
    found = project_lock(tmp_path)
    assert found is not None
    assert found[0].name == "pylock.toml"
