"""What ``poetry install`` had is what we want of the same lock, for each format that Poetry wrote.

The data was made once, with an index of small wheels: each lock by its Poetry, and beside it what a fresh
environment had after ``poetry install``, by Python and choice.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from envguard.domain.locks.lock import LockChoice
from envguard.domain.locks.selection import Ambiguous, Selected, WrongPython, select
from envguard.errors import PolicyError
from envguard.formats import parse_lock
from envguard.formats.companions import KeptFiles
from envguard.formats.locks import read_lock

DATA = Path(__file__).parent / "data"
CHOICES = {
    "plain": LockChoice(),
    "docs": LockChoice(groups=("dev", "docs-site")),
    "play": LockChoice(extras=("play",), groups=()),
    "all": LockChoice(extras=("play", "track"), groups=("dev", "docs-site")),
}
LOCKS = sorted(path.name for path in DATA.glob("poetry-*"))
INSTALLED = sorted(path for path in DATA.glob("poetry-*/installed/*.txt"))
EDITABLE = "dir1"


def markers(python: str) -> dict[str, str]:
    names = dict.fromkeys(("implementation_name", "platform_release", "platform_version"), "")
    return {
        **names,
        "os_name": "posix",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "implementation_version": f"{python}.4",
        "python_version": python,
        "python_full_version": f"{python}.4",
    }


def pins(path: Path) -> dict[str, str]:
    lines = (line.split("==") for line in path.read_text().split())
    return {name: version for name, version in lines if name != EDITABLE}


def selected(lock_text: str, python: str, choice: LockChoice, project: str | None) -> Selected:
    companions = KeptFiles({} if project is None else {"pyproject.toml": project})
    found = select(
        parse_lock(lock_text, filename="poetry.lock", companions=companions), markers(python), choice
    )
    assert isinstance(found, Selected), found
    return found


@pytest.mark.parametrize("path", INSTALLED, ids=lambda path: f"{path.parts[-3]}, {path.stem}")
def test_the_entries_that_apply_are_those_that_were_installed(path: Path) -> None:
    python, _, choice = path.stem.partition("-")
    lock = read_lock(path.parents[1] / "poetry.lock")
    found = select(lock, markers(python), CHOICES[choice])
    assert isinstance(found, Selected)
    wanted = {name: entry.version for name, entry in found.packages.items() if entry.version is not None}
    assert wanted == pins(path)
    assert {name for name, entry in found.packages.items() if entry.version is None} <= {EDITABLE}


@pytest.mark.parametrize("name", LOCKS)
def test_the_locks_groups_and_extras_can_be_chosen(name: str) -> None:
    lock = read_lock(DATA / name / "poetry.lock")
    assert lock.extras == ("play", "track")
    assert lock.default_groups == ("dev", "main")
    assert set(lock.groups) - {"docs-site"} == {"dev", "main"}
    assert lock.project == "rl-study"
    assert lock.requires_python == ">=3.9,<4"


@pytest.mark.parametrize("name", LOCKS)
def test_what_nobody_chose_may_be_there(name: str) -> None:
    found = select(read_lock(DATA / name / "poetry.lock"), markers("3.11"))
    assert isinstance(found, Selected)
    assert {"gym", "pyglet", "wandb"} <= found.optional.keys()
    assert not found.optional.keys() & found.packages.keys()


@pytest.mark.parametrize("name", LOCKS)
def test_another_python_is_told(name: str) -> None:
    found = select(read_lock(DATA / name / "poetry.lock"), markers("3.8"))
    assert found == WrongPython(">=3.9,<4")


def test_a_flat_lock_alone_has_all_its_groups_by_default() -> None:
    text = (DATA / "poetry-2.5" / "poetry.lock").read_text()
    lock = parse_lock(text, filename="poetry.lock")
    assert lock.default_groups == ("dev", "docs-site", "main")
    assert lock.project is None
    found = selected(text, "3.11", LockChoice(), None)
    assert {"pysocks", "sphinx"} <= found.packages.keys()


def test_a_graph_alone_starts_from_what_is_not_optional() -> None:
    text = (DATA / "poetry-1.1" / "poetry.lock").read_text()
    two_numpys = select(parse_lock(text, filename="poetry.lock"), markers("3.11"))
    assert isinstance(two_numpys, Ambiguous)
    assert two_numpys.package == "numpy"
    first, _, rest = text.partition('[[package]]\nname = "numpy"\nversion = "2.1.0"')
    one_numpy = first + rest[rest.index("[[package]]") :]
    found = selected(one_numpy, "3.11", LockChoice(), None)
    plain = pins(DATA / "poetry-1.1" / "installed" / "3.9-plain.txt")
    more = {"colorama": "0.4.6", "nvidia-cublas": "12.1", "torch": "2.4.0"}
    assert {name: entry.version for name, entry in found.packages.items()} == {**plain, **more}
    assert "pytest" not in selected(one_numpy, "3.11", LockChoice(groups=()), None).packages
    assert "pyglet" not in found.packages
    assert "gym" in selected(one_numpy, "3.11", LockChoice(extras=("play",)), None).packages


def test_the_pythons_of_an_entry_choose_among_others_of_its_name() -> None:
    text = (DATA / "poetry-1.1" / "poetry.lock").read_text()
    old = 'name = "numpy"\nversion = "1.26.4"\ndescription = ""\ncategory = "main"\noptional = false\n'
    new = old.replace("1.26.4", "2.1.0")
    for head, pythons in ((old, "<3.12"), (new, ">=3.12")):
        assert head in text
        text = text.replace(f'{head}python-versions = "*"', f'{head}python-versions = "{pythons}"')
    assert selected(text, "3.11", LockChoice(), None).packages["numpy"].version == "1.26.4"
    assert selected(text, "3.12", LockChoice(), None).packages["numpy"].version == "2.1.0"


def test_a_project_that_is_not_poetrys_says_nothing() -> None:
    text = (DATA / "poetry-2.5" / "poetry.lock").read_text()
    lock = parse_lock(text, filename="poetry.lock", companions=KeptFiles({"pyproject.toml": "[tool.x]\n"}))
    assert lock == parse_lock(text, filename="poetry.lock")


def test_a_projects_edit_is_another_lock() -> None:
    folder = DATA / "poetry-1.8"
    text, project = ((folder / name).read_text() for name in ("poetry.lock", "pyproject.toml"))
    one, two = (
        parse_lock(text, filename="poetry.lock", companions=KeptFiles({"pyproject.toml": each}))
        for each in (project, project.replace('requests = "2.*"\n', ""))
    )
    assert one.digest != two.digest


def test_a_project_in_the_words_of_pep_621() -> None:
    project = """
[project]
name = "Rl.Study"
dependencies = ["Requests[socks]>=2; python_version >= '3.9'", "numpy<2"]
[project.optional-dependencies]
play = ["gym"]
[tool.poetry.dependencies]
torch = "*"
"""
    text = (DATA / "poetry-1.8" / "poetry.lock").read_text()
    assert selected(text, "3.12", LockChoice(), project).packages.keys() == {
        "idna",
        "numpy",
        "pysocks",
        "requests",
    }
    assert selected(text, "3.12", LockChoice(), project).packages["numpy"].version == "1.26.4"
    assert "gym" in selected(text, "3.12", LockChoice(extras=("play",)), project).packages


def test_what_the_project_asks_for_and_the_lock_has_not_is_undecided() -> None:
    text = (DATA / "poetry-1.8" / "poetry.lock").read_text()
    project = '[tool.poetry.dependencies]\nscipy = "*"\nwinrt = {version = "*", platform = "win32"}\n'
    lock = parse_lock(text, filename="poetry.lock", companions=KeptFiles({"pyproject.toml": project}))
    found = select(lock, markers("3.11"))
    assert isinstance(found, Ambiguous)
    assert found.package == "scipy"


def test_tools_that_poetry_never_locked_are_not_missed() -> None:
    text = (DATA / "poetry-1.1" / "poetry.lock").read_text()
    asks = text.replace('[package.dependencies]\nnumpy = "*"', '[package.dependencies]\nsetuptools = "*"', 1)
    assert asks != text
    project = (DATA / "poetry-1.1" / "pyproject.toml").read_text()
    assert selected(asks, "3.11", LockChoice(), project).packages["gitdep"].dependencies == ()


@pytest.mark.parametrize(
    ("project", "where", "what"),
    [
        ("[tool.poetry]\nname = 1\n", ":2:1: tool.poetry.name", "a text is expected, not a whole number"),
        ("[project]\ndependencies = ['=']\n", ":2:1: project.dependencies[0]", "not a requirement: "),
        (
            "[project.optional-dependencies]\na = [\n 'b',\n '=',\n]\n",
            ":4:2: project.optional-dependencies.a[1]",
            "not a requirement: ",
        ),
        (
            "[tool.poetry.dependencies]\na = {markers = '('}\n",
            ":2:1: tool.poetry.dependencies.a",
            "not a marker: `(`",
        ),
        (
            '[tool.poetry.group.x.dependencies]\na = {platform = "\'"}\n',
            ":2:1: tool.poetry.group.x.dependencies.a",
            "not a marker: `sys_platform == '''`",
        ),
        ("[tool", ":1:6", "not TOML"),
    ],
    ids=["type", "requirement", "extra", "marker", "platform", "toml"],
)
def test_a_broken_project_is_named(project: str, where: str, what: str) -> None:
    text = (DATA / "poetry-1.8" / "poetry.lock").read_text()
    with pytest.raises(PolicyError) as caught:
        parse_lock(text, filename="a/poetry.lock", companions=KeptFiles({"a/pyproject.toml": project}))
    assert caught.value.where == f"a/pyproject.toml{where}"
    assert what in caught.value.what
    assert caught.value.hint


def test_all_that_is_wrong_with_a_project_is_told_at_once() -> None:
    text = (DATA / "poetry-1.8" / "poetry.lock").read_text()
    project = "[project]\ndependencies = ['=']\n[tool.poetry.dev-dependencies]\na = {markers = '('}\n"
    with pytest.raises(PolicyError) as caught:
        parse_lock(text, filename="poetry.lock", companions=KeptFiles({"pyproject.toml": project}))
    assert [(each.where or "").partition(": ")[0] for each in caught.value.problems] == [
        "pyproject.toml:2:1",
        "pyproject.toml:4:1",
    ]
