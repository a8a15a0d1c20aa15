"""What of an environment is pinned, what is a rule, and what is left out."""

from __future__ import annotations

from envguard.domain.environment import Origin, Package, snapshot_of
from envguard.domain.frozen import frozen
from envguard.domain.locks.lock import Artifact, LockedPackage
from envguard.domain.policy import Require
from tests.builders.documents import a_snapshot, an_interpreter

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONDA = Origin(kind="conda")


def frozen_of(
    *packages: Package, python: str = "3.11.7", system: tuple[Package, ...] = ()
) -> tuple[object, ...]:
    snapshot = snapshot_of(an_interpreter(python), packages, system_packages=system)
    found = frozen(snapshot, "rl-study")
    return found.pinned, found.rules, tuple((each.name, each.version) for each in found.left_out)


def test_packages_of_an_index_are_pinned_as_they_are() -> None:
    found = frozen(a_snapshot(gym="0.26.2", torch="2.4.1+cu121", pytz="2004d-x"), None)
    assert [(each.name, each.version) for each in found.pinned] == [
        ("gym", "0.26.2"),
        ("pytz", "2004d-x"),
        ("torch", "2.4.1+cu121"),
    ]
    assert not found.is_conda_s


def test_the_project_and_tools_are_left_out() -> None:
    found = frozen(a_snapshot(rl_study="1", pip="24", setuptools="70", wheel="0.4", uv="0.5"), "rl-study")
    assert (found.pinned, found.rules) == ((), ())
    assert [each.name for each in found.left_out] == ["pip", "rl-study", "setuptools", "uv", "wheel"]


def test_setuptools_is_no_tool_where_venv_does_not_bring_it() -> None:
    found = frozen(a_snapshot("3.12.1", setuptools="70", pip="24"), None)
    assert [each.name for each in found.pinned] == ["setuptools"]


def test_addresses_are_kept_with_commit_and_hash() -> None:
    vcs = Origin("vcs", "https://git.example/a", COMMIT)
    archive = Origin("archive", "https://files.example/b-1.zip", archive_digest="sha256:ab")
    pinned, rules, left_out = frozen_of(Package("a", "1", vcs), Package("b", "1", archive))
    assert pinned == (
        LockedPackage("a", "1", origin=vcs),
        LockedPackage("b", "1", origin=archive, artifacts=(Artifact("", ("sha256:ab",)),)),
    )
    assert (rules, left_out) == ((), ())


def test_what_others_cannot_install_is_a_rule() -> None:
    packages = (
        Package("a", "1", Origin("editable")),
        Package("b", "1", Origin("directory")),
        Package("c", "1", Origin("vcs", None, COMMIT)),
        Package("d", "1", Origin("vcs", "https://git.example/d", "main")),
        Package("e", "x y", Origin("archive")),
        Package("f", "1", Origin("archive", "https://files.example/a b.zip")),
        Package("g", "1 or 2"),
    )
    pinned, rules, left_out = frozen_of(*packages)
    assert (pinned, left_out) == ((), ())
    assert isinstance(rules, tuple)
    assert [(rule.name, rule.specifier, rule.optional) for rule in rules if isinstance(rule, Require)] == [
        ("a", "", True),
        ("b", "", True),
        ("c", "==1", False),
        ("d", "==1", False),
        ("e", "", False),
        ("f", "==1", False),
        ("g", "", False),
    ]


def test_several_versions_of_one_name_are_any_version_until_somebody_mends_it() -> None:
    _, rules, _ = frozen_of(Package("a", "1"), Package("a", "2"))
    assert rules == (Require(name="a", reason="it lies there twice, as 1 and 2: mend it"),)


def test_a_name_that_nobody_can_write_is_left_out() -> None:
    assert frozen_of(Package("a b", "1"), Package("c d", "1", Origin("editable"))) == (
        (),
        (),
        (("a b", "1"), ("c d", "1")),
    )


def test_condas_packages_have_condas_names_and_builds() -> None:
    pinned, _, left_out = frozen_of(
        Package("torch", "2.4.1", CONDA, "py311_0", "pytorch"),
        Package("graphviz", "0.20"),
        Package("gym", "0.26.2"),
        system=(
            Package("graphviz", "9.0", CONDA, "h1_0"),
            Package("x", "1 2", CONDA),
            Package("y", "1", CONDA, "a b"),
        ),
    )
    assert pinned == (
        LockedPackage("graphviz", "9.0", build="h1_0", ecosystem="conda"),
        LockedPackage("pytorch", "2.4.1", build="py311_0", ecosystem="conda"),
        LockedPackage("gym", "0.26.2"),
    )
    assert left_out == (("graphviz", "0.20"), ("x", "1 2"), ("y", "1"))
