"""What an installer can do, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

InstallerName = Literal["uv", "pip"]


class Command(msgspec.Struct, frozen=True):
    """A command line, with the variables that it gets."""

    words: tuple[str, ...]
    environ: Mapping[str, str]
    secrets: Mapping[str, str] = {}
    """Files for the owner alone, by their names in the folder of the work."""


class Installer(Protocol):
    """A tool that makes an environment and installs into it, and resolves nothing."""

    name: InstallerName

    def make(self, python: str, folder: str) -> Command:
        """Answer what makes an environment of an interpreter in a folder that is there."""
        ...

    def install(
        self, folder: str, requirements: Sequence[str], *, by_hash: bool, anew: bool = False
    ) -> Command:
        """Answer what installs requirements, or files of them with ``-r`` before each.

        ``by_hash``: each has digests, of which one must be met. ``anew``: also what is there already, and
        without what was kept of earlier downloads.
        """
        ...

    def remove(self, folder: str, names: Sequence[str]) -> Command:
        """Answer what removes packages."""
        ...

    def line(self, python: str, words: Sequence[str]) -> str:
        """Answer what a person types to install something into the environment of an interpreter."""
        ...
