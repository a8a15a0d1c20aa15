"""Experiment trackers: their active runs are told by what the environment was judged.

Rules
1. A tracker counts only where the script has imported it, and has a run active: none is begun here.
2. All four tags are set each time, also empty: none is left of an earlier verdict.
3. What a tracker raises is said in one line, and the script goes on.
"""

import sys

from envguard.guard.report import printable, say, words_of
from envguard.guard.requiring import judge, latest_verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

    from envguard.guard.verdict import Verdict


def tag_run(verdict=None):
    # type: (Optional[Verdict]) -> List[str]
    """Tell the active runs of MLflow and W&B by what the environment was judged; answer which were told.

    Without a verdict: what was last decided in this process, else what the policy of the project says now.
    Nothing is raised.
    """
    told = []  # type: List[str]
    for name, has_run, tell in (
        ("mlflow", _is_mlflow_active, _tell_mlflow),
        ("wandb", _is_wandb_active, _tell_wandb),
    ):
        tracker = sys.modules.get(name)
        try:
            if has_run(tracker):
                verdict = verdict or latest_verdict() or judge(None)
                tell(tracker, verdict)
                told.append(name)
        except Exception as error:  # noqa: BLE001 - whatever a tracker raises, the run is worth more than its tags
            say(printable(["envguard: %s was not told the verdict: %s" % (name, words_of(error))]))
    return told


def _is_mlflow_active(mlflow):
    # type: (Any) -> bool
    """Whether a run is active; a module of that name that is no tracker has none."""
    active_run = getattr(mlflow, "active_run", None)
    return callable(active_run) and active_run() is not None


def _is_wandb_active(wandb):
    # type: (Any) -> bool
    return getattr(wandb, "run", None) is not None


def _tell_mlflow(mlflow, verdict):
    # type: (Any, Verdict) -> None
    told = {"envguard." + name: "" if each is None else str(each) for name, each in _tags(verdict).items()}
    mlflow.set_tags(told)


def _tell_wandb(wandb, verdict):
    # type: (Any, Verdict) -> None
    wandb.run.config.update({"envguard": _tags(verdict)}, allow_val_change=True)


def _tags(verdict):
    # type: (Verdict) -> Dict[str, Any]
    return {
        "digest": verdict.digest,
        "policy": verdict.policy,
        "revision": verdict.revision,
        "verdict": verdict.verdict,
    }
