"""What was acknowledged before a backup began is there after it was restored; nothing is ever half."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import stat
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import msgspec
import pytest
from cryptography import x509

from envguard.errors import EnvguardError, StateError, UsageError
from envguard.report.upkeep import BackupDocument, RestoreDocument
from envguard.server.saving.archive import Manifest, read_manifest
from envguard.server.saving.backup import back_up, last_backup, restore
from envguard.server.saving.putting import REPLACED
from envguard.server.state import open_database
from envguard.server.store import leases
from envguard.server.tls.choosing import own
from tests.server.asking import BAD, GOOD, Server, a_checkin, a_record, records, says
from tests.server.postgresql import Cluster

NOW = datetime(2026, 11, 25, 17, tzinfo=timezone.utc)


def quiet(_what: str, _done: int, _total: int) -> None:
    """Hear nothing."""


def kept(server: Server, target: Path) -> BackupDocument:
    return back_up(target, server.state, server.url, now=NOW, report=quiet)


def restored(
    archive: Path, state: Path, url: str | None = None, *, is_forced: bool = False
) -> RestoreDocument:
    return restore(archive, state, url, is_forced=is_forced, now=NOW, report=quiet)


@contextlib.contextmanager
def started(state: Path, url: str | None = None) -> Iterator[Server]:
    server = Server(state, database=url)
    try:
        yield server
    finally:
        server.database.close()


@pytest.fixture
def archive(sqlite_server: Server, tmp_path: Path) -> Path:
    """A backup of a server with one machine."""
    sqlite_server.push()
    sqlite_server.report(sqlite_server.enrol("ws-7"), records(a_record(GOOD)), GOOD)
    kept(sqlite_server, tmp_path / "one.backup")
    return tmp_path / "one.backup"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_was_acknowledged_before_is_there_after_and_everybody_goes_on(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    cluster: Cluster | None = request.getfixturevalue("cluster") if kind == "postgresql" else None
    url, new_url = (cluster.emptied_database(), cluster.new_database()) if cluster else (None, None)
    with started(tmp_path / "old", url) as server:
        server.push()
        join = server.join_token()
        with Load(server) as load:
            load.wait_for(5)
            before = dict(load.acknowledged)
            kept(server, tmp_path / "one.backup")
            load.wait_for(len(before) + 2)  # writes went on, and were not held up
        admin = server.admin
    restored(tmp_path / "one.backup", tmp_path / "new", new_url)
    with started(tmp_path / "new", new_url) as again:
        assert again.admin == admin
        names = {each.name: each.verdict for each in again.team().machines}
        assert {name: names[name] for name in before} == dict.fromkeys(before, "drifted")
        held = records(a_record(BAD))
        for secret in before.values():
            answer = again.ask("POST", "/checkin", a_checkin(held, seq=9), token=secret)
            assert answer.json()["wants_records"] is False
            changed = a_checkin(records(a_record(GOOD)), seq=10)
            assert again.ask("POST", "/checkin", changed, token=secret).json()["wants_records"] is True
        message = {"token": join, "machine": "late", "name": "late"}
        assert again.ask("POST", "/enroll", message).status == 200
        late = next(secret for name, secret in load.acknowledged.items() if name not in names)
        says(again.ask("POST", "/checkin", a_checkin(held), token=late), 401, "join")


class Load:
    """A thread by which one machine after the other joins and reports, until the block's end."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._is_over = threading.Event()
        self._has_more = threading.Condition()
        self._thread = threading.Thread(target=self._run)
        self.acknowledged: dict[str, str] = {}

    def wait_for(self, count: int) -> None:
        with self._has_more:
            assert self._has_more.wait_for(lambda: len(self.acknowledged) >= count, 20)

    def _run(self) -> None:
        number = 0
        while not self._is_over.is_set():
            name = f"ws-{number:03}"
            secret = self._server.enrol(name)
            self._server.report(secret, records(a_record(BAD)), BAD)
            with self._has_more:
                self.acknowledged[name] = secret
                self._has_more.notify_all()
            number += 1

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join(20)


class TestFile:
    def test_is_private_and_says_what_is_in_it(self, archive: Path, sqlite_server: Server) -> None:
        assert stat.S_IMODE(archive.stat().st_mode) == 0o600
        assert [part.name for part in read_manifest(archive).parts] == ["envguard.db", "admin-token"]
        last = last_backup(sqlite_server.state)
        assert last is not None
        assert (last.made_at, last.file) == (NOW, str(archive))
        assert [path.name for path in archive.parent.iterdir() if path.name.startswith(".")] == []

    def test_in_a_folder_its_name_has_the_time(self, sqlite_server: Server, tmp_path: Path) -> None:
        assert kept(sqlite_server, tmp_path).file == str(tmp_path / "envguard-20261125T170000Z.backup")

    def test_never_takes_the_place_of_another(self, archive: Path, sqlite_server: Server) -> None:
        before = archive.read_bytes()
        with pytest.raises(UsageError, match="a file already"):
            kept(sqlite_server, archive)
        assert archive.read_bytes() == before

    def test_of_no_server_is_refused_and_nothing_is_made(self, tmp_path: Path) -> None:
        with pytest.raises(StateError, match="no database"):
            back_up(tmp_path / "x", tmp_path / "absent", None, now=NOW, report=quiet)
        assert list(tmp_path.iterdir()) == []

    def test_has_the_authority_that_machines_are_pinned_to(self, tmp_path: Path) -> None:
        with started(tmp_path / "old") as server:
            before = own(server.state, server.service.url, "127.0.0.1", server.service.now).authority
            kept(server, tmp_path / "one")
        restored(tmp_path / "one", tmp_path / "new")
        assert not (tmp_path / "new" / "tls.pem").exists()
        after = own(tmp_path / "new", server.service.url, "127.0.0.1", server.service.now).authority
        assert after == before
        assert x509.load_pem_x509_certificates((tmp_path / "new" / "tls.pem").read_bytes())


class TestRestoring:
    def refused(self, kind: type[EnvguardError], archive: Path, state: Path, **more: object) -> str:
        with pytest.raises(kind) as caught:
            restored(archive, state, **more)  # type: ignore[arg-type]  # each test's own
        assert caught.value.hint
        return str(caught.value)

    def test_takes_no_state_that_is_not_empty(self, archive: Path, sqlite_server: Server) -> None:
        before = {path.name: path.stat().st_mtime_ns for path in sqlite_server.state.iterdir()}
        assert "already" in self.refused(UsageError, archive, sqlite_server.state)
        assert before == {path.name: path.stat().st_mtime_ns for path in sqlite_server.state.iterdir()}

    def test_forced_keeps_what_was_there_aside(self, archive: Path, sqlite_server: Server) -> None:
        sqlite_server.enrol("ws-8")
        sqlite_server.database.close()
        aside = restored(archive, sqlite_server.state, is_forced=True).aside
        assert aside is not None
        with started(sqlite_server.state) as again, started(Path(aside)) as old:
            assert [each.name for each in again.team().machines] == ["ws-7"]
            assert [each.name for each in old.team().machines] == ["ws-7", "ws-8"]

    def test_forced_keeps_what_postgresql_had_aside(self, tmp_path: Path, cluster: Cluster) -> None:
        url = cluster.new_database()
        with started(tmp_path / "s", url) as server:
            server.enrol("ws-7")
            kept(server, tmp_path / "one")
            server.enrol("ws-8")
        assert "already" in self.refused(UsageError, tmp_path / "one", tmp_path / "new", url=url)
        restored(tmp_path / "one", tmp_path / "new", url, is_forced=True)
        with started(tmp_path / "new", url) as again:
            assert [each.name for each in again.team().machines] == ["ws-7"]
            with again.database.reading() as connection:
                query = "SELECT count(*) FROM before_restore_20261125t170000z.machines"
                assert connection.exec_driver_sql(query).scalar() == 2

    def test_takes_none_on_which_a_server_runs(self, archive: Path, sqlite_server: Server) -> None:
        holder = leases.Holder(sqlite_server.database, "host:1")
        holder.hold("upkeep", for_s=60)
        said = self.refused(StateError, archive, sqlite_server.state, is_forced=True)
        assert "host:1" in said
        holder.stop()
        restored(archive, sqlite_server.state, is_forced=True)

    def test_backup_of_the_other_database_is_refused(self, archive: Path, tmp_path: Path) -> None:
        url = "postgresql://nobody@localhost/x"
        assert "of SQLite" in self.refused(UsageError, archive, tmp_path / "new", url=url)
        other = rewritten(archive, lambda told: told.update(kind="postgresql"), renamed="database.pgdump")
        assert "of PostgreSQL" in self.refused(UsageError, other, tmp_path / "new")
        assert not (tmp_path / "new").exists()

    def test_newer_revision_is_refused(self, archive: Path, tmp_path: Path) -> None:
        other = rewritten(archive, lambda told: told.update(revision="9999"))
        assert "newer envguard" in self.refused(StateError, other, tmp_path / "new")

    @pytest.mark.parametrize("part", ["envguard.db", "admin-token"])
    def test_damage_is_found_before_anything_is_changed(
        self, archive: Path, sqlite_server: Server, part: str
    ) -> None:
        with tarfile.open(archive) as opened:
            at = opened.getmember(part).offset_data + 20
        content = bytearray(archive.read_bytes())
        content[at] ^= 1
        archive.write_bytes(content)
        sqlite_server.database.close()
        state = sqlite_server.state
        before = contents(state)
        said = self.refused(StateError, archive, state, is_forced=True)
        assert part in said
        assert contents(state) == before

    @pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9])
    def test_file_that_was_cut_off_is_refused(self, archive: Path, tmp_path: Path, share: float) -> None:
        content = archive.read_bytes()
        archive.write_bytes(content[: int(len(content) * share)])
        self.refused(EnvguardError, archive, tmp_path / "new")
        assert not any((tmp_path / "new").glob("*"))

    def test_nothing_that_the_manifest_does_not_name_is_unpacked(self, archive: Path, tmp_path: Path) -> None:
        with tarfile.open(archive, "a") as opened:
            member = tarfile.TarInfo("../../outside")
            member.size = 1
            opened.addfile(member, io.BytesIO(b"x"))
        assert "outside" in self.refused(StateError, archive, tmp_path / "new")
        assert not (tmp_path.parent / "outside").exists()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def rewritten(
    archive: Path, change: Callable[[dict[str, object]], object], *, renamed: str = "envguard.db"
) -> Path:
    """Answer a copy of a backup whose manifest says something else."""
    path = archive.with_name("other")
    with tarfile.open(archive) as old, tarfile.open(path, "w") as new:
        for member in old:
            content = old.extractfile(member)
            assert content is not None
            text = content.read()
            if member.name == "manifest.json":
                told = json.loads(text.replace(b'"envguard.db"', f'"{renamed}"'.encode()))
                change(told)
                text = json.dumps(told).encode()
                msgspec.json.decode(text, type=Manifest)
            member.name = renamed if member.name == "envguard.db" else member.name
            member.size = len(text)
            new.addfile(member, io.BytesIO(text))
    return path


class TestKilled:
    """By ``kill -9``, or by a power cut, at each step."""

    def run_and_die(self, lines: str, *arguments: Path) -> None:
        program = (
            "import os, sys\nfrom datetime import datetime, timezone\nfrom pathlib import Path\n"
            "from envguard.server.saving.backup import back_up, restore\n"
            "one, two = map(Path, sys.argv[1:])\nnow = datetime(2026, 11, 25, tzinfo=timezone.utc)\n"
            f"def die(what, done, total):\n    if done: os.kill(os.getpid(), 9)\n{lines}\n"
        )
        died = subprocess.run([sys.executable, "-c", program, *map(str, arguments)], check=False)
        assert died.returncode == -signal.SIGKILL

    def test_backup_leaves_no_file_and_the_next_one_sweeps(
        self, sqlite_server: Server, tmp_path: Path
    ) -> None:
        line = "back_up(one, two, None, now=now, report=die)"
        self.run_and_die(line, tmp_path / "one", sqlite_server.state)
        assert not (tmp_path / "one").exists()
        assert (tmp_path / ".one.part").is_dir()
        kept(sqlite_server, tmp_path / "one")
        assert not (tmp_path / ".one.part").exists()

    def test_restoring_leaves_the_old_state(self, archive: Path, sqlite_server: Server) -> None:
        sqlite_server.enrol("ws-8")
        line = "restore(one, two, None, is_forced=True, now=now, report=die)"
        self.run_and_die(line, archive, sqlite_server.state)
        again = sqlite_server.again()
        assert len(again.team().machines) == 2
        again.database.close()
        restored(archive, sqlite_server.state, is_forced=True)
        assert not list(sqlite_server.state.glob(".restore-*"))

    def test_moving_into_place_is_finished_by_the_next_start(
        self, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        states: list[list[str]] = []
        rename = Path.rename
        for step in range(20):
            state = tmp_path / f"s{step}"
            with started(state) as server:
                server.enrol("ws-8")
            left = [step]

            def cut_off(path: Path, target: Path, left: list[int] = left) -> Path:
                if left[0] == 0:
                    raise KeyboardInterrupt
                left[0] -= 1
                return rename(path, target)

            monkeypatch.setattr(Path, "rename", cut_off)
            with contextlib.suppress(KeyboardInterrupt):
                restored(archive, state, is_forced=True)
            monkeypatch.setattr(Path, "rename", rename)
            with started(state) as again:
                states.append([each.name for each in again.team().machines])
                assert again.ask("GET", "/team", token=again.admin).status == 200
            if left[0]:
                break
        assert states[0] == ["ws-8"]
        assert states[1:] == [["ws-7"]] * (len(states) - 1)
        assert 6 < len(states) < 20

    def test_every_file_of_a_server_is_either_moved_or_made_again(self, tmp_path: Path) -> None:
        with started(tmp_path / "s") as server:
            own(server.state, server.service.url, "127.0.0.1", server.service.now)
            kept(server, tmp_path / "one")
            names = {path.name for path in server.state.iterdir()}
        assert names - set(REPLACED) == {"tls.lock", "last-backup.json"}
        open_database(tmp_path / "s").close()


def test_restored_files_are_the_owners_of_the_folder(archive: Path, tmp_path: Path) -> None:
    """Root restores what another user's server reads."""
    state = tmp_path / "new"
    state.mkdir(mode=0o700)
    uid = 65534 if os.geteuid() == 0 else os.geteuid()
    os.chown(state, uid, -1)
    restored(archive, state)
    assert {path.stat().st_uid for path in state.iterdir()} == {uid}
