"""Where the keys of a lock in TOML are said to stand."""

from __future__ import annotations

import time

import pytest

from envguard.formats.locks.toml_places import TomlPlaces

LOCK = r"""version = 1 # [[package]]
note = '''
[[package]]
version = 2'''
more = 'MORE'

[[package]]
name = "gym"
dependencies = [
    { name = "numpy" },
    { name = "jax" },
]
  [package.optional-dependencies]
  "zope.interface" = [
    { name = "toy" }
  ]

[[ package ]] # the second
'name' = "b"
wheels = [{ url = "x" }, { url = "y" }]
source.url = "x"

[[package.files]]
hash = "a"

[[package.files]]
hash = "b"

[extras]
all = ["gym"]
""".replace("'MORE'", '"""a \\""" ""\n[[package]]""""')


@pytest.mark.parametrize(
    ("key", "table", "place"),
    [
        ("version", None, ":1:1"),
        ("more", None, ":5:1"),
        ("extras.all", None, ":31:1"),
        ("extras.none", None, ":30:1"),
        ("absent", None, ""),
        ("name", ("package", 0), ":9:1"),
        ("dependencies", ("package", 0), ":10:1"),
        ("dependencies[0].marker", ("package", 0), ":11:5"),
        ("dependencies[1]", ("package", 0), ":12:5"),
        ("dependencies[2]", ("package", 0), ":10:1"),
        ("dependencies[90]", ("package", 0), ":10:1"),
        ("optional-dependencies", ("package", 0), ":14:3"),
        ("optional-dependencies.zope.interface[0].name", ("package", 0), ":16:5"),
        ("optional-dependencies[...][0].name", ("package", 0), ":14:3"),
        ("version", ("package", 0), ":8:1"),
        ("files[0].hash", ("package", 0), ":8:1"),
        ("extras.all", ("package", 1), ":19:1"),
        ("name", ("package", 1), ":20:1"),
        ("", ("package", 1), ":19:1"),
        ("wheels[1].url", ("package", 1), ":21:1"),
        ("source.url", ("package", 1), ":22:1"),
        ("files[1].hash", ("package", 1), ":28:1"),
        ("files[2].hash", ("package", 1), ":19:1"),
        ("name", ("package", 2), ""),
    ],
)
def test_a_key_is_found_where_it_stands(key: str, table: tuple[str, int] | None, place: str) -> None:
    assert TomlPlaces(LOCK).of(key, table) == place


@pytest.mark.parametrize(
    ("begin", "middle", "end"),
    [
        ("", "a = 1\n", ""),
        ("", "[[package]]\n", ""),
        ("", "[[package]]\n[package.dependencies]\n", ""),
        ("", " " * 60 + "\n", ""),
        ("# ", "'\"", ""),
        ('a = """', '" words ', '"""'),
        ('a = """', "[[package]]\n", '"""'),
        ("a = '''", "' ", "'''"),
        ("a = '", "[", "' # '''"),
        ("a", ".a", " = 1"),
        ("a = [\n", "[1, 2],\n", "]"),
    ],
    ids=repr,
)
def test_a_hundred_places_in_a_large_text_take_less_than_a_second(begin: str, middle: str, end: str) -> None:
    times = 50_000 if "\n" in middle else 8 * 1024 * 1024 // len(middle)
    places = TomlPlaces(f"{begin}{middle * times}{end}\n[[package]]\nx = []\n")
    began = time.process_time()
    for number in range(100):
        places.of(f"dependencies[{number}].a", ("package", number))
        places.of(f"a.b.c{number}", None)
    assert time.process_time() - began < 5  # half a second; the square of the length would take minutes
