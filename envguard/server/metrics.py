"""What Prometheus reads of this process, and of the team as it was last judged.

Labels have values that are known before: routes by their templates, kinds and states by their types.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar, get_args

import msgspec
import prometheus_client as prometheus
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from envguard import __version__
from envguard.domain.findings.finding import FindingKind
from envguard.domain.verdict import Outcome
from envguard.wire import MachineState, TeamReport

T = TypeVar("T", bound=str)

_LATENCIES_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# Each of them would be a series more for every counter and histogram, and nobody asks for them.
prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]  # the library types most, not this


class TeamFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How the team stood."""

    judged_at_s: float
    states: Mapping[MachineState, int]
    verdicts: Mapping[Outcome, int]
    """Machines, each by the worst of its environments; without those that are away."""
    findings: Mapping[FindingKind, int]
    """In all environments; those that a waiver allows are left out."""
    waivers_asked: int
    database_bytes: int


def figures_of(report: TeamReport, *, database_bytes: int) -> TeamFigures:
    """Answer the figures of a report."""
    findings = (
        finding.kind
        for machine in report.machines
        for environment in machine.environments
        for finding in environment.findings
        if finding.waived is None
    )
    return TeamFigures(
        judged_at_s=report.as_of.timestamp(),
        states=Tally(machine.state for machine in report.machines),
        verdicts=Tally(machine.verdict for machine in report.machines if machine.state != "away"),
        findings=Tally(findings),
        waivers_asked=len(report.asked),
        database_bytes=database_bytes,
    )


class Metrics:
    """The metrics of one server process, in a registry of their own."""

    def __init__(self) -> None:
        """Count from nothing."""
        self.registry = prometheus.CollectorRegistry()
        self.team = TeamGauges()
        """Shown as it was told last."""
        self.registry.register(self.team)
        prometheus.ProcessCollector(registry=self.registry)
        self.under_way = prometheus.Gauge(
            "envguard_http_requests_in_flight", "Requests that are not answered yet.", registry=self.registry
        )
        self.queue_depth = prometheus.Gauge(
            "envguard_checkin_queue_depth", "Check-ins that wait for their commit.", registry=self.registry
        )
        self._seconds = prometheus.Histogram(
            "envguard_http_request_duration_seconds",
            "From a request's head to the end of its answer.",
            ("method", "route"),
            buckets=_LATENCIES_S,
            registry=self.registry,
        )
        self._answers = prometheus.Counter(
            "envguard_http_requests",
            "Requests by how they were answered; status 0: nobody was there any more.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._known: dict[tuple[str, str, int], tuple[prometheus.Counter, prometheus.Histogram]] = {}

    def count_answer(self, method: str, route: str, status: int | None, took_s: float) -> None:
        """Count one answer."""
        key = (method, route, status or 0)
        if key not in self._known:  # to find a labelled one takes longer than to count
            counter = self._answers.labels(method, route, str(status or 0))
            self._known[key] = counter, self._seconds.labels(method, route)
        answers, seconds = self._known[key]
        answers.inc()
        seconds.observe(took_s)


class TeamGauges(Collector):
    """The team's figures, each kind and state also where it is zero: a series that ends alarms."""

    def __init__(self) -> None:
        """Show nothing until something is told."""
        self.figures: TeamFigures | None = None
        self.is_readable = True
        """Whether the last look at the team brought figures."""
        self.ends_at_s: Mapping[str, float] = {}
        """When what machines trust ends: ``certificate``, ``authority``."""

    def collect(self) -> Iterator[Metric]:
        """Answer all of them."""
        yield InfoMetricFamily("envguard_build", "This server.", {"version": __version__})
        yield GaugeMetricFamily(
            "envguard_team_readable", "Whether the last look at the team succeeded.", self.is_readable
        )
        yield _family(
            "envguard_expiry_timestamp_seconds",
            "When what machines trust of this server ends.",
            "what",
            self.ends_at_s,
        )
        if self.figures is not None:
            yield from _of_team(self.figures)


def _of_team(figures: TeamFigures) -> Iterator[Metric]:
    states = _each(get_args(MachineState), figures.states)
    yield _family("envguard_machines", "Machines by state.", "state", states)
    verdicts = _each(get_args(Outcome), figures.verdicts)
    yield _family("envguard_machines_by_verdict", "Machines by verdict.", "verdict", verdicts)
    findings = _each(get_args(FindingKind), figures.findings)
    yield _family("envguard_findings", "Findings that no waiver allows.", "kind", findings)
    yield GaugeMetricFamily("envguard_waivers_asked", "Waivers that wait for a lead.", figures.waivers_asked)
    yield GaugeMetricFamily(
        "envguard_database_size_bytes", "The database on its disk.", figures.database_bytes
    )
    yield GaugeMetricFamily(
        "envguard_team_judged_timestamp_seconds", "When the team was looked at.", figures.judged_at_s
    )


def _each(names: Iterable[T], counted: Mapping[T, int]) -> dict[T, float]:
    return {name: counted.get(name, 0) for name in names}


def _family(name: str, help_: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, help_, labels=(label,))
    for value, number in values.items():
        family.add_metric((value,), number)
    return family
