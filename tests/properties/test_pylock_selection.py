"""What a pylock asks of an environment, with ``packaging``'s ``Pylock.select`` as the oracle (PEP 751)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Environment
from packaging.pylock import Pylock, PylockSelectError

from envguard.domain.locks.lock import Lock, LockChoice
from envguard.domain.locks.markers import Place, holds_for
from envguard.domain.locks.selection import Selected, select
from envguard.domain.plain_markers import plain_holds
from envguard.formats import parse_lock

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

few = st.sampled_from
NAMES = ["gym", "numpy", "torch"]
EXTRAS = ["play", "cu-121"]
GROUPS = ["dev", "Docs_Site", "lint"]
PYTHONS = ["3.8.18", "3.9.0", "3.11.7", "3.13.0"]
SPECIFIERS = [">=3.9", "<3.12", "==3.11.*", ">=3.8,!=3.9.*", "~=3.11.2"]


def environment(python: str, system: str, machine: str, implementation: str) -> dict[str, str]:
    """Answer all marker variables of PEP 508 for an environment."""
    return {
        "implementation_name": implementation.lower(),
        "implementation_version": python,
        "os_name": "nt" if system == "win32" else "posix",
        "platform_machine": machine,
        "platform_python_implementation": implementation,
        "platform_release": "6.1.0-18-amd64",
        "platform_system": {"win32": "Windows", "linux": "Linux", "darwin": "Darwin"}[system],
        "platform_version": "#1 SMP Debian 6.1.76-1",
        "python_full_version": python,
        "python_version": ".".join(python.split(".")[:2]),
        "sys_platform": system,
    }


environments = st.builds(
    environment,
    few(PYTHONS),
    few(["linux", "darwin", "win32"]),
    few(["x86_64", "arm64", "AMD64"]),
    few(["CPython", "PyPy"]),
)
COMPARED = st.one_of(
    st.builds(
        "python_version {} '{}'".format, few(["<", "<=", ">", ">=", "==", "!="]), few(["3.8", "3.11", "3.20"])
    ),
    st.builds(
        "python_full_version {} '{}'".format, few(["<", ">=", "~="]), few(["3.9.0", "3.11.7", "3.13.0rc1"])
    ),
    st.builds("'{}' {} python_version".format, few(["3.9", "3.12"]), few(["<", ">="])),
    st.builds("python_version {} '3.8 3.11'".format, few(["in", "not in"])),
    st.builds("sys_platform {} '{}'".format, few(["==", "!="]), few(["linux", "darwin", "win32"])),
    st.builds("'{}' {} sys_platform".format, few(["linux", "win"]), few(["in", "not in"])),
    st.builds("platform_machine {} '{}'".format, few(["==", "!="]), few(["x86_64", "arm64"])),
    st.builds("platform_machine {} 'x86_64 AMD64'".format, few(["in", "not in"])),
    st.builds("platform_python_implementation {} 'PyPy'".format, few(["==", "!="])),
    st.builds("implementation_name {} 'cpython'".format, few(["==", "!="])),
    st.builds("os_name {} 'nt'".format, few(["==", "!="])),
    st.builds("platform_release {} '6.1'".format, few([">=", "<"])),
)
CHOSEN = st.one_of(
    st.builds("'{}' {} extras".format, few([*EXTRAS, "Cu_121"]), few(["in", "not in"])),
    st.builds("'{}' {} dependency_groups".format, few([*GROUPS, "docs-site"]), few(["in", "not in"])),
)


def joined(markers: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Answer markers with ``and``, ``or`` and parentheses."""
    return st.recursive(
        markers,
        lambda inner: (
            st.builds("{} {} {}".format, inner, few(["and", "or"]), inner) | inner.map("({})".format)
        ),
        max_leaves=4,
    )


of_environments = joined(COMPARED)
of_packages = joined(COMPARED | CHOSEN)


@st.composite
def pylocks(draw: st.DrawFn) -> str:
    """A pylock of a few packages, some of them in several entries.

    No two are equal: these contradict each other in nothing, yet ``packaging`` refuses them.
    """
    lines = ['lock-version = "1.0"', 'created-by = "tests"']
    lines += [f"extras = {json.dumps(EXTRAS)}", f"dependency-groups = {json.dumps(GROUPS)}"]
    lines += [f"default-groups = {json.dumps(draw(st.lists(few(GROUPS), max_size=2, unique=True)))}"]
    if draw(st.integers(0, 5)) == 0:
        lines.append(f"requires-python = {json.dumps(draw(few(SPECIFIERS)))}")
    if draw(st.integers(0, 5)) == 0:
        lines.append(f"environments = {json.dumps(draw(st.lists(of_environments, min_size=1, max_size=2)))}")
    packages = draw(st.lists(package_tables(), min_size=1, max_size=5, unique=True))
    return "\n".join([*lines, *packages]) + "\n"


@st.composite
def package_tables(draw: st.DrawFn) -> str:
    """One table of a package, from a source archive, so that tags of wheels have no say."""
    name, version = draw(few(NAMES)), draw(few(["1.0", "2.1"]))
    lines = ["[[packages]]", f'name = "{name}"', f'version = "{version}"']
    if draw(st.integers(0, 3)):
        lines.append(f"marker = {json.dumps(draw(of_packages))}")
    if draw(st.integers(0, 5)) == 0:
        lines.append(f"requires-python = {json.dumps(draw(few(SPECIFIERS)))}")
    hashes = 'hashes = {sha256 = "00"}'
    lines.append(f'sdist = {{url = "https://index.example/{name}-{version}.tar.gz", {hashes}}}')
    return "\n".join(lines)


def by_packaging(
    text: str, markers: Mapping[str, str], **chosen: Iterable[str] | None
) -> dict[str, str] | None:
    """Answer what ``packaging`` would install; None where it refuses."""
    arguments: dict[str, Any] = {key: None if each is None else list(each) for key, each in chosen.items()}
    wanted: Any = Environment(**markers)  # type: ignore[typeddict-item]  # the keys are those of PEP 508
    try:
        found = list(Pylock.from_dict(tomllib.loads(text)).select(environment=wanted, tags=[], **arguments))
    except PylockSelectError:
        return None
    return {str(package.name): str(package.version) for package, _ in found}


def by_us(lock: Lock, markers: Mapping[str, str], choice: LockChoice) -> dict[str, str] | None:
    """Answer what we ask for; None where the lock says nothing for this environment."""
    found = select(lock, markers, choice)
    if not isinstance(found, Selected):
        return None
    return {name: str(package.version) for name, package in found.packages.items()}


choices = st.builds(
    LockChoice,
    extras=st.lists(few(EXTRAS), unique=True).map(tuple),
    groups=st.none() | st.lists(few(["dev", "docs-site", "lint"]), unique=True).map(tuple),
)


class TestInstallation:
    """PEP 751, "Installation": which packages, and when there is no answer."""

    @given(pylocks(), environments, choices)
    @settings(max_examples=400)
    def test_what_must_be_there_is_what_packaging_selects(
        self, text: str, markers: dict[str, str], choice: LockChoice
    ) -> None:
        lock = parse_lock(text, filename="pylock.toml")
        expected = by_packaging(text, markers, extras=choice.extras, dependency_groups=choice.groups)
        assert by_us(lock, markers, choice) == expected

    @given(pylocks(), environments, choices, choices)
    def test_what_another_choice_selects_may_be_there(
        self, text: str, markers: dict[str, str], choice: LockChoice, other: LockChoice
    ) -> None:
        found = select(parse_lock(text, filename="pylock.toml"), markers, choice)
        everything = by_packaging(text, markers, extras=EXTRAS, dependency_groups=GROUPS)
        if not isinstance(found, Selected) or everything is None:
            return
        for name, version in everything.items():
            allowed = found.optional.get(name, ()) or (found.packages[name],)
            assert name in found.packages or version in {each.version for each in allowed}
        assert not found.packages.keys() & found.optional.keys()


class TestMarkers:
    """PEP 508's markers, with PEP 751's two variables."""

    @given(of_packages, environments, choices)
    @settings(max_examples=400)
    def test_a_marker_holds_where_packaging_says_so(
        self, marker: str, markers: dict[str, str], choice: LockChoice
    ) -> None:
        from packaging.markers import Marker

        groups = frozenset(choice.groups or ())
        values: Any = {**markers, "extras": frozenset(choice.extras), "dependency_groups": groups}
        expected = Marker(marker).evaluate(values, context="lock_file")
        assert holds_for(None, marker, Place(markers, frozenset(choice.extras), groups)) is expected

    @given(of_environments, environments)
    @settings(max_examples=400)
    def test_what_is_decided_without_packaging_is_decided_as_by_it(
        self, marker: str, markers: dict[str, str]
    ) -> None:
        from packaging.markers import Marker

        values: Any = markers
        assert plain_holds(marker, markers) in (None, Marker(marker).evaluate(values, context="requirement"))
