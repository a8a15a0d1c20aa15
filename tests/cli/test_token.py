"""``token``, ``login``, ``machines`` and ``audit`` against a real server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Envguard

Admin = dict[str, str]


def sign_in(
    url: str, token: str, config: Path, *more: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Give a token on standard input, as a script would."""
    command = [sys.executable, "-m", "envguard.cli.main", "login", url, *more]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(config), "XDG_CONFIG_HOME": str(config), **environ}
    env["ENVGUARD_STATE"] = str(config / "state")
    return subprocess.run(command, input=token + "\n", env=env, capture_output=True, text=True, check=False)


def test_person_signs_in_decides_in_her_name_and_is_out_when_revoked(
    envguard: Envguard, admin: Admin, tmp_path: Path
) -> None:
    made = envguard("token", "new", "--person", "ann", "--role", "lead", "--expires", "30d", **admin)
    token = made.out.strip()
    assert token.startswith("eg_p_")
    assert f"envguard login {admin['ENVGUARD_SERVER']}" in made.err
    config = tmp_path / "config"
    done = sign_in(admin["ENVGUARD_SERVER"], token, config)
    assert "as ann, lead, until" in done.stdout, done.stderr
    file = config / "envguard" / "login.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert token not in done.stdout + done.stderr
    as_ann = {"XDG_CONFIG_HOME": str(config)}
    policy = tmp_path / "p.yaml"
    policy.write_text("envguard: 1\nname: rl-team\npackages: {gym: '==0.26.2'}\n")
    assert envguard("policy", "push", policy, **as_ann).code == 0
    assert " by ann " in envguard("policy", "log", "rl-team", **as_ann).out
    refused = envguard("token", "list", **as_ann)
    assert (refused.code, "needs the role admin" in refused.err) == (3, True)
    assert "ended: " in envguard("token", "revoke", "--person", "ann", **admin).out
    out = envguard("team", **as_ann)
    assert (out.code, "this token was revoked: ann's" in out.err) == (3, True)
    assert envguard("login", "--remove", **as_ann).out.startswith("removed ")
    assert not file.exists()


def test_open_login_file_is_refused_and_a_wrong_token_is_not_kept(admin: Admin, tmp_path: Path) -> None:
    done = sign_in(admin["ENVGUARD_SERVER"], "guess", tmp_path)
    assert (done.returncode, "does not know this token" in done.stderr) == (3, True)
    assert not (tmp_path / "envguard").exists()
    for token in ("", "a b"):
        assert sign_in(admin["ENVGUARD_SERVER"], token, tmp_path).returncode == 2
    assert sign_in(admin["ENVGUARD_SERVER"], admin["ENVGUARD_TOKEN"], tmp_path).returncode == 0
    (tmp_path / "envguard" / "login.json").chmod(0o644)
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "envguard.cli.main", "team"]
    run = subprocess.run(
        command, env={**env, "ENVGUARD_STATE": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert (run.returncode, "others may read the token" in run.stderr) == (3, True)


def test_machine_waits_is_let_in_and_retired(envguard: Envguard, admin: Admin, tmp_path: Path) -> None:
    wish = ("token", "new", "--approve", "--label", "gpu=a100", "--uses", "1")
    join = envguard(*wish, **admin).out.strip()
    joined = envguard("join", join, "--name", "ws-7", "--roots", tmp_path)
    assert "ws-7 waits to be let in" in joined.out
    assert "envguard machines approve ws-7" in envguard("agent", "--once").err
    elsewhere = {**admin, "ENVGUARD_STATE": str(tmp_path / "elsewhere")}  # what is used there is lost with it
    assert "pending since" in envguard("machines", "list", **elsewhere).out
    assert envguard("machines", "approve", "ws-7", **elsewhere).code == 0
    assert envguard("agent", "--once").code == 0
    (row,) = envguard("machines", "list", "--json", **elsewhere).json()["machines"]
    assert (row["state"], row["labels"]) == ("joined", {"gpu": "a100"})
    assert json.loads((tmp_path / "state" / "identity.json").read_text())["labels"] == {"gpu": "a100"}
    assert envguard("team", "--json").json()["is_summary"]
    lost = envguard("machines", "retire", "ws-7", "--lost", **elsewhere)
    assert "ended with it: tokens " in lost.out
    gone = envguard("agent", "--once")
    assert (gone.code, "given up as lost: ws-7" in gone.err) == (3, True)
    assert envguard("machines", "list", "--json", **elsewhere).json()["machines"] == []
    assert "retired since" in envguard("machines", "list", "--all", **elsewhere).out
    log = envguard("audit", "--since", "1d", **elsewhere).out
    assert [each in log for each in ("machine.ask", "machine.approve", "machine.lose")] == [True] * 3
    checked = envguard("audit", "verify", **elsewhere)
    assert (checked.code, checked.out.splitlines()[0]) == (0, "whole: 6 rows")
    head = checked.out.split()[-1]
    assert envguard("audit", "verify", "--head", head, "--json", **elsewhere).json()["is_whole"]
    assert envguard("audit", "verify", "--head", f"3:{'0' * 64}", **elsewhere).code == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("token", "new", "--person", "ann"), "a person's token needs both"),
        (("token", "new", "--role", "lead"), "a person's token needs both"),
        (("token", "new", "--person", "ann", "--role", "king"), "king"),
        (("token", "new", "--person", "ann", "--role", "lead", "--uses", "2"), "they are for join strings"),
        (("token", "new", "--expires", "soon"), "not a span of time: soon"),
        (("token", "new", "--label", "=x"), "a label has a key"),
        (("token", "revoke"), "one token by its ID"),
        (("token", "revoke", "x", "--person", "ann"), "one token by its ID"),
        (("audit", "verify", "--head", "x"), "not a head"),
        (("audit", "--since", "fish"), "not a time: `fish`"),
        (("login",), "which server?"),
    ],
    ids=str,
)
def test_wrong_usage_is_said(envguard: Envguard, arguments: tuple[str, ...], words: str) -> None:
    run = envguard(*arguments, ENVGUARD_SERVER="", ENVGUARD_TOKEN="x")
    assert (run.code, words in run.err) == (2, True), run.err
