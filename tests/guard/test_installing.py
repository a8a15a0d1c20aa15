"""``envguard guard install``: a distribution as any other, for each Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envguard.inventory import read_environment
from envguard.runs.guard_text import guard_text
from tests.builders.environments import install, pyenv_python
from tests.guard.places import Place, Told, take_guard_away

COMMAND = Path(sys.executable).with_name("envguard")


def envguard(place: Place, *arguments: str) -> Told:
    environ = {**os.environ, "HOME": str(place.home)}
    done = subprocess.run(
        [str(COMMAND), *arguments],
        cwd=place.project,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Told(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def bare(any_place: Place) -> Place:
    """An environment of each Python without the guard."""
    take_guard_away(any_place)
    return any_place


def test_every_python_imports_what_was_installed(bare: Place) -> None:
    told = envguard(bare, "guard", "install", str(bare.env))
    assert (told.code, told.err) == (0, "")
    assert (
        bare.run("import envguard_guard; print(envguard_guard.require(python='>=2').verdict)").out
        == "compliant\n"
    )
    assert (bare.site / "envguard_guard.py").read_text(encoding="ascii") == guard_text()
    assert sorted(path.name for path in bare.site.iterdir() if path.name.startswith((".", "envguard"))) == [
        f"envguard_guard-{_version()}.dist-info",
        "envguard_guard.py",
        "envguard_guard_policy.py",
        "envguard_guard_pytest.py",
    ]


def _version() -> str:
    from envguard import __version__

    return __version__


def test_every_python_loses_all_of_it_again(bare: Place) -> None:
    before = sorted(bare.site.rglob("*"))
    envguard(bare, "guard", "install", str(bare.env))
    bare.run("import envguard_guard", PYTHONDONTWRITEBYTECODE="")
    assert envguard(bare, "guard", "uninstall", str(bare.env)).code == 0
    assert [path for path in sorted(bare.site.rglob("*")) if path.name != "__pycache__"] == before
    told = envguard(bare, "guard", "uninstall", str(bare.env))
    assert told.code == 2
    assert "it has no guard" in told.err


def test_installing_again_leaves_one(place: Place) -> None:
    for _ in range(2):
        assert envguard(place, "guard", "install", str(place.env)).code == 0
    (found,) = place.site.glob("envguard_guard-*")
    names = sorted(path.name for path in found.iterdir())
    assert names == ["INSTALLER", "METADATA", "RECORD", "WHEEL", "entry_points.txt"]


def test_its_files_are_as_its_record_says(place: Place) -> None:
    envguard(place, "guard", "install", str(place.env))
    done = envguard(place, "scan", str(place.env), "--integrity", "--json")
    assert '"modified": []' in done.out.replace('"modified":[]', '"modified": []'), done.out


def test_it_is_never_called_drift(place: Place) -> None:
    install(place.env, gym="0.26.2")
    (place.project / "p.yaml").write_text(
        'envguard: 1\nname: p\npackages: {gym: "==0.26.2"}\nunlisted: error\nintegrity: error\n'
    )
    envguard(place, "guard", "install", str(place.env))
    assert "envguard-guard" in [each.name for each in read_environment(place.env).snapshot.packages]
    told = envguard(place, "check", str(place.env), "--policy", "./p.yaml")
    assert (told.code, told.err) == (0, ""), told


@pytest.mark.parametrize("minor", ["2.7", "3.6", "3.11", "3.13"])
def test_pip_lists_and_removes_it(minor: str, tmp_path: Path) -> None:
    from tests.guard.places import make_place

    place = make_place(minor, tmp_path)
    take_guard_away(place)
    install(place.env, gym="0.26.2")  # pip takes a folder as a whole where nothing else is in it
    envguard(place, "guard", "install", str(place.env))
    python = pyenv_python(minor)
    assert python is not None
    pips = next(iter(python.parent.parent.glob("lib/python*/site-packages")))
    for name in ("pip", "setuptools", "pkg_resources"):
        if (pips / name).is_dir():
            (place.site / name).symlink_to(pips / name)
    assert f"envguard-guard=={_version()}" in place.call("-m", "pip", "list", "--format=freeze").out
    told = place.call("-m", "pip", "uninstall", "-y", "envguard-guard")
    assert told.code == 0, told.err
    assert list(place.site.glob("*envguard*")) == []


def test_a_system_that_manages_its_packages_is_refused_with_the_way_on(tmp_path: Path) -> None:
    base = tmp_path / "usr"
    python = pyenv_python("3.11")
    assert python is not None
    library = base / "lib" / "python3.11"
    (library / "site-packages").mkdir(parents=True)
    (base / "bin").mkdir()
    (base / "bin" / "python3.11").write_bytes(python.resolve().read_bytes())
    (base / "bin" / "python3.11").chmod(0o755)
    (base / "bin" / "python").symlink_to("python3.11")
    for entry in (python.resolve().parent.parent / "lib" / "python3.11").iterdir():
        if entry.name not in ("site-packages", "__pycache__"):
            (library / entry.name).symlink_to(entry)
    (library / "EXTERNALLY-MANAGED").write_text("[externally-managed]\n")
    told = envguard(Place(base, tmp_path / "project"), "guard", "install", str(base))
    assert told.code == 2
    assert "managed by the system" in told.err
    assert list((library / "site-packages").iterdir()) == []


def test_a_folder_that_is_no_environment_is_an_error(place: Place) -> None:
    told = envguard(place, "guard", "install", str(place.project))
    assert told.code == 3
    assert "hint" in told.err or "error" in told.err


SCRIPT = """
import sys
print([__name__, sys.argv[1:], sys.path[0] == {folder!r}])
sys.exit(7)
"""


def test_every_python_runs_a_script_behind_the_guard(any_place: Place) -> None:
    from tests.guard.agent_lines import lines, whole, write

    script = any_place.project / "train.py"
    script.write_text(SCRIPT.format(folder=os.path.realpath(any_place.project)))
    write(any_place, whole(lines(any_place)))
    told = any_place.call("-m", "envguard_guard", str(script), "--lr", "3")
    assert (told.code, told.out, told.err) == (7, "['__main__', ['--lr', '3'], True]\n", "")


def test_every_python_refuses_the_script_without_a_traceback(any_place: Place) -> None:
    from tests.guard.agent_lines import DRIFT, lines, whole, write

    script = any_place.project / "train.py"
    script.write_text("print('trained')\n")
    write(any_place, whole(lines(any_place, "drifted", findings=[DRIFT])))
    told = any_place.call("-m", "envguard_guard", str(script))
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith("drifted from `rl-team` r8: 1 error\n")
    assert "Traceback" not in told.err
    (any_place.runtime / "envguard" / "verdicts").rename(any_place.runtime / "gone")
    told = any_place.call("-m", "envguard_guard", str(script))
    assert (told.code, told.err[:9]) == (3, "unknown: ")


def test_without_a_script_the_usage_is_said(place: Place) -> None:
    told = place.call("-m", "envguard_guard")
    assert (told.code, told.err) == (2, "usage: python -m envguard_guard SCRIPT [ARGS...]\n")


def test_a_script_that_is_not_there_is_said_in_one_line(some_place: Place) -> None:
    told = some_place.call("-m", "envguard_guard", "trian.py", ENVGUARD_ALLOW_DRIFT="no policy here")
    assert (told.code, told.err) == (2, "envguard_guard: there is no `trian.py`\n")
