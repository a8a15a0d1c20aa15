"""How the code may grow: sizes, names, documentation, and what stands at the top of the repository.

The limits are a ratchet: where code outgrows one, split it; the limit stays.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import envguard

ROOT = Path(__file__).resolve().parents[2]
MODULE_LINES = 400
FUNCTION_LINES = 60
TOP_LEVEL = {
    ".ci",
    ".gitignore",
    ".pre-commit-hooks.yaml",  # pre-commit looks for it there
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "benchmarks",
    "docs",
    "envguard",
    "policies",
    "pyproject.toml",
    "requirements-dev.lock",
    "systemd",
    "tests",
}
NAMES_THAT_SAY_NOTHING = {"common", "helper", "helpers", "misc", "util", "utils"}
SAMPLE_PEOPLE = {"ann", "bob", "eve", "me", "user", "you"}
"""Whose homes examples and tests may name; any other home is somebody's real one."""
HOME = re.compile(r"/(?:home|Users)/(?P<person>[A-Za-z][\w.-]*)|/[r]oot/\w")
REGISTRIES = [".".join(parts) for parts in [("pypi", "org"), ("pythonhosted", "org"), ("anaconda", "org")]]
"""In pieces, so that this file passes its own test."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = Function | ast.ClassDef


@cache
def modules() -> dict[Path, ast.Module]:
    """The syntax tree of each module of the package, by its path in the repository."""
    return {
        path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / "envguard").rglob("*.py"))
    }


@cache
def repository_files() -> list[Path]:
    """What git tracks or would track, as paths in the repository."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so what belongs to the repository is unknown")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return [Path(name) for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def functions(tree: ast.Module) -> Iterator[Function]:
    """All functions and methods, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def length(function: Function) -> int:
    """Lines from ``def`` to the end, without decorators and docstring."""
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function, clean=False) is not None:
        docstring = function.body[0]
        assert docstring.end_lineno is not None
        lines -= docstring.end_lineno - docstring.lineno + 1
    return lines


def public(body: list[ast.stmt]) -> Iterator[Documented]:
    """What a module or class offers to others; an overload's docstring is its implementation's."""
    for node in body:
        if isinstance(node, Documented) and not node.name.startswith("_") and not borrows_docstring(node):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


def borrows_docstring(node: Documented) -> bool:
    """Whether a decorator says that the documentation stands elsewhere."""
    borrowing = ("overload", "setter", "deleter", "override")
    return any(ast.unparse(decorator).split(".")[-1] in borrowing for decorator in node.decorator_list)


def report(faults: list[str]) -> str:
    return "\n".join(["", *faults])


def test_no_module_is_over_400_lines() -> None:
    lines = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in modules()}
    faults = [f"{path}: {count} lines" for path, count in lines.items() if count > MODULE_LINES]
    assert not faults, report(faults)


def test_no_function_is_over_60_lines() -> None:
    faults = [
        f"{path}:{function.lineno}: {function.name}: {length(function)} lines"
        for path, tree in modules().items()
        for function in functions(tree)
        if length(function) > FUNCTION_LINES
    ]
    assert not faults, report(faults)


def test_every_module_is_documented() -> None:
    faults = [str(path) for path, tree in modules().items() if not ast.get_docstring(tree)]
    assert not faults, report(faults)


def test_every_public_class_and_function_is_documented() -> None:
    faults = [
        f"{path}:{node.lineno}: {node.name}"
        for path, tree in modules().items()
        for node in public(tree.body)
        if not ast.get_docstring(node)
    ]
    assert not faults, report(faults)


def test_every_folder_of_the_package_is_a_room_with_an_init() -> None:
    folders = {path.parent for path in modules()}
    faults = [f"{folder}/" for folder in sorted(folders) if not (ROOT / folder / "__init__.py").exists()]
    assert not faults, report(faults)


def test_no_file_has_a_name_that_says_nothing() -> None:
    faults = [str(path) for path in repository_files() if path.stem.strip("_") in NAMES_THAT_SAY_NOTHING]
    assert not faults, report(faults)


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    faults = [
        f"{path}:{number}: {place}"
        for path, number, line in lines_of_text()
        for place in private_places(line)
    ]
    assert not faults, report(faults)


def test_no_file_names_a_package_registry() -> None:
    faults = [
        f"{path}:{number}: {host}"
        for path, number, line in lines_of_text()
        for host in REGISTRIES
        if host in line
    ]
    assert not faults, report(faults)


def lines_of_text() -> Iterator[tuple[Path, int, str]]:
    """Each line of each text file: path, number, text."""
    for path in repository_files():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content:
            for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
                yield path, number, line


def private_places(line: str) -> Iterator[str]:
    """Homes of real people, and this checkout's own path."""
    for match in HOME.finditer(line):
        if match["person"] not in SAMPLE_PEOPLE:
            yield match[0]
    if len(ROOT.parts) > 2 and f"{ROOT}/" in line:
        yield str(ROOT)


def test_changelog_has_a_heading_for_this_version_or_for_what_is_unreleased() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\]", changelog, flags=re.MULTILINE)
    assert headings, "no heading of the form `## [VERSION]`"
    assert headings[0] in ("Unreleased", envguard.__version__)


def test_top_of_the_repository_holds_only_agreed_names() -> None:
    faults = sorted({path.parts[0] for path in repository_files()} - TOP_LEVEL)
    assert not faults, report(faults)
