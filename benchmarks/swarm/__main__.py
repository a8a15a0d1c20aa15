"""``python -m benchmarks.swarm``: thousands of machines, a real server, and what became of them."""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from pathlib import Path

import sqlalchemy as sa

from benchmarks.swarm.serving import serving
from benchmarks.swarm.swarming import Plan, Result, swarm
from envguard.server.state import sqlite_url


def main(arguments: list[str]) -> None:
    """Read what is wanted, let the swarm live, and print what came of it."""
    asked = _read(arguments)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    plan = Plan(
        machines=asked.machines,
        interval_s=asked.interval,
        seconds=asked.seconds,
        broken=asked.broken,
        outage_s=asked.outage,
        seed=asked.seed,
    )
    with tempfile.TemporaryDirectory(prefix="envguard-swarm-") as folder:
        state = Path(folder) / "state"
        result = swarm(
            lambda port: serving(state, asked.database, port=port),
            plan,
            lambda: sa.create_engine(asked.database or sqlite_url(state)),
        )
    _print(plan, result)


def _read(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="envguard-swarm", description=__doc__)
    parser.add_argument("--machines", type=int, default=1000)
    parser.add_argument("--interval", type=float, default=10.0, help="seconds between two check-ins")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long the swarm lives")
    parser.add_argument("--broken", type=float, default=0.05, metavar="SHARE", help="of the machines")
    parser.add_argument(
        "--outage",
        type=float,
        metavar="SECONDS",
        help="half way the server is killed for so long; then all come at once",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", metavar="URL", help="an empty PostgreSQL database; else SQLite")
    return parser.parse_args(arguments)


def _print(plan: Plan, result: Result) -> None:
    seen = result.seen
    times = sorted(seen.latencies_ms) or [float("nan")]
    refused = ", ".join(f"{count} with {status}" for status, count in sorted(seen.refused.items())) or "none"
    told = ", ".join(f"{fault} {status}: {count}" for (fault, status), count in sorted(seen.told.items()))
    print(f"{plan.machines} machines, every {plan.interval_s:g} s, seed {plan.seed}, for {plan.seconds:g} s")
    print(f"accepted    {seen.accepted} check-ins")
    print(f"refused     {refused}; without an answer: {seen.unanswered}")
    print(f"took        p50 {times[len(times) // 2]:.1f} ms, p99 {times[int(len(times) * 0.99)]:.1f} ms")
    print(f"broken      {told or 'none'}; wrong answers to them: {result.wrong}")
    if plan.outage_s is not None:
        recovered = "not" if result.recovered_s is None else f"{result.recovered_s:.1f} s after it"
        print(f"outage      {plan.outage_s:g} s; everybody was heard again: {recovered}")
    print(f"server      {result.server_mb:.0f} MB at the end")
    print(f"lost        {result.lost}")


if __name__ == "__main__":
    main(sys.argv[1:])
