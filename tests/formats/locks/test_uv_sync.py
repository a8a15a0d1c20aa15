"""What ``uv sync`` installed is what we want of the same ``uv.lock``, and any change of it is one finding."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from envguard.domain.drift import compare
from envguard.domain.environment import Package, Snapshot, snapshot_of
from envguard.domain.facts import MachineFacts
from envguard.domain.findings.finding import Finding
from envguard.domain.locks.lock import Lock, LockChoice
from envguard.domain.policy import Rules
from envguard.formats.locks import parse_lock, read_lock
from envguard.inventory import read_environment
from tests.builders.projects import make_project
from tests.builders.wheels import make_wheel
from tests.inventory.oracle.children import clean_environ, own_tool, run, system_tool

FACTS = MachineFacts(os="linux", kernel="6.1")
WHEELS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("gym", "0.26.2", ("numpy>=1", "cloudpickle; python_version >= '3'", "pygame; extra == 'human'")),
    ("numpy", "1.26.4", ()),
    ("numpy", "2.1.0", ()),
    ("cloudpickle", "3.0", ()),
    ("pygame", "2.5", ()),
    ("pytest", "8.0", ("iniconfig", "colorama; sys_platform == 'win32'")),
    ("iniconfig", "2.0", ()),
    ("colorama", "0.4.6", ()),
    ("sphinx", "7.0", ()),
    ("torch", "2.4.0", ("numpy",)),
    ("torch", "2.5.0", ("numpy",)),
    ("mujoco", "3.1", ()),
)
PROJECT = """
[project]
name = "Rl_Study"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = [
    "gym",
    "numpy==1.26.4; python_version < '3.30'",
    "numpy==2.1.0; python_version >= '3.30'",
]
[project.optional-dependencies]
cpu = ["torch==2.4.0"]
gpu = ["torch==2.5.0"]
Human_Eyes = ["gym[human]"]
all = ["rl-study[human-eyes]"]
empty = []
[dependency-groups]
dev = ["pytest"]
Docs_Site = ["sphinx", {include-group = "dev"}]
nothing = []
[tool.uv]
conflicts = [[{extra = "cpu"}, {extra = "gpu"}]]
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for name, version, requires in WHEELS:
        make_wheel(folder, name, version, requires=requires)
    return folder


@pytest.fixture(scope="module")
def environ(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return clean_environ(
        tmp_path_factory.mktemp("caches"),
        UV_FIND_LINKS=str(wheels),
        UV_NO_INDEX="1",
        UV_PYTHON=sys.executable,
    )


CHOICES: dict[str, tuple[tuple[str, ...], LockChoice]] = {
    "nothing chosen": ((), LockChoice()),
    "an extra": (("--extra", "cpu"), LockChoice(extras=("cpu",))),
    "the extra that excludes it": (("--extra", "gpu"), LockChoice(extras=("gpu",))),
    "an extra that names another": (("--extra", "all"), LockChoice(extras=("all",))),
    "two extras": (
        ("--extra", "gpu", "--extra", "human-eyes"),
        LockChoice(extras=("gpu", "human-eyes")),
    ),
    "an empty extra": (("--extra", "empty"), LockChoice(extras=("empty",))),
    "a group": (("--group", "docs-site"), LockChoice(groups=("dev", "docs-site"))),
    "all groups": (("--all-groups",), LockChoice(groups=("dev", "docs-site", "nothing"))),
    "no group": (("--no-dev",), LockChoice(groups=())),
    "a group and an extra": (
        ("--no-dev", "--group", "docs-site", "--extra", "cpu"),
        LockChoice(extras=("cpu",), groups=("docs-site",)),
    ),
}
WORKSPACE = """
[tool.uv.workspace]
members = ["apps/*"]
[dependency-groups]
dev = ["pytest", "sphinx; python_version < '3'"]
[tool.uv]
environments = ["sys_platform == 'linux'", "sys_platform == 'darwin'"]
"""
RUNNER = """
[project]
name = "runner"
version = "1.0"
requires-python = ">=3.10"
dependencies = ["agents[fast]", "toolbox", "envs", "mujoco"]
[dependency-groups]
dev = ["gym"]
[tool.uv.sources]
agents = {workspace = true}
toolbox = {git = "GIT"}
envs = {path = "../../envs"}
mujoco = {path = "WHEEL"}
"""
AGENTS = """
[project]
name = "agents"
version = "7.0"
requires-python = ">=3.10"
[project.optional-dependencies]
fast = ["cloudpickle"]
"""
NOTES = """
[project]
name = "notes"
version = "1.0"
requires-python = ">=3.10"
dependencies = ["numpy"]
"""
TOOLBOX = '[project]\nname = "toolbox"\nversion = "4.0"\n'
ENVS = '[project]\nname = "envs"\ndynamic = ["version"]\n'


def locked(project: Path, environ: Mapping[str, str]) -> Lock:
    run([own_tool("uv"), "--quiet", "lock"], environ, cwd=project)
    return read_lock(project / "uv.lock")


def synced(project: Path, environ: Mapping[str, str], *options: str) -> Snapshot:
    run([own_tool("uv"), "--quiet", "sync", *options], environ, cwd=project)
    return read_environment(project / ".venv").snapshot


def findings(snapshot: Snapshot, lock: Lock, choice: LockChoice) -> tuple[Finding, ...]:
    return compare(snapshot, FACTS, Rules(choice=choice, unlisted="error"), lock)


def changed(snapshot: Snapshot, packages: Sequence[Package]) -> Snapshot:
    return snapshot_of(snapshot.interpreter, packages)


def each_change_is_one_finding(snapshot: Snapshot, lock: Lock, choice: LockChoice) -> None:
    for index, package in enumerate(snapshot.packages):
        others = [*snapshot.packages[:index], *snapshot.packages[index + 1 :]]
        (missing,) = findings(changed(snapshot, others), lock, choice)
        assert (missing.kind, missing.package) == ("missing", package.name)
        moved = changed(snapshot, [*others, msgspec.structs.replace(package, version="99")])
        is_free = package.origin.kind == "editable" or package.name == "envs"  # has a dynamic version
        told = [(each.kind, each.package) for each in findings(moved, lock, choice)]
        assert told == ([] if is_free else [("version-mismatch", package.name)])
    (foreign,) = findings(changed(snapshot, [*snapshot.packages, Package("foreign", "1")]), lock, choice)
    assert (foreign.kind, foreign.package) == ("unlisted", "foreign")


@pytest.fixture(scope="module")
def project(environ: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_project(tmp_path_factory.mktemp("project"), PROJECT, builds=("rl_study", "0.1.0"))
    locked(folder, environ)
    return folder


@pytest.mark.parametrize("name", CHOICES)
def test_a_project_as_it_was_synced(name: str, project: Path, environ: Mapping[str, str]) -> None:
    options, choice = CHOICES[name]
    lock = read_lock(project / "uv.lock")
    snapshot = synced(project, environ, *options)
    assert findings(snapshot, lock, choice) == ()
    each_change_is_one_finding(snapshot, lock, choice)


def test_what_nobody_chose_may_be_there_as_the_lock_has_it(project: Path, environ: Mapping[str, str]) -> None:
    lock = read_lock(project / "uv.lock")
    snapshot = synced(project, environ, "--extra", "gpu", "--all-groups")
    assert findings(snapshot, lock, LockChoice()) == ()
    torch = next(package for package in snapshot.packages if package.name == "torch")
    others = [package for package in snapshot.packages if package is not torch]
    (other,) = findings(changed(snapshot, [*others, Package("torch", "2.3.0")]), lock, LockChoice())
    assert (other.kind, other.package) == ("version-mismatch", "torch")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("", ("dev",)),
        ('default-groups = ["docs-site"]', ("docs-site",)),
        ('default-groups = "all"', ("dev", "docs-site", "nothing")),
        ("default-groups = []", ()),
    ],
    ids=["not told", "one", "all", "none"],
)
def test_the_default_groups_are_those_that_uv_installs(
    told: str, expected: tuple[str, ...], environ: Mapping[str, str], tmp_path: Path
) -> None:
    project = make_project(tmp_path, f"{PROJECT}{told}\n", builds=("rl_study", "0.1.0"))
    lock = locked(project, environ)
    assert lock.default_groups == expected
    assert findings(synced(project, environ), lock, LockChoice()) == ()
    as_older_uv_writes = re.sub(r"(?m)^default-groups = .*\n", "", (project / "uv.lock").read_text())
    (project / "uv.lock").write_text(as_older_uv_writes)
    assert read_lock(project / "uv.lock").default_groups == expected


@pytest.fixture(scope="module")
def workspace(wheels: Path, environ: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    toolbox = make_project(folder / "toolbox", TOOLBOX, builds=("toolbox", "4.0"))
    make_project(folder / "work" / "envs", ENVS, builds=("envs", "0.3"))
    make_project(folder / "work", WORKSPACE)
    (mujoco,) = wheels.glob("mujoco-*.whl")
    runner = RUNNER.replace("GIT", toolbox.as_uri()).replace("WHEEL", str(mujoco))
    make_project(folder / "work" / "apps" / "runner", runner, builds=("runner", "1.0"))
    make_project(folder / "work" / "apps" / "agents", AGENTS, builds=("agents", "7.0"))
    make_project(folder / "work" / "apps" / "notes", NOTES)
    me = ("-c", "user.name=t", "-c", "user.email=t@team.example")
    for command in (("init", "--quiet"), ("add", "."), (*me, "commit", "--quiet", "-m", "t")):
        run([system_tool("git"), *command], environ, cwd=toolbox)
    return folder / "work"


@pytest.mark.parametrize(
    ("options", "choice"),
    [
        ((), LockChoice()),
        (("--no-dev",), LockChoice(groups=())),
        (("--extra", "fast"), LockChoice(extras=("fast",))),
    ],
    ids=["all", "no group", "an extra"],
)
def test_a_workspace_whose_root_is_no_project(
    options: tuple[str, ...], choice: LockChoice, workspace: Path, environ: Mapping[str, str]
) -> None:
    lock = locked(workspace, environ)
    snapshot = synced(workspace, environ, *options)
    assert findings(snapshot, lock, choice) == ()
    each_change_is_one_finding(snapshot, lock, choice)
    kinds = {package.name: package.origin.kind for package in snapshot.packages}
    assert (kinds["toolbox"], kinds["envs"], kinds["mujoco"]) == ("vcs", "directory", "archive")
    assert "notes" not in kinds


@pytest.mark.parametrize("name", ["toolbox", "envs", "mujoco", "runner"])
def test_what_came_from_elsewhere_than_the_lock_says_is_told(
    name: str, workspace: Path, environ: Mapping[str, str]
) -> None:
    lock = locked(workspace, environ)
    snapshot = synced(workspace, environ)
    from_an_index = [
        Package(package.name, package.version) if package.name == name else package
        for package in snapshot.packages
    ]
    (finding,) = findings(changed(snapshot, from_an_index), lock, LockChoice())
    assert (finding.kind, finding.package) == ("origin-mismatch", name)


def test_a_project_that_is_the_root_of_a_workspace(environ: Mapping[str, str], tmp_path: Path) -> None:
    root = '[project]\nname = "top"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["agents"]\n'
    root += '[tool.uv.workspace]\nmembers = ["apps/*"]\n[tool.uv.sources]\nagents = {workspace = true}\n'
    project = make_project(tmp_path, root)
    make_project(tmp_path / "apps" / "agents", AGENTS, builds=("agents", "7.0"))
    make_project(tmp_path / "apps" / "notes", NOTES)
    lock = locked(project, environ)
    snapshot = synced(project, environ)
    assert [package.name for package in snapshot.packages] == ["agents"]
    assert findings(snapshot, lock, LockChoice()) == ()


def test_members_that_exclude_each_others_extras(environ: Mapping[str, str], tmp_path: Path) -> None:
    """The extra is chosen by what one member asks of the other, not by the command line."""
    top = '[project]\nname = "top"\nversion = "1"\nrequires-python = ">=3.10"\n'
    top += 'dependencies = ["agents[slow]"]\n'
    top += '[project.optional-dependencies]\nx = ["torch==2.5.0"]\n'
    top += '[tool.uv]\nconflicts = [[{package = "agents", extra = "slow"}, {package = "top", extra = "x"}, '
    top += '{package = "agents", extra = "fast"}]]\n'
    top += '[tool.uv.workspace]\nmembers = ["agents"]\n[tool.uv.sources]\nagents = {workspace = true}\n'
    agents = '[project]\nname = "agents"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["gym"]\n'
    agents += '[project.optional-dependencies]\nslow = ["numpy==1.26.4"]\nfast = ["numpy==2.1.0"]\n'
    project = make_project(tmp_path, top)
    make_project(tmp_path / "agents", agents, builds=("agents", "1"))
    lock = locked(project, environ)
    assert lock.has_conflicts
    snapshot = synced(project, environ)
    assert findings(snapshot, lock, LockChoice()) == ()
    each_change_is_one_finding(snapshot, lock, LockChoice())


def test_the_lock_of_a_script(environ: Mapping[str, str], tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        '# /// script\n# requires-python = ">=3.10"\n'
        "# dependencies = ['gym[human]', 'numpy<2', \"pytest; sys_platform == 'win32'\"]\n# ///\n"
    )
    run([own_tool("uv"), "--quiet", "lock", "--script", script], environ, cwd=tmp_path)
    lock = parse_lock((tmp_path / "train.py.lock").read_text(), filename="train.uv.lock")
    run([own_tool("uv"), "--quiet", "venv", ".venv"], environ, cwd=tmp_path)
    run(
        [own_tool("uv"), "--quiet", "sync", "--script", script, "--active"],
        {**environ, "VIRTUAL_ENV": str(tmp_path / ".venv")},
        cwd=tmp_path,
    )
    snapshot = read_environment(tmp_path / ".venv").snapshot
    assert findings(snapshot, lock, LockChoice()) == ()
    each_change_is_one_finding(snapshot, lock, LockChoice())


def test_a_lock_for_other_machines_selects_nothing_here(environ: Mapping[str, str], tmp_path: Path) -> None:
    project = make_project(tmp_path, NOTES + "[tool.uv]\nenvironments = [\"sys_platform == 'win32'\"]\n")
    lock = locked(project, environ)
    snapshot = changed(read_environment(Path(sys.prefix)).snapshot, [])
    (finding,) = findings(snapshot, lock, LockChoice())
    assert (finding.kind, finding.expected) == ("interpreter-mismatch", "sys_platform == 'win32'")
