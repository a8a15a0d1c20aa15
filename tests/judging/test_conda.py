"""What conda installed from its locks is what we want of them, by conda's names, versions and builds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from envguard.domain.drift import compare
from envguard.domain.locks.lock import Lock
from envguard.domain.policy import Require, Rules
from envguard.domain.remedy import CondaInstall, CondaRemove
from envguard.formats.locks import parse_lock
from tests.builders.conda import CondaPackage, make_prefix
from tests.builders.environments import write_dist_info
from tests.judging.world import FACTS, findings, snapshot_of, told

SHA256 = "0a" * 32
GYM = "https://index.example/gym-0.26.2-py3-none-any.whl"
PYTHON = CondaPackage("python", "3.11.7", "hab00c5b_1_cpython")
TORCH = CondaPackage(
    "pytorch", "2.4.0", "cpu_generic_py311h1_0", (("torch", "2.4.0.post101"), ("functorch", "2.4.0"))
)
PACKAGES = (
    PYTHON,
    TORCH,
    CondaPackage("_libgcc_mutex", "0.1", "conda_forge"),
    CondaPackage("openssl", "3.0.2h", "h166bdaf_1"),
    CondaPackage("libblas", "3.9.0", "20_linux64_openblas"),
    CondaPackage("numpy", "1.26.4", "py311h64a7726_0", (("numpy", "1.26.4"),)),
    CondaPackage("typing_extensions", "4.12.2", "pyha770c72_0", (("typing_extensions", "4.12.2"),)),
    CondaPackage("ruamel.yaml", "0.18.6", "py311h459d7ec_0", (("ruamel.yaml", "0.18.6"),)),
    CondaPackage("certifi", "2024.07.04", "pyhd8ed1ab_0", (("certifi", "2024.7.4"),)),
)
TOOLS = tuple(
    CondaPackage(name, "70.0", "pyhd8ed1ab_0", ((name, "70.0"),)) for name in ("pip", "setuptools", "wheel")
)


def conda_lock(packages: Sequence[CondaPackage]) -> str:
    """Answer a ``conda-lock.yml`` for two platforms, of which only one has these packages."""
    entries = [(each, "linux-64") for each in packages]
    entries.append((CondaPackage("python", "3.12.1", "h1_0"), "osx-arm64"))
    text = "version: 1\nmetadata:\n  platforms: [linux-64, osx-arm64]\npackage:\n"
    for each, platform in entries:
        file_name = f"{each.name}-{each.version}-{each.build}.conda"
        text += f"- {{name: {each.name}, version: '{each.version}', manager: conda, platform: {platform}, "
        text += f"url: 'https://conda.example/{platform}/{file_name}', hash: {{md5: ab}}}}\n"
    text += "- {name: gym, version: 0.26.2, manager: pip, platform: linux-64, "
    return text + f"url: '{GYM}', hash: {{sha256: {SHA256}}}}}\n"


def environment_yml(packages: Sequence[CondaPackage]) -> str:
    """Answer what ``conda env export`` writes."""
    lines = [f"  - {each.name}={each.version}={each.build}" for each in packages]
    return "\n".join(
        ["name: rl", "dependencies:", *lines, "  - pip", "  - pip:", f"    - gym @ {GYM}#sha256={SHA256}", ""]
    )


def by_pattern(packages: Sequence[CondaPackage]) -> str:
    """Answer an ``environment.yml`` of which the builds are patterns."""
    built = [replace(each, build=f"{each.build.partition('_')[0]}*") for each in packages]
    return environment_yml(built)


def explicit(packages: Sequence[CondaPackage]) -> str:
    """Answer what ``conda list --explicit`` writes."""
    lines = [
        f"https://conda.example/linux-64/{each.name}-{each.version}-{each.build}.conda" for each in packages
    ]
    pip_s = f"# pip gym @ {GYM} --hash=sha256:{SHA256}"
    return "\n".join(["# platform: linux-64", "@EXPLICIT", *lines, pip_s, ""])


LOCKS: dict[str, tuple[str, Callable[[Sequence[CondaPackage]], str]]] = {
    "conda-lock": ("conda-lock.yml", conda_lock),
    "environment.yml": ("environment.yml", environment_yml),
    "patterns of builds": ("environment.yml", by_pattern),
    "explicit": ("conda-linux-64.lock", explicit),
}


class Case(NamedTuple):
    """Packages of a prefix that is not as the lock has it, and what must be told."""

    what: str
    packages: tuple[CondaPackage, ...]
    kind: str
    name: str


def changes() -> Iterator[Case]:
    """Yield every change of one package of conda's."""
    for index, package in enumerate(PACKAGES):
        others = (*PACKAGES[:index], *PACKAGES[index + 1 :])
        yield Case(f"no {package.name}", others, "missing", package.name)
        moved = replace(
            package, version="99.1", distributions=tuple((name, "99.1") for name, _ in package.distributions)
        )
        yield Case(f"{package.name} 99.1", (*others, moved), "version-mismatch", package.name)
        rebuilt = replace(package, build="other_7")
        yield Case(f"{package.name} other_7", (*others, rebuilt), "build-mismatch", package.name)
        if len(package.distributions) == 1 and package.version == package.distributions[0][1]:
            by_pip = replace(package, installer="pip")
            yield Case(f"{package.name} by pip", (*others, by_pip), "build-mismatch", package.name)
    more = CondaPackage("stranger", "1.0", "h1_0")
    yield Case("a library more", (*PACKAGES, more), "unlisted", "stranger")
    more = CondaPackage("py_stranger", "1.0", "py_0", (("stranger", "1.0"),))
    yield Case("a distribution more", (*PACKAGES, more), "unlisted", "stranger")


def prefix_of(folder: Path, packages: Sequence[CondaPackage], *, gym: str = "0.26.2") -> Path:
    """Make a prefix, and put gym beside it by its address, as ``conda-lock install`` makes pip do it."""
    prefix = make_prefix(folder, packages)
    told = json.dumps({"url": f"{GYM}?from=here", "archive_info": {"hashes": {"sha256": SHA256}}})
    site = prefix / "lib" / "python3.11" / "site-packages"
    write_dist_info(site, "gym", gym, INSTALLER="pip\n", direct_url__json=told)
    return prefix


@pytest.fixture(params=LOCKS)
def lock(request: pytest.FixtureRequest) -> Lock:
    """A lock of the packages, in each of conda's forms."""
    filename, write = LOCKS[request.param]
    return parse_lock(write(PACKAGES), filename=filename)


def test_what_conda_installed_is_compliant(lock: Lock, tmp_path: Path) -> None:
    assert findings(snapshot_of(prefix_of(tmp_path / "rl", PACKAGES)), lock) == ()


def test_conda_s_own_tools_are_never_unlisted(lock: Lock, tmp_path: Path) -> None:
    assert findings(snapshot_of(prefix_of(tmp_path / "rl", (*PACKAGES, *TOOLS))), lock) == ()


@pytest.mark.parametrize("case", list(changes()), ids=lambda case: case.what)
def test_a_single_change_is_one_finding(case: Case, lock: Lock, tmp_path: Path) -> None:
    snapshot = snapshot_of(prefix_of(tmp_path / "rl", case.packages))
    assert told(snapshot, lock) == [(case.kind, case.name)]


def test_what_pip_installed_beside_it_is_judged_too(lock: Lock, tmp_path: Path) -> None:
    assert told(snapshot_of(prefix_of(tmp_path / "rl", PACKAGES, gym="0.25.2")), lock) == [
        ("version-mismatch", "gym")
    ]


def test_a_version_is_told_and_mended_in_conda_s_words(tmp_path: Path) -> None:
    lock = parse_lock(conda_lock(PACKAGES), filename="conda-lock.yml")
    others = tuple(each for each in PACKAGES if each is not TORCH)
    older = replace(TORCH, version="2.3.0", distributions=(("torch", "2.3.0.post101"),))
    (found,) = findings(snapshot_of(prefix_of(tmp_path / "rl", (*others, older))), lock)
    assert (found.expected, found.actual) == ("==2.4.0", "2.3.0")
    assert found.remedy == CondaInstall("pytorch=2.4.0=cpu_generic_py311h1_0")


def test_what_is_too_much_is_removed_by_conda_s_name(tmp_path: Path) -> None:
    lock = parse_lock(conda_lock(PACKAGES[:1]), filename="conda-lock.yml")
    more = CondaPackage("py_stranger", "1.0", "py_0", (("stranger", "1.0"),))
    (found,) = findings(snapshot_of(prefix_of(tmp_path / "rl", (PYTHON, more))), lock)
    assert (found.package, found.remedy) == ("stranger", CondaRemove("py_stranger"))


def test_another_file_than_the_lock_s_is_told(tmp_path: Path) -> None:
    lock = parse_lock(conda_lock(PACKAGES).replace(SHA256, "0b" * 32), filename="conda-lock.yml")
    assert told(snapshot_of(prefix_of(tmp_path / "rl", PACKAGES)), lock) == [("hash-mismatch", "gym")]


def test_pip_s_package_in_the_place_of_conda_s_is_one_finding(lock: Lock, tmp_path: Path) -> None:
    """pip's torch over conda's pytorch: its record stays, under a name that pip does not know."""
    prefix = prefix_of(tmp_path / "rl", PACKAGES)
    site = prefix / "lib" / "python3.11" / "site-packages"
    shutil.rmtree(site / "torch-2.4.0.post101.dist-info")
    shutil.rmtree(site / "functorch-2.4.0.dist-info")
    write_dist_info(site, "torch", "2.4.0", INSTALLER="pip\n")
    assert told(snapshot_of(prefix), lock) == [("build-mismatch", "pytorch")]


def test_a_rule_speaks_before_the_lock_under_whichever_name(tmp_path: Path) -> None:
    lock = parse_lock(conda_lock(PACKAGES), filename="conda-lock.yml")
    others = tuple(each for each in PACKAGES if each is not TORCH)
    older = replace(TORCH, version="2.3.0", distributions=(("torch", "2.3.0"),))
    snapshot = snapshot_of(prefix_of(tmp_path / "rl", (*others, older)))
    rules = Rules(packages=(Require(name="torch", specifier=">=2.4"),))
    assert [(each.kind, each.package) for each in compare(snapshot, FACTS, rules, lock)] == [
        ("version-mismatch", "torch")
    ]
    assert told(snapshot, lock) == [("version-mismatch", "pytorch")]
