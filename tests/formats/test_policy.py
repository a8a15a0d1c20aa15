"""The policy file: read whole, and every problem named with its line and the way on."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from envguard.domain.policy import Deny, PythonRule, Require, Selector, Waiver
from envguard.errors import PolicyError
from envguard.formats import parse_policy
from envguard.formats.times import parse_time

HEAD = "envguard: 1\nname: t\n"
FULL = """\
envguard: 1
name: rl-team
description: one step
python: {version: "==3.11.*", implementation: CPython, free-threaded: false}
lock: rl.pylock.toml
packages:
  Gym: "==0.26.2"
  numpy: {version: ">=1.26, <2", severity: warn, reason: np.bool8, optional: true}
  pandas: {deny: true}
  tqdm:
  rich: "*"
applies-to:
  - {environments: ["~/rl/.venv", "**"], machines: ["label:gpu", "ws-*"]}
waivers:
  - {package: Torch, until: 2027-02-01, reason: old GPU, approved-by: lead, machine: lap, kind: missing}
"""


def errors_of(text: str) -> list[PolicyError]:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, filename="t.yaml")
    return list(caught.value.problems) or [caught.value]


def test_every_key_is_read() -> None:
    policy = parse_policy(FULL, filename="t.yaml")
    assert (policy.name, policy.description, policy.lock) == ("rl-team", "one step", "rl.pylock.toml")
    assert policy.rules.python == PythonRule(
        version="==3.11.*", implementation="CPython", free_threaded=False
    )
    assert policy.rules.packages == (
        Require(name="gym", specifier="==0.26.2"),
        Require(name="numpy", specifier=">=1.26,<2", severity="warn", reason="np.bool8", optional=True),
        Deny(name="pandas"),
        Require(name="rich"),
        Require(name="tqdm"),
    )
    assert policy.applies_to == (Selector(("~/rl/.venv", "**"), ("label:gpu", "ws-*")),)
    until = datetime(2027, 2, 1, tzinfo=timezone.utc)
    assert policy.waivers == (
        Waiver(
            package="torch", until=until, reason="old GPU", approved_by="lead", machine="lap", kind="missing"
        ),
    )


def test_places_name_the_line_of_what_findings_point_at() -> None:
    places = parse_policy(FULL, filename="t.yaml").places
    keys = ("python", "lock", "unlisted", "packages.gym", "packages.pandas")
    assert [places[key] for key in keys] == ["t.yaml:4", "t.yaml:5", "t.yaml:5", "t.yaml:7", "t.yaml:9"]


@pytest.mark.parametrize(
    ("more", "unlisted"),
    [("", "ignore"), ("lock: a.txt\n", "warn"), ("lock: a.txt\nunlisted: error\n", "error")],
    ids=["no lock", "lock", "said"],
)
def test_unlisted_is_a_warning_only_beside_a_lock(more: str, unlisted: str) -> None:
    assert parse_policy(HEAD + more, filename="t.yaml").rules.unlisted == unlisted


def test_an_unquoted_version_keeps_its_zero() -> None:
    assert errors_of(HEAD + "packages: {gym: 0.10}\n")[0].hint == 'did you mean "==0.10"?'


@pytest.mark.parametrize(
    ("text", "where", "what", "hint"),
    [
        ("name: t\n", "t.yaml:1:1: envguard", "the key is missing", "begin the file"),
        ("envguard: 1\n", "t.yaml:1:1: name", "the key is missing", "rl-team"),
        ("envguard: 2\nname: t\n", "t.yaml:1:11: envguard", "version 1", "envguard: 1"),
        ("envguard: 1\nname: RL team\n", "t.yaml:2:7: name", "`RL team`", "lower case"),
        ("envguard: 1\nname: [t]\n", "t.yaml:2:7: name", "a text is expected, not a list", ""),
        (HEAD + "packges: {}\n", "t.yaml:3:1: packges", "unknown key", "did you mean `packages`?"),
        (HEAD + "extends: a.yaml\n", "t.yaml:3:10: extends", "the policy is not there: a.yaml", "send"),
        (HEAD + "name: u\n", "t.yaml:3:1: name", "there twice", "keep one"),
        (HEAD + "python: 3.11\n", "t.yaml:3:9: python", "`3.11`", '"==3.11.*"'),
        (HEAD + "python: {version: new}\n", "t.yaml:3:19: python.version", "`new`", "such as"),
        (HEAD + "python: {free-threaded: 1}\n", "t.yaml:3:25: python.free-threaded", "`true` or", ""),
        (HEAD + "python: [3]\n", "t.yaml:3:9: python", "keys and values are expected", ""),
        (HEAD + "lock:\n", "t.yaml:3:6: lock", "not nothing", ""),
        (HEAD + 'description: "\\e[2J"\n', "t.yaml:3:14: description", "control characters", ""),
        (HEAD + "unlisted: eror\n", "t.yaml:3:11: unlisted", "`eror`", "did you mean `error`?"),
        (HEAD + "packages: [gym]\n", "t.yaml:3:11: packages", "not a list", ""),
        (HEAD + "packages:\n  gym: 0.26\n", "t.yaml:4:8: packages.gym", "`0.26`", '"==0.26"'),
        (HEAD + "packages:\n  gym: =0.26\n", "t.yaml:4:8: packages.gym", "`=0.26`", '"==0.26"'),
        (HEAD + 'packages:\n  gym: ","\n', "t.yaml:4:8: packages.gym", "`,`", "such as"),
        (HEAD + "packages:\n  gym==1: x\n", "t.yaml:4:3: packages.gym==1", "not a package's name", "colon"),
        (HEAD + "packages:\n  a b: x\n", "t.yaml:4:3: packages.a b", "not a package's name", "gym"),
        (HEAD + "packages:\n  [a]: x\n", "t.yaml:4:3: packages", "a key must be a word", ""),
        (HEAD + "packages:\n  a.b: ''\n  A_B: ''\n", "t.yaml:5:3: packages.A_B", "`A_B` and `a.b`", "keep"),
        (
            HEAD + "packages:\n  g: {severty: warn}\n",
            "t.yaml:4:7: packages.g.severty",
            "unknown",
            "`severity`",
        ),
        (
            HEAD + "packages:\n  g: {severity: xyz}\n",
            "t.yaml:4:17: packages.g.severity",
            "`xyz`",
            "known here",
        ),
        (HEAD + "packages:\n  g: {build: a b}\n", "t.yaml:4:14: packages.g.build", "not a build", "cu121"),
        (HEAD + "packages:\n  g: {deny: yes}\n", "t.yaml:4:13: packages.g.deny", "`true` or", ""),
        (
            HEAD + "packages:\n  g: {deny: true,\n    version: '==1'}\n",
            "t.yaml:5:14: packages.g.version",
            "exclude each other",
            "keep one",
        ),
        (HEAD + "applies-to: []\n", "t.yaml:3:13: applies-to", "the list is empty", "take"),
        (HEAD + "applies-to: all\n", "t.yaml:3:13: applies-to", "a list is expected, not `all`", ""),
        (
            HEAD + "applies-to:\n  - environments: [rl]\n",
            "t.yaml:4:20: applies-to[0].environments[0]",
            "names no environment: `rl`",
            "conda:NAME",
        ),
        (
            HEAD + "applies-to:\n  - machines: ['label:']\n",
            "t.yaml:4:16: applies-to[0].machines[0]",
            "no machine",
            "ws-*",
        ),
        (
            HEAD + "applies-to:\n  - machines: [{}]\n",
            "t.yaml:4:16: applies-to[0].machines[0]",
            "a text is expected, not keys and values",
            "",
        ),
        (
            HEAD + "waivers:\n  - {package: a}\n",
            "t.yaml:4:5: waivers[0]",
            "until, reason, approved-by",
            "one",
        ),
        (
            HEAD
            + "waivers:\n  - {package: a, until: 2027-02-01, reason: r, approved-by: x, environment: rl}\n",
            "t.yaml:4:77: waivers[0].environment",
            "names no environment: `rl`",
            "`*` for all, a path from / or ~ or **, `conda:NAME` or `kernel:NAME`",
        ),
        (HEAD + "waivers: [a]\n", "t.yaml:3:11: waivers[0]", "keys and values are expected, not `a`", ""),
        (
            HEAD + "waivers:\n  - {package: a, until: soon, reason: r, approved-by: x}\n",
            "t.yaml:4:25: waivers[0].until",
            "not a time: `soon`",
            "2027-02-01",
        ),
        (
            HEAD + "waivers:\n  - {package: a, until: 2027-02-01, reason: '', approved-by: x}\n",
            "t.yaml:4:45: waivers[0].reason",
            "not nothing",
            "",
        ),
        (
            HEAD + "waivers:\n  - {package: a b, until: 2027-02-01, reason: r, approved-by: x}\n",
            "t.yaml:4:15: waivers[0].package",
            "not a package's name",
            "gym",
        ),
        (
            HEAD + "waivers:\n  - {package: a, until: 2027-02-01, reason: r, approved-by: x, kind: mising}\n",
            "t.yaml:4:70: waivers[0].kind",
            "`mising`",
            "did you mean `missing`?",
        ),
        (HEAD + "python: {a\n", "t.yaml:4:1", "not YAML", "quotes"),
        (HEAD + "packages:\n  gym: *\n", "t.yaml:4:9", "not YAML", '"*"'),
        (HEAD + "lock: &a x\npython: *a\n", "t.yaml:4:9", "aliases", "write it out"),
        (HEAD + "lock: !!python/name:os x\n", "t.yaml:3:7", "tags", "take it out"),
        (HEAD + "lock: " + "[" * 40 + "\n", "t.yaml:3:36", "nested too deeply", ""),
        (HEAD + "lock: a\0b\n", "t.yaml:3:8", "U+0000", "UTF-8"),
        (HEAD + "lock: \ud800\n", "t.yaml", "not UTF-8", "save"),
        (HEAD + 'lock: "\\UFFFFFFFF"\n', "t.yaml", "not YAML", ""),
        ("", "t.yaml:1:1", "keys and values are expected", "envguard: 1"),
        ("- a\n", "t.yaml:1:1", "keys and values are expected", "envguard: 1"),
    ],
)
def test_an_error_names_its_place_and_the_way_on(text: str, where: str, what: str, hint: str) -> None:
    (error,) = errors_of(text)
    assert error.where == where
    assert what in error.what
    assert hint in (error.hint or "")


def test_all_problems_are_raised_at_once_in_the_order_of_their_lines() -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy("nam: t\npackages: {gym: 1}\nunlisted: x\n", filename="t.yaml")
    assert caught.value.where == "t.yaml"
    assert [each.where for each in caught.value.problems] == [
        "t.yaml:1:1: nam",
        "t.yaml:1:1: name",
        "t.yaml:1:1: envguard",
        "t.yaml:2:17: packages.gym",
        "t.yaml:3:11: unlisted",
    ]


def test_of_very_many_problems_a_hundred_are_named() -> None:
    assert len(errors_of("".join(f"k{number}: 1\n" for number in range(1000)))) == 100


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-02-01", datetime(2027, 2, 1, tzinfo=timezone.utc)),
        ("2027-02-01T13:00:00Z", datetime(2027, 2, 1, 13, tzinfo=timezone.utc)),
        ("2027-02-01 13:00:00.5+02:00", datetime(2027, 2, 1, 11, 0, 0, 500000, tzinfo=timezone.utc)),
    ],
    ids=["day", "utc", "offset"],
)
def test_a_time_is_utc(text: str, expected: datetime) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    "text", ["", "soon", "2027-02-30", "2027-02-01T13:00:00", "20270201", "0001-01-01T00:00:00+02:00"]
)
def test_a_time_without_zone_or_sense_is_refused(text: str) -> None:
    with pytest.raises(PolicyError, match="not a time"):
        parse_time(text)


def test_a_comment_does_not_change_the_digest() -> None:
    plain, noted = (parse_policy(HEAD + more, filename="t.yaml") for more in ("", "# why\n"))
    assert plain.digest == noted.digest


def test_a_policy_must_have_a_version_and_a_name() -> None:
    assert {each.where for each in errors_of("python: '>=3'\n")} == {
        "t.yaml:1:1: envguard",
        "t.yaml:1:1: name",
    }


def test_a_policy_of_endless_entries_is_refused_soon() -> None:
    with pytest.raises(PolicyError, match="too many entries"):
        parse_policy("envguard: 1\nname: t\npackages: [" + "a," * 50_000 + "]", filename="t.yaml")
