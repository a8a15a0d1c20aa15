"""A corpus of bad policies: every problem of each is told, at its place, with the way on.

Beside each ``NAME.yaml`` stands ``NAME.expected``: what is printed, line by line.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from envguard.errors import PolicyError
from envguard.formats import load_policy

CORPUS = Path(__file__).parent / "bad_policies"
FILES = sorted(CORPUS.glob("*.yaml"))


def told(path: Path) -> str:
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    lines = []
    for problem in caught.value.problems or (caught.value,):
        lines.append(str(problem))
        lines += [f"  hint: {problem.hint}"] if problem.hint else []
    return "".join(f"{line}\n" for line in lines).replace(f"{CORPUS}/", "").replace(str(CORPUS), "HERE")


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_every_problem_is_told(path: Path) -> None:
    started = time.process_time()
    found = told(path)
    assert time.process_time() - started < 1
    assert found == path.with_suffix(".expected").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_no_secret_and_no_control_character_is_told(path: Path) -> None:
    found = told(path)
    assert "secret" not in found
    assert found.replace("\n", "").isprintable()


def test_every_expectation_has_its_policy() -> None:
    assert {path.stem for path in CORPUS.glob("*.expected")} == {path.stem for path in FILES}
