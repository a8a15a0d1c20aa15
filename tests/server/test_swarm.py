"""Machines on a real server, which is killed under their load: what was acknowledged is there."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from benchmarks.swarm.serving import serving
from benchmarks.swarm.swarming import Plan, swarm
from envguard.server.state import sqlite_url


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_nothing_acknowledged_is_lost_where_the_server_is_killed_under_load(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    url = None if kind == "sqlite" else request.getfixturevalue("cluster").emptied_database()
    plan = Plan(
        machines=60, interval_s=0.3, seconds=2.0, broken=0.2, outage_s=0.1, seed=7, packages=30, distinct=10
    )
    state = tmp_path / "state"
    result = swarm(
        lambda port: serving(state, url, port=port),
        plan,
        lambda: sa.create_engine(url or sqlite_url(state)),
    )
    assert result.lost == 0
    assert result.wrong == 0
    assert result.seen.accepted > 60
    assert result.seen.unanswered > 0, "the server was not killed under load"
    assert result.recovered_s is not None
    assert set(result.seen.refused) <= {429}
