"""Where the parts of an environment lie: its folder, its interpreter, and the base that it borrows from.

Rules
1. ``bin/python`` decides: the library folder that counts is the one of the Python that it really is.
2. A folder with ``pyvenv.cfg`` is an environment even if its interpreter is gone; then the base is missing.
3. A link elsewhere to an environment's interpreter runs the base; a link to its folder is the environment.
4. A folder without ``pyvenv.cfg`` whose interpreter is a link to another folder runs that other one.
5. A prefix in which conda recorded a Python is an environment even if its interpreter is gone; so is any
   other with a standard library of its own, as long as something lies where the interpreter should be.
6. Python 2 does not know ``pyvenv.cfg``: its interpreter must be a copy inside the environment.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.environment import EnvironmentKind, ProblemDetail
from envguard.errors import InventoryError
from envguard.inventory import conda_records
from envguard.inventory.executable import Build, build_inside, build_named, fault_of, is_script
from envguard.inventory.files import (
    Reader,
    is_absent,
    is_below,
    is_closed,
    reader_for,
    reason_of,
    refusing_part_of,
    shown,
)
from envguard.inventory.kinds import conda_name_of, kind_of_virtual, kind_of_whole
from envguard.inventory.pyvenv import VenvConfig, config_places, read_config

if TYPE_CHECKING:
    from envguard.inventory.conda_records import RecordedPython

INTERPRETERS = ("python", "python3", "python2", "pypy3", "pypy")
"""Names below ``bin``, in the order in which an environment's interpreter is looked for."""

_WINDOWS = os.path.join("Scripts", "python.exe")
_ORIGINAL = "orig-prefix.txt"


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of one environment."""

    path: str
    """What it is known by: its folder, or for a system interpreter the executable."""
    prefix: str
    python: str
    real_python: str
    """The executable at the end of all links; it need not exist."""
    kind: EnvironmentKind
    build: Build | None
    """None where neither interpreter nor file tells it."""
    base: str | None
    """The prefix that holds the standard library; None where it is gone."""
    config: VenvConfig | None
    sees_base_site: bool
    """Whether the base's own packages (and the user's) can be imported."""
    problems: tuple[ProblemDetail, ...] = ()
    names: tuple[str, ...] = ()
    """What else it is called by where it lies: ``conda:rl``."""

    @property
    def library(self) -> str:
        """The name of the library folder below ``lib``."""
        return self.build.library if self.build else "python"


def has_marker(folder: str) -> bool:
    """Whether a folder looks like an environment or a whole Python, by a few looks and no listing."""
    return has_config(folder) or interpreter_in(folder) is not None or _has_lost_python(folder)


def _has_lost_python(folder: str) -> bool:
    """Whether conda installed a Python here; also where only :func:`locate` can say."""
    if not os.path.lexists(os.path.join(folder, conda_records.FOLDER)):
        return False
    try:
        return bool(conda_records.pythons_in(reader_for(folder), folder))
    except OSError:
        return True


def has_config(folder: str) -> bool:
    """Whether a folder holds ``pyvenv.cfg``, in either of its places."""
    return any(os.path.lexists(path) for path in config_places(folder))


def interpreter_in(prefix: str) -> str | None:
    """Answer the path of the folder's interpreter, also where it is a link to nothing."""
    names = INTERPRETERS if os.path.lexists(os.path.join(prefix, "bin")) else ()
    for name in names:
        path = os.path.join(prefix, "bin", name)
        if os.path.lexists(path):
            return path
    windows = os.path.join(prefix, _WINDOWS)
    return windows if os.path.lexists(windows) else None


def locate(path: str) -> Layout:
    """Answer the parts of the environment that a folder or an interpreter's path names.

    Raises InventoryError when it names none.
    """
    path = os.path.abspath(path)
    if os.path.isdir(path):
        return _locate_folder(os.path.realpath(path))
    if not os.path.lexists(path):
        part = refusing_part_of(path, errno.EACCES)
        if part != path:
            raise _closed(part)
        raise InventoryError("no such file or folder", where=shown(path), hint="envguard scan")
    prefix = os.path.realpath(os.path.dirname(os.path.dirname(path)))
    python = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    reader = reader_for(prefix)
    if is_script(reader, path):
        raise InventoryError(
            "a script, not an interpreter", where=shown(path), hint="name the environment's folder"
        )
    config = read_config(reader, prefix)
    if config is not None:
        return _virtual(reader, prefix, python, config)
    build = build_named(os.path.basename(python))
    fault = _fault(prefix, python, os.path.realpath(python))
    if fault is not None and _base(build, [prefix]) is not None and build is not None:
        return _of_library(prefix, python, build, (fault,))
    return _whole(os.path.realpath(path))


def _locate_folder(prefix: str) -> Layout:
    reader = reader_for(prefix)
    config = read_config(reader, prefix)
    python = interpreter_in(prefix)
    if config is not None:
        return _virtual(reader, prefix, python or os.path.join(prefix, "bin", "python"), config)
    if python is None or not os.path.exists(python):
        recorded = conda_records.pythons_in(reader, prefix)
        if recorded:
            return _lost(prefix, python or os.path.join(prefix, "bin", "python"), recorded[0])
    if python is None:
        raise _closed(prefix) if is_closed(prefix) else _no_environment(prefix)
    real = os.path.realpath(python)
    fault = _fault(prefix, python, real)
    build = _whole_in(prefix) if fault is not None else None
    if fault is not None and build is not None:
        return msgspec.structs.replace(_of_library(prefix, python, build, (fault,)), path=prefix)
    if is_below(real, prefix) or not _libraries(prefix):
        return _whole(real)
    problem = ProblemDetail("not-an-environment", None, f"{shown(python)} runs {shown(real)}")
    layout = _whole(real)
    return msgspec.structs.replace(layout, path=prefix, python=python, problems=(*layout.problems, problem))


def _fault(prefix: str, python: str, real: str) -> ProblemDetail | None:
    """Why nothing can be run there; None where there is a program."""
    if not os.path.exists(real):
        return _why_it_cannot_run(python, real, None)
    reader, folder = reader_for(prefix), os.path.dirname(python)
    if not reader.may_enter(folder):
        return ProblemDetail("unreadable", None, f"{shown(folder)}: permission denied")
    fault = fault_of(reader, real)
    # Not where it leads to: below /proc/self that is another path for each process.
    return ProblemDetail("not-an-environment", None, f"{shown(python)} {fault}") if fault else None


def _whole_in(prefix: str) -> Build | None:
    """The build of which a folder holds the standard library, of several the newest; None without one."""
    builds = [build for name in _libraries(prefix) if (build := build_named(name)) and _base(build, [prefix])]
    return max(builds, key=lambda build: tuple(map(int, build.minor.split("."))), default=None)


def _virtual(reader: Reader, prefix: str, python: str, config: VenvConfig) -> Layout:
    real = os.path.realpath(python)
    homes = [os.path.dirname(config.home)] if config.home else []
    build = _build(reader, real, homes, config)
    base = _base(build, [*homes, os.path.dirname(os.path.dirname(real))]) if os.path.exists(real) else None
    if python.endswith(_WINDOWS) and os.path.exists(python):
        base = homes[0] if homes else prefix
    return Layout(
        path=prefix,
        prefix=prefix,
        python=python,
        real_python=real,
        kind=kind_of_virtual(prefix, config),
        build=build,
        base=base,
        config=config,
        sees_base_site=config.includes_system_site,
        problems=(*_faults(config), *_problems(prefix, python, real, build, base)),
    )


def _faults(config: VenvConfig) -> list[ProblemDetail]:
    return [ProblemDetail("unreadable", None, config.fault)] if config.fault else []


def _problems(
    prefix: str, python: str, real: str, build: Build | None, base: str | None
) -> list[ProblemDetail]:
    fault = _fault(prefix, python, real) if os.path.exists(real) else None
    if fault is not None:
        return [fault]
    if base is None:
        return [_why_it_cannot_run(python, real, build)]
    if build is None or python.endswith(_WINDOWS):
        return []
    if build.minor.startswith("2.") and not is_below(real, prefix):
        detail = f"{shown(python)} runs {shown(real)}: Python 2 needs a copy inside the environment"
        return [ProblemDetail("not-an-environment", None, detail)]
    others = [name for name in _libraries(prefix) if name != build.library]
    if others and not os.path.isdir(os.path.join(prefix, "lib", build.library)):
        detail = f"{shown(python)} reads lib/{build.library}, which is absent; here is lib/{others[0]}"
        return [ProblemDetail("not-an-environment", None, detail)]
    return []


def _why_it_cannot_run(python: str, real: str, build: Build | None) -> ProblemDetail:
    try:
        os.stat(python)
    except OSError as error:
        return _why_it_is_not_there(python, real, error)
    lacks = f"no lib/{build.library} belongs to it" if build else "which Python it is cannot be told"
    led_to = "" if real == python else f" leads to {shown(real)}"
    return ProblemDetail("base-missing", None, f"{shown(python)}{led_to}: {lacks}")


def _why_it_is_not_there(python: str, real: str, error: OSError) -> ProblemDetail:
    folder = os.path.dirname(python)
    if is_closed(folder):
        return ProblemDetail("unreadable", None, f"{shown(folder)}: {reason_of(error)}")
    if not os.path.islink(python):
        detail = f"{shown(python)} is gone"
    elif error.errno == errno.ELOOP:
        detail = f"{shown(python)} is a link that leads to itself"
    else:
        reason = ", which is gone" if is_absent(error) else f": {reason_of(error)}"
        detail = f"{shown(python)} leads to {shown(real)}{reason}"
    return ProblemDetail("base-missing", None, detail)


def _lost(prefix: str, python: str, recorded: RecordedPython) -> Layout:
    """What conda made, and whose interpreter is gone since."""
    build = Build("PyPy" if recorded.is_pypy else "CPython", recorded.minor)
    real = os.path.realpath(python)
    kind = kind_of_whole(prefix)
    name = conda_name_of(prefix) if kind == "conda" else None
    return Layout(
        path=prefix,
        prefix=prefix,
        python=python,
        real_python=real,
        kind=kind,
        build=_with_thread_flag(build, [prefix]),
        base=None,
        config=None,
        sees_base_site=True,
        problems=(_why_it_cannot_run(python, real, build),),
        names=(name,) if name else (),
    )


def _whole(real: str) -> Layout:
    prefix = os.path.dirname(os.path.dirname(real))
    reader = reader_for(prefix)
    build = _build(reader, real, [prefix], None) if os.path.exists(real) else None
    if build is None or _base(build, [prefix]) is None:
        raise _no_environment(real)
    fault = _fault(prefix, real, real)
    return _of_library(prefix, real, build, (fault,) if fault else ())


def _of_library(prefix: str, real: str, build: Build, problems: tuple[ProblemDetail, ...]) -> Layout:
    """What holds the standard library of a build: a whole Python, or an old virtualenv that links to it."""
    original = _original_prefix(reader_for(prefix), prefix, build)
    if original is not None:
        return _old_virtualenv(prefix, real, build, original, problems)
    kind = kind_of_whole(prefix)
    name = conda_name_of(prefix) if kind == "conda" else None
    return Layout(
        path=real if kind == "system" else prefix,
        prefix=prefix,
        python=real if kind == "system" else (interpreter_in(prefix) or real),
        real_python=real,
        kind=kind,
        build=build,
        base=prefix,
        config=None,
        sees_base_site=True,
        problems=problems,
        names=(name,) if name else (),
    )


def of_user(system: Layout, site: str) -> Layout:
    """Answer a system interpreter as the owner of this user site would see it."""
    return msgspec.structs.replace(system, path=site, kind="user")


def _old_virtualenv(
    prefix: str, python: str, build: Build, original: str, problems: tuple[ProblemDetail, ...]
) -> Layout:
    """Before virtualenv 20: a copied binary, linked library files, and no pyvenv.cfg."""
    base = _base(build, [original])
    marker = os.path.join(prefix, "lib", build.library, "no-global-site-packages.txt")
    gone = ProblemDetail("base-missing", None, f"{shown(original)} is gone")
    return Layout(
        path=prefix,
        prefix=prefix,
        python=interpreter_in(prefix) or python,
        real_python=python,
        kind="virtualenv",
        build=build,
        base=base,
        config=None,
        sees_base_site=not os.path.lexists(marker),
        problems=problems if base else (*problems, gone),
    )


def _original_prefix(reader: Reader, prefix: str, build: Build) -> str | None:
    try:
        content = reader.read(os.path.join(prefix, "lib", build.library, _ORIGINAL), cap_bytes=4096)
    except OSError:
        return None
    return os.fsdecode(content.replace(b"\0", b"").strip()) or None


def _build(reader: Reader, real: str, bases: list[str], config: VenvConfig | None) -> Build | None:
    named = build_named(os.path.basename(real))
    if named is None:
        told = ".".join(config.version.split(".")[:2]) if config and config.version else None
        minors = [build.minor for base in bases for name in _libraries(base) if (build := build_named(name))]
        named = build_inside(reader, real, [told, *minors] if told else minors)
        if named is None and told:
            named = Build("CPython", told)
    return _with_thread_flag(named, [*bases, os.path.dirname(os.path.dirname(real))]) if named else None


def _with_thread_flag(build: Build, bases: list[str]) -> Build:
    """A free-threaded installation also has a ``python3.13``; its library folder tells."""
    threaded = msgspec.structs.replace(build, free_threaded=True)
    if build.free_threaded or _base(build, bases) or not _base(threaded, bases):
        return build
    return threaded


def _base(build: Build | None, prefixes: list[str]) -> str | None:
    """The first prefix that holds this build's standard library."""
    if build is None:
        return None
    for prefix in prefixes:
        for library in ("lib", "lib64"):
            if os.path.exists(os.path.join(prefix, library, build.library, "os.py")):
                return prefix
    return None


def _libraries(prefix: str) -> list[str]:
    try:
        names = os.listdir(os.path.join(prefix, "lib"))
    except OSError:
        return []
    return sorted(name for name in names if build_named(name) and name[-1] not in "dm")


def _closed(path: str) -> InventoryError:
    return InventoryError("cannot be read: permission denied", where=shown(path))


def _no_environment(path: str) -> InventoryError:
    return InventoryError("no Python environment", where=shown(path), hint="envguard scan")
