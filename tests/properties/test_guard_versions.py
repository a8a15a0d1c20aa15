"""The guard's own comparison of versions, held to ``packaging`` as the oracle."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from envguard.guard import versions

RELEASES = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
VERSIONS = st.builds(
    "{}{}{}{}{}{}".format,
    st.sampled_from(["", "", "1!", "v"]),
    RELEASES,
    st.sampled_from(["", "", "rc1", "a2", "-alpha.1", "c", "b_0", "preview"]),
    st.sampled_from(["", "", ".post1", "-1", "rev2", "post"]),
    st.sampled_from(["", "", ".dev3", "dev"]),
    st.sampled_from(["", "", "+cu121", "+local.1", "+1"]),
)
OPERATORS = ["==", "!=", "<", "<=", ">", ">=", "~=", "===", "= ", "~= "]
CLAUSES = st.builds("{}{}{}".format, st.sampled_from(OPERATORS), VERSIONS, st.sampled_from(["", "", ".*"]))
SPECIFIERS = st.lists(CLAUSES, min_size=1, max_size=2).map(",".join)
NEARLY_VERSIONS = st.text("0123456789.abrcpostdevl+-!_* v", max_size=12)


class TestVersion:
    """PEP 440, "Version scheme"."""

    @given(NEARLY_VERSIONS)
    @settings(max_examples=2000)
    def test_a_text_is_a_version_where_packaging_says_so(self, text: str) -> None:
        try:
            Version(text)
        except InvalidVersion:
            assert versions.version_of(text) is None
        else:
            assert versions.version_of(text) is not None

    @given(VERSIONS, VERSIONS)
    @settings(max_examples=1000)
    def test_versions_are_ordered_as_packaging_orders_them(self, one: str, other: str) -> None:
        left, right = versions.version_of(one), versions.version_of(other)
        assert left is not None
        assert right is not None
        first, second = (*left.key, left.local), (*right.key, right.local)
        assert (first < second, first == second) == (
            Version(one) < Version(other),
            Version(one) == Version(other),
        )


class TestSpecifier:
    """PEP 440, "Version specifiers", asked about what is installed."""

    @given(SPECIFIERS, VERSIONS)
    @settings(max_examples=2000)
    def test_a_version_is_allowed_or_a_specifier_refused_as_packaging_says(
        self, specifier: str, version: str
    ) -> None:
        try:
            wanted: bool | None = SpecifierSet(specifier).contains(version, prereleases=True)
        except InvalidSpecifier:
            wanted = None
        try:
            answer: bool | None = versions.allows(specifier, version)
        except ValueError:
            answer = None
        assert answer is wanted
