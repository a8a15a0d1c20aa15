"""``make bench``: ratios against peers in the same run; ``ARGS=home`` and the like for one."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import checkins, home, judging, lists, reading, requiring, running, team
from benchmarks.swarm import __main__ as swarm


def main(arguments: list[str]) -> None:
    """Run the benchmark that is named, or all; ``reading`` takes another environment's folder."""
    match arguments:
        case []:
            for one in (reading.main, judging.main, requiring.main, running.main, home.main, team.main):
                one()
                print()
        case ["reading", *folder]:
            reading.main(Path(folder[0]) if folder else None)
        case ["judging"]:
            judging.main()
        case ["running"]:
            running.main()
        case ["checkins"]:
            checkins.main()
        case ["swarm", *wanted]:
            swarm.main(wanted)
        case ["home"]:
            home.main()
        case ["lists", *how]:
            lists.main(how)
        case ["requiring"]:
            requiring.main()
        case ["team", *sizes]:
            team.main(tuple(map(int, sizes)) or team.SIZES)
        case _:
            sys.exit(
                "reading [FOLDER], judging, requiring, running, checkins, swarm, home, lists [MACHINES]"
                " or team [MACHINES...]"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
