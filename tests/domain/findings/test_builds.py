"""Which build is there, and whether it can be one of the lock's files."""

from __future__ import annotations

import pytest

from envguard.domain.environment import Origin, Package
from envguard.domain.findings.builds import evidence, has_build, is_no_wheel_of, local_label
from envguard.domain.locks.lock import Artifact, LockedPackage

LINUX = "cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64"


@pytest.mark.parametrize(
    ("version", "build", "asked", "is_it"),
    [
        pytest.param("2.4.1+cu121", None, "cu121", True, id="the local label"),
        pytest.param("2.4.1+CU121", None, "cu121", True, id="labels have no case"),
        pytest.param("2.4.1+cu121.post1", None, "cu121", True, id="a part of the label"),
        pytest.param("2.4.1+cu118", None, "cu121", False, id="another label"),
        pytest.param("2.4.1", "py3.11_cuda12.1_cudnn8.9.2_0", "*cuda12.1*", True, id="conda's build string"),
        pytest.param("2.4.1", "py3.11_cuda12.1_cudnn8.9.2_0", "cuda12.1", False, id="only a part"),
        pytest.param("2.4.1", LINUX, "*manylinux*", True, id="a wheel's tags"),
        pytest.param("2.4.1", None, "*", False, id="nothing is told"),
    ],
)
def test_a_build_is_a_label_or_a_pattern(version: str, build: str | None, asked: str, is_it: bool) -> None:
    assert has_build(Package("torch", version, build=build), asked) is is_it


def test_a_local_label_is_normalised() -> None:
    assert local_label("1.0+Ubuntu-1_2") == "ubuntu.1.2"
    assert local_label("1.0") is None


@pytest.mark.parametrize(
    ("build", "files", "is_other"),
    [
        pytest.param(LINUX, ["numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.whl"], False, id="its wheel"),
        pytest.param(LINUX, ["numpy-1.26.4-cp312-cp312-manylinux_2_17_x86_64.whl"], True, id="a python"),
        pytest.param(LINUX, ["numpy-1.26.4-cp311-cp311-win_amd64.whl"], True, id="another system's"),
        pytest.param(LINUX, ["numpy-1.26.4-cp311-cp311-macosx_11_0_arm64.whl"], True, id="a Mac's"),
        pytest.param(LINUX, ["numpy-1.26.4-cp311-cp311-linux_aarch64.whl"], True, id="a processor"),
        pytest.param(
            "cp311-cp311-linux_x86_64", ["t-1-cp311-cp311-manylinux1_x86_64.whl"], False, id="named"
        ),
        pytest.param(
            "1-" + LINUX, ["numpy-1.26.4-1-cp311-cp311-linux_x86_64.whl"], False, id="build numbers"
        ),
        pytest.param(LINUX, ["numpy-1.26.4.tar.gz"], False, id="a source can be built everywhere"),
        pytest.param(LINUX, ["n-1-cp39-cp39-win32.whl", "n-1.zip"], False, id="a source among wheels"),
        pytest.param(LINUX, [""], False, id="files without names"),
        pytest.param(LINUX, [], False, id="no files"),
        pytest.param(None, ["n-1-cp39-cp39-win32.whl"], False, id="the package tells no tags"),
        pytest.param("strange", ["n-1-cp39-cp39-win32.whl"], False, id="tags of another form"),
    ],
)
def test_a_wheel_is_told_apart_only_where_it_is_certain(
    build: str | None, files: list[str], is_other: bool
) -> None:
    artifacts = tuple(map(Artifact, files))
    assert is_no_wheel_of(Package("numpy", "1.26.4", build=build), artifacts) is is_other


@pytest.mark.parametrize(
    ("kept", "locked", "answer"),
    [
        pytest.param("sha256:aa", ("sha256:aa", "sha256:bb"), "same", id="one of them"),
        pytest.param("sha256:cc", ("sha256:aa", "sha256:bb"), "other", id="none of them"),
        pytest.param("sha512:cc", ("sha256:aa",), "not-known", id="another algorithm"),
        pytest.param(None, ("sha256:aa",), "not-known", id="nobody noted it"),
        pytest.param("sha256:aa", (), "not-known", id="the lock has none"),
    ],
)
def test_digests_are_compared_where_both_sides_have_one(
    kept: str | None, locked: tuple[str, ...], answer: str
) -> None:
    package = Package("a", "1", Origin(kind="archive", archive_digest=kept))
    assert evidence(package, LockedPackage("a", "1", artifacts=(Artifact("a-1.tar.gz", locked),))) == answer
