from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from envguard.inventory.discovery.mounts import Answers, Mount, Mounts, mounts_of_this_machine, parse_mounts

TABLE = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
40 27 0:40 / /home rw,relatime shared:1 master:2 - nfs4 host:/export/home rw,vers=4.2
41 40 0:41 / /home/ann/my\040data rw - fuse.sshfs ann@host:/data rw
42 27 0:42 /sub /lab rw - cifs //files/lab rw
43 27 0:43 / /fast rw - beegfs beegfs_nodev rw
44 27 0:44 / /data1 rw - autofs systemd-1 rw
45 44 0:45 / /data1 rw - lustre 10.0.0.1@tcp:/fs1 rw
46 27 0:46 / /c rw - 9p drvfs rw
47 27 0:47 / /dav rw - fuse.davfs https://ann:t@k3n@host/dav rw
48 27 0:48 / /cloud rw - cifs //ann:pw@files/cloud rw
"""


@pytest.mark.parametrize(
    ("path", "kind", "is_network"),
    [
        ("/", "ext4", False),
        ("/var/lib", "ext4", False),
        ("/homes/ann", "ext4", False),
        ("/home/ann/.venv", "nfs4", True),
        ("/home/ann/my data", "fuse.sshfs", True),
        ("/data1/x", "lustre", True),
        ("/c/Users", "9p", True),
    ],
)
def test_a_path_belongs_to_the_nearest_mount_above_it(path: str, kind: str, is_network: bool) -> None:
    mount = parse_mounts(TABLE).of(path)
    assert mount is not None
    assert (mount.kind, mount.is_network) == (kind, is_network)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/home/ann/.venv", "nfs:host:/export/home/ann/.venv"),
        ("/home", "nfs:host:/export/home"),
        ("/home/ann/my data/v", "sshfs:ann@host:/data/v"),
        ("/lab/v", "cifs://files/lab/sub/v"),
        ("/fast/v", "beegfs:beegfs_nodev:/fast/v"),
        ("/data1/v", "lustre:10.0.0.1@tcp:/fs1/v"),
        ("/dav/v", "davfs:https://host/dav/v"),
        ("/cloud/v", "cifs://files/cloud/v"),
        ("/c/v", None),
        ("/usr/v", None),
    ],
)
def test_what_is_shared_has_one_name_on_all_machines(path: str, name: str | None) -> None:
    assert parse_mounts(TABLE).shared_name_of(path) == name


def test_a_share_has_the_same_name_wherever_it_is_mounted() -> None:
    whole = parse_mounts("1 0 0:1 / /home rw - nfs host:/export/home rw").shared_name_of("/home/ann/v")
    part = parse_mounts("1 0 0:1 / /mnt/x rw - nfs4 host:/export/home/ann rw").shared_name_of("/mnt/x/v")
    bound = parse_mounts("1 0 0:1 /ann /y rw - nfs4 host:/export/home rw").shared_name_of("/y/v")
    assert whole == part == bound == "nfs:host:/export/home/ann/v"


def test_this_machines_own_table_is_read() -> None:
    mounts = mounts_of_this_machine()
    if not mounts.are_known:
        pytest.skip("no /proc/self/mountinfo here")
    assert mounts.of("/usr") is not None


def test_a_mount_that_hangs_costs_one_wait_and_is_asked_once() -> None:
    mounts = Mounts({"/": Mount("/", "ext4", "/dev/vda"), "/net": Mount("/net", "nfs", "host:/x")})
    forever, asked = threading.Event(), []

    def hang(place: str) -> None:
        asked.append(place)
        forever.wait()

    answers = Answers(mounts, within_s=0.05, ask=hang)
    began = time.monotonic()
    assert not answers.has_answered("/net/a")
    assert not answers.has_answered("/net/b")
    assert time.monotonic() - began < 5
    assert asked == ["/net"]
    assert answers.has_answered("/usr")
    forever.set()


def test_a_link_is_not_followed_to_where_nothing_answers(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("links")
    (folder / "one").symlink_to(folder / "two")
    (folder / "two").symlink_to("/net/env")
    mounts = Mounts({"/": Mount("/", "ext4", "/dev/vda"), "/net": Mount("/net", "nfs", "host:/x")})

    assert not Answers(mounts, within_s=5, ask=refuse).has_answered(str(folder / "one"))
    assert Answers(mounts, within_s=5, ask=lambda _: None).has_answered(str(folder / "one"))


def refuse(place: str) -> None:
    raise OSError(place)


def answers_of(*mounts: Mount, silent: frozenset[str] = frozenset()) -> Answers:
    table = {mount.place: mount for mount in (Mount("/", "ext4", "/dev/vda"), *mounts)}
    return Answers(Mounts(table), within_s=5, ask=lambda place: refuse(place) if place in silent else None)


class TestLinksOnTheWay:
    @pytest.fixture
    def answers(self) -> Answers:
        return answers_of(Mount("/net", "nfs", "host:/x"), silent=frozenset({"/net"}))

    @pytest.mark.parametrize("path", ["data", "data/envs/rl", "near/envs", "inner/../envs", "data/../usr"])
    def test_one_above_the_last_part_is_followed_too(
        self, path: str, answers: Answers, tmp_path: Path
    ) -> None:
        (tmp_path / "deep" / "inner").mkdir(parents=True)
        (tmp_path / "data").symlink_to("/net/dead")
        (tmp_path / "near").symlink_to("data/below")
        (tmp_path / "inner").symlink_to("deep/inner")
        (tmp_path / "deep" / "envs").symlink_to("../data/envs")
        assert not answers.has_answered(f"{tmp_path}/{path}")
        assert answers.has_answered(f"{tmp_path}/deep/inner/x/y")
        assert not answers.has_answered(f"{tmp_path}/{path}"), "asked once more"

    def test_a_loop_of_them_is_the_kernels_to_refuse(self, answers: Answers, tmp_path: Path) -> None:
        (tmp_path / "loop").symlink_to("loop")
        assert answers.has_answered(f"{tmp_path}/loop/x")

    @pytest.mark.parametrize("name", ["a\0b", "a\ud800", "\udcff"])
    def test_what_can_be_no_path_hangs_nowhere(self, name: str, answers: Answers, tmp_path: Path) -> None:
        assert answers.has_answered(f"{tmp_path}/{name}/x")


class TestMountsBelowMounts:
    def test_what_an_automatic_mount_has_mounted_is_asked_and_nothing_else(self) -> None:
        answers = answers_of(Mount("/auto", "autofs", "map"), Mount("/auto/a/ann", "nfs", "host:/ann"))
        assert answers.has_answered("/auto/a/ann/x")
        for waiting in ("/auto", "/auto/bob", "/auto/a", "/auto/a/bob/x"):
            assert not answers.has_answered(waiting)

    def test_what_lies_below_a_silent_one_cannot_be_reached(self) -> None:
        mounts = Mount("/net", "nfs", "host:/x"), Mount("/net/own", "ext4", "/dev/vdb")
        assert not answers_of(*mounts, silent=frozenset({"/net"})).has_answered("/net/own/x")
        assert answers_of(*mounts).has_answered("/net/own/x")
