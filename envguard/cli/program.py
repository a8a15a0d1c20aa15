"""The ``envguard`` program: a plain command at once, everything else by the tree of commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from envguard.cli.main import STOPPED
from envguard.cli.plain import run_plainly, wants_json
from envguard.cli.streams import open_streams

if TYPE_CHECKING:
    from types import TracebackType


def run_program() -> None:
    """Run the command line and exit: 0 compliant or done, 1 drifted, 2 wrong usage, 3 undecided."""
    open_streams()
    sys.excepthook = _end_by_failure
    try:
        code = _run(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        _stop()
    except OSError as error:
        # Python would exit with 1, which means drifted.
        _end(f"{error.filename or 'standard output'}: {error.strerror or error}")
    sys.exit(code)


def _run(arguments: Sequence[str]) -> int:
    code = run_plainly(arguments)
    if code is None:
        from envguard.cli.commands import run

        return run(arguments)
    sys.stdout.flush()
    os._exit(code)  # it only read; to take the interpreter apart costs 8 % of all


def _end_by_failure(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> NoReturn:
    """End after what nobody foresaw: a failure of ours, or a broken installation."""
    if issubclass(kind, KeyboardInterrupt):
        _stop()  # it came before anything could catch it
    if sys.flags.dev_mode:
        sys.__excepthook__(kind, error, traceback)
    _end(
        f"envguard itself failed: {kind.__name__}: {error}",
        hint="report it, with what is printed after: export PYTHONDEVMODE=1",
    )


def _stop() -> NoReturn:
    print("stopped", file=sys.stderr)
    sys.stderr.flush()
    os._exit(STOPPED)


def _end(what: str, hint: str | None = None) -> NoReturn:
    if wants_json(sys.argv[1:]):
        with suppress(OSError, ImportError):  # what failed may be just this
            _print_document(what, hint)
    print(f"error: {what}", *([f"hint: {hint}"] if hint else []), sep="\n", file=sys.stderr)
    sys.stderr.flush()
    os._exit(3)  # the interpreter's own end would try to write once more


def _print_document(what: str, hint: str | None) -> None:
    from envguard.cli.output import print_json
    from envguard.errors import EnvguardError
    from envguard.report.documents import error_document

    print_json(error_document(EnvguardError(what, hint=hint)))
    sys.stdout.flush()
