"""The agent: looks at its machine, judges it, and tells the server."""

from envguard.agent.join import join
from envguard.agent.loop import run_forever, run_once
from envguard.agent.status import Status, StatusPolicy, dry_run, read_status

__all__ = ["Status", "StatusPolicy", "dry_run", "join", "read_status", "run_forever", "run_once"]
