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
from envguard.runs.guard_text import guard_text, plugin_text, policy_text

MODULES = {
    "envguard_guard.py": guard_text,
    "envguard_guard_policy.py": policy_text,
    "envguard_guard_pytest.py": plugin_text,
}
"""What scripts import where the rest of envguard is not installed, what that imports to judge by itself, and
what pytest imports."""

POLICY = "policy"
"""The file beside its metadata that holds the compiled policy."""

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


def install_guard(site: Path, policy: bytes | None = None) -> None:
    """Put the guard into a site-packages folder, in the place of any other. Raises StateError.

    ``policy`` is what :mod:`envguard.runs.compiling` made; None: it brings none.
    """
    try:
        _install(site, policy)
    except OSError as error:
        raise StateError(f"cannot be written: {error.strerror}", where=str(site)) from error


def uninstall_guard(site: Path) -> bool:
    """Take the guard out of a site-packages folder; False where there was none. Raises StateError."""
    folders = list(site.glob(_ANY_DIST_INFO))
    names = [name for module in MODULES for name in (module, f"{module}c")]
    files = [site / name for name in names if os.path.lexists(site / name)]
    try:
        with _beside(site) as beside:
            for folder in folders:
                folder.rename(Path(beside) / folder.name)
        stems = [name.removesuffix(".py") for name in MODULES]
        cached = [path for stem in stems for path in (site / "__pycache__").glob(f"{stem}.*.pyc")]
        for path in [*files, *cached]:
            path.unlink()
    except OSError as error:
        raise StateError(f"cannot be removed: {error.strerror}", where=str(site)) from error
    return bool(folders or files)


def _install(site: Path, policy: bytes | None) -> None:
    with _beside(site) as beside:
        folder = Path(beside) / "new"
        folder.mkdir()
        modules = {name: text().encode("ascii") for name, text in MODULES.items()}
        texts = {"METADATA": _METADATA, "WHEEL": _WHEEL, "INSTALLER": "envguard\n"}
        texts["entry_points.txt"] = _ENTRY_POINTS  # pytest finds its plugins there
        files = {name: text.encode("ascii") for name, text in texts.items()}
        if policy is not None:
            files[POLICY] = policy
        for path, content in [
            *((Path(beside) / name, content) for name, content in modules.items()),
            *((folder / name, content) for name, content in files.items()),
            (folder / "RECORD", _record(modules, files)),
        ]:
            path.write_bytes(content)
            path.chmod(0o644)
        folder.chmod(0o755)
        for name in reversed(modules):  # first what the other imports
            (Path(beside) / name).replace(site / name)
        for number, old in enumerate(site.glob(_ANY_DIST_INFO)):
            old.rename(Path(beside) / f"old-{number}")
        folder.rename(site / _DIST_INFO)


def _beside(site: Path) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix=".envguard-guard-", dir=site)


def _record(modules: dict[str, bytes], files: dict[str, bytes]) -> bytes:
    rows = [_row(name, content) for name, content in modules.items()]
    rows += [_row(f"{_DIST_INFO}/{name}", content) for name, content in files.items()]
    return "".join(f"{row}\n" for row in [*rows, f"{_DIST_INFO}/RECORD,,"]).encode("ascii")


def _row(place: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode("ascii")
    return f"{place},sha256={digest},{len(content)}"
