"""What scripts read: names and shapes that stay."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from envguard.domain.environment import (
    BrokenRequirement,
    Editable,
    Installers,
    Integrity,
    Origin,
    Package,
    Problem,
    ProblemDetail,
    Project,
    Scan,
    digest_of,
    snapshot_of,
)
from envguard.errors import PolicyError, UsageError
from envguard.report.documents import error_document, to_json
from envguard.report.outputs import verdicts_document
from envguard.report.scanned import scan_document
from tests.builders.documents import FACTS, an_environment, an_interpreter
from tests.report.arranging import NOW, a_verdict


def as_json(document: msgspec.Struct) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(to_json(document))
    return found


def test_a_scan_writes_out_every_field() -> None:
    snapshot = snapshot_of(
        an_interpreter(),
        [Package("gym", "0.26.2"), Package("rl", "1", Origin("vcs", "https://example.org/rl", "a" * 40))],
        [Problem("unreadable", "numpy")],
    )
    details = (ProblemDetail("unreadable", "numpy", "METADATA is empty"),)
    environment = an_environment(snapshot, project=Project("/home/ann/rl"), details=details)
    document = as_json(scan_document(Scan(FACTS, (environment,)), "ws-7", NOW))
    assert document == {
        "schema": "envguard/scan/1",
        "machine": {
            "name": "ws-7",
            "facts": {"os": "Debian GNU/Linux 12", "kernel": "6.1.0", "architecture": "x86_64"},
            "facts_digest": digest_of(FACTS),
        },
        "taken_at": "2026-11-24T12:00:00Z",
        "incomplete": False,
        "unread": [],
        "passed_over": [],
        "environments": [
            {
                "path": "/home/ann/rl/.venv",
                "path_bytes": None,
                "python": "/home/ann/rl/.venv/bin/python",
                "kind": "venv",
                "also": [],
                "names": [],
                "shared_as": None,
                "owner": None,
                "home": "/home/ann",
                "digest": environment.record.digest,
                "integrity": None,
                "project": {"path": "/home/ann/rl"},
                "blas": None,
                "snapshot": {
                    "interpreter": {
                        "implementation": "CPython",
                        "version": "3.11.7",
                        "abi": "cp311",
                        "platform": "linux-x86_64",
                        "free_threaded": False,
                        "markers": an_interpreter().markers,
                    },
                    "packages": [
                        {"name": "gym", "version": "0.26.2", "origin": {"kind": "index"}},
                        {
                            "name": "rl",
                            "version": "1",
                            "origin": {"kind": "vcs", "url": "https://example.org/rl", "commit": "a" * 40},
                        },
                    ],
                    "system_packages": [],
                    "problems": [{"kind": "unreadable", "package": "numpy", "detail": "METADATA is empty"}],
                    "broken_requirements": [],
                },
            }
        ],
    }


def test_a_scan_tells_what_only_the_record_knows_beside_the_package() -> None:
    snapshot = snapshot_of(
        an_interpreter(),
        [Package("rl", "1", Origin(kind="editable")), Package("gym", "0.26.2")],
        system_packages=[Package("libblas", "3.9.0", Origin(kind="conda"), build="20_mkl")],
        broken_requirements=[BrokenRequirement("gym", "numpy<2", "2.1.3")],
    )
    environment = an_environment(
        snapshot,
        editables=(Editable("rl", "/home/ann/rl", "b" * 40),),
        installers=Installers("pip", {"rl": "uv"}),
        integrity=Integrity(NOW, ("gym",), {"gym": ("gym/core.py",)}, ("numpy",)),
    )
    (told,) = as_json(scan_document(Scan(FACTS, (environment,)), "ws-7", NOW))["environments"]
    gym, rl = told["snapshot"]["packages"]
    assert gym["installer"] == "pip"
    assert rl["origin"] == {"kind": "editable", "commit": "b" * 40, "path": "/home/ann/rl"}
    assert rl["installer"] == "uv"
    assert told["snapshot"]["system_packages"][0]["build"] == "20_mkl"
    assert told["snapshot"]["broken_requirements"] == [
        {"package": "gym", "requirement": "numpy<2", "found": "2.1.3"}
    ]
    assert told["integrity"] == {
        "checked_at": "2026-11-24T12:00:00Z",
        "modified": ["gym"],
        "files": {"gym": ["gym/core.py"]},
        "unchecked": ["numpy"],
    }


def test_verdicts_are_documents_in_a_document() -> None:
    document = as_json(verdicts_document([a_verdict()], is_incomplete=False))
    assert document["schema"] == "envguard/verdicts/1"
    assert [each["schema"] for each in document["verdicts"]] == ["envguard/verdict/1"]
    assert document["incomplete"] is False


def test_verdicts_after_a_look_that_was_cut_off_say_so() -> None:
    assert as_json(verdicts_document([], is_incomplete=True))["incomplete"] is True


def test_an_error_says_what_where_and_what_to_do() -> None:
    error = UsageError("no policy applies", where="/home/ann/rl/.venv", hint="envguard check --policy FILE")
    assert as_json(error_document(error)) == {
        "schema": "envguard/error/1",
        "error": {
            "kind": "usage",
            "message": "no policy applies",
            "place": "/home/ann/rl/.venv",
            "hint": "envguard check --policy FILE",
        },
    }


def test_each_problem_of_a_file_is_named() -> None:
    problems = [PolicyError("not a version", where="rl-team.yaml:7"), PolicyError("unknown key", hint="name")]
    document = as_json(error_document(PolicyError("2 problems", where="rl-team.yaml", problems=problems)))
    assert document["error"]["problems"] == [
        {"message": "not a version", "place": "rl-team.yaml:7", "hint": None},
        {"message": "unknown key", "place": None, "hint": "name"},
    ]


def test_a_path_that_is_not_utf_8_can_be_told() -> None:
    error = UsageError("there is no `caf\udce9`", where="/srv/caf\udce9")
    assert as_json(error_document(error))["error"]["place"] == r"/srv/caf\xe9"
