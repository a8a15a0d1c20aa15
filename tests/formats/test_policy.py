"""A policy file is read whole, and everything that is wrong with it is said at once, each with its line."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from envguard.domain.policy import Deny, Policy, PythonRule, Require, Selector
from envguard.errors import PolicyError
from envguard.formats import parse_policy

HEAD = "envguard: 1\nname: rl-team\n"


def parsed(body: str) -> Policy:
    return parse_policy(HEAD + body, filename="rl-team.yaml")


def test_every_key_is_read() -> None:
    policy = parsed(
        'description: words\npython: "==3.11.*"\nunlisted: error\npackages:\n'
        '  Gym: "==0.26.2"\n'
        '  numpy: {version: ">=1.26, <2", severity: warn, reason: np.bool8, optional: true}\n'
        "  pandas: {deny: true, reason: one use only}\n"
        'applies-to:\n  - {environments: ["~/rl/.venv"], machines: ["label:gpu"]}\n'
        "waivers:\n  - {package: torch, until: 2027-02-01, reason: old GPU, approved-by: lead}\n"
    )
    assert policy.rules.python == PythonRule(version="==3.11.*")
    assert policy.rules.packages == (
        Require(name="gym", specifier="==0.26.2"),
        Require(name="numpy", specifier=">=1.26,<2", severity="warn", reason="np.bool8", optional=True),
        Deny(name="pandas", reason="one use only"),
    )
    assert policy.applies_to == (Selector(("~/rl/.venv",), ("label:gpu",)),)
    assert policy.waivers[0].until == datetime(2027, 2, 1, tzinfo=timezone.utc)
    assert policy.places["packages.gym"] == "rl-team.yaml:7"


def test_python_may_name_more_than_a_version() -> None:
    rule = parsed('python: {version: "==3.13.*", implementation: CPython, free-threaded: true}\n').rules
    assert rule.python == PythonRule(version="==3.13.*", implementation="CPython", free_threaded=True)


def test_unlisted_packages_warn_where_there_is_a_lock() -> None:
    assert parsed("lock: pylock.toml\n").rules.unlisted == "warn"
    assert parsed("").rules.unlisted == "ignore"


def test_a_comment_does_not_change_the_digest() -> None:
    assert parsed("# why\npackages: {gym: ==1.0}\n").digest == parsed("packages: {gym: ==1.0}\n").digest


@pytest.mark.parametrize(
    ("body", "where", "what", "hint"),
    [
        ("unlistd: warn\n", "rl-team.yaml:3: unlistd", "unknown key", "did you mean `unlisted`?"),
        (
            "packages:\n  gym: 0.26.2\n",
            "rl-team.yaml:4: packages.gym",
            "not a version specifier",
            '"==0.26.2"',
        ),
        ("unlisted: wran\n", "rl-team.yaml:3: unlisted", "not one of", "did you mean `warn`?"),
        ("calendar: {}\n", "rl-team.yaml:3: calendar", "not supported by this version", "take the key out"),
        ("packages: [gym]\n", "rl-team.yaml:3: packages", "keys and values are expected", ""),
        ("packages: {gym: {verison: ==1}}\n", "rl-team.yaml:3: packages.gym.verison", "unknown", "`version`"),
        ("packages: {gym: ==1, Gym: ==2}\n", "rl-team.yaml:3: packages.Gym", "spelled otherwise", ""),
        ("packages: {gym: ==1, gym: ==2}\n", "rl-team.yaml:3: packages.gym", "twice", ""),
        (
            "packages: {gym: {deny: true, version: ==1}}\n",
            "rl-team.yaml:3: packages.gym.version",
            "exclude",
            "",
        ),
        ("packages: {gym: {deny: yes}}\n", "rl-team.yaml:3: packages.gym.deny", "`true` or `false`", ""),
        ("applies-to: [{environments: [rl]}]\n", "applies-to[0].environments", "names no environment", "~"),
        ("waivers: [{package: gym}]\n", "waivers[0]", "until, reason, approved-by", ""),
        ("python: {version: [1]}\n", "rl-team.yaml:3: python.version", "a text is expected", ""),
    ],
)
def test_a_problem_names_its_place_and_the_way_on(body: str, where: str, what: str, hint: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parsed(body)
    assert where in (caught.value.where or "")
    assert what in caught.value.what
    assert hint in (caught.value.hint or "")


def test_all_problems_are_said_at_once_in_the_order_of_their_lines() -> None:
    with pytest.raises(PolicyError) as caught:
        parsed("packages:\n  gym: banana\nunlisted: no-idea\nfoo: 1\n")
    assert [(each.where or "").split(": ")[0] for each in caught.value.problems] == [
        "rl-team.yaml:4",
        "rl-team.yaml:5",
        "rl-team.yaml:6",
    ]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: [1\nb: 2\n", "p.yaml:2:"),
        ("a: &x 1\nb: *x\n", "p.yaml"),
        ("- 1\n", "p.yaml"),
        ("", "p.yaml"),
        ("a: \x00", "p.yaml"),
        ("[" * 5000, "p.yaml"),
    ],
    ids=["broken", "alias", "a list", "empty", "control character", "deep"],
)
def test_what_is_no_policy_at_all_is_refused(text: str, where: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, filename="p.yaml")
    assert (caught.value.where or "").startswith(where)


def test_a_policy_must_have_a_version_and_a_name() -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy("python: '>=3'\n", filename="p.yaml")
    assert {each.where for each in caught.value.problems} == {"p.yaml:1: envguard", "p.yaml:1: name"}
