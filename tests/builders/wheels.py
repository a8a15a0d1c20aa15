"""Wheels made on the spot, so that no test needs the network."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
    tag: str = "py2.py3-none-any",
) -> Path:
    """Write a wheel, for any Python if ``tag`` does not say otherwise, into the folder and answer its path.

    Without ``files`` it holds one module, named as the distribution, with ``__version__``.
    """
    files = dict(files) if files is not None else {f"{module_name(name)}.py": f"__version__ = {version!r}\n"}
    dist_info = f"{module_name(name)}-{version}.dist-info"
    content = {**files, **dist_info_files(dist_info, name, version, requires, tag=tag)}
    content[f"{dist_info}/RECORD"] = _record(content, f"{dist_info}/RECORD")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{module_name(name)}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for place, text in content.items():
            wheel.writestr(zipfile.ZipInfo(place, (2026, 1, 1, 0, 0, 0)), text)
    return path


def module_name(name: str) -> str:
    """Answer the name as wheels and modules write it."""
    return re.sub(r"[-_.]+", "_", name).lower()


def dist_info_files(
    dist_info: str,
    name: str,
    version: str,
    requires: Sequence[str] = (),
    *,
    tag: str = "py2.py3-none-any",
) -> dict[str, str]:
    """Answer METADATA and WHEEL of a distribution, by their place in the wheel."""
    headers = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    headers += [f"Requires-Dist: {requirement}" for requirement in requires]
    lines = ["Wheel-Version: 1.0", "Generator: envguard-tests", "Root-Is-Purelib: true"]
    pythons, _, rest = tag.partition("-")
    wheel = "\n".join([*lines, *(f"Tag: {python}-{rest}" for python in pythons.split("."))]) + "\n"
    return {f"{dist_info}/METADATA": "\n".join(headers) + "\n\n", f"{dist_info}/WHEEL": wheel}


def _record(content: Mapping[str, str], own_place: str) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerows((place, f"sha256={_hash(each)}", len(each.encode())) for place, each in content.items())
    rows.writerow((own_place, "", ""))
    return text.getvalue()


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
