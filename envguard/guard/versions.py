"""Versions and specifiers, compared as PEP 440 says."""

from envguard.guard.files import DIGITS, SMALL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

    Key = Tuple[Any, ...]

_VERSION_CAP = 200
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


def allows(specifier, version):
    # type: (str, str) -> bool
    """Whether an installed version meets a specifier set. Raises ValueError for one that is none."""
    clauses = _clauses(specifier)
    found = version_of(version)
    return all(_meets(operator, text, asked, version, found) for operator, text, asked in clauses)


def check_specifier(name, specifier):
    # type: (str, Optional[str]) -> None
    """Refuse what is no specifier set of a package. Raises TypeError and ValueError."""
    if not isinstance(specifier, str):
        raise TypeError('%s must be a text such as ">=1.26,<2"' % name)
    try:
        _clauses(specifier)
    except ValueError as error:
        hint = "; a policy is named without a keyword: require(%r)" % specifier if name == "policy" else ""
        raise ValueError("%s: %s%s" % (name, error, hint))


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


def version_of(text):
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
    while end < len(text) and text[end] in DIGITS:
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
    if not all(part and all(sign in SMALL for sign in part) for part in parts):
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
    version = version_of(text[:-2] if is_wild else text)
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
