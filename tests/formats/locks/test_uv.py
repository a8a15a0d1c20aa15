"""``uv.lock`` as text: what is read of it, and each thing that is wrong with one."""

from __future__ import annotations

import pytest

from envguard.domain.environment import Origin
from envguard.domain.locks.lock import Artifact, Dependency, LockedPackage, Root
from envguard.errors import PolicyError
from envguard.formats import parse_lock
from envguard.formats.companions import KeptFiles

HEAD = 'version = 1\nrevision = 3\nrequires-python = ">=3.10"\n'
OWN = '[[package]]\nname = "me"\nsource = { virtual = "." }\n'


def entry(name: str, source: str, *lines: str) -> str:
    head = ("[[package]]", f'name = "{name}"', 'version = "1.0"', f"source = {{ {source} }}")
    return "\n".join((*head, *lines)) + "\n"


def problems_of(text: str, *, filename: str = "uv.lock") -> list[tuple[str | None, str]]:
    with pytest.raises(PolicyError) as caught:
        parse_lock(text, filename=filename)
    found = list(caught.value.problems) or [caught.value]
    assert all(each.hint for each in found)
    return [(each.where, each.what) for each in found]


@pytest.mark.parametrize("filename", ["uv.lock", "rl.uv.lock", "up/uv.lock"])
def test_a_uv_lock_is_told_by_its_name(filename: str) -> None:
    assert parse_lock(HEAD + OWN, filename=filename).project == "me"


@pytest.mark.parametrize(
    ("source", "origin"),
    [
        ('registry = "https://index.example/simple"', None),
        (
            'url = "https://me:secret@files.example/a-1.0.tar.gz?x=1#y"',
            Origin("archive", "https://files.example/a-1.0.tar.gz"),
        ),
        ('path = "../a-1.0.tar.gz"', Origin("archive")),
        ('git = "https://git.example/a?rev=v1#0123abc"', Origin("vcs", "https://git.example/a", "0123abc")),
        ('git = "ssh://git@git.example/a.git#0123abc"', Origin("vcs", "ssh://git.example/a.git", "0123abc")),
        ('git = "file:///srv/a#0123abc"', Origin("vcs", None, "0123abc")),
        ('directory = "libs/a"', Origin("directory")),
        ('editable = "libs/a"', Origin("editable")),
    ],
)
def test_where_an_entry_must_come_from(source: str, origin: Origin | None) -> None:
    (_, package) = parse_lock(HEAD + OWN + entry("a", source), filename="uv.lock").packages
    assert package.origin == origin
    assert package.version == (None if source.startswith("editable") else "1.0")


def test_the_files_of_an_entry() -> None:
    lines = (
        'sdist = { url = "https://files.example/x/a-1.0.tar.gz", hash = "sha256:aa", size = 1 }',
        'wheels = [{ url = "https://files.example/a-1.0%2Bcu12-py3-none-any.whl#b", hash = "sha256:bb" },',
        '{ path = "up/a-1.0-py3-none-any.whl" }, { filename = "a-1.0-cp311-cp311-any.whl", hash = "" }]',
    )
    (_, package) = parse_lock(HEAD + OWN + entry("a", 'registry = "x"', *lines), filename="uv.lock").packages
    assert package.artifacts == (
        Artifact("a-1.0.tar.gz", ("sha256:aa",)),
        Artifact("a-1.0+cu12-py3-none-any.whl", ("sha256:bb",)),
        Artifact("a-1.0-py3-none-any.whl"),
        Artifact("a-1.0-cp311-cp311-any.whl"),
    )


def test_entries_of_one_name_and_version_are_told_by_their_source() -> None:
    needs = 'dependencies = [{ name = "t", version = "1.0", source = { registry = "two" }, extra = ["X_y"] }]'
    text = HEAD + entry("me", 'virtual = "."', needs)
    text += entry("t", 'registry = "one"', "resolution-markers = [\"os_name == 'nt'\"]")
    text += entry("t", 'registry = "two"', "resolution-markers = [\"os_name == 'x'\", \"os_name == 'y'\"]")
    (me, one, two) = parse_lock(text, filename="uv.lock").packages
    assert me.dependencies == (Dependency("t", "1.0", extras=("x-y",), source=two.source),)
    assert one.source != two.source
    assert two.marker == "(os_name == 'x') or (os_name == 'y')"


def test_the_project_is_a_root_with_its_extras_and_groups() -> None:
    lines = (
        "[package.optional-dependencies]",
        'Fast_Mode = [{ name = "a" }]',
        "[package.dev-dependencies]",
        'Dev_X = [{ name = "a", marker = "os_name == \'nt\'" }]',
        "[package.metadata]",
        'provides-extras = ["fast-mode", "empty"]',
        "[package.metadata.requires-dev]",
        "dev-x = []",
        "idle = []",
    )
    text = (
        HEAD
        + 'conflicts = [[{ package = "me", extra = "fast-mode" }, { package = "me", group = "dev-x" }]]\n'
    )
    lock = parse_lock(
        text + entry("Me", 'editable = "."', *lines) + entry("a", 'registry = "x"'), filename="uv.lock"
    )
    assert lock.roots == (
        Root(Dependency("me"), member="me"),
        Root(Dependency("me", extras=("fast-mode",)), extra="fast-mode", member="me"),
        Root(Dependency("a", marker="os_name == 'nt'"), group="dev-x", member="me"),
    )
    assert (lock.extras, lock.groups) == (("empty", "fast-mode"), ("dev-x", "idle"))
    assert (lock.project, lock.has_conflicts, lock.requires_python) == ("me", True, ">=3.10")
    assert lock.packages[0] == LockedPackage(
        "me", origin=Origin("editable"), location=".", extra_dependencies={"fast-mode": (Dependency("a"),)}
    )


@pytest.mark.parametrize(
    ("project", "expected"),
    [
        (None, ("dev",)),
        ("", ("dev",)),
        ("[tool.uv]\ndefault-groups = 'all'", ("dev", "docs")),
        ("[tool.uv]\ndefault-groups = ['Docs', 'gone', 3]", ("docs",)),
        ("[tool.uv]\ndefault-groups = 3", ("dev",)),
        ("tool = 3", ("dev",)),
    ],
)
def test_the_default_groups_of_a_lock_that_does_not_tell_them(
    project: str | None, expected: tuple[str, ...]
) -> None:
    text = HEAD + entry("me", 'virtual = "."', "[package.metadata.requires-dev]", "dev = []", "docs = []")
    files = KeptFiles({} if project is None else {"up/pyproject.toml": project})
    assert parse_lock(text, filename="up/uv.lock", companions=files).default_groups == expected


def test_a_broken_project_is_named() -> None:
    files = KeptFiles({"up/pyproject.toml": "a = \n"})
    with pytest.raises(PolicyError) as caught:
        parse_lock(HEAD + OWN, filename="up/uv.lock", companions=files)
    assert (caught.value.where or "").startswith("up/pyproject.toml:1:")


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("", "uv.lock", "the key is missing: `version`"),
        ("version = 1\n", "uv.lock", "the key is missing: `requires-python`"),
        (
            HEAD.replace("= 1", "= 2") + OWN,
            "uv.lock:1:1: version",
            "a format that this version does not read: 2",
        ),
        (
            HEAD.replace("= 1", "= true") + OWN,
            "uv.lock:1:1: version",
            "a whole number is expected, not `true` or `false`",
        ),
        (
            HEAD.replace(">=3.10", "^3.10") + OWN,
            "uv.lock:3:1: requires-python",
            "not a version specifier: `^3.10`",
        ),
        (HEAD, "uv.lock: package", "the lock does not say whose it is: no entry has the source `.`"),
        (HEAD + "package = 3\n", "uv.lock:4:1: package", "a list is expected, not a whole number"),
        (HEAD + OWN + "[[package]]\n", "uv.lock:7:1: package[1]", "the key is missing: `name`"),
        (
            HEAD + OWN + "[[package]]\nname = 3\n",
            "uv.lock:8:1: package[1].name",
            "a text is expected, not a whole number",
        ),
        (HEAD + OWN + entry("a b", "x = 1"), "uv.lock:8:1: package[1].name", "not a name: `a b`"),
        (
            HEAD + OWN + entry("a", "x = 1", 'sdist = "y"'),
            "uv.lock:11:1: package[1].sdist",
            "a table is expected, not a text",
        ),
        (
            HEAD + OWN + entry("a", "x = 1").replace("1.0", "one"),
            "uv.lock:9:1: package[1].version",
            "not a version: `one`",
        ),
        (
            HEAD + OWN + entry("a", "registry = 1"),
            "uv.lock:10:1: package[1].source.registry",
            "a text is expected, not a whole number",
        ),
        (
            HEAD + OWN + entry("a", "x = 1", 'dependencies = [{ name = "a" }, { name = "b" }]'),
            "uv.lock:11:1: package[1].dependencies[1]",
            "the lock has no such entry: `b`",
        ),
        (
            HEAD + OWN + entry("a", "x = 1", 'dependencies = [{ name = "a", marker = "os ==" }]'),
            "uv.lock:11:1: package[1].dependencies[0].marker",
            "not a marker: `os ==`",
        ),
        (
            HEAD + OWN + 2 * entry("a", "x = 1") + entry("b", "x = 1", 'dependencies = [{ name = "a" }]'),
            "uv.lock:19:1: package[3].dependencies[0]",
            "the lock has no such entry: `a`",
        ),
        (HEAD + "supported-markers = ['(']\n" + OWN, "uv.lock:4:1: supported-markers", "not a marker: `(`"),
        (
            HEAD + "[manifest]\nmembers = 1\n" + OWN,
            "uv.lock:5:1: manifest.members",
            "a list is expected, not a whole number",
        ),
        ("a = \n", "uv.lock:1:5", "not TOML: Invalid value"),
        ("version = 2\n", "uv.lock:1:1: version", "a format that this version does not read: 2"),
        ("a = [\n", "uv.lock:2:1", "not TOML: Invalid value"),
        ("a = [" + "1," * 90_000 + "]", "uv.lock", "too many entries for a lock"),
        ("a.b.c.d = 1\n" * 90_000, "uv.lock", "too many entries for a lock"),
        ("#\n" * 160_000, "uv.lock", "too many entries for a lock"),
        ("a =" + " " * 160_000, "uv.lock", "too many entries for a lock"),
        ('a = "' + "\\t" * 60_000, "uv.lock", "too many entries for a lock"),
        ("a = " + "1" * 5_000, "uv.lock", "not TOML: Exceeds the limit"),
        ("a = " + "[" * 9_999, "uv.lock", "nested too deeply for a lock"),
        ("a" + ".a" * 99_999 + " = 1", "uv.lock", "not a lock: a key of a hundred parts"),
        ("#" * 50_000_000, "uv.lock", "too large for a lock: over 32 MiB"),
        ("#" * 9_000_000, "uv.lock", "too large for a lock: over 8 MiB"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_what_is_no_uv_lock_is_refused_with_its_place(text: str, where: str, what: str) -> None:
    ((found_where, found_what),) = problems_of(text)
    assert found_where == where
    assert found_what.startswith(what)


def test_all_problems_are_raised_at_once() -> None:
    broken = entry("-", "x = 1", 'dependencies = [{ name = "b" }, { name = "c", marker = "?" }]')
    assert [where for where, _ in problems_of(HEAD + OWN + broken + broken.replace("1.0", "?"))] == [
        "uv.lock:8:1: package[1].name",
        "uv.lock:13:1: package[2].name",
        "uv.lock:11:1: package[1].dependencies[0]",
        "uv.lock:11:1: package[1].dependencies[1].marker",
        "uv.lock:11:1: package[1].dependencies[1]",
        "uv.lock:14:1: package[2].version",
        "uv.lock:16:1: package[2].dependencies[0]",
        "uv.lock:16:1: package[2].dependencies[1].marker",
        "uv.lock:16:1: package[2].dependencies[1]",
    ]


def test_tables_that_do_not_fit_are_all_named() -> None:
    assert [where for where, _ in problems_of(HEAD + OWN + "[[package]]\nname = 1\n" * 3)] == [
        f"uv.lock:{line}:1: package[{index}].name" for index, line in ((1, 8), (2, 10), (3, 12))
    ]


def test_the_hundredth_problem_ends_the_search() -> None:
    assert len(problems_of(HEAD + OWN + "[[package]]\nname = 1\n" * 300)) == 100


def test_markers_of_a_megabyte_are_not_looked_into() -> None:
    lines = [f'{{ name = "a", marker = "os_name == \'{number}{"x" * 90_000}\'" }},' for number in range(13)]
    found = problems_of(HEAD + OWN + entry("a", "x = 1", "dependencies = [", *lines, "]"))
    assert {what for _, what in found} == {"the markers of this file are too long"}
    one = 'dependencies = [{ name = "a", marker = "' + "(" * 100_001 + '" }]'
    ((_, what),) = problems_of(HEAD + OWN + entry("a", "x = 1", one))
    assert what == "a marker of over 100000 characters"


def test_no_secret_of_an_address_is_shown() -> None:
    text = HEAD + OWN + entry("https://me:secret@index.example", "x = 1")
    assert "secret" not in str(problems_of(text))


@pytest.mark.parametrize(
    ("source", "subdirectory"),
    [
        (f'git = "https://git.example/a?subdirectory=libs%2Fa&rev=main#{"0" * 40}"', "libs/a"),
        ('url = "https://files.example/a.zip", subdirectory = "libs/a"', "libs/a"),
        (f'git = "https://git.example/a?rev=main#{"0" * 40}"', None),
    ],
    ids=["git", "url", "at the top"],
)
def test_where_in_its_source_a_package_lies(source: str, subdirectory: str | None) -> None:
    lock = parse_lock(HEAD + entry("me", 'virtual = "."') + entry("a", source), filename="uv.lock")
    assert lock.packages[1].subdirectory == subdirectory
