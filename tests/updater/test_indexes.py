"""Of a person's settings for pip and uv counts where packages are, and nothing that would change them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envguard.updater.by_pip import ByPip
from envguard.updater.by_uv import ByUv
from envguard.updater.indexes import Indexes, indexes_of_pip, indexes_of_uv, without_tools

INDEX, OTHER = "https://index.example/simple", "https://other.example/simple"
SECRET = "https://ann:s3cret@index.example/simple"
NOTHING = Indexes()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    (folder / ".config" / "pip").mkdir(parents=True)
    (folder / ".config" / "uv").mkdir()
    return folder


def own(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), "XDG_CONFIG_DIRS": "/nowhere", **more}


def test_pip_s_file_says_where_and_how_but_not_what(home: Path) -> None:
    (home / ".config" / "pip" / "pip.conf").write_text(
        f"[global]\nindex-url = {INDEX}\ncert = /ca.pem\n[install]\ntarget = /elsewhere\npre = true\n"
        f"find-links =\n    /wheels\n    /more\nextra_index_url = {OTHER}\nconstraint = c.txt\n"
    )
    found = indexes_of_pip(NOTHING, own(home))
    assert (found.index, found.further, found.find_links) == (INDEX, (OTHER,), ("/wheels", "/more"))
    assert found.fetching["CERT"] == "/ca.pem"
    assert {"TARGET", "PRE", "CONSTRAINT"}.isdisjoint(found.fetching)


def test_options_go_before_variables_and_variables_before_files(home: Path) -> None:
    (home / ".config" / "pip" / "pip.conf").write_text("[global]\nindex-url = https://file.example/\n")
    assert indexes_of_pip(NOTHING, own(home)).index == "https://file.example/"
    assert indexes_of_pip(NOTHING, own(home, PIP_INDEX_URL=OTHER)).index == OTHER
    assert indexes_of_pip(Indexes(index=INDEX), own(home, PIP_INDEX_URL=OTHER)).index == INDEX


def test_no_file_counts_where_pip_is_told_so(home: Path) -> None:
    (home / ".config" / "pip" / "pip.conf").write_text("[global]\nindex-url = https://file.example/\n")
    assert indexes_of_pip(NOTHING, own(home, PIP_CONFIG_FILE="/dev/null")) == NOTHING


def test_uv_s_files_are_read_from_the_project_to_the_person(home: Path, tmp_path: Path) -> None:
    (tmp_path / "p" / "src").mkdir(parents=True)
    (tmp_path / "p" / "pyproject.toml").write_text(
        f'[[tool.uv.index]]\nname = "team"\nurl = "{INDEX}"\n[tool.uv.pip]\ntarget = "x"\nno-index = false\n'
    )
    (home / ".config" / "uv" / "uv.toml").write_text(
        f'index-url = "{OTHER}"\nnative-tls = true\nallow-insecure-host = ["a", "b"]\nprerelease = "allow"\n'
    )
    environ = own(home, UV_INDEX_TEAM_PASSWORD="s", UV_PRERELEASE="allow", UV_CACHE_DIR="/c")
    found = indexes_of_uv(NOTHING, environ, str(tmp_path / "p" / "src"))
    assert (found.index, found.further) == (OTHER, (f"team={INDEX}",))
    expected = {
        "CACHE_DIR": "/c",
        "INDEX_TEAM_PASSWORD": "s",
        "INSECURE_HOST": "a b",
        "NATIVE_TLS": "true",
    }
    assert {name: found.fetching[name] for name in expected} == expected
    assert "PRERELEASE" not in found.fetching


def test_an_index_for_some_packages_is_one_for_all_as_each_is_asked_for_its_very_version(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "uv.toml").write_text(f'[[index]]\nurl = "{INDEX}"\nexplicit = true\n')
    found = indexes_of_uv(NOTHING, own(home), str(tmp_path))
    assert (found.further, found.fetching["INDEX_STRATEGY"]) == ((INDEX,), "unsafe-best-match")


def test_what_is_set_up_for_pip_counts_where_nothing_is_for_uv(home: Path, tmp_path: Path) -> None:
    environ = own(
        home, PIP_INDEX_URL=INDEX, PIP_CERT="/ca.pem", UV_NO_CONFIG="1", PIP_CONFIG_FILE="/dev/null"
    )
    found = indexes_of_uv(NOTHING, environ, str(tmp_path))
    assert (found.index, found.fetching) == (
        INDEX,
        {"INDEX_STRATEGY": "unsafe-best-match", "SSL_CERT_FILE": "/ca.pem"},
    )
    assert indexes_of_uv(NOTHING, {**environ, "UV_DEFAULT_INDEX": OTHER}, str(tmp_path)).index == OTHER


@pytest.mark.parametrize("content", ["[global\nindex", "\x00", "[[index]]\nurl = 3\n"])
def test_broken_settings_are_none(home: Path, tmp_path: Path, content: str) -> None:
    (home / ".config" / "pip" / "pip.conf").write_text(content)
    (home / ".config" / "uv" / "uv.toml").write_text(content)
    assert indexes_of_uv(Indexes(no_index=True), own(home), str(tmp_path)).index is None


def test_no_variable_that_leads_a_tool_reaches_it() -> None:
    kept = without_tools(
        {
            "PIP_TARGET": "x",
            "UV_PYTHON": "x",
            "PYTHONPATH": "x",
            "VIRTUAL_ENV": "x",
            "CONDA_PREFIX": "x",
            "SETUPTOOLS_SCM_PRETEND_VERSION": "x",
            "PATH": "/bin",
            "https_proxy": "p",
        }
    )
    assert {name for name in kept if not name.startswith("GIT_")} == {"PATH", "https_proxy"}


def test_nobody_is_asked_for_a_password_by_git() -> None:
    kept = without_tools({})
    assert (kept["GIT_TERMINAL_PROMPT"], kept["GIT_SSH_COMMAND"]) == ("0", "ssh -o BatchMode=yes")
    assert without_tools({"GIT_SSH_COMMAND": "mine"})["GIT_SSH_COMMAND"] == "mine"


def test_an_index_that_is_named_is_asked_where_settings_want_none(home: Path, tmp_path: Path) -> None:
    none = own(home, PIP_NO_INDEX="1", UV_NO_INDEX="true")
    for given, no_index in ((NOTHING, True), (Indexes(index=INDEX), False), (Indexes(no_index=True), True)):
        assert indexes_of_pip(given, none).no_index is no_index
        assert indexes_of_uv(given, none, str(tmp_path)).no_index is no_index


def test_of_a_project_s_files_of_uv_the_nearest_counts(home: Path, tmp_path: Path) -> None:
    (tmp_path / "p" / "q").mkdir(parents=True)
    (tmp_path / "p" / "uv.toml").write_text(f'extra-index-url = ["{OTHER}"]\n')
    (tmp_path / "p" / "q" / "uv.toml").write_text(f'extra-index-url = ["{INDEX}"]\n')
    assert indexes_of_uv(NOTHING, own(home), str(tmp_path / "p" / "q")).further == (INDEX,)


def test_a_file_of_settings_that_is_none_is_not_read(home: Path) -> None:
    settings, without = home / ".config" / "pip" / "pip.conf", indexes_of_pip(NOTHING, own(home))
    settings.write_text(f"[global]\nindex-url = {INDEX}\n#" + "x" * 1024 * 1024)
    assert indexes_of_pip(NOTHING, own(home)) == without
    settings.unlink()
    os.mkfifo(settings)
    assert indexes_of_pip(NOTHING, own(home)) == without


def test_a_password_is_in_no_command_line(home: Path) -> None:
    indexes = Indexes(index=SECRET, find_links=(SECRET.replace("index.", "links."), "/wheels"))
    for installer in (
        ByUv("uv", indexes, own(home), None),
        ByPip(indexes, own(home), None, reads_netrc=True),
        ByPip(indexes, own(home), None, reads_netrc=False),
    ):
        command = installer.install("/made", ["-r", "x"], by_hash=False)
        assert "s3cret" not in " ".join(command.words)


def test_pip_gets_passwords_by_a_file_as_it_tells_addresses_to_its_children(home: Path) -> None:
    (home / ".netrc").write_text("machine own.example login a password b\n")
    secret = SECRET.replace("s3cret", "s3%22cr%5Cet")
    command = ByPip(Indexes(index=secret), own(home), None, reads_netrc=True).install(
        "/made", ["x"], by_hash=False
    )
    assert command.environ["PIP_INDEX_URL"] == INDEX
    assert command.secrets["netrc"].splitlines() == [
        'machine index.example login "ann" password "s3\\"cr\\\\et"',
        "machine own.example login a password b",
    ]
    assert command.environ["NETRC"] == "/made/.envguard-unfinished/netrc"


def test_a_file_of_passwords_that_is_none_is_not_waited_for(home: Path) -> None:
    os.mkfifo(home / ".netrc")
    command = ByPip(Indexes(index=SECRET), own(home), None, reads_netrc=True).install(
        "/made", ["x"], by_hash=False
    )
    assert command.secrets["netrc"] == 'machine index.example login "ann" password "s3cret"\n'


@pytest.mark.parametrize("secret", ["https://token@index.example/s", "https://a:b%20c@index.example/s"])
def test_where_no_such_file_can_tell_it_nothing_is_built(home: Path, secret: str) -> None:
    command = ByPip(Indexes(index=secret), own(home), None, reads_netrc=True).install(
        "/made", ["x"], by_hash=False
    )
    assert (command.secrets, "--only-binary" in command.words) == ({}, True)
    assert command.environ["PIP_INDEX_URL"] == secret
