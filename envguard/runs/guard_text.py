"""The guard as the text that is installed: its rooms, joined.

Rules
1. A room comes after all from which it imports at its top; what is run as a script comes last.
2. Imports of rooms, wherever they stand, and what only type checkers read are left out: in one module each
   name is there. So rooms import each other by ``from envguard.guard.ROOM import NAME`` and in no other way,
   and no name is in two rooms.
3. The room that pytest imports is a file beside it, so that pytest reads the whole only when it is asked to.
4. The imports of the standard library, and the docstring, which is the package's, stand once at the top.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

from envguard import guard

_PACKAGE = "envguard.guard."
_ROOMS = Path(guard.__file__).parent
_SCRIPT = "__main__"
_PLUGIN = "pytest_plugin"
_IMPORTS = (ast.Import, ast.ImportFrom)
_FOR_CHECKERS = ("TYPE_CHECKING = ", "if TYPE_CHECKING:")
_NOTE = "# Joined from the rooms of envguard.guard, which are what is edited."


class _Room(NamedTuple):
    imported: list[str]
    """The rooms that it needs while it is imported."""
    library: list[str]
    """Its imports of the standard library, as statements."""
    text: str
    """All the rest."""


def guard_text(folder: Path = _ROOMS) -> str:
    """Answer what stands in ``envguard_guard.py``, made of the rooms in a folder."""
    apart = ("__init__", _PLUGIN)
    rooms = {path.stem: _read(path) for path in sorted(folder.glob("*.py")) if path.stem not in apart}
    script = rooms.pop(_SCRIPT)
    order = TopologicalSorter({name: room.imported for name, room in rooms.items()}).static_order()
    joined = [*(rooms[name] for name in order), script]
    library = {statement for room in joined for statement in room.library}
    docstring = (folder / "__init__.py").read_text(encoding="ascii").strip()
    imports = "\n".join(sorted(library, key=lambda each: ("__future__" not in each, each)))
    return "\n\n".join([docstring, _NOTE, imports, *(f"\n{room.text}" for room in joined)]) + "\n"


def plugin_text() -> str:
    """Answer what stands in ``envguard_guard_pytest.py``: a room that takes names from the joined file."""
    source = (_ROOMS / f"{_PLUGIN}.py").read_text(encoding="ascii")
    return re.sub(rf"from {re.escape(_PACKAGE)}\w+ import", "from envguard_guard import", source)


def _read(path: Path) -> _Room:
    source = path.read_text(encoding="ascii")
    tree = ast.parse(source)
    docstring, at_the_top = tree.body[0], [node for node in tree.body if isinstance(node, _IMPORTS)]
    library = [node for node in at_the_top if not _is_of_room(node)]
    for_checkers = [node for node in tree.body if ast.unparse(node).startswith(_FOR_CHECKERS)]
    of_rooms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and _is_of_room(node)]
    return _Room(
        [str(node.module).removeprefix(_PACKAGE) for node in of_rooms if node in at_the_top],
        [ast.unparse(node) for node in library],
        _without(source, [docstring, *library, *for_checkers, *of_rooms]),
    )


def _is_of_room(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and str(node.module).startswith(_PACKAGE)


def _without(source: str, nodes: Iterable[ast.stmt]) -> str:
    """A source without some statements, each with the empty line below it."""
    lines = dict(enumerate(source.splitlines(), start=1))
    for node in nodes:
        end = node.end_lineno or node.lineno
        for number in range(node.lineno, end + 1 if lines.get(end + 1) else end + 2):
            lines.pop(number, None)
    return "\n".join(lines.values()).strip()
