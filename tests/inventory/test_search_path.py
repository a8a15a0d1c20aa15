from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from envguard.inventory import read_environment
from envguard.inventory.layout import locate
from envguard.inventory.search_path import pth_lines, search_path_of, skips_hidden
from tests.builders.environments import make_venv, site_packages, write_dist_info, write_tree
from tests.inventory.asking import python_or_skip, what_it_lists


@pytest.mark.parametrize(
    ("content", "version", "lines"),
    [
        pytest.param(b"a\r\nb\n", "3.11.7", ["a", "b"], id="CRLF"),
        pytest.param(b"# a\n\nimport x\nimport\ty\nb  \n", "3.11.7", ["b"], id="comments and code"),
        pytest.param(b"\xef\xbb\xbfa\nb\n", "3.13.0", ["a", "b"], id="mark, new"),
        pytest.param(b"a\0b\nc\n", "3.11.7", ["c"], id="NUL"),
    ],
)
def test_lines_of_a_pth(content: bytes, version: str, lines: list[str]) -> None:
    assert pth_lines(content, version) == lines


def test_a_byte_order_mark_spoils_the_first_line_of_older_pythons() -> None:
    assert pth_lines(b"\xef\xbb\xbfa\nb\n", "3.12.1") == ["\ufeffa", "b"]


@pytest.mark.parametrize(
    ("version", "skips"),
    [
        ("2.7.18", False),
        ("3.7.16", False),
        ("3.11.7", False),
        ("3.11.8", True),
        ("3.12.1", False),
        ("3.13.0", True),
    ],
)
def test_hidden_pth_files_count_in_old_patch_versions(version: str, skips: bool) -> None:
    assert skips_hidden(version) is skips


@pytest.mark.parametrize("minor", ["3.8", "3.11", "3.12", "3.13"])
@pytest.mark.parametrize("name", [".hidden.pth", "marked.pth", "CAPITALS.PTH"])
def test_odd_pth_files_count_as_the_interpreter_counts_them(
    name: str, minor: str, new_env: Callable[[str], Path]
) -> None:
    folder = new_env(minor)
    site = site_packages(folder)
    write_dist_info(site / "added", "gym", "1")
    (site / name).write_bytes((b"\xef\xbb\xbf" if name == "marked.pth" else b"") + b"added\n")
    found = {(package.name, package.version) for package in read_environment(folder).snapshot.packages}
    assert found == what_it_lists(folder / "bin" / "python")


def test_a_pth_that_is_not_utf_8_stops_the_interpreter_and_is_unreadable(env: Path) -> None:
    (site_packages(env) / "x.pth").write_bytes(b"\xff\n")
    (detail,) = read_environment(env).record.details
    assert detail.kind == "unreadable"
    assert "x.pth" in detail.detail


@pytest.mark.parametrize(
    "code",
    [
        "import sys; sys.path.append('/x')",
        "import site; site.addsitedir('/x')",
        "import\tsys; sys.path[:0] = ['/x']",
    ],
)
def test_code_that_changes_the_path_makes_it_unreadable(code: str, env: Path) -> None:
    write_tree(site_packages(env), {"x.pth": f"absent\n{code}\n"})
    (detail,) = read_environment(env).record.details
    assert (detail.kind, detail.package) == ("unreadable", None)
    assert "its code changes the path" in detail.detail


@pytest.mark.parametrize(
    "code",
    [
        "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; os.environ.get(var)",
        "import _virtualenv",
        "import sys; sys.path_hooks.append(str)",
        "# import sys; sys.path.append('/x')",
        "import __editable___gym_0_26_2_finder; __editable___gym_0_26_2_finder.install()",
    ],
)
def test_other_code_is_no_problem(code: str, env: Path) -> None:
    write_tree(site_packages(env), {"x.pth": f"{code}\n"})
    assert read_environment(env).snapshot.problems == ()


def test_folders_of_an_old_easy_install_go_before_all_others(env: Path) -> None:
    """As setuptools wrote its path file until it stopped to reorder: between two lines of code."""
    site = write_tree(
        site_packages(env),
        {
            "easy-install.pth": "import sys; sys.__plen = len(sys.path)\n./gym-2.egg\n./numpy-1.egg\n"
            "import sys; new=sys.path[sys.__plen:]; del sys.path[sys.__plen:]; "
            "p=getattr(sys,'__egginsert',0); sys.path[p:p]=new; sys.__egginsert = p+len(new)\n",
            "gym-2.egg/EGG-INFO/PKG-INFO": "Name: gym\nVersion: 2\n\n",
            "numpy-1.egg/EGG-INFO/PKG-INFO": "Name: numpy\nVersion: 1\n\n",
        },
    )
    write_dist_info(site, "gym", "1")
    environment = read_environment(env)
    assert {(one.name, one.version) for one in environment.snapshot.packages} == {
        ("gym", "2"),
        ("numpy", "1"),
    }
    assert [(one.kind, one.package) for one in environment.snapshot.problems] == [("shadowed", "gym")]
    program = "import importlib.metadata as m; print(m.version('gym'))"
    told = subprocess.run([env / "bin" / "python", "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "2"


@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "environment that sees its base"])
def test_the_users_folder_comes_where_the_interpreter_has_it(
    is_whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = python_or_skip("3.10")
    folder = make_venv(base, tmp_path / "env", "--system-site-packages")
    python = base if is_whole else folder / "bin" / "python"
    user = tmp_path / "home" / ".local" / "lib" / "python3.10" / "site-packages"
    write_dist_info(user, "gym", "1")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    layout = locate(str(python))
    version = read_environment(python).snapshot.interpreter.version
    path = search_path_of(layout, version, home=lambda _: str(tmp_path / "home"))
    program = "import sys; print([one for one in sys.path if 'site-packages' in one])"
    told = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True, cwd="/")
    assert str([one.path for one in path.folders if one.kind == "site"]).strip() == told.stdout.strip()
    assert str(user) in told.stdout


def test_the_users_folder_is_off_where_the_base_is_not_seen(env: Path, tmp_path: Path) -> None:
    write_dist_info(tmp_path / ".local" / "lib" / "python3.11" / "site-packages", "gym", "1")
    path = search_path_of(locate(str(env)), "3.11.7", home=lambda _: str(tmp_path))
    assert str(tmp_path / ".local") not in str([folder.path for folder in path.folders])


def test_a_fifo_as_pth_is_unreadable_and_does_not_hang(env: Path) -> None:
    os.mkfifo(site_packages(env) / "x.pth")
    (detail,) = read_environment(env).record.details
    assert (detail.kind, detail.package) == ("unreadable", None)


@pytest.mark.parametrize(
    ("line", "sees"),
    [
        ("include-system-site-packages = true", True),
        ("include-system-site-packages = TRUE", True),
        ("include-system-site-packages = yes", False),
        ("include-system-site-packages = false", False),
        ("", True),
        ("include-system-site-packages = false\ninclude-system-site-packages = true", True),
    ],
)
def test_the_base_is_seen_as_the_configuration_says(line: str, sees: bool, env: Path) -> None:
    home = python_or_skip("3.11").parent
    (env / "pyvenv.cfg").write_text(f"home = {home}\n{line}\n")
    listed = what_it_lists(env / "bin" / "python")
    names = {package.name for package in read_environment(env).snapshot.packages}
    assert ("pip" in names) is sees
    assert len(names) == len(listed)


def test_the_environments_own_package_wins_over_the_bases(tmp_path: Path) -> None:
    folder = make_venv(python_or_skip("3.10"), tmp_path / "v", "--system-site-packages")
    write_dist_info(site_packages(folder), "pip", "99.0")
    environment = read_environment(folder)
    assert ("pip", "99.0") in {(one.name, one.version) for one in environment.snapshot.packages}
    assert [(one.kind, one.package) for one in environment.snapshot.problems] == [("shadowed", "pip")]


def test_debians_packages_are_what_its_python_lists() -> None:
    python = Path("/usr/bin/python3")
    if not Path("/usr/lib/python3/dist-packages").is_dir():
        pytest.skip("not Debian's Python")
    environment = read_environment(python)
    counted = {package.name for package in environment.snapshot.packages}
    listed = {name.lower().replace("_", "-").replace(".", "-") for name, _ in what_it_lists(python)}
    assert counted == listed
    assert environment.record.changer == "none"
    assert {package.origin.kind for package in environment.snapshot.packages} <= {"debian", "index"}


def test_lib64_that_is_a_link_to_lib_counts_once(env: Path) -> None:
    write_dist_info(site_packages(env), "gym", "1")
    if not (env / "lib64").exists():
        (env / "lib64").symlink_to("lib")
    assert read_environment(env).snapshot.problems == ()


def test_a_lib64_that_the_interpreter_does_not_read_does_not_count(env: Path) -> None:
    (env / "lib64").unlink(missing_ok=True)
    write_dist_info(env / "lib64" / "python3.11" / "site-packages", "gym", "1")
    assert read_environment(env).snapshot.packages == ()
    assert what_it_lists(env / "bin" / "python") == set()


def test_fedoras_python_reads_lib64_and_what_its_user_installed_below_local(tmp_path: Path) -> None:
    version = "python3.12"
    write_tree(tmp_path, {f"bin/{version}": "\x7fELF", f"lib64/{version}/os.py": "", f"lib/{version}/x": ""})
    for number, place in enumerate(["local/lib64", "local/lib", "lib64", "lib"]):
        write_dist_info(tmp_path / place / version / "site-packages", "gym", str(number))
        write_dist_info(tmp_path / place / version / "site-packages", f"only-{number}", "1")
    snapshot = read_environment(tmp_path / "bin" / version).snapshot
    assert [package.version for package in snapshot.packages if package.name == "gym"] == ["0"]
    assert {f"only-{number}" for number in range(4)} < {package.name for package in snapshot.packages}
    assert [(one.kind, one.package) for one in snapshot.problems] == [("shadowed", "gym")]
