"""``require()``: ask for the verdict, and act on it.

Where the agent's file has a fresh one, no room is imported that only other ways need.
"""

import os
import sys

from envguard.guard.interpreter import search_path
from envguard.guard.lease import hold_lease
from envguard.guard.shadows import shadows_of_all
from envguard.guard.verdict import EnvironmentDrift, Verdict
from envguard.guard.verdict_file import by_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple

    from envguard.guard.verdict import Answer

_latest = []  # type: List[Verdict]
"""What was last decided in this process."""


def require(*policy, **asked):
    # type: (Any, Any) -> Verdict
    """Raise unless this interpreter's environment is what it must be; answer the verdict.

    ``require()`` asks for the policy of the project, ``require("rl-team")`` for one by name or file,
    ``require(python=">=3.11", gym="==0.26.2")`` for versions, without any policy. ``on_drift`` is ``raise``
    or ``warn``, ``on_unknown`` is ``raise``, ``warn`` or ``ignore``. With ``same_on_all_ranks=True``
    each rank of a job must be what rank 0 is: it waits for the others.

    Raises EnvironmentDrift; TypeError and ValueError where the call itself is wrong.
    """
    if len(policy) > 1:
        raise TypeError("require() takes one policy, not %d" % len(policy))
    on_drift = _choice(asked, "on_drift", ("raise", "warn"))
    on_unknown = _choice(asked, "on_unknown", ("raise", "warn", "ignore"))
    is_of_all = asked.pop("same_on_all_ranks", False)
    if not isinstance(is_of_all, bool):
        raise TypeError("same_on_all_ranks is True or False, not %r" % (is_of_all,))
    named = policy[0] if policy else None
    if named is not None and not (isinstance(named, str) and named):
        raise TypeError("a policy is named by its name or its file")
    versions = _versions_in(asked)
    if versions and named is None:
        verdict = _of_versions(versions)
    else:
        verdict = _of_policy(named)
        if versions:
            verdict.add(_of_versions(versions).findings)
    _remember(verdict)
    if is_of_all:
        from envguard.guard.ranks import hold_to_rank_0

        hold_to_rank_0(verdict)
    if "mlflow" in sys.modules or "wandb" in sys.modules:
        from envguard.guard.trackers import tag_run

        tag_run(verdict)
    return _acted_on(verdict, on_drift, on_unknown)


def judge(named):
    # type: (Optional[str]) -> Verdict
    """The verdict by a policy, or by that of the project, on which nobody acts."""
    verdict = _of_policy(named)
    _remember(verdict)
    return verdict


def latest_verdict():
    # type: () -> Optional[Verdict]
    """What was last decided in this process."""
    return _latest[0] if _latest else None


def _remember(verdict):
    # type: (Verdict) -> None
    """Keep what was decided, and mark the environment as in use."""
    _latest[:] = [verdict]
    hold_lease(sys.prefix)


def _choice(asked, name, choices):
    # type: (Dict[str, Optional[str]], str, Tuple[str, ...]) -> str
    chosen = asked.pop(name, "raise")
    if chosen not in choices:
        raise ValueError("%s is one of %s, not %r" % (name, ", ".join(choices), chosen))
    return str(chosen)


def _versions_in(asked):
    # type: (Dict[str, Optional[str]]) -> Dict[str, str]
    """The specifiers of a call, by name. Raises TypeError and ValueError."""
    versions = {name: specifier for name, specifier in asked.items() if specifier is not None}
    if versions:
        from envguard.guard.versions import check_specifier

        for name, specifier in versions.items():
            check_specifier(name, specifier)
    return versions


def _of_versions(versions):
    # type: (Dict[str, str]) -> Verdict
    from envguard.guard.asked import judge_versions

    return judge_versions(versions)


def _of_policy(named):
    # type: (Optional[str]) -> Verdict
    asked = named or os.environ.get("ENVGUARD_POLICY") or None
    verdict, reason = by_file(asked)
    if verdict is None:
        verdict, reason = _without_file(named, asked, reason)
    if verdict is None:
        return Verdict("unknown", sys.prefix, policy=asked, reason=reason)
    verdict.add(shadows_of_all(search_path()))
    return verdict


def _without_file(named, asked, no_file):
    # type: (Optional[str], Optional[str], str) -> Answer
    from envguard.guard.agent_socket import by_socket
    from envguard.guard.command import by_command

    verdict, no_agent = by_socket(asked)
    if verdict is not None:
        return verdict, ""
    verdict, no_command, is_last_word = by_command(named)
    reasons = [no_file, no_agent, no_command]
    if verdict is None and not is_last_word:
        verdict, no_policy = _by_policy(asked)
        reasons.append(no_policy)
        if verdict is not None and verdict.reason:
            verdict.reason = "; ".join([each for each in reasons + [verdict.reason] if each])
    return verdict, "; ".join([each for each in reasons if each])


def _by_policy(asked):
    # type: (Optional[str]) -> Answer
    try:
        from envguard.guard.compiled import by_compiled
    except ImportError:  # this module was copied here alone
        return None, "there is no envguard_guard_policy.py beside this guard"
    return by_compiled(asked)


def _acted_on(verdict, on_drift, on_unknown):
    # type: (Verdict, str, str) -> Verdict
    """Raise, warn or be silent, as the outcome, the policy and the caller say."""
    if verdict.verdict == "compliant":
        return verdict
    from envguard.guard.report import ALLOW, report, say

    chosen = on_unknown if verdict.verdict == "unknown" else on_drift
    allowed = os.environ.get(ALLOW)
    stops = chosen == "raise" and (verdict.refuses or verdict.verdict == "unknown")
    if stops:
        from envguard.guard.telling import tell_agent

        tell_agent(verdict, allowed)
    if stops and not allowed:
        raise EnvironmentDrift(verdict)
    if chosen != "ignore":
        say(report(verdict, allowed, stops=chosen == "raise"))
    return verdict
