"""Markers as functions: what they come to when they are joined, and how they are told again."""

from __future__ import annotations

from itertools import product

import pytest
from packaging.markers import Marker

from envguard.domain.locks.conditions import ALWAYS, NEVER, NEVER_IN_WORDS, Conditions, TooManyConditionsError

WINDOWS = "sys_platform == 'win32'"
OLD = "python_version < '3.11'"


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        (WINDOWS, 'sys_platform == "win32"'),
        (f"{WINDOWS} or {WINDOWS}", 'sys_platform == "win32"'),
        (f"{WINDOWS} or ({WINDOWS} and {OLD})", 'sys_platform == "win32"'),
        (f"{WINDOWS} or sys_platform != 'win32'", None),
        (f"{WINDOWS} and sys_platform != 'win32'", NEVER_IN_WORDS),
        (f"{OLD} or python_version >= '3.11'", None),
        ("'x' in extras or 'x' not in extras", None),
        (
            "python_full_version < '3.11' or python_full_version >= '3.11'",
            '(python_full_version < "3.11") or (python_full_version >= "3.11")',
        ),
        (
            f"({WINDOWS} or {OLD}) and os_name == 'nt'",
            '(python_version < "3.11" and os_name == "nt") or (sys_platform == "win32" and os_name == "nt")',
        ),
        ("'cpu' not in extras", '"cpu" not in extras'),
        ("platform_release == 'a \"b\"'", "platform_release == 'a \"b\"'"),
    ],
)
def test_a_marker_is_told_in_its_shortest_form(marker: str, told: str | None) -> None:
    conditions = Conditions()
    assert conditions.marker(conditions.of_marker(marker)) == told


def test_equal_functions_are_one_number() -> None:
    conditions = Conditions()
    one = conditions.of_marker(f"({WINDOWS} and {OLD}) or ({WINDOWS} and os_name == 'nt')")
    assert one == conditions.of_marker(f"{WINDOWS} and ({OLD} or os_name == 'nt')")
    assert conditions.both(one, conditions.no(one)) == NEVER
    assert conditions.either(one, conditions.no(one)) == ALWAYS


@pytest.mark.parametrize("marker", [f"{WINDOWS} and {OLD}", f"{WINDOWS} or ({OLD} and os_name == 'nt')"])
def test_what_is_told_holds_where_the_marker_does(marker: str) -> None:
    conditions = Conditions()
    told = conditions.marker(conditions.of_marker(marker)) or ""
    for system, python, name in product(("win32", "linux"), ("3.10", "3.11"), ("nt", "posix")):
        place = {"sys_platform": system, "python_version": python, "os_name": name}
        assert Marker(told).evaluate(place) == Marker(marker).evaluate(place)


@pytest.mark.parametrize(
    "marker",
    [
        "",
        "sys_platform",
        "sys_platform ==",
        f"{WINDOWS} {OLD}",
        f"({WINDOWS}",
        f"{WINDOWS})",
        f"{WINDOWS} and",
        "(" * 500 + WINDOWS + ")" * 500,
        " and ".join(f"platform_release == '{number}'" for number in range(400)),
    ],
)
def test_what_is_no_marker_or_too_much_is_refused(marker: str) -> None:
    with pytest.raises(TooManyConditionsError):
        Conditions().of_marker(marker)


def test_what_has_no_contrary_in_words_is_refused() -> None:
    conditions = Conditions()
    with pytest.raises(TooManyConditionsError):
        conditions.marker(conditions.no(conditions.of_marker("python_full_version ~= '3.11'")))


def test_a_function_of_too_many_cases_is_refused() -> None:
    conditions = Conditions()
    parts = [f"(platform_release == 'a{n}' and platform_version == 'b{n}')" for n in range(100)]
    firsts = " or ".join(f"platform_release == 'a{n}'" for n in range(100))
    with pytest.raises(TooManyConditionsError):
        conditions.of_marker(f"({firsts}) and ({' or '.join(parts)})")
