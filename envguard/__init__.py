"""Holds a team's Python environments to the versions that the team agreed on."""

__version__ = "0.1.0"

__all__ = ["EnvironmentDrift", "require"]

TYPE_CHECKING = False  # typing takes longer to import than all of this
if TYPE_CHECKING:
    from typing import Literal

    from envguard.guard import EnvironmentDrift as EnvironmentDrift
    from envguard.guard import Verdict

    def require(
        policy: str | None = None,
        /,
        *,
        python: str | None = None,
        on_drift: Literal["raise", "warn"] = "raise",
        on_unknown: Literal["raise", "warn", "ignore"] = "raise",
        **packages: str,
    ) -> Verdict:
        """Raise unless this interpreter's environment is what it must be; answer the verdict."""

else:

    def __getattr__(name):
        """Import the guard when it is asked for: the commands do without."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from envguard import guard

        return getattr(guard, name)
