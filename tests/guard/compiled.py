"""A place whose environment has the guard, with a policy compiled into it."""

from __future__ import annotations

from pathlib import Path

from tests.guard.places import Place, take_guard_away
from tests.guard.test_installing import envguard

POLICY = """envguard: 1
name: rl-team
packages:
  gym: {version: "==0.26.2", reason: "step()"}
  pandas: {deny: true}
unlisted: warn
"""

COMPLIANT = "compliant rl-team None None"

NO_COMMAND = "there is no `envguard` command"

WHEELS = """lock-version = "1.0"
created-by = "test"
[[packages]]
name = "gym"
version = "0.26.2"
wheels = [{name = "gym-0.26.2-py3-none-any.whl", path = "gym.whl", hashes = {sha256 = "00"}}]
""".replace('"00"', f'"{"0" * 64}"')


def installed(place: Place, policy: str = POLICY, *options: str) -> Place:
    """A place with the guard and a compiled policy, which its project's marker names."""
    take_guard_away(place)
    (place.project / "rl-team.yaml").write_text(policy)
    named = options or ("--policy", "./rl-team.yaml")
    told = envguard(place, "guard", "install", str(place.env), *named)
    assert told.code == 0, told
    return place


def compiled(place: Place) -> Path:
    (path,) = place.site.glob("envguard_guard-*.dist-info/policy")
    return path
