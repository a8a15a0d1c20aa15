"""From where a person looks at a machine: paths are shown as short as that allows."""

from __future__ import annotations

import msgspec


class Here(msgspec.Struct, frozen=True):
    """The folder and the home of who reads the output; None where there is none."""

    cwd: str | None = None
    home: str | None = None

    def shown(self, path: str) -> str:
        """Answer the path relative to the current folder if it is below it, else by ``~``, else as it is."""
        inside = _below(path, self.cwd)
        if inside is not None:
            return inside or "."
        inside = _below(path, self.home)
        return path if inside is None else f"~/{inside}".rstrip("/")


def _below(path: str, folder: str | None) -> str | None:
    """Answer the rest of the path below a folder; None where it is elsewhere, or all there is is below it."""
    if folder is None or not folder.strip("/"):
        return None
    start = folder.rstrip("/") + "/"
    return (path.rstrip("/") + "/")[len(start) :].rstrip("/") if (path + "/").startswith(start) else None
