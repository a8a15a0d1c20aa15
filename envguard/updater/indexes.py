"""Where packages are fetched from, as a person set it up for pip and uv; and nothing else of those settings.

Rules
1. Options go before variables, variables before files, the project's files before the person's, and those
   before the machine's.
2. Taken are addresses of indexes, folders of files, certificates, proxies, time limits and caches. What else
   the settings say (a target, a constraint, pre-releases) would change what is made: it is left out.
3. Where uv installs and nothing is set up for it, what is set up for pip counts.
4. An address may hold a password: it goes into variables, never into a command line.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from envguard.inventory.files import Reader

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PIP_FETCHING = frozenset(
    {
        "CACHE_DIR",
        "CERT",
        "CLIENT_CERT",
        "DEFAULT_TIMEOUT",
        "KEYRING_PROVIDER",
        "PROXY",
        "RETRIES",
        "TIMEOUT",
        "TRUSTED_HOST",
    }
)
_UV_FETCHING = frozenset(
    {
        "CACHE_DIR",
        "CONCURRENT_BUILDS",
        "CONCURRENT_DOWNLOADS",
        "HTTP_RETRIES",
        "HTTP_TIMEOUT",
        "INDEX_STRATEGY",
        "INSECURE_HOST",
        "KEYRING_PROVIDER",
        "NATIVE_TLS",
        "OFFLINE",
        "SYSTEM_CERTS",
    }
)
_UV_KEYS = {
    "allow-insecure-host": "INSECURE_HOST",
    "cache-dir": "CACHE_DIR",
    "index-strategy": "INDEX_STRATEGY",
    "keyring-provider": "KEYRING_PROVIDER",
    "native-tls": "NATIVE_TLS",
    "system-certs": "SYSTEM_CERTS",
}
_UV_LOGIN = re.compile(r"INDEX_[A-Z0-9_]+_(?:USERNAME|PASSWORD)")
_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})
_CAP_BYTES = 1024 * 1024


class Indexes(msgspec.Struct, frozen=True, kw_only=True):
    """Where packages come from."""

    index: str | None = None
    """None: what the tool takes by itself."""
    further: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    fetching: Mapping[str, str] = {}
    """How the tool fetches, as variables without ``PIP_`` or ``UV_``."""

    @property
    def says_where(self) -> bool:
        """Whether anything is said of where packages come from."""
        return bool(self.index or self.further or self.find_links or self.no_index)


def indexes_of_pip(given: Indexes, environ: Mapping[str, str]) -> Indexes:
    """Answer what is set up for pip; ``given`` is what the command line says."""
    settings: dict[str, str] = {}
    for path in _pip_files(environ):
        settings.update(_in_pip_file(path))
    settings.update(_variables("PIP_", environ))
    return _laid_over(
        given,
        Indexes(
            index=settings.get("INDEX_URL") or None,
            further=tuple(settings.get("EXTRA_INDEX_URL", "").split()),
            find_links=tuple(settings.get("FIND_LINKS", "").split()),
            no_index=settings.get("NO_INDEX", "").lower() in _TRUE,
            fetching={name: settings[name] for name in sorted(_PIP_FETCHING & settings.keys())},
        ),
    )


def indexes_of_uv(given: Indexes, environ: Mapping[str, str], cwd: str) -> Indexes:
    """Answer what is set up for uv, else for pip; ``given`` is what the command line says."""
    found = _from_uv_files(environ, cwd)
    told = _variables("UV_", environ)
    index = told.get("DEFAULT_INDEX") or told.get("INDEX_URL") or found.index
    further = (*told.get("INDEX", "").split(), *told.get("EXTRA_INDEX_URL", "").split())
    links = tuple(filter(None, told.get("FIND_LINKS", "").split(",")))
    named = {name: value for name, value in told.items() if name in _UV_FETCHING or _UV_LOGIN.fullmatch(name)}
    own = Indexes(
        index=index,
        further=(*further, *found.further),
        find_links=(*links, *found.find_links),
        no_index=found.no_index or told.get("NO_INDEX", "").lower() in _TRUE,
        fetching={**found.fetching, **named},
    )
    if own.says_where or given.says_where:
        return _laid_over(given, own)
    of_pip = indexes_of_pip(given, environ)
    return msgspec.structs.replace(of_pip, fetching={**_as_uv_has_it(of_pip.fetching), **own.fetching})


def without_tools(environ: Mapping[str, str]) -> dict[str, str]:
    """Answer the variables without those that lead a Python, pip or uv."""
    leading = ("PIP_", "UV_", "PYTHON", "VIRTUAL_ENV", "CONDA_", "_CONDA", "__PYVENV", "SETUPTOOLS_")
    kept = {name: value for name, value in environ.items() if not name.startswith(leading)}
    return {
        **kept,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": kept.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes"),
    }


def content_of(path: str | Path) -> str:
    """Answer what a file of settings holds; nothing where it is none, or cannot be read."""
    try:
        return Reader(os.geteuid()).read(os.fspath(path), cap_bytes=_CAP_BYTES).decode("utf-8")
    except (OSError, ValueError):
        return ""


def _laid_over(given: Indexes, own: Indexes) -> Indexes:
    return Indexes(
        index=given.index or own.index,
        further=given.further or own.further,
        find_links=given.find_links or own.find_links,
        no_index=given.no_index or (own.no_index and not given.index),
        fetching=own.fetching,
    )


def _variables(prefix: str, environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(prefix): value
        for name, value in environ.items()
        if name.startswith(prefix) and value
    }


def _pip_files(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield pip's own files, those that count more later (pip, "Configuration")."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    for folder in filter(None, environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep)):
        yield Path(folder, "pip", "pip.conf")
    yield Path("/etc/pip.conf")
    home = environ.get("HOME")
    if home:
        yield Path(home, ".pip", "pip.conf")
        yield Path(home, "Library", "Application Support", "pip", "pip.conf")
        yield Path(environ.get("XDG_CONFIG_HOME") or Path(home, ".config"), "pip", "pip.conf")
    if named:
        yield Path(named)


def _in_pip_file(path: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(content_of(path))
    except configparser.Error:
        return {}
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            found.update({key.upper().replace("-", "_"): value for key, value in parser.items(section)})
    return found


def _from_uv_files(environ: Mapping[str, str], cwd: str) -> Indexes:
    found = Indexes()
    for table in _uv_tables(environ, cwd):
        found = _joined(found, _in_uv_table(table))
    return found


def _uv_tables(environ: Mapping[str, str], cwd: str) -> Iterator[dict[str, Any]]:
    """Yield the settings of uv's files, those that count more first (uv, "Configuration files")."""
    if environ.get("UV_NO_CONFIG", "").lower() in _TRUE:
        return
    named = environ.get("UV_CONFIG_FILE")
    if named:
        yield _toml(Path(named))
        return
    for folder in (Path(cwd), *Path(cwd).parents):
        own, project = _toml(folder / "uv.toml"), _toml(folder / "pyproject.toml")
        table = own or _table(_table(project, "tool"), "uv")
        if table:
            yield table
            break
    home = environ.get("HOME")
    if home:
        yield _toml(Path(environ.get("XDG_CONFIG_HOME") or Path(home, ".config"), "uv", "uv.toml"))
    yield _toml(Path("/etc/uv/uv.toml"))


def _in_uv_table(table: Mapping[str, Any]) -> Indexes:
    both = {**table, **_table(table, "pip")}
    listed = [
        each for each in _list(table, "index") if isinstance(each, dict) and isinstance(each.get("url"), str)
    ]
    default = next((_named(each) for each in listed if each.get("default") is True), None)
    index = both.get("index-url")
    more = [_named(each) for each in listed if _named(each) != default]
    fetching = {variable: _text(both[key]) for key, variable in _UV_KEYS.items() if key in both}
    if any(each.get("explicit") is True for each in listed):
        fetching.setdefault(
            "INDEX_STRATEGY", "unsafe-best-match"
        )  # which package is meant for which is not known
    return Indexes(
        index=default or (index if isinstance(index, str) else None),
        further=(*more, *(each for each in _list(both, "extra-index-url") if isinstance(each, str))),
        find_links=tuple(each for each in _list(both, "find-links") if isinstance(each, str)),
        no_index=both.get("no-index") is True,
        fetching=fetching,
    )


def _joined(first: Indexes, then: Indexes) -> Indexes:
    return Indexes(
        index=first.index or then.index,
        further=(*first.further, *then.further),
        find_links=(*first.find_links, *then.find_links),
        no_index=first.no_index or then.no_index,
        fetching={**then.fetching, **first.fetching},
    )


def _as_uv_has_it(fetching: Mapping[str, str]) -> dict[str, str]:
    names = {"CERT": "SSL_CERT_FILE", "TRUSTED_HOST": "INSECURE_HOST", "PROXY": "ALL_PROXY"}
    told = {names[name]: value for name, value in fetching.items() if name in names}
    return {"INDEX_STRATEGY": "unsafe-best-match", **told}  # to pip, all indexes are one


def _named(index: Mapping[str, Any]) -> str:
    """An index as uv's variables have it: a login may be told by its name."""
    return f"{index['name']}={index['url']}" if isinstance(index.get("name"), str) else str(index["url"])


def _text(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _table(table: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = table.get(key)
    return found if isinstance(found, dict) else {}


def _list(table: Mapping[str, Any], key: str) -> list[Any]:
    found = table.get(key)
    return found if isinstance(found, list) else []


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(content_of(path))
    except tomllib.TOMLDecodeError:
        return {}
