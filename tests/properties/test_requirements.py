"""What is required and not found, against ``packaging`` as the oracle."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envguard.domain.environment import BrokenRequirement
from envguard.domain.plain_markers import plain_holds
from envguard.domain.requirements import InvalidRequirement as Invalid
from envguard.domain.requirements import marker_holds, unmet_requirements
from tests.builders.documents import an_interpreter
from tests.properties.test_versions import SPECIFIERS, VERSIONS

VALUES = {**an_interpreter().markers, "platform_release": "6.1.0", "platform_version": "#1 SMP", "extra": ""}

_versions = st.sampled_from(["2.7", "3", "3.8", "3.11", "3.11.7", "3.12.0rc1", "3.11.*"])
_words = st.sampled_from(["linux", "win32", "Linux", "cpython", "CPython", "posix", "x86_64", "3.11", "dev"])
_quoted = st.sampled_from(['"{}"', "'{}'"])
_of_versions = st.builds(
    lambda name, operator, value, quotes: f"{name}{operator}{quotes.format(value)}",
    st.sampled_from(["python_version", "python_full_version"]),
    st.sampled_from([" == ", "!=", " < ", " <= ", ">", " >= ", " in ", " not in "]),
    _versions,
    _quoted,
).filter(lambda clause: ".*" not in clause or "=" in clause.replace("<=", "").replace(">=", ""))
_of_words = st.builds(
    lambda name, operator, value, quotes: f"{name} {operator} {quotes.format(value)}",
    st.sampled_from(["sys_platform", "platform_system", "os_name", "platform_machine", "extra"]),
    st.sampled_from(["==", "!=", "in", "not in"]),
    _words,
    _quoted,
)
_markers = st.recursive(
    st.one_of(_of_versions, _of_words),
    lambda inner: st.builds(
        lambda parts, joint, is_bracketed: f"({joint.join(parts)})" if is_bracketed else joint.join(parts),
        st.lists(inner, min_size=2, max_size=3),
        st.sampled_from([" and ", " or "]),
        st.booleans(),
    ),
    max_leaves=6,
)
_names = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True)
_requirements = st.builds(
    "{}{}{}{}".format,
    _names,
    st.sampled_from(["", "[gpu]", " [a,b] "]),
    st.one_of(st.just(""), SPECIFIERS, SPECIFIERS.map(" ({})".format)),
    st.one_of(st.just(""), _markers.map("; {}".format), _markers.map(" ;{}".format)),
)


class TestMarkers:
    """PEP 508, "Environment Markers"."""

    @given(_markers)
    @settings(max_examples=1000)
    def test_hold_as_packaging_says(self, marker: str) -> None:
        assert marker_holds(marker, VALUES) is Marker(marker).evaluate(dict(VALUES))

    @given(st.lists(_of_words, min_size=1, max_size=4).map(" or ".join))
    def test_nearly_all_are_plain(self, marker: str) -> None:
        assert plain_holds(marker, VALUES) is not None

    @given(st.text("()andor '\"=<>extrapython_version3.1 ", max_size=40))
    def test_what_is_no_marker_never_raises(self, text: str) -> None:
        marker_holds(text, VALUES)


class TestRequirements:
    """PEP 508, "Grammar"."""

    @given(st.text("ab01.-_[],()<>=!~;@ '\"\t", max_size=20))
    @settings(max_examples=1000)
    def test_what_is_none_is_said_to_be_none(self, text: str) -> None:
        unmet = list(unmet_requirements({"gym": [text]}, {}, VALUES))
        try:
            Requirement(text)
        except InvalidRequirement:
            assert [type(each) for each in unmet] == [Invalid]
        else:
            assert [type(each) for each in unmet] == [BrokenRequirement]

    @given(_requirements, st.none() | VERSIONS)
    @settings(max_examples=1000)
    def test_are_broken_where_pip_check_would_say_so(self, text: str, version: str | None) -> None:
        reference = Requirement(text)
        name = canonicalize_name(reference.name)
        applies = reference.marker is None or reference.marker.evaluate(dict(VALUES))
        is_met = version is not None and reference.specifier.contains(version, prereleases=True)
        installed = {} if version is None else {str(name): version}
        unmet = list(unmet_requirements({"gym": [text]}, installed, VALUES))
        assert [type(each) for each in unmet] == [BrokenRequirement] * (applies and not is_met)
