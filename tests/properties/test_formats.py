"""Whatever a file holds, it is read or refused with a PolicyError."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from envguard.domain.policy import Require
from envguard.errors import PolicyError
from envguard.formats import parse_lock, parse_policy

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
VERSIONS = st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,2}){0,2}", fullmatch=True)


class TestBadInput:
    """Nothing but an answer or a PolicyError comes out."""

    @given(st.text())
    def test_any_text_is_a_policy_or_a_policy_error(self, text: str) -> None:
        with contextlib.suppress(PolicyError):
            parse_policy(text, filename="p.yaml")

    @given(st.text(), st.sampled_from(["pylock.toml", "requirements.txt", "other"]))
    def test_any_text_is_a_lock_or_a_policy_error(self, text: str, filename: str) -> None:
        with contextlib.suppress(PolicyError):
            parse_lock(text, filename=filename)


class TestRoundTrip:
    """What is written is what is read."""

    @given(st.dictionaries(NAMES, VERSIONS, max_size=8))
    def test_rules_are_read_as_written(self, versions: dict[str, str]) -> None:
        lines = [f'  "{name}": "=={version}"' for name, version in versions.items()]
        body = "packages:\n" + "\n".join(lines) if lines else ""
        policy = parse_policy(f"envguard: 1\nname: p\n{body}\n", filename="p.yaml")
        assert {
            (rule.name, rule.specifier) for rule in policy.rules.packages if isinstance(rule, Require)
        } == {(name, f"=={version}") for name, version in versions.items()}

    @given(st.dictionaries(NAMES, VERSIONS, max_size=8))
    def test_pins_are_read_as_written(self, versions: dict[str, str]) -> None:
        text = "".join(f"{name}=={version}\n" for name, version in versions.items())
        lock = parse_lock(text, filename="requirements.txt")
        assert {package.name: package.version for package in lock.packages} == versions
