"""What a lock lacks is asked of an index pin by pin, and only what the lock allows is taken."""

from __future__ import annotations

import pytest

from envguard.domain.environment import Digest, Origin
from envguard.domain.locks.lock import Artifact, Lock, LockedPackage
from envguard.errors import PolicyError
from envguard.formats.locks.completion import completed, files_in, pins_to_ask

ONE, OTHER = "sha256:" + "ab" * 32, "sha256:" + "cd" * 32
WHEEL = Artifact("gym-0.26.2-py3-none-any.whl", (ONE,))
SDIST = Artifact("gym-0.26.2.tar.gz", (OTHER,))


def a_lock(*packages: LockedPackage) -> Lock:
    return Lock(packages=packages, digest=Digest("sha256:" + "0" * 64))


def test_only_pins_without_files_are_asked_for_one_version_of_a_name_at_a_time() -> None:
    lock = a_lock(
        LockedPackage("gym", "0.26.2", artifacts=(WHEEL,)),
        LockedPackage("numpy", "1.26.4", 'python_version < "3.12"'),
        LockedPackage("numpy", "2.1.0", 'python_version >= "3.12"'),
        LockedPackage("numpy", "1.26.4", 'sys_platform == "win32"'),
        LockedPackage("pytz", "2004d-x"),
        LockedPackage("mkl", "2024.0", ecosystem="conda"),
        LockedPackage("here", "1.0", origin=Origin("editable")),
        LockedPackage("idna", "3.7", only_constrains=True),
        LockedPackage("rich", "13.0", artifacts=(Artifact("", (ONE,)),)),
    )
    assert pins_to_ask(lock) == ("numpy==1.26.4\nrich==13.0\n", "numpy==2.1.0\n")
    assert pins_to_ask(a_lock()) == ()


@pytest.mark.parametrize(
    ("known", "kept"),
    [((), (WHEEL, SDIST)), ((Artifact("", (OTHER,)),), (SDIST,))],
    ids=["no hashes", "hashes"],
)
def test_files_are_taken_that_the_lock_allows(
    known: tuple[Artifact, ...], kept: tuple[Artifact, ...]
) -> None:
    files = files_in([a_lock(LockedPackage("gym", "0.26.2", artifacts=(WHEEL, SDIST)))])
    lock = completed(a_lock(LockedPackage("gym", "0.26.2", artifacts=known)), files, where="r.txt")
    assert lock.packages[0].artifacts == kept


def test_an_index_that_has_other_files_is_an_error() -> None:
    files = files_in([a_lock(LockedPackage("gym", "0.26.2", artifacts=(WHEEL,)))])
    lock = a_lock(LockedPackage("gym", "0.26.2", artifacts=(Artifact("", (OTHER,)),)))
    with pytest.raises(PolicyError, match="no file of gym"):
        completed(lock, files, where="r.txt")
