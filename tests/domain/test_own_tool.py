"""A project's own tool mends what differs from the project's own lock."""

from __future__ import annotations

import pytest

from envguard.domain.environment import EnvironmentRecord, Project
from envguard.domain.findings.finding import Finding
from envguard.domain.locks.lock import LockChoice
from envguard.domain.own_tool import own_sync, with_own_tool
from envguard.domain.policy import LockedPolicy, Policy, Rules
from envguard.domain.remedy import Install, Reinstall, command_for
from tests.builders.documents import a_record

PROJECT = Project("/home/ann/rl")


def governing(
    lock: str, folder: str | None = "/home/ann/rl", choice: LockChoice | None = None
) -> LockedPolicy:
    rules = Rules(choice=choice or LockChoice())
    return LockedPolicy(policy=Policy(name="p", rules=rules, lock=lock), lock=None, folder=folder)


@pytest.mark.parametrize(
    ("policy", "record", "command"),
    [
        pytest.param(
            governing("uv.lock"),
            a_record(project=PROJECT),
            "uv sync --locked --project /home/ann/rl",
            id="uv, its usual environment",
        ),
        pytest.param(
            governing("uv.lock", choice=LockChoice(("train",), ("dev",))),
            a_record("/envs/my rl", project=PROJECT),
            "UV_PROJECT_ENVIRONMENT='/envs/my rl' "
            "uv sync --locked --project /home/ann/rl --extra train --no-default-groups --group dev",
            id="uv, another environment, extras and groups",
        ),
        pytest.param(
            governing("../rl/uv.lock", folder="/home/ann/policies"),
            a_record(project=PROJECT),
            "uv sync --locked --project /home/ann/rl",
            id="a policy that names the project's lock",
        ),
        pytest.param(
            governing("poetry.lock"),
            a_record("/cache/rl-py3.11", kind="poetry", project=PROJECT),
            "env -u VIRTUAL_ENV -u CONDA_PREFIX poetry sync --directory /home/ann/rl",
            id="poetry's own environment",
        ),
        pytest.param(
            governing("poetry.lock", choice=LockChoice(("train",), ("dev",))),
            a_record(project=PROJECT),
            "env -u VIRTUAL_ENV -u CONDA_PREFIX poetry sync --directory /home/ann/rl "
            "--only main,dev --extras train",
            id="poetry, extras and groups",
        ),
        pytest.param(
            governing("Pipfile.lock", choice=LockChoice(groups=("develop",))),
            a_record("/v/rl-x", kind="pipenv", project=PROJECT),
            "PIPENV_IGNORE_VIRTUALENVS=1 PIPENV_PIPFILE=/home/ann/rl/Pipfile pipenv sync --dev",
            id="pipenv",
        ),
        pytest.param(
            governing("Pipfile.lock", choice=LockChoice(groups=("develop", "docs"))),
            a_record("/home/ann/rl/.venv"),
            "PIPENV_IGNORE_VIRTUALENVS=1 PIPENV_PIPFILE=/home/ann/rl/Pipfile "
            "pipenv sync --categories 'packages dev-packages docs'",
            id="pipenv, a project without pyproject.toml, further categories",
        ),
    ],
)
def test_the_tool_is_told_which_project_and_environment(
    policy: LockedPolicy, record: EnvironmentRecord, command: str
) -> None:
    sync = own_sync(policy, record)
    assert sync is not None
    assert command_for([sync, sync], record) == command


@pytest.mark.parametrize(
    ("policy", "record"),
    [
        pytest.param(governing("pylock.toml"), a_record(project=PROJECT), id="a lock of no tool"),
        pytest.param(governing("uv.lock", None), a_record(project=PROJECT), id="a policy of the server"),
        pytest.param(governing("uv.lock", "/else"), a_record(project=PROJECT), id="another project's lock"),
        pytest.param(governing("uv.lock"), a_record("/envs/rl"), id="an environment of no project"),
        pytest.param(
            governing("poetry.lock"),
            a_record("/envs/rl", project=PROJECT),
            id="one that poetry ignores",
        ),
    ],
)
def test_elsewhere_there_is_no_such_tool(policy: LockedPolicy, record: EnvironmentRecord) -> None:
    assert own_sync(policy, record) is None


def test_only_what_the_lock_mends_is_left_to_the_tool() -> None:
    by_lock = Finding(kind="missing", rule="lock", package="a", remedy=Install("a==1"))
    by_rule = Finding(kind="missing", rule="packages.b", package="b", remedy=Install("b==1"))
    edited = Finding(kind="hash-mismatch", rule="lock", package="c", remedy=Reinstall("c==1"))
    record = a_record(project=PROJECT)
    first, *others = with_own_tool([by_lock, by_rule, edited], governing("uv.lock"), record)
    assert first.remedy == own_sync(governing("uv.lock"), record)
    assert others == [by_rule, edited]


def test_where_there_is_no_such_tool_the_findings_stay() -> None:
    by_lock = Finding(kind="missing", rule="lock", package="a", remedy=Install("a==1"))
    assert with_own_tool([by_lock], governing("pylock.toml"), a_record(project=PROJECT)) == (by_lock,)
