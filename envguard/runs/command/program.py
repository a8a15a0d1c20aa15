"""Programs that start no others, and interpreters: what they run in.

A script runs by the interpreter in its first line; what lies in an environment's ``bin`` runs there. A name
is looked for on the ``PATH`` that it would have there. A shim of pyenv's is what pyenv would run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

from envguard.runs.command.interface import Line, Step, Untold, Used, is_environment, options_of

_PYTHON = re.compile(r"(?:python|pypy)(?:\d+(?:\.\d+)?t?)?")
_EXEC_TRICK = re.compile(rb"'''exec' (?:\"([^\"]+)\"|(\S+)) ")
"""The second line of a script whose interpreter's path is too long for the first."""
_HEAD_BYTES = 1024

_LAUNCHERS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "torchrun": ((), "torch.distributed.run"),
    "accelerate": (("launch",), "accelerate.commands.launch"),
}
"""Scripts that are modules by another name: the words that follow, and the module."""
_LAUNCHING = ("torch.distributed.run", "torch.distributed.launch", "accelerate.commands.launch")
"""Modules that start what follows by the interpreter that runs them, if they are not told otherwise."""
_LAUNCHING_FLAGS = frozenset(
    [
        "standalone",
        "no-python",
        "module",
        "run-path",
        "use-env",
        "cpu",
        "multi-gpu",
        "tpu",
        "ipex",
        "use-xpu",
        "use-deepspeed",
        "use-fsdp",
        "use-megatron-lm",
        "enable-cpu-affinity",
        "debug",
        "quiet",
        "same-network",
        "virtual-local-rank",
    ]
)
"""Their long options that take no value, which they write with ``-`` or with ``_``."""


def find_program(name: str, environ: Mapping[str, str], cwd: str) -> str | None:
    """Answer the file that a shell would run for a name; None where there is none."""
    return next(_programs(name, environ, cwd), None)


def of_program(line: Line) -> Step:
    """Answer what a program uses that is none of those that start others."""
    name = line.words[0]
    place = _behind_shims(name, line)
    if place is None:
        return line.default or Untold(f"there is no command `{name}`")
    if _PYTHON.fullmatch(os.path.basename(place)):
        return _of_python(line, place)
    started_by = _first_line(place)
    if started_by:
        return line._replace(words=(*started_by, *_as_started(place, line.words[1:])))
    prefix = os.path.dirname(os.path.dirname(place))
    if is_environment(prefix):
        return Used(prefix, f"`{name}` lies in it")
    return line.default or Untold(f"`{name}` is no program of Python's")


def _of_python(line: Line, place: str) -> Step:
    used = Used(place, f"`{line.words[0]}`")
    rest = _after_own_options(line.words[1:])
    is_launching = rest[:1] == ("-m",) and rest[1:2] and rest[1] in _LAUNCHING
    return _launched(line._replace(words=rest[2:]), used) if is_launching else used


def _launched(line: Line, used: Used) -> Step:
    """What torchrun and accelerate start: their own interpreter, unless they are told another program."""
    flags = {f"--{each.replace('-', mark)}" for each in _LAUNCHING_FLAGS for mark in "-_"}
    options = options_of(line.words, frozenset({"-r", "-t"}), flags=frozenset(flags))
    if "--no-python" in options.given or "--no_python" in options.given:
        return line._replace(words=options.rest, default=used)
    told = line.environ.get("PYTHON_EXEC")
    return line._replace(words=(told,), default=used) if told else used


def _as_started(place: str, arguments: tuple[str, ...]) -> tuple[str, ...]:
    """A script and its arguments as its interpreter gets them."""
    begin, module = _LAUNCHERS.get(os.path.basename(place), ((), None))
    if module is None or arguments[: len(begin)] != begin:
        return (place, *arguments)
    return ("-m", module, *arguments[len(begin) :])


def _after_own_options(words: tuple[str, ...]) -> tuple[str, ...]:
    """What follows the interpreter's options: ``-m`` and its module, a script, or nothing."""
    left = list(words)
    while left and left[0].startswith("-") and left[0] not in ("-m", "-c", "-"):
        word = left.pop(0)
        if word in ("-W", "-X", "--check-hash-based-pycs"):
            del left[:1]
    return tuple(left)


def _behind_shims(name: str, line: Line) -> str | None:
    for place in _programs(name, line.environ, line.cwd):
        folder, command = os.path.split(place)
        root, shims = os.path.split(folder)
        if os.sep in name or shims != "shims" or not os.path.isdir(os.path.join(root, "versions")):
            return place
        from pathlib import Path

        from envguard.inventory.shims import python_behind_shim

        behind = python_behind_shim(root, command, line.environ, Path(line.cwd))
        if behind is not None:
            return str(behind)
    return None


def _programs(name: str, environ: Mapping[str, str], cwd: str) -> Iterator[str]:
    if not name:
        return
    folders = [""] if os.sep in name else environ.get("PATH", os.defpath).split(os.pathsep)
    for folder in folders:
        place = os.path.join(cwd, folder, name)
        if os.path.isfile(place) and os.access(place, os.X_OK):
            yield os.path.normpath(place) if os.sep not in name else place


def _first_line(place: str) -> tuple[str, ...]:
    """The words by which the system starts a script; none where it is no script, or cannot be read."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ()
    try:
        head = os.read(descriptor, _HEAD_BYTES)
    except OSError:
        return ()
    finally:
        os.close(descriptor)
    if not head.startswith(b"#!"):
        return ()
    first, _, second = head[2:].partition(b"\n")
    trick = _EXEC_TRICK.match(second)
    if trick is not None:
        return (os.fsdecode(trick[1] or trick[2]),)
    return tuple(os.fsdecode(first).split())
