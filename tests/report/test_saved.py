"""What ``scan --json`` printed is what it was read from; what is broken names its file and field."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from envguard.domain.environment import (
    BrokenRequirement,
    Editable,
    Installers,
    Integrity,
    Origin,
    Package,
    Problem,
    Project,
    Scan,
    Snapshot,
    Unread,
    digest_of,
    snapshot_of,
)
from envguard.errors import InventoryError
from envguard.report.documents import to_json
from envguard.report.saved import SavedScan, read_saved
from envguard.report.scanned import scan_document
from tests.builders.documents import FACTS, an_environment, an_interpreter
from tests.report.arranging import NOW

FULL = snapshot_of(
    an_interpreter(),
    [
        Package("gym", "0.26.2"),
        Package("rl", "1", Origin("editable", "https://example.org/rl")),
        Package("torch", "2.4.0+cu121", Origin("vcs", "https://example.org", "a" * 40), "cp311-x"),
    ],
    [Problem("duplicate", "numpy"), Problem("incomplete")],
    system_packages=[Package("openssl", "3.1", Origin("conda"), "h_0")],
    broken_requirements=[BrokenRequirement("gym", "numpy<2", "2.1"), BrokenRequirement("x", "y")],
)
ENVIRONMENT = an_environment(
    FULL,
    names=("conda:rl",),
    path_bytes=b"/home/ann/\xff",
    also=("/link",),
    owner="ann",
    blas="mkl",
    project=Project("/home/ann/rl", policy="rl-team"),
    integrity=Integrity(NOW, ("gym",), {"gym": ("gym/core.py",)}, ("numpy",)),
    installers=Installers("pip", {"rl": "uv"}),
    editables=(Editable("rl", "/home/ann/rl", "b" * 40),),
)
SCAN = Scan(
    replace(FACTS, cuda=("12.4",), memory_bytes=1 << 40),
    (ENVIRONMENT,),
    is_incomplete=True,
    unread=(Unread("/x", "denied"),),
)


def written(scan: Scan = SCAN) -> bytes:
    return to_json(scan_document(scan, "ws-7", NOW)).encode()


def changed(**paths: Any) -> bytes:
    """A scan in which ``environments__0__path`` is something else; None removes it."""
    document = json.loads(written())
    for path, value in paths.items():
        *parents, last = [int(word) if word.isdigit() else word for word in path.split("__")]
        part = document
        for parent in parents:
            part = part[parent]
        if value is None:
            del part[last]
        else:
            part[last] = value
    return json.dumps(document).encode()


def read_scan(content: bytes) -> SavedScan:
    found = read_saved(content, "scan.json")
    assert isinstance(found, SavedScan)
    return found


def test_a_scan_is_read_back_as_it_was_taken() -> None:
    saved = read_scan(written())
    assert (saved.machine, saved.scan.facts) == ("ws-7", SCAN.facts)
    assert saved.taken_at == NOW
    assert (saved.scan.is_incomplete, saved.scan.unread) == (True, SCAN.unread)
    [environment] = saved.scan.environments
    assert environment.snapshot == FULL
    assert environment.record.digest == digest_of(FULL)
    for field in ("path", "python", "kind", "also", "names", "owner", "home", "project", "integrity", "blas"):
        assert getattr(environment.record, field) == getattr(ENVIRONMENT.record, field)


@pytest.mark.parametrize("place", ["", "machine__", "machine__facts__", "environments__0__"])
def test_fields_of_a_later_version_are_passed_over(place: str) -> None:
    assert read_scan(changed(**{f"{place}later": {"deep": [1]}})) == read_scan(written())


def test_fields_that_an_earlier_version_did_not_write_may_be_absent() -> None:
    content = changed(taken_at=None, unread=None, machine__facts_digest=None, environments__0__blas=None)
    saved = read_scan(content)
    assert (saved.scan.environments[0].record.blas, saved.taken_at) == (None, None)


def test_a_snapshot_alone_is_read_in_both_of_its_forms() -> None:
    assert read_saved(msgspec.json.encode(FULL), "s.json") == FULL
    part = json.loads(written())["environments"][0]["snapshot"]
    assert read_saved(json.dumps(part).encode(), "s.json") == FULL


def test_a_snapshot_whose_parts_are_in_another_order_is_the_same() -> None:
    document = json.loads(msgspec.json.encode(FULL))
    document["packages"].reverse()
    found = read_saved(json.dumps(document).encode(), "s.json")
    assert isinstance(found, Snapshot)
    assert digest_of(found) == digest_of(FULL)


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        (changed(environments__0__path=7), "$.environments[0].path", "expected `str`, got `int`"),
        (changed(machine__facts__cpu_count="x"), "$.machine.facts.cpu_count", "expected `int | null`"),
        (changed(machine__name=None), "$.machine", "missing required field `name`"),
        (changed(environments__0__kind="sandbox"), "$.environments[0].kind", "invalid enum value"),
        (changed(environments__0__snapshot__packages=[{"name": "x"}]), ".packages[0]", "missing required"),
        (
            changed(schema="envguard/verdict/1"),
            "scan.json",
            "neither a scan nor a snapshot: `envguard/verdict/1`",
        ),
        (changed(schema=7), "$.schema", "expected `str | null`"),
        (written()[:100], "scan.json", "not JSON"),
        (b"", "scan.json", "not JSON"),
        (b"\xff\xfe{", "scan.json", "not JSON"),
        (b'{"a":' * 100_000, "scan.json", "nested too deeply"),
        (b"[]", "scan.json", "expected `object`"),
        (b"{}", "scan.json", "missing required field `interpreter`"),
    ],
)
def test_what_is_broken_names_its_file_and_field(content: bytes, where: str, what: str) -> None:
    with pytest.raises(InventoryError) as caught:
        read_saved(content, "scan.json")
    assert caught.value.where is not None
    assert caught.value.where.startswith("scan.json")
    assert where in caught.value.where
    assert what in caught.value.what
    assert caught.value.hint
