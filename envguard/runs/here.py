"""What is wrong with runs that start in one folder, whatever the environment's policy says of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from envguard.domain.environment import Environment
from envguard.domain.findings.finding import Finding
from envguard.errors import InventoryError
from envguard.inventory.shadows import folders_before, shadows_of
from envguard.log import get_log

_log = get_log(__name__)


def findings_here(environment: Environment, *, environ: Mapping[str, str], cwd: Path) -> tuple[Finding, ...]:
    """Answer which packages a run from ``cwd`` would not reach, as something earlier has their import name.

    They are true of this place only: no comparison that is kept may hold them.
    """
    before = folders_before(environment, environ=environ, cwd=str(cwd))
    try:
        shadows = shadows_of(environment, before)
    except InventoryError as error:
        _log.info("shadows_not_looked_for", environment=environment.record.path, reason=error.what)
        return ()
    return tuple(
        Finding(
            kind="shadowed",
            rule="environment",
            severity="warn",
            package=shadow.package,
            actual=shadow.place,
            reason=f"from here `import {shadow.module}` takes {shadow.place}",
        )
        for shadow in shadows
    )
