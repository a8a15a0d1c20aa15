"""A small world of wheels, and environments that real tools made of it; nothing comes from the network."""

from __future__ import annotations

import hashlib
import re
import sysconfig
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from envguard.domain.drift import compare
from envguard.domain.environment import Snapshot
from envguard.domain.facts import MachineFacts
from envguard.domain.findings.finding import Finding
from envguard.domain.locks.lock import Lock, LockChoice
from envguard.domain.policy import OriginRules, Rules
from envguard.inventory import read_environment
from tests.builders.environments import make_venv, write_tree
from tests.builders.wheels import make_wheel
from tests.inventory.oracle.children import own_tool, run
from tests.inventory.oracle.making import base_python

PYTHONS = ["3.8", "3.11", "3.13"]
PLATFORM = sysconfig.get_platform().replace("-", "_").replace(".", "_")
FACTS = MachineFacts(os="linux", kernel="6.1")
ORIGINS = OriginRules(editable="error", vcs="error", direct_url="error")
EVERYTHING = Rules(unlisted="error", origins=ORIGINS)
"""Nothing may differ."""
PURE: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "gym",
        "0.26.2",
        (
            "numpy>=1",
            "cloudpickle",
            "importlib-metadata; python_version < '3.10'",
            "winfix; sys_platform == 'win32'",
            "pygame; extra == 'human'",
        ),
    ),
    ("gym", "0.25.2", ("numpy",)),
    ("numpy", "1.24.4", ()),
    ("numpy", "2.1.0", ()),
    ("cloudpickle", "3.0.0", ()),
    ("cloudpickle", "2.2.0", ()),
    ("importlib-metadata", "6.0", ("zipp",)),
    ("zipp", "3.1", ()),
    ("pygame", "2.5", ()),
    ("pytest", "8.0", ("Ini.Config",)),
    ("Ini.Config", "2.0", ()),
    ("sphinx", "7.0", ()),
    ("torch", "2.4.1+cpu", ("numpy",)),
    ("torch", "2.4.1+cu121", ("numpy",)),
    ("foreign", "1.0", ()),
    ("winfix", "1.0", ()),
)
COMPILED = ("fastmath", "1.5.0")
"""For each of the Pythons a wheel of its own, as compilers make them."""


def make_world(folder: Path) -> Path:
    """Write all wheels into a folder and answer it."""
    for name, version, requires in PURE:
        make_wheel(folder, name, version, requires=requires)
    for python in PYTHONS:
        tag = f"cp{python.replace('.', '')}"
        make_wheel(folder, *COMPILED, tag=f"{tag}-{tag}-{PLATFORM}")
    return folder


def make_index(folder: Path, wheels: Path) -> Path:
    """Write an index of the wheels (PEP 503) and answer its folder; links tell the digests, as servers do."""
    pages: dict[str, list[str]] = defaultdict(list)
    for wheel in sorted(wheels.glob("*.whl")):
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        name = re.sub(r"[-_.]+", "-", wheel.name.partition("-")[0])
        pages[name].append(f'<a href="{wheel.as_uri()}#sha256={digest}">{wheel.name}</a>')
    for name, links in pages.items():
        write_tree(folder, {f"{name}/index.html": "<!DOCTYPE html><body>" + "<br>".join(links) + "</body>"})
    return folder


def make_with_uv(python: str, folder: Path, environ: Mapping[str, str]) -> Path:
    """Make an environment without pip by ``uv venv`` and answer its folder."""
    run([own_tool("uv"), "--quiet", "venv", "--python", base_python(python), folder], environ)
    return folder


def make_plain(python: str, folder: Path) -> Path:
    """Make an environment without pip by ``venv`` and answer its folder."""
    return make_venv(base_python(python), folder)


def by_pip(env: Path, environ: Mapping[str, str], *what: str | Path) -> Snapshot:
    """Install by the environment's own pip, and answer what is there then."""
    run([env / "bin" / "python", "-m", "pip", "--quiet", "install", *what], environ)
    return snapshot_of(env)


def by_uv(env: Path, environ: Mapping[str, str], *words: str | Path) -> Snapshot:
    """Carry out ``uv pip`` with these words, and answer what is there then."""
    run([own_tool("uv"), "--quiet", "pip", *words, "--python", env / "bin" / "python"], environ)
    return snapshot_of(env)


def snapshot_of(env: Path) -> Snapshot:
    """Answer what is installed."""
    return read_environment(env).snapshot


def findings(snapshot: Snapshot, lock: Lock, choice: LockChoice | None = None) -> tuple[Finding, ...]:
    """Answer in what an environment differs from a lock, where nothing may."""
    rules = EVERYTHING if choice is None else Rules(unlisted="error", origins=ORIGINS, choice=choice)
    return compare(snapshot, FACTS, rules, lock)


def told(snapshot: Snapshot, lock: Lock, choice: LockChoice | None = None) -> list[tuple[str, str | None]]:
    """Answer kind and package of each finding."""
    return [(each.kind, each.package) for each in findings(snapshot, lock, choice)]
