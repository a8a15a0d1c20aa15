"""Real uv and real pip carry out a recipe, from an index that wants a password."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from envguard.domain.recipe import Ingredient, NotMade, Recipe
from envguard.errors import EnvguardError
from envguard.inventory.whole_pythons import WholePython, whole_pythons
from envguard.updater.by_pip import ByPip
from envguard.updater.by_uv import ByUv
from envguard.updater.children import Children
from envguard.updater.indexes import Indexes
from envguard.updater.interface import Installer
from envguard.updater.making import Made, Making
from envguard.updater.place import claim
from tests.builders.indexes import serve_index
from tests.builders.projects import make_sdist
from tests.builders.wheels import make_wheel
from tests.inventory.oracle.children import clean_environ, own_tool

NOW = datetime(2026, 11, 25, tzinfo=timezone.utc)
PASSWORD = "s3cret-w0rd"
SPY = """
import glob
with open({seen!r}, "ab") as seen:
    for each in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            seen.write(open(each, "rb").read() + b"\\n")
        except OSError:
            pass
"""

Make = Callable[..., Made]
by_both = pytest.mark.parametrize("make", ["uv", "pip"], indirect=True)
by_uv = pytest.mark.parametrize("make", ["uv"], indirect=True)
"""What pip does likewise: it takes five seconds to make an environment."""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """What the index has: a wheel, and an archive that writes down all command lines while it is built."""
    folder = tmp_path / "files"
    make_wheel(folder, "gym", "0.26.2")
    make_sdist(folder, "spy", "1", while_building=SPY.format(seen=str(tmp_path / "seen")))
    return folder


@pytest.fixture
def base() -> WholePython:
    return next(whole_pythons(sys.executable, environ=os.environ))


@pytest.fixture
def make(request: pytest.FixtureRequest, tmp_path: Path, files: Path, base: WholePython) -> Iterator[Make]:
    """Make a recipe in ``made``, by one tool or the other."""
    environ = {**clean_environ(tmp_path / "caches"), "HOME": str(tmp_path)}

    def call(*ingredients: Ingredient, not_made: tuple[NotMade, ...] = (), is_exact: bool = True) -> Made:
        at_once = {"CACHE_DIR": str(tmp_path / "cache"), "RETRIES": "0", "HTTP_RETRIES": "0"}
        indexes = Indexes(index=index, fetching=at_once)
        installer: Installer = (
            ByUv(str(own_tool("uv")), indexes, environ, base.bundled)
            if request.param == "uv"
            else ByPip(indexes, environ, base.bundled, reads_netrc=True)
        )
        place = claim(str(tmp_path / "made"))
        run = Children(str(tmp_path), f"{place.work}/log", place.lock)
        try:
            making = Making(place, installer, run, lambda _: None, lambda _: None)
            return making.make(Recipe(ingredients, not_made), base.path, is_exact=is_exact, now=NOW)
        finally:
            place.finish()

    with serve_index(files, f"ann:{PASSWORD}") as index:
        yield call


@contextlib.contextmanager
def serving_repository(repository: Path) -> Iterator[str]:
    """Serve a repository as files, which git knows to read, and answer the address."""
    subprocess.run(["git", "-C", str(repository), "update-server-info"], check=True)

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(repository / ".git"))

        def translate_path(self, path: str) -> str:
            return super().translate_path(path.removeprefix("/spy"))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def pin(name: str, version: str, *digests: str, is_tool: bool = False) -> Ingredient:
    return Ingredient(name, version, f"{name}=={version}", digests, is_tool=is_tool)


def digest_of(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def contents(made: Made) -> dict[str, str]:
    return {each.name: each.version for each in made.environment.snapshot.packages}


@by_both
def test_just_what_is_asked_for_is_there(make: Make, files: Path) -> None:
    made = make(pin("gym", "0.26.2", digest_of(next(files.glob("gym-*")))))
    assert (contents(made), made.not_made, made.modified) == ({"gym": "0.26.2"}, (), ())


@by_both
def test_the_tools_come_from_the_interpreter_itself(make: Make, base: WholePython) -> None:
    assert base.bundled is not None
    [wheel] = Path(base.bundled).glob("pip-*")
    version = wheel.name.split("-")[1]
    assert contents(make(pin("pip", version, is_tool=True))) == {"pip": version}


@by_uv
def test_a_tool_that_cannot_be_had_is_left_to_the_person(make: Make) -> None:
    made = make(pin("gym", "0.26.2"), pin("pip", "0.0.1", is_tool=True))
    [left] = made.not_made
    assert (left.name, left.install) == ("pip", ("pip==0.0.1",))
    assert contents(made) == {"gym": "0.26.2"}


@by_both
def test_a_password_is_seen_by_nobody_while_something_is_built(make: Make, tmp_path: Path) -> None:
    made = make(pin("spy", "1"))
    assert contents(made) == {"spy": "1"}
    seen = (tmp_path / "seen").read_bytes()
    assert b"/made/" in seen
    assert PASSWORD.encode() not in seen
    kept = subprocess.run(["grep", "-rl", PASSWORD, str(tmp_path / "made")], capture_output=True, check=False)
    assert kept.stdout == b""


@by_both
def test_a_failure_names_no_password(make: Make) -> None:
    with pytest.raises(EnvguardError, match="not everything could be installed") as raised:
        make(pin("absent", "1"))
    assert "absent" in str(raised.value)
    assert PASSWORD not in f"{raised.value}{raised.value.hint}"


@by_uv
def test_another_digest_is_refused(make: Make) -> None:
    with pytest.raises(EnvguardError, match=r"(?i)hash"):
        make(pin("gym", "0.26.2", "sha256:" + "0" * 64))


@by_uv
def test_an_archive_is_asked_for_by_its_address(make: Make, files: Path, tmp_path: Path) -> None:
    with serve_index(files) as open_index:
        address = f"{open_index.removesuffix('simple')}files/{next(files.glob('gym-*')).name}"
        made = make(Ingredient("gym", "0.26.2", f"gym @ {address}", is_direct=True))
    [gym] = made.environment.snapshot.packages
    assert (gym.origin.kind, gym.origin.url) == ("archive", address)


@by_uv
def test_an_address_without_anything_is_left_to_the_person(make: Make) -> None:
    requirement = "gym @ http://127.0.0.1:9/gym-0.26.2-py3-none-any.whl"
    made = make(Ingredient("gym", "0.26.2", requirement, is_direct=True))
    [left] = made.not_made
    assert (left.name, left.install) == ("gym", (requirement,))


@by_both
def test_a_repository_is_asked_for_at_its_commit(make: Make, files: Path, tmp_path: Path) -> None:
    repository = next((files / "unpacked").iterdir())
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["commit", "-qm", "x"],
        ["commit", "-qm", "y", "--allow-empty"],
    ):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.run(
        [*git, "rev-parse", "HEAD~1"], check=True, capture_output=True, text=True
    ).stdout.strip()
    with serving_repository(repository) as address:
        requirement = f"spy @ git+{address}/spy@{commit}"
        made = make(Ingredient("spy", "1", requirement, is_direct=True))
    assert made.not_made == ()
    [spy] = made.environment.snapshot.packages
    assert (spy.origin.kind, spy.origin.url, spy.origin.commit) == (
        "vcs",
        f"{address}/spy",
        commit,
    )


def test_an_index_that_wants_a_login_and_gets_none_is_said(
    tmp_path: Path, files: Path, base: WholePython
) -> None:
    with serve_index(files, "ann:x") as index:
        indexes = Indexes(index=index.replace("ann:x@", ""))
        place = claim(str(tmp_path / "made"))
        run = Children(str(tmp_path), f"{place.work}/log", place.lock)
        installer = ByUv(str(own_tool("uv")), indexes, clean_environ(tmp_path), None)
        with pytest.raises(EnvguardError, match="401"):
            Making(place, installer, run, lambda _: None, lambda _: None).make(
                Recipe((pin("gym", "0.26.2"),), ()), base.path, is_exact=True, now=NOW
            )
        place.clear()
