"""What interpreters say of themselves: the oracle to which the inventory's reading is held."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.builders.environments import pyenv_python

MINORS = ["2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]

_SAY = """
import json, os, platform, sys
def full(info):
    text = '{0.major}.{0.minor}.{0.micro}'.format(info)
    return text if info.releaselevel == 'final' else text + info.releaselevel[0] + str(info.serial)
own = getattr(sys, 'implementation', None)
flags = getattr(sys, 'abiflags', 'mu' if sys.maxunicode > 65535 else 'm')
abi = 'cp%d%d%s' % (sys.version_info[0], sys.version_info[1], flags)
if own and own.name == 'pypy':
    abi = 'pypy%d%d_pp%d%d' % (sys.version_info[:2] + sys.pypy_version_info[:2])
print(json.dumps({
    'abi': abi,
    'markers': {
        'implementation_name': own.name if own else '',
        'implementation_version': full(own.version) if own else '0',
        'os_name': os.name,
        'platform_machine': platform.machine(),
        'platform_python_implementation': platform.python_implementation(),
        'platform_system': platform.system(),
        'python_full_version': platform.python_version(),
        'python_version': '.'.join(platform.python_version_tuple()[:2]),
        'sys_platform': sys.platform,
    },
}))
"""
_LIST = """
import json, importlib.metadata as metadata
print(json.dumps(sorted({(d.metadata['Name'], d.version) for d in metadata.distributions()})))
"""
_LIST_OLD = """
import json, sys
before = list(sys.path)
sys.path.append(%r)
import pkg_resources
found = pkg_resources.WorkingSet(before)
own = ('Python', 'wsgiref')
print(json.dumps(sorted({(d.project_name, d.version) for d in found if d.project_name not in own})))
"""


def python_or_skip(minor: str) -> Path:
    """Answer pyenv's interpreter of this minor version; skip the test where there is none."""
    python = pyenv_python(minor)
    if python is None:
        pytest.skip(f"no Python {minor} under pyenv's versions")
    return python


def what_it_says_of_itself(python: Path) -> dict[str, object]:
    """Answer ABI tag and markers, told by the interpreter."""
    answer = _ask(python, _SAY)
    assert isinstance(answer, dict)
    return answer


def what_it_lists(python: Path) -> set[tuple[str, str]]:
    """Answer names and versions as ``importlib.metadata``, or before 3.8 ``pkg_resources``, gives them."""
    base = _site_of_base(python)
    answer = _ask(python, _LIST if base is None else _LIST_OLD % base)
    assert isinstance(answer, list)
    return {(name, version) for name, version in answer}


def _site_of_base(python: Path) -> str | None:
    """Where an old Python has pkg_resources, which stands for the importlib.metadata that it lacks."""
    version = _ask(python, "import sys; print('[%d, %d]' % sys.version_info[:2])")
    assert isinstance(version, list)
    if version >= [3, 8]:
        return None
    base = python_or_skip(f"{version[0]}.{version[1]}")
    (site,) = base.parent.parent.glob("lib/*/site-packages")
    return str(site)


def _ask(python: Path, program: str) -> object:
    environ = {"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1", "HOME": os.devnull}
    asked = subprocess.run(
        [str(python), "-c", program], capture_output=True, check=True, timeout=60, env=environ, cwd="/"
    )
    return json.loads(asked.stdout)
