"""Properties of the parsers by which environments are discovered, one class per rule."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from envguard.inventory.discovery.mounts import parse_mounts
from envguard.inventory.discovery.registries.processes import prefixes_mapped

names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8)
folders = st.lists(names, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
real = folders.filter(lambda path: not {".", ".."} & set(path.split("/")))


def escaped(text: str) -> str:
    """As the kernel writes a path into its tables."""
    return "".join(f"\\{ord(c):03o}" if c in " \t\n\\" else c for c in text)


class TestTheTableOfMounts:
    @given(st.text())
    def test_no_text_breaks_it(self, text: str) -> None:
        parse_mounts(text)

    @given(real, st.sampled_from(["ext4", "nfs4", "fuse.sshfs"]), folders)
    def test_what_the_kernel_wrote_is_read_back(self, place: str, kind: str, source: str) -> None:
        line = f"1 0 0:1 / {escaped(place)} rw shared:1 - {kind} {escaped(source)} rw\n"
        mount = parse_mounts(line).at(place)
        assert mount is not None
        assert (mount.place, mount.kind, mount.source) == (place, kind, source)

    @given(real, real)
    def test_what_is_below_a_mount_is_on_it(self, place: str, below: str) -> None:
        mounts = parse_mounts(f"1 0 0:1 / {escaped(place)} rw - nfs host:/x rw\n")
        assert mounts.of(place + below) == mounts.at(place)
        assert mounts.shared_name_of(place + below) is not None
        assert mounts.of(place + "x") is None

    @given(real, real, names)
    def test_a_name_does_not_depend_on_where_it_is_mounted(self, here: str, there: str, name: str) -> None:
        found = {
            parse_mounts(f"1 0 0:1 / {escaped(place)} rw - nfs host:/x rw").shared_name_of(
                f"{place}/e/{name}"
            )
            for place in (here, there)
        }
        assert len(found) == 1


class TestTheMapsOfAProcess:
    @given(st.binary())
    def test_no_bytes_break_it(self, maps: bytes) -> None:
        prefixes_mapped(maps)

    @given(real.filter(lambda path: "\n" not in path))
    def test_a_compiled_module_tells_its_prefix(self, prefix: str) -> None:
        module = os.fsencode(f"{prefix}/lib/python3.11/site-packages/numpy/core.so")
        line = b"7f00-7f01 r-xp 00000000 fe:00 123                        " + module + b"\n"
        found = prefixes_mapped(line + b"7f02-7f03 rw-p 0 00:00 0 [heap]\n")
        assert [os.fsencode(each) for each in found] == [os.fsencode(prefix)]
