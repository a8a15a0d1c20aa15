"""Held to ``git rev-parse HEAD`` on real repositories."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envguard.inventory.files import Reader
from envguard.inventory.git import commit_of

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="no git here")

NAMES = {"GIT_AUTHOR_NAME": "ann", "GIT_COMMITTER_NAME": "ann"}
MAILS = {"GIT_AUTHOR_EMAIL": "ann@example.org", "GIT_COMMITTER_EMAIL": "ann@example.org"}
ALONE = {"GIT_CONFIG_NOSYSTEM": "1", "HOME": os.devnull, "PATH": os.environ.get("PATH", os.defpath)}


def git(folder: Path, *arguments: str | Path) -> str:
    """Run git with nobody's configuration and answer what it says."""
    command = [
        "git",
        "-c",
        "init.defaultBranch=main",
        "-c",
        "protocol.file.allow=always",
        *map(str, arguments),
    ]
    done = subprocess.run(
        command, cwd=folder, env={**ALONE, **NAMES, **MAILS}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(folder: Path, message: str = "one") -> None:
    git(folder, "commit", "--allow-empty", "-q", "-m", message)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Give a repository with two commits, a branch and a tag."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    commit(folder)
    git(folder, "branch", "feature/one")
    commit(folder, "two")
    git(folder, "tag", "-a", "v1", "-m", "v1")
    return folder


def read(folder: Path) -> str | None:
    return commit_of(str(folder), Reader(os.geteuid()))


def pack(folder: Path) -> None:
    git(folder, "pack-refs", "--all")


def pack_and_go_on(folder: Path) -> None:
    git(folder, "pack-refs", "--all")
    commit(folder, "three")


def other_branch_packed(folder: Path) -> None:
    git(folder, "checkout", "-q", "feature/one")
    git(folder, "gc", "-q")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _: None, id="as made"),
        pytest.param(lambda folder: git(folder, "checkout", "-q", "feature/one"), id="another branch"),
        pytest.param(lambda folder: git(folder, "checkout", "-q", "--detach", "HEAD~1"), id="detached"),
        pytest.param(lambda folder: git(folder, "checkout", "-q", "v1"), id="a tag"),
        pytest.param(pack, id="packed references"),
        pytest.param(pack_and_go_on, id="packed, then newer"),
        pytest.param(lambda folder: git(folder, "gc", "-q"), id="after gc"),
        pytest.param(other_branch_packed, id="a branch with a slash, packed"),
        pytest.param(
            lambda folder: git(folder, "symbolic-ref", "refs/heads/alias", "refs/heads/main"), id="alias"
        ),
        pytest.param(
            lambda folder: git(folder, "symbolic-ref", "HEAD", "refs/remotes/origin/HEAD"), id="unborn"
        ),
    ],
)
def test_the_commit_is_the_one_that_git_tells(change: Callable[[Path], object], repository: Path) -> None:
    change(repository)
    told = subprocess.run(
        ["git", "rev-parse", "--verify", "-q", "HEAD"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    assert read(repository) == (told or None)


def test_a_chain_of_references_is_followed(repository: Path) -> None:
    git(repository, "symbolic-ref", "refs/heads/alias", "refs/heads/main")
    git(repository, "symbolic-ref", "HEAD", "refs/heads/alias")
    assert read(repository) == git(repository, "rev-parse", "HEAD")


def test_references_in_a_circle_are_no_commit(repository: Path) -> None:
    (repository / ".git" / "refs" / "heads" / "main").write_text("ref: refs/heads/main\n")
    assert read(repository) is None


def test_folders_below_belong_to_the_repository_above(repository: Path) -> None:
    folder = repository / "src" / "gym"
    folder.mkdir(parents=True)
    assert read(folder) == git(folder, "rev-parse", "HEAD")


def test_a_folder_named_git_that_is_no_repository_is_passed_over_as_git_does(repository: Path) -> None:
    folder = repository / "src"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text("0" * 40)
    assert read(folder) == git(folder, "rev-parse", "HEAD")


def test_a_worktree_has_its_own_head(repository: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(repository, "worktree", "add", "-q", other, "feature/one")
    assert read(other) == git(other, "rev-parse", "HEAD") != read(repository)
    git(other, "checkout", "-q", "--detach", "main")
    assert read(other) == git(other, "rev-parse", "HEAD") == read(repository)
    pack(repository)
    git(other, "checkout", "-q", "feature/one")
    assert read(other) == git(other, "rev-parse", "HEAD")


def test_a_submodule_is_a_repository_of_its_own(repository: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "submodule", "--quiet", "add", repository, "inner")
    commit(outer)
    assert read(outer / "inner") == git(outer / "inner", "rev-parse", "HEAD") == read(repository)
    assert read(outer) == git(outer, "rev-parse", "HEAD") != read(outer / "inner")


def test_an_empty_repository_has_no_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert read(tmp_path) is None


def test_a_repository_with_longer_ids(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--object-format=sha256")
    commit(tmp_path)
    told = read(tmp_path)
    pack(tmp_path)
    assert told == read(tmp_path) == git(tmp_path, "rev-parse", "HEAD")
    assert len(told or "") == 64


def test_no_repository_is_no_commit(tmp_path: Path) -> None:
    assert read(tmp_path) is None
    assert read(tmp_path / "gone") is None


@pytest.mark.parametrize(
    "content", [b"gitdir: nowhere\n", b"gitdir: \n", b"\0", b"gitdir: a\0b", b"x" * 9999]
)
def test_a_git_file_that_leads_nowhere_is_no_repository_not_the_one_above(
    content: bytes, repository: Path
) -> None:
    folder = repository / "inner"
    folder.mkdir()
    (folder / ".git").write_bytes(content)
    assert read(folder) is None


@pytest.mark.parametrize(
    "name", ["../../../secret", "refs/../../secret", "/etc/hostname", "refs/heads/.invalid"]
)
def test_head_cannot_lead_out_of_the_repository(name: str, repository: Path) -> None:
    (repository / "secret").write_text("1" * 40)
    (repository / ".git" / "HEAD").write_text(f"ref: {name}\n")
    assert read(repository) is None


def test_a_fifo_does_not_hang(repository: Path) -> None:
    (repository / ".git" / "HEAD").unlink()
    os.mkfifo(repository / ".git" / "HEAD")
    assert read(repository) is None


def test_an_unreadable_reference_is_not_the_older_packed_one(
    repository: Path, open_folder: Path, as_somebody: Callable[[], None]
) -> None:
    folder = open_folder / "repository"
    pack_and_go_on(repository)
    shutil.copytree(repository, folder)
    (folder / ".git" / "refs" / "heads" / "main").chmod(0)
    as_somebody()
    assert read(folder) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser reads for others")
def test_for_another_the_commits_of_a_closed_folder_are_not_told(repository: Path, open_folder: Path) -> None:
    folder = open_folder / "closed" / "repository"
    shutil.copytree(repository, folder)
    assert commit_of(str(folder), Reader(65534)) == read(repository)
    folder.parent.chmod(0o700)
    assert commit_of(str(folder), Reader(65534)) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(head=st.binary(max_size=60), packed=st.binary(max_size=120))
def test_any_bytes_give_a_commit_or_none(tmp_path: Path, head: bytes, packed: bytes) -> None:
    top = tmp_path / ".git"
    (top / "objects").mkdir(parents=True, exist_ok=True)
    (top / "HEAD").write_bytes(head)
    (top / "packed-refs").write_bytes(packed)
    told = read(tmp_path)
    assert told is None or head.strip() == told.encode() or head.startswith(b"ref:")
