"""What installed packages require and do not find: what ``pip check`` says, told from metadata.

Rules
1. A requirement counts where its marker holds for the environment, with no extra chosen (PEP 508).
2. It holds where the package is installed, in a version that the specifier allows, pre-releases included.
   Of a direct reference (``name @ url``) only the name is asked.
3. What nobody can parse, and a marker that nobody can decide, is an ``InvalidRequirement``: it requires
   nothing, and that is said. Where a marker keeps a requirement away, the rest of it is not looked at.
4. Plain requirements are decided here; the others by ``packaging``, which costs 25 ms to import.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

import msgspec

from envguard.domain.environment import BrokenRequirement
from envguard.domain.plain import plain_allows
from envguard.domain.plain_markers import plain_holds
from envguard.domain.versions import allows

_LONGEST = 2_000
"""Characters; what is longer was not written to be met, and would be slow to take apart."""
_SHOWN = 200
"""Characters of what nobody can parse."""
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?![A-Za-z0-9._-])"
"""What follows is looked at first: to take back letter after letter would cost the square of its length."""
_BLANKS = r"[ \t]*"
_EXTRAS = rf"\[{_BLANKS}{_NAME}(?:{_BLANKS},{_BLANKS}{_NAME})*{_BLANKS}\]"
_PLAIN = re.compile(
    rf"({_NAME}){_BLANKS}(?:{_EXTRAS}{_BLANKS})?(\(?)([^;()@\[\]]*)(\)?){_BLANKS}(?:;(.*[^ \t].*))?"
)
_RUNS = re.compile(r"[-_.]+")


class Requirement(msgspec.Struct, frozen=True):
    """The parts of a requirement."""

    name: str
    """Normalised."""
    specifier: str
    """Empty where any version will do."""
    marker: str


class InvalidRequirement(msgspec.Struct, frozen=True):
    """A requirement that cannot be understood; old tools wrote and ignored such, and pip 24 tells them."""

    package: str
    """The package whose metadata has it; normalised."""
    requirement: str
    """As it is written, without a URL; its beginning where it is long."""


def unmet_requirements(
    requires: Mapping[str, Iterable[str]], installed: Mapping[str, str], markers: Mapping[str, str]
) -> Iterator[BrokenRequirement | InvalidRequirement]:
    """Yield each requirement that does not hold, or of which that cannot be told.

    ``requires`` has each package's requirements as they are written, ``installed`` each package's version,
    ``markers`` the environment's marker values (PEP 508), without ``extra``.
    """
    values = {**markers, "extra": ""}
    applying: dict[str, bool | None] = {"": True}
    for package, texts in requires.items():
        for text in texts:
            requirement = _likely_parts(text)
            if requirement is None:
                yield _invalid(package, text)
                continue
            if requirement.marker not in applying:
                applying[requirement.marker] = _decided(requirement.marker, values)
            does_apply = applying[requirement.marker]
            found = installed.get(requirement.name)
            is_met = _is_met(text, requirement, found) if does_apply else None
            if is_met is None and does_apply is not False:
                yield _invalid(package, text)
            elif is_met is False:
                yield BrokenRequirement(package, _without_url(text, requirement), found)


def normalised_name(name: str) -> str:
    """Answer a package's name as names are compared (PEP 503)."""
    return _RUNS.sub("-", name).lower()


def marker_holds(marker: str, values: Mapping[str, str]) -> bool:
    """Whether a marker holds for these values, ``extra`` among them; one that nobody can decide does not."""
    return _decided(marker, values) is True


def _decided(marker: str, values: Mapping[str, str]) -> bool | None:
    answer = plain_holds(marker, values)
    return _reference_holds(marker, values) if answer is None else answer


@lru_cache(maxsize=16384)
def _likely_parts(text: str) -> Requirement | None:
    """The parts of a requirement; what stands in a specifier's place is not looked at yet."""
    if len(text) > _LONGEST:
        return None
    match = _PLAIN.fullmatch(text)
    if match is None or (match[2] == "(") is not (match[4] == ")"):
        return _reference_parse(text)
    return Requirement(normalised_name(match[1]), match[3].strip(" \t"), (match[5] or "").strip(" \t"))


def _invalid(package: str, text: str) -> InvalidRequirement:
    return InvalidRequirement(package, text.partition("@")[0].strip()[:_SHOWN])


def _is_met(text: str, likely: Requirement, found: str | None) -> bool | None:
    """Whether it holds; None where the text is no requirement after all."""
    if not likely.specifier:
        return found is not None
    answer = plain_allows(likely.specifier, "1" if found is None else found)
    if answer is not None:
        return answer and found is not None
    parsed = _reference_parse(text)
    if parsed is None:
        return None
    return found is not None and (not parsed.specifier or allows(parsed.specifier, found))


def _reference_parse(text: str) -> Requirement | None:
    from packaging.requirements import InvalidRequirement
    from packaging.requirements import Requirement as Reference

    try:
        parsed = Reference(text)
    except (InvalidRequirement, RecursionError):
        return None
    return Requirement(normalised_name(parsed.name), str(parsed.specifier), str(parsed.marker or ""))


def _reference_holds(marker: str, values: Mapping[str, str]) -> bool | None:
    from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName

    if len(marker) > _LONGEST:
        return None
    try:
        return Marker(marker).evaluate(dict(values))
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName, RecursionError):
        return None


def _without_url(text: str, requirement: Requirement) -> str:
    """A direct reference can carry a credential, or the path of somebody's folder: its URL is left out."""
    before, is_direct, _ = text.partition("@")
    if not is_direct or ";" in before:
        return text
    return f"{before.rstrip()}; {requirement.marker}" if requirement.marker else before.rstrip()
