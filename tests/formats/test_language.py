"""Every key of a policy, and how a policy is laid over those that it extends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import pytest

from envguard.domain.calendar import Calendar, CivilTime, Freeze, UpgradeWindow, WeeklyTime
from envguard.domain.locks.lock import LockChoice
from envguard.domain.policy import (
    Deny,
    MachineRule,
    OriginRules,
    Policy,
    PythonRule,
    Require,
    Ring,
    Rules,
    Selector,
    UpgradeRules,
    Waiver,
)
from envguard.errors import PolicyError
from envguard.formats import load_policy, parse_policy, parse_source, read_source
from envguard.formats.companions import KeptFiles

GOOD = Path(__file__).parent / "good_policies"
HEAD = "envguard: 1\nname: t\n"


def parse(text: str, bases: Mapping[str, str] | None = None) -> Policy:
    files = {name: f"envguard: 1\n{base}" for name, base in (bases or {}).items()}
    return parse_policy(HEAD + text, filename="t.yaml", companions=KeptFiles(files))


def over(own: str, base: str) -> Policy:
    """A policy that extends one base."""
    return parse(f"extends: base.yaml\n{own}", {"base.yaml": base})


def errors_of(text: str, bases: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        parse(text, bases)
    return [str(each) for each in caught.value.problems or (caught.value,)]


def test_every_key_is_read() -> None:
    policy = load_policy(GOOD / "full.yaml").policy
    assert policy.rules == Rules(
        python=PythonRule(version="==3.11.*", implementation="CPython", free_threaded=False),
        packages=(
            Require(name="gym", specifier="==0.26.2"),
            Require(name="numpy", specifier=">=1.26,<2", reason="gym 0.26 uses np.bool8"),
            Deny(name="pandas", reason="one use only; numpy does it"),
            Require(name="requests"),
            Require(name="torch", specifier="==2.4.*", build="cu121", optional=True),
            Require(name="tqdm"),
        ),
        unlisted="warn",
        choice=LockChoice(extras=("plots",), groups=()),
        origins=OriginRules(editable="warn", vcs="warn", direct_url="error"),
        integrity="warn",
        broken_requirements="info",
        machine=(
            MachineRule("glibc", ">=2.31"),
            MachineRule("gpu", "*A100*"),
            MachineRule("memory", ">=32 GiB", "warn", "the replay buffer"),
            MachineRule("nvidia-driver", ">=550"),
            MachineRule("os", "Debian*"),
            MachineRule("simd", ">=x86-64-v3"),
        ),
    )
    assert (policy.lock, policy.extends, policy.before_run) == (
        "pylock.lab.toml",
        ("bases/lab.yaml",),
        "refuse",
    )


def test_every_key_of_the_calendar_is_read() -> None:
    assert load_policy(GOOD / "full.yaml").policy.calendar == Calendar(
        timezone="Europe/Zurich",
        upgrade=UpgradeWindow(
            every=WeeklyTime("monday", 180),
            length_s=4 * 3600,
            cutoff_s=45 * 60,
            propose=WeeklyTime("friday", 180),
        ),
        freezes=(
            Freeze(
                start=CivilTime(datetime.fromisoformat("2027-01-20"), is_day=True),
                until=CivilTime(datetime.fromisoformat("2027-01-29T13:00"), "AoE"),
                reason="ICML deadline",
            ),
            Freeze(
                start=CivilTime(datetime.fromisoformat("2027-03-01T09:00:30"), "UTC"),
                until=CivilTime(datetime.fromisoformat("2027-03-02T18:00"), "America/New_York"),
                reason="a demo",
            ),
            Freeze(
                start=CivilTime(datetime.fromisoformat("2027-12-20"), is_day=True),
                until=CivilTime(datetime.fromisoformat("2028-01-03"), is_day=True),
                reason="nobody is here",
            ),
        ),
    )


def test_every_key_of_the_upgrade_is_read() -> None:
    assert load_policy(GOOD / "full.yaml").policy.upgrade == UpgradeRules(
        requirements=("gym==0.26.2", "numpy<2", "torch", "tomli; python_version < '3.11'"),
        minimum_release_age_s=7 * 24 * 3600,
        build_allowed=("gym",),
        rings=(Ring(machines=("canary-1",), soak_s=24 * 3600), Ring(machines=("*",), at_once=5)),
        smoke=("python -c 'import gym; gym.make(\"CartPole-v1\").reset()'",),
    )


def test_people_and_their_waivers_are_read() -> None:
    policy = load_policy(GOOD / "full.yaml").policy
    machines = ("label:gpu", "ws-*")
    assert policy.applies_to == (Selector(("~/rl/.venv", "conda:rl", "kernel:rl"), machines),)
    until = datetime(2027, 2, 1, tzinfo=timezone.utc)
    assert policy.waivers == (
        Waiver(package="torch", until=until, reason="old GPU", approved_by="lead", machine="bob-laptop"),
        Waiver(package="gym", until=until, reason="an exam", approved_by="lead", environment="~/old/.venv"),
        Waiver(
            package="requests",
            until=until.replace(hour=12),
            reason="proxy",
            approved_by="lab",
            kind="missing",
        ),
    )


def test_a_policy_that_says_little_has_the_defaults() -> None:
    policy = parse("")
    assert policy.rules == Rules(
        unlisted="ignore", origins=OriginRules(), integrity="warn", broken_requirements="info"
    )
    assert (policy.before_run, policy.calendar, policy.upgrade, policy.lock) == ("refuse", None, None, None)


def test_an_upgrade_that_says_little_has_the_defaults() -> None:
    upgrade = parse("upgrade: {requirements: [gym]}").upgrade
    assert upgrade is not None
    assert (upgrade.minimum_release_age_s, upgrade.grace_s) == (0, 7 * 24 * 3600)
    assert (upgrade.indexes, upgrade.only_wheels, upgrade.build_allowed) == (("default",), True, ())
    assert (upgrade.unlisted, upgrade.missed, upgrade.halt_after_failures) == ("keep", "next-start", 1)
    assert upgrade.rings == (Ring(machines=("*",)),)


def test_a_place_names_the_file_in_which_a_thing_stands() -> None:
    places = over("packages: {gym: ''}\n", "python: '>=3.10'\npackages:\n  Gym: ''\n  NumPy: ''\n").places
    assert places["packages.gym"] == "t.yaml:4"
    assert places["packages.numpy"] == "base.yaml:5"
    assert places["python"] == "base.yaml:2"


class TestExtends:
    def test_the_nearer_file_wins_key_by_key(self) -> None:
        policy = over("python: '>=3.11'\n", "name: b\ndescription: d\npython: {implementation: PyPy}\n")
        assert (policy.name, policy.description) == ("t", "d")
        assert policy.rules.python == PythonRule(version=">=3.11")

    def test_packages_are_laid_over_by_their_names(self) -> None:
        policy = over("packages: {a.b: '==2'}\n", "packages: {A_B: {deny: true}, c: '==1'}\n")
        assert policy.rules.packages == (
            Require(name="a-b", specifier="==2"),
            Require(name="c", specifier="==1"),
        )

    def test_machine_and_origins_are_laid_over_entry_by_entry(self) -> None:
        policy = over(
            "machine: {glibc: '>=2.31'}\norigins: {vcs: warn}\n",
            "machine: {glibc: '>=2', os: Debian*}\norigins: {vcs: error, editable: info}\n",
        )
        assert policy.rules.machine == (MachineRule("glibc", ">=2.31"), MachineRule("os", "Debian*"))
        assert policy.rules.origins == OriginRules(vcs="warn", editable="info")

    def test_the_window_is_laid_over_entry_by_entry(self) -> None:
        policy = over(
            "calendar: {upgrade: {for: 2h}}\n",
            "calendar: {timezone: UTC, upgrade: {every: monday 03:00, for: 4h, cutoff: 1h}}\n",
        )
        window = UpgradeWindow(every=WeeklyTime("monday", 180), length_s=7200, cutoff_s=3600)
        assert policy.calendar == Calendar(timezone="UTC", upgrade=window)

    def test_freezes_and_waivers_are_added(self) -> None:
        waiver = "{package: %s, until: 2027-01-01, reason: r, approved-by: l}"
        freeze = "{from: 2027-01-0%d, until: 2027-01-09, reason: r}"
        policy = over(
            f"waivers: [{waiver % 'a'}]\ncalendar: {{freezes: [{freeze % 1}]}}\n",
            f"waivers: [{waiver % 'b'}]\ncalendar: {{freezes: [{freeze % 2}]}}\n",
        )
        assert [waiver.package for waiver in policy.waivers] == ["a", "b"]
        assert policy.calendar is not None
        assert [each.start.clock.day for each in policy.calendar.freezes] == [1, 2]

    def test_whom_it_applies_to_and_its_lists_are_the_nearer_file_s(self) -> None:
        policy = over(
            "applies-to: [{machines: [a]}]\nupgrade: {requirements: [gym]}\n",
            "applies-to: [{machines: [b]}]\nupgrade: {requirements: [torch], grace: 1d}\n",
        )
        assert policy.applies_to == (Selector(machines=("a",)),)
        assert policy.upgrade == UpgradeRules(requirements=("gym",), grace_s=24 * 3600)

    def test_a_lock_is_beside_the_file_that_names_it(self) -> None:
        bases = {"lab/base.yaml": "extends: ../all/root.yaml\n", "all/root.yaml": "lock: locks/a.txt\n"}
        policy = parse("extends: lab/base.yaml\n", bases)
        assert (policy.lock, policy.rules.unlisted) == ("all/locks/a.txt", "warn")
        assert policy.extends == ("lab/base.yaml", "all/root.yaml")

    def test_what_is_replaced_is_checked_all_the_same(self) -> None:
        assert errors_of("extends: b.yaml\npython: '>=3'\n", {"b.yaml": "python: three\n"}) == [
            "b.yaml:2:9: python: not a version specifier: `three`"
        ]

    def test_a_problem_of_a_base_is_told_once_with_its_own_count(self) -> None:
        waiver = "waivers: [{package: %s, until: soon, reason: r, approved-by: l}]\n"
        assert errors_of(f"extends: b.yaml\n{waiver % 'a'}", {"b.yaml": waiver % "b"}) == [
            "t.yaml:4:31: waivers[0].until: not a time: `soon`",
            "b.yaml:2:31: waivers[0].until: not a time: `soon`",
        ]

    def test_what_none_of_the_files_has_is_missed_in_the_policy(self) -> None:
        assert errors_of("extends: b.yaml\n", {"b.yaml": "calendar: {upgrade: {for: 1h}}\n"}) == [
            "b.yaml:2:21: calendar.upgrade: a window must say: every"
        ]

    def test_the_files_travel_with_the_policy(self) -> None:
        source = read_source(GOOD / "full.yaml")
        assert [file.name for file in source.further] == ["bases/lab.yaml"]
        assert source.lock_filename == "pylock.lab.toml"
        there, here = parse_source(source), load_policy(GOOD / "full.yaml")
        assert (there.policy, there.lock) == (here.policy, here.lock)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("4h", 14400), ("45m", 2700), ("7d", 604800), ("90s", 90), ("1h30m", 5400), ("0s", 0), ("1d1s", 86401)],
)
def test_a_duration_is_read(text: str, seconds: int) -> None:
    upgrade = parse(f"upgrade: {{grace: {text}}}").upgrade
    assert upgrade is not None
    assert upgrade.grace_s == seconds


@pytest.mark.parametrize("text", ["4", "h", "1m1h", "1.5h", "1h 30m", "4H", "٤h", "1w", "'h4'", "1hh"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    [error] = errors_of(f"upgrade: {{grace: {text}}}")
    assert "t.yaml:3:18: upgrade.grace: not a duration" in error


@pytest.mark.parametrize(
    ("start", "until", "ends_before"),
    [
        ("2027-01-20", "2027-01-20", False),
        ("2027-01-20 12:00 AoE", "2027-01-20 23:00 UTC", True),
        ("2027-01-20 12:00 AoE", "2027-01-21 01:00 UTC", False),
        ("2027-01-20 12:00 +02:00", "2027-01-20 10:00 Z", True),
        ("2027-01-20 12:00 UTC", "2027-01-20 12:30", False),
        ("2027-01-20 12:00 UTC", "2027-01-19 23:30", True),
    ],
    ids=["one day", "zones apart", "in time", "offset", "own zone: perhaps", "own zone: never"],
)
def test_a_freeze_that_has_no_moment_is_refused(start: str, until: str, ends_before: bool) -> None:
    text = f"calendar: {{freezes: [{{from: {start}, until: {until}, reason: r}}]}}"
    if not ends_before:
        assert parse(text).calendar is not None
        return
    [error] = errors_of(text)
    assert "ends before it begins" in error


@pytest.mark.parametrize(
    "specifier",
    [
        ">=2,<2.0.1",
        ">1,<1.1",
        "==1.*,!=1.0",
        "!=1,!=2",
        ">=1.5,==1.*,!=1.5.*,!=1.6.*",
        "<1,!=0.9",
        "~=1.4,>=1.4.9",
    ],
)
def test_a_specifier_that_some_version_meets_is_taken(specifier: str) -> None:
    assert parse(f"packages: {{a: '{specifier}'}}").rules.packages == (
        Require(name="a", specifier=specifier),
    )


def test_a_requirement_and_a_rule_that_one_version_meets_agree() -> None:
    text = "packages: {a: '>=1,<2', b: '==1.0+cu1'}\nupgrade: {requirements: [a==1.5, b==1.0]}"
    assert parse(text).upgrade is not None


@pytest.mark.parametrize("size", [300_000, 50_000_000])
def test_a_text_that_is_too_large_is_refused_soon(size: int) -> None:
    assert errors_of("#" * size) == ["t.yaml: too large for a policy: over 256 KiB"]


def test_a_base_that_is_too_large_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(HEAD + "extends: base.yaml\n")
    (tmp_path / "base.yaml").write_text("#" * 300_000)
    with pytest.raises(PolicyError, match=r"base\.yaml: too large for a policy"):
        load_policy(tmp_path / "t.yaml")


def test_a_base_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(HEAD + "extends: base.yaml\n")
    (tmp_path / "base.yaml").write_bytes(b"envguard: 1\nname: \xff\n")
    with pytest.raises(PolicyError, match=r"t\.yaml:3:10: extends: the policy is not UTF-8"):
        load_policy(tmp_path / "t.yaml")
