"""Of how many packages it is known whether they are the lock's own files."""

from __future__ import annotations

import pytest

from envguard.domain.environment import Origin, Package, snapshot_of
from envguard.domain.findings.builds import Hashes
from envguard.domain.findings.hashes import count_hashes
from envguard.domain.locks.lock import Artifact, Lock, LockedPackage
from envguard.domain.policy import Rules
from envguard.report.terminal import hashes_line
from tests.builders.documents import FACTS, a_lock, an_interpreter

DIGEST = "sha256:" + "a" * 64
FILES = (Artifact("", (DIGEST,)),)


def an_archive(name: str, digest: str | None) -> Package:
    return Package(name, "1", Origin(kind="archive", archive_digest=digest))


def counted(lock: Lock | None, *packages: Package) -> Hashes | None:
    return count_hashes(snapshot_of(an_interpreter(), packages), FACTS, Rules(), lock)


def locking(*packages: LockedPackage) -> Lock:
    return Lock(packages=packages, digest=a_lock().digest)


def test_what_must_be_there_and_is_there_is_counted() -> None:
    lock = locking(
        *(LockedPackage(name, "1", artifacts=FILES) for name in ("kept", "other", "index", "gone")),
        LockedPackage("elsewhere", "1", marker="sys_platform == 'win32'", artifacts=FILES),
        LockedPackage("pinned", "1"),
        LockedPackage("by-conda", "1", ecosystem="conda", artifacts=FILES),
    )
    found = counted(
        lock,
        an_archive("kept", DIGEST),
        an_archive("other", "sha256:" + "b" * 64),
        *(Package(name, "1") for name in ("index", "elsewhere", "pinned", "stranger")),
        Package("by-conda", "1", Origin(kind="conda")),
    )
    assert found == Hashes(same=1, other=1, not_known=1)


def test_nothing_is_counted_without_a_lock_or_where_it_says_nothing() -> None:
    assert counted(None, Package("a", "1")) is None
    twice = locking(LockedPackage("a", "1", artifacts=FILES), LockedPackage("a", "2", artifacts=FILES))
    assert counted(twice, Package("a", "1")) is None


@pytest.mark.parametrize(
    ("hashes", "line"),
    [
        (Hashes(2, 0, 68), "hashes: 2 are the lock's, 68 are not known: installers keep none"),
        (Hashes(0, 1, 1), "hashes: 1 is another file, 1 is not known: installers keep none"),
        (Hashes(0, 0, 0), "hashes: the lock has none"),
    ],
)
def test_the_count_in_words(hashes: Hashes, line: str) -> None:
    assert hashes_line(hashes) == line
