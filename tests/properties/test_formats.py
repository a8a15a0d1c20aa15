"""What holds for every text, and for every policy that can be written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from envguard.domain.environment import is_digest
from envguard.domain.policy import Deny, PackageRule, Require
from envguard.errors import PolicyError
from envguard.formats import parse_lock, parse_policy
from envguard.formats.times import parse_time

_WORDS = ["envguard: 1\n", "name: t\n", "packages:", "waivers:", "applies-to:", "python:", "lock: ", "\n  "]
_WORDS += [
    "- ",
    "{",
    "}",
    "[",
    "]",
    ": ",
    ", ",
    '"',
    "==1",
    "until: ",
    "&a",
    "*a",
    "!t",
    "true",
    "*",
    "\\",
    "\0",
]
_LOCK_WORDS = [
    "a==1",
    "-r",
    "--hash=",
    " \\\n",
    "\n",
    "#",
    ";",
    "@",
    "=",
    "https://",
    "python_version<'3'",
    "(",
]
_TOML_WORDS = ['lock-version = "1.0"\n', 'created-by = "t"\n', "[[packages]]\n", 'name = "a"\n', "version = "]
_TOML_WORDS += [
    "packages = ",
    "[",
    "]",
    "{",
    "}",
    '"1"',
    "1",
    "marker = ",
    "\n",
    "environments = ",
    "sdist = ",
]

any_text = st.text(st.characters(codec=None))


def made_of(words: list[str]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(words) | st.text(max_size=3), max_size=30).map("".join)


names = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4})?", fullmatch=True)
versions = st.lists(st.integers(0, 99), min_size=1, max_size=3).map(lambda parts: ".".join(map(str, parts)))
severities = st.sampled_from(["error", "warn", "info"])
reasons = st.none() | st.text(st.characters(categories=["L", "N", "P", "Zs"], codec="utf-8"), min_size=1)
specifiers = st.builds("{}{}".format, st.sampled_from(["==", ">=", "<", "~=1.", "!="]), versions).filter(
    lambda each: each.strip("<0.") != ""  # below all versions there is none, which a policy may not ask for
)
requires = st.builds(
    Require,
    name=names,
    specifier=specifiers,
    severity=severities,
    reason=reasons,
    optional=st.booleans(),
)
denies = st.builds(Deny, name=names, severity=severities, reason=reasons)
rules = st.lists(requires | denies, max_size=6, unique_by=lambda rule: rule.name)


def written(rule: PackageRule) -> dict[str, object]:
    fields: dict[str, object] = {"severity": rule.severity}
    if rule.reason is not None:
        fields["reason"] = rule.reason
    if isinstance(rule, Deny):
        return {**fields, "deny": True}
    return {**fields, "version": rule.specifier, "optional": rule.optional}


class TestAnyText:
    """A text is a policy, a lock, or a PolicyError; nothing else is raised."""

    @given(any_text | made_of(_WORDS))
    def test_as_a_policy(self, text: str) -> None:
        try:
            policy = parse_policy(text, filename="t.yaml")
        except PolicyError as error:
            refused = error.problems or (error,)
        else:
            refused = ()
            assert is_digest(policy.digest)
        assert all((each.where or "").startswith("t.yaml") and each.what.isprintable() for each in refused)

    @pytest.mark.parametrize("filename", ["pylock.toml", "r.txt"])
    @given(text=any_text | made_of(_LOCK_WORDS) | made_of(_TOML_WORDS))
    def test_as_a_lock(self, filename: str, text: str) -> None:
        try:
            lock = parse_lock(text, filename=filename)
        except PolicyError as error:
            refused = error.problems or (error,)
        else:
            refused = ()
            assert is_digest(lock.digest)
        assert all((each.where or "").startswith(filename) for each in refused)

    @given(any_text | st.datetimes().map(str) | st.datetimes(timezones=st.timezones()).map(str))
    def test_as_a_time(self, text: str) -> None:
        try:
            moment = parse_time(text)
        except PolicyError:
            return
        offset = moment.utcoffset()
        assert offset is not None
        assert not offset


class TestRules:
    """A rule is read as it was written."""

    @given(rules)
    def test_round_trip(self, wanted: list[PackageRule]) -> None:
        for rule in wanted:
            assert isinstance(rule, Deny) or str(SpecifierSet(rule.specifier))
        lines = "".join(
            f"  {rule.name}: {json.dumps(written(rule), ensure_ascii=False)}\n" for rule in wanted
        )
        text = "envguard: 1\nname: t\n" + (f"packages:\n{lines}" if wanted else "")
        assert list(parse_policy(text, filename="t.yaml").rules.packages) == sorted(
            wanted, key=lambda rule: rule.name
        )

    @given(st.dictionaries(names, versions, min_size=1, max_size=8))
    def test_pins_are_read_as_written(self, pins: dict[str, str]) -> None:
        text = "".join(f"{name}=={version}\n" for name, version in pins.items())
        lock = parse_lock(text, filename="requirements.txt")
        assert {package.name: package.version for package in lock.packages} == pins
