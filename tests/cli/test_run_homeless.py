"""``run`` where what envguard keeps cannot be looked into, as in a home that is closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Envguard

NO_PLACE = "/" + 300 * "x"
"""No system has such a name; a closed folder would be open to the superuser, as whom tests may run."""
COMMAND = ("--", ".venv/bin/python", "-c", "print('ran')")


@pytest.mark.parametrize("name", ["ENVGUARD_STATE", "ENVGUARD_CACHE"])
def test_it_is_undecided_and_says_what_to_do(envguard: Envguard, project: Path, name: str) -> None:
    (project / "rl.yaml").write_text("envguard: 1\nname: rl\n")
    run = envguard("run", "--policy", "rl-team", *COMMAND, cwd=project, **{name: NO_PLACE})
    assert (run.code, run.out) == (3, "")
    assert f"hint: name a folder of yours: export {name}=FOLDER" in run.err
    run = envguard(
        "run", "--allow-drift", "no home", "--policy", "rl-team", *COMMAND, cwd=project, **{name: NO_PLACE}
    )
    assert (run.code, run.out) == (0, "ran\n")
