"""The lock of an environment is read again as what the environment contains."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from envguard.domain.environment import Origin, Package, snapshot_of
from envguard.domain.frozen import frozen
from envguard.domain.locks.lock import LeftOut, LockedPackage
from envguard.formats import parse_lock
from envguard.formats.locks.write_pins import write_conda_environment, write_requirements
from tests.builders.documents import an_interpreter

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ORIGINS = (
    Origin(),
    Origin("editable"),
    Origin("vcs", "https://git.example/a", COMMIT),
    Origin("vcs", "https://git.example/a b;c", COMMIT),
    Origin("archive", "https://files.example/v1.zip"),
    Origin("archive", "https://files.example/a@b.zip", archive_digest="sha256:" + "ab" * 32),
    Origin("unknown"),
)
a_version = st.sampled_from(["1.0", "2.4.1+cu121", "2004d-x", "1!2", ""]) | st.text(max_size=8)
a_package = st.builds(
    Package,
    st.sampled_from(["gym", "numpy", "torch", "a-b", "pip", "x y"]) | st.text(min_size=1, max_size=8),
    a_version,
    st.sampled_from(ORIGINS),
)
a_conda_package = st.builds(
    Package,
    st.sampled_from(["mkl", "_libgcc", "gym", "x y"]) | st.text(min_size=1, max_size=8),
    a_version,
    st.just(Origin("conda")),
    st.sampled_from(["h1_0", None, "a b"]) | st.text(max_size=8),
)


def wanted(packages: tuple[LockedPackage, ...]) -> list[tuple[object, ...]]:
    """What both sides know: an address need not tell the version."""
    return sorted(
        (
            each.ecosystem,
            each.name,
            str(each.origin and each.origin.url),
            each.build or "",
            "" if each.origin else each.version,
        )
        for each in packages
    )


@given(st.lists(a_package, max_size=6))
def test_pins_of_any_environment_are_read_as_they_are(packages: list[Package]) -> None:
    found = frozen(snapshot_of(an_interpreter(), packages), None)
    if found.pinned:
        assert wanted(parse_lock(write_requirements(found), filename="r.txt").packages) == wanted(
            found.pinned
        )


@given(st.lists(a_package, max_size=4), st.lists(a_conda_package, min_size=1, max_size=4))
def test_condas_environments_too(packages: list[Package], of_conda: list[Package]) -> None:
    found = frozen(snapshot_of(an_interpreter(), packages, system_packages=of_conda), None)
    if found.pinned:
        lock = parse_lock(write_conda_environment(found, "rl"), filename="environment.yml")
        assert wanted(lock.packages) == wanted(found.pinned)


def test_what_is_not_there_is_a_comment() -> None:
    packages = (Package("gym", "1"), Package("pip", "24"), Package("lib", "1", Origin("editable")))
    assert write_requirements(frozen(snapshot_of(an_interpreter(), packages), None)).splitlines() == [
        "# What one environment contains, written by `envguard policy new --from-env`.",
        "# not here: pip 24 (a tool that may be there in any version)",
        "# not here: lib (a rule of the policy: imported from a folder)",
        "gym==1",
    ]


def test_a_name_with_a_line_end_stays_in_its_comment() -> None:
    found = frozen(snapshot_of(an_interpreter(), [Package("a\nevil==1", "1"), Package("gym", "1")]), None)
    assert found.left_out == (LeftOut("a\nevil==1", "1", "its name or version cannot be written in a lock"),)
    assert [line for line in write_requirements(found).splitlines() if line[0] != "#"] == ["gym==1"]
