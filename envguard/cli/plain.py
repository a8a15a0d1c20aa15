"""Commands in their plainest form, answered without a parser of options, which takes longer than they do.

Rules
1. Plain is ``scan PATH... --json``, in this order, without any other option.
2. Such a command only reads. Where anything is out of the ordinary, nothing was printed, and the tree of
   commands begins anew: it has the words for what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from envguard.errors import EnvguardError


def run_plainly(arguments: Sequence[str]) -> int | None:
    """Answer the exit code of a plain command that went well; None where it is not plain, or did not."""
    if len(arguments) < 3 or arguments[0] != "scan" or arguments[-1] != "--json":
        return None
    paths = arguments[1:-1]
    if any(not path or path.startswith(("-", "conda:", "kernel:")) for path in paths):
        return None
    return _scan(paths)


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether standard output must be one JSON document, whatever happens."""
    return (
        "--json" in arguments or "--format=json" in arguments or ("--format", "json") in pairwise(arguments)
    )


def _scan(paths: Sequence[str]) -> int | None:
    import gc

    gc.disable()  # the process ends before there is anything to collect: 5 %

    from envguard.cli.output import default_machine_name, print_json
    from envguard.inventory import scan_paths
    from envguard.report.scanned import scan_document

    try:
        document = scan_document(scan_paths(paths), default_machine_name())
    except EnvguardError:
        return None
    print_json(document)
    return 0
