"""Random folders of metadata: we find what ``importlib.metadata`` finds, save for some known differences.

These are: leftovers are no packages; two versions in one folder are both told, of two folders the first
counts; what the headers lack the folder's name tells; bytes that are not UTF-8, and a byte order mark, hide
nothing.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envguard.inventory import read_environment
from envguard.inventory.distributions import normalised
from envguard.inventory.files import shown
from tests.builders.environments import write_tree
from tests.inventory.asking import python_or_skip
from tests.inventory.oracle.asked import Asked, Found, asking


class Place(NamedTuple):
    """Where a file of metadata lies: in which folder of the path, in which entry, under which name."""

    folder: str
    entry: str
    file: str
    """Empty where the entry is itself the file."""


names = st.sampled_from(
    ["gym", "Gym", "GYM", "zope.interface", "Zope_Interface", "a__b", "a-b", "a.-_b", "\xe9", "x1", ".", "-"]
)
versions = st.sampled_from(["1", "1.0", "0.26.2", "1!2.0", "1.0+local", "dev", "", "2.0rc1", "1-r3", "v1"])
lines = st.one_of(
    st.builds("Name: {}".format, names),
    st.builds("Version: {}".format, versions),
    st.builds("{}:{}".format, st.sampled_from(["name", "VERSION", "Summary", "Name ", ""]), versions),
    st.sampled_from(["", " folded", "\tVersion: 9", "no header", "Summary: \u2028", "Author: J\xf6rg", ">x"]),
)
contents = st.builds(
    lambda written, ending, mark, encoding: mark + ending.join([*written, ""]).encode(encoding, "replace"),
    st.lists(lines, max_size=6),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf"]),
    st.sampled_from(["utf-8", "utf-8", "utf-8", "latin-1"]),
)
stems = st.builds(
    lambda left, name, version: f"{left}{name}-{version}" if version else f"{left}{name}",
    st.sampled_from(["", "", "", "", "~"]),
    names,
    versions,
)
endings = st.sampled_from([".dist-info", ".egg-info", ".DIST-INFO", ".Egg-Info", "-py3.11.egg-info", ".info"])
files = st.sampled_from(["METADATA", "METADATA", "PKG-INFO", "RECORD", ""])
folders = st.sampled_from(["", "", "second", "egg-1.egg", "nowhere"])
places = st.one_of(
    st.builds(Place, folders, st.builds("{}{}".format, stems, endings), files),
    st.builds(Place, st.just("egg-1.egg"), st.sampled_from(["EGG-INFO", "egg-info"]), files),
)
trees = st.dictionaries(places, contents, max_size=8)
path_lines = st.lists(
    st.sampled_from(["second", "./second", "absent", "#x", "", "second/../egg-1.egg", "z.zip", "import os"])
)
path_files = st.dictionaries(st.sampled_from(["a.pth", "b.pth", "\xe9.pth"]), path_lines, max_size=2)


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    with asking(python_or_skip("3.11")) as interpreter:
        yield interpreter


@pytest.fixture(scope="module")
def new_site(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Give the site-packages of an environment that is new and empty each time."""
    folder, numbers = tmp_path_factory.mktemp("trees"), itertools.count()
    python = python_or_skip("3.11").resolve()

    def give() -> Path:
        prefix = folder / str(next(numbers))
        (prefix / "bin").mkdir(parents=True)
        (prefix / "bin" / "python").symlink_to(python)
        write_tree(prefix, {"pyvenv.cfg": f"home = {python.parent}\ninclude-system-site-packages = false\n"})
        site = prefix / "lib" / "python3.11" / "site-packages"
        site.mkdir(parents=True)
        return site

    return give


def lay(site: Path, tree: Mapping[Place, bytes]) -> None:
    """Write a tree; what would be file and folder at once is what came first."""
    for place, content in tree.items():
        path = site.joinpath(*place)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except (FileExistsError, IsADirectoryError, NotADirectoryError):
            continue


def zip_up(path: Path, tree: Mapping[Place, bytes]) -> None:
    """Write the entries of a tree's ``nowhere`` into an archive."""
    with zipfile.ZipFile(path, "w") as archive:
        for place, content in tree.items():
            if place.folder == "nowhere" and place.file:
                archive.writestr(f"{place.entry}/{place.file}", content)


def expected(found: list[Found]) -> dict[str, set[str]]:
    """The versions of each name in the first folder that has it, as the table of differences wants them."""
    first: dict[str, tuple[str, set[str]]] = {}
    for one in found:
        entry = os.fsdecode(bytes.fromhex(one["entry"]))
        stem = entry.rpartition(".")[0] or Path(os.fsdecode(bytes.fromhex(one["place"]))).stem
        match = re.match(r"(.+?)-(\d[^-]*)(?:-|$)", stem)
        told = match.groups() if match else stem.partition("-")[::2]
        name = normalised(plain(one["name"]) or told[0])
        if entry.startswith("~") or not name.strip("-"):
            continue
        place, there = first.setdefault(name, (one["place"], set()))
        if place == one["place"]:
            there.add(shown(plain(one["version"]) or told[1]))
    return {name: there for name, (_, there) in first.items()}


def plain(text: str | None) -> str:
    return " ".join((text or "").split())


def what_we_find(prefix: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for package in read_environment(prefix).snapshot.packages:
        found.setdefault(package.name, set()).add(package.version)
    return found


@settings(max_examples=200, deadline=None)
@given(trees, path_files)
def test_we_find_what_the_interpreter_finds(
    asked: Asked, new_site: Callable[[], Path], tree: Mapping[Place, bytes], pth: Mapping[str, list[str]]
) -> None:
    site = new_site()
    lay(site, tree)
    zip_up(site / "z.zip", tree)
    write_tree(site, {name: "\n".join(added) for name, added in pth.items()})
    assert what_we_find(site.parents[2]) == expected(asked.distributions(site))
    shutil.rmtree(site.parents[2])
