"""Whatever is wrong outside is one paragraph that says what to do: no traceback, nothing half-written."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from envguard.wire import JoinString, write_join
from tests.cli.conftest import Envguard, Run
from tests.client.fake_server import Told, serving

GOOD = "envguard: 1\nname: p\n"


def assert_told(run: Run, code: int, words: str) -> None:
    """One paragraph on standard error, data nowhere, the right exit code."""
    assert run.code == code, run.err
    assert run.out == ""
    assert run.err.startswith(("error: ", "warning: "))
    assert words in run.err
    assert len(run.err.splitlines()) <= 4
    assert len(run.err) < 1000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("envguard: 1\nname: [\n", "p.yaml:3:1: not YAML", id="broken YAML"),
        pytest.param("", "p.yaml:1:1: not a policy", id="nothing"),
        pytest.param(GOOD + "pakages: {}\n", "p.yaml:3:1: pakages: unknown key: `pakages`", id="unknown key"),
        pytest.param(
            GOOD + "packages: {gym: '>>1'}\n", "p.yaml:3:17: packages.gym: not a version", id="specifier"
        ),
        pytest.param(GOOD + "python: three\n", "p.yaml:3:9: python: not a version specifier", id="python"),
        pytest.param(GOOD + "lock: gone.toml\n", "p.yaml:3:1: lock: there is no such lock", id="no lock"),
        pytest.param(GOOD + "lock: pylock.toml\n", "pylock.toml", id="broken lock"),
        pytest.param(GOOD + "lock: loose.txt\n", "loose.txt:1:1", id="a lock that pins nothing"),
        pytest.param(GOOD + "extends: gone.yaml\n", "p.yaml:3:10: extends: there is no such", id="no base"),
    ],
)
def test_a_policy_that_is_wrong_is_named_with_its_line(
    envguard: Envguard, project: Path, text: str, words: str
) -> None:
    (project / "p.yaml").write_text(text)
    (project / "pylock.toml").write_text("x = [")
    (project / "loose.txt").write_text("gym\n")
    assert_told(envguard("check", ".venv", "--policy", "p.yaml", cwd=project), 2, words)


def test_a_named_policy_that_is_not_there_is_never_replaced_by_the_lock(
    envguard: Envguard, project: Path
) -> None:
    (project / "requirements.txt").write_text("gym==0.25.2\n")
    assert envguard("check", ".venv", cwd=project).code == 0
    assert_told(envguard("check", ".venv", "--policy", "gone.yaml", cwd=project), 3, "no such policy")
    assert_told(envguard("check", ".venv", "--policy", "gone", cwd=project), 3, "cannot be had")
    (project / ".envguard.yaml").write_text("policy: gone.yaml\n")
    assert_told(envguard("check", ".venv", cwd=project), 3, "no such policy")


@pytest.mark.parametrize("command", [["scan"], ["check", "--policy", "p.yaml"], ["use", "p"]])
@pytest.mark.parametrize("place", ["nowhere", "empty", "file.log"])
def test_what_is_no_environment_is_said(
    envguard: Envguard, project: Path, command: list[str], place: str
) -> None:
    (project / "empty").mkdir()
    (project / "file.log").write_text("x")
    (project / "p.yaml").write_text(GOOD)
    name, *options = command
    arguments = [name, *options, place]
    assert_told(envguard(*arguments, cwd=project), 3, place)


def test_an_environment_without_interpreter_is_unknown(envguard: Envguard, project: Path) -> None:
    (project / "p.yaml").write_text(GOOD)
    for path in (project / ".venv/bin").glob("python*"):
        path.unlink()
    run = envguard("check", ".venv", "--policy", "p.yaml", "--json", cwd=project)
    assert (run.code, run.json()["verdict"]) == (3, "unknown")
    assert [each["kind"] for each in run.json()["findings"]] == ["unreadable"]


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"Name: gym\n"], ids=["empty", "no text", "no version"]
)
def test_metadata_that_cannot_be_read_is_unknown_and_named(
    envguard: Envguard, project: Path, content: bytes
) -> None:
    (project / "p.yaml").write_text(GOOD)
    [metadata] = project.glob(".venv/lib/*/site-packages/gym-*/METADATA")
    metadata.write_bytes(content)
    run = envguard("check", ".venv", "--policy", "p.yaml", "--json", cwd=project)
    assert (run.code, run.json()["verdict"]) == (3, "unknown")
    [finding] = run.json()["findings"]
    assert (finding["kind"], finding["package"]) == ("unreadable", "gym")
    assert str(metadata.parent) in finding["reason"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("nonsense", id="no join string"),
        pytest.param("envguard-join-1.abc", id="cut off"),
        pytest.param(write_join(JoinString("http://envguard.example", "t")), id="plain http elsewhere"),
        pytest.param(write_join(JoinString("gopher://127.0.0.1", "t")), id="no address"),
    ],
)
def test_a_join_string_that_is_wrong_leaves_nothing(envguard: Envguard, tmp_path: Path, text: str) -> None:
    run = envguard("join", text)
    assert_told(run, 2, "hint: ")
    assert not list((tmp_path / "state").rglob("*.json"))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(Told(body=b"<html>"), "not an answer of an envguard server", id="a page"),
        pytest.param(Told(body=b"[]"), "not an answer of an envguard server", id="another shape"),
        pytest.param(Told(body=b""), "not an answer of an envguard server", id="nothing"),
        pytest.param(Told(status=500, body=b"<html>"), "answered with status 500", id="broken"),
        pytest.param(Told(status=403, body=b'{"error": "no: \\u001b[31m"}'), "no:", id="a refusal"),
        pytest.param(
            Told(status=302, headers={"Location": "http://x.example"}), "redirected", id="elsewhere"
        ),
    ],
)
def test_a_server_that_answers_nonsense_is_said(
    envguard: Envguard, tmp_path: Path, answer: Told, words: str
) -> None:
    with serving(lambda _: answer) as server:
        team = envguard("team", ENVGUARD_SERVER=server.url, ENVGUARD_TOKEN="secret-token")
        joined = envguard("join", write_join(JoinString(server.url, "secret-token")))
    for run in (team, joined):
        assert_told(run, 3, words)
        assert "secret-token" not in run.err
        assert "\x1b" not in run.err
    assert not (tmp_path / "state/identity.json").exists()


def test_a_server_that_is_down_is_said(envguard: Envguard) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    assert_told(envguard("team", ENVGUARD_SERVER=url, ENVGUARD_TOKEN="t"), 3, "cannot be reached")


def a_file(place: Path) -> Path:
    place.write_text("x")
    return place


@pytest.mark.parametrize("command", ["status", "join"])
@pytest.mark.parametrize(
    "make", [a_file, lambda _: Path("/proc/envguard")], ids=["a file", "a place that takes no folder"]
)
def test_a_state_directory_that_cannot_be_written_is_said(
    envguard: Envguard, tmp_path: Path, command: str, make: Callable[[Path], Path]
) -> None:
    state = make(tmp_path / "file")
    arguments = (
        [command] if command == "status" else [command, write_join(JoinString("http://127.0.0.1:9", "t"))]
    )
    assert_told(envguard(*arguments, ENVGUARD_STATE=str(state)), 3, "ENVGUARD_STATE=FOLDER")


def test_a_port_in_use_leaves_no_state_behind(envguard: Envguard, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listen = f"127.0.0.1:{listener.getsockname()[1]}"
        run = envguard("server", "--listen", listen, "--state", tmp_path / "new")
    assert_told(run, 3, "cannot listen at")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        pytest.param(["nonsense"], "no such command `nonsense`", "try `envguard --help`", id="no command"),
        pytest.param(
            ["chek"], "no such command `chek`", "did you mean check? try `envguard --help`", id="nearly one"
        ),
        pytest.param(
            ["policy", "lnt"],
            "no such command `lnt`",
            "did you mean lint? try `envguard policy --help`",
            id="nearly one of a group's",
        ),
        pytest.param(
            ["policy"],
            "missing command",
            "its commands are diff, import, lint, list, log, new, plan, pull, push, schema, show; "
            "try `envguard policy --help`",
            id="a group",
        ),
        pytest.param(
            ["check", "--polcy", "x"],
            "no such option: `--polcy`",
            "did you mean --policy? try `envguard check --help`",
            id="nearly an option",
        ),
        pytest.param(["diff", "a"], "argument `B` is missing", "try `envguard diff --help`", id="argument"),
        pytest.param(
            ["check", "--policy"],
            "option `--policy` requires an argument",
            "try `envguard check --help`",
            id="no value",
        ),
        pytest.param(
            ["check", "--format", "xml"],
            "--format: `xml` is not one of `rich`, `json`, `junit`, `github`, `sarif`, `markdown`",
            "try `envguard check --help`",
            id="another value",
        ),
        pytest.param(
            ["token", "new", "--uses", "x"],
            "--uses: `x` is not a valid integer",
            "try `envguard token new --help`",
            id="no number",
        ),
        pytest.param(
            ["version", "x"], "got unexpected extra argument (x)", "try `envguard version --help`", id="extra"
        ),
    ],
)
def test_wrong_usage_is_told_as_every_error(
    envguard: Envguard, arguments: list[str], error: str, hint: str
) -> None:
    run = envguard(*arguments)
    assert (run.code, run.out, run.err) == (2, "", f"error: {error}\nhint: {hint}\n")
    for place in (0, 1):
        told = envguard(*arguments[:place], "--json", *arguments[place:])
        assert told.code == 2
        assert (told.json()["schema"], told.json()["error"]["kind"]) == ("envguard/error/1", "usage")
        assert told.err.startswith("error: ")


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["check", ""], "ENV"),
        (["check", "--policy", ""], "--policy"),
        (["diff", "", "."], "A"),
        (["join", ""], "STRING"),
        (["join", "--roots", "", "x"], "--roots"),
        (["use", "p", ""], "ENV"),
        (["team", "--policy", ""], "--policy"),
    ],
    ids=" ".join,
)
def test_a_variable_that_nobody_set_is_wrong_usage(
    envguard: Envguard, project: Path, arguments: list[str], name: str
) -> None:
    assert_told(envguard(*arguments, cwd=project), 2, f"error: {name}: it is empty")


def test_a_machine_is_not_joined_to_look_where_nothing_is(envguard: Envguard, tmp_path: Path) -> None:
    run = envguard("join", "--roots", "nowhere", write_join(JoinString("http://127.0.0.1:9", "t")))
    assert_told(run, 2, "--roots: no such folder: nowhere")
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["check", ".venv", "--policy", "/dev/null"], "/dev/null: the lock is no regular file"),
        (["policy", "lint", "/dev/null"], "/dev/null: the policy is no regular file"),
        (["policy", "lint", "nowhere.yaml"], "nowhere.yaml: there is no such policy"),
    ],
    ids=["lock", "policy", "absent"],
)
def test_a_place_is_named_once(envguard: Envguard, project: Path, arguments: list[str], error: str) -> None:
    run = envguard(*arguments, cwd=project)
    assert (run.code, run.err) == (2, f"error: {error}\n")


def test_a_stray_byte_is_escaped_as_everywhere(envguard: Envguard) -> None:
    run = envguard("scan", "--roots", "no\udcff\n\x1b")
    assert_told(run, 2, "no such folder: no\\xff\n  \\x1b\n")


def test_with_json_an_error_is_one_document(envguard: Envguard, project: Path) -> None:
    (project / "p.yaml").write_text(GOOD + "a: 1\nb: 2\n")
    run = envguard("check", ".venv", "--policy", "p.yaml", "--json", cwd=project)
    assert run.code == 2
    assert run.json()["schema"] == "envguard/error/1"
    assert [each["place"] for each in run.json()["error"]["problems"]] == ["p.yaml:3:1: a", "p.yaml:4:1: b"]


def test_a_copy_of_an_environment_elsewhere_is_read_where_it_is(envguard: Envguard, project: Path) -> None:
    shutil.copytree(project / ".venv", project / "copy", symlinks=True)
    run = envguard("scan", "copy", "--json", cwd=project)
    assert run.json()["environments"][0]["path"] == str(project / "copy")
