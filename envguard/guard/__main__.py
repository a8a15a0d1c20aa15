"""``python -m envguard_guard SCRIPT``: a script behind the guard."""

import os
import sys

from envguard.guard.report import printable, say
from envguard.guard.requiring import require
from envguard.guard.verdict import EnvironmentDrift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List


def main(arguments):
    # type: (List[str]) -> int
    """Require the policy of the project, then run a script as Python does: ``SCRIPT [ARGS...]``."""
    if not arguments or arguments[0].startswith("-"):
        say("usage: python -m envguard_guard SCRIPT [ARGS...]")
        return 2
    script = arguments[0]
    if not os.path.exists(script):
        say("envguard_guard: there is no `%s`" % printable([script]))
        return 2
    sys.path[0] = os.path.dirname(os.path.realpath(script))
    sys.argv[:] = arguments
    try:
        require()
    except EnvironmentDrift as error:
        say(str(error))
        return 3 if error.verdict.verdict == "unknown" else 1
    import runpy

    runpy.run_path(script, run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
