"""Where ``envguard`` begins: with a verdict that still holds, else with the whole program.

Nothing is imported here that Python has not imported already: each module counts before a kept verdict.
"""

import os
import sys

from envguard.cli import again

STOPPED = 130
"""The exit code after Ctrl-C, as shells have it."""


def main() -> None:
    """Run the command line and exit: 0 compliant or done, 1 drifted, 2 wrong usage, 3 undecided."""
    try:
        code = again.answer(sys.argv[1:])
        if code is not None:
            os._exit(code)
        from envguard.cli.program import run_program
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.stderr.flush()
        os._exit(STOPPED)
    run_program()


if __name__ == "__main__":
    main()
