"""A verdict is said again only while all that it was made of is as it was."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from marshal import dumps, loads
from pathlib import Path

import msgspec
import pytest

from envguard.cli import again
from envguard.domain import drift
from envguard.domain.policy import PolicySource
from envguard.state import Identity, KeptPolicy, add_policies, open_state
from tests.builders.environments import install, make_venv, site_packages, write_dist_info
from tests.cli.calling import AT, Caller

POLICY = """\
envguard: 1
name: rl-team
extends: base.yaml
lock: requirements.txt
unlisted: ignore
packages:
  gym: ==0.25.2
"""
DENYING = "packages:\n  gym: {deny: true}\n"
Edit = Callable[[Path], object]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose marker is a policy with a base, a lock, and a file that the lock names."""
    folder = tmp_path / "project"
    (folder / "gym").mkdir(parents=True)
    environment = make_venv(Path(sys.executable), folder / ".venv")
    install(environment, gym="0.25.2", six="1.16.0", rich="13.0")
    (site_packages(environment) / "paths.pth").write_text("more\n")
    (folder / "team.yaml").write_text(POLICY)
    (folder / "base.yaml").write_text("envguard: 1\nname: base\npackages:\n  torch: {deny: true}\n")
    (folder / "requirements.txt").write_text("-r more.txt\nsix==1.16.0\n")
    (folder / "more.txt").write_text("rich==13.0\n")
    (folder / "pyproject.toml").write_text('[tool.envguard]\npolicy = "team.yaml"\n')
    return folder


@pytest.fixture
def call(tmp_path: Path, project: Path) -> Caller:
    """Somebody in the project's folder."""
    (tmp_path / "home").mkdir()
    open_state(tmp_path / "state")
    environ = {
        "PATH": os.defpath,
        "HOME": str(tmp_path / "home"),
        "ENVGUARD_STATE": str(tmp_path / "state"),
        "ENVGUARD_CACHE": str(tmp_path / "home" / "cache"),
    }
    return Caller(project, environ)


def rewrite(path: Path, old: str, new: str) -> None:
    """Change a file in place and set its time back: size, inode and mtime stay."""
    status = path.stat()
    text = path.read_text()
    assert old in text
    assert len(old) == len(new)
    with path.open("r+") as file:
        file.write(text.replace(old, new))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def extend(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def metadata(folder: Path) -> Path:
    return site_packages(folder / ".venv") / "gym-0.25.2.dist-info" / "METADATA"


def add_distribution(folder: Path) -> None:
    write_dist_info(folder, "torch", "2.0")


def bind(folder: Path, policy: str) -> None:
    state = open_state(folder.parent / "state")
    source = PolicySource(filename=f"{policy}.yaml", text=f"envguard: 1\nname: {policy}\n{DENYING}")
    kept = KeptPolicy(name=policy, revision=1, lock_revision=None, source=source, received_at=NOW)
    state.keep_policies({policy: kept})
    state.use(str(folder / ".venv"), policy)


def hold(folder: Path) -> None:
    """The server's revision of the project's policy arrives."""
    state = open_state(folder.parent / "state")
    source = PolicySource(filename="x.yaml", text=f"envguard: 1\nname: rl-team\n{DENYING}")
    kept = KeptPolicy(name="rl-team", revision=2, lock_revision=None, source=source, received_at=NOW)
    state.keep_policies({"rl-team": kept})


def pull(folder: Path) -> None:
    """The same, into the user's cache."""
    source = PolicySource(filename="x.yaml", text=f"envguard: 1\nname: rl-team\n{DENYING}")
    pulled = KeptPolicy(name="rl-team", revision=2, lock_revision=None, source=source, received_at=NOW)
    add_policies(folder.parent / "home" / "cache" / "policies", {"rl-team": pulled})


def point_elsewhere(folder: Path) -> None:
    link = folder / ".venv" / "bin" / "python"
    link.unlink()
    link.symlink_to("/nonexistent/python")


NOW = datetime.now(timezone.utc)
IDENTITY = msgspec.json.encode(
    Identity(machine="1", name="ws-1", url="https://envguard.example", interval_s=60.0)
).decode()
EDITS = [
    pytest.param(lambda p: rewrite(metadata(p), "0.25.2", "0.26.2"), 1, id="metadata, its time set back"),
    pytest.param(lambda p: shutil.rmtree(metadata(p).parent), 1, id="a package is gone"),
    pytest.param(lambda p: add_distribution(site_packages(p / ".venv")), 1, id="a package is new"),
    pytest.param(
        lambda p: add_distribution(site_packages(p / ".venv") / "more"), 1, id="a folder on the path"
    ),
    pytest.param(point_elsewhere, 3, id="the interpreter"),
    pytest.param(lambda p: rewrite(p / "team.yaml", "0.25.2", "0.26.2"), 1, id="the policy"),
    pytest.param(lambda p: rewrite(p / "base.yaml", "torch", "rich "), 2, id="what the policy extends"),
    pytest.param(lambda p: rewrite(p / "requirements.txt", "1.16.0", "1.15.0"), 1, id="the lock"),
    pytest.param(lambda p: rewrite(p / "more.txt", "13.0", "14.0"), 1, id="a file that the lock names"),
    pytest.param(lambda p: (p / "base.yaml").unlink(), 2, id="a file of the policy is gone"),
    pytest.param(lambda p: bind(p, "other"), 1, id="a binding"),
    pytest.param(hold, 1, id="the server's revision"),
    pytest.param(pull, 1, id="the server's revision, pulled"),
    pytest.param(lambda p: (p / ".envguard.yaml").write_text("policy: none-such\n"), 3, id="a nearer marker"),
    pytest.param(lambda p: rewrite(p / "pyproject.toml", "team.yaml", "abcd.yaml"), 3, id="the marker"),
]


@pytest.mark.parametrize(("edit", "code"), EDITS)
def test_what_changed_is_judged_anew(call: Caller, project: Path, edit: Edit, code: int) -> None:
    before = call("check")
    assert (before.code, before.is_again) == (0, False), before
    assert call("check") == msgspec.structs.replace(before, is_again=True)
    edit(project)
    after = call("check")
    assert (after.code, after.is_again) == (code, False), after
    assert after.out != before.out


UNCHANGED = [
    pytest.param(lambda p: (p / "gym" / "__init__.py").write_text(""), "gym/__init__.py", id="a shadow"),
    pytest.param(lambda p: (p / "rich.py").write_text(""), "rich.py", id="another shadow"),
]


@pytest.mark.parametrize(("edit", "told"), UNCHANGED)
def test_a_name_that_is_taken_here_is_seen(call: Caller, project: Path, edit: Edit, told: str) -> None:
    assert told not in call("check", "-v").out
    assert call("check", "-v").is_again
    edit(project)
    after = call("check", "-v")
    assert told in after.out.replace("\n", "")
    assert not after.is_again


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda p: extend(p / ".venv" / "pyvenv.cfg", "prompt = rl\n"), id="configuration"),
        pytest.param(lambda p: (site_packages(p / ".venv") / "a.pth").write_text("x\n"), id="another pth"),
        pytest.param(lambda p: (p / "uv.lock").write_text(""), id="a folder that is looked into"),
        pytest.param(
            lambda p: (p.parent / "state" / "matches.json").write_text("{}"), id="what is remembered"
        ),
        pytest.param(lambda p: (p.parent / "state" / "identity.json").write_text(IDENTITY), id="who this is"),
        pytest.param(lambda p: (p / ".git").mkdir(), id="where the project ends"),
    ],
)
def test_what_may_decide_is_read_again(call: Caller, project: Path, edit: Edit) -> None:
    before = call("check")
    assert call("check").is_again
    edit(project)
    assert call("check") == before
    assert call("check") == msgspec.structs.replace(before, is_again=True)


def test_a_waiver_ends_while_nothing_changes(call: Caller, project: Path) -> None:
    until = datetime.now(timezone.utc) + timedelta(hours=2)
    waiver = f"package: gym, until: {until:%Y-%m-%dT%H:%M:%SZ}, reason: busy, approved-by: lead"
    policy = POLICY.replace("0.25.2", "0.26.2") + f"waivers:\n  - {{{waiver}}}\n"
    (project / "team.yaml").write_text(policy)
    assert call("check").code == 0
    assert call("check", later_s=3600).is_again
    assert not call("check", later_s=7300).is_again


@pytest.mark.parametrize("later_s", [25 * 3600.0, -3600.0], ids=["a day later", "a clock that was set back"])
def test_time_ends_it(call: Caller, later_s: float) -> None:
    before = call("check")
    assert call("check", later_s=23 * 3600.0).is_again
    assert call("check", later_s=later_s) == before


def test_what_changed_just_now_is_not_kept(call: Caller, project: Path) -> None:
    """Within a tick of the clock it may change once more, and look the same."""
    (project / "team.yaml").write_text(POLICY)
    call("check", later_s=0.0)
    assert not call("check", later_s=0.0).is_again


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"ENVGUARD_POLICY": "base.yaml"}, id="a policy"),
        pytest.param({"VIRTUAL_ENV": "/nonexistent"}, id="an active environment"),
        pytest.param({"PYTHONSAFEPATH": "1"}, id="how Python starts"),
        pytest.param({"LC_ALL": "POSIX"}, id="an encoding"),
        pytest.param({"COLUMNS": "40"}, id="a width"),
    ],
)
def test_other_variables_are_another_question(call: Caller, given: dict[str, str]) -> None:
    call("check")
    assert not call("check", given=given).is_again
    assert call("check").is_again


def test_another_shell_of_the_same_person_is_told_the_same(call: Caller) -> None:
    before = call("check", given={"SHLVL": "1", "TMUX_PANE": "%1"})
    assert call("check", given={"SHLVL": "3", "TMUX_PANE": "%7"}) == msgspec.structs.replace(
        before, is_again=True
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", ".venv"),
        ("check", ".venv", "-v"),
        ("check", "--policy", "drift.yaml"),
        ("check", "--policy=drift.yaml", "--json"),
        ("check", "--policy", "drift.yaml", "--format", "sarif"),
        ("check", "requirements.txt", "--policy", "drift.yaml"),
        ("check", "--policy", "requirements.txt"),
    ],
    ids=" ".join,
)
def test_every_form_is_said_again_as_it_was(call: Caller, project: Path, arguments: tuple[str, ...]) -> None:
    (project / "drift.yaml").write_text(f"envguard: 1\nname: drift\n{DENYING}")
    before = call(*arguments)
    assert not before.is_again
    assert call(*arguments) == msgspec.structs.replace(before, is_again=True)


def test_an_error_is_never_kept(call: Caller, project: Path) -> None:
    (project / "team.yaml").write_text("nonsense")
    before = call("check")
    assert before.code == 2
    assert call("check") == before


def test_a_policy_that_asks_for_the_machine_is_asked_each_time(call: Caller, project: Path) -> None:
    (project / "team.yaml").write_text("envguard: 1\nname: rl-team\nmachine: {os: {name: linux}}\n")
    first = call("check", "--policy", "team.yaml")
    assert call("check", "--policy", "team.yaml") == first


def test_two_environments_that_may_be_meant_are_told_as_soon_as_they_are(call: Caller, project: Path) -> None:
    other = make_venv(Path(sys.executable), project.parent / "active")
    chosen = {"VIRTUAL_ENV": str(other)}
    (project / ".venv").rename(project / "venv")
    assert call("check", given=chosen).err == ""
    assert call("check", given=chosen).is_again
    (project / "venv").rename(project / ".venv")
    assert "warning: the active environment is" in call("check", given=chosen).err
    assert "warning: the active environment is" in call("check", given=chosen).err


def test_another_boot_ends_it(call: Caller, project: Path) -> None:
    """Other boots number devices anew, and may find another machine around the disk."""
    before = call("check")
    [kept] = kept_by(call)
    digest, boot, *rest = loads(again.read_own(str(kept)) or b"")
    assert boot == again.boot_id() != ""
    kept.write_bytes(again.sealed(dumps((digest, "another", *rest), 2)))
    assert call("check") == before


def test_envguard_itself_is_looked_at(call: Caller) -> None:
    call("check")
    [kept] = kept_by(call)
    marks = loads(again.read_own(str(kept)) or b"")[-1]
    noted = {f"{folder}/{path}" if folder else path for folder, followed, _, _ in marks for path in followed}
    assert {drift.__file__, again.__file__, msgspec.__file__} <= noted


def kept_by(call: Caller) -> list[Path]:
    return sorted((Path(call.environ["ENVGUARD_CACHE"]) / "verdicts").iterdir())


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda kept: kept.chmod(0o644), id="others may read it"),
        pytest.param(lambda kept: kept.rename(kept.with_name("x")) and kept.symlink_to("x"), id="a link"),
        pytest.param(lambda kept: kept.write_bytes(b""), id="empty"),
        pytest.param(lambda kept: kept.write_bytes(kept.read_bytes()[:-1]), id="cut off"),
        pytest.param(lambda kept: kept.write_bytes(again.sealed(dumps(7, 2))), id="something else"),
        pytest.param(lambda kept: (kept.unlink(), kept.mkdir()), id="a folder"),
    ],
)
def test_what_is_wrong_with_a_kept_file_is_no_matter(call: Caller, spoil: Callable[[Path], object]) -> None:
    before = call("check")
    [kept] = kept_by(call)
    spoil(kept)
    assert call("check") == before


def test_where_nothing_can_be_kept_it_is_judged_each_time(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environ = {"ENVGUARD_CACHE": str(tmp_path / "file" / "below")}
    before = call("check", given=environ)
    assert before.code == 0
    assert call("check", given=environ) == before


def test_what_is_kept_is_this_users_alone(call: Caller) -> None:
    call("check")
    cache = Path(call.environ["ENVGUARD_CACHE"])
    files = [path for path in cache.rglob("*") if path.is_file()]
    assert files
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in (cache, cache / "verdicts", cache / "locks")} == {0o700}


def test_whatever_is_opened_is_noted(call: Caller, project: Path, tmp_path: Path) -> None:
    """Asked of the system itself: a file that decides, and is not noted, would make a stale verdict."""
    log = tmp_path / "calls"
    command = ["strace", "-f", "-e", "trace=open,openat", "-o", str(log), sys.executable, "-c", AT, "check"]
    subprocess.run(command, cwd=project, env=call.environ, check=True, capture_output=True, timeout=60)
    [kept] = kept_by(call)
    marks = loads(again.read_own(str(kept)) or b"")[-1]
    noted = {f"{folder}/{path}" if folder else path for folder, followed, _, _ in marks for path in followed}
    noted |= {folder for folder, *_ in marks}
    opened = re.findall(r'"([^"]+)", (?!.*O_WRONLY).* = \d+$', log.read_text(), re.MULTILINE)
    of_others = [path for path in opened if path.startswith(str(tmp_path))]
    assert len(of_others) > 10
    own = call.environ["ENVGUARD_CACHE"]
    assert {path for path in of_others if not path.startswith(own)} <= noted
