"""The guard: holds a script to what its environment must be, from inside the interpreter that runs it.

One file for Python 2.7 and 3.6 up, with the standard library alone: installed as ``envguard_guard`` into
environments that have nothing else of ours. What a fresh verdict needs, Python has imported already; the
rest is imported where it is needed.

Rules
1. What was asked in the call itself (``numpy="<2"``) is looked up on this interpreter's ``sys.path``, by the
   names of metadata folders. The first folder that has a package counts, as for an import.
2. A policy's verdict comes from the first of these that has one: the file that the agent keeps of this
   environment, the agent's socket, the ``envguard`` command.
3. A verdict file is taken only if root or this user wrote it and nobody else can, it is whole, of this boot
   and this environment, not over its end, and each file that it notes is as it was.
4. Whatever says that an environment is compliant knows nothing of this script: that a local file takes the
   import name of an installed package is seen here, each time.
5. What cannot be decided is ``unknown``, and raises unless the caller chose otherwise.
6. Pre-releases are allowed, and a version that is not PEP 440 meets only ``===``, as in ``domain.versions``.
"""

import os
import stat
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Pyflakes reads no type comments.
    from collections.abc import Callable, Iterable, Iterator, Sequence  # noqa: F401
    from typing import Any, Dict, List, Optional, Set, Tuple  # noqa: F401

    Key = Tuple[Any, ...]
    Answer = Tuple[Optional["Verdict"], str]

FORMAT = "envguard-verdict 1"
"""The first line of a verdict file, and of an answer on the socket."""

ALLOW = "ENVGUARD_ALLOW_DRIFT"

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_FILE_CAP = 4 * 1024 * 1024
_HEAD_CAP = 256 * 1024
_RECORD_CAP = 16 * 1024 * 1024
_VERSION_CAP = 200
_IS_OLD = sys.version_info < (3,)
"""In Python 2 a text is bytes."""
_SOCKET_S = 0.3
_COMMAND_S = 20.0
_ROWS = 20
_DIGITS = "0123456789"
_SMALL = "abcdefghijklmnopqrstuvwxyz" + _DIGITS
_PLAIN = frozenset(_SMALL + _SMALL.upper() + ".-")
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0)
_LETTERS = {
    "alpha": "a",
    "a": "a",
    "beta": "b",
    "b": "b",
    "c": "rc",
    "rc": "rc",
    "pre": "rc",
    "preview": "rc",
}
_PRE = ("alpha", "a", "beta", "b", "preview", "pre", "c", "rc")
_OPERATORS = ("===", "==", "!=", "<=", ">=", "~=", "<", ">")
_SITES = ("site-packages", "dist-packages")
_BINARIES = (".so", ".pyd", ".pyc")
_STRAY = ("benchmarks", "docs", "example", "examples", "scripts", "test", "tests")
"""What badly built packages leave beside their own, and what nobody imports from there."""
_leases = {}  # type: Dict[str, int]
"""The descriptors that hold an environment's lease, by its prefix: open until this process ends."""


class Finding(object):
    """One way in which the environment differs; what is not known is None."""

    def __init__(
        self,
        kind,  # type: str
        severity,  # type: str
        package=None,  # type: Optional[str]
        expected=None,  # type: Optional[str]
        actual=None,  # type: Optional[str]
        reason=None,  # type: Optional[str]
        place=None,  # type: Optional[str]
        fix=None,  # type: Optional[str]
        waived=None,  # type: Optional[str]
    ):
        # type: (...) -> None
        self.kind = kind
        self.severity = severity
        self.package = package
        self.expected = expected
        self.actual = actual
        self.reason = reason
        self.place = place
        self.fix = fix
        self.waived = waived

    @property
    def counts(self):
        # type: () -> bool
        """Whether it decides the verdict."""
        return not self.waived and (self.severity == "error" or self.kind == "unreadable")


class Verdict(object):
    """What was decided: ``compliant``, ``drifted`` or ``unknown``, and by what."""

    def __init__(
        self,
        verdict,  # type: str
        environment,  # type: str
        digest=None,  # type: Optional[str]
        policy=None,  # type: Optional[str]
        revision=None,  # type: Optional[int]
        findings=(),  # type: Sequence[Finding]
        source=None,  # type: Optional[str]
        reason=None,  # type: Optional[str]
        refuses=True,  # type: bool
    ):
        # type: (...) -> None
        self.verdict = verdict
        self.environment = environment
        self.digest = digest
        self.policy = policy
        self.revision = revision
        self.findings = list(findings)
        self.source = source
        self.reason = reason
        self.refuses = refuses

    def add(self, findings):
        # type: (Iterable[Finding]) -> None
        """Take more findings in, and decide again: what was not compliant stays so."""
        more = list(findings)
        self.findings.extend(more)
        outcome = _outcome(more)
        if outcome == "unknown" or (outcome == "drifted" and self.verdict == "compliant"):
            self.verdict = outcome

    def __str__(self):
        # type: () -> str
        return report(self)


class EnvironmentDrift(RuntimeError):  # noqa: N818 - the name is promised to users
    """The environment is not what it must be, or that could not be decided; ``verdict`` says which.

    No ImportError: that would be swallowed where an import is optional.
    """

    def __init__(self, verdict):
        # type: (Verdict) -> None
        RuntimeError.__init__(self, report(verdict))
        self.verdict = verdict

    def __reduce__(self):
        # type: () -> Tuple[type, Tuple[Verdict]]
        return EnvironmentDrift, (self.verdict,)


def require(*policy, **asked):
    # type: (Any, Any) -> Verdict
    """Raise unless this interpreter's environment is what it must be; answer the verdict.

    ``require()`` asks for the policy of the project, ``require("rl-team")`` for one by name or file,
    ``require(python=">=3.11", gym="==0.26.2")`` for versions, without any policy. ``on_drift`` is ``raise``
    or ``warn``, ``on_unknown`` is ``raise``, ``warn`` or ``ignore``.

    Raises EnvironmentDrift; TypeError and ValueError where the call itself is wrong.
    """
    if len(policy) > 1:
        raise TypeError("require() takes one policy, not %d" % len(policy))
    on_drift = _choice(asked, "on_drift", ("raise", "warn"))
    on_unknown = _choice(asked, "on_unknown", ("raise", "warn", "ignore"))
    named = policy[0] if policy else None
    if named is not None and not (isinstance(named, str) and named):
        raise TypeError("a policy is named by its name or its file")
    versions = {name: specifier for name, specifier in asked.items() if specifier is not None}
    for name, specifier in versions.items():
        _check_specifier(name, specifier)
    if versions and named is None:
        verdict = _of_call(versions)
    else:
        verdict = _of_policy(named)
        if versions:
            verdict.add(_of_call(versions).findings)
    _hold_lease(sys.prefix)
    return _acted_on(verdict, on_drift, on_unknown)


def _choice(asked, name, choices):
    # type: (Dict[str, Optional[str]], str, Tuple[str, ...]) -> str
    chosen = asked.pop(name, "raise")
    if chosen not in choices:
        raise ValueError("%s is one of %s, not %r" % (name, ", ".join(choices), chosen))
    return str(chosen)


def _check_specifier(name, specifier):
    # type: (str, Optional[str]) -> None
    if not isinstance(specifier, str):
        raise TypeError('%s must be a text such as ">=1.26,<2"' % name)
    try:
        _clauses(specifier)
    except ValueError as error:
        raise ValueError("%s: %s" % (name, error))


def _acted_on(verdict, on_drift, on_unknown):
    # type: (Verdict, str, str) -> Verdict
    """Raise, warn or be silent, as the outcome, the policy and the caller say."""
    if verdict.verdict == "compliant":
        return verdict
    chosen = on_unknown if verdict.verdict == "unknown" else on_drift
    allowed = os.environ.get(ALLOW)
    if chosen == "raise" and not allowed and (verdict.refuses or verdict.verdict == "unknown"):
        raise EnvironmentDrift(verdict)
    if chosen != "ignore":
        _say(report(verdict, allowed))
    return verdict


# Versions (PEP 440)


class _Version(object):
    """A version's parts; ``key`` orders versions without their local labels."""

    def __init__(self, epoch, release, pre, post, dev, local):
        # type: (int, Tuple[int, ...], Optional[Tuple[str, int]], Optional[int], Optional[int], Key) -> None
        self.epoch = epoch
        self.release = release
        self.pre = pre
        self.post = post
        self.dev = dev
        self.local = local
        first = (1,) if pre is None else (0,) + pre  # type: Key
        if pre is None and post is None and dev is not None:
            first = (-1,)
        last = (1,) if dev is None else (0, dev)  # type: Key
        self.family = (epoch, _trimmed(release), first)  # type: Key
        self.key = self.family + (-1 if post is None else post, last)


def _trimmed(release):
    # type: (Tuple[int, ...]) -> Tuple[int, ...]
    end = len(release)
    while end > 1 and not release[end - 1]:
        end -= 1
    return release[:end]


def _version(text):
    # type: (str) -> Optional[_Version]
    """The version that a text is; None where it is none."""
    text = text.strip().lower()
    if len(text) > _VERSION_CAP:
        return None
    text, plus, label = text[text[:1] == "v" :].partition("+")
    local = _local(label) if plus else ()
    epoch, at = _number(text, 0)
    if local is None or epoch is None:
        return None
    if text[at : at + 1] == "!":
        start = at + 1
    else:
        epoch, start = 0, 0
    release, at = _release(text, start)
    if not release:
        return None
    pre, at = _suffix(text, at, _PRE)
    number, end = _number(text, at + 1) if text[at : at + 1] == "-" else (None, at)
    if number is not None:
        at = end
    else:
        post, at = _suffix(text, at, ("post", "rev", "r"))
        number = post[1] if post else None
    dev, at = _suffix(text, at, ("dev",))
    if at != len(text):
        return None
    letter = None if pre is None else (_LETTERS[pre[0]], pre[1])
    return _Version(epoch, release, letter, number, dev[1] if dev else None, local)


def _number(text, at):
    # type: (str, int) -> Tuple[Optional[int], int]
    end = at
    while end < len(text) and text[end] in _DIGITS:
        end += 1
    return (int(text[at:end]), end) if end > at else (None, at)


def _release(text, at):
    # type: (str, int) -> Tuple[Tuple[int, ...], int]
    parts = []  # type: List[int]
    number, at = _number(text, at)
    while number is not None:
        parts.append(number)
        if text[at : at + 1] != ".":
            break
        number, end = _number(text, at + 1)
        at = at if number is None else end
    return tuple(parts), at


def _suffix(text, at, words):
    # type: (str, int, Sequence[str]) -> Tuple[Optional[Tuple[str, int]], int]
    """The word that stands at a place, with its number; None where none does."""
    start = at + 1 if text[at : at + 1] in (".", "-", "_") else at
    for word in words:
        if text.startswith(word, start):
            end = start + len(word)
            number, after = _number(text, end + 1 if text[end : end + 1] in (".", "-", "_") else end)
            if number is None:
                after = min(after, len(text))
            return (word, number or 0), after
    return None, at


def _local(label):
    # type: (str) -> Optional[Key]
    parts = label.replace("-", ".").replace("_", ".").split(".")
    if not all(part and all(sign in _SMALL for sign in part) for part in parts):
        return None
    return tuple((1, "", int(part)) if part.isdigit() else (0, part, 0) for part in parts)


def _clauses(specifier):
    # type: (str) -> List[Tuple[str, str, Optional[_Version]]]
    """The parts of a specifier set: operator, text, version. Raises ValueError."""
    parts = [part.strip() for part in specifier.split(",")]
    return [_clause(part) for part in parts if part]


def _clause(part):
    # type: (str) -> Tuple[str, str, Optional[_Version]]
    operator = next((each for each in _OPERATORS if part.startswith(each)), "")
    text = part[len(operator) :].strip()
    if operator == "===" and not any(sign.isspace() or sign in ";)" for sign in text):
        return operator, text, None
    is_wild = operator in ("==", "!=") and text.endswith(".*")
    version = _version(text[:-2] if is_wild else text)
    if not operator or operator == "===" or version is None or not _serves(operator, version, is_wild):
        raise ValueError("not a version specifier: `%s`" % part)
    return operator + "*" if is_wild else operator, text, version


def _serves(operator, version, is_wild):
    # type: (str, _Version, bool) -> bool
    """Whether PEP 440 lets this operator stand before such a version."""
    if is_wild:
        return (version.pre, version.post, version.dev, version.local) == (None, None, None, ())
    if operator == "~=" and len(version.release) < 2:
        return False
    return operator in ("==", "!=") or not version.local


def allows(specifier, version):
    # type: (str, str) -> bool
    """Whether an installed version meets a specifier set. Raises ValueError for one that is none."""
    clauses = _clauses(specifier)
    found = _version(version)
    return all(_meets(operator, text, asked, version, found) for operator, text, asked in clauses)


def _meets(operator, text, asked, version, found):
    # type: (str, str, Optional[_Version], str, Optional[_Version]) -> bool
    if operator == "===":
        return version.strip().lower() == text.lower()
    if found is None or asked is None:
        return False
    return _COMPARED[operator](found, asked)


def _is_equal(found, asked):
    # type: (_Version, _Version) -> bool
    return found.key == asked.key and (not asked.local or found.local == asked.local)


def _begins_with(found, asked):
    # type: (_Version, _Version) -> bool
    count = len(asked.release)
    padded = found.release + (0,) * count
    return found.epoch == asked.epoch and padded[:count] == asked.release


def _is_compatible(found, asked):
    # type: (_Version, _Version) -> bool
    prefix = _Version(asked.epoch, asked.release[:-1], None, None, None, ())
    return found.key >= asked.key and _begins_with(found, prefix)


def _is_above(found, asked):
    # type: (_Version, _Version) -> bool
    """``>1.0`` is not met by a post-release of 1.0, unless it names one."""
    if found.key <= asked.key:
        return False
    return asked.dev is not None or asked.post is not None or found.family != asked.family


def _is_below(found, asked):
    # type: (_Version, _Version) -> bool
    """``<1.0`` is not met by a pre-release of 1.0, unless it names one."""
    if asked.pre is None and asked.dev is None:
        asked = _Version(asked.epoch, asked.release, None, asked.post, 0, ())
    return found.key < asked.key


_COMPARED = {
    "==": _is_equal,
    "!=": lambda found, asked: not _is_equal(found, asked),
    "==*": _begins_with,
    "!=*": lambda found, asked: not _begins_with(found, asked),
    "<=": lambda found, asked: found.key <= asked.key,
    ">=": lambda found, asked: found.key >= asked.key,
    "<": _is_below,
    ">": _is_above,
    "~=": _is_compatible,
}  # type: Dict[str, Callable[[_Version, _Version], bool]]


# Files


def _read(path, cap):
    # type: (str, int) -> Optional[bytes]
    """A regular file's content, its beginning where it is longer; None where it cannot be had."""
    try:
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError, TypeError):
        return None
    try:
        return _content(descriptor, cap) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _content(descriptor, cap):
    # type: (int, int) -> bytes
    parts = []  # type: List[bytes]
    while cap > 0:
        part = os.read(descriptor, min(cap, 1 << 20))
        if not part:
            break
        parts.append(part)
        cap -= len(part)
    return b"".join(parts)


def _text(content):
    # type: (bytes) -> str
    """Bytes as this Python's own text; what is no UTF-8 stays as it is, and is the same path again."""
    text = content if _IS_OLD else content.decode("utf-8", "surrogateescape")  # type: Any
    return str(text)


def _names_in(folder):
    # type: (str) -> Optional[List[str]]
    """What a folder holds; nothing where there is none, None where it cannot be read."""
    try:
        return os.listdir(folder)
    except OSError as error:
        return [] if error.errno == 2 else None


def _search_path():
    # type: () -> List[str]
    """The folders in which an import looks now, in their order, each once."""
    try:
        here = os.getcwd()
    except OSError:
        here = ""
    folders = []  # type: List[str]
    entries = list(sys.path)  # type: List[Any]
    for entry in entries:
        if not isinstance(entry, str):
            continue
        folder = os.path.normpath(os.path.join(here, entry))
        if (here or os.path.isabs(entry)) and folder not in folders:
            folders.append(folder)
    return folders


def _library():
    # type: () -> Set[str]
    """The folders of the standard library: what lies there takes no package's place."""
    module = os.path.abspath(os.__file__[:-1] if os.__file__.endswith(".pyc") else os.__file__)
    return {os.path.dirname(module), os.path.dirname(os.path.realpath(module))}


def _is_library(folder, library):
    # type: (str, Set[str]) -> bool
    return folder in library or (
        os.path.dirname(folder) in library and os.path.basename(folder) not in _SITES
    )


# What is installed


class _Distribution(object):
    """A metadata folder (or file) on the path."""

    def __init__(self, name, version, index, place):
        # type: (str, str, int, str) -> None
        self.name = name
        self.version = version
        self.index = index
        self.place = place


def _normalised(name):
    # type: (str) -> str
    """A name as names are compared (PEP 503)."""
    return "-".join(part for part in name.lower().replace("_", "-").replace(".", "-").split("-") if part)


def _installed(folders, wanted):
    # type: (Sequence[str], Set[str]) -> Tuple[Dict[str, List[_Distribution]], List[str]]
    """The distributions that this interpreter finds of some names, and the places that cannot be read.

    Of a name the first folder counts; several in that folder are all told.
    """
    found = {}  # type: Dict[str, List[_Distribution]]
    unread = []  # type: List[str]
    for index, folder in enumerate(folders):
        names = _names_in(folder)
        if folder.endswith(".egg"):
            names = ["EGG-INFO"] if names else names
        elif names is None:
            unread.append(folder)
        for entry in [os.path.basename(folder)] if names is None else names:
            each = _distribution(folder, entry, index, wanted)
            if each is not None and found.setdefault(each.name, [each])[0].index == index:
                found[each.name] += [each] if each not in found[each.name] else []
    return found, unread


def _distribution(folder, entry, index, wanted):
    # type: (str, str, int, Set[str]) -> Optional[_Distribution]
    stem, dot, suffix = entry.rpartition(".")
    place = os.path.join(folder, entry)
    if entry == "EGG-INFO":
        stem, place = os.path.basename(folder)[:-4], os.path.join(folder, entry)
    elif suffix == "egg" and os.path.basename(folder) == entry:
        place = folder
    elif not dot or suffix.lower() not in ("dist-info", "egg-info"):
        return None
    name, _, version = stem.partition("-")
    is_dist_info = suffix.lower() == "dist-info"
    if not is_dist_info:
        version = version.partition("-py")[0]
    if name.startswith("~"):
        return None  # pip's leftovers
    is_odd = version[:1] not in _DIGITS or not version or "-" in version
    if not is_odd and _normalised(name) not in wanted:
        return None
    if is_odd or _version(version) is None:
        name, version = _told_by_metadata(place, name, version)
    name = _normalised(name)
    return _Distribution(name, version, index, place) if name in wanted else None


def _told_by_metadata(place, name, version):
    # type: (str, str, str) -> Tuple[str, str]
    for path in (os.path.join(place, "METADATA"), os.path.join(place, "PKG-INFO"), place):
        headers = _headers(_read(path, _HEAD_CAP) or b"")
        if headers:
            return headers.get("name", name), headers.get("version", version)
    return name, version


def _headers(content):
    # type: (bytes) -> Dict[str, str]
    """Name and version; the first of each counts, as for pip."""
    found = {}  # type: Dict[str, str]
    text = content.decode("utf-8", "replace")
    for line in text.splitlines():
        if not line.strip():
            break
        key, colon, value = line.partition(":")
        if colon and key.lower() in ("name", "version"):
            found.setdefault(str(key.lower()), _native(value.strip()))
    return found


def _has_metadata(each):
    # type: (_Distribution) -> bool
    """Whether there is metadata at all: where it is absent or empty, an installation was cut off."""
    if each.place.lower().endswith(".egg"):
        return True
    paths = [each.place, os.path.join(each.place, "METADATA"), os.path.join(each.place, "PKG-INFO")]
    return any(_read(path, 1) for path in paths)


# The versions that the call asks for


def _of_call(versions):
    # type: (Dict[str, str]) -> Verdict
    asked = {_normalised(name): specifier for name, specifier in versions.items() if name != "python"}
    folders = _search_path()
    found, unread = _installed(folders, set(asked) | {"pip"})
    pip = "pip" in found
    findings = list(_of_python(versions.get("python")))
    for name in sorted(asked):
        findings.extend(_of_package(name, asked[name], found.get(name, []), unread, pip))
        findings.extend(_shadows_of(name, found.get(name, [])[:1], folders))
    return Verdict(_outcome(findings), sys.prefix, findings=findings, source="asked in the script")


def _outcome(findings):
    # type: (Iterable[Finding]) -> str
    counting = [each for each in findings if each.counts]
    if any(each.kind == "unreadable" for each in counting):
        return "unknown"
    return "drifted" if counting else "compliant"


def _python_version():
    # type: () -> str
    """This interpreter's version: pyvenv.cfg keeps the one of the day on which it was written."""
    info = sys.version_info
    suffix = {"alpha": "a", "beta": "b", "candidate": "rc"}.get(info[3])
    return "%d.%d.%d" % info[:3] + ("%s%d" % (suffix, info[4]) if suffix else "")


def _of_python(specifier):
    # type: (Optional[str]) -> Iterator[Finding]
    if specifier is not None and not allows(specifier, _python_version()):
        yield Finding("interpreter-mismatch", "error", "python", specifier, _python_version())


def _of_package(name, specifier, found, unread, has_pip):
    # type: (str, str, List[_Distribution], List[str], bool) -> Iterator[Finding]
    expected = specifier or "any version"
    fix = _install_command(name + specifier, has_pip)
    if not found and unread:
        reason = "it may be in %s, which cannot be read" % unread[0]
        yield Finding("unreadable", "error", name, expected, None, reason)
    elif not found:
        yield Finding("missing", "error", name, expected, None, None, None, fix)
    elif not all(_has_metadata(each) for each in found):
        yield Finding("unreadable", "error", name, expected, None, "its metadata could not be read")
    elif not all(allows(specifier, each.version) for each in found):
        actual = ", ".join(sorted({each.version or "no version" for each in found}))
        yield Finding("version-mismatch", "error", name, expected, actual, None, None, fix)


def _install_command(requirement, has_pip):
    # type: (str, bool) -> Optional[str]
    if not sys.executable:
        return None
    python, wanted = _quoted(sys.executable), _quoted(requirement)
    if has_pip:
        return "%s -m pip install %s" % (python, wanted)
    return "uv pip install --python %s %s" % (python, wanted)


def _quoted(word):
    # type: (str) -> str
    """A word as a shell takes it, and as ``shlex.quote`` writes it."""
    if word and all(sign in _PLAIN or sign in "@%+=:,/_" for sign in word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"


# What takes an installed package's import name


def _module_in(folder, name, names):
    # type: (str, str, Iterable[str]) -> Optional[str]
    """The file that an import of a name takes from a folder; a folder without ``__init__`` is none."""
    for entry in names:
        if entry == name:
            inside = os.path.join(folder, entry)
            init = _module_in(inside, "__init__", _names_in(inside) or ()) if os.path.isdir(inside) else None
            if init is not None:
                return init
        elif entry == name + ".py" or (entry.startswith(name + ".") and entry.endswith(_BINARIES)):
            return os.path.join(folder, entry)
    return None


def _import_names(each, folder):
    # type: (_Distribution, str) -> List[str]
    """What a distribution is imported as: its own name, else what its metadata lists."""
    own = each.name.replace("-", "_")
    if _module_in(folder, own, _names_in(folder) or ()) is not None:
        return [own]
    listed = _text(_read(os.path.join(each.place, "top_level.txt"), _HEAD_CAP) or b"").split()
    if not listed:
        rows = _text(_read(os.path.join(each.place, "RECORD"), _RECORD_CAP) or b"").splitlines()
        firsts = (row.split(",")[0].strip('"').split("/")[0] for row in rows)
        listed = sorted(
            {first.split(".")[0] for first in firsts if not first.endswith((".dist-info", ".pth"))}
        )
    return [name for name in listed if name and name not in ("__pycache__", "_")] or [own]


def _shadows_of(name, found, folders):
    # type: (str, Sequence[_Distribution], Sequence[str]) -> Iterator[Finding]
    """What is imported instead of a package that the call asks for."""
    library = _library()
    for each in found:
        own = folders[each.index]
        early = [folder for folder in folders[: each.index] if not _is_library(folder, library)]
        for module in _import_names(each, own) if early else ():
            later = [_module_in(folder, module, _names_in(folder) or ()) for folder in folders[each.index :]]
            if not any(later):
                continue  # an editable with its own finder: nothing on the path tells where it is
            taken = (_module_in(folder, module, _names_in(folder) or ()) for folder in early)
            place = next((place for place in taken if place is not None), None)
            if place is not None and os.path.realpath(place) not in map(
                os.path.realpath, filter(None, later)
            ):
                yield _shadow(name, module, place, "error")


def _shadow(package, module, place, severity):
    # type: (str, str, str, str) -> Finding
    reason = "`import %s` takes %s" % (module, place)
    return Finding("shadowed", severity, package, "the installed one", place, reason)


def _shadows_of_all(folders):
    # type: (Sequence[str]) -> Iterator[Finding]
    """What is imported instead of any package of the environment.

    Of the project's own package, and of what badly built packages leave beside their own, that is a warning.
    """
    library = _library()
    sites = [folder for folder in folders if _is_site(folder)]
    if not sites:
        reason = "this interpreter does not look into its own site-packages"
        yield Finding("unreadable", "error", None, None, None, reason)
        return
    early = [folder for folder in folders[: folders.index(sites[-1])] if not _is_library(folder, library)]
    listed = [(folder, _names_in(folder) or []) for folder in sites]
    stems = {name.partition(".")[0] for _, names in listed for name in names}
    told = set()  # type: Set[str]
    for folder in early:
        names = [] if folder in sites else _names_in(folder) or []
        for module in sorted({name.partition(".")[0] for name in names} & stems - told - {""}):
            place = _module_in(folder, module, names)
            later = next((site for site, held in listed if _module_in(site, module, held)), None)
            if place is not None and later is not None and not module.startswith("__"):
                told.add(module)
                yield _shadow_of_environment(folder, module, place, later)


def _shadow_of_environment(folder, module, place, site):
    # type: (str, str, str, str) -> Finding
    package = _owner(site, module)
    is_mild = package is None or module in _STRAY or _is_project_of(folder, package)
    return _shadow(package or module, module, place, "warn" if is_mild else "error")


def _is_site(folder):
    # type: (str) -> bool
    """Whether a folder is one of this interpreter's own for packages."""
    if os.path.basename(folder) not in _SITES:
        return False
    if folder == getattr(sys.modules.get("site"), "USER_SITE", None):
        return True
    prefixes = [sys.prefix, sys.exec_prefix, getattr(sys, "base_prefix", ""), getattr(sys, "real_prefix", "")]
    return any(folder.startswith(prefix.rstrip(os.sep) + os.sep) for prefix in prefixes if prefix)


def _owner(site, module):
    # type: (str, str) -> Optional[str]
    """The distribution that a module belongs to, by its name, else by what distributions list."""
    entries = sorted(
        each for each in _names_in(site) or () if each.lower().endswith((".dist-info", ".egg-info"))
    )
    names = [_normalised(each.rpartition(".")[0].partition("-")[0]) for each in entries]
    if _normalised(module) in names:
        return _normalised(module)
    for name, entry in zip(names, entries):  # noqa: B905 - 2.7 has no `strict`
        if module in _import_names(_Distribution(name, "", 0, os.path.join(site, entry)), site):
            return name
    return None


def _is_project_of(folder, package):
    # type: (str, Optional[str]) -> bool
    """Whether a folder is the project that a package was made of."""
    for line in _text(_read(os.path.join(folder, "pyproject.toml"), _HEAD_CAP) or b"").splitlines():
        key, equals, value = line.partition("=")
        if equals and key.strip() == "name" and _normalised(value.strip().strip("\"'")) == package:
            return True
    return False


# A policy's verdict: the agent's file, the agent's socket, the command


def _of_policy(named):
    # type: (Optional[str]) -> Verdict
    asked = named or os.environ.get("ENVGUARD_POLICY") or None
    reasons = []  # type: List[str]
    for way in (_by_file, _by_socket):
        verdict, reason = way(asked)
        if verdict is not None:
            break
        reasons.append(reason)
    else:
        verdict, reason = _by_command(named)
        if verdict is None:
            why = "; ".join([each for each in reasons if each] + [reason])
            return Verdict("unknown", sys.prefix, policy=asked, reason=why)
    verdict.add(_shadows_of_all(_search_path()))
    return verdict


def _runtimes():
    # type: () -> List[str]
    own = os.environ.get("XDG_RUNTIME_DIR") or ""
    return ([os.path.join(own, "envguard")] if own.startswith("/") else []) + ["/run/envguard"]


def verdict_name(prefix):
    # type: (str) -> str
    """The name of the file in which the agent keeps the verdict on an environment."""
    from binascii import crc32

    plain = "".join(sign if sign in _PLAIN else "_" for sign in prefix[-80:])
    content = prefix if _IS_OLD else os.fsencode(prefix)  # type: Any
    return "%s-%08x" % (plain, crc32(content) & 0xFFFFFFFF)


def _prefixes():
    # type: () -> List[str]
    """This environment's folder, as it is recorded: the real one, and as Python has it."""
    real = os.path.realpath(sys.prefix)
    return [real] if real == sys.prefix else [real, sys.prefix]


def _by_file(asked):
    # type: (Optional[str]) -> Answer
    for folder in _runtimes():
        for prefix in _prefixes():
            content = _own_file(os.path.join(folder, "verdicts", verdict_name(prefix)))
            told = None if content is None else _Told.of(_text(content))
            if told is not None and told.answers(prefix, asked) and told.holds():
                return told.verdict, ""
    return None, "the agent has no fresh verdict"


def _own_file(path):
    # type: (str) -> Optional[bytes]
    """A file that root or this user wrote, and nobody else can; None for any other."""
    try:
        descriptor = os.open(path, _FLAGS | getattr(os, "O_NOFOLLOW", 0))
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(descriptor)
        is_own = stat.S_ISREG(status.st_mode) and status.st_uid in (0, os.geteuid())
        if not is_own or status.st_mode & 0o022 or status.st_size > _FILE_CAP:
            return None
        return _content(descriptor, _FILE_CAP + 1)
    except OSError:
        return None
    finally:
        os.close(descriptor)


class _Told(object):
    """What the agent says of an environment, in its lines."""

    def __init__(self):
        # type: () -> None
        self.fields = {}  # type: Dict[str, List[str]]
        self.findings = []  # type: List[Finding]
        self.notes = []  # type: List[Tuple[str, str]]

    @classmethod
    def of(cls, text):
        # type: (str) -> Optional[_Told]
        """What lines say; None where they are torn, or not understood."""
        lines = text.split("\n")
        if len(lines) < 3 or lines[0] != FORMAT or lines[-1] or lines[-2] != "end\t%d" % (len(lines) - 2):
            return None
        told = cls()
        try:
            told._take(lines[1:-2])
            told._understand()
        except (ValueError, IndexError, KeyError, OverflowError):
            return None
        return told

    def _take(self, lines):
        # type: (Sequence[str]) -> None
        folder = ""
        for line in lines:
            if line.startswith("is\t"):
                self.notes.append((folder, line))
                continue
            fields = line.split("\t")
            if fields[0] == "in":
                folder = _unescaped(fields[1])
            elif fields[0] == "finding":
                kind, severity, package, expected, actual, reason, place, fix, waived = [
                    _unescaped(each) or None for each in fields[1:]
                ]
                told = (package, expected, actual, reason, place, fix, waived)
                self.findings.append(Finding(kind or "", severity or "", *told))
            elif fields[0] in self.fields:
                raise ValueError(line)
            else:
                self.fields[fields[0]] = [_unescaped(each) for each in fields[1:]]

    def _understand(self):
        # type: () -> None
        fields = self.fields
        known = ("environment", "boot", "times", "policy", "verdict", "digest", "source", "reason")
        if any(name not in known for name in fields):
            raise ValueError("a line that is not known")
        self.name, revision, _, self.bound_by, before_run = fields["policy"]
        outcome = fields["verdict"][0]
        if outcome not in ("compliant", "drifted", "unknown") or before_run not in ("refuse", "warn"):
            raise ValueError(outcome)
        if outcome == "compliant" and any(each.counts for each in self.findings):
            raise ValueError("it contradicts itself")
        self.judged_at, self.until = [float(each) for each in fields["times"]]
        self.verdict = Verdict(
            outcome,
            fields["environment"][0],
            fields["digest"][0],
            self.name,
            None if revision == "-" else int(revision),
            self.findings,
            fields["source"][0] if "source" in fields else None,
            fields["reason"][0] if "reason" in fields else None,
            before_run == "refuse",
        )

    def answers(self, prefix, asked):
        # type: (str, Optional[str]) -> bool
        """Whether this is about what was asked: this environment, this policy, now."""
        if self.fields["environment"][0] != prefix or not self.judged_at <= time.time() < self.until:
            return False
        boot = _text(_read(_BOOT_ID, 64) or b"").strip()
        if not boot or self.fields["boot"][0] != boot:
            return False
        if asked is not None:
            return asked == self.name
        return self.bound_by in ("use", "marker") or (
            self.bound_by == "applies-to" and not _stands_in_project()
        )

    def holds(self):
        # type: () -> bool
        """Whether each file that was noted is as it was."""
        return bool(self.notes) and all(_is_as_noted(folder, line) for folder, line in self.notes)


def _unescaped(field):
    # type: (str) -> str
    if "\\" not in field:
        return field
    parts = field.split("\\\\")
    return "\\".join(part.replace("\\t", "\t").replace("\\r", "\r").replace("\\n", "\n") for part in parts)


def _is_as_noted(folder, line):
    # type: (str, str) -> bool
    """Whether a file is as a line notes it; this is asked several hundred times."""
    mark, _, path = line.rpartition("\t")
    if "\\" in path:
        path = _unescaped(path)
    try:
        status = os.stat(folder + "/" + path if folder else path)
    except OSError as error:
        return error.errno in (2, 20) and mark == "is\t0\t0\t0\t0"
    except ValueError:
        return False
    return _has_mark(status, mark)


if _IS_OLD:

    def _has_mark(status, mark):
        # type: (os.stat_result, str) -> bool
        """Python 2 has seconds only: as a sum of both parts, which is made here the same way."""
        try:
            device, inode, mtime, ctime = [int(each) for each in mark.split("\t")[1:]]
        except ValueError:
            return False
        times = [each // 1000000000 + 1e-9 * (each % 1000000000) for each in (mtime, ctime)]
        return [status.st_dev, status.st_ino, status.st_mtime, status.st_ctime] == [device, inode] + times

else:

    def _has_mark(status, mark):
        # type: (os.stat_result, str) -> bool
        told = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
        return mark == "is\t%d\t%d\t%d\t%d" % told


def _stands_in_project():
    # type: () -> bool
    """Whether a marker around the working folder may name another policy; what is no plain file may."""
    try:
        folder = os.getcwd()
    except OSError:
        return True
    while True:
        if os.path.lexists(os.path.join(folder, ".envguard.yaml")):
            return True
        project = os.path.join(folder, "pyproject.toml")
        if os.path.lexists(project):
            content = _read(project, _FILE_CAP)
            if content is None or len(content) == _FILE_CAP or b"envguard" in content or b"\\" in content:
                return True
        above = os.path.dirname(folder)
        if above == folder:
            return False
        folder = above


def _by_socket(asked):
    # type: (Optional[str]) -> Answer
    for folder in _runtimes():
        path = os.path.join(folder, "agent.sock")
        if not _is_trusted(folder, path):
            continue
        try:
            content = _ask(path, asked)
        except (OSError, IOError, ValueError) as error:  # noqa: UP024 - two classes in Python 2
            return None, "the agent does not answer: %s" % error
        told = _Told.of(_text(content))
        if told is not None and any(told.answers(prefix, asked) for prefix in _prefixes()):
            return told.verdict, ""
        if content.startswith(b"refused\t"):
            return None, "the agent refuses: %s" % _unescaped(_text(content[8:_HEAD_CAP]).partition("\n")[0])
        return None, "the agent's answer is not understood"
    return None, ""


def _is_trusted(folder, path):
    # type: (str, str) -> bool
    """Whether a socket is root's or this user's, in a folder where nobody else can put one."""
    own = (0, os.geteuid())
    try:
        around, status = os.lstat(folder), os.lstat(path)
    except OSError:
        return False
    is_closed = stat.S_ISDIR(around.st_mode) and around.st_uid in own and not around.st_mode & 0o022
    return is_closed and stat.S_ISSOCK(status.st_mode) and status.st_uid in own


def _ask(path, asked):
    # type: (str, Optional[str]) -> bytes
    """The agent's answer, whole. Raises OSError where it takes longer than it may."""
    import socket

    began = _ticks()
    line = "judge 1\t%s\t%s\n" % (_escaped(_prefixes()[0]), _escaped(asked or ""))
    content = line if _IS_OLD else line.encode("utf-8", "surrogateescape")  # type: Any
    parts = []  # type: List[bytes]
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(_SOCKET_S)
        connection.connect(path)
        connection.sendall(content)
        while sum(map(len, parts)) <= _FILE_CAP:
            left = began + _SOCKET_S - _ticks()
            if left <= 0:
                raise OSError("it took over %d ms" % (_SOCKET_S * 1000))
            connection.settimeout(left)
            part = connection.recv(65536)
            if not part:
                return b"".join(parts)
            parts.append(part)
        raise OSError("it is too long")
    finally:
        connection.close()


_ticks = getattr(time, "monotonic", time.time)  # type: Callable[[], float]


def _escaped(field):
    # type: (str) -> str
    for sign, written in (("\\", "\\\\"), ("\t", "\\t"), ("\r", "\\r"), ("\n", "\\n")):
        field = field.replace(sign, written)
    return field


def _by_command(named):
    # type: (Optional[str]) -> Answer
    command = _command()
    if command is None:
        return None, "there is no `envguard` command"
    command += ["check", _prefixes()[0], "--json"] + (["--policy", named] if named else [])
    content = _output_of(command)
    if content is None:
        return None, "`envguard check` gives no answer"
    import json

    try:
        document = json.loads(content.decode("utf-8"))
        if document["schema"] == "envguard/error/1":
            error = document["error"]
            words = [error.get("message"), error.get("place"), error.get("hint")]
            return None, ": ".join(_native(word) for word in words if word)
        return _verdict_in(document), ""
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, "what `envguard check` says is not understood"


def _command():
    # type: () -> Optional[List[str]]
    """The command: that of the package to which this file belongs, else the first one on ``PATH``."""
    if __name__ == "envguard.guard" and sys.executable:
        root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        begin = "import sys; sys.path.append(%r); from envguard.cli.main import main; main()" % root
        return [sys.executable, "-I", "-c", begin]
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        path = os.path.join(folder, "envguard")
        if os.path.isabs(folder) and os.path.isfile(path) and os.access(path, os.X_OK):
            return [path]
    return None


def _output_of(command):
    # type: (List[str]) -> Optional[bytes]
    """What a command prints within its time; None where it cannot be started, or does not end."""
    import subprocess

    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        with open(os.devnull, "r+b") as nothing:  # noqa: PTH123 - 2.7 has no pathlib
            child = subprocess.Popen(  # noqa: TID251 - an edge: this is where the guard starts a child
                command, stdin=nothing, stdout=subprocess.PIPE, stderr=nothing, env=environ, close_fds=True
            )
    except (OSError, ValueError):
        return None
    output = child.stdout
    try:
        return _read_until_end(output.fileno(), _ticks() + _COMMAND_S) if output else None
    finally:
        if output:
            output.close()
        if child.poll() is None:
            child.kill()
            child.wait()


def _read_until_end(descriptor, end):
    # type: (int, float) -> Optional[bytes]
    import select

    parts = []  # type: List[bytes]
    while True:
        try:
            ready = select.select([descriptor], [], [], max(0.0, end - _ticks()))[0]
        except (OSError, select.error, ValueError):
            return None
        if not ready:
            return None
        part = os.read(descriptor, 65536)
        if not part:
            return b"".join(parts)
        parts.append(part)


def _verdict_in(document):
    # type: (Dict[str, Any]) -> Verdict
    """The verdict in a document of ``envguard check --json``. Raises KeyError or TypeError for any other."""
    policy = document["policy"] or {}
    findings = []  # type: List[Finding]
    for each in document["findings"]:
        names = ("package", "expected", "actual", "reason", "place", "fix")
        told = [None if each[name] is None else _native(each[name]) for name in names]
        told.append(_native(each["waived"]["until"]) if each["waived"] else None)
        findings.append(Finding(_native(each["kind"]), _native(each["severity"]), *told))
    told = [
        None if document.get(name) is None else _native(document[name])
        for name in ("verdict", "environment", "digest", "source", "reason")
    ]
    outcome, environment, digest, source, reason = told
    if outcome not in ("compliant", "drifted", "unknown", "unmanaged"):
        raise KeyError(outcome)
    name, revision = policy.get("name"), policy.get("revision")
    return Verdict(
        "unknown" if outcome == "unmanaged" else outcome,
        environment or sys.prefix,
        digest,
        name and _native(name),
        revision,
        findings,
        source,
        reason,
        policy.get("before_run") != "warn",
    )


def _native(text):
    # type: (Any) -> str
    """A text as this Python's ``str``: bytes in Python 2."""
    return str(text if isinstance(text, str) else text.encode("utf-8"))


# The lease: an upgrade waits while somebody holds it


def _hold_lease(prefix):
    # type: (str) -> None
    """Mark the environment as in use until this process ends; where that cannot be, it is not.

    A whole Python, from which environments are made, is not: nothing upgrades it, and nobody gave it to us.
    """
    if prefix in _leases or not _is_made_from_another(prefix):
        return
    path = os.path.join(prefix, ".envguard-lease")
    extra = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    for flags in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):
        try:
            descriptor = os.open(path, flags | extra, 0o666)
        except OSError:
            continue
        if _is_locked(descriptor):
            _leases[prefix] = descriptor
        else:
            os.close(descriptor)
        return


def _is_made_from_another(prefix):
    # type: (str) -> bool
    of_old_virtualenv = "lib/python%d.%d/orig-prefix.txt" % sys.version_info[:2]
    marks = ("pyvenv.cfg", "conda-meta", of_old_virtualenv)
    return any(os.path.lexists(os.path.join(prefix, mark)) for mark in marks)


def _is_locked(descriptor):
    # type: (int) -> bool
    try:
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (ImportError, OSError, IOError):  # noqa: UP024 - two classes in Python 2
        return False
    return True


# What people read


def report(verdict, allowed=None):
    # type: (Verdict, Optional[str]) -> str
    """The verdict as a table: expected, actual, and the commands that mend it.

    ``allowed`` is the reason for which the script runs all the same.
    """
    counting = [each for each in verdict.findings if each.counts]
    others = [each for each in verdict.findings if each.severity == "warn" and not each.waived]
    name = "`%s`" % verdict.policy if verdict.policy else "what the script asks for"
    if verdict.policy and verdict.revision is not None:
        name += " r%d" % verdict.revision
    first = {"drifted": "drifted from %s: %s" % (name, _counted(len(counting), "error"))}
    lines = [first.get(verdict.verdict, "%s: %s" % (verdict.verdict, name))]
    where = "%s, Python %s" % (verdict.environment, _python_version())
    lines += [where + ("; " + verdict.source if verdict.source else "")]
    if verdict.reason:
        lines += ["", verdict.reason]
    if counting or others:
        lines += [""] + _table(counting + others)
    lines += _advice(verdict, counting, allowed)
    return "\n".join(_printable(line) for line in lines)


def _counted(number, word):
    # type: (int, str) -> str
    return "%d %s%s" % (number, word, "" if number == 1 else "s")


def _table(findings):
    # type: (List[Finding]) -> List[str]
    rows = [("package", "expected", "actual", "why")]
    for each in findings[:_ROWS]:
        why = [each.kind if each.severity == "error" else "%s: %s" % (each.severity, each.kind), each.reason]
        words = "; ".join(word for word in why if word) + (" (%s)" % each.place if each.place else "")
        rows.append((each.package or "-", each.expected or "-", each.actual or "absent", words))
    widths = [min(40, max(len(row[column]) for row in rows)) for column in range(3)]
    lines = ["  ".join([row[at].ljust(widths[at]) for at in range(3)] + [row[3]]).rstrip() for row in rows]
    more = len(findings) - _ROWS
    return lines + (["and %d more" % more] if more > 0 else [])


def _advice(verdict, counting, allowed):
    # type: (Verdict, List[Finding], Optional[str]) -> List[str]
    if verdict.verdict == "compliant":
        return []
    lines = []  # type: List[str]
    for each in counting[:_ROWS]:
        if each.fix and "mend   " + each.fix not in lines:
            lines.append("mend   " + each.fix)
    if allowed:
        lines.append("start  all the same: %s (%s)" % (allowed, ALLOW))
    elif verdict.refuses or verdict.verdict == "unknown":
        lines.append("start  %s=REASON lets it run all the same" % ALLOW)
    return [""] + lines if lines else []


def _printable(line):
    # type: (str) -> str
    """A line without what a terminal would obey, and without what no encoding has."""
    return "".join("?" if _is_control(ord(sign)) else sign for sign in line)


def _is_control(number):
    # type: (int) -> bool
    if _IS_OLD:  # bytes of UTF-8
        return number < 32 or number == 127
    return number < 32 or 127 <= number < 160 or 0xD800 <= number < 0xE000


def _say(text):
    # type: (str) -> None
    stream = sys.stderr
    try:
        stream.write(text + "\n")
    except (AttributeError, ValueError, OSError, IOError):  # noqa: UP024 - two classes in Python 2
        pass  # there is no stderr, or it takes no such text: nothing is worth failing for


def main(arguments):
    # type: (List[str]) -> int
    """Require the policy of the project, then run a script as Python does: ``SCRIPT [ARGS...]``."""
    if not arguments or arguments[0].startswith("-"):
        _say("usage: python -m envguard_guard SCRIPT [ARGS...]")
        return 2
    script = arguments[0]
    sys.path[0] = os.path.dirname(os.path.realpath(script))
    sys.argv[:] = arguments
    try:
        require()
    except EnvironmentDrift as error:
        _say(str(error))
        return 3 if error.verdict.verdict == "unknown" else 1
    import runpy

    runpy.run_path(script, run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
