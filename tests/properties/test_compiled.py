"""The guard's judgement by a compiled policy, held to that of ``check``: the same, or ``unknown``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import IO, Any, NamedTuple

import pytest
from hypothesis import given, reject, settings

from envguard.domain.binding import Machine
from envguard.domain.verdict import Verdict
from envguard.errors import PolicyError
from envguard.formats import load_policy
from envguard.inventory import machine_facts, read_environment
from envguard.runs.comparing import Comparisons
from envguard.runs.compiling import Asked, compile_policy
from envguard.runs.guard_files import install_guard
from envguard.runs.judging import judge_environment
from tests.builders.environments import make_venv, pyenv_python, site_packages, write_dist_info
from tests.properties import compiled_worlds as worlds

ANSWERS = """
import sys, json, envguard_guard
for line in iter(sys.stdin.readline, ""):
    told = envguard_guard.require(on_drift="warn", on_unknown="ignore")
    print(json.dumps([told.verdict, [each.kind for each in told.findings if each.counts], told.reason]))
    sys.stdout.flush()
"""
FACTS = machine_facts()


class Said(NamedTuple):
    """What the guard said."""

    outcome: str
    counting: list[str]
    reason: str | None


class World:
    """One environment whose content changes, and an interpreter of it that is asked again and again."""

    def __init__(self, folder: Path) -> None:
        python = pyenv_python("3.11")
        assert python is not None
        self.env = make_venv(python, folder / "env")
        self.site = site_packages(self.env)
        self.project = folder / "project"
        self.project.mkdir()
        (folder / "runtime").mkdir()
        install_guard(self.site)
        environ = {"PATH": os.defpath, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder / "runtime")}
        self.child = subprocess.Popen(
            [str(self.env / "bin" / "python"), "-c", ANSWERS],
            cwd=self.project,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def hold(self, content: list[worlds.Dist]) -> None:
        """Let the environment hold just this."""
        for path in self.site.glob("*-info"):
            if not path.name.startswith("envguard_guard"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for each in content:
            if each.kind == "egg-info":
                (self.site / f"{each.name}-{each.version}-py3.11.egg-info").write_text(
                    f"Name: {each.name}\nVersion: {each.told or each.version}\n"
                )
            elif not (self.site / f"{each.name}-{each.version}.dist-info").exists():
                write_dist_info(self.site, each.name, each.version, metadata=each.metadata(), **each.files())

    def check(self, policy: Path) -> Verdict:
        """The verdict of ``check``."""
        governing = load_policy(policy)
        environment = read_environment(self.env)
        return judge_environment(
            environment, FACTS, governing, machine="here", now=_now(), comparisons=Comparisons()
        ).verdict

    def guard(self, policy: Path) -> Said:
        """What the guard says by a policy that is compiled now."""
        self.compile(policy)
        return self.ask()

    def compile(self, policy: Path, *more: str, at: datetime | None = None) -> None:
        """Put a policy beside the guard, with more lines."""
        asked = Asked(
            named=str(policy),
            environ={},
            cwd=self.project,
            machine=Machine("here"),
            known={},
            kept_in=(),
            uses=None,
        )
        compiled = compile_policy(read_environment(self.env), FACTS, asked, at or _now())
        assert compiled is not None
        rows = [*compiled.content.decode().splitlines()[:-1], *more]
        (info,) = self.site.glob("envguard_guard-*.dist-info")
        (info / "policy").write_text("\n".join([*rows, f"end\t{len(rows)}", ""]))

    def ask(self) -> Said:
        """What the guard says now."""
        _pipe(self.child.stdin).write("?\n")
        _pipe(self.child.stdin).flush()
        return Said(*json.loads(_pipe(self.child.stdout).readline()))


def _pipe(stream: IO[Any] | None) -> IO[Any]:
    assert stream is not None
    return stream


def _now() -> datetime:
    return datetime.now(timezone.utc) - timedelta(seconds=1)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An environment, and an interpreter of it that lives until the tests end."""
    made = World(tmp_path_factory.mktemp("compiled"))
    with made.child:
        yield made
        made.child.kill()


class TestWhatTheGuardSays:
    """It is what ``check`` says, or ``unknown``; drift that is certain is drift, whatever else is not."""

    def test_it_is_what_check_says_or_unknown(self, world: World) -> None:
        outcomes: Counter[str] = Counter()

        @given(worlds.worlds())
        @settings(max_examples=150, deadline=None)
        def is_the_same(made: tuple[worlds.Written, list[worlds.Dist]]) -> None:
            policy, content = made
            path = policy.write(world.project)
            world.hold(content)
            try:
                verdict = world.check(path)
            except PolicyError:
                reject()  # a policy that contradicts its lock
            said = world.guard(path)
            outcomes[said.outcome] += 1
            assert said.outcome in ("unknown", verdict.verdict), (verdict, said)

        is_the_same()
        assert outcomes["compliant"] >= 10, outcomes
        assert outcomes["drifted"] >= 10, outcomes
