"""A machine of its own in a folder, on which somebody has a home with environments in it."""

from __future__ import annotations

from pathlib import Path

from envguard.domain.environment import Scan
from envguard.inventory import scan_machine
from envguard.inventory.discovery.host import Host
from envguard.inventory.discovery.people import Person
from tests.builders.places import lay_out_python, lay_out_venv


class Machine:
    """A person, a root of the file system, and a Python to borrow from."""

    def __init__(self, folder: Path) -> None:
        """Lay it out in this folder."""
        self.home = folder / "home" / "ann"
        self.root = folder / "root"
        self.elsewhere = folder / "elsewhere"
        self.home.mkdir(parents=True)
        self.base = lay_out_python(folder / "base")

    def venv(self, folder: Path, *lines: str) -> Path:
        """Lay out an environment; ``lines`` go into its ``pyvenv.cfg``."""
        return lay_out_venv(folder, self.base, *lines)

    def scan(self, **environ: str) -> Scan:
        """Answer what a scan finds with these variables."""
        person = Person(self.home.stat().st_uid, str(self.home), environ)
        return scan_machine(host=Host(people=(person,), root=str(self.root)))

    def found(self, **environ: str) -> dict[Path, tuple[str, ...]]:
        """Kind and names of what is found, by its folder, with these variables; nothing may be unread."""
        scan = self.scan(**environ)
        assert not scan.is_incomplete
        return {Path(each.record.path): (each.record.kind, *each.record.names) for each in scan.environments}

    def unread(self, **environ: str) -> dict[str, str]:
        """Answer the places that could not be read, below the home by their names there, and why."""
        scan = self.scan(**environ)
        assert scan.is_incomplete == bool(scan.unread)
        return {place.path.removeprefix(f"{self.home}/"): place.reason for place in scan.unread}
