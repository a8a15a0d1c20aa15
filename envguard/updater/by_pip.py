"""pip as an installer: the one that an interpreter puts into the environments that it makes.

Rules
1. pip gets no settings but those that say where packages are, and how to fetch them.
2. What pip builds, it builds with a child whose command line has the addresses of the indexes. So passwords
   are told by a netrc file, which lies with the work; where that cannot be, nothing is built.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from urllib.parse import unquote, urlsplit

from envguard.updater.indexes import Indexes, content_of, without_tools
from envguard.updater.interface import Command, InstallerName
from envguard.updater.place import UNFINISHED

_NETRC = "netrc"
_PLAIN = re.compile(r"[!-~]+")
_QUOTED = re.compile(r"(?P<odd>[\\\"])")


class ByPip:
    """pip, by an environment's own interpreter."""

    name: InstallerName = "pip"

    def __init__(
        self, indexes: Indexes, environ: Mapping[str, str], bundled: str | None, *, reads_netrc: bool
    ) -> None:
        """Take where packages come from, and a folder that has the tools of the interpreter.

        ``reads_netrc``: whether this pip knows the variable that names such a file.
        """
        self._environ = dict(environ)
        self._indexes = indexes
        self._bundled = bundled
        self._reads_netrc = reads_netrc

    def make(self, python: str, folder: str) -> Command:
        """Answer what makes an environment with pip in it."""
        return Command((python, "-I", "-m", "venv", folder), without_tools(self._environ))

    def install(
        self, folder: str, requirements: Sequence[str], *, by_hash: bool, anew: bool = False
    ) -> Command:
        """Answer what installs requirements."""
        words = ["--no-deps", "--no-input", "--progress-bar", "off", "--no-warn-script-location"]
        words += ["--require-hashes"] if by_hash else []
        words += ["--force-reinstall", "--no-cache-dir"] if anew else []
        told, netrc = self._indexes, ""
        if any(map(_has_login, _addresses(told))):
            netrc = _netrc_of(told) if self._reads_netrc else ""
            told = _without_logins(told) if netrc else told
            words += [] if netrc else ["--only-binary", ":all:"]
        is_by_variable = any(map(_has_login, told.find_links))
        links = [*(() if is_by_variable else told.find_links), *([self._bundled] if self._bundled else [])]
        words += [word for each in links for word in ("--find-links", each)]
        environ = _variables(told, find_links=told.find_links if is_by_variable else ())
        return self._command(folder, environ, netrc, "install", *words, *requirements)

    def remove(self, folder: str, names: Sequence[str]) -> Command:
        """Answer what removes packages; pip itself comes last."""
        ordered = sorted(names, key=lambda name: (name == "pip", name))
        return self._command(folder, _variables(Indexes()), "", "uninstall", "--yes", *ordered)

    def line(self, python: str, words: Sequence[str]) -> str:
        """Answer what a person types to install something."""
        return shlex.join([python, "-m", "pip", "install", "--no-deps", *words])

    def _command(self, folder: str, variables: Mapping[str, str], netrc: str, *words: str) -> Command:
        environ = {**without_tools(self._environ), **variables}
        if netrc:
            environ["NETRC"] = os.path.join(folder, UNFINISHED, _NETRC)
            netrc += _own_netrc(self._environ)
        python = os.path.join(folder, "bin", "python")
        pip = (python, "-I", "-m", "pip", "--disable-pip-version-check")
        return Command((*pip, *words), environ, {_NETRC: netrc} if netrc else {})


def _variables(indexes: Indexes, find_links: Sequence[str] = ()) -> dict[str, str]:
    told = {"CONFIG_FILE": os.devnull, **indexes.fetching}
    if indexes.index is not None:
        told["INDEX_URL"] = indexes.index
    if indexes.further:
        told["EXTRA_INDEX_URL"] = " ".join(indexes.further)
    if indexes.no_index:
        told["NO_INDEX"] = "1"
    if find_links:
        told["FIND_LINKS"] = " ".join(find_links)
    return {f"PIP_{name}": value for name, value in told.items()}


def _addresses(indexes: Indexes) -> tuple[str, ...]:
    index = () if indexes.index is None else (indexes.index,)
    return (*index, *indexes.further, *indexes.find_links)


def _has_login(address: str) -> bool:
    return "://" in address and "@" in urlsplit(address).netloc


def _netrc_of(indexes: Indexes) -> str:
    """The logins as a netrc file has them; nothing where one cannot be told there, or two are of one host."""
    found: dict[str, str] = {}
    for address in filter(_has_login, _addresses(indexes)):
        parts = urlsplit(address)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        host = parts.hostname or ""
        entry = f"machine {host} login {_quoted(user)} password {_quoted(password)}\n"
        is_plain = all(map(_PLAIN.fullmatch, (host, user, password)))
        if not is_plain or found.setdefault(host, entry) != entry:
            return ""
    return "".join(found.values())


def _own_netrc(environ: Mapping[str, str]) -> str:
    """What the person's own file says, which ours stands before."""
    return content_of(environ.get("NETRC") or os.path.join(environ.get("HOME") or "", ".netrc"))


def _quoted(text: str) -> str:
    return '"' + _QUOTED.sub(r"\\\g<odd>", text) + '"'


def _without_logins(indexes: Indexes) -> Indexes:
    return Indexes(
        index=_without_login(indexes.index) if indexes.index is not None else None,
        further=tuple(map(_without_login, indexes.further)),
        find_links=tuple(map(_without_login, indexes.find_links)),
        no_index=indexes.no_index,
        fetching=indexes.fetching,
    )


def _without_login(address: str) -> str:
    if not _has_login(address):
        return address
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
