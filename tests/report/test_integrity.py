from __future__ import annotations

from datetime import datetime, timezone

from envguard.domain.environment import Environment, Integrity, Scan
from envguard.report.integrity import show_integrity
from tests.builders.documents import FACTS, a_snapshot, an_environment
from tests.report.arranging import HERE, printed

NOW = datetime(2026, 11, 23, 17, tzinfo=timezone.utc)


def shown(*environments: Environment, is_verbose: bool = False) -> list[str]:
    scan = Scan(FACTS, environments)
    text = printed(lambda console: show_integrity(console, scan, here=HERE, is_verbose=is_verbose))
    return text.strip().splitlines()


def with_integrity(integrity: Integrity | None) -> Environment:
    return an_environment(a_snapshot(gym="0.25.2"), integrity=integrity)


def test_changed_packages_are_named_and_their_files_when_asked() -> None:
    changed = with_integrity(Integrity(NOW, ("gym", "numpy"), {"gym": ("gym/core.py",)}, ("torch",)))
    (place, *_) = shown(changed)[0].partition(":")
    assert shown(changed) == [
        f"{place}: changed after installation: gym, numpy",
        f"{place}: could not be checked: torch",
    ]
    assert f"{place}: gym: gym/core.py" in shown(changed, is_verbose=True)


def test_what_could_not_be_checked_is_not_called_unchanged() -> None:
    (line,) = shown(with_integrity(Integrity(NOW, (), unchecked=("gym",))))
    assert "no file changed" not in line


def test_whole_environments_say_so_and_those_nobody_looked_at_say_nothing() -> None:
    (line,) = shown(with_integrity(Integrity(NOW, ())), with_integrity(None))
    assert line.endswith("no file changed after installation")
