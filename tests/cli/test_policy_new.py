"""``policy new`` writes a policy that can be used at once, and that a given environment meets."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from envguard.state import open_state
from tests.builders.environments import install, make_venv, site_packages, write_dist_info
from tests.builders.places import lay_out_conda
from tests.builders.projects import make_project
from tests.builders.wheels import make_wheel
from tests.cli.conftest import Envguard, Run
from tests.cli.test_schemas import hold
from tests.inventory.oracle.children import clean_environ, own_tool, run

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PYTHON = f"=={sys.version_info.major}.{sys.version_info.minor}.*"


@pytest.fixture
def rl(tmp_path: Path) -> Path:
    """A project with a pyproject.toml that somebody cares for, and a venv with two packages."""
    folder = tmp_path / "rl"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('# ours\n[project]\nname = "RL.Study"  # keep\nversion = "1"\n')
    install(make_venv(Path(sys.executable), folder / ".venv"), gym="0.26.2", numpy="1.26.4")
    return folder


def direct(url: str, **more: object) -> str:
    return json.dumps({"url": url, **more})


def assert_compliant(check: Run, name: str) -> None:
    assert check.out.startswith(f"compliant with `{name}`"), check.out + check.err
    assert check.code == 0


def test_an_environment_is_written_down_and_compliant(envguard: Envguard, rl: Path) -> None:
    ran = envguard("policy", "new", "--from-env", ".venv", cwd=rl)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "wrote rl-study.yaml",
        "wrote rl-study.requirements.txt",
        "added the marker to pyproject.toml",
        "lock: rl-study.requirements.txt",
        "next: envguard check .venv",
    ]
    assert (rl / "rl-study.requirements.txt").read_text().splitlines()[1:] == ["gym==0.26.2", "numpy==1.26.4"]
    assert f'python: "{PYTHON}"' in (rl / "rl-study.yaml").read_text()
    marked = '# ours\n[project]\nname = "RL.Study"  # keep\nversion = "1"\n'
    marked += '\n[tool.envguard]\npolicy = "rl-study.yaml"\n'
    assert (rl / "pyproject.toml").read_text() == marked
    assert_compliant(envguard("check", cwd=rl), "rl-study")
    assert envguard("policy", "lint", "rl-study.yaml", cwd=rl).code == 0
    install(rl / ".venv", rich="13.0")
    assert "1 package outside the policy: rich" in envguard("check", cwd=rl).out


def test_any_change_of_what_was_written_down_is_drift(envguard: Envguard, rl: Path) -> None:
    envguard("policy", "new", "--from-env", ".venv", cwd=rl)
    (site_packages(rl / ".venv") / "gym-0.26.2.dist-info").rename(
        site_packages(rl / ".venv") / "gym-0.25.2.dist-info"
    )
    metadata = site_packages(rl / ".venv") / "gym-0.25.2.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("0.26.2", "0.25.2"))
    [finding] = envguard("check", "--json", cwd=rl).json()["findings"]
    assert (finding["kind"], finding["package"]) == ("version-mismatch", "gym")


def test_a_project_without_a_pyproject_gets_a_marker_of_its_own(envguard: Envguard, project: Path) -> None:
    ran = envguard("policy", "new", "--from-env", project / ".venv")
    assert ran.code == 0
    assert (project / ".envguard.yaml").read_text() == 'policy: "project.yaml"\n'
    assert_compliant(envguard("check", cwd=project), "project")


def test_the_policy_may_lie_elsewhere_in_the_repository(envguard: Envguard, rl: Path) -> None:
    (rl / "policies").mkdir()
    ran = envguard("policy", "new", "team", "--from-env", ".venv", "--output", "policies/team.yaml", cwd=rl)
    assert ran.code == 0
    assert (rl / "policies" / "team.requirements.txt").exists()
    assert 'policy = "policies/team.yaml"' in (rl / "pyproject.toml").read_text()
    assert_compliant(envguard("check", cwd=rl), "team")


def test_nothing_there_is_written_over_and_nothing_is_half_written(envguard: Envguard, rl: Path) -> None:
    (rl / "rl-study.requirements.txt").write_text("mine\n")
    before = {path.name: path.read_bytes() for path in rl.iterdir() if path.is_file()}
    for more in ((), ("--dry-run",)):
        ran = envguard("policy", "new", "--from-env", ".venv", *more, cwd=rl)
        assert ran.code == 2
        assert "rl-study.requirements.txt: there is such a file already" in ran.err
    assert {path.name: path.read_bytes() for path in rl.iterdir() if path.is_file()} == before


def test_a_dry_run_prints_every_file_and_writes_none(envguard: Envguard, rl: Path) -> None:
    ran = envguard("policy", "new", "--from-env", ".venv", "--dry-run", cwd=rl)
    assert ran.code == 0
    for line in ("--- rl-study.yaml", "gym==0.26.2", "+[tool.envguard]", '+policy = "rl-study.yaml"'):
        assert line in ran.out.splitlines()
    assert sorted(path.name for path in rl.iterdir()) == [".venv", "pyproject.toml"]


def test_json_says_what_was_written(envguard: Envguard, rl: Path) -> None:
    document = envguard("policy", "new", "--from-env", ".venv", "--json", cwd=rl).json()
    hold(document, "new-1")
    assert [(Path(each["path"]).name, each["role"]) for each in document["files"]] == [
        ("rl-study.yaml", "policy"),
        ("rl-study.requirements.txt", "lock"),
        ("pyproject.toml", "marker"),
    ]
    assert document["lock"] == "rl-study.requirements.txt"


def odd_packages(site: Path) -> None:
    """What environments have in which people worked for years."""
    write_dist_info(
        site, "mylib", "1.0", direct_url__json=direct("file:///home/ann/mylib", dir_info={"editable": True})
    )
    write_dist_info(site, "folder_lib", "1.0", direct_url__json=direct("file:///home/ann/f", dir_info={}))
    vcs = {"vcs": "git", "commit_id": COMMIT}
    address = "https://ann:secret@git.example/toolbox.git"
    write_dist_info(site, "toolbox", "4.0", direct_url__json=direct(address, vcs_info=vcs))
    write_dist_info(site, "localrepo", "4.0", direct_url__json=direct("file:///srv/repo", vcs_info=vcs))
    archive = f"https://ann:secret@files.example/{'folder/' * 20}box2d-2.3.tar.gz?token=secret"
    write_dist_info(
        site, "box2d", "2.3", direct_url__json=direct(archive, archive_info={"hash": "sha256=" + "ab" * 32})
    )
    write_dist_info(
        site, "zip_only", "2.3", direct_url__json=direct("https://files.example/v2.zip", archive_info={})
    )
    write_dist_info(site, "local_wheel", "2.3", direct_url__json=direct("file:///tmp/w.whl", archive_info={}))
    write_dist_info(site, "torch", "2.4.1+cu121")
    write_dist_info(site, "pytz", "2004d-x")
    write_dist_info(site, "twice", "1.0")
    write_dist_info(site, "twice", "2.0")
    write_dist_info(site, "setuptools", "70.0")
    write_dist_info(site, "wheel", "0.43")
    write_dist_info(site, "pip", "24.0")
    write_dist_info(site, "uv", "0.5.0")
    write_dist_info(site, "Zope.Interface_x", "5.0", metadata=b"Name: Zope.Interface_x\nVersion: 5.0\n\n")
    leftover = write_dist_info(site, "~umpy", "1.0", metadata=b"Name: numpy\nVersion: 1.0\n\n")
    assert leftover.exists()


def test_an_environment_with_odd_packages_is_compliant_and_holds_no_secret(
    envguard: Envguard, rl: Path
) -> None:
    odd_packages(site_packages(rl / ".venv"))
    ran = envguard("policy", "new", "--from-env", ".venv", cwd=rl)
    assert ran.code == 0, ran.err
    lock = (rl / "rl-study.requirements.txt").read_text()
    policy = (rl / "rl-study.yaml").read_text()
    for line in (
        "torch==2.4.1+cu121",
        "pytz===2004d-x",
        f"toolbox @ git+https://git.example/toolbox.git@{COMMIT}",
        "zope-interface-x==5.0",
    ):
        assert line in lock.splitlines()
    assert "secret" not in lock + policy + ran.out + ran.err
    assert 'mylib: {version: "*", optional: true' in policy
    assert 'twice: {version: "*", reason:' in policy
    check = envguard("check", "-v", cwd=rl)
    assert_compliant(check, "rl-study")
    assert "outside the policy" not in check.out


def test_what_cannot_be_read_cannot_be_written_down(envguard: Envguard, rl: Path) -> None:
    (site_packages(rl / ".venv") / "numpy-1.26.4.dist-info" / "METADATA").write_text("")
    ran = envguard("policy", "new", "--from-env", ".venv", cwd=rl)
    assert ran.code == 3
    assert "not all of it can be read: numpy" in ran.err
    assert sorted(path.name for path in rl.iterdir()) == [".venv", "pyproject.toml"]


def test_an_environment_of_tools_alone_has_a_policy_without_a_lock(
    envguard: Envguard, tmp_path: Path
) -> None:
    install(make_venv(Path(sys.executable), tmp_path / "new" / ".venv"), pip="24.0")
    ran = envguard("policy", "new", "--from-env", ".venv", "--json", cwd=tmp_path / "new")
    assert (ran.code, ran.json()["lock"]) == (0, None)
    assert_compliant(envguard("check", cwd=tmp_path / "new"), "new")


def test_an_environment_that_uv_made_names_uvs_own_lock(envguard: Envguard, tmp_path: Path) -> None:
    make_wheel(tmp_path / "wheels", "gym", "0.26.2")
    make_wheel(tmp_path / "wheels", "pytest", "8.0")
    environ = clean_environ(
        tmp_path, UV_FIND_LINKS=str(tmp_path / "wheels"), UV_NO_INDEX="1", UV_PYTHON=sys.executable
    )
    text = '[project]\nname = "rl"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["gym"]\n'
    text += '[dependency-groups]\ndev = ["pytest"]\n'
    project = make_project(tmp_path / "rl", text, builds=("rl", "1"))
    run([own_tool("uv"), "--quiet", "sync"], environ, cwd=project)
    ran = envguard("policy", "new", "--from-env", ".venv", "--dry-run", cwd=project)
    assert "lock: uv.lock" in ran.out
    run([own_tool("uv"), "--quiet", "sync", "--no-dev"], environ, cwd=project)
    ran = envguard("policy", "new", "--from-env", ".venv", cwd=project)
    assert ran.code == 0
    assert "lock: {file: uv.lock, groups: []}" in (project / "rl.yaml").read_text()
    assert not list(project.glob("*.requirements.txt"))
    assert_compliant(envguard("check", cwd=project), "rl")


def test_a_lock_that_is_not_what_is_installed_is_not_named(envguard: Envguard, rl: Path) -> None:
    (rl / "requirements.txt").write_text("gym==0.25.2\n")
    ran = envguard("policy", "new", "--from-env", ".venv", cwd=rl)
    assert "note: requirements.txt is not what is installed (1 errors)" in ran.err
    assert "lock: rl-study.requirements.txt" in (rl / "rl-study.yaml").read_text()
    assert_compliant(envguard("check", cwd=rl), "rl-study")


def test_a_lock_that_cannot_be_used_is_not_named_and_that_is_said(envguard: Envguard, rl: Path) -> None:
    (rl / "uv.lock").write_text("nonsense\n")
    ran = envguard("policy", "new", "--from-env", ".venv", cwd=rl)
    assert ran.code == 0
    assert "note: the project's own lock cannot be used: " in ran.err


def a_conda_package(prefix: Path, name: str, version: str, build: str, *files: str) -> None:
    record = {"name": name, "version": version, "build": build, "files": list(files)}
    (prefix / "conda-meta" / f"{name}-{version}-{build}.json").write_text(json.dumps(record))


def test_a_conda_environment_is_written_as_conda_and_pip_read_it(envguard: Envguard, tmp_path: Path) -> None:
    prefix = lay_out_conda(tmp_path / "study" / "env")
    site = prefix / "lib" / "python3.11" / "site-packages"
    write_dist_info(site, "numpy", "1.26.4", INSTALLER="conda")
    write_dist_info(site, "graphviz", "0.20", INSTALLER="pip")
    write_dist_info(site, "gym", "0.26.2", INSTALLER="pip")
    a_conda_package(
        prefix, "numpy", "1.26.4", "py311_0", "lib/python3.11/site-packages/numpy-1.26.4.dist-info/METADATA"
    )
    a_conda_package(prefix, "python", "3.11.7", "h1_0_cpython")
    a_conda_package(prefix, "graphviz", "9.0", "h1_0", "bin/dot")
    ran = envguard("policy", "new", "--from-env", prefix)
    assert ran.code == 0, ran.err
    lock = (tmp_path / "study" / "study.environment.yml").read_text()
    for line in ("  - numpy=1.26.4=py311_0", "  - graphviz=9.0=h1_0", "  - pip:", '      - "gym==0.26.2"'):
        assert line in lock.splitlines()
    assert_compliant(envguard("check", prefix), "study")


def test_a_conda_environment_of_a_name_is_of_the_project_that_one_stands_in(
    envguard: Envguard, tmp_path: Path
) -> None:
    prefix = lay_out_conda(tmp_path / "envs" / "rl")  # the only one there
    a_conda_package(prefix, "python", "3.11.7", "h1_0_cpython")
    for name in ("my_paper", "gym"):
        write_dist_info(prefix / "lib" / "python3.11" / "site-packages", name, "1.0", INSTALLER="pip")
    project = tmp_path / "paper"
    project.mkdir()
    (project / "pyproject.toml").write_text("[project]\nname = 'My.Paper'\n")
    ran = envguard("policy", "new", "--from-env", prefix, cwd=project)
    assert (ran.code, "nothing names the policy" in ran.err) == (0, True)
    assert [path.name for path in (tmp_path / "envs").iterdir()] == ["rl"]
    lock = (project / "my-paper.environment.yml").read_text()
    assert ('"gym==1.0"' in lock, '"my-paper==1.0"' in lock) == (True, False)
    assert_compliant(envguard("check", prefix, "--policy", "my-paper.yaml", cwd=project), "my-paper")


def test_an_environment_among_others_gets_no_marker(envguard: Envguard, tmp_path: Path) -> None:
    for name in ("rl", "other"):
        install(make_venv(Path(sys.executable), tmp_path / "envs" / name), gym="0.26.2")
    ran = envguard("policy", "new", "rl", "--from-env", tmp_path / "envs" / "rl", cwd=tmp_path)
    assert ran.code == 0
    assert "nothing names the policy" in ran.err
    assert sorted(path.name for path in (tmp_path / "envs").iterdir()) == ["other", "rl"]
    assert_compliant(envguard("check", "envs/rl", "--policy", "rl.yaml", cwd=tmp_path), "rl")


def test_a_project_that_has_a_policy_keeps_it(envguard: Envguard, rl: Path) -> None:
    with (rl / "pyproject.toml").open("a") as file:
        file.write('[tool.envguard]\npolicy = "team"\n')
    ran = envguard("policy", "new", "--from-env", ".venv", cwd=rl)
    assert ran.code == 2
    assert "pyproject.toml:6: the project has a policy already: `team`" in ran.err


def test_a_marker_that_names_the_file_already_is_left_alone(envguard: Envguard, rl: Path) -> None:
    with (rl / "pyproject.toml").open("a") as file:
        file.write('[tool.envguard]\npolicy = "rl-study.yaml"  # soon\n')
    before = (rl / "pyproject.toml").read_text()
    assert envguard("policy", "new", "--from-env", ".venv", cwd=rl).code == 0
    assert (rl / "pyproject.toml").read_text() == before
    assert_compliant(envguard("check", cwd=rl), "rl-study")


def test_what_goes_before_the_marker_is_told(envguard: Envguard, rl: Path, tmp_path: Path) -> None:
    open_state(tmp_path / "state").use(str(rl / ".venv"), "team")
    ran = envguard("policy", "new", "--from-env", ".venv", cwd=rl)
    assert "warning: use names `team`, which goes before the project's marker" in ran.err


@pytest.mark.parametrize("template", ["minimal", "machine-learning"])
def test_a_template_is_a_policy_that_can_be_used_at_once(
    template: str, envguard: Envguard, tmp_path: Path
) -> None:
    ran = envguard("policy", "new", "team", "--template", template, cwd=tmp_path)
    assert (ran.code, ran.out) == (0, "wrote team.yaml\nnext: envguard policy lint team.yaml\n")
    lint = envguard("policy", "lint", "team.yaml", cwd=tmp_path)
    assert (lint.code, lint.err) == (0, "")


def test_a_template_takes_its_name_from_the_project(envguard: Envguard, rl: Path) -> None:
    assert envguard("policy", "new", cwd=rl).out.startswith("wrote rl-study.yaml\n")
    again = envguard("policy", "new", cwd=rl)
    assert (again.code, "rl-study.yaml: there is such a file already" in again.err) == (2, True)


def test_the_locked_template_names_the_projects_lock(envguard: Envguard, rl: Path) -> None:
    without = envguard("policy", "new", "--template", "locked", cwd=rl)
    assert (without.code, "this folder has no lock" in without.err) == (2, True)
    (rl / "requirements.txt").write_text("gym==0.26.2\n")
    assert envguard("policy", "new", "--template", "locked", cwd=rl).code == 0
    assert (
        envguard("policy", "lint", "rl-study.yaml", cwd=rl).out
        == "rl-study: 0 rules, 1 locked packages; no problems\n"
    )


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("RL Team",), "not a policy's name: `RL Team`"),
        (("team.yaml",), "not a policy's name: `team.yaml`"),
        (("team", "--output", "environment.yaml"), "not the name of a policy's file: environment.yaml"),
        (("team", "--output", "team.txt"), "not the name of a policy's file: team.txt"),
        (("--from-env", ".", "--template", "locked"), "--template begins a policy"),
        (("--template", "nonsense"), "nonsense"),
    ],
)
def test_wrong_usage_is_named(
    arguments: tuple[str, ...], what: str, envguard: Envguard, tmp_path: Path
) -> None:
    ran = envguard("policy", "new", *arguments, cwd=tmp_path)
    assert (ran.code, what in ran.err) == (2, True), ran.err


def test_lines_to_paste_hold_in_a_shell(envguard: Envguard, tmp_path: Path) -> None:
    install(make_venv(Path(sys.executable), tmp_path / "a study" / ".venv"), gym="0.26.2")
    ran = envguard("policy", "new", "study", "--from-env", "a study/.venv", cwd=tmp_path)
    assert ran.out.splitlines()[-1] == "next: envguard check 'a study/.venv'"
    again = envguard("policy", "new", "study", "--from-env", "a study/.venv", cwd=tmp_path)
    assert again.err.splitlines()[-1].endswith(f"or remove it: rm '{tmp_path}/a study/study.yaml'")
    template = envguard("policy", "new", "x", "--output", "one; two.yaml", cwd=tmp_path)
    assert template.out.splitlines()[-1] == "next: envguard policy lint 'one; two.yaml'"
    (tmp_path / "more envs").mkdir()
    for name in ("rl", "other"):
        make_venv(Path(sys.executable), tmp_path / "more envs" / name)
    unmarked = envguard(
        "policy", "new", "rl", "--from-env", "more envs/rl", "--output", "r l.yaml", cwd=tmp_path
    )
    assert unmarked.err.splitlines()[-1].endswith("envguard check 'more envs/rl' --policy 'r l.yaml'")


@pytest.mark.parametrize("name", ['a"b.yaml', "a\\b.yaml", "a\x1bb.yaml", "a\udcffb.yaml"])
def test_a_file_that_a_marker_cannot_name_is_refused(name: str, envguard: Envguard, project: Path) -> None:
    ran = envguard("policy", "new", "--from-env", ".venv", "--output", name, cwd=project)
    assert (ran.code, "--output: " in ran.err) == (2, True), ran.err
    assert [path.name for path in project.iterdir()] == [".venv"]


@pytest.mark.parametrize("name", ["a\x1bb.yaml", "a\udcffb.yaml"])
def test_a_template_goes_into_no_file_that_could_not_be_read(
    name: str, envguard: Envguard, tmp_path: Path
) -> None:
    ran = envguard("policy", "new", "team", "--output", name, cwd=tmp_path)
    assert (ran.code, "not the name of a policy's file: a\\x" in ran.err) == (2, True), ran.err


def test_what_cannot_be_written_leaves_nothing_behind(envguard: Envguard, rl: Path) -> None:
    ran = envguard("policy", "new", "--from-env", ".venv", "--output", "gone/team.yaml", cwd=rl)
    assert ran.code == 3
    assert "team.yaml: cannot be written" in ran.err
    assert sorted(path.name for path in rl.iterdir()) == [".venv", "pyproject.toml"]
