"""uv as an installer."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence

from envguard.updater.indexes import Indexes, without_tools
from envguard.updater.interface import Command, InstallerName

_ELSEWHERE = frozenset({"SSL_CERT_FILE", "ALL_PROXY"})
"""Variables that are not uv's alone."""


class ByUv:
    """uv; it takes no settings of its own files, which may change what is made."""

    name: InstallerName = "uv"

    def __init__(self, uv: str, indexes: Indexes, environ: Mapping[str, str], bundled: str | None) -> None:
        """Take the program, where packages come from, and a folder that has the tools of the interpreter."""
        self._uv = uv
        self._indexes = indexes
        self._bundled = bundled
        self._environ = {**without_tools(environ), **_variables(indexes)}

    def make(self, python: str, folder: str) -> Command:
        """Answer what makes an environment without anything in it."""
        return self._command("venv", "--no-project", "--allow-existing", "--python", python, folder)

    def install(
        self, folder: str, requirements: Sequence[str], *, by_hash: bool, anew: bool = False
    ) -> Command:
        """Answer what installs requirements. Files are copied: a link would lead into uv's cache."""
        words = ["--python", _python(folder), "--no-deps", "--link-mode", "copy"]
        if by_hash:
            words.append("--require-hashes")
            if "INDEX_STRATEGY" not in self._indexes.fetching:
                words += ["--index-strategy", "unsafe-best-match"]  # safe: the digest is asked for
        if self._indexes.no_index:
            words.append("--no-index")  # there is no variable for it
        if anew:
            words += ["--reinstall", "--no-cache"]
        links = [*self._indexes.find_links, *([self._bundled] if self._bundled is not None else [])]
        if not _hold_secrets(self._indexes.find_links):  # else a variable names them, and no option may
            words += [word for each in links for word in ("--find-links", each)]
        return self._command("pip", "install", *words, *requirements)

    def remove(self, folder: str, names: Sequence[str]) -> Command:
        """Answer what removes packages."""
        return self._command("pip", "uninstall", "--python", _python(folder), *names)

    def line(self, python: str, words: Sequence[str]) -> str:
        """Answer what a person types to install something."""
        return shlex.join(["uv", "pip", "install", "--python", python, "--no-deps", *words])

    def _command(self, *words: str) -> Command:
        return Command((self._uv, *words), self._environ)


def _variables(indexes: Indexes) -> dict[str, str]:
    told = {"NO_CONFIG": "1", "PYTHON_DOWNLOADS": "never", "NO_PROGRESS": "1", **indexes.fetching}
    if indexes.index is not None:
        told["DEFAULT_INDEX"] = indexes.index
    if indexes.further:
        told["INDEX"] = " ".join(indexes.further)
    if _hold_secrets(indexes.find_links):
        told["FIND_LINKS"] = ",".join(indexes.find_links)
    return {name if name in _ELSEWHERE else f"UV_{name}": value for name, value in told.items()}


def _hold_secrets(links: Sequence[str]) -> bool:
    """Whether an address among them may hold a password: then none is told on a command line."""
    return any("://" in each and "@" in each for each in links)


def _python(folder: str) -> str:
    return os.path.join(folder, "bin", "python")
