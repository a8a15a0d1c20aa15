"""Whether the parts of one policy can all hold: what none could meet is an error of the file.

Rules
1. The lock of the next upgrade is tried on every ring but the last before the window opens: their soaks
   together must end between the proposal and the window's start.
2. What an upgrade asks for must be able to meet the rules for packages; only what is certain is said.
"""

from __future__ import annotations

from collections.abc import Iterable

from packaging.utils import canonicalize_name

from envguard.domain.calendar import Calendar, UpgradeWindow, duration_text
from envguard.domain.policy import Deny, PackageRule, UpgradeRules
from envguard.formats.calendar import minutes_to_prepare
from envguard.formats.nodes import Problems
from envguard.formats.specifiers import contradict
from envguard.formats.upgrade import requirement_of


def check_coherence(
    packages: Iterable[PackageRule],
    calendar: Calendar | None,
    upgrade: UpgradeRules | None,
    problems: Problems,
) -> None:
    """Note every part that another part makes impossible."""
    if upgrade is None:
        return
    if calendar is not None and calendar.upgrade is not None:
        _check_soak(calendar.upgrade, upgrade, problems)
    _check_requirements({rule.name: rule for rule in packages}, upgrade, problems)


def _check_soak(window: UpgradeWindow, upgrade: UpgradeRules, problems: Problems) -> None:
    minutes = minutes_to_prepare(window)
    soak_s = sum(ring.soak_s for ring in upgrade.rings[:-1])
    if soak_s <= minutes * 60:
        return
    index = next(index for index, ring in enumerate(upgrade.rings) if ring.soak_s)
    time = duration_text(minutes * 60)
    what = f"soaking takes {duration_text(soak_s)}, but the window opens {time} after the proposal"
    hint = "soak for less, or say an earlier calendar.upgrade.propose"
    problems.add_at(f"upgrade.rings[{index}].soak", what, hint)


def _check_requirements(rules: dict[str, PackageRule], upgrade: UpgradeRules, problems: Problems) -> None:
    for index, text in enumerate(upgrade.requirements):
        key = f"upgrade.requirements[{index}]"
        requirement = requirement_of(text)
        if requirement is None or requirement.marker is not None:
            continue
        rule = rules.get(str(canonicalize_name(requirement.name)))
        if isinstance(rule, Deny):
            problems.add_at(key, f"it is denied by packages.{rule.name}", "drop one of the two")
        elif rule is not None and contradict("".join(str(requirement.specifier).split()), rule.specifier):
            what = f"no version meets both this and packages.{rule.name}: {rule.specifier}"
            problems.add_at(key, what, "make them agree")
