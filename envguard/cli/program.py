"""The ``envguard`` program: a plain command at once, everything else by the tree of commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from envguard.cli.plain import run_plainly, wants_json
from envguard.cli.streams import open_streams, print_instead
from envguard.errors import EnvguardError, StoppedError, UsageError

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
        stop()
    except OSError as error:
        # Python would exit with 1, which means drifted.
        _end(_told(error))
    sys.exit(code)


def _run(arguments: Sequence[str]) -> int:
    code = run_plainly(arguments)
    if code is None:
        import gc

        gc.enable()  # what is not plain may run for months
        from envguard.cli.commands import run

        return run(arguments)
    sys.stdout.flush()
    os._exit(code)  # it only read; to take the interpreter apart costs 8 % of all


def _end_by_failure(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> NoReturn:
    """End after what nobody foresaw: a failure of ours, or a broken installation."""
    if issubclass(kind, KeyboardInterrupt):
        stop()  # it came before anything could catch it
    if sys.flags.dev_mode:
        sys.__excepthook__(kind, error, traceback)
    what = f"envguard itself failed: {kind.__name__}: {error}"
    _end(EnvguardError(what, hint="report it, with what is printed after: export PYTHONDEVMODE=1"))


def stop() -> NoReturn:
    """End after Ctrl-C: a word, or the document that was promised."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # once is enough: what is told now is told as a whole
    error = StoppedError("stopped")
    _print_document(error)
    print(error, file=sys.stderr)
    sys.stderr.flush()
    os._exit(error.exit_code)


def _told(error: OSError) -> EnvguardError:
    """What failed: of what has no name, the folder that one is in, or where all is printed."""
    from envguard.cli.output import current_folder

    try:
        current_folder()
    except UsageError as gone:
        return gone
    return EnvguardError(f"{error.filename or 'standard output'}: {error.strerror or error}")


def _end(error: EnvguardError) -> NoReturn:
    _print_document(error)
    hint = f"\nhint: {error.hint}" if error.hint else ""
    print(f"error: {error}{hint}", file=sys.stderr)
    sys.stderr.flush()
    os._exit(error.exit_code)  # the interpreter's own end would try to write once more


def _print_document(error: EnvguardError) -> None:
    if not wants_json(sys.argv[1:]):
        return
    with suppress(OSError, ImportError):  # what failed may be just this
        from envguard.report.documents import error_document, to_json

        print_instead(to_json(error_document(error)) + "\n")
