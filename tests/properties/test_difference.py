"""Properties of a comparison, one class per rule of ``domain.difference``."""

from __future__ import annotations

from operator import attrgetter

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from envguard.domain.difference import (
    ContentDifference,
    FieldDifference,
    Held,
    PackageDifference,
    differences,
    differences_from_lock,
    fact_differences,
    lock_differences,
    mirrored,
    mirrored_field,
)
from envguard.domain.environment import (
    BrokenRequirement,
    Interpreter,
    Origin,
    Package,
    Problem,
    Snapshot,
    digest_of,
    snapshot_of,
)
from envguard.domain.facts import Gpu, MachineFacts
from envguard.domain.locks.lock import Lock, LockedPackage
from tests.builders.documents import a_lock

few = st.sampled_from
ARCHIVE = Origin("archive", "https://example.org", archive_digest="sha256:" + "a" * 64)
origins = few([Origin(), Origin("editable"), Origin("vcs", "https://example.org", "a" * 40), ARCHIVE])
packages = st.builds(
    Package,
    name=few("abc"),
    version=few(["1", "2", "x"]),
    origin=origins,
    build=few([None, "b"]),
    conda_name=few([None, "py-a"]),
    conda_version=few([None, "01"]),
)
problems = st.builds(Problem, kind=few(["shadowed", "unreadable"]), package=few([None, "a"]))
broken = st.builds(
    BrokenRequirement, package=few("ab"), requirement=few(["c<2", "d"]), found=few([None, "2"])
)
interpreters = st.builds(
    Interpreter,
    implementation=few(["CPython", "PyPy"]),
    version=few(["3.11.7", "3.12.1"]),
    abi=few(["cp311", "cp312"]),
    platform=few(["linux-x86_64", "linux-aarch64"]),
    free_threaded=st.booleans(),
    markers=st.dictionaries(few(["os_name", "python_version"]), few(["posix", "3.11"])),
)
snapshots = st.builds(
    snapshot_of,
    interpreters,
    st.lists(packages, max_size=6),
    st.lists(problems, max_size=3),
    system_packages=st.lists(packages, max_size=3),
    broken_requirements=st.lists(broken, max_size=3),
)
gpus = st.lists(st.builds(Gpu, model=few(["A100", "H100"]), vendor=few([None, "nvidia"])), max_size=3)
facts = st.builds(
    MachineFacts,
    os=few(["Debian", "Fedora"]),
    kernel=few(["6.1", "6.6"]),
    cpu_count=few([None, 8, 16]),
    gpus=gpus.map(tuple),
    blas=few([None, "openblas", "mkl"]),
)
entries = st.builds(
    LockedPackage,
    name=few("abc"),
    version=few([None, "1", "2"]),
    marker=few([None, "os_name == 'nt'"]),
    requires_python=few([None, ">=3.11"]),
)
locks = st.builds(
    lambda found, python: replace(a_lock(), packages=tuple(found), requires_python=python),
    st.lists(entries, max_size=5),
    few([None, ">=3.10"]),
)


def applied(difference: ContentDifference, a: Snapshot) -> Snapshot:
    """Make of ``a`` what the difference says of ``b``."""
    problems = {*a.problems} - {*difference.problems.a} | {*difference.problems.b}
    unmet = {*a.broken_requirements} - {*difference.broken_requirements.a} | {
        *difference.broken_requirements.b
    }
    return snapshot_of(
        with_fields(a.interpreter, difference.interpreter),
        with_packages(a.packages, difference.packages),
        problems,
        system_packages=with_packages(a.system_packages, difference.system_packages),
        broken_requirements=unmet,
    )


def with_fields(interpreter: Interpreter, fields: tuple[FieldDifference, ...]) -> Interpreter:
    changed = asdict(interpreter)
    changed["markers"] = dict(interpreter.markers)
    for field in fields:
        table, _, key = field.field.rpartition(".")
        (changed[table] if table else changed)[key] = field.b
    changed["markers"] = {key: value for key, value in changed["markers"].items() if value is not None}
    return Interpreter(**changed)


def with_packages(before: tuple[Package, ...], apart: tuple[PackageDifference, ...]) -> list[Package]:
    names = {each.name for each in apart}
    after = [
        Package(each.name, str(held.version), held.origin, held.build, held.conda_name, held.conda_version)
        for each in apart
        for held in each.b
    ]
    return [package for package in before if package.name not in names] + after


class TestWhatIsEqualHasNoDifference:
    """And what has no difference is equal."""

    @given(snapshots, snapshots)
    def test_of_snapshots(self, a: Snapshot, b: Snapshot) -> None:
        assert differences(a, a).is_empty
        assert differences(a, b).is_empty is (digest_of(a) == digest_of(b))

    @given(facts, facts)
    def test_of_facts(self, a: MachineFacts, b: MachineFacts) -> None:
        assert fact_differences(a, a) == ()
        assert (fact_differences(a, b) == ()) is (digest_of(a) == digest_of(b))

    @given(locks)
    def test_of_locks(self, lock: Lock) -> None:
        assert lock_differences(lock, lock).is_empty

    @given(snapshots.filter(lambda snapshot: all(each.version != "x" for each in snapshot.packages)))
    def test_of_a_lock_that_was_made_from_an_environment(self, snapshot: Snapshot) -> None:
        single = {each.name: LockedPackage(each.name, each.version) for each in snapshot.packages}
        found = differences_from_lock(single, snapshot)
        assert {each.name for each in found.packages} <= {
            name
            for name in single
            if len({each.version for each in snapshot.packages if each.name == name}) > 1
        }


class TestNeitherSideIsRight:
    """Swapping the sides swaps them in what is said, and changes nothing else."""

    @given(snapshots, snapshots)
    def test_of_snapshots(self, a: Snapshot, b: Snapshot) -> None:
        assert mirrored(differences(a, b)) == differences(b, a)
        assert mirrored(mirrored(differences(a, b))) == differences(a, b)

    @given(facts, facts)
    def test_of_facts(self, a: MachineFacts, b: MachineFacts) -> None:
        assert tuple(map(mirrored_field, fact_differences(a, b))) == fact_differences(b, a)

    @given(locks, locks)
    def test_of_locks(self, a: Lock, b: Lock) -> None:
        assert mirrored(lock_differences(a, b)) == lock_differences(b, a)


class TestADifferenceIsWhole:
    """With one side and the difference, the other side can be made."""

    @given(snapshots, snapshots)
    def test_applied_to_one_side_it_gives_the_other(self, a: Snapshot, b: Snapshot) -> None:
        found = differences(a, b)
        assert digest_of(applied(found, a)) == digest_of(b)
        assert digest_of(applied(mirrored(found), b)) == digest_of(a)


SAID = {
    "version": attrgetter("version", "conda_version"),
    "build": attrgetter("build", "conda_name"),
    "origin": attrgetter("origin"),
}


class TestEveryRowSaysSomething:
    """What is told differs in what it says, and in nothing that it does not."""

    @given(snapshots, snapshots)
    def test_aspects(self, a: Snapshot, b: Snapshot) -> None:
        for package in differences(a, b).packages:
            assert package.differs
            for aspect, said in SAID.items():
                of_a, of_b = ({said(held) for held in side} for side in (package.a, package.b))
                if of_a and of_b and of_a != of_b:
                    assert aspect in package.differs
                if len(package.a) == len(package.b) == 1 and of_a == of_b:
                    assert aspect not in package.differs

    @given(snapshots, snapshots)
    def test_names_are_sorted_and_told_once(self, a: Snapshot, b: Snapshot) -> None:
        names = [package.name for package in differences(a, b).packages]
        assert names == sorted(set(names))
        assert all(isinstance(held, Held) for package in differences(a, b).packages for held in package.a)
