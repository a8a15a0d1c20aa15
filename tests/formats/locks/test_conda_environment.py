"""``environment.yml`` as conda reads it."""

from __future__ import annotations

import pytest

from envguard.domain.environment import digest_of_text
from envguard.domain.locks.lock import LockedPackage
from envguard.errors import PolicyError
from envguard.formats.companions import KeptFiles
from envguard.formats.locks import parse_lock

EXPORTED = """\
name: rl
channels:
  - conda-forge
  - defaults
dependencies:
  - _libgcc_mutex=0.1=conda_forge
  - openssl=3.0.2h=h166bdaf_1
  - python=3.11.7=hab00c5b_1_cpython
  - pip=24.0=pyhd8ed1ab_0
  - pip:
      - gym==0.26.2
      - cloudpickle==3.0.0
variables:
  X: "1"
prefix: /home/ann/miniconda3/envs/rl
"""


def conda(
    name: str = "a", version: str | None = None, specifier: str | None = None, build: str | None = None
) -> LockedPackage:
    return LockedPackage(name, version, specifier=specifier, build=build, ecosystem="conda")


def of_lines(*lines: str, files: dict[str, str] | None = None) -> tuple[LockedPackage, ...]:
    text = "dependencies:\n" + "".join(f"  - {line}\n" for line in lines)
    return parse_lock(text, filename="environment.yml", companions=KeptFiles(files or {})).packages


def errors_of(text: str, files: dict[str, str] | None = None) -> list[PolicyError]:
    with pytest.raises(PolicyError) as caught:
        parse_lock(text, filename="environment.yml", companions=KeptFiles(files or {}))
    return list(caught.value.problems) or [caught.value]


def test_an_export_is_read_whole() -> None:
    lock = parse_lock(EXPORTED, filename="environment.yml")
    assert lock.packages == (
        conda("_libgcc_mutex", "0.1", build="conda_forge"),
        conda("openssl", "3.0.2h", build="h166bdaf_1"),
        conda("python", "3.11.7", build="hab00c5b_1_cpython"),
        conda("pip", "24.0", build="pyhd8ed1ab_0"),
        LockedPackage("gym", "0.26.2"),
        LockedPackage("cloudpickle", "3.0.0"),
    )
    assert lock.digest == digest_of_text(EXPORTED)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("a==1.2", conda(version="1.2")),
        ("a=1.2", conda(specifier="==1.2.*")),
        ("a=1.2.*", conda(specifier="==1.2.*")),
        ("a==1.2.*", conda(specifier="==1.2.*")),
        ("a=1.2*", conda(specifier="==1.2.*")),
        ("a 1.2", conda(version="1.2")),
        ("a 1.2.*", conda(specifier="==1.2.*")),
        ("a 1.2 py311_0", conda(version="1.2", build="py311_0")),
        ("a=1.2=py311*", conda(version="1.2", build="py311*")),
        ("a==1.2=py311_0", conda(version="1.2", build="py311_0")),
        ("a=1.2=*", conda(version="1.2")),
        ("a=9e", conda(version="9e")),
        ("a=3.0.2h", conda(version="3.0.2h")),
        ("a==3.0.2h", conda(version="3.0.2h")),
        ("A=2024a", conda(version="2024a")),
        ("a>=1,<2", conda(specifier=">=1,<2")),
        ("a >=1, <2", conda(specifier=">=1,<2")),
        ("a!=1.5,>=1", conda(specifier="!=1.5,>=1")),
        ("a~=1.2", conda(specifier="~=1.2")),
        ("conda-forge::a==1", conda(version="1")),
        ("conda-forge/linux-64::a==1", conda(version="1")),
    ],
)
def test_a_dependency_is_read_as_conda_reads_it(spec: str, expected: LockedPackage) -> None:
    assert of_lines(f'"{spec}"') == (expected,)


def test_a_bare_pip_asks_for_nothing_that_a_lock_could_say() -> None:
    assert of_lines("pip", "a==1") == (conda(version="1"),)


def test_pips_list_is_a_requirements_file_with_all_that_it_names() -> None:
    files = {"more.txt": "b==2\n", "c.txt": "c==3\n"}
    lines = ["pip:", "  - -r more.txt", "  - -c c.txt", "  - c", "  - 'd==4  # why'"]
    text = "dependencies:\n  - " + "\n    ".join(lines)
    lock = parse_lock(text, filename="environment.yml", companions=KeptFiles(files))
    assert {each.name: each.version for each in lock.packages} == {"b": "2", "c": "3", "d": "4"}
    assert lock.digest != digest_of_text(text)


@pytest.mark.parametrize(
    ("line", "where", "what"),
    [
        ("numpy", "environment.yml:2:5: dependencies[0]", "not a pin: `numpy`"),
        ("numpy=*", "environment.yml:2:5: dependencies[0]", "not a version that can be judged"),
        ("numpy *", "environment.yml:2:5: dependencies[0]", "not a pin: `numpy *`"),
        ("'numpy=1.7|1.8'", "environment.yml:2:5: dependencies[0]", "not a version that can be judged"),
        ("numpy>=3.0.2h", "environment.yml:2:5: dependencies[0]", "not a version that can be judged"),
        ("numpy=1=a b", "environment.yml:2:5: dependencies[0]", "not a version that can be judged"),
        ("numpy=3.0.2h*", "environment.yml:2:5: dependencies[0]", "not a version that can be judged"),
        ("numpy=" + "1" * 300, "environment.yml:2:5: dependencies[0]", "not a version that can be judged"),
        ('"numpy[version=1]"', "environment.yml:2:5: dependencies[0]", "not a dependency of conda's"),
        ("x" * 3_000, "environment.yml:2:5: dependencies[0]", "not a dependency of conda's"),
        ("é=1", "environment.yml:2:5: dependencies[0]", "not a dependency of conda's"),
        ("[a]", "environment.yml:2:5: dependencies[0]", "a dependency, or a list below `pip:`"),
        ("npm: [a]", "environment.yml:2:5: dependencies[0]", "a dependency, or a list below `pip:`"),
        ("pip: a==1", "environment.yml:2:10: dependencies[0].pip", "a list is expected"),
        ("pip: [[a]]", "environment.yml:2:11: dependencies[0].pip[0]", "a requirement is expected"),
        ("pip: [a]", "environment.yml:2:11: dependencies[0].pip[0]", "not a pin: `a`"),
        (
            "pip: [-r x.txt]",
            "environment.yml:2:11: dependencies[0].pip[0]",
            "the requirements file is not there",
        ),
        ("pip:", "environment.yml:1:1: dependencies", "the lock pins nothing"),
        ('"a=1\\e[2J"', "environment.yml:2:5: dependencies[0]", "not a dependency"),
    ],
)
def test_what_is_no_pin_is_told_with_its_place(line: str, where: str, what: str) -> None:
    (error,) = errors_of(f"dependencies:\n  - {line}\n")
    assert (error.where, what in error.what) == (where, True)
    assert error.hint
    assert error.what.isprintable()


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("name: rl", "environment.yml:1:1: dependencies", "the key is missing"),
        ("dependencies: a", "environment.yml:1:15: dependencies", "a list is expected"),
        ("dependencies: []", "environment.yml:1:1: dependencies", "the lock pins nothing"),
        ("dependencies: [a=1]\nx: 1", "environment.yml:2:4: x", "unknown key: `x`"),
        ("dependencies: [a=1, a=2]", "environment.yml:1:21: dependencies[1]", "`a` is named twice"),
    ],
)
def test_a_file_of_another_form_is_refused(text: str, where: str, what: str) -> None:
    (error,) = errors_of(text)
    assert (error.where, error.what) == (where, what)


def test_problems_of_both_tools_are_told_at_once() -> None:
    errors = errors_of("dependencies:\n- numpy\n- pip:\n  - gym\n  - =\n")
    assert [each.where for each in errors] == [
        "environment.yml:2:3: dependencies[0]",
        "environment.yml:5:5: dependencies[1].pip[1]",
        "environment.yml:4:5: dependencies[1].pip[0]",
    ]
