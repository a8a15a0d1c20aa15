"""``policy import`` writes a lock that other tools install from, and that selects what the original does."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from envguard.formats import read_lock
from envguard.inventory import read_environment
from tests.builders.environments import make_venv
from tests.builders.wheels import make_wheel
from tests.cli.conftest import Envguard
from tests.cli.test_schemas import hold
from tests.inventory.oracle.children import clean_environ, own_tool, run

LOCKS = Path(__file__).parents[1] / "formats" / "locks"
PROJECT = """
[project]
name = "Rl_Study"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = ["gym"]
[project.optional-dependencies]
human = ["gym[human]"]
[dependency-groups]
dev = ["pytest"]
[tool.uv]
package = false
"""


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    requires = ("numpy", "pygame; extra == 'human'")
    for name, version, needs in (
        ("gym", "0.26.2", requires),
        ("numpy", "1.26.4", ()),
        ("numpy", "2.1.0", ()),
    ):
        make_wheel(folder, name, version, requires=needs)
    make_wheel(folder, "pygame", "2.5")
    make_wheel(folder, "pytest", "8.0")
    return folder


@pytest.fixture
def uv_environ(wheels: Path, tmp_path: Path) -> dict[str, str]:
    return clean_environ(
        tmp_path / "caches", UV_FIND_LINKS=str(wheels), UV_NO_INDEX="1", UV_PYTHON=sys.executable
    )


@pytest.fixture
def locked(uv_environ: dict[str, str], tmp_path: Path) -> Path:
    """A project with a ``uv.lock`` that uv made."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PROJECT)
    run([own_tool("uv"), "--quiet", "lock"], uv_environ, cwd=folder)
    return folder


def versions(environment: Path) -> dict[str, str]:
    return {each.name: each.version for each in read_environment(environment).snapshot.packages}


def test_a_lock_is_written_beside_it_under_the_projects_name(
    envguard: Envguard, locked: Path, uv_environ: dict[str, str]
) -> None:
    ran = envguard("policy", "import", "uv.lock", cwd=locked, **uv_environ)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "rl-study.pylock.toml: 4 packages of uv.lock\n"
    lock = read_lock(locked / "rl-study.pylock.toml")
    assert (lock.extras, lock.groups, lock.default_groups) == (("human",), ("dev",), ("dev",))
    assert {each.name: each.marker for each in lock.packages} == {
        "gym": None,
        "numpy": None,
        "pygame": '"human" in extras',
        "pytest": '"dev" in dependency_groups',
    }


def test_uv_installs_what_was_written_from_the_files_beside_it(
    envguard: Envguard, locked: Path, wheels: Path, uv_environ: dict[str, str], tmp_path: Path
) -> None:
    run([own_tool("uv"), "--quiet", "sync"], uv_environ, cwd=locked)
    synced = versions(locked / ".venv")
    assert (
        envguard(
            "policy", "import", locked / "uv.lock", "--output", wheels / "pylock.toml", **uv_environ
        ).code
        == 0
    )
    venv = make_venv(Path(sys.executable), tmp_path / "other")
    sync = ["pip", "sync", "--quiet", "--preview", "--python", str(venv), "pylock.toml", "--group", "dev"]
    run([own_tool("uv"), *sync], uv_environ, cwd=wheels)
    assert versions(venv) == synced
    verdict = envguard("check", venv, "--policy", wheels / "pylock.toml", "--json")
    assert (verdict.code, verdict.json()["findings"]) == (0, [])


def test_nothing_that_is_there_is_written_over(
    envguard: Envguard, locked: Path, uv_environ: dict[str, str]
) -> None:
    (locked / "rl-study.pylock.toml").write_text("mine\n")
    ran = envguard("policy", "import", "uv.lock", cwd=locked, **uv_environ)
    assert ran.code == 2
    assert "rl-study.pylock.toml: there is such a file already" in ran.err
    assert (locked / "rl-study.pylock.toml").read_text() == "mine\n"


def test_a_dry_run_prints_the_lock_and_writes_nothing(
    envguard: Envguard, locked: Path, uv_environ: dict[str, str]
) -> None:
    dry = envguard("policy", "import", "uv.lock", "--dry-run", cwd=locked, **uv_environ)
    assert not (locked / "rl-study.pylock.toml").exists()
    envguard("policy", "import", "uv.lock", cwd=locked, **uv_environ)
    assert dry.out == (locked / "rl-study.pylock.toml").read_text()


def test_json_says_what_was_written(envguard: Envguard, locked: Path, uv_environ: dict[str, str]) -> None:
    ran = envguard("policy", "import", "uv.lock", "--json", cwd=locked, **uv_environ)
    hold(ran.json(), "import-1")
    assert (ran.json()["file"], ran.json()["packages"]) == ("rl-study.pylock.toml", 4)


def test_files_that_a_requirements_file_does_not_name_are_asked_of_the_index(
    envguard: Envguard, uv_environ: dict[str, str], tmp_path: Path
) -> None:
    own_tool("uv")
    text = 'gym==0.26.2\nnumpy==1.26.4; python_version < "3.12"\nnumpy==2.1.0; python_version >= "3.12"\n'
    (tmp_path / "rl.requirements.txt").write_text(text)
    ran = envguard("policy", "import", "rl.requirements.txt", cwd=tmp_path, **uv_environ)
    assert (ran.code, ran.err) == (0, "")
    lock = read_lock(tmp_path / "rl.pylock.toml")
    assert lock.requires_python == f">=3.{sys.version_info.minor}"
    assert [(each.name, each.version, each.artifacts[0].filename) for each in lock.packages] == [
        ("gym", "0.26.2", "gym-0.26.2-py2.py3-none-any.whl"),
        ("numpy", "1.26.4", "numpy-1.26.4-py2.py3-none-any.whl"),
        ("numpy", "2.1.0", "numpy-2.1.0-py2.py3-none-any.whl"),
    ]
    assert "file://" not in (tmp_path / "rl.pylock.toml").read_text()


def test_a_file_that_the_hashes_exclude_is_not_taken(
    envguard: Envguard, uv_environ: dict[str, str], tmp_path: Path
) -> None:
    own_tool("uv")
    (tmp_path / "requirements.txt").write_text(f"gym==0.26.2 --hash=sha256:{'ab' * 32}\n")
    ran = envguard("policy", "import", "requirements.txt", cwd=tmp_path, **uv_environ)
    assert ran.code == 2
    assert "the index has no file of gym 0.26.2 that the lock allows" in ran.err


def test_a_lock_that_names_its_files_needs_neither_uv_nor_an_index(
    envguard: Envguard, tmp_path: Path
) -> None:
    shutil.copytree(LOCKS / "data" / "poetry-2.5", tmp_path, dirs_exist_ok=True)
    ran = envguard("policy", "import", "poetry.lock", "--allow-incomplete", cwd=tmp_path, PATH="/nowhere")
    assert ran.code == 0
    assert "index" not in (tmp_path / ran.out.partition(":")[0]).read_text()


def test_what_the_index_lacks_is_told_in_uvs_words(
    envguard: Envguard, uv_environ: dict[str, str], tmp_path: Path
) -> None:
    own_tool("uv")
    (tmp_path / "requirements.txt").write_text("gym==9\n")
    ran = envguard("policy", "import", "requirements.txt", cwd=tmp_path, **uv_environ)
    assert ran.code == 3
    assert "uv has no answer" in ran.err
    assert not list(tmp_path.glob("*.pylock.toml"))


def test_what_has_no_place_is_named_and_nothing_is_written(envguard: Envguard, tmp_path: Path) -> None:
    shutil.copy(LOCKS / "texts" / "conda-lock.yml", tmp_path)
    ran = envguard("policy", "import", "conda-lock.yml", "--output", "rl.pylock.toml", cwd=tmp_path)
    assert ran.code == 2
    assert "conda's packages have no place in a pylock.toml" in ran.err
    assert "--allow-incomplete" in ran.err
    assert not (tmp_path / "rl.pylock.toml").exists()


def test_the_rest_is_written_where_that_is_asked_for(envguard: Envguard, tmp_path: Path) -> None:
    lock = 'version = 1\nrequires-python = ">=3.10"\n'
    lock += '[[package]]\nname = "me"\nsource = { virtual = "." }\n'
    lock += 'dependencies = [{ name = "gym" }, { name = "envs" }]\n'
    lock += (
        '[[package]]\nname = "gym"\nversion = "0.26.2"\nsource = { registry = "https://index.example/" }\n'
    )
    lock += f'sdist = {{ url = "https://index.example/gym-0.26.2.tar.gz", hash = "sha256:{"ab" * 32}" }}\n'
    lock += '[[package]]\nname = "envs"\nversion = "1"\nsource = { directory = "/home/ann/envs" }\n'
    (tmp_path / "rl.uv.lock").write_text(lock)
    ran = envguard("policy", "import", "rl.uv.lock", "--allow-incomplete", "--json", cwd=tmp_path)
    assert ran.code == 0
    hold(ran.json(), "import-1")
    assert ran.json()["left_out"] == [
        {"name": "envs", "version": "1", "reason": "its folder is one machine's own"}
    ]
    assert [each.name for each in read_lock(tmp_path / "rl.pylock.toml").packages] == ["gym"]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("uv.lock", "--output", "rl.toml"), "not the name of a pylock.toml: rl.toml"),
        (("uv.lock", "--python-version", "three"), "not a Python's version: `three`"),
        (("gone.lock",), "gone.lock"),
    ],
)
def test_wrong_usage_is_named(
    arguments: tuple[str, ...], what: str, envguard: Envguard, tmp_path: Path
) -> None:
    text = 'version = 1\nrequires-python = ">=3.10"\n[manifest]\nrequirements = [{ name = "gym" }]\n'
    text += '[[package]]\nname = "gym"\nversion = "1"\nsource = { registry = "x" }\n'
    (tmp_path / "uv.lock").write_text(text)
    ran = envguard("policy", "import", *arguments, cwd=tmp_path)
    assert (ran.code, what in ran.err) == (2, True)
