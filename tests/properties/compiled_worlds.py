"""Policies with locks, and what an environment may hold: strategies for what the guard is held to."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

NAMES = ("gym", "numpy", "torch", "pandas", "my-tool")
VERSIONS = ("1.0", "1.0.0", "1.0+cu121", "2.0", "2.0rc1", "x.y")
SPECIFIERS = ("==1.0", ">=1.0", "<2", "==1.0+cu121", "~=1.0", "!=1.0", "===x.y")
LEVELS = ("ignore", "info", "warn", "error")
WHEELS = {
    "pure": "py3-none-any",
    "here": "cp311-cp311-manylinux_2_17_x86_64",
    "there": "cp39-cp39-manylinux2014_x86_64",
}
DIRECT = {
    "editable": {"url": "file:///src", "dir_info": {"editable": True}},
    "folder": {"url": "file:///src", "dir_info": {}},
    "vcs": {"url": "https://git.example/x", "vcs_info": {"vcs": "git", "commit_id": "a" * 40}},
    "later": {"url": "https://git.example/x", "vcs_info": {"vcs": "git", "commit_id": "b" * 40}},
    "archive": {
        "url": "https://index.example/x.whl",
        "archive_info": {"hashes": {"sha256": "b" * 64}},
    },
    "odd": {"url": 3},
    "odd folder": {"url": "file:///src", "dir_info": {"editable": "yes"}},
    "odd archive": {"url": "https://index.example/x.whl", "archive_info": 3},
}


class Dist(NamedTuple):
    """A distribution that an environment holds."""

    name: str
    version: str
    kind: str
    told: str | None
    """The version that its metadata tells, where that is another; empty: it tells nothing."""
    wheel: str | None
    direct: str | None

    def metadata(self) -> bytes | None:
        """What METADATA says; None for the usual."""
        if self.told is None:
            return None
        text = f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {self.told}\n\n"
        return text.encode() if self.told else b""

    def files(self) -> dict[str, str]:
        """The files beside it."""
        files = {"INSTALLER": "pip\n"}
        if self.wheel is not None:
            files["WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {WHEELS[self.wheel]}\n"
        if self.direct is not None:
            files["direct_url__json"] = json.dumps(DIRECT[self.direct])
        return files


class Written(NamedTuple):
    """A policy, and the lock that it names."""

    policy: str
    lock: str | None
    pins: tuple[tuple[str, str], ...]
    """What the lock has, whether or not it applies here."""

    def write(self, folder: Path) -> Path:
        """Write both and answer the policy's path."""
        path = folder / "rl-team.yaml"
        path.write_text(self.policy)
        if self.lock is not None:
            (folder / "pylock.toml").write_text(self.lock)
        return path


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Written, list[Dist]]:
    """A policy, and an environment that mostly holds what its lock has."""
    written = draw(policies())
    held = [draw(dists(name, version)) for name, version in written.pins if draw(st.integers(0, 5))]
    others = st.tuples(st.sampled_from(NAMES), st.sampled_from(VERSIONS[:5]))
    held += [draw(dists(*each)) for each in draw(st.lists(others, max_size=2))]
    return written, held


def dists(name: str, version: str) -> st.SearchStrategy[Dist]:
    """How a package may be installed: mostly as usual, now and then odd."""
    return st.builds(
        Dist,
        st.just(name.replace("-", "_")),
        st.sampled_from([version] * 6 + list(VERSIONS[:5])),
        st.sampled_from(["dist-info"] * 6 + ["egg-info"]),
        st.sampled_from([None] * 20 + ["2.0", "", "x.y", "1.0"]),
        st.sampled_from([None, *WHEELS]),
        st.sampled_from([None] * 8 + list(DIRECT)),
    )


@st.composite
def policies(draw: st.DrawFn) -> Written:
    """A policy that may be read, with or without a lock."""
    lines = ["envguard: 1", "name: rl-team"]
    lock, pins = draw(st.just((None, ())) | locks())
    if lock is not None:
        lines.append("lock: pylock.toml")
    if draw(st.integers(0, 5)) == 0:
        lines.append(f"python: '{draw(st.sampled_from(['==3.11.*', '>=3.12', '<4']))}'")
    ruled = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3))
    if ruled:
        lines.append("packages:")
        lines += [f"  {name}: {draw(rules())}" for name in ruled]
    for key in ("unlisted", "integrity", "broken-requirements"):
        if draw(st.integers(0, 3)) == 0:
            lines.append(f"{key}: {draw(st.sampled_from(LEVELS))}")
    if draw(st.integers(0, 4)) == 0:
        level = st.sampled_from(LEVELS)
        lines.append(f"origins: {{editable: {draw(level)}, vcs: {draw(level)}, direct-url: {draw(level)}}}")
    if draw(st.integers(0, 9)) == 0:
        lines.append(f"machine: {{memory: '{draw(st.sampled_from(['>=1MB', '>=999TB']))}'}}")
    if draw(st.integers(0, 3)) == 0:
        lines.append("waivers:")
        lines += [f"  - {draw(waivers())}" for _ in range(draw(st.integers(1, 2)))]
    return Written("\n".join(lines) + "\n", lock, pins)


def rules() -> st.SearchStrategy[str]:
    """What a policy may ask of one package."""
    return st.one_of(
        st.sampled_from(SPECIFIERS).map(json.dumps),
        st.sampled_from(["{deny: true}", "{deny: true, severity: warn}"]),
        st.builds(
            "{{version: {}, severity: {}, optional: {}}}".format,
            st.sampled_from(SPECIFIERS).map(json.dumps),
            st.sampled_from(LEVELS[1:]),
            st.sampled_from(["true", "false"]),
        ),
        st.builds("{{version: '>=1.0', build: {}}}".format, st.sampled_from(["cu121", "cpu", "'cp311*'"])),
    )


@st.composite
def waivers(draw: st.DrawFn) -> str:
    """A permission to differ, which may have ended, or be somebody else's."""
    days = draw(st.sampled_from([-1, 1, 30]))
    until = (datetime.now(timezone.utc) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    parts = [
        f"package: {draw(st.sampled_from(NAMES))}",
        f"until: '{until}'",
        "reason: r, approved-by: lead",
    ]
    machine = draw(st.sampled_from([None, None, "here", "elsewhere"]))
    kind = draw(
        st.sampled_from([None, None, "version-mismatch", "missing", "unlisted", "unreadable", "denied"])
    )
    parts += [f"machine: {machine}"] if machine else []
    parts += [f"kind: {kind}"] if kind else []
    return "{" + ", ".join(parts) + "}"


@st.composite
def locks(draw: st.DrawFn) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A pylock.toml, with files or without, some entries of which are for others."""
    lines = ['lock-version = "1.0"', 'created-by = "test"', 'extras = ["more"]']
    if draw(st.integers(0, 9)) == 0:
        lines.append(f'requires-python = "{draw(st.sampled_from([">=3.8", ">=3.12"]))}"')
    pins = []
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=4)):
        version = draw(st.sampled_from(VERSIONS[:5]))
        pins.append((name, version))
        lines += ["[[packages]]", f'name = "{name}"', f'version = "{version}"']
        marker = draw(
            st.sampled_from(
                [
                    None,
                    None,
                    None,
                    "sys_platform == 'win32'",
                    "'more' in extras",
                    "python_version >= '3.9'",
                    "platform_release >= '1'",
                ]
            )
        )
        lines += [f'marker = "{marker}"'] if marker else []
        lines += _source(draw, name, version)
    return "\n".join(lines) + "\n", tuple(pins)


def _source(draw: st.DrawFn, name: str, version: str) -> list[str]:
    kind = draw(st.sampled_from(["wheels", "wheels", "wheels", "sdist", "vcs", "folder"]))
    digest = f'hashes = {{sha256 = "{draw(st.sampled_from("bc")) * 64}"}}'
    stem = f"{name.replace('-', '_')}-{version}"
    if kind == "wheels":
        tags = draw(st.lists(st.sampled_from(list(WHEELS.values())), min_size=1, unique=True))
        files = ", ".join(
            f'{{name = "{stem}-{tag}.whl", path = "w/{stem}-{tag}.whl", {digest}}}' for tag in tags
        )
        return [f"wheels = [{files}]"]
    if kind == "sdist":
        return [f'sdist = {{name = "{stem}.tar.gz", path = "w/{stem}.tar.gz", {digest}}}']
    if kind == "vcs":
        return [f'vcs = {{type = "git", url = "https://git.example/x", commit-id = "{"a" * 40}"}}']
    return ['directory = {path = "src", editable = true}']
