"""What the guard certifies by a compiled policy, and what only envguard can, beside what ``check`` says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from tests.properties.compiled_worlds import Dist, Written
from tests.properties.test_compiled import World

POLICY = "envguard: 1\nname: rl-team\n"
LOCKED = POLICY + "lock: pylock.toml\n"
LOCK = 'lock-version = "1.0"\ncreated-by = "test"\n[[packages]]\nname = "gym"\nversion = "1.0"\n'
DIGEST = f'hashes = {{sha256 = "{"b" * 64}"}}'
VCS = f'vcs = {{type = "git", url = "https://git.example/x", commit-id = "{"a" * 40}"}}\n'
FOLDER = 'directory = {path = "src", editable = true}\n'
NO_FILE = "whether gym is a file of the lock"
ELSEWHERE = "where gym came from"


def wheels(tag: str) -> str:
    """A lock of one wheel."""
    return f'{LOCK}wheels = [{{name = "gym-1.0-{tag}.whl", path = "gym-1.0-{tag}.whl", {DIGEST}}}]\n'


def gym(version: str = "1.0", *, wheel: str | None = "pure", direct: str | None = None) -> Dist:
    """An installed package."""
    return Dist("gym", version, "dist-info", None, wheel, direct)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An environment, and an interpreter of it that lives until the tests end."""
    made = World(tmp_path_factory.mktemp("judged"))
    with made.child:
        yield made
        made.child.kill()


PURE, HERE, THERE = (
    wheels("py3-none-any"),
    wheels("cp311-cp311-manylinux_2_17_x86_64"),
    wheels("cp39-cp39-any"),
)
OTHER = PURE.replace("b" * 64, "c" * 64)
ORIGINS = POLICY + "packages: {gym: '>=1.0'}\norigins: {editable: %s, vcs: %s, direct-url: %s}\n"
BUILD = POLICY + "packages: {gym: {version: '>=1.0', build: cu121}}\n"
WAIVED = POLICY + "packages: {gym: '>=2'}\nwaivers: [{package: gym, until: '2099-01-01', reason: r, %s}]\n"


@pytest.mark.parametrize(
    ("policy", "lock", "held", "checked", "said"),
    [
        pytest.param(LOCKED, PURE, gym(), "compliant", "", id="any wheel"),
        pytest.param(LOCKED, HERE, gym(wheel="here"), "compliant", "", id="its wheel"),
        pytest.param(LOCKED, HERE, gym(wheel="there"), "drifted", NO_FILE, id="the wheel of another Python"),
        pytest.param(LOCKED, THERE, gym(wheel="here"), "drifted", NO_FILE, id="a lock of others' wheels"),
        pytest.param(LOCKED, PURE, gym(direct="archive"), "compliant", NO_FILE, id="its archive"),
        pytest.param(LOCKED, OTHER, gym(direct="archive"), "drifted", NO_FILE, id="another archive"),
        pytest.param(LOCKED, PURE, gym(direct="odd"), "compliant", NO_FILE, id="not understood"),
        pytest.param(LOCKED, HERE, gym("1.0+cu121", wheel="here"), "drifted", "drifted", id="another label"),
        pytest.param(LOCKED, LOCK + VCS, gym(direct="vcs"), "compliant", "", id="its commit"),
        pytest.param(LOCKED, LOCK + VCS, gym(direct="later"), "drifted", ELSEWHERE, id="another commit"),
        pytest.param(LOCKED, LOCK + VCS, gym(), "drifted", ELSEWHERE, id="an index, not a commit"),
        pytest.param(LOCKED, LOCK + FOLDER, gym(direct="editable"), "compliant", "", id="its folder"),
        pytest.param(LOCKED, LOCK + FOLDER, gym(), "drifted", ELSEWHERE, id="an index, not a folder"),
        pytest.param(
            ORIGINS % ("error", "warn", "warn"),
            None,
            gym(direct="editable"),
            "drifted",
            ELSEWHERE,
            id="editable",
        ),
        pytest.param(
            ORIGINS % ("warn", "error", "warn"),
            None,
            gym(direct="editable"),
            "compliant",
            "",
            id="not of vcs",
        ),
        pytest.param(
            ORIGINS % ("warn", "error", "warn"), None, gym(direct="vcs"), "drifted", ELSEWHERE, id="of vcs"
        ),
        pytest.param(
            ORIGINS % ("warn", "warn", "error"),
            None,
            gym(direct="archive"),
            "drifted",
            ELSEWHERE,
            id="archive",
        ),
        pytest.param(
            ORIGINS % ("warn", "warn", "error"), None, gym(direct="folder"), "drifted", ELSEWHERE, id="folder"
        ),
        pytest.param(
            ORIGINS % ("error", "warn", "warn"), None, gym(direct="odd"), "compliant", ELSEWHERE, id="odd"
        ),
        pytest.param(BUILD, None, gym("1.0+cu121"), "compliant", "", id="its label"),
        pytest.param(BUILD, None, gym(), "drifted", "whether gym is the build cu121", id="no label"),
        pytest.param(BUILD, None, gym("1.0+cpu"), "drifted", "whether gym is the build cu121", id="a label"),
        pytest.param(WAIVED % "approved-by: lead", None, gym(), "compliant", "", id="waived"),
        pytest.param(
            WAIVED % "approved-by: lead, machine: here",
            None,
            gym(),
            "compliant",
            "whether a waiver of gym is for this machine",
            id="waived on a machine",
        ),
        pytest.param(
            WAIVED % "approved-by: lead, kind: missing", None, gym(), "drifted", "drifted", id="another kind"
        ),
        pytest.param(
            LOCKED,
            PURE.replace('name = "gym"\n', 'name = "gym"\nmarker = "platform_release >= \'0\'"\n', 1),
            gym(),
            "compliant",
            "a lock that depends on the kernel",
            id="kernel",
        ),
        pytest.param(
            LOCKED,
            PURE.replace("[[", 'requires-python = ">=3.12"\n[[', 1),
            gym(),
            "drifted",
            "drifted",
            id="Python",
        ),
        pytest.param(
            POLICY + "broken-requirements: error\n",
            None,
            gym(),
            "compliant",
            "what installed packages require of each other",
            id="requirements",
        ),
        pytest.param(
            POLICY + "python: {implementation: PyPy}\n", None, gym(), "drifted", "drifted", id="PyPy"
        ),
        pytest.param(
            POLICY + "python: {implementation: CPython}\n", None, gym(), "compliant", "", id="CPython"
        ),
        pytest.param(POLICY + "python: {free-threaded: true}\n", None, gym(), "drifted", "drifted", id="GIL"),
        pytest.param(POLICY + "python: {free-threaded: false}\n", None, gym(), "compliant", "", id="no GIL"),
        pytest.param(POLICY + "python: '<3.11'\n", None, gym(), "drifted", "drifted", id="old Python"),
    ],
)
def test_what_is_not_plain_to_see_is_unknown(
    world: World, policy: str, lock: str | None, held: Dist, checked: str, said: str
) -> None:
    """``said`` is what is unsure, or ``drifted``; nothing where it is compliant."""
    path = Written(policy, lock, ()).write(world.project)
    world.hold([held])
    assert world.check(path).verdict == checked
    told = world.guard(path)
    assert told.outcome == {"": "compliant", "drifted": "drifted"}.get(said, "unknown"), told
    if told.outcome == "unknown":
        assert said in (told.reason or "")


UNLISTED = POLICY + "packages: {numpy: {version: '>=1', optional: true}}\nunlisted: error\n"


def test_a_project_that_is_run_from_its_folder_is_not_called_drift(world: World) -> None:
    path = Written(UNLISTED, None, ()).write(world.project)
    world.hold([gym()])
    assert world.guard(path).outcome == "drifted"
    marker = world.project / "pyproject.toml"
    marker.write_text('[project]\nname = "gym"\nversion = "1.0"\n')
    try:
        told = world.guard(path)
    finally:
        marker.unlink()
    assert told.outcome == "unknown"
    assert "whether gym is this folder's own project" in (told.reason or "")


def test_the_project_of_an_environment_is_never_unlisted(world: World) -> None:
    path = Written(UNLISTED, None, ()).write(world.project)
    world.hold([gym()])
    marker = world.env.parent / "pyproject.toml"
    marker.write_text('[project]\nname = "gym"\nversion = "1.0"\n')
    try:
        assert world.guard(path).outcome == "compliant"
        world.hold([gym(), gym()._replace(name="other")])
        assert world.guard(path).outcome == "drifted"
    finally:
        marker.unlink()


@pytest.mark.parametrize(("kind", "checked"), [("", "unknown"), (", kind: unreadable", "compliant")])
def test_the_guard_lets_no_waiver_excuse_what_it_cannot_read(world: World, kind: str, checked: str) -> None:
    waiver = f"package: gym, until: '2099-01-01', reason: r, approved-by: lead{kind}"
    path = Written(f"{POLICY}waivers: [{{{waiver}}}]\n", None, ()).write(world.project)
    world.hold([gym()])
    assert world.guard(path).outcome == "compliant"
    world.hold([gym()._replace(told="")])
    assert world.check(path).verdict == checked
    assert world.guard(path).outcome == "unknown"


def test_what_conda_installed_is_left_to_envguard(world: World) -> None:
    path = Written(POLICY + "packages: {gym: '>=1.0'}\n", None, ()).write(world.project)
    world.hold([gym()])
    world.compile(path)
    assert world.ask().outcome == "compliant"
    records = world.env / "conda-meta"
    records.mkdir()
    try:
        assert "what conda installed" in (world.ask().reason or ""), "it came later"
        assert "what conda installed" in (world.guard(path).reason or ""), "it was there"
    finally:
        records.rmdir()


@pytest.mark.parametrize(("days", "outcome"), [(1, "unknown"), (-1, "drifted")])
def test_while_an_earlier_lock_may_judge_drift_is_not_certain(world: World, days: int, outcome: str) -> None:
    path = Written(POLICY + "packages: {gym: '>=2'}\n", None, ()).write(world.project)
    world.hold([gym()])
    until = datetime.now(timezone.utc) + timedelta(days=days)
    world.compile(path, f"grace\t{until.timestamp():.0f}")
    assert world.ask().outcome == outcome


def test_a_policy_of_the_future_is_not_taken(world: World) -> None:
    path = Written(POLICY, None, ()).write(world.project)
    world.compile(path, at=datetime.now(timezone.utc) + timedelta(hours=1))
    told = world.ask()
    assert told.outcome == "unknown"
    assert "which clock is right?" in (told.reason or "")


MORE = "X-Told: yes\n" * 9000
FIRST = f"Name: gym\nVersion: 1.0\n{MORE}\n"
LAST = f"Metadata-Version: 2.1\n{MORE}Name: gym\nVersion: 1.0\n\n"


@pytest.mark.parametrize(
    "metadata",
    [
        "Name: gym\nVersion: 1.0\n rc1\n\n",
        "Name: gym\nVersion: 1.0\n\trc1\n\n",
        "Name gym\nVersion: 1.0\n",
        FIRST,
        LAST,
    ],
    ids=["goes on", "goes on after a tab", "no header", "too long", "too long behind them"],
)
def test_metadata_that_is_not_plain_is_not_interpreted(world: World, metadata: str) -> None:
    path = Written(POLICY + "packages: {gym: '==1.0'}\n", None, ()).write(world.project)
    world.hold([gym()])
    (world.site / "gym-1.0.dist-info" / "METADATA").write_text(metadata)
    assert world.guard(path).outcome == "unknown"


def test_a_file_beside_the_metadata_that_is_none_is_unknown(world: World) -> None:
    path = Written(POLICY + "packages: {gym: '==1.0'}\n", None, ()).write(world.project)
    world.hold([gym(wheel=None)])
    wheel = world.site / "gym-1.0.dist-info" / "WHEEL"
    wheel.mkdir()
    told = world.guard(path)
    assert told.outcome == "unknown", told


def test_what_pip_left_behind_is_no_package(world: World) -> None:
    path = Written(POLICY + "packages: {gym: '==1.0', ym: {deny: true}}\n", None, ()).write(world.project)
    world.hold([gym(), Dist("~ym", "0.9", "dist-info", None, None, None)])
    assert world.check(path).verdict == "compliant"
    assert world.guard(path).outcome == "compliant"


@pytest.mark.parametrize(
    ("content", "is_plain"),
    [
        (b"import sys; sys.__plen = len(sys.path)\n./more\n", True),
        (
            b"import sys; new=sys.path[sys.__plen:]; p=getattr(sys,'__egginsert',0); sys.__egginsert = p\n",
            False,
        ),
        (b"\xef\xbb\xbf./more\n", False),
        (b"import gym_hooks\n", True),
        (b"import site; site.addsitedir('x')\n", False),
    ],
    ids=["setuptools' head", "setuptools' foot", "a mark of the order of bytes", "code", "a folder"],
)
def test_path_files_that_may_change_the_path_are_unknown(
    world: World, content: bytes, is_plain: bool
) -> None:
    path = Written(POLICY + "packages: {gym: '==1.0'}\n", None, ()).write(world.project)
    world.hold([gym()])
    file = world.site / "zz.pth"
    file.write_bytes(content)
    try:
        assert world.guard(path).outcome == ("compliant" if is_plain else "unknown")
    finally:
        file.unlink()
