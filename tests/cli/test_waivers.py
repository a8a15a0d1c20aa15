"""``waive`` and ``waivers`` without a server: what is wrong, and those of policy files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Envguard
from tests.cli.test_schemas import hold

POLICY = """\
envguard: 1
name: t
waivers:
  - {package: gym, until: 2020-01-01, reason: old GPU, approved-by: ann}
  - {package: gym, until: 2099-01-01, reason: an exam, approved-by: ann, environment: "~/rl/.venv"}
"""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--until", "soon", "--reason", "r"], "--until: not a time: `soon`", id="time"),
        pytest.param(["--until", "2020-01-01", "--reason", "r"], "must end in the future", id="over"),
        pytest.param(["--until", "52w", "--reason", "r"], "ends within 180 days", id="for ever"),
        pytest.param(["--until", "fri"], "option `--reason` is missing", id="no reason"),
        pytest.param(["--until", "fri", "--reason", ""], "--reason: it is empty", id="empty reason"),
        pytest.param(["--reason", "r"], "option `--until` is missing", id="no end"),
        pytest.param(["--until", "fri", "--reason", "r", "--kind", "mising"], "--kind", id="kind"),
        pytest.param(["--until", "fri", "--reason", "r"], "which server?", id="no server"),
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(envguard: Envguard, arguments: list[str], words: str) -> None:
    run = envguard("waive", "gym", *arguments)
    assert run.code == 2
    assert words in run.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "for which machine? this one has joined no server"),
        (["--machine", "*", "--env", "rl", "--policy", "t"], "--env: names no environment: rl"),
    ],
)
def test_who_is_not_joined_says_where(envguard: Envguard, arguments: list[str], words: str) -> None:
    known = {"ENVGUARD_SERVER": "http://127.0.0.1:1", "ENVGUARD_TOKEN": "token"}
    run = envguard("waive", "gym", "--until", "fri", "--reason", "r", *arguments, **known)
    assert run.code == 2
    assert words in run.err


@pytest.mark.parametrize("number", ["0", "-1", "x", "9999999999"])
def test_what_is_no_number_is_wrong_usage(envguard: Envguard, number: str) -> None:
    assert envguard("waivers", "approve", "--", number).code == 2


def test_those_of_a_policy_file_are_listed_without_a_server(envguard: Envguard, tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(POLICY)
    run = envguard("waivers", "--policy", path)
    assert run.code == 0
    assert run.out.splitlines() == [
        "file  granted  gym by `t` on all machines in ~/rl/.venv, until Thu 01 Jan 2099,",
        "00:00 UTC",
        "      granted by ann: an exam",
    ]
    document = envguard("waivers", "--policy", path, "--all", "--json").json()
    hold(document, "waivers-1")
    assert [each["state"] for each in document["waivers"]] == ["expired", "granted"]
