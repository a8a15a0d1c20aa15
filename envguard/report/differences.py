"""Two sides for a terminal: what differs, packages first; what is equal is not listed.

Rules
1. The first line counts, and is all that a reader in a hurry needs.
2. Under another interpreter every compiled package is another build: those are one line, not a row each.
3. ``-v`` says of each package where it came from, and lists what follows from something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import msgspec

from envguard.domain.comparison import Comparison, EnvironmentSide, LockSide, MachineSide, Pair, Side, path_of
from envguard.domain.difference import ContentDifference, FieldDifference, Held, PackageDifference, Value
from envguard.domain.environment import Snapshot
from envguard.report.here import Here
from envguard.report.printable import printable
from envguard.report.printing import pack, print_table, print_text, words

if TYPE_CHECKING:
    from rich.console import Console

Item = TypeVar("Item")

WordsOf = Callable[[PackageDifference, Held], Iterator[str]]
"""What is said of one side of a package."""

_MIB, _GIB = 1 << 20, 1 << 30
_NO_MEMORY = 1 << 60
"""Bytes that no machine has: a saved scan may say any number."""

_ABSENT = "-"
_FIELDS = {
    "cpu_count": "processors",
    "kernel_version": "kernel build",
    "memory_bytes": "memory",
    "nvidia_driver": "driver",
    "free_threaded": "free-threaded",
}
_FOLLOWING = ("version", "abi", "markers.")
"""Of an interpreter, the version, which the headline tells, and what follows from it."""


def show_comparison(console: Console, comparison: Comparison, *, here: Here, is_verbose: bool) -> None:
    """Print a headline, the two sides, and all in which they differ."""
    print_text(console, headline(comparison), "green" if comparison.is_equal else "bold")
    for letter, side in (("A", comparison.a), ("B", comparison.b)):
        print_text(console, f"{letter}  {_described(side, here)}", "dim")
    is_of_machines = isinstance(comparison.a, MachineSide)
    show = _show_whole_pair if is_verbose else _show_pair
    for pair in comparison.pairs:
        if pair.is_equal:
            continue
        if is_of_machines:
            console.print()
            print_text(console, _pair_line(pair, here), "bold")
        show(console, pair)
    if comparison.facts:
        _show_fields(console, "MACHINE", comparison.facts)
    if comparison.runs:
        _show_fields(console, "RUN", comparison.runs)


def headline(comparison: Comparison) -> str:
    """Answer the first line: how much differs, and from what."""
    if comparison.is_equal:
        return f"equal: {_size(comparison.a)}"
    facts = _count(len(comparison.facts), "machine fact differs", "machine facts differ")
    if isinstance(comparison.a, MachineSide):
        return "; ".join(filter(None, [facts, _environments_line(comparison.pairs)]))
    [pair] = comparison.pairs
    runs = _count(len(comparison.runs), "thing of the runs differs", "things of the runs differ")
    return "; ".join(filter(None, [*_pair_parts(pair), facts, runs]))


def _environments_line(pairs: Sequence[Pair]) -> str:
    both = [pair for pair in pairs if pair.a is not None and pair.b is not None]
    differing = sum(not pair.is_equal for pair in both)
    environments = _count(len(both), "environment", "environments")
    first = f"{environments} {'is' if len(both) == 1 else 'are'} equal"
    if not both:
        first = "the scans have no environment in common"
    elif differing:
        first = f"{differing} of {environments} {'differs' if differing == 1 else 'differ'}"
    only_a = _count(sum(pair.b is None for pair in pairs), "only in A")
    only_b = _count(sum(pair.a is None for pair in pairs), "only in B")
    return ", ".join(filter(None, [first, only_a, only_b]))


def _pair_line(pair: Pair, here: Here) -> str:
    if pair.a is None or pair.b is None:
        return f"{here.shown(pair.a or pair.b or '')}: only in {'B' if pair.a is None else 'A'}"
    name = here.shown(pair.a) + (f" and {here.shown(pair.b)}" if pair.a != pair.b else "")
    return f"{name}: {'; '.join(filter(None, _pair_parts(pair)))}"


def _pair_parts(pair: Pair) -> Iterator[str]:
    """Yield what differs between two contents, each in a few words; nothing for what is equal."""
    difference = pair.difference
    yield _packages_line(difference)
    yield _python_line(difference)
    yield _count(len(difference.system_packages), "system package differs", "system packages differ")
    yield "numpy loads another BLAS" if pair.blas is not None else ""
    problems = len(difference.problems.a) + len(difference.problems.b)
    yield _count(problems, "problem on one side", "problems on one side")
    broken = len(difference.broken_requirements.a) + len(difference.broken_requirements.b)
    yield _count(broken, "broken requirement on one side", "broken requirements on one side")


def _packages_line(difference: ContentDifference) -> str:
    changed, rebuilt, only_a, only_b = _grouped(difference)
    counts = [
        (len(changed), "differs", "differ"),
        (len(rebuilt), "is another build", "are other builds"),
        (len(only_a), "only in A", "only in A"),
        (len(only_b), "only in B", "only in B"),
    ]
    parts: list[str] = []
    for count, one, many in counts:
        if count:
            noun = "" if parts else (" package" if count == 1 else " packages")
            parts.append(f"{count}{noun} {one if count == 1 else many}")
    return ", ".join(parts)


def _python_line(difference: ContentDifference) -> str:
    version = next((each for each in difference.interpreter if each.field == "version"), None)
    if version is not None:
        return f"python {version.a} and {version.b}"
    return "python differs" if difference.interpreter else ""


def _grouped(difference: ContentDifference) -> tuple[list[PackageDifference], ...]:
    """Packages that differ, that are only built for another interpreter, and that one side has."""
    changed: list[PackageDifference] = []
    rebuilt: list[PackageDifference] = []
    only_a: list[PackageDifference] = []
    only_b: list[PackageDifference] = []
    for package in difference.packages:
        if package.differs == ("presence",):
            (only_a if package.a else only_b).append(package)
        elif package.differs == ("build",) and difference.interpreter:
            rebuilt.append(package)
        else:
            changed.append(package)
    return changed, rebuilt, only_a, only_b


def _show_pair(console: Console, pair: Pair) -> None:
    """Print what differs, of each package no more than that."""
    changed, rebuilt, only_a, only_b = _grouped(pair.difference)
    lists = [("only in A", only_a), ("only in B", only_b), ("other builds", rebuilt)]
    python = _telling(pair.difference.interpreter)
    _show_contents(console, pair, changed, lists, python, _what_differs)


def _show_whole_pair(console: Console, pair: Pair) -> None:
    """Print what differs, and all that is known of it."""
    changed, rebuilt, only_a, only_b = _grouped(pair.difference)
    lists = [("only in A", only_a), ("only in B", only_b)]
    python = pair.difference.interpreter
    _show_contents(console, pair, [*changed, *rebuilt], lists, python, _what_is_known)


def _show_contents(
    console: Console,
    pair: Pair,
    rows: Sequence[PackageDifference],
    lists: Sequence[tuple[str, Sequence[PackageDifference]]],
    python: Sequence[FieldDifference],
    words_of: WordsOf,
) -> None:
    difference = pair.difference
    _show_packages(console, "PACKAGE", rows, words_of)
    if any(packages for _, packages in lists):
        console.print()
    for label, packages in lists:
        _show_list(console, label, packages, words_of)
    if pair.not_compared is not None:
        console.print()
        print_text(console, pair.not_compared, "yellow")
    _show_fields(console, "PYTHON", python)
    _show_packages(console, "SYSTEM PACKAGE", difference.system_packages, words_of)
    _show_problems(console, difference)
    _show_fields(console, "NUMPY", [pair.blas] if pair.blas is not None else [])


def _show_packages(
    console: Console, title: str, packages: Sequence[PackageDifference], words_of: WordsOf
) -> None:
    if packages:
        console.print()
        rows = [
            (package.name, _held(package, package.a, words_of), _held(package, package.b, words_of))
            for package in packages
        ]
        print_table(console, (title, "A", "B"), rows)


def _show_list(
    console: Console, label: str, packages: Sequence[PackageDifference], words_of: WordsOf
) -> None:
    if not packages:
        return
    parts = [printable(f"{package.name} {_brief(package, words_of)}") for package in packages]
    indent = " " * (len(label) + 2)
    console.print(words("").append(f"{label}  ", "bold").append(_packed(parts, console.width, indent)))


def _brief(package: PackageDifference, words_of: WordsOf) -> str:
    """A package in a list of names: what tells its two sides apart is not said there."""
    return _held(msgspec.structs.replace(package, differs=()), package.a or package.b, words_of)


def _packed(parts: Sequence[str], width: int, indent: str) -> str:
    lines = pack(parts, ", ", width - len(indent)).split("\n")
    return f"\n{indent}".join(lines)


def _show_fields(console: Console, title: str, fields: Sequence[FieldDifference]) -> None:
    if fields:
        console.print()
        rows = [
            (_FIELDS.get(each.field, each.field), _shown(each.field, each.a), _shown(each.field, each.b))
            for each in fields
        ]
        print_table(console, (title, "A", "B"), rows)


def _show_problems(console: Console, difference: ContentDifference) -> None:
    problems, broken = difference.problems, difference.broken_requirements
    lines = [
        *(
            f"problem in {side}: {each.kind} {each.package or ''}".rstrip()
            for side, each in _sides(problems.a, problems.b)
        ),
        *(
            f"broken in {side}: {each.package} requires {each.requirement}, "
            f"{'found ' + each.found if each.found else 'which is absent'}"
            for side, each in _sides(broken.a, broken.b)
        ),
    ]
    if lines:
        console.print()
    for line in lines:
        print_text(console, line)


def _sides(a: Iterable[Item], b: Iterable[Item]) -> Iterator[tuple[str, Item]]:
    yield from (("A", each) for each in a)
    yield from (("B", each) for each in b)


def _telling(fields: Sequence[FieldDifference]) -> Sequence[FieldDifference]:
    """The fields that are worth a row."""
    if not any(each.field == "version" for each in fields):
        return fields
    return [each for each in fields if not each.field.startswith(_FOLLOWING)]


def _held(package: PackageDifference, several: Sequence[Held], words_of: WordsOf) -> str:
    return ", ".join(" ".join(words_of(package, held)) for held in several) or _ABSENT


def _what_differs(package: PackageDifference, held: Held) -> Iterator[str]:
    """Yield the version, and of the rest what differs."""
    yield _version(held)
    if "build" in package.differs:
        yield from _build(held)
    if "origin" in package.differs:
        yield _origin(held)
    if held.marker is not None and "marker" in package.differs:
        yield f"if {held.marker}"


def _what_is_known(package: PackageDifference, held: Held) -> Iterator[str]:
    """Yield all; of an origin that differs not, an index goes without saying."""
    yield _version(held)
    yield from _build(held)
    if "origin" in package.differs or held.origin.kind != "index":
        yield _origin(held)
    if held.marker is not None:
        yield f"if {held.marker}"


def _version(held: Held) -> str:
    by_conda = f" (conda's {held.conda_version})" if held.conda_version is not None else ""
    return (held.version if held.version is not None else "any version") + by_conda


def _build(held: Held) -> Iterator[str]:
    if held.build is not None:
        yield held.build
    if held.conda_name is not None:
        yield f"({held.conda_name})"


def _origin(held: Held) -> str:
    commit = f"@{held.origin.commit[:12]}" if held.origin.commit else ""
    kept = f" {held.origin.archive_digest[:19]}" if held.origin.archive_digest else ""
    return f"{held.origin.kind} {held.origin.url or ''}".rstrip() + commit + kept


def _shown(field: str, value: Value) -> str:
    if value is None or value == "":
        return _ABSENT
    if field == "memory_bytes" and isinstance(value, int) and value < _NO_MEMORY:
        return f"{value / _GIB:g} GiB" if value >= _MIB else f"{value} bytes"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _described(side: Side, here: Here) -> str:
    match side:
        case EnvironmentSide():
            where = f" on {side.machine}" if side.machine is not None else ""
            return f"{here.shown(path_of(side))}{where}, {_size(side)}"
        case LockSide():
            return f"{here.shown(side.given)}, {_size(side)}"
        case MachineSide():
            return f"{side.machine}, {_size(side)} ({here.shown(side.given)})"


def _size(side: Side) -> str:
    match side:
        case EnvironmentSide():
            return f"Python {side.snapshot.interpreter.version}, {_packages(side.snapshot)}"
        case LockSide():
            return _count(len(side.lock.packages), "package", "packages") or "no packages"
        case MachineSide():
            return _count(len(side.scan.environments), "environment", "environments") or "no environment"


def _packages(snapshot: Snapshot) -> str:
    return _count(len(snapshot.packages), "package", "packages") or "no packages"


def _count(count: int, one: str, many: str | None = None) -> str:
    """Answer ``3 packages``; nothing for none."""
    return f"{count} {one if count == 1 else many or one}" if count else ""
