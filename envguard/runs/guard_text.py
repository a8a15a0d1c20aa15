"""The guard as the texts that are installed: its rooms, joined.

Rules
1. A room comes after all from which it imports at its top; what is run as a script comes last.
2. Imports of rooms, wherever they stand, and what only type checkers read are left out: in one module each
   name is there. So rooms import each other by ``from envguard.guard.ROOM import NAME`` and in no other way,
   and no name is in two rooms.
3. The imports of the standard library, and the docstring, which is the package's, stand once at the top.
4. The room that pytest imports is a file of its own, so that pytest reads the whole only when it is asked to.
5. Rooms that are needed only where nobody else could answer stand in a module of their own: a module is
   unmarshalled as a whole, and by these it would be half as large again each time.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Set
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

from envguard import guard

APART = frozenset({"certain", "compiled", "judging", "present"})
"""The rooms of the module that judges by a compiled policy."""

_MODULE = "envguard_guard"
_MODULE_APART = "envguard_guard_policy"
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
    borrowed: list[str]
    """The names that it imports of the other module's rooms."""
    text: str
    """All the rest."""


def guard_text(folder: Path = _ROOMS, apart: Set[str] = APART) -> str:
    """Answer what stands in ``envguard_guard.py``, made of the rooms in a folder."""
    rooms = {path.stem: _read(path, apart) for path in _files(folder) if path.stem not in apart}
    script = rooms.pop(_SCRIPT)
    return _joined((folder / "__init__.py").read_text(encoding="ascii").strip(), [*_in_order(rooms), script])


def policy_text(folder: Path = _ROOMS, apart: Set[str] = APART) -> str:
    """Answer what stands in ``envguard_guard_policy.py``: the rooms that are apart."""
    rooms = {path.stem: _read(path, apart) for path in _files(folder) if path.stem in apart}
    borrowed = sorted({name for room in rooms.values() for name in room.borrowed})
    imports = f"from {_MODULE} import (\n" + "".join(f"    {name},\n" for name in borrowed) + ")"
    return _joined('"""The guard\'s judgement by a compiled policy."""', _in_order(rooms), imports)


def plugin_text() -> str:
    """Answer what stands in ``envguard_guard_pytest.py``: a room that takes names from the joined file."""
    source = (_ROOMS / f"{_PLUGIN}.py").read_text(encoding="ascii")
    return re.sub(rf"from {re.escape(_PACKAGE)}\w+ import", f"from {_MODULE} import", source)


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.py")) if path.stem not in ("__init__", _PLUGIN)]


def _in_order(rooms: Mapping[str, _Room]) -> list[_Room]:
    """The rooms, each behind those that it imports."""
    needed = {name: [each for each in room.imported if each in rooms] for name, room in rooms.items()}
    return [rooms[name] for name in TopologicalSorter(needed).static_order()]


def _joined(docstring: str, rooms: Iterable[_Room], *imports: str) -> str:
    rooms = list(rooms)
    library = {statement for room in rooms for statement in room.library}
    of_library = "\n".join(sorted(library, key=lambda each: ("__future__" not in each, each)))
    return "\n\n".join([docstring, _NOTE, of_library, *imports, *(f"\n{room.text}" for room in rooms)]) + "\n"


def _read(path: Path, apart: Set[str]) -> _Room:
    source = path.read_text(encoding="ascii")
    tree = ast.parse(source)
    docstring, at_the_top = tree.body[0], [node for node in tree.body if isinstance(node, _IMPORTS)]
    library = [node for node in at_the_top if not _is_of_room(node)]
    for_checkers = [node for node in tree.body if ast.unparse(node).startswith(_FOR_CHECKERS)]
    of_rooms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and _is_of_room(node)]
    unread = [id(each) for node in for_checkers for each in ast.walk(node)]
    is_apart = path.stem in apart
    across = [node for node in of_rooms if (_room_of(node) in apart) != is_apart and id(node) not in unread]
    kept = {} if is_apart else {node.lineno: _from_apart(node) for node in across}
    return _Room(
        [_room_of(node) for node in of_rooms if node in at_the_top],
        [ast.unparse(node) for node in library],
        [each.name for node in across for each in node.names],
        _without(source, [docstring, *library, *for_checkers, *of_rooms], kept),
    )


def _from_apart(node: ast.ImportFrom) -> str:
    names = ", ".join(each.name for each in node.names)
    return " " * node.col_offset + f"from {_MODULE_APART} import {names}"


def _room_of(node: ast.ImportFrom) -> str:
    return str(node.module).removeprefix(_PACKAGE)


def _is_of_room(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and str(node.module).startswith(_PACKAGE)


def _without(source: str, nodes: Iterable[ast.stmt], instead: Mapping[int, str]) -> str:
    """A source without some statements, each with the empty line below it, or with others at their lines."""
    lines = dict(enumerate(source.splitlines(), start=1))
    for node in nodes:
        end = node.end_lineno or node.lineno
        is_followed = lines.get(end + 1) or node.lineno in instead
        for number in range(node.lineno, end + 1 if is_followed else end + 2):
            lines.pop(number, None)
    return "\n".join(line for _, line in sorted({**lines, **instead}.items())).strip()
