"""Evaluation against ``packaging`` as the oracle, and digests that do not depend on order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envguard.domain.drift import compare
from envguard.domain.environment import Package, digest_of, snapshot_of
from envguard.domain.plain import plain_allows, plain_version
from envguard.domain.policy import Require
from envguard.domain.versions import allows
from tests.builders.documents import FACTS, a_policy, a_snapshot, an_interpreter

RELEASES = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
VERSIONS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "", "1!"]),
    RELEASES,
    st.sampled_from(["", "", "rc1", "a2", ".post1", ".dev3"]),
    st.sampled_from(["", "", "+cu121", "+local.1"]),
)
PUBLIC = st.builds("{}{}".format, RELEASES, st.sampled_from(["", "rc1", ".post1", ".dev3"]))
CLAUSES = st.one_of(
    st.builds("{}{}".format, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), PUBLIC),
    st.builds("=={}.*".format, RELEASES),
    st.builds("==={}".format, VERSIONS),
    st.builds("~={}.{}".format, st.integers(0, 30), RELEASES),
)
SPECIFIERS = st.lists(CLAUSES, min_size=1, max_size=3).map(",".join)


class TestVersionMatching:
    """PEP 440, "Version specifiers", asked about what is installed."""

    @given(SPECIFIERS, VERSIONS)
    def test_an_installed_version_is_allowed_as_packaging_says(self, specifier: str, version: str) -> None:
        assert allows(specifier, version) is SpecifierSet(specifier).contains(version, prereleases=True)

    @given(SPECIFIERS, VERSIONS)
    @settings(max_examples=1000)
    def test_plain_ones_are_decided_as_packaging_does(self, specifier: str, version: str) -> None:
        decided = plain_allows(specifier, version)
        assert decided in (None, SpecifierSet(specifier).contains(version, prereleases=True))

    @given(VERSIONS, VERSIONS)
    @settings(max_examples=1000)
    def test_plain_ones_are_ordered_as_packaging_does(self, one: str, other: str) -> None:
        left, right = plain_version(one), plain_version(other)
        if left is not None and right is not None:
            assert (left < right) is (Version(one) < Version(other))
            assert (left == right) is (Version(one) == Version(other))

    @given(st.text("0123456789.abrcpostdev+-!", max_size=12))
    def test_whatever_is_called_plain_is_a_version(self, text: str) -> None:
        if plain_version(text) is not None:
            Version(text)

    @given(RELEASES, st.integers(0, 1), RELEASES)
    def test_nearly_everything_is_plain(self, asked: str, operator: int, installed: str) -> None:
        assert plain_allows([">=", "=="][operator] + asked, installed) is not None

    @given(SPECIFIERS, VERSIONS)
    def test_a_finding_exists_exactly_where_packaging_says_no(self, specifier: str, version: str) -> None:
        rules = a_policy(Require(name="gym", specifier=specifier)).rules
        found = compare(a_snapshot(gym=version), FACTS, rules, None)
        assert bool(found) is not SpecifierSet(specifier).contains(version, prereleases=True)

    @given(VERSIONS)
    def test_every_version_meets_a_pin_of_itself(self, version: str) -> None:
        assert allows(f"=={version}", version)


class TestDigest:
    """Equal content, equal digest."""

    PACKAGES = st.lists(st.builds(Package, st.sampled_from(["gym", "numpy", "torch"]), VERSIONS), max_size=6)

    @given(PACKAGES, st.randoms())
    def test_order_does_not_change_a_digest(self, packages: list[Package], random: object) -> None:
        shuffled = list(packages)
        random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' own Random
        interpreter = an_interpreter()
        assert digest_of(snapshot_of(interpreter, packages)) == digest_of(snapshot_of(interpreter, shuffled))
