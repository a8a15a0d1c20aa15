"""``pytest --envguard``: no test runs in an environment that is not what it must be.

Rules
1. It is judged once, before anything is collected, by the process that collects: xdist's workers do not.
2. What could not be decided is not passed.
3. Where it is not asked for, nothing is judged, and no other room is imported.
4. The exit codes are none of pytest's own, so that nobody takes drift for tests that failed.

PYTEST_DONT_REWRITE: there is no assert in here.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from envguard.guard.verdict import Verdict

_EXIT_CODES = {"drifted": 11, "unknown": 13}
_RUNNING_NO_TEST = ("help", "version", "markers", "cacheshow", "showfixtures", "show_fixtures_per_test")
"""Options by which pytest only tells something."""


def pytest_addoption(parser):
    # type: (Any) -> None
    """Add the options, and the setting that makes them standing."""
    group = parser.getgroup("envguard", "the environment")
    group.addoption(
        "--envguard",
        action="store_true",
        default=False,
        help="run no test unless this environment is what its policy says; exit code: 11 drifted, 13 unknown",
    )
    group.addoption(
        "--envguard-policy",
        metavar="POLICY",
        help="the same, by this policy: its name or its file",
    )
    parser.addini("envguard", "true: --envguard in each session", type="bool", default=False)


def pytest_cmdline_main(config):
    # type: (Any) -> Optional[int]
    """Judge, and end with the table where tests must not run."""
    option = config.option
    named = option.envguard_policy or None
    if not (option.envguard or named or config.getini("envguard")) or _is_worker(config):
        return None
    if any(getattr(option, name, False) for name in _RUNNING_NO_TEST):
        return None
    from envguard.guard.report import say
    from envguard.guard.requiring import require
    from envguard.guard.verdict import EnvironmentDrift

    try:
        verdict = require(named)
    except EnvironmentDrift as error:
        say(str(error))
        return _EXIT_CODES[error.verdict.verdict]
    config.pluginmanager.register(_Header(verdict), "envguard-header")
    return None


def _is_worker(config):
    # type: (Any) -> bool
    """Whether this is a process of xdist's, also of before version 2."""
    return hasattr(config, "workerinput") or hasattr(config, "slaveinput")


class _Header(object):
    """The line in the header of the session."""

    def __init__(self, verdict):
        # type: (Verdict) -> None
        self.verdict = verdict

    def pytest_report_header(self):
        # type: () -> str
        """What was decided, in a line."""
        from envguard.guard.report import ALLOW, counted, counting_in, printable

        verdict = self.verdict
        name = verdict.policy or "no policy"
        if verdict.revision is not None:
            name += " r%d" % verdict.revision
        words = {
            "compliant": "compliant with %s" % name,
            "drifted": "drifted from %s, %s" % (name, counted(len(counting_in(verdict)), "error")),
        }
        line = "envguard: %s" % words.get(verdict.verdict, "unknown, %s" % name)
        allowed = os.environ.get(ALLOW)
        if verdict.verdict != "compliant":
            line += "; allowed: %s" % allowed if allowed else "; the policy only warns"
        return printable([line])
