"""What rules and locks say of packages: builds, origins, files, conda's names, one finding for each."""

from __future__ import annotations

import pytest

from envguard.domain.drift import compare
from envguard.domain.environment import (
    BrokenRequirement,
    Digest,
    Origin,
    Package,
    Snapshot,
    snapshot_of,
)
from envguard.domain.findings.finding import Finding
from envguard.domain.locks.lock import Artifact, Lock, LockedPackage
from envguard.domain.policy import Deny, Level, OriginRules, Require, Rules
from envguard.domain.remedy import CondaInstall, CondaRemove, Install, Reinstall, Remedy
from tests.builders.documents import FACTS, an_interpreter

COMMIT = "0123456789abcdef0123456789abcdef01234567"
VCS = Origin(kind="vcs", url="https://git.example/gym", commit=COMMIT)
EDITABLE = Origin(kind="editable")
CONDA = Origin(kind="conda")
NO_RULES = Rules()


def snapshot(*packages: Package, system: tuple[Package, ...] = ()) -> Snapshot:
    return snapshot_of(an_interpreter(), packages, system_packages=system)


def locking(*packages: LockedPackage, **more: tuple[str, ...]) -> Lock:
    return Lock(packages=packages, digest=Digest("sha256:" + "1" * 64), **more)  # type: ignore[arg-type]  # the fields are the caller's words


def told(
    content: Snapshot, lock: Lock | None = None, rules: Rules = NO_RULES
) -> list[tuple[str, str | None]]:
    return [(each.kind, each.package) for each in compare(content, FACTS, rules, lock)]


def the_one(content: Snapshot, lock: Lock | None = None, rules: Rules = NO_RULES) -> Finding:
    (finding,) = compare(content, FACTS, rules, lock)
    return finding


class TestBuilds:
    def test_a_rule_s_build_is_asked_after_its_version(self) -> None:
        rules = Rules(packages=(Require(name="torch", specifier="==2.4.*", build="cu121"),))
        assert told(snapshot(Package("torch", "2.4.1+cu121")), rules=rules) == []
        assert told(snapshot(Package("torch", "2.4.1+cpu")), rules=rules) == [("build-mismatch", "torch")]
        assert told(snapshot(Package("torch", "2.5.0+cpu")), rules=rules) == [("version-mismatch", "torch")]

    @pytest.mark.parametrize(
        ("build", "installed", "remedy"),
        [
            pytest.param("cu121", "2.4.1+cpu", Install("torch==2.4.1+cu121"), id="a label"),
            pytest.param("cu121", "2.4.1", Install("torch==2.4.1+cu121"), id="a label where there is none"),
            pytest.param("py311*", "2.4.1", None, id="a build of conda's"),
            pytest.param("cu121", "odd version", None, id="no version"),
        ],
    )
    def test_the_build_that_a_rule_names_is_installed_as_the_version_that_is_there(
        self, build: str, installed: str, remedy: Remedy | None
    ) -> None:
        rules = Rules(packages=(Require(name="torch", build=build),))
        assert the_one(snapshot(Package("torch", installed)), rules=rules).remedy == remedy

    def test_a_plain_version_is_named_so_that_no_label_meets_it(self) -> None:
        files = (Artifact("torch-2.4.1-cp311-cp311-manylinux1_x86_64.whl"),)
        lock = locking(LockedPackage("torch", "2.4.1", artifacts=files))
        assert the_one(snapshot(Package("torch", "2.4.1+cu121")), lock).remedy == Install("torch===2.4.1")

    def test_another_label_than_the_lock_s_is_another_build(self) -> None:
        lock = locking(LockedPackage("torch", "2.4.1+cpu"))
        found = the_one(snapshot(Package("torch", "2.4.1+cu121")), lock)
        assert (found.kind, found.expected, found.actual) == (
            "build-mismatch",
            "==2.4.1+cpu",
            "2.4.1+cu121",
        )
        assert found.remedy == Install("torch==2.4.1+cpu")

    def test_a_label_where_all_the_lock_s_files_have_none_is_another_build(self) -> None:
        there = snapshot(Package("torch", "2.4.1+cu121"))
        files = (Artifact("torch-2.4.1-cp311-cp311-manylinux1_x86_64.whl"),)
        assert told(there, locking(LockedPackage("torch", "2.4.1", artifacts=files))) == [
            ("build-mismatch", "torch")
        ]

    def test_a_pin_without_files_is_met_by_any_label(self) -> None:
        there = snapshot(Package("torch", "2.4.1+cu121"))
        hashes_only = (Artifact("", ("sha256:aa",)),)
        assert told(there, locking(LockedPackage("torch", "2.4.1"))) == []
        assert told(there, locking(LockedPackage("torch", "2.4.1", artifacts=hashes_only))) == []


class TestOrigins:
    @pytest.mark.parametrize(
        ("wanted", "found", "is_met"),
        [
            pytest.param(VCS, VCS, True, id="the commit"),
            pytest.param(VCS, Origin(kind="vcs", url=VCS.url, commit="f" * 40), False, id="another commit"),
            pytest.param(VCS, Origin(), False, id="an index instead of a repository"),
            pytest.param(EDITABLE, EDITABLE, True, id="editable"),
            pytest.param(EDITABLE, Origin(kind="directory"), True, id="the same folder, not editable"),
            pytest.param(EDITABLE, Origin(), False, id="an index instead of a folder"),
            pytest.param(
                Origin(kind="archive", url="https://h.example/a.zip"),
                Origin(kind="archive", url="https://h.example/a.zip"),
                True,
                id="the archive",
            ),
            pytest.param(
                Origin(kind="archive", url="https://h.example/a.zip"),
                Origin(kind="archive", url="https://h.example/b.zip"),
                False,
                id="another archive",
            ),
        ],
    )
    def test_the_lock_s_origin_is_asked(self, wanted: Origin, found: Origin, is_met: bool) -> None:
        lock = locking(LockedPackage("gym", "0.26.2", origin=wanted))
        expected = [] if is_met else [("origin-mismatch", "gym")]
        assert told(snapshot(Package("gym", "0.26.2", found)), lock) == expected

    def test_a_commit_is_installed_by_its_address(self) -> None:
        lock = locking(LockedPackage("gym", "0.26.2", origin=VCS))
        found = the_one(snapshot(Package("gym", "0.26.2")), lock)
        assert found.remedy == Reinstall(f"gym @ git+https://git.example/gym@{COMMIT}")

    def test_a_folder_that_only_one_machine_has_is_not_offered(self) -> None:
        lock = locking(LockedPackage("gym", "0.26.2", origin=EDITABLE))
        assert the_one(snapshot(Package("gym", "0.26.2")), lock).remedy is None

    @pytest.mark.parametrize(
        ("origin", "rule"),
        [
            pytest.param(EDITABLE, "origins.editable", id="editable"),
            pytest.param(VCS, "origins.vcs", id="vcs"),
            pytest.param(Origin(kind="archive"), "origins.direct-url", id="archive"),
            pytest.param(Origin(kind="directory"), "origins.direct-url", id="directory"),
        ],
    )
    def test_other_origins_than_an_index_are_told_where_the_policy_asks(
        self, origin: Origin, rule: str
    ) -> None:
        there = snapshot(Package("gym", "0.26.2", origin))
        every: Level = "warn"
        found = the_one(there, rules=Rules(origins=OriginRules(editable=every, vcs=every, direct_url=every)))
        assert (found.kind, found.rule, found.severity) == ("origin-mismatch", rule, "warn")
        assert told(there) == []

    def test_an_origin_that_the_lock_wants_is_no_finding(self) -> None:
        lock = locking(LockedPackage("gym", "0.26.2", origin=EDITABLE))
        rules = Rules(origins=OriginRules(editable="error"))
        assert told(snapshot(Package("gym", "0.26.2", EDITABLE)), lock, rules) == []

    def test_what_is_wrong_already_is_not_told_twice(self) -> None:
        lock = locking(LockedPackage("gym", "0.26.2"))
        rules = Rules(origins=OriginRules(editable="error"))
        assert told(snapshot(Package("gym", "0.25.0", EDITABLE)), lock, rules) == [
            ("version-mismatch", "gym")
        ]

    @pytest.mark.parametrize(
        ("entry", "rule", "remedy"),
        [
            pytest.param(None, None, None, id="nobody says which version"),
            pytest.param(None, Require(name="gym", specifier=">=0.26"), Reinstall("gym>=0.26"), id="a rule"),
            pytest.param(LockedPackage("gym", "0.26.2"), None, Reinstall("gym==0.26.2"), id="the lock"),
        ],
    )
    def test_it_is_fetched_from_an_index_in_the_version_that_is_wanted(
        self, entry: LockedPackage | None, rule: Require | None, remedy: Remedy | None
    ) -> None:
        rules = Rules(packages=(rule,) if rule else (), origins=OriginRules(editable="error"))
        lock = locking(entry) if entry else None
        assert the_one(snapshot(Package("gym", "0.26.2", EDITABLE)), lock, rules).remedy == remedy

    @pytest.mark.parametrize(
        ("digest", "expected"),
        [
            pytest.param("sha256:aa", [], id="the lock's own"),
            pytest.param(None, [("origin-mismatch", "a")], id="not known"),
            pytest.param("md5:aa", [("origin-mismatch", "a")], id="not comparable"),
        ],
    )
    def test_a_file_of_the_lock_s_is_wanted_from_wherever_it_came(
        self, digest: str | None, expected: list[tuple[str, str]]
    ) -> None:
        origin = Origin(kind="archive", url="https://h.example/a.zip", archive_digest=digest)
        lock = locking(LockedPackage("a", "1", artifacts=(Artifact("a.zip", ("sha256:aa",)),)))
        rules = Rules(origins=OriginRules(direct_url="error"))
        assert told(snapshot(Package("a", "1", origin)), lock, rules) == expected


class TestHashes:
    def test_an_archive_with_another_digest_is_told(self) -> None:
        origin = Origin(kind="archive", url="https://h.example/a.zip", archive_digest="sha256:bb")
        entry = LockedPackage("a", "1", origin=origin, artifacts=(Artifact("a.zip", ("sha256:aa",)),))
        found = the_one(snapshot(Package("a", "1", origin)), locking(entry))
        assert (found.kind, found.actual) == ("hash-mismatch", "sha256:bb")

    def test_a_wheel_that_is_none_of_the_lock_s_is_told(self) -> None:
        files = (Artifact("a-1-cp312-cp312-linux_x86_64.whl", ("sha256:aa",)),)
        there = snapshot(Package("a", "1", build="cp311-cp311-linux_x86_64"))
        assert told(there, locking(LockedPackage("a", "1", artifacts=files))) == [("hash-mismatch", "a")]


class TestConda:
    LOCK = locking(
        LockedPackage("pytorch", "2.4.1", build="py311_cuda12_0", ecosystem="conda"),
        LockedPackage("openssl", "3.0.2h", build="h1_0", ecosystem="conda"),
        LockedPackage("gym", "0.26.2"),
    )
    TORCH = Package("torch", "2.4.1", CONDA, "py311_cuda12_0", "pytorch")
    OPENSSL = Package("openssl", "3.0.2h", CONDA, "h1_0")
    GYM = Package("gym", "0.26.2")

    def test_conda_s_packages_are_found_by_conda_s_names(self) -> None:
        there = snapshot(self.TORCH, self.GYM, system=(self.OPENSSL,))
        assert told(there, self.LOCK, Rules(unlisted="error")) == []

    @pytest.mark.parametrize(
        ("there", "kind", "package", "remedy"),
        [
            pytest.param(
                snapshot(GYM, system=(OPENSSL,)),
                "missing",
                "pytorch",
                CondaInstall("pytorch=2.4.1=py311_cuda12_0"),
                id="missing",
            ),
            pytest.param(
                snapshot(TORCH, GYM, system=(Package("openssl", "3.0.2g", CONDA, "h1_0"),)),
                "version-mismatch",
                "openssl",
                CondaInstall("openssl=3.0.2h=h1_0"),
                id="another version that is not PEP 440",
            ),
            pytest.param(
                snapshot(Package("torch", "2.4.1", CONDA, "py311_cpu_0", "pytorch"), GYM, system=(OPENSSL,)),
                "build-mismatch",
                "pytorch",
                CondaInstall("pytorch=2.4.1=py311_cuda12_0"),
                id="another build",
            ),
            pytest.param(
                snapshot(TORCH, GYM, system=(OPENSSL, Package("zlib", "1.3", CONDA, "h2_0"))),
                "unlisted",
                "zlib",
                CondaRemove("zlib"),
                id="one that nobody listed",
            ),
            pytest.param(
                snapshot(TORCH, GYM, Package("numpy", "1", CONDA, "h3_0"), system=(OPENSSL,)),
                "unlisted",
                "numpy",
                CondaRemove("numpy"),
                id="a distribution that nobody listed",
            ),
        ],
    )
    def test_each_difference_is_one_finding(
        self, there: Snapshot, kind: str, package: str, remedy: object
    ) -> None:
        found = the_one(there, self.LOCK, Rules(unlisted="warn"))
        assert (found.kind, found.package, found.remedy) == (kind, package, remedy)

    def test_a_library_called_as_a_distribution_is_another_package(self) -> None:
        lock = locking(
            LockedPackage("graphviz", "9.0.0", build="h1_0", ecosystem="conda"),
            LockedPackage("graphviz", "0.20.3"),
        )
        library = Package("graphviz", "9.0.0", CONDA, "h1_0")
        assert told(snapshot(Package("graphviz", "0.20.3"), system=(library,)), lock) == []
        assert told(snapshot(Package("graphviz", "0.20.1"), system=(library,)), lock) == [
            ("version-mismatch", "graphviz")
        ]

    def test_a_build_may_be_a_pattern(self) -> None:
        lock = locking(LockedPackage("numpy", "1.26.4", build="py311*", ecosystem="conda"))
        assert told(snapshot(Package("numpy", "1.26.4", CONDA, "py311h64a7726_0")), lock) == []
        assert told(snapshot(Package("numpy", "1.26.4", CONDA, "py312h64a7726_0")), lock) == [
            ("build-mismatch", "numpy")
        ]

    def test_pip_s_package_in_the_place_of_conda_s_is_another_build(self) -> None:
        lock = locking(LockedPackage("numpy", "1.26.4", build="h3_0", ecosystem="conda"))
        assert told(snapshot(Package("numpy", "1.26.4")), lock) == [("build-mismatch", "numpy")]

    def test_a_lock_without_conda_s_packages_says_nothing_of_libraries(self) -> None:
        there = snapshot(self.GYM, system=(self.OPENSSL,))
        assert told(there, locking(LockedPackage("gym", "0.26.2")), Rules(unlisted="error")) == []

    def test_a_rule_can_name_a_library_of_conda_s(self) -> None:
        rules = Rules(packages=(Deny(name="openssl"),))
        assert told(snapshot(system=(self.OPENSSL,)), rules=rules) == [("denied", "openssl")]

    def test_a_rule_speaks_before_what_the_lock_says_by_conda_s_name(self) -> None:
        lock = locking(LockedPackage("pytorch", "2.3.0", ecosystem="conda"))
        rules = Rules(packages=(Require(name="torch", specifier="==2.5.*"),))
        assert told(snapshot(self.TORCH), lock, rules) == [("version-mismatch", "torch")]
        assert told(snapshot(self.TORCH), lock) == [("version-mismatch", "pytorch")]

    def test_conda_s_names_list_nothing_where_the_lock_has_none_of_conda_s(self) -> None:
        lock = locking(LockedPackage("pytorch", "2.4.1"))
        there = snapshot(self.TORCH, Package("pytorch", "2.4.1"))
        assert told(there, lock, Rules(unlisted="error")) == [("unlisted", "torch")]


class TestOptional:
    LOCK = locking(
        LockedPackage("torch", "2.4.1+cpu", marker="'cpu' in extras and 'gpu' not in extras"),
        LockedPackage("torch", "2.4.1+cu121", marker="'gpu' in extras"),
        LockedPackage("pytest", "8.0", marker="'dev' in dependency_groups"),
        extras=("cpu", "gpu"),
        groups=("dev",),
    )

    @pytest.mark.parametrize(
        ("there", "expected"),
        [
            pytest.param(snapshot(), [], id="it may be absent"),
            pytest.param(snapshot(Package("pytest", "8.0")), [], id="it may be there"),
            pytest.param(
                snapshot(Package("pytest", "7.0")), [("version-mismatch", "pytest")], id="but as it is locked"
            ),
        ],
    )
    def test_what_nobody_chose_may_be_there_as_it_is_locked(
        self, there: Snapshot, expected: list[tuple[str, str]]
    ) -> None:
        assert told(there, self.LOCK, Rules(unlisted="error")) == expected

    def test_a_rule_and_what_the_lock_says_besides_are_one_finding(self) -> None:
        rules = Rules(packages=(Require(name="pytest", specifier="<9"),))
        assert told(snapshot(Package("pytest", "7.0")), self.LOCK, rules) == [("version-mismatch", "pytest")]
        assert told(snapshot(Package("pytest", "8.0")), self.LOCK, rules) == []
        assert told(snapshot(), self.LOCK, rules) == [("missing", "pytest")]

    def test_of_several_entries_that_may_be_meant_one_must_be_met(self) -> None:
        lock = locking(*(LockedPackage("numpy", each, only_constrains=True) for each in ("1.26.4", "1.26.5")))
        assert told(snapshot(Package("numpy", "1.26.5")), lock) == []
        found = the_one(snapshot(Package("numpy", "1.26.6")), lock)
        assert (found.kind, found.expected) == ("version-mismatch", "==1.26.4")

    def test_a_version_without_a_pin_is_asked_by_its_specifier(self) -> None:
        lock = locking(LockedPackage("python", specifier="==3.11.*", ecosystem="conda"))
        assert told(snapshot(system=(Package("python", "3.11.7", CONDA, "h0"),)), lock) == []
        assert told(snapshot(system=(Package("python", "3.12.1", CONDA, "h0"),)), lock) == [
            ("version-mismatch", "python")
        ]


def test_requirements_that_do_not_hold_are_told_at_the_policy_s_level() -> None:
    broken = BrokenRequirement("gym", "numpy<2", "2.1.3")
    there = snapshot_of(an_interpreter(), [Package("gym", "0.26.2")], broken_requirements=[broken])
    found = the_one(there)
    assert (found.kind, found.severity, found.package) == ("broken-requirement", "info", "gym")
    assert (found.expected, found.actual) == ("numpy<2", "2.1.3")
    assert told(there, rules=Rules(broken_requirements="ignore")) == []
