"""A graph told flat selects, for any environment and choice, what the graph selects."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envguard.domain.environment import Digest
from envguard.domain.locks.conditions import TooManyConditionsError
from envguard.domain.locks.flat import flattened
from envguard.domain.locks.lock import Dependency, Lock, LockChoice, LockedPackage, Root
from envguard.domain.locks.selection import Ambiguous, Selected, Selection, WrongPython, select
from envguard.errors import PolicyError
from envguard.formats import parse_lock, read_lock
from envguard.formats.companions import KeptFiles
from envguard.formats.locks.write_pylock import write_pylock
from tests.properties.test_project_locks import changed

DATA = Path(__file__).parents[1] / "formats" / "locks" / "data"
FOLDERS = sorted(path.name for path in DATA.iterdir())
PYTHONS = ("3.8.20", "3.9.1", "3.10.0", "3.11.4", "3.12.0", "3.13.0rc1", "3.13.2", "3.14.0")
SYSTEMS = (("linux", "Linux", "posix"), ("darwin", "Darwin", "posix"), ("win32", "Windows", "nt"))


def markers_of(python: str, system: tuple[str, str, str], machine: str = "x86_64") -> dict[str, str]:
    return {
        "implementation_name": "cpython",
        "implementation_version": python,
        "os_name": system[2],
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "6.1",
        "platform_system": system[1],
        "platform_version": "#1",
        "python_full_version": python,
        "python_version": ".".join(python.split(".")[:2]),
        "sys_platform": system[0],
    }


PLACES = [markers_of(python, system) for python in PYTHONS for system in SYSTEMS]


def some_of(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """None, each, each two, and all."""
    chosen = [(), *((name,) for name in names), *combinations(names, 2), names]
    return list(dict.fromkeys(chosen))


def told(selection: Selection) -> object:
    match selection:
        case Selected(packages, optional):
            return (
                {name: _wanted(package) for name, package in packages.items()},
                {name: sorted(map(_wanted, each)) for name, each in optional.items()},
            )
        case WrongPython(expected):
            return expected
        case Ambiguous():
            return "ambiguous"


def _wanted(package: LockedPackage) -> str:
    return f"{package.name} {package.version} {package.origin} {package.artifacts} {package.requires_python}"


def assert_the_same(lock: Lock, *, also_optional: bool = True) -> None:
    flat = flattened(lock)
    assert flat.roots is None
    for place in PLACES:
        for extras in some_of(lock.extras):
            for groups in (None, *some_of(lock.groups)):
                choice = LockChoice(extras, groups)
                of_graph, of_flat = told(select(lock, place, choice)), told(select(flat, place, choice))
                if isinstance(of_graph, tuple) and isinstance(of_flat, tuple) and not also_optional:
                    of_graph, of_flat = of_graph[0], of_flat[0]
                assert of_flat == of_graph, (place["python_version"], place["sys_platform"], choice)


@pytest.mark.parametrize("folder", FOLDERS)
def test_real_locks(folder: str) -> None:
    (path,) = (DATA / folder).glob("*.lock")
    lock = read_lock(path)
    assert_the_same(lock, also_optional=not lock.has_conflicts)


@pytest.mark.parametrize("folder", FOLDERS)
def test_real_locks_that_were_written_as_pylock(folder: str) -> None:
    (path,) = (DATA / folder).glob("*.lock")
    lock = flattened(read_lock(path))
    text, left_out = write_pylock(lock)
    gone = {each.name for each in left_out}
    written = parse_lock(text, filename="pylock.toml")
    kept = msgspec.structs.replace(
        lock, packages=tuple(package for package in lock.packages if package.name not in gone)
    )
    for place in PLACES:
        for extras in some_of(lock.extras):
            for groups in (None, *some_of(lock.groups)):
                choice = LockChoice(extras, groups)
                assert versions(select(written, place, choice)) == versions(select(kept, place, choice))


@pytest.mark.parametrize("folder", FOLDERS)
@settings(deadline=None)
@given(data=st.data())
def test_any_lock_that_is_read_is_written_as_one_that_can_be_read(folder: str, data: st.DataObject) -> None:
    (path,) = (DATA / folder).glob("*.lock")
    text = data.draw(changed(path.read_text(encoding="utf-8")))
    try:
        files = KeptFiles({"pyproject.toml": (DATA / folder / "pyproject.toml").read_text(encoding="utf-8")})
        lock = flattened(parse_lock(text, filename=path.name, companions=files))
    except (PolicyError, TooManyConditionsError):
        return
    written, left_out = write_pylock(lock)
    packages = parse_lock(written, filename="pylock.toml").packages if "[[packages]]" in written else ()
    assert len(packages) + len(left_out) == len(lock.packages)


def versions(selection: Selection) -> object:
    match selection:
        case Selected(packages, optional):
            return (
                {name: package.version for name, package in packages.items()},
                {name: sorted(str(one.version) for one in each) for name, each in optional.items()},
            )
        case WrongPython(expected):
            return sorted(expected.replace("'", '"').split(","))
        case Ambiguous(package):
            return package


NAMES = ("a", "b", "c", "d")
CLAUSES = (
    "sys_platform == 'win32'",
    "sys_platform != 'win32'",
    "python_version < '3.11'",
    "python_version >= '3.11'",
    "python_full_version >= '3.13'",
    "platform_system in 'Linux Darwin'",
    "os_name not in 'nt'",
)
a_marker = st.none() | st.lists(st.sampled_from(CLAUSES), min_size=1, max_size=3).flatmap(
    lambda clauses: st.sampled_from(
        [" and ".join(clauses), " or ".join(clauses), f"({clauses[0]}) and {clauses[-1]}"]
    )
)
EXTRAS = ("x", "y")
a_name = st.sampled_from(NAMES)
some_extras = st.lists(st.sampled_from(EXTRAS), max_size=2, unique=True).map(tuple)


@st.composite
def dependencies(draw: st.DrawFn, size: int = 3) -> tuple[Dependency, ...]:
    found = []
    for _ in range(draw(st.integers(0, size))):
        version = draw(st.sampled_from([None, None, "1", "2"]))
        specifier = draw(st.sampled_from([None, None, ">=2", "<2"]))
        extras = draw(some_extras)
        found.append(
            Dependency(draw(a_name), version, specifier=specifier, extras=extras, marker=draw(a_marker))
        )
    return tuple(found)


@st.composite
def graphs(draw: st.DrawFn) -> Lock:
    versions_of = {name: draw(st.sampled_from([("1",), ("1", "2"), ("2",)])) for name in NAMES}
    packages = [
        LockedPackage(
            name,
            version,
            marker=draw(a_marker),
            is_virtual=len(found) == 1 and draw(st.integers(0, 9)) == 0,
            dependencies=draw(dependencies()),
            extra_dependencies={extra: draw(dependencies(2)) for extra in EXTRAS if draw(st.booleans())},
        )
        for name, found in versions_of.items()
        for version in found
    ]
    roots = [Root(each) for each in draw(dependencies())]
    roots += [Root(each, extra="cpu") for each in draw(dependencies(2))]
    roots += [Root(each, group="dev") for each in draw(dependencies(2))]
    return Lock(
        packages=tuple(packages),
        digest=Digest("sha256:" + "0" * 64),
        extras=("cpu",),
        groups=("dev",),
        default_groups=draw(st.sampled_from([(), ("dev",)])),
        roots=tuple(roots),
    )


@settings(deadline=None, max_examples=100)
@given(graphs())
def test_graphs_of_any_shape(lock: Lock) -> None:
    flat = flattened(lock)
    # Of a pre-release, what is not `>= 3.13` has no words (domain.conditions).
    for place in [each for each in PLACES if "rc" not in each["python_full_version"]][::2]:
        for extras in ((), ("cpu",)):
            for groups in (None, (), ("dev",)):
                choice = LockChoice(extras, groups)
                of_graph, of_flat = select(lock, place, choice), select(flat, place, choice)
                if isinstance(of_graph, Selected):
                    assert isinstance(of_flat, Selected), of_flat
                    assert told(of_flat)[0] == told(of_graph)[0]  # type: ignore[index]  # of selected ones
                elif isinstance(of_graph, Ambiguous) and "no entry" not in of_graph.reason:
                    assert isinstance(of_flat, Ambiguous), (of_graph, place, choice)
