"""What is asked for so that an environment comes out as it was, and what is left to the person."""

from __future__ import annotations

import pytest

from envguard.domain.environment import (
    Editable,
    Interpreter,
    Origin,
    OriginKind,
    Package,
    Snapshot,
    digest_of_text,
    snapshot_of,
)
from envguard.domain.locks.lock import Artifact, Lock, LockedPackage
from envguard.domain.recipe import Ingredient, NotMade, Recipe, recipe_of_lock, recipe_of_snapshot

PYTHON = Interpreter(implementation="CPython", version="3.11.7", abi="cp311", platform="linux-x86_64")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGEST = digest_of_text("")
ONE, OTHER = "sha256:" + "1" * 64, "sha512:" + "2" * 128


def a_snapshot(*packages: Package) -> Snapshot:
    return snapshot_of(PYTHON, packages)


def recipe(*packages: Package) -> Recipe:
    return recipe_of_snapshot(a_snapshot(*packages), None, ())


def test_an_index_is_asked_for_one_version_and_the_digests_that_are_known() -> None:
    artifacts = (Artifact("a.whl", (ONE, "md5:" + "0" * 32)), Artifact("b.whl", (OTHER, ONE)))
    files = Lock(packages=(LockedPackage("gym", "0.26.2", artifacts=artifacts),), digest=DIGEST)
    found = recipe_of_snapshot(a_snapshot(Package("gym", "0.26.2"), Package("numpy", "2")), files, ())
    assert found.ingredients == (
        Ingredient("gym", "0.26.2", "gym==0.26.2", (ONE, OTHER)),
        Ingredient("numpy", "2", "numpy==2"),
    )


def test_a_digest_of_another_version_does_not_count() -> None:
    files = Lock(
        packages=(LockedPackage("gym", "0.26.1", artifacts=(Artifact("a.whl", (ONE,)),)),), digest=DIGEST
    )
    [gym] = recipe_of_snapshot(a_snapshot(Package("gym", "0.26.2")), files, ()).ingredients
    assert gym.digests == ()


def test_pip_and_its_like_are_tools() -> None:
    found = recipe(Package("pip", "26.1"), Package("pipdeptree", "2"))
    assert [each.is_tool for each in found.ingredients] == [True, False]


@pytest.mark.parametrize(
    ("origin", "requirement"),
    [
        (Origin("vcs", "https://git.example/x", COMMIT), f"a @ git+https://git.example/x@{COMMIT}"),
        (Origin("vcs", "ssh://git.example/x", COMMIT), f"a @ git+ssh://git.example/x@{COMMIT}"),
        (
            Origin("archive", "https://x.example/a-1.zip", archive_digest=ONE),
            f"a @ https://x.example/a-1.zip#sha256={'1' * 64}",
        ),
        (Origin("archive", "https://x.example/a-1.zip"), "a @ https://x.example/a-1.zip"),
    ],
    ids=["https", "ssh", "archive", "archive without a digest"],
)
def test_what_has_an_address_is_asked_for_by_it(origin: Origin, requirement: str) -> None:
    assert recipe(Package("a", "1", origin)).ingredients == (
        Ingredient("a", "1", requirement, is_direct=True),
    )


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        (Origin("vcs", "https://git.example/x"), "the commit of its repository is not known"),
        (Origin("vcs", "https://git.example/x", "main"), "the commit of its repository is not known"),
        (Origin("vcs", None, COMMIT), "its repository lay on one machine"),
        (Origin("vcs", "https://x/\n-r z", COMMIT), "the address of its repository cannot be asked for"),
        (Origin("vcs", "ext::sh -c id", COMMIT), "the address of its repository cannot be asked for"),
        (
            Origin("vcs", "ssh://-oProxyCommand=id/x", COMMIT),
            "the address of its repository cannot be asked for",
        ),
        (Origin("vcs", "https://x/${HOME}", COMMIT), "the address of its repository cannot be asked for"),
        (Origin("archive"), "its archive lay on one machine"),
        (Origin("archive", "https://x/a b"), "the address of its archive cannot be asked for"),
        (Origin("directory"), "installed from a folder"),
        (Origin("editable"), "imported from a folder"),
        (Origin("conda"), "conda's own"),
        (Origin("debian"), "the system's own"),
        (Origin("unknown"), "nobody knows where it came from"),
    ],
)
def test_what_cannot_be_asked_for_is_left_to_the_person(origin: Origin, reason: str) -> None:
    assert recipe(Package("a", "1", origin)).not_made == (NotMade("a", "1", reason),)


@pytest.mark.parametrize(("name", "version"), [("-r x", "1"), ("a", "latest"), ("a", "1\n-r x"), ("A", "1")])
def test_no_text_of_others_becomes_an_option(name: str, version: str) -> None:
    assert recipe(Package(name, version)).ingredients == ()


@pytest.mark.parametrize(("kind", "words"), [("editable", ("--editable", "/p")), ("directory", ("/p",))])
def test_a_folder_is_named_with_its_commit(kind: OriginKind, words: tuple[str, ...]) -> None:
    package = Package("rl", "1", Origin(kind))
    found = recipe_of_snapshot(a_snapshot(package), None, [Editable("rl", "/p", COMMIT)])
    [left] = found.not_made
    assert (left.install, left.commit) == (words, COMMIT)


@pytest.mark.parametrize("kind", ["editable", "directory"])
@pytest.mark.parametrize("folder", ["-r https://x.example/r.txt", "--index-url=https://x.example", "rl", ""])
def test_what_is_no_whole_path_is_no_folder(kind: OriginKind, folder: str) -> None:
    package = Package("rl", "1", Origin(kind))
    found = recipe_of_snapshot(a_snapshot(package), None, [Editable("rl", folder, COMMIT)])
    assert found.not_made[0].install == ()


def test_what_is_no_commit_is_not_told_as_one() -> None:
    package = Package("rl", "1", Origin("editable"))
    found = recipe_of_snapshot(a_snapshot(package), None, [Editable("rl", "/p", "x; rm -rf ~")])
    assert found.not_made[0].commit is None


def test_two_versions_in_one_folder_and_conda_s_packages_are_left() -> None:
    snapshot = snapshot_of(
        PYTHON, [Package("a", "1"), Package("a", "2")], system_packages=[Package("mkl", "2024")]
    )
    assert recipe_of_snapshot(snapshot, None, ()).not_made == (
        NotMade("a", "1", "it lay there twice"),
        NotMade("a", "2", "it lay there twice"),
        NotMade("mkl", "2024", "conda's own"),
    )


@pytest.mark.parametrize("within", ["../x", "a&egg=b", "a b", "-r", ""])
def test_what_is_no_folder_of_a_repository_is_not_told(within: str) -> None:
    entry = LockedPackage("a", origin=Origin("vcs", "https://g.example/x", COMMIT), subdirectory=within)
    [asked] = recipe_of_lock({"a": entry}, None).ingredients
    assert asked.requirement == f"a @ git+https://g.example/x@{COMMIT}"


def test_the_guard_is_asked_of_no_index() -> None:
    found = recipe(Package("envguard-guard", "1"), Package("gym", "0.26.2"))
    assert ([each.name for each in found.ingredients], found.not_made, found.has_guard) == (["gym"], (), True)
    assert not recipe(Package("gym", "0.26.2")).has_guard


def test_a_lock_s_entries_are_asked_for() -> None:
    entries = {
        "b": LockedPackage("b", "2", artifacts=(Artifact("b.whl", (ONE,)),)),
        "a": LockedPackage("a", origin=Origin("vcs", "https://g.example/x", COMMIT), subdirectory="pkg"),
        "c": LockedPackage("c", specifier=">=1"),
        "d": LockedPackage("d", origin=Origin("editable"), location="sub"),
        "e": LockedPackage("e", origin=Origin("directory")),
    }
    assert recipe_of_lock(entries, "/p") == Recipe(
        (
            Ingredient("a", None, f"a @ git+https://g.example/x@{COMMIT}#subdirectory=pkg", is_direct=True),
            Ingredient("b", "2", "b==2", (ONE,)),
        ),
        (
            NotMade("c", None, "the lock has no exact version of it"),
            NotMade("d", None, "imported from a folder", ("--editable", "/p/sub")),
            NotMade("e", None, "installed from a folder"),
        ),
    )
    assert recipe_of_lock({"d": entries["d"]}, None).not_made[0].install == ()
