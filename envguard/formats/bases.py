"""The files that a policy extends, and how one is laid over another.

Rules
1. A policy extends one file, which may extend another; ten at most, and never in a circle.
2. The nearer file wins, key by key. ``packages``, ``machine``, ``origins``, ``calendar``,
   ``calendar.upgrade`` and ``upgrade`` are laid over entry by entry (packages by their normalised names);
   every other value is taken whole.
3. ``waivers`` and ``calendar.freezes`` are added: those of all files count.
4. ``envguard``, ``name`` and ``extends`` are each file's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce

import msgspec
import yaml
from packaging.utils import canonicalize_name

from envguard.errors import PolicyError
from envguard.formats.companions import Companions
from envguard.formats.files import POLICY_LIMIT_BYTES, is_encodable
from envguard.formats.nodes import Place, Problems, compose, place_of, value_at
from envguard.formats.rules import file_beside

_DEEPEST = 10


class Chain(msgspec.Struct, frozen=True):
    """A policy's own file and the files that it extends, the nearest first."""

    names: tuple[str, ...]
    """Relative to the policy's folder; the first is the policy's own."""
    roots: tuple[yaml.MappingNode, ...]
    is_whole: bool
    """Whether all of them could be read."""


def read_chain(text: str, filename: str, companions: Companions, problems: Problems) -> Chain:
    """Answer a policy's files; what is wrong with those that it extends is noted.

    Raises PolicyError where its own file is no YAML.
    """
    names, roots = [filename], [read_root(text, filename)]
    while True:
        node = value_at(roots[-1], "extends")
        if node is None:
            return Chain(tuple(names), tuple(roots), is_whole=True)
        name = file_beside(node, "extends", problems)
        root = _next_root(name, names, node, companions, problems) if name is not None else None
        if name is None or root is None:
            return Chain(tuple(names), tuple(roots), is_whole=False)
        names.append(name)
        roots.append(root)


def read_root(text: str, filename: str) -> yaml.MappingNode:
    """Answer the root of one policy file; raises PolicyError where it is none."""
    if len(text) > POLICY_LIMIT_BYTES:
        raise PolicyError(f"too large for a policy: over {POLICY_LIMIT_BYTES >> 10} KiB", where=filename)
    if not is_encodable(text):
        raise PolicyError("the policy is not UTF-8", where=filename, hint="save it as UTF-8")
    return compose(text.removeprefix("\ufeff"), filename)


def laid_over(roots: Iterable[yaml.MappingNode]) -> yaml.MappingNode:
    """Answer one root from those of a chain, the nearest first."""
    return reduce(_policy_over, roots)


def _next_root(
    name: str, names: list[str], node: yaml.Node, companions: Companions, problems: Problems
) -> yaml.MappingNode | None:
    if name in names:
        circle = " -> ".join([*names[names.index(name) :], name])
        problems.add(node, "extends", f"the policy extends itself: {circle}", "take one `extends` out")
        return None
    if len(names) > _DEEPEST:
        problems.add(node, "extends", f"more than {_DEEPEST} files extend each other", "join some of them")
        return None
    where = f"{place_of(node)}: extends"
    try:
        text = companions.read(name, "policy", where)
        return read_root(text, name)
    except PolicyError as error:
        problems.take(error, place_of(node) if error.where == where else Place(name, 0, 0))
        return None


_Over = Callable[[yaml.Node, yaml.Node], yaml.Node]


def _policy_over(own: yaml.MappingNode, base: yaml.MappingNode) -> yaml.MappingNode:
    shared = [(key, value) for key, value in base.value if key.value not in ("envguard", "name", "extends")]
    return _tables_over(own, yaml.MappingNode(base.tag, shared, base.start_mark), _PARTS)


def _tables_over(
    own: yaml.MappingNode,
    base: yaml.MappingNode,
    parts: dict[str, _Over],
    named: Callable[[str], str] = str,
) -> yaml.MappingNode:
    """``own`` and what only ``base`` has; the values of ``parts`` are laid over each other by themselves."""
    of_base = {named(str(key.value)): value for key, value in base.value}
    of_own = {named(str(key.value)) for key, _ in own.value}
    merged = [
        (key, parts[key.value](value, of_base[key.value]))
        if isinstance(key, yaml.ScalarNode) and key.value in parts and key.value in of_base
        else (key, value)
        for key, value in own.value
    ]
    merged += [(key, value) for key, value in base.value if named(str(key.value)) not in of_own]
    return yaml.MappingNode(own.tag, merged, own.start_mark)


def _table(parts: dict[str, _Over] | None = None, named: Callable[[str], str] = str) -> _Over:
    """Answer how two tables are laid over each other; where one is none, the nearer is taken."""

    def over(own: yaml.Node, base: yaml.Node) -> yaml.Node:
        if isinstance(own, yaml.MappingNode) and isinstance(base, yaml.MappingNode):
            return _tables_over(own, base, parts or {}, named)
        return own

    return over


def _added(own: yaml.Node, base: yaml.Node) -> yaml.Node:
    if isinstance(own, yaml.SequenceNode) and isinstance(base, yaml.SequenceNode):
        return yaml.SequenceNode(own.tag, [*own.value, *base.value], own.start_mark)
    return own


def _package(name: str) -> str:
    return str(canonicalize_name(name))


_PARTS: dict[str, _Over] = {
    "packages": _table(named=_package),
    "machine": _table(),
    "origins": _table(),
    "calendar": _table({"upgrade": _table(), "freezes": _added}),
    "upgrade": _table(),
    "waivers": _added,
}
