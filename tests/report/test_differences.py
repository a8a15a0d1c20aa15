"""What people read of a comparison: whole texts at 80 columns, without colour."""

from __future__ import annotations

import json

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from envguard.domain.comparison import (
    Comparison,
    EnvironmentSide,
    LockSide,
    MachineSide,
    Side,
    compare_sides,
)
from envguard.domain.environment import (
    BrokenRequirement,
    Origin,
    Package,
    Problem,
    Scan,
    Snapshot,
    snapshot_of,
)
from envguard.domain.facts import Gpu
from envguard.domain.locks.lock import Lock
from envguard.report.compared import diff_document
from envguard.report.differences import headline, show_comparison
from envguard.report.schemas import schemas
from tests.builders.documents import FACTS, a_lock, a_record, a_snapshot, an_environment, an_interpreter
from tests.report.arranging import HERE, printed, text

H100 = Gpu(model="NVIDIA H100 80GB HBM3", vendor="nvidia")
MINE = replace(FACTS, cpu="AMD EPYC 7742", memory_bytes=64 << 30, gpus=(H100,) * 8, nvidia_driver="550.54.15")
LAPTOP = replace(FACTS, kernel="6.6.13", cpu="Intel Core i7-1260P", memory_bytes=32 << 30)


def a_side(snapshot: Snapshot, path: str = "/home/ann/rl/.venv", **changes: object) -> EnvironmentSide:
    blas = changes.pop("blas", None)
    fields = {"given": path, "facts": FACTS, **changes}
    return EnvironmentSide(snapshot=snapshot, record=a_record(path, blas=blas), **fields)  # type: ignore[arg-type]  # the fields are the caller's words


def compared(a: Side, b: Side) -> Comparison:
    found = compare_sides(a, b)
    assert isinstance(found, Comparison)
    return found


def shown(a: Side, b: Side, *, is_verbose: bool = False, width: int = 80) -> str:
    comparison = compared(a, b)
    return printed(
        lambda console: show_comparison(console, comparison, here=HERE, is_verbose=is_verbose), width=width
    )


def lock_side(lock: Lock, given: str = "pylock.toml") -> LockSide:
    return LockSide(given=given, lock=lock)


def test_equal_sides_are_three_lines() -> None:
    assert shown(a_side(a_snapshot(gym="1")), a_side(a_snapshot(gym="1"), "/home/bob/.venv")) == text(
        """
        equal: Python 3.11.7, 1 package
        A  .venv, Python 3.11.7, 1 package
        B  /home/bob/.venv, Python 3.11.7, 1 package
        """
    )


def test_packages_come_first_then_the_interpreter_then_the_machine() -> None:
    a = snapshot_of(
        an_interpreter("3.11.7"),
        [
            Package("gym", "0.25.2"),
            Package("numpy", "1.26.4", build="cp311-cp311-manylinux2014_x86_64"),
            Package("rl", "1.0", Origin("editable")),
            Package("pandas", "2.2.0"),
        ],
        [Problem("duplicate", "gym")],
        system_packages=[Package("openssl", "3.1.0")],
    )
    b = snapshot_of(
        an_interpreter("3.12.1"),
        [
            Package("gym", "0.26.2"),
            Package("numpy", "1.26.4", build="cp312-cp312-manylinux2014_x86_64"),
            Package("rl", "1.0", Origin("vcs", "https://example.org/rl", "0123456789abcdef" + "0" * 24)),
            Package("rich", "13.7.1"),
            Package("ruff", "0.6.9"),
        ],
        system_packages=[Package("openssl", "3.1.4")],
        broken_requirements=[
            BrokenRequirement("gym", "numpy<1.25", "1.26.4"),
            BrokenRequirement("rl", "tqdm"),
        ],
    )
    mine = a_side(a, facts=MINE, blas="openblas 0.3.23 (numpy.libs)")
    theirs = a_side(b, "/home/bob/rl/.venv", facts=LAPTOP, machine="bob-laptop", blas="mkl 2024.0 (lib)")
    assert shown(mine, theirs) == text(
        """
        2 packages differ, 1 is another build, 1 only in A, 2 only in B; python 3.11.7
        and 3.12.1; 1 system package differs; numpy loads another BLAS; 1 problem on one
        side; 2 broken requirements on one side; 5 machine facts differ
        A  .venv, Python 3.11.7, 4 packages
        B  /home/bob/rl/.venv on bob-laptop, Python 3.12.1, 5 packages

        PACKAGE  A             B
        gym      0.25.2        0.26.2
        rl       1.0 editable  1.0 vcs https://example.org/rl@0123456789ab

        only in A  pandas 2.2.0
        only in B  rich 13.7.1, ruff 0.6.9
        other builds  numpy 1.26.4

        SYSTEM PACKAGE  A      B
        openssl         3.1.0  3.1.4

        problem in A: duplicate gym
        broken in B: gym requires numpy<1.25, found 1.26.4
        broken in B: rl requires tqdm, which is absent

        NUMPY  A                             B
        blas   openblas 0.3.23 (numpy.libs)  mkl 2024.0 (lib)

        MACHINE  A                          B
        kernel   6.1.0                      6.6.13
        cpu      AMD EPYC 7742              Intel Core i7-1260P
        memory   64 GiB                     32 GiB
        gpus     8 x NVIDIA H100 80GB HBM3  -
        driver   550.54.15                  -
        """
    )


def test_builds_under_one_interpreter_are_rows_and_verbose_says_where_all_comes_from() -> None:
    a = snapshot_of(
        an_interpreter(), [Package("torch", "2.4.0", build="cpu_h1"), Package("x", "1", Origin("conda"))]
    )
    b = snapshot_of(an_interpreter(), [Package("torch", "2.4.0", build="cuda_h2")])
    assert shown(a_side(a), a_side(b, "/home/ann/b"), is_verbose=True) == text(
        """
        1 package differs, 1 only in A
        A  .venv, Python 3.11.7, 2 packages
        B  ~/b, Python 3.11.7, 1 package

        PACKAGE  A             B
        torch    2.4.0 cpu_h1  2.4.0 cuda_h2

        only in A  x 1 conda
        """
    )


def test_many_packages_of_one_side_are_packed_into_lines_that_fit() -> None:
    many = [Package(f"package-{number}", f"{number}.0") for number in range(12)]
    out = shown(a_side(snapshot_of(an_interpreter(), many)), a_side(a_snapshot()))
    assert "only in A  package-0 0.0, package-1 1.0," in out
    assert max(map(len, out.splitlines())) <= 80
    assert out.count("package-11 11.0") == 1


def test_an_interpreter_that_differs_in_more_than_its_version_has_a_row() -> None:
    pypy = replace(an_interpreter("3.11.7"), implementation="PyPy", free_threaded=True)
    out = shown(a_side(a_snapshot("3.12.1")), a_side(snapshot_of(pypy, [])))
    assert (
        text(
            """
        PYTHON          A        B
        implementation  CPython  PyPy
        free-threaded   no       yes
        """
        )
        in out
    )
    assert "markers" not in out
    assert "markers.python_version" in shown(
        a_side(a_snapshot("3.12.1")), a_side(a_snapshot()), is_verbose=True
    )


def test_a_lock_and_an_environment() -> None:
    assert shown(
        lock_side(a_lock(gym="0.26.2", numpy="1.26.4")), a_side(a_snapshot(gym="0.25.2", pip="1"))
    ) == text(
        """
        1 package differs, 1 only in A
        A  pylock.toml, 2 packages
        B  .venv, Python 3.11.7, 2 packages

        PACKAGE  A       B
        gym      0.26.2  0.25.2

        only in A  numpy 1.26.4
        """
    )


def test_a_lock_for_another_python_says_so() -> None:
    lock = replace(a_lock(gym="0.26.2"), requires_python=">=3.12")
    assert shown(lock_side(lock), a_side(a_snapshot())) == text(
        """
        python >=3.12 and 3.11.7
        A  pylock.toml, 1 package
        B  .venv, Python 3.11.7, no packages

        packages were not compared: the lock was not made for this interpreter
        """
    )


def test_two_locks() -> None:
    a = a_lock({"numpy": "python_version < '3.12'"}, numpy="1.26.4", torch="2.4.0")
    b = replace(a_lock(numpy="1.26.4", torch="2.4.1"), requires_python=">=3.11")
    assert shown(lock_side(a), lock_side(b, "next.pylock.toml")) == text(
        """
        2 packages differ; python differs
        A  pylock.toml, 2 packages
        B  next.pylock.toml, 2 packages

        PACKAGE  A                                  B
        numpy    1.26.4 if python_version < '3.12'  1.26.4
        torch    2.4.0                              2.4.1

        PYTHON           A  B
        requires-python  -  >=3.11
        """
    )


def test_two_machines() -> None:
    gym = a_snapshot(gym="0.26.2")
    a = Scan(MINE, (an_environment(gym), an_environment(gym, "/home/ann/b"), an_environment(gym, "/opt/x")))
    b = Scan(LAPTOP, (an_environment(a_snapshot(gym="0.25.2")), an_environment(gym, "/home/ann/b")))
    assert shown(
        MachineSide(given="a.json", machine="ws-7", scan=a),
        MachineSide(given="b.json", machine="ws-9", scan=b),
    ) == text(
        """
        5 machine facts differ; 1 of 2 environments differs, 1 only in A
        A  ws-7, 3 environments (a.json)
        B  ws-9, 2 environments (b.json)

        .venv: 1 package differs

        PACKAGE  A       B
        gym      0.26.2  0.25.2

        /opt/x: only in A

        MACHINE  A                          B
        kernel   6.1.0                      6.6.13
        cpu      AMD EPYC 7742              Intel Core i7-1260P
        memory   64 GiB                     32 GiB
        gpus     8 x NVIDIA H100 80GB HBM3  -
        driver   550.54.15                  -
        """
    )


def test_machines_that_differ_in_one_environment_only_are_not_called_equal() -> None:
    gym = an_environment(a_snapshot(gym="1"))
    a, b = Scan(FACTS, (gym, an_environment(a_snapshot(), "/b"))), Scan(FACTS, (gym,))
    sides = [MachineSide(given="x.json", machine="ws-7", scan=scan) for scan in (a, b)]
    assert headline(compared(sides[0], sides[1])) == "1 environment is equal, 1 only in A"
    assert headline(compared(sides[1], sides[1])) == "equal: 1 environment"


def test_machines_without_an_environment_of_one_path_are_not_called_equal() -> None:
    gym = a_snapshot(gym="1")
    ann, bob = (an_environment(gym, f"/home/{name}/rl/.venv") for name in ("ann", "bob"))
    other = an_environment(gym, "/home/ann/other")
    a, b = (
        MachineSide(given="x.json", machine="ws-7", scan=Scan(FACTS, environments))
        for environments in ((ann, other), (bob,))
    )
    assert headline(compared(a, b)) == "the scans have no environment in common, 2 only in A, 1 only in B"


@pytest.mark.parametrize(
    ("memory_bytes", "words"), [(5, "5 bytes"), (0, "0 bytes"), (512 << 20, "0.5 GiB")], ids=str
)
def test_little_memory_is_shown_so_that_it_can_be_read(memory_bytes: int, words: str) -> None:
    few = replace(FACTS, memory_bytes=memory_bytes)
    out = shown(a_side(a_snapshot(), facts=few), a_side(a_snapshot(), facts=MINE))
    assert f"memory   {words} " in out


def test_a_number_that_no_machine_has_is_shown_as_it_is() -> None:
    out = shown(
        a_side(a_snapshot(), facts=replace(FACTS, memory_bytes=10**400)), a_side(a_snapshot(), facts=MINE)
    )
    assert "memory" in out


@given(st.text(st.characters(), max_size=12), st.text(st.characters(), max_size=12))
def test_nothing_that_a_saved_scan_holds_reaches_the_terminal_as_it_is(name: str, version: str) -> None:
    wild = (
        snapshot_of(
            replace(an_interpreter(), implementation=name),
            [
                Package(f"a{name}", version),
                Package("gym", version),
                Package("b", "1", Origin("vcs", name, version)),
            ],
            [Problem("duplicate", name)],
            broken_requirements=[BrokenRequirement(name, version, name)],
        )
        if (name + version).isascii()
        else a_snapshot(gym="2")
    )
    out = shown(a_side(wild, facts=replace(FACTS, cpu=name)), a_side(a_snapshot(gym="1")), is_verbose=True)
    assert all(character.isprintable() or character == "\n" for character in out)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param(
            a_side(a_snapshot(gym="1")), a_side(a_snapshot("3.12.1", rl="1"), facts=MINE), id="environments"
        ),
        pytest.param(lock_side(a_lock(gym="1")), a_side(a_snapshot(gym="2")), id="lock"),
        pytest.param(
            EnvironmentSide(given="s.json", snapshot=a_snapshot()),
            a_side(a_snapshot(), blas="mkl"),
            id="snapshot",
        ),
        pytest.param(
            MachineSide(given="a", machine="ws-7", scan=Scan(MINE, (an_environment(a_snapshot()),))),
            MachineSide(given="b", machine="ws-9", scan=Scan(LAPTOP, ())),
            id="machines",
        ),
    ],
)
def test_the_document_is_as_its_schema_says(a: Side, b: Side) -> None:
    comparison = compared(a, b)
    document = json.loads(msgspec.json.encode(diff_document(comparison)))
    jsonschema.Draft202012Validator(schemas()["diff-1"]).validate(document)
    assert document["equal"] is comparison.is_equal


def test_the_document_says_what_was_compared() -> None:
    mine = a_side(a_snapshot(gym="1"), machine="ws-7")
    document = json.loads(msgspec.json.encode(diff_document(compared(mine, lock_side(a_lock(gym="2"))))))
    assert (document["a"]["kind"], document["a"]["machine"], document["b"]["kind"]) == (
        "environment",
        "ws-7",
        "lock",
    )
    [contents] = document["environments"]
    assert (contents["a"], contents["b"]) == ("/home/ann/rl/.venv", "pylock.toml")
    assert contents["packages"] == [
        {"name": "gym", "differs": ["version"], "a": [{"version": "1"}], "b": [{"version": "2"}]}
    ]
