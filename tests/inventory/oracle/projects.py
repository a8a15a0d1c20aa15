"""Projects that today's and yesterday's installers can build without fetching a build tool."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.builders.environments import write_tree
from tests.builders.wheels import module_name
from tests.inventory.oracle.children import run, system_tool

_PYPROJECT = """[build-system]
requires = []
build-backend = "own_backend"
backend-path = ["."]
"""

_BACKEND = '''"""A PEP 517 and PEP 660 backend that needs the standard library alone."""
import base64, hashlib, os, zipfile
NAME, MODULE, VERSION = "{name}", "{module}", "{version}"
def _write(folder, files):
    stem = MODULE + "-" + VERSION
    headers = ["Metadata-Version: 2.1", "Name: " + NAME, "Version: " + VERSION]
    files = dict(files)
    files[stem + ".dist-info/METADATA"] = "\\n".join(headers) + "\\n\\n"
    files[stem + ".dist-info/WHEEL"] = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    rows = []
    for place, text in sorted(files.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append("%s,sha256=%s,%d" % (place, digest, len(text.encode())))
    files[stem + ".dist-info/RECORD"] = "\\n".join(rows + [stem + ".dist-info/RECORD,,"]) + "\\n"
    with zipfile.ZipFile(os.path.join(folder, stem + "-py3-none-any.whl"), "w") as wheel:
        for place, text in files.items():
            wheel.writestr(place, text)
    return stem + "-py3-none-any.whl"
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return _write(wheel_directory, {{MODULE + ".py": ""}})
def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return _write(wheel_directory, {{"__editable__" + MODULE + ".pth": os.path.abspath("src") + "\\n"}})
'''

_SETUP = """from setuptools import setup
setup(name="{name}", version="{version}", py_modules=["{module}"], zip_safe={zip_safe})
"""


def make_project(folder: Path, name: str, version: str) -> Path:
    """Write a project with a backend of its own and answer its folder."""
    module = module_name(name)
    backend = _BACKEND.format(name=name, module=module, version=version)
    files = {"pyproject.toml": _PYPROJECT, "own_backend.py": backend, f"src/{module}.py": ""}
    return write_tree(folder, files)


def make_legacy_project(folder: Path, name: str, version: str, *, zip_safe: bool = False) -> Path:
    """Write a project that only has a ``setup.py`` and answer its folder."""
    module = module_name(name)
    setup = _SETUP.format(name=name, version=version, module=module, zip_safe=zip_safe)
    return write_tree(folder, {"setup.py": setup, f"{module}.py": ""})


def commit(folder: Path, environ: Mapping[str, str]) -> str:
    """Make a folder a git repository with one commit and answer the commit's id."""
    git = system_tool("git")
    person = ["-c", "user.name=ann", "-c", "user.email=ann@example.org"]
    run([git, "init", "--quiet"], environ, folder)
    run([git, "add", "--all"], environ, folder)
    run([git, *person, "commit", "--quiet", "--message", "first"], environ, folder)
    return run([git, "rev-parse", "HEAD"], environ, folder).strip()
