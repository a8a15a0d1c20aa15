"""``.pre-commit-hooks.yaml``: a real pre-commit, in a repository that commits.

What pre-commit installs for ``envguard-policy-lint`` needs a package index: here it runs what is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.environments import install, make_venv

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / ".pre-commit-hooks.yaml"
BIN = Path(sys.executable).parent
POLICY = 'envguard: 1\nname: rl-team\npackages:\n  gym: "==0.26.2"\n'
CONFIG = """repos:
  - repo: {hooks}
    rev: {rev}
    hooks:
      - id: envguard-check
      - id: envguard-policy-lint
        language: system
"""


class Repository:
    """A project with an environment and a policy, whose commits go through the hooks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.hooks = folder / "hooks"
        self.environ = {
            "PATH": os.pathsep.join([str(BIN), str(Path(shutil.which("git") or "").parent), os.defpath]),
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "GIT_CONFIG_NOSYSTEM": "1",
            **{
                f"GIT_{who}_{what}": "ann@example"
                for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")
            },
        }
        for repository in (self.folder, self.hooks):
            repository.mkdir()
            self.git("init", "-q", cwd=repository)

    def run(self, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=cwd or self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        done = self.run("git", *arguments, cwd=cwd)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self) -> subprocess.CompletedProcess[str]:
        self.git("add", "-A")
        return self.run("git", "commit", "-qm", "a step")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    shutil.copy(MANIFEST, made.hooks)
    made.git("add", "-A", cwd=made.hooks)
    made.git("commit", "-qm", "hooks", cwd=made.hooks)
    rev = made.git("rev-parse", "HEAD", cwd=made.hooks)
    make_venv(Path(sys.executable), made.folder / ".venv")
    (made.folder / "policies").mkdir()
    (made.folder / "policies" / "rl-team.yaml").write_text(POLICY)
    (made.folder / "pyproject.toml").write_text('[tool.envguard]\npolicy = "./policies/rl-team.yaml"\n')
    (made.folder / ".gitignore").write_text(".venv\n")
    (made.folder / ".pre-commit-config.yaml").write_text(CONFIG.format(hooks=made.hooks, rev=rev))
    assert made.run("pre-commit", "install").returncode == 0
    return made


def test_the_manifest_is_valid() -> None:
    done = subprocess.run(
        [BIN / "pre-commit", "validate-manifest", MANIFEST], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_drifted_environment_commits_nothing_until_it_is_mended(repository: Repository) -> None:
    refused = repository.commit()
    assert refused.returncode == 1
    assert "drifted from `rl-team`: 1 error" in refused.stderr
    assert repository.run("git", "log").returncode != 0
    install(repository.folder / ".venv", gym="0.26.2")
    assert repository.commit().returncode == 0
    assert repository.git("log", "--format=%s") == "a step"


def test_the_environment_is_the_active_one_as_for_check(repository: Repository, tmp_path: Path) -> None:
    active = make_venv(Path(sys.executable), tmp_path / "active")
    install(active, gym="0.26.2")
    repository.environ["VIRTUAL_ENV"] = str(active)
    assert repository.commit().returncode == 0


def test_a_policy_with_a_mistake_is_not_committed(repository: Repository) -> None:
    install(repository.folder / ".venv", gym="0.26.2")
    assert repository.commit().returncode == 0
    (repository.folder / "policies" / "other.yaml").write_text(POLICY.replace("packages", "pakages"))
    refused = repository.commit()
    assert refused.returncode == 1
    assert "policies/other.yaml:3:1: pakages: unknown key: `pakages`" in refused.stderr
    assert "envguard check...........................................................Passed" in refused.stderr
