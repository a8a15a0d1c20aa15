"""By which Python and which tool an environment is made, and when by none."""

from __future__ import annotations

import pytest

from envguard.domain.environment import Interpreter, Origin, Package, digest_of_text, snapshot_of
from envguard.domain.facts import MachineFacts
from envguard.domain.locks.lock import Lock, LockChoice, LockedPackage
from envguard.domain.policy import PythonRule
from envguard.domain.recipe import Recipe
from envguard.errors import EnvguardError
from envguard.inventory.whole_pythons import WholePython
from envguard.updater.indexes import Indexes
from envguard.updater.planning import Plan, conda_line, installer_for, plan_for_lock, plan_for_run

FACTS = MachineFacts(os="Linux", kernel="6.1")
CONDA = Origin("conda")


def an_interpreter(
    version: str, implementation: str = "CPython", *, free_threaded: bool = False
) -> Interpreter:
    return Interpreter(
        implementation=implementation,
        version=version,
        abi="",
        platform="linux-x86_64",
        free_threaded=free_threaded,
        markers={"python_full_version": version, "python_version": ".".join(version.split(".")[:2])},
    )


def a_python(version: str, implementation: str = "CPython", *, free_threaded: bool = False) -> WholePython:
    interpreter = an_interpreter(version, implementation, free_threaded=free_threaded)
    return WholePython(f"/{implementation}-{version}", interpreter, has_pip=True, bundled=None)


def planned(wanted: str, *pythons: WholePython) -> str:
    snapshot = snapshot_of(an_interpreter(wanted), [])
    return plan_for_run(snapshot, "venv", None, (), pythons, "/made").python.path


def test_the_very_version_is_taken_before_any_other() -> None:
    assert planned("3.11.7", a_python("3.11.9"), a_python("3.11.7")) == "/CPython-3.11.7"


def test_else_the_newest_patch_of_the_same_minor_version() -> None:
    pythons = (a_python("3.12.1"), a_python("3.11.9"), a_python("3.11.10"), a_python("3.11.2"))
    assert planned("3.11.7", *pythons) == "/CPython-3.11.10"


@pytest.mark.parametrize(
    "python",
    [a_python("3.12.7"), a_python("3.11.7", "PyPy"), a_python("3.11.7", free_threaded=True)],
    ids=["another minor", "another implementation", "free-threaded"],
)
def test_another_python_is_not_taken(python: WholePython) -> None:
    with pytest.raises(EnvguardError, match=r"no CPython 3\.11\.7 is here, nor another 3\.11") as raised:
        planned("3.11.7", python)
    assert raised.value.hint == "uv python install 3.11.7, or pyenv install 3.11.7"


def a_lock(*packages: LockedPackage, requires_python: str | None = None) -> Lock:
    return Lock(packages=packages, digest=digest_of_text(""), requires_python=requires_python)


def planned_lock(lock: Lock, rule: PythonRule, *pythons: WholePython) -> Plan:
    return plan_for_lock(lock, LockChoice(), rule, None, FACTS, pythons, "/made")


def test_the_first_python_that_lock_and_policy_allow_is_taken() -> None:
    pythons = (a_python("3.9.1"), a_python("3.13.0"), a_python("3.11.7"), a_python("3.11.9"))
    lock = a_lock(LockedPackage("a", "1"), requires_python=">=3.10")
    assert planned_lock(lock, PythonRule(), *pythons).python.path == "/CPython-3.13.0"
    assert planned_lock(lock, PythonRule(version="<3.13"), *pythons).python.path == "/CPython-3.11.7"


def test_only_what_applies_to_that_python_is_installed() -> None:
    lock = a_lock(LockedPackage("a", "1"), LockedPackage("b", "1", marker="python_version < '3.10'"))
    plan = planned_lock(lock, PythonRule(), a_python("3.11.7"))
    assert [each.name for each in plan.recipe.ingredients] == ["a"]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (PythonRule(version="==3.10.*"), "==3.10.*"),
        (PythonRule(implementation="PyPy"), "PyPy"),
        (PythonRule(free_threaded=True), "free-threaded"),
        (PythonRule(), ">=3.12"),
    ],
)
def test_where_none_is_allowed_it_is_said_what_is_asked_for(rule: PythonRule, words: str) -> None:
    with pytest.raises(EnvguardError) as raised:
        planned_lock(a_lock(requires_python=">=3.12"), rule, a_python("3.11.7"))
    assert raised.value.what == f"no interpreter here is one that is asked for: Python {words}"


def test_a_lock_with_two_answers_gives_none() -> None:
    lock = a_lock(LockedPackage("a", "1"), LockedPackage("a", "2"))
    with pytest.raises(EnvguardError, match="the lock gives no one answer: a: "):
        planned_lock(lock, PythonRule(), a_python("3.11.7"))


@pytest.mark.parametrize(
    ("version", "uv", "name"), [("3.11.7", "/uv", "uv"), ("3.7.16", "/uv", "pip"), ("3.11.7", None, "pip")]
)
def test_uv_makes_what_it_knows_and_pip_the_rest(version: str, uv: str | None, name: str) -> None:
    plan = Plan(Recipe((), ()), a_python(version), None)
    assert installer_for(plan, uv, Indexes(), {"HOME": "/nowhere"}, "/nowhere").name == name


def test_where_neither_can_it_is_said() -> None:
    old = Plan(Recipe((), ()), a_python("2.7.18"), None)
    with pytest.raises(EnvguardError, match=r"Python 2\.7\.18: it has no `venv`"):
        installer_for(old, "/uv", Indexes(), {}, "/")
    bare = WholePython("/p", an_interpreter("3.11.2"), has_pip=False, bundled=None)
    with pytest.raises(EnvguardError, match="cannot put pip into an environment"):
        installer_for(Plan(Recipe((), ()), bare, None), None, Indexes(), {}, "/")


@pytest.mark.parametrize(
    "odd",
    [Package("a", "1", Origin("editable")), Package("a", "1; rm", CONDA), Package("-a", "1", CONDA)],
    ids=["a folder", "a version of no kind", "an option"],
)
def test_conda_s_line_is_told_in_full_or_not_at_all(odd: Package) -> None:
    fine = Package("numpy", "1.26.4", CONDA, build="py311_0", conda_name="numpy-base")
    python = an_interpreter("3.11.7")
    assert conda_line(snapshot_of(python, [fine]), "/made here") == (
        "conda create --yes --prefix '/made here' numpy-base=1.26.4=py311_0"
    )
    assert conda_line(snapshot_of(python, [fine, odd]), "/made") is None
    assert conda_line(snapshot_of(python, []), "/made") is None
