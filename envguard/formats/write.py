"""A policy as YAML that says just that policy: what ``show --resolved`` prints.

What it extends is in it, so it extends nothing. Levels are written out also where they are the default:
whoever asks what a policy comes to wants to read them.
"""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from envguard.domain.calendar import Calendar, Freeze, UpgradeWindow, civil_text, duration_text, weekly_text
from envguard.domain.policy import (
    Deny,
    MachineRule,
    OriginRules,
    PackageRule,
    Policy,
    PythonRule,
    Ring,
    Rules,
    Selector,
    Severity,
    UpgradeRules,
    Waiver,
)

_WIDTH = 110
_NO_RULES = Rules()

Written = Mapping[str, object]
"""A table as it is written; what is left out is not in it."""


def write_policy(policy: Policy) -> str:
    """Answer a policy file's text; parsed beside its lock it gives this policy, save for places and bases."""
    return yaml.dump(
        _policy(policy),
        Dumper=yaml.SafeDumper,
        allow_unicode=True,
        default_flow_style=None,
        sort_keys=False,
        width=_WIDTH,
    )


def _policy(policy: Policy) -> Written:
    rules = policy.rules
    return {
        "envguard": 1,
        "name": policy.name,
        **_given(description=policy.description, python=_python(rules.python), lock=_lock(policy)),
        **_given(packages={rule.name: _rule(rule) for rule in rules.packages}),
        "unlisted": rules.unlisted,
        **_given(origins=_origins(rules.origins)),
        "integrity": rules.integrity,
        "broken-requirements": rules.broken_requirements,
        "before-run": policy.before_run,
        **_given(machine={rule.fact: _machine(rule) for rule in rules.machine}),
        **_given(applies_to=[_selector(each) for each in policy.applies_to]),
        **({} if policy.calendar is None else {"calendar": _calendar(policy.calendar)}),
        **({} if policy.upgrade is None else {"upgrade": _upgrade(policy.upgrade)}),
        **_given(waivers=[_waiver(each) for each in policy.waivers]),
    }


def _given(**fields: object) -> dict[str, object]:
    """The fields that say something, by the names that they have in a policy."""
    return {
        name.replace("_", "-"): value for name, value in fields.items() if value not in (None, (), [], {})
    }


def _python(rule: PythonRule) -> object:
    if rule.implementation is None and rule.free_threaded is None:
        return rule.version
    table = _given(version=rule.version, implementation=rule.implementation)
    return table if rule.free_threaded is None else {**table, "free-threaded": rule.free_threaded}


def _lock(policy: Policy) -> object:
    choice = policy.rules.choice
    if choice == _NO_RULES.choice or policy.lock is None:
        return policy.lock
    table: dict[str, object] = {"file": policy.lock, **_given(extras=list(choice.extras))}
    return table if choice.groups is None else {**table, "groups": list(choice.groups)}


def _rule(rule: PackageRule) -> object:
    said = _meaning(rule.severity, rule.reason)
    if isinstance(rule, Deny):
        return {"deny": True, **said}
    version = rule.specifier or "*"
    more = _given(build=rule.build, optional=rule.optional or None)
    return {"version": version, **more, **said} if more or said else version


def _meaning(severity: Severity, reason: str | None) -> dict[str, object]:
    said = _given(severity=None if severity == "error" else severity)
    return said if reason is None else {**said, "reason": reason}


def _origins(rules: OriginRules) -> Written:
    levels = {"editable": rules.editable, "vcs": rules.vcs, "direct-url": rules.direct_url}
    return {name: level for name, level in levels.items() if level != "ignore"}


def _machine(rule: MachineRule) -> object:
    said = _meaning(rule.severity, rule.reason)
    return {"value": rule.expected, **said} if said else rule.expected


def _selector(selector: Selector) -> Written:
    return {"environments": list(selector.environments), "machines": list(selector.machines)}


def _calendar(calendar: Calendar) -> Written:
    window = None if calendar.upgrade is None else _window(calendar.upgrade)
    freezes = [_freeze(each) for each in calendar.freezes]
    return _given(timezone=calendar.timezone, upgrade=window, freezes=freezes)


def _window(window: UpgradeWindow) -> Written:
    return {
        "every": weekly_text(window.every),
        "for": duration_text(window.length_s),
        **_given(cutoff=duration_text(window.cutoff_s) if window.cutoff_s else None),
        **_given(propose=None if window.propose is None else weekly_text(window.propose)),
    }


def _freeze(freeze: Freeze) -> Written:
    return {"from": civil_text(freeze.start), "until": civil_text(freeze.until), "reason": freeze.reason}


def _upgrade(rules: UpgradeRules) -> Written:
    return {
        **_given(requirements=list(rules.requirements)),
        "minimum-release-age": duration_text(rules.minimum_release_age_s),
        "indexes": list(rules.indexes),
        "only-wheels": rules.only_wheels,
        **_given(build_allowed=list(rules.build_allowed)),
        "unlisted": rules.unlisted,
        "missed": rules.missed,
        "rings": [_ring(each) for each in rules.rings],
        "grace": duration_text(rules.grace_s),
        **_given(smoke=list(rules.smoke)),
        "halt-after-failures": rules.halt_after_failures,
    }


def _ring(ring: Ring) -> Written:
    soak = duration_text(ring.soak_s) if ring.soak_s else None
    return {"machines": list(ring.machines), **_given(soak=soak, at_once=ring.at_once)}


def _waiver(waiver: Waiver) -> Written:
    return {
        **_given(machine=waiver.machine, environment=waiver.environment),
        "package": waiver.package,
        **_given(kind=waiver.kind),
        "until": waiver.until.isoformat().replace("+00:00", "Z"),
        "reason": waiver.reason,
        "approved-by": waiver.approved_by,
    }
