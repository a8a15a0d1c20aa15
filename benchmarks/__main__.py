"""``make bench``: ratios in one run; ``ARGS=``: ``reading``, ``judging``, ``running`` or ``home`` for one."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import home, judging, reading, running


def main(arguments: list[str]) -> None:
    """Run the benchmark that is named, or all; ``reading`` takes another environment's folder."""
    match arguments:
        case []:
            for one in (reading.main, judging.main, running.main, home.main):
                one()
                print()
        case ["reading", *folder]:
            reading.main(Path(folder[0]) if folder else None)
        case ["judging"]:
            judging.main()
        case ["running"]:
            running.main()
        case ["home"]:
            home.main()
        case _:
            sys.exit("reading [FOLDER], judging, running or home")


if __name__ == "__main__":
    main(sys.argv[1:])
