"""What the demo shows: three environments that run the same script, and the policy that tells them apart."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from envguard.domain.policy import PolicySource
from envguard.errors import UsageError
from envguard.formats import parse_source, read_source

SCRIPT = """\
import warnings

warnings.simplefilter("ignore")
import gym

env = gym.make("CartPole-v1"{options})
env.reset(seed=1)
result = env.step(env.action_space.sample())
print("step() returned", len(result), "values")
env.close()
"""
"""Ten lines that every reinforcement-learning script begins with."""

_PROBE = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
_PROBE_TIMEOUT_S = 20
_OLDEST = (3, 10)
_NEWEST_WITH_OLD_NUMPY = (3, 12)
"""The newest Python for which numpy 1.26 has wheels."""

Version = tuple[int, int]
"""Of an interpreter: major and minor."""


class Colleague(msgspec.Struct, frozen=True):
    """One machine of the demo's team."""

    machine: str
    requirements: tuple[str, ...]
    words: str


class Story(msgspec.Struct, frozen=True):
    """Everything that depends on which interpreter there is."""

    python: str
    version: Version
    script: str
    policy: PolicySource
    colleagues: tuple[Colleague, ...]
    notice: str | None = None


def choose_story(
    candidates: Iterable[str], *, version_of: Callable[[str], Version | None] | None = None
) -> Story:
    """Answer the story for the first interpreter that has numpy 1.26, else for the first newer one.

    ``version_of`` answers None for what cannot make an environment. Raises UsageError where none can.
    """
    newer: list[tuple[str, Version]] = []
    for python in candidates:
        version = (version_of or probe)(python)
        if version is not None and _OLDEST <= version <= _NEWEST_WITH_OLD_NUMPY:
            return _gym_with_old_numpy(python, version)
        if version is not None and version > _NEWEST_WITH_OLD_NUMPY:
            newer.append((python, version))
    if newer:
        return _gym_with_new_numpy(*newer[0])
    raise UsageError(
        "the demo needs a Python of 3.10 or newer with venv and ensurepip",
        hint="apt install python3-venv, or envguard demo --python PATH",
    )


def interpreters() -> Iterator[str]:
    """Yield the interpreters of this machine that the demo may build with, the best first."""
    yield _base_interpreter()
    for minor in (12, 11, 10, 13, 14):
        found = shutil.which(f"python3.{minor}")
        if found is not None:
            yield found
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from sorted(map(str, versions.glob("3.1[0-9].*/bin/python")), reverse=True)


def _base_interpreter() -> str:
    """Answer what this process's own environment was made from: made from a venv's python, one hides it.

    ``sys._base_executable`` is that only from Python 3.11 on.
    """
    base = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    return str(base) if base.exists() else sys.executable


def probe(python: str) -> Version | None:
    """Ask an interpreter for its version; None where it cannot make an environment."""
    try:
        answer = subprocess.run(
            [python, "-c", _PROBE], capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=True
        ).stdout
        major, minor = answer.strip().split(".")
        return int(major), int(minor)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def words_of(version: Version) -> str:
    """Answer a version as people write it."""
    return ".".join(map(str, version))


def policies_folder() -> Path:
    """Answer where the example policies are: in the installed package, or in the repository."""
    package = Path(__file__).resolve().parents[2]
    installed = package / "_policies"
    return installed if installed.is_dir() else package.parent / "policies"


def _gym_with_old_numpy(python: str, version: Version) -> Story:
    source = read_source(policies_folder() / "rl-team.yaml")
    lock = parse_source(source).lock
    pins = {package.name: f"{package.name}=={package.version}" for package in lock.packages} if lock else {}
    agreed = tuple(pins.values())
    old_gym = tuple({**pins, "gym": "gym==0.25.2"}.values())
    new_numpy = tuple({**pins, "numpy": "numpy>=2"}.values())
    return Story(
        python=python,
        version=version,
        script=SCRIPT.format(options=""),
        policy=source,
        colleagues=(
            Colleague("ws-ann", agreed, "what the team agreed on"),
            Colleague("ws-bob", old_gym, "gym 0.25.2, from an old tutorial"),
            Colleague("ws-eve", new_numpy, "numpy 2, after a `pip install -U`"),
        ),
    )


def _gym_with_new_numpy(python: str, version: Version) -> Story:
    text = (
        "envguard: 1\nname: rl-team\npackages:\n"
        '  gym: {version: "==0.26.2", reason: "step() returns five values since 0.26"}\n'
        '  numpy: ">=2"\n'
    )
    return Story(
        python=python,
        version=version,
        script=SCRIPT.format(options=", disable_env_checker=True"),
        policy=PolicySource(filename="rl-team.yaml", text=text),
        colleagues=(
            Colleague("ws-ann", ("gym==0.26.2", "numpy>=2"), "what the team agreed on"),
            Colleague("ws-bob", ("gym==0.25.2", "numpy>=2"), "gym 0.25.2, from an old tutorial"),
            Colleague("ws-eve", ("gym==0.22.0", "numpy>=2"), "gym 0.22, which needs distutils"),
        ),
        notice=f"no wheels of numpy 1.26 for Python {words_of(version)}: the same story with other versions",
    )
