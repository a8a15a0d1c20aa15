"""One interpreter that stays alive and answers, over a pipe, what it finds in some folders."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

_PROGRAM = r"""
import email, importlib, importlib.metadata as metadata, json, os, site, sys
def look(folder):
    sys.path[:] = []
    site.addsitedir(folder, set())
    importlib.invalidate_caches()
    return [one for place in sys.path for one in found_in(place)]
def found_in(place):
    for one in metadata.distributions(path=[place]):
        headers, strict = headers_of(one)
        yield {
            'place': os.fsencode(place).hex(),
            'entry': os.fsencode(one._path.name).hex(),
            'name': headers['Name'],
            'version': headers['Version'],
            'is_strict': strict,
        }
def headers_of(one):
    places = ('METADATA', 'PKG-INFO', '')
    try:
        text = next(filter(None, map(one.read_text, places)), '')
        if not text.startswith(chr(0xFEFF)):
            return one.metadata, True
    except UnicodeDecodeError:
        pass
    raw = (one._path.joinpath(place) for place in places)
    content = next(filter(None, (file.read_bytes() for file in raw if file.is_file())))
    return email.message_from_string(content.decode('utf-8-sig', 'backslashreplace')), False
path, warn = list(sys.path), sys.stderr
for line in sys.stdin:
    sys.stderr = open(os.devnull, 'w')
    answer = look(os.fsdecode(bytes.fromhex(line.strip())))
    sys.stderr.close()
    sys.stderr = warn
    sys.path[:] = path
    print(json.dumps(answer), flush=True)
"""


class Found(TypedDict):
    """A distribution as ``importlib.metadata`` sees it."""

    place: str
    """The folder of the path, its bytes in hexadecimal."""
    entry: str
    """Its own name in that folder, likewise."""
    name: str | None
    version: str | None
    is_strict: bool
    """It could read the metadata; else a lenient reading of the same bytes stands here (see the table)."""


class Asked:
    """The interpreter at the other end of the pipe."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child

    def distributions(self, site_folder: Path) -> list[Found]:
        """Answer what it finds in a site folder and in what its path files add, in its own order."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(os.fsencode(site_folder).hex() + "\n")
        self._child.stdin.flush()
        answer: list[Found] = json.loads(self._child.stdout.readline())
        return answer


@contextmanager
def asking(python: Path) -> Iterator[Asked]:
    """Give an interpreter to ask; it ends with the block."""
    environ = {"PATH": os.defpath, "HOME": os.devnull, "PYTHONUTF8": "1"}
    command = [str(python), "-c", _PROGRAM]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environ, cwd="/") as child:
        yield Asked(child)
        assert child.stdin is not None
        child.stdin.close()
        child.wait(timeout=10)
