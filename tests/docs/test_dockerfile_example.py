"""The Dockerfile: its lines, done in a folder as a build would do them; without Docker.

Left out is what installs envguard itself, which needs a package index: the command of the tests stands there.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.wheels import make_wheel

DOCKERFILE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "Dockerfile"
COMMAND = Path(sys.executable).with_name("envguard")
pytestmark = pytest.mark.slow
KNOWN = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "ENTRYPOINT", "CMD"}


def instructions() -> list[tuple[str, str]]:
    """Each instruction and what follows it; continued lines are joined."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    found = [(name, rest) for name, _, rest in (line.partition(" ") for line in joined if line.strip())]
    assert {name for name, _ in found} <= KNOWN
    return found


class Build:
    """A build in a folder that stands for the image's working folder."""

    def __init__(self, folder: Path) -> None:
        self.context, self.image = folder / "context", folder / "image"
        (self.context / "policies").mkdir(parents=True)
        (self.context / "policies" / "rl-team.yaml").write_text(
            'envguard: 1\nname: rl-team\npackages: {gym: "==0.26.2"}\n'
        )
        (self.context / "train.py").write_text("import gym, sys\nprint(gym.__version__, sys.prefix)\n")
        (self.context / "wheels").mkdir()
        self.image.mkdir()
        for version in ("0.25.2", "0.26.2"):
            make_wheel(folder / "index", "gym", version)
        self.environ = {
            "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
            "HOME": str(folder),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(folder / "index"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def requires(self, requirement: str) -> None:
        (self.context / "requirements.txt").write_text(requirement + "\n")

    def run(self) -> subprocess.CompletedProcess[str]:
        """Do the instructions; answer the first that fails, or how the image starts."""
        [workdir] = [rest for name, rest in instructions() if name == "WORKDIR"]
        start: list[str] = []
        for name, rest in instructions():
            told = rest.replace(workdir, str(self.image))
            if name == "COPY":
                self._copy(*told.split())
            elif name == "ENV":
                variable, _, value = told.partition("=")
                self.environ[variable] = value.replace("$PATH", self.environ["PATH"])
            elif name == "RUN" and told.startswith("python -m venv envguard "):
                (self.image / "envguard" / "bin").mkdir(parents=True)
                (self.image / "envguard" / "bin" / "envguard").symlink_to(COMMAND)
            elif name == "RUN":
                done = self._call(["/bin/sh", "-c", told])
                if done.returncode:
                    return done
            elif name in ("ENTRYPOINT", "CMD"):
                start += json.loads(told)
        return self._call(start)

    def _copy(self, source: str, target: str) -> None:
        copy = shutil.copytree if (self.context / source).is_dir() else shutil.copy
        copy(self.context / source, self.image / target)

    def _call(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        program = shutil.which(command[0], path=self.environ["PATH"])
        assert program is not None, shlex.join(command)
        return subprocess.run(
            [program, *command[1:]],
            cwd=self.image,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(tmp_path)


def test_an_image_that_is_as_the_policy_says_is_built_and_starts(build: Build) -> None:
    build.requires("gym==0.26.2")
    done = build.run()
    assert (done.returncode, done.stdout) == (0, f"0.26.2 {build.image / 'venv'}\n"), done.stderr


def test_one_that_drifted_is_not_built(build: Build) -> None:
    build.requires("gym==0.25.2")
    done = build.run()
    assert done.returncode == 1
    assert "gym 0.25.2, needs ==0.26.2" in done.stdout
    assert not (build.image / "train.py").exists()


def test_one_without_its_policy_is_not_built(build: Build) -> None:
    build.requires("gym==0.26.2")
    (build.context / "policies" / "rl-team.yaml").unlink()
    assert build.run().returncode == 3


def test_what_is_installed_into_a_container_is_seen_at_the_start(build: Build) -> None:
    build.requires("gym==0.26.2")
    assert build.run().returncode == 0
    pip = [str(build.image / "venv" / "bin" / "python"), "-m", "pip", "install", "-q", "gym==0.25.2"]
    assert build._call(pip).returncode == 0
    done = build._call(["envguard", "run", "--", "python", "train.py"])
    assert done.returncode == 1
    assert "gym 0.25.2, needs ==0.26.2" in done.stderr + done.stdout
