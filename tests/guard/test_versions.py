"""What ``packaging`` says of versions, said by the guard on every Python; properties test more, on one."""

from __future__ import annotations

import json
from itertools import product

from packaging.specifiers import SpecifierSet

from tests.guard.places import Place

# fmt: off
VERSIONS = [
    "0.9", "1.0.dev1", "1.0a1", "1.0a1.post1", "1.0b2", "1.0rc1", "1.0", "1", "1.0+cu121", "1.0+1",
    "1.0.0", "1.0.post0.dev1", "1.0.post1", "1.0-2", "1.0.1", "1.1a1", "1.1", "1.10", "2.0", "2",
    "1!0.5", "v1.0", "2024.1", "1.0_1", "words",
]
SPECIFIERS = [
    "==1.0", "==1.0.*", "==1.*", "!=1.0", "!=1.0.*", "<1.0", "<=1.0", ">1.0", ">=1.0", ">1.0a1",
    "<1.0rc1", ">1.0.post1", "<1.0.post1", "~=1.0", "~=1.0.0", "~=1.0a1", "===1.0", "===words",
    "==1.0+cu121", "!=1.0+cu121", "==1!0.5", ">=1!0", ">=1.0,<2", ">=1,!=1.1", "==v1.0", "==1.0-2",
]
# fmt: on
SCRIPT = """
import json, sys
from envguard_guard import allows
table = json.load(open(sys.argv[1]))
print(json.dumps([allows(str(specifier), str(version)) for specifier, version in table]))
"""


def test_every_python_allows_what_packaging_allows(any_place: Place) -> None:
    table = list(product(SPECIFIERS, VERSIONS))
    asked = any_place.project / "table.json"
    asked.write_text(json.dumps(table))
    told = any_place.call("-c", SCRIPT, str(asked))
    assert told.code == 0, told.err
    wanted = [_contains(specifier, version) for specifier, version in table]
    assert json.loads(told.out) == wanted
    assert any(wanted)
    assert not all(wanted)


def _contains(specifier: str, version: str) -> bool:
    if version in ("words", "1.0_1"):
        return specifier == f"==={version}"
    return SpecifierSet(specifier).contains(version, prereleases=True)
