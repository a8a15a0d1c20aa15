"""What is documented is what is there: commands, findings, keys, variables, errors."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click
import pytest

from envguard.cli.reference import commands, reference
from envguard.domain.findings.finding import FindingKind
from envguard.errors import EnvguardError
from envguard.formats.language import POLICY_KEYS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
COMMANDS = list(commands())
each_command = pytest.mark.parametrize("command", [pytest.param(each, id=path) for path, each in COMMANDS])


def documented(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def errors(tree: type[EnvguardError] = EnvguardError) -> Iterator[type[EnvguardError]]:
    yield tree
    for branch in tree.__subclasses__():
        yield from errors(branch)


def test_the_reference_of_commands_is_their_own_help() -> None:
    assert documented("commands.md") == reference(), "run `make docs`"


@each_command
def test_help_is_one_imperative_line_and_an_example(command: click.Command) -> None:
    text = inspect.cleandoc(command.help or "")
    first = text.splitlines()[0]
    assert len(first) <= 60
    assert first.endswith(".")
    if does_something(command) or command.name == "envguard":
        assert re.search(r"^Example: envguard", text, re.MULTILINE)


def does_something(command: click.Command) -> bool:
    """Whether it has an outcome of its own: most groups only hold commands."""
    return not isinstance(command, click.Group) or command.name == "server"


@each_command
def test_every_command_states_its_exit_codes(command: click.Command) -> None:
    text = inspect.cleandoc(command.help or "")
    states = re.search(r"^Exit code: 0 [^,]+, (1 [^,]+, )?2 [^,]+, 3 [^,]+\.$", text, re.MULTILINE)
    assert (states is not None) == does_something(command)


@each_command
def test_every_option_says_what_it_is_for(command: click.Command) -> None:
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_every_finding_has_its_line() -> None:
    table = documented("policy.md")
    assert [kind for kind in get_args(FindingKind) if f"| `{kind}` |" not in table] == []


def test_every_key_of_a_policy_has_its_line() -> None:
    table = documented("policy.md")
    assert [key for key in POLICY_KEYS if not re.search(rf"^\| `{key}[`:]", table, re.MULTILINE)] == []


def test_every_kind_of_error_has_its_line_and_its_exit_code() -> None:
    table = documented("operating.md")
    rows = [f"| `{each.kind}` | {each.exit_code} |" for each in errors() if each.kind != "error"]
    assert [row for row in rows if row not in table] == []


def test_every_environment_variable_has_its_line() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "envguard").rglob("*.py"))
    used = set(re.findall(r"\bENVGUARD_[A-Z_]+\b", code))
    table = documented("operating.md")
    assert [name for name in sorted(used) if f"| `{name}` |" not in table] == []


@pytest.mark.parametrize(
    "page", sorted([ROOT / "README.md", *DOCS.rglob("*.md")]), ids=lambda page: page.name
)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_decisions_are_numbered_and_say_what_they_cost() -> None:
    pages = sorted((DOCS / "decisions").glob("*.md"))
    for number, page in enumerate(pages, start=1):
        text = page.read_text(encoding="utf-8")
        assert page.name.startswith(f"{number:04d}-")
        assert text.startswith(f"# {number}. ")
        assert all(f"**{part}.**" in text for part in ("Context", "Options", "Choice", "Cost"))
