"""The guard's rooms, and the one text that they are installed as."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from envguard import guard
from envguard.runs.guard_text import guard_text, plugin_text, policy_text

ROOMS = sorted(path for path in Path(guard.__file__).parent.glob("*.py") if path.stem != "__init__")


def imports_of(path: Path) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node


def names_at_the_top_of(tree: ast.Module) -> set[str]:
    """What a module defines, also under a condition; what it imports is another's."""
    found: set[str] = set()
    for node in tree.body:
        if ast.unparse(node).startswith(("TYPE_CHECKING", "if TYPE_CHECKING")):
            continue
        for each in [*node.body, *node.orelse] if isinstance(node, ast.If) else [node]:
            match each:
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    found.add(name)
                case ast.Assign(targets=targets):
                    found.update(target.id for target in targets if isinstance(target, ast.Name))
    return found


def test_a_room_names_what_it_imports() -> None:
    """Also in a comment that says a type."""
    for path in ROOMS:
        text = path.read_text()
        imports = tuple(imports_of(path))
        for node in imports:
            text = text.replace(ast.get_source_segment(path.read_text(), node) or "", "")
        words = set(re.findall(r"\w+", text))
        names = {each.asname or each.name.partition(".")[0] for node in imports for each in node.names}
        assert names <= words, path.name


def test_a_room_imports_the_standard_library_and_names_of_other_rooms_alone() -> None:
    modules = {f"envguard.guard.{path.stem}" for path in ROOMS}
    faults = [
        f"{path.name}:{node.lineno}: {ast.unparse(node)}"
        for path in ROOMS
        for node in imports_of(path)
        if (
            isinstance(node, ast.Import)
            and not all(each.name in sys.stdlib_module_names for each in node.names)
        )
        or (isinstance(node, ast.ImportFrom) and node.module not in modules | sys.stdlib_module_names)
        or any(each.asname or each.name == "*" for each in node.names)
    ]
    assert faults == []


def test_no_name_is_in_two_rooms() -> None:
    counted = Counter(name for path in ROOMS for name in names_at_the_top_of(ast.parse(path.read_text())))
    assert [name for name, count in counted.items() if count > 1] == []


def test_the_text_has_each_name_of_each_room_and_nothing_of_ours_to_import() -> None:
    joined, apart = ast.parse(guard_text()), ast.parse(policy_text())
    joined_rooms = [path for path in ROOMS if path.stem != "pytest_plugin"]
    names = [names_at_the_top_of(ast.parse(path.read_text())) for path in joined_rooms]
    assert names_at_the_top_of(joined) | names_at_the_top_of(apart) == set[str]().union(*names)
    imported = {
        ast.unparse(node) for node in ast.walk(joined) if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert [each for each in imported if "envguard" in each or "typing" in each] == [
        "from envguard_guard_policy import by_compiled"
    ]
    assert ast.get_docstring(joined) == guard.__doc__.strip()


def test_what_pytest_imports_takes_all_from_that_text_and_only_when_asked() -> None:
    tree = ast.parse(plugin_text())
    names = names_at_the_top_of(ast.parse(guard_text()))
    taken = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module != "typing"]
    assert taken
    assert {node.module for node in taken} == {"envguard_guard"}
    assert {each.name for node in taken for each in node.names} <= names
    assert [ast.unparse(node) for node in tree.body if node in taken] == []


ROOMS_OF_A_FEW_LINES = {
    "__init__": '''"""The whole."""
''',
    "__main__": '''"""Run."""

import sys

from envguard.guard.above import ABOVE

print(ABOVE, sys.argv[0])
''',
    "above": '''"""Above."""

from __future__ import division

import os

from envguard.guard.below import (
    BELOW,
    later,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Key = Any

ABOVE = later(BELOW) + os.sep
''',
    "below": '''"""Below."""

import os

BELOW = os.sep


def later(text):
    """Answer."""
    from envguard.guard.on_call import of_call
    import json

    return json.dumps(of_call(text))
''',
    "on_call": '''"""On call."""


def of_call(text):
    return text * 2  # twice
''',
}
JOINED = '''"""The whole."""

# Joined from the rooms of envguard.guard, which are what is edited.

from __future__ import division
import os
import sys


BELOW = os.sep


def later(text):
    """Answer."""
    import json

    return json.dumps(of_call(text))


def of_call(text):
    return text * 2  # twice


ABOVE = later(BELOW) + os.sep


print(ABOVE, sys.argv[0])
'''


@pytest.fixture
def rooms(tmp_path: Path) -> Path:
    """A folder of a few rooms."""
    for name, text in ROOMS_OF_A_FEW_LINES.items():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def test_rooms_are_joined_in_the_order_of_their_imports(rooms: Path) -> None:
    assert guard_text(rooms, frozenset()) == JOINED


APART = '''"""The guard's judgement by a compiled policy."""

# Joined from the rooms of envguard.guard, which are what is edited.



from envguard_guard import (
    BELOW,
)


def of_call(text):
    return text * 2 + BELOW
'''


def test_a_room_apart_is_imported_where_it_is_needed_and_borrows_the_others_names(rooms: Path) -> None:
    (rooms / "on_call.py").write_text(
        '"""On call."""\n\nfrom envguard.guard.below import BELOW\n\n\n'
        "def of_call(text):\n    return text * 2 + BELOW\n"
    )
    joined = guard_text(rooms, frozenset({"on_call"}))
    assert "    from envguard_guard_policy import of_call\n    import json\n" in joined
    assert "def of_call" not in joined
    assert policy_text(rooms, frozenset({"on_call"})) == APART
