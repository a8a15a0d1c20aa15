"""Experiment trackers: modules with the documented calls of MLflow and W&B that print what they are told.

The real ones, with what they need, are ten times as large as all that the tests need otherwise.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.environments import write_tree
from tests.guard.agent_lines import DRIFT, lines, whole, write
from tests.guard.places import Place

MLFLOW = """
import json
_active = []


def start_run():
    _active.append(object())


def active_run():
    return _active[-1] if _active else None


def set_tags(tags):
    if not _active:
        raise RuntimeError("a run was begun")
    if not all(isinstance(text, str) for each in tags.items() for text in each):
        raise TypeError(tags)
    print("mlflow " + json.dumps(tags, sort_keys=True))
"""
WANDB = """
import json
run = None


class Config(dict):
    def update(self, told, allow_val_change=None):
        if any(self.get(key) not in (None, told[key]) for key in told) and not allow_val_change:
            raise ValueError("a value would change")
        dict.update(self, told)
        print("wandb " + json.dumps(told, sort_keys=True))


class Run(object):
    def __init__(self):
        self.config = Config()


def init():
    global run
    run = Run()
"""
TAGS = {
    "envguard.digest": "sha256:d",
    "envguard.policy": "rl-team",
    "envguard.revision": "8",
    "envguard.verdict": "compliant",
}
CONFIG = {"digest": "sha256:d", "policy": "rl-team", "revision": 8, "verdict": "compliant"}
OF_VERSIONS = {
    "envguard.digest": "",
    "envguard.policy": "",
    "envguard.revision": "",
    "envguard.verdict": "compliant",
}


def add_trackers(place: Place, **modules: str) -> None:
    write_tree(place.site, {f"{name}.py": text for name, text in modules.items()})


def told(place: Place, script: str, **environ: str) -> list[tuple[str, object]]:
    """What each tracker was told, in the order of it."""
    done = place.run(script, **environ)
    assert done.code == 0, done.err
    split = [line.partition(" ") for line in done.out.splitlines()]
    return [(name, json.loads(text)) for name, _, text in split]


def test_old_and_new_pythons_tell_the_active_runs(some_place: Place) -> None:
    add_trackers(some_place, mlflow=MLFLOW, wandb=WANDB)
    write(some_place, whole(lines(some_place)))
    script = (
        "import mlflow, wandb, envguard_guard\nmlflow.start_run()\nwandb.init()\nenvguard_guard.require()\n"
    )
    assert told(some_place, script) == [("mlflow", TAGS), ("wandb", {"envguard": CONFIG})]


def test_a_refused_run_says_so(place: Place) -> None:
    add_trackers(place, mlflow=MLFLOW)
    write(place, whole(lines(place, "drifted", findings=[DRIFT])))
    done = place.run("import mlflow, envguard_guard\nmlflow.start_run()\nenvguard_guard.require()\n")
    assert done.code == 1
    assert json.loads(done.out.partition(" ")[2]) == {**TAGS, "envguard.verdict": "drifted"}


def test_no_tracker_is_imported_and_no_run_begun(place: Place) -> None:
    add_trackers(place, mlflow=MLFLOW, wandb=WANDB)
    write(place, whole(lines(place)))
    script = "import sys, envguard_guard\nenvguard_guard.require()\n"
    script += "print({'mlflow', 'wandb'} & set(sys.modules))\n"
    assert place.run(script).out == "set()\n"
    assert told(place, "import mlflow, wandb, envguard_guard\nenvguard_guard.require()\n") == []


def test_a_run_that_begins_later_is_told_when_asked(place: Place) -> None:
    add_trackers(place, mlflow=MLFLOW)
    write(place, whole(lines(place)))
    script = (
        "import mlflow, envguard_guard\n"
        "envguard_guard.require()\n"
        "assert envguard_guard.tag_run() == []\n"
        "mlflow.start_run()\n"
        "assert envguard_guard.tag_run() == ['mlflow']\n"
    )
    assert told(place, script) == [("mlflow", TAGS)]


def test_a_run_of_a_script_that_asked_nothing_is_told_the_projects_policy(place: Place) -> None:
    add_trackers(place, mlflow=MLFLOW)
    write(place, whole(lines(place, "drifted", findings=[DRIFT])))
    script = "import mlflow, envguard_guard\nmlflow.start_run()\nenvguard_guard.tag_run()\n"
    assert told(place, script) == [("mlflow", {**TAGS, "envguard.verdict": "drifted"})]


def test_nothing_is_left_of_an_earlier_verdict(place: Place) -> None:
    add_trackers(place, mlflow=MLFLOW, wandb=WANDB)
    write(place, whole(lines(place)))
    script = (
        "import mlflow, wandb, envguard_guard\nmlflow.start_run()\nwandb.init()\n"
        "envguard_guard.require()\nenvguard_guard.require(python='>=3')\n"
    )
    empty = {"digest": None, "policy": None, "revision": None, "verdict": "compliant"}
    assert told(place, script)[2:] == [("mlflow", OF_VERSIONS), ("wandb", {"envguard": empty})]


@pytest.mark.parametrize(
    "module",
    [
        "def active_run():\n    raise OSError('the server\\033[2J is away')\n",
        MLFLOW.replace("if not _active:", "if True:"),
    ],
    ids=["no run can be asked for", "no tag can be set"],
)
def test_what_a_tracker_raises_is_one_line_and_the_script_goes_on(place: Place, module: str) -> None:
    add_trackers(place, mlflow=module + "\ndef start_run(): _active.append(1)\n")
    script = "import mlflow, envguard_guard\nenvguard_guard.require(python='>=3')\nprint('trained')\n"
    if "_active" in module:
        script = script.replace("\n", "\nmlflow.start_run()\n", 1)
    done = place.run(script)
    assert (done.code, done.out) == (0, "trained\n")
    assert done.err.startswith("envguard: mlflow was not told the verdict: ")
    assert done.err.count("\n") == 1
    assert "\033" not in done.err


def test_old_and_new_pythons_say_what_a_tracker_raises_in_no_ascii(some_place: Place) -> None:
    add_trackers(some_place, mlflow="def active_run():\n    raise OSError(u'verboten f\\xfcr Sie')\n")
    script = "import mlflow, envguard_guard\nenvguard_guard.require(python='>=2')\nprint('trained')\n"
    done = some_place.run(script)
    assert (done.code, done.out) == (0, "trained\n"), done.err
    assert done.err.startswith("envguard: mlflow was not told the verdict: ")
    assert "verboten" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("text", ["", "run = None\n", "active_run = None\ndef run(uri): pass\n"])
def test_a_module_that_is_no_tracker_is_left_alone(place: Place, text: str) -> None:
    add_trackers(place, mlflow=text)
    done = place.run(
        "import mlflow, envguard_guard\nenvguard_guard.require(python='>=3')\nenvguard_guard.tag_run()\n"
    )
    assert (done.code, done.out, done.err) == (0, "", "")


def test_a_stamp_tells_the_verdict_of_its_receipt(tmp_path: Path) -> None:
    (tmp_path / "rl-team.yaml").write_text('envguard: 1\nname: rl-team\npackages: {msgspec: ">=0.1"}\n')
    (tmp_path / "mlflow.py").write_text(MLFLOW)
    script = tmp_path / "train.py"
    script.write_text("import mlflow, envguard\nmlflow.start_run()\nenvguard.stamp('runs/1')\n")
    environ = {**os.environ, "ENVGUARD_STATE": str(tmp_path / "state"), "ENVGUARD_POLICY": "./rl-team.yaml"}
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    receipt = json.loads((tmp_path / "runs" / "1" / "receipt.json").read_text())
    assert json.loads(done.stdout.partition(" ")[2]) == {
        "envguard.digest": receipt["judgement"]["verdict"]["digest"],
        "envguard.policy": "rl-team",
        "envguard.revision": "",
        "envguard.verdict": "compliant",
    }


def test_the_package_has_the_same_call(tmp_path: Path) -> None:
    place = Place(Path(sys.prefix), tmp_path / "project")
    (place.project / "mlflow.py").write_text(MLFLOW)
    script = (
        "import mlflow, envguard\nverdict = envguard.require(python='>=3')\nmlflow.start_run()\n"
        "assert envguard.tag_run(verdict) == ['mlflow']\n"
    )
    assert told(place, script) == [("mlflow", OF_VERSIONS)]
