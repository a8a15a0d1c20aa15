"""What was decided, what differs, and the exception that says so."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Optional, Sequence, Tuple

    Answer = Tuple[Optional["Verdict"], str]
    """A verdict, or why there is none."""

ASKED = "asked in the script"
"""The source of a verdict on what a call asks for."""


class Finding(object):
    """One way in which the environment differs; what is not known is None."""

    def __init__(
        self,
        kind,  # type: str
        severity,  # type: str
        package=None,  # type: Optional[str]
        expected=None,  # type: Optional[str]
        actual=None,  # type: Optional[str]
        reason=None,  # type: Optional[str]
        place=None,  # type: Optional[str]
        fix=None,  # type: Optional[str]
        waived=None,  # type: Optional[str]
    ):
        # type: (...) -> None
        self.kind = kind
        self.severity = severity
        self.package = package
        self.expected = expected
        self.actual = actual
        self.reason = reason
        self.place = place
        self.fix = fix
        self.waived = waived

    @property
    def counts(self):
        # type: () -> bool
        """Whether it decides the verdict."""
        return not self.waived and (self.severity == "error" or self.kind == "unreadable")


class Verdict(object):
    """What was decided: ``compliant``, ``drifted`` or ``unknown``, and by what."""

    def __init__(
        self,
        verdict,  # type: str
        environment,  # type: str
        digest=None,  # type: Optional[str]
        policy=None,  # type: Optional[str]
        revision=None,  # type: Optional[int]
        findings=(),  # type: Sequence[Finding]
        source=None,  # type: Optional[str]
        reason=None,  # type: Optional[str]
        refuses=True,  # type: bool
    ):
        # type: (...) -> None
        self.verdict = verdict
        self.environment = environment
        self.digest = digest
        self.policy = policy
        self.revision = revision
        self.findings = list(findings)
        self.source = source
        self.reason = reason
        self.refuses = refuses

    def add(self, findings):
        # type: (Iterable[Finding]) -> None
        """Take more findings in, and decide again: what was not compliant stays so."""
        more = list(findings)
        self.findings.extend(more)
        outcome = outcome_of(more)
        if outcome == "unknown" or (outcome == "drifted" and self.verdict == "compliant"):
            self.verdict = outcome

    def __str__(self):
        # type: () -> str
        from envguard.guard.report import report

        return report(self)


class EnvironmentDrift(RuntimeError):  # noqa: N818 - the name is promised to users
    """The environment is not what it must be, or that could not be decided; ``verdict`` says which.

    No ImportError: that would be swallowed where an import is optional.
    """

    def __init__(self, verdict):
        # type: (Verdict) -> None
        from envguard.guard.report import report

        RuntimeError.__init__(self, report(verdict))
        self.verdict = verdict

    def __reduce__(self):
        # type: () -> Tuple[type, Tuple[Verdict]]
        return EnvironmentDrift, (self.verdict,)


def outcome_of(findings):
    # type: (Iterable[Finding]) -> str
    """What findings decide; those that do not count decide nothing."""
    counting = [each for each in findings if each.counts]
    if any(each.kind == "unreadable" for each in counting):
        return "unknown"
    return "drifted" if counting else "compliant"
