"""Holds a team's Python environments to the versions that the team agreed on."""

__version__ = "0.1.0"

__all__ = ["stamp"]

TYPE_CHECKING = False  # typing takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    def stamp(directory: str | PathLike[str], params: Mapping[str, object] | None = None) -> None:
        """Write into a folder in which environment this process runs; ``params`` are what you say of it."""

else:
    _PLACES = {"stamp": "envguard.cli.stamping"}

    def __getattr__(name):
        """Import what is asked for: the commands do without."""
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(_PLACES[name]), name)
