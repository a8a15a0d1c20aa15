"""``poetry.lock`` as text: what is read of it, and each thing that is wrong with one."""

from __future__ import annotations

import pytest

from envguard.domain.environment import Origin
from envguard.domain.locks.lock import Artifact, Dependency, Lock, LockedPackage
from envguard.errors import PolicyError
from envguard.formats import parse_lock

FLAT = '[metadata]\nlock-version = "2.1"\npython-versions = ">=3.9"\n'
GRAPH = FLAT.replace("2.1", "2.0")


def entry(name: str, *lines: str) -> str:
    head = ("[[package]]", f'name = "{name}"', 'version = "1.0"', "optional = false")
    return "\n".join((*head, *lines)) + "\n"


def parsed(text: str) -> Lock:
    return parse_lock(text, filename="poetry.lock")


def marker_of(*lines: str) -> str | None:
    (package,) = parsed(entry("a", *lines) + FLAT).packages
    return package.marker


def dependencies_of(*lines: str) -> LockedPackage:
    text = entry("a", *lines) + entry("b") + entry("b").replace("1.0", "2.0") + GRAPH
    return parsed(text).packages[0]


@pytest.mark.parametrize("filename", ["poetry.lock", "rl.poetry.lock", "up/poetry.lock"])
def test_a_poetry_lock_is_told_by_its_name(filename: str) -> None:
    assert parse_lock(entry("A_b") + FLAT, filename=filename).packages == (LockedPackage("a-b", "1.0"),)


@pytest.mark.parametrize(
    ("lines", "marker"),
    [
        ((), None),
        (('groups = ["main", "dev"]',), None),
        (('groups = ["Dev_X"]',), '"dev-x" in dependency_groups'),
        (('groups = ["dev", "docs"]',), '("dev" in dependency_groups) or ("docs" in dependency_groups)'),
        (('groups = ["main"]', "markers = \"os_name == 'nt'\""), "os_name == 'nt'"),
        (
            ('groups = ["dev"]', "markers = \"extra != 'A_b'\""),
            '("dev" in dependency_groups) and ("a-b" not in extras)',
        ),
        (
            ('groups = ["main"]', 'markers = \'extra == "x" or os_name == "nt"\''),
            '"x" in extras or os_name == "nt"',
        ),
        (
            ('groups = ["main", "dev"]', "markers = {main = \"os_name == 'nt'\"}"),
            "(os_name == 'nt') or (\"dev\" in dependency_groups)",
        ),
        (
            ('groups = ["main", "dev"]', 'markers = {main = "<empty>", dev = "os_name == \'x\'"}'),
            "(python_version < '0') or ((\"dev\" in dependency_groups) and (os_name == 'x'))",
        ),
    ],
)
def test_when_an_entry_of_a_flat_lock_applies(lines: tuple[str, ...], marker: str | None) -> None:
    assert marker_of(*lines) == marker


@pytest.mark.parametrize(
    ("source", "origin", "location"),
    [
        ('type = "legacy"\nurl = "https://index.example/simple"\nreference = "team"', None, None),
        (
            'type = "git"\nurl = "https://me:secret@git.example/a.git"\nresolved_reference = "0123"',
            Origin("vcs", "https://git.example/a.git", "0123"),
            None,
        ),
        (
            'type = "git"\nurl = "git@git.example:a.git"\nresolved_reference = "0123"',
            Origin("vcs", None, "0123"),
            None,
        ),
        (
            'type = "url"\nurl = "https://files.example/a.whl"',
            Origin("archive", "https://files.example/a.whl"),
            None,
        ),
        ('type = "file"\nurl = "../a.whl"', Origin("archive"), "../a.whl"),
        ('type = "directory"\nurl = "../a"', Origin("directory"), "../a"),
    ],
    ids=["index", "git", "git by ssh", "url", "file", "directory"],
)
def test_where_an_entry_must_come_from(source: str, origin: Origin | None, location: str | None) -> None:
    text = entry("a", "[package.source]", source) + FLAT
    assert parsed(text).packages == (LockedPackage("a", "1.0", origin=origin, location=location),)


def test_a_folder_in_use_has_no_version() -> None:
    text = entry("a", "develop = true", "[package.source]", 'type = "directory"\nurl = "../a"') + FLAT
    assert parsed(text).packages == (LockedPackage("a", origin=Origin("editable"), location="../a"),)


def test_the_files_of_an_entry_stand_in_it_or_at_the_end() -> None:
    files = (
        '[{file = "a-1.0-py3-none-any.whl", hash = "sha256:aa"}, {file = "a-1.0.tar.gz", hash = "sha256:bb"}]'
    )
    wanted = (Artifact("a-1.0-py3-none-any.whl", ("sha256:aa",)), Artifact("a-1.0.tar.gz", ("sha256:bb",)))
    (package,) = parsed(entry("a", f"files = {files}") + FLAT).packages
    assert package.artifacts == wanted
    both = files.replace("]", ', {file = "a-2.0.tar.gz"}]')
    (package,) = parsed(entry("a") + GRAPH + f"[metadata.files]\nA = {both}\n").packages
    assert package.artifacts == wanted


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ('"*"', Dependency("b")),
        ('">=1"', Dependency("b", specifier=">=1")),
        ('"^1.0"', Dependency("b", source="1.0")),
        ('"<1 || >=3"', Dependency("b")),
        (
            '{version = "2.0", extras = ["X_y"], markers = "os_name == \'nt\'"}',
            Dependency("b", source="2.0", extras=("x-y",), marker="os_name == 'nt'"),
        ),
        (
            '{version = "*", python = "<3.12", platform = "linux"}',
            Dependency("b", marker="(python_version < '3.12') and (sys_platform == 'linux')"),
        ),
        ('{version = "*", markers = "<empty>"}', Dependency("b", marker="python_version < '0'")),
        ('[{version = "1.0"}]', Dependency("b", source="1.0")),
    ],
    ids=["any", "from", "caret", "neither", "table", "place", "never", "list"],
)
def test_what_an_entry_of_a_graph_asks_for(wish: str, expected: Dependency) -> None:
    assert dependencies_of("[package.dependencies]", f"B = {wish}").dependencies == (expected,)


def test_what_an_entry_asks_for_by_its_extras() -> None:
    optional = 'b = {version = "*", optional = true, markers = "extra == \\"Fast_x\\" or extra == \\"all\\""}'
    lines = (
        "[package.dependencies]",
        optional,
        "[package.extras]",
        'Fast_x = ["B (>=1)"]',
        'all = ["b", "(c)"]',
        'no = ["c"]',
    )
    found = dependencies_of(*lines)
    always, never = "python_version >= '0'", "python_version < '0'"
    assert found.dependencies == ()
    assert found.extra_dependencies == {
        "fast-x": (Dependency("b", marker=f"{always} or {never}"),),
        "all": (Dependency("b", marker=f"{never} or {always}"),),
        "no": (),
    }


def test_pythons_in_alternatives_are_environments() -> None:
    lock = parsed(entry("a") + FLAT.replace(">=3.9", "~3.9 || ^3.11.2"))
    assert lock.requires_python is None
    assert lock.environments == (
        "python_full_version >= '3.9' and python_full_version < '3.10'",
        "python_full_version >= '3.11.2' and python_full_version < '4'",
    )


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("", "poetry.lock", "the key is missing: `metadata`"),
        ("[metadata]\n", "poetry.lock:1:1: metadata", "the key is missing: `lock-version`"),
        (FLAT, "poetry.lock: package", "the lock pins nothing"),
        (
            entry("a") + FLAT.replace("2.1", "3.0"),
            "poetry.lock:6:1: metadata.lock-version",
            "a format that this version does not read: `3.0`",
        ),
        (
            entry("a") + FLAT.replace('"2.1"', "2.1"),
            "poetry.lock:6:1: metadata.lock-version",
            "a text is expected, not a number",
        ),
        (entry("a") + entry("-") + FLAT, "poetry.lock:6:1: package[1].name", "not a name: `-`"),
        (
            entry("a").replace("1.0", "one") + FLAT,
            "poetry.lock:3:1: package[0].version",
            "not a version: `one`",
        ),
        (
            entry("a", "groups = 3") + FLAT,
            "poetry.lock:5:1: package[0].groups",
            "a list is expected, not a whole number",
        ),
        (entry("a", 'groups = ["?"]') + FLAT, "poetry.lock:5:1: package[0].groups", "not a name: `?`"),
        (entry("a", 'markers = "("') + FLAT, "poetry.lock:5:1: package[0].markers", "not a marker: `(`"),
        (
            entry("a", 'markers = {main = "("}') + FLAT,
            "poetry.lock:5:1: package[0].markers.main",
            "not a marker: `(`",
        ),
        (
            entry("a", "[package.dependencies]", 'b = {markers = "("}') + GRAPH,
            "poetry.lock:6:1: package[0].dependencies.b",
            "not a marker: `(`",
        ),
        (entry("a") + FLAT + "[extras]\n'?' = []\n", "poetry.lock:8:1: extras", "not a name: `?`"),
        ("a = \n", "poetry.lock:1:5", "not TOML"),
        ("a = " + "[" * 9_999, "poetry.lock", "nested too deeply for a lock"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_what_is_no_poetry_lock_is_refused_with_its_place(text: str, where: str, what: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parsed(text)
    assert caught.value.problems == ()
    assert (caught.value.where or "").startswith(where)
    assert caught.value.what.startswith(what)
    assert caught.value.hint


def test_all_problems_are_raised_at_once() -> None:
    text = entry("a", 'markers = "("').replace("1.0", "?") + entry("b", 'markers = ")"') + FLAT
    with pytest.raises(PolicyError) as caught:
        parsed(text)
    assert len(caught.value.problems) == 3
