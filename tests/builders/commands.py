"""``envguard`` in a process of its own that need not import it: forked from one that has.

A plain start takes a third of a second on a busy machine, nearly all of it to import the program; the suite
starts it thousands of times. What a start alone decides is tested with plain starts: its encoding, what it
imports, signals, a terminal.
"""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from envguard import cli
from envguard.cli.main import main

_WITHIN_S = 60.0
_READ_AT_THE_START = ("PYTHON", "LC_", "LANG", "LD_")

_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(
    [__name__, *(f"{cli.__name__}.{module.name}" for module in pkgutil.iter_modules(cli.__path__))]
)


def can_fork(environ: Mapping[str, str]) -> bool:
    """Whether the interpreter's own start reads nothing of an environment that is not so here."""
    names = {*environ, *os.environ}
    return not any(
        name.startswith(_READ_AT_THE_START) and environ.get(name) != os.environ.get(name) for name in names
    )


def run_forked(arguments: Sequence[str], cwd: Path, environ: Mapping[str, str]) -> tuple[int, str, str]:
    """Answer the exit code, standard output and standard error; standard input is empty."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = _FORKING.Process(
            target=_become, args=(tuple(arguments), str(cwd), dict(environ), str(out), str(err))
        )
        process.start()
        process.join(_WITHIN_S)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise TimeoutError(f"{arguments} took over {_WITHIN_S} seconds")
        code = process.exitcode
        process.close()
        return code, out.read_text(), err.read_text()


def _become(arguments: tuple[str, ...], cwd: str, environ: dict[str, str], out: str, err: str) -> None:
    for path, descriptor in ((out, 1), (err, 2)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = ["envguard", *arguments]
    main()
