"""Holds a team's Python environments to the versions that the team agreed on.

PYTEST_DONT_REWRITE: pytest takes a part of this as a plugin, and warns where a script has imported it before.
"""

import sys

__version__ = "0.1.0"

__all__ = ["EnvironmentDrift", "require", "stamp", "tag_run"]

TYPE_CHECKING = False  # typing takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike
    from typing import Literal

    from envguard.guard.verdict import EnvironmentDrift as EnvironmentDrift
    from envguard.guard.verdict import Verdict

    def require(
        policy: str | None = None,
        /,
        *,
        python: str | None = None,
        on_drift: Literal["raise", "warn"] = "raise",
        on_unknown: Literal["raise", "warn", "ignore"] = "raise",
        same_on_all_ranks: bool = False,
        **packages: str,
    ) -> Verdict:
        """Raise unless this interpreter's environment is what it must be; answer the verdict."""

    def stamp(directory: str | PathLike[str], params: Mapping[str, object] | None = None) -> None:
        """Write into a folder in which environment this process runs; ``params`` are what you say of it."""

    def tag_run(verdict: Verdict | None = None) -> list[str]:
        """Tell the active runs of MLflow and W&B by what this environment was judged."""

else:
    _ROOMS = {
        "EnvironmentDrift": "envguard.guard.verdict",
        "load_ipython_extension": "envguard.guard.notebook",  # `%load_ext envguard` asks for it
        "require": "envguard.guard.requiring",
        "stamp": "envguard.cli.stamping",
        "tag_run": "envguard.guard.trackers",
        "unload_ipython_extension": "envguard.guard.notebook",
    }

    def __getattr__(name):
        """Import what is asked for: the commands do without."""
        if name not in _ROOMS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        room = _ROOMS[name]
        __import__(room)  # as a text: these rooms are above all others, which ask here for the version
        return getattr(sys.modules[room], name)
