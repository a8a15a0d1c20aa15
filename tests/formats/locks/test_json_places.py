"""Where the keys of a lock in JSON are said to stand."""

from __future__ import annotations

import time

import pytest

from envguard.formats.locks.json_places import JsonPlaces

LOCK = r"""{
    "_meta": {"hash": {"sha256": "}"}, "sources": [{"name": "x"}, {"name": "y"}]},
    "default": {
        "zope.interface": {
            "hashes": [
                "sha256:aa",
                "sha256:{\"version\": 1"
            ],
            "version" : "==1",
            "more": {"deep": {"deeper": 1}}
        },
        "a\u0062" : "==2"
    },
    "develop": {"zope.interface": {"version": "==1"}}
}
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("_meta", ":2:5"),
        ("_meta.hash.sha256", ":2:24"),
        ("_meta.sources", ":2:40"),
        ("default", ":3:5"),
        ("default.zope.interface", ":4:9"),
        ("default.zope.interface.hashes[1]", ":5:13"),
        ("default.zope.interface.version", ":9:13"),
        ("default.zope.interface.markers", ":4:9"),
        ("default.zope.interface.more.deep.deeper", ":10:13"),
        ("default.ab.version", ":12:9"),
        ("develop.zope.interface.version", ":14:36"),
        ("absent.a", ""),
        ("", ""),
    ],
)
def test_a_key_is_found_where_it_stands(path: str, place: str) -> None:
    assert JsonPlaces(LOCK).of(path) == place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (LOCK, ""),
        ('{"a": 1,\n "a": 2, "a": 3}', ":2:2: a"),
        ('{"a": {"b": 1}, "c": {"b": 1, "b": 2}}', ":1:31: c.b"),
        ('{"a": {"b": {"c": {"d": 1, "d": 2}}}}', ":1:28: a.b.c"),
        ('{"a": [{"b": 1}, {"b": 1, "b": 2}]}', ":1:27: a.b"),
        ('{"a": {"b": {}, "b": {"c": 1, "c": 2}}}', ":1:31: a.b.c"),
    ],
)
def test_a_key_that_is_there_twice_is_found(text: str, place: str) -> None:
    assert JsonPlaces(text).of_first_repeated() == place


@pytest.mark.parametrize(
    "middle",
    ['"a":1,', '"sha256:ab",', "[],", "[[", "{},", '{"a":{', '"\\\\', '" ', "1,", "[" + '"x", ' * 99 + "],"],
    ids=lambda value: value[:20],
)
def test_places_in_a_large_text_take_less_than_a_second(middle: str) -> None:
    places = JsonPlaces('{"default": {"x": ' + middle * (8 * 1024 * 1024 // len(middle)))
    began = time.process_time()
    assert {places.of(f"default.x.y{number}") for number in range(100)} == {":1:14"}
    assert time.process_time() - began < 5  # half a second; the square of the length would take minutes
