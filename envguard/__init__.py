"""Holds a team's Python environments to the versions that the team agreed on."""

__version__ = "0.1.0"

__all__ = ["EnvironmentDrift", "require", "stamp"]

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

else:

    def __getattr__(name):
        """Import what is asked for: the commands do without."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name == "stamp":
            from importlib import import_module  # it is above all rooms, which ask here for the version

            return import_module("envguard.cli.stamping").stamp
        if name == "require":
            from envguard.guard.requiring import require

            return require
        from envguard.guard.verdict import EnvironmentDrift

        return EnvironmentDrift
