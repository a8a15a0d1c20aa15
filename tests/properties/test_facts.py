"""Properties of what is told of a machine and its processors, one class per rule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envguard.domain.facts import MachineFacts
from envguard.inventory import machine_facts
from envguard.inventory.machine.cpu import simd_level
from envguard.inventory.machine.facts import built_in_bytes
from tests.builders.machines import MACHINES, SAPPHIRE_RAPIDS, a_told

pieces = st.sampled_from(
    [
        *(
            b"model name\t: ",
            b"flags\t: fpu",
            b"MemTotal: 9",
            b" kB\n",
            b"0-",
            b"0x03",
            b"0x10de\n",
            b"Model: ",
        ),
        *(
            b'{"cuda": {"version": "',
            b'"}}',
            b"GNU C Library x version 2.",
            b"NVRM version: 9.9",
            b"\n1002  ",
        ),
        *(b"gfx_target_version 90010\n", b"location_id 9999999999\n", b"include *\n", b"/lib\n", b"NAME="),
        *(
            b"\nMemTotal: " + b"9" * 5000 + b" kB\n",
            b"0-" + b"9" * 5000,
            b"gfx_target_version " + b"9" * 40 + b"\n",
        ),
        *(b"\x00", b"\x1b[31m", b"\xff", b"\xed\xb2\x80", "٣".encode(), b"9" * 5000, b"[" * 2000, b"\n\n"),
    ]
)
contents = st.lists(st.one_of(pieces, st.binary(max_size=40)), max_size=12).map(b"".join)


@pytest.fixture(scope="module", params=MACHINES)
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a machine's tree; whoever changes a file puts it back."""
    make: Callable[[Path], Path] = MACHINES[request.param]
    return make(tmp_path_factory.mktemp("machine"))


class TestAnyBytesInAnyFileAreHarmless:
    """Of files that a stranger's kernel, driver or package wrote: all that is told can be shown and sent."""

    @settings(deadline=None, max_examples=60)
    @given(st.data())
    def test_of_every_file_of_every_machine(self, tree: Path, data: st.DataObject) -> None:
        files = [path for path in tree.rglob("*") if path.is_file() and not path.is_symlink()]
        places = sorted(str(path.relative_to(tree)) for path in files)
        changed = data.draw(st.dictionaries(st.sampled_from(places), contents, min_size=1))
        before = {place: (tree / place).read_bytes() for place in changed}
        for place, content in changed.items():
            (tree / place).write_bytes(content)
        facts = machine_facts(str(tree), a_told())
        for place, content in before.items():
            (tree / place).write_bytes(content)
        assert msgspec.json.decode(msgspec.json.encode(facts), type=MachineFacts) == facts
        texts = (facts.os, facts.libc, facts.cpu, facts.simd, facts.blas, facts.nvidia_driver, *facts.cuda)
        assert all(text is None or text.isprintable() for text in texts)
        assert all(gpu.model.isprintable() for gpu in facts.gpus)


class TestLevelsGrowWithFlags:
    """A processor that can do more is never called less."""

    @given(st.sets(st.sampled_from(SAPPHIRE_RAPIDS.split())), st.sampled_from(SAPPHIRE_RAPIDS.split()))
    def test_one_flag_more(self, flags: set[str], flag: str) -> None:
        before = simd_level("x86_64", {"flags": " ".join(flags)}) or ""
        after = simd_level("x86_64", {"flags": " ".join({*flags, flag})}) or ""
        assert before.split()[:1] <= after.split()[:1]


class TestMemoryIsRoundedUpAndStays:
    """What is built in is no less than what is usable, and rounding it again changes nothing."""

    @given(st.integers(min_value=0, max_value=1 << 50))
    def test_rounding(self, usable: int) -> None:
        built_in = built_in_bytes(usable)
        assert usable <= built_in <= usable * 9 / 8 + 1
        assert built_in_bytes(built_in) == built_in
