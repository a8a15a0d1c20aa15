"""The guard as a distribution of its own, put into an environment and taken out of it again.

Rules
1. Nothing is executed: files are written as an installer writes them, so that pip lists and removes them.
2. They are written beside their places first, and moved there whole: an old guard stays until then.
3. Only who owns the site-packages folder may: another's rights are not lent.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from pathlib import Path

from envguard import __version__
from envguard.errors import StateError, UsageError
from envguard.inventory import read_environment
from envguard.inventory.recorded import layout_of
from envguard.inventory.search_path import search_path_of
from envguard.runs.guard_text import guard_text, plugin_text

MODULE = "envguard_guard.py"
"""What scripts import where the rest of envguard is not installed."""
_PLUGIN = "envguard_guard_pytest.py"
"""What pytest imports."""

_DIST_INFO = f"envguard_guard-{__version__}.dist-info"
_ANY_DIST_INFO = "envguard_guard-*.dist-info"
_MANAGED = "EXTERNALLY-MANAGED"
_METADATA = f"""Metadata-Version: 2.1
Name: envguard-guard
Version: {__version__}
Summary: Holds scripts to what their environment must be
License: Apache-2.0
Requires-Python: >=2.7

"""
_WHEEL = """Wheel-Version: 1.0
Generator: envguard
Root-Is-Purelib: true
Tag: py2-none-any
Tag: py3-none-any
"""
_ENTRY_POINTS = """[pytest11]
envguard = envguard_guard_pytest
"""


def site_for_guard(environment: Path) -> Path:
    """Answer the folder of an environment into which its guard belongs.

    Raises UsageError where nothing may be installed there, or not by this user; InventoryError where there is
    no environment.
    """
    record = read_environment(environment)
    layout = layout_of(record.record)
    folders = search_path_of(layout, record.snapshot.interpreter.version).folders
    own = f"{layout.prefix.rstrip('/')}/"
    site = next((each.path for each in folders if each.kind == "site" and each.path.startswith(own)), None)
    shown = record.record.path
    if site is None or not Path(site).is_dir():
        raise UsageError("it has no site-packages folder of its own", where=shown)
    library = next((each.path for each in folders if each.kind == "library"), None)
    if layout.config is None and library is not None and (Path(library) / _MANAGED).exists():
        raise UsageError("its packages are managed by the system", where=shown, hint="python -m venv .venv")
    if Path(site).stat().st_uid != os.geteuid():
        raise UsageError(
            f"only its owner may: {record.record.owner}", where=shown, hint="ask the owner to run it"
        )
    return Path(site)


def install_guard(site: Path) -> None:
    """Put the guard into a site-packages folder, in the place of any other. Raises StateError."""
    try:
        _install(site)
    except OSError as error:
        raise StateError(f"cannot be written: {error.strerror}", where=str(site)) from error


def uninstall_guard(site: Path) -> bool:
    """Take the guard out of a site-packages folder; False where there was none. Raises StateError."""
    folders = list(site.glob(_ANY_DIST_INFO))
    names = [f"{name}{compiled}" for name in (MODULE, _PLUGIN) for compiled in ("", "c")]
    files = [site / name for name in names if os.path.lexists(site / name)]
    try:
        with _beside(site) as beside:
            for folder in folders:
                folder.rename(Path(beside) / folder.name)
        for path in [*files, *(site / "__pycache__").glob("envguard_guard*.pyc")]:
            path.unlink()
    except OSError as error:
        raise StateError(f"cannot be removed: {error.strerror}", where=str(site)) from error
    return bool(folders or files)


def _install(site: Path) -> None:
    with _beside(site) as beside:
        folder = Path(beside) / "new"
        folder.mkdir()
        modules = {MODULE: guard_text(), _PLUGIN: plugin_text()}
        for name, text in modules.items():
            (Path(beside) / name).write_text(text, encoding="ascii")
        files = {"METADATA": _METADATA, "WHEEL": _WHEEL, "INSTALLER": "envguard\n"}
        files["entry_points.txt"] = _ENTRY_POINTS  # pytest finds its plugins there
        for name, text in files.items():
            (folder / name).write_text(text, encoding="ascii")
        (folder / "RECORD").write_text(_record(modules, files), encoding="ascii")
        for path in (*Path(beside).iterdir(), *folder.iterdir()):
            path.chmod(0o755 if path.is_dir() else 0o644)
        for name in modules:
            (Path(beside) / name).replace(site / name)
        for number, old in enumerate(site.glob(_ANY_DIST_INFO)):
            old.rename(Path(beside) / f"old-{number}")
        folder.rename(site / _DIST_INFO)


def _beside(site: Path) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix=".envguard-guard-", dir=site)


def _record(modules: dict[str, str], files: dict[str, str]) -> str:
    placed = {**modules, **{f"{_DIST_INFO}/{name}": text for name, text in files.items()}}
    rows = [_row(place, text.encode("ascii")) for place, text in placed.items()]
    return "".join(f"{row}\n" for row in [*rows, f"{_DIST_INFO}/RECORD,,"])


def _row(place: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode("ascii")
    return f"{place},sha256={digest},{len(content)}"
