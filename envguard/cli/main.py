"""The ``envguard`` program: a plain command at once, everything else by the tree of commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from envguard.cli.plain import run_plainly


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 compliant or done, 1 drifted, 2 wrong usage, 3 undecided."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = run_plainly(given)
        if code is None:
            from envguard.cli.commands import run

            code = run(given)
            sys.stdout.flush()
        else:
            sys.stdout.flush()
            if arguments is None:
                os._exit(code)  # it only read; to take the interpreter apart costs 8 % of all
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    except OSError as error:
        # Python would exit with 1, which means drifted.
        print(f"error: {error.filename or 'standard output'}: {error.strerror or error}", file=sys.stderr)
        sys.stderr.flush()
        os._exit(3)  # the interpreter's own end would try to write once more
    sys.exit(code)


if __name__ == "__main__":
    main()
