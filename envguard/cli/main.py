"""Where ``envguard`` begins: with a verdict that still holds, else with the whole program.

Nothing is imported here that Python has not imported already: each module counts before a kept verdict.
"""

import os
import sys

from envguard.cli import again


def main() -> None:
    """Run the command line and exit: 0 compliant or done, 1 drifted, 2 wrong usage, 3 undecided."""
    try:
        code = again.answer(sys.argv[1:])
        if code is not None:
            os._exit(code)
        import gc

        gc.disable()  # a plain command ends before there is anything to collect: 5 %
        from envguard.cli.program import run_program
    except KeyboardInterrupt:
        from envguard.cli.program import stop

        stop()
    run_program()


if __name__ == "__main__":
    main()
