"""What is certain of one distribution by what is plain to see: its build, its origin, its wheel.

Nothing here is ever found wrong. It is certain, or there is a doubt, in words, that only envguard can settle.
"""

import os

from envguard.guard.files import read_file, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Tuple

    from envguard.guard.present import Held

_DIRECT_CAP = 64 * 1024
_WHEEL_CAP = 16 * 1024


def doubt_of_build(name, build, version):
    # type: (str, str, str) -> Optional[str]
    """A build that a rule names is certain where the version's local label has it."""
    label = version.partition("+")[2].replace("-", ".").replace("_", ".").lower()
    is_it = bool(label) and build.lower() in [label] + label.split(".")
    return None if is_it else "whether %s is the build %s" % (name, build)


def doubt_of_files(each, entry):
    # type: (Held, List[str]) -> Optional[str]
    """Why it is not certain that what is there is what an entry means; None where nothing says otherwise."""
    tags, has_digests, wanted, detail = entry[6:10]
    kind, told = origin_of(each) if wanted or has_digests == "1" or tags else ("index", "")
    if wanted:
        is_local = wanted in ("editable", "directory") and kind in ("editable", "directory")
        is_vcs = wanted == kind == "vcs" and detail in ("", told)
        is_archive = wanted == kind == "archive" and detail in ("", told)
        if not (is_local or is_vcs or is_archive):
            return "where %s came from" % each.name
    if kind in ("archive", "other") and has_digests == "1":
        return "whether %s is a file of the lock" % each.name
    if tags and kind in ("index", "other") and not _is_of_wheels(each.place, tags):
        return "whether %s is a file of the lock" % each.name
    return None


def origin_of(each):
    # type: (Held) -> Tuple[str, str]
    """Where it came from, and its commit or address; ``other`` is what is not plain to see."""
    if not each.place[-10:].lower() == ".dist-info":
        return "other", ""
    path = each.place + "/direct_url.json"
    if not os.path.lexists(path):
        return "index", ""
    import json

    try:
        document = json.loads((read_file(path, _DIRECT_CAP) or b"").decode("utf-8"))
        told = [document.get(key) for key in ("vcs_info", "dir_info", "archive_info")]
        address = document["url"] + (document.get("subdirectory") or "")
        if [each for each in told if each is not None and not isinstance(each, dict)]:
            return "other", ""
        return _told_origin(address, *told)
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError):
        return "other", ""  # what cannot be understood is nothing that can be certified


def _told_origin(address, vcs, folder, archive):
    # type: (str, Any, Any, Any) -> Tuple[str, str]
    is_editable = folder.get("editable", False) if folder is not None else False
    commit = vcs["commit_id"] + "" if vcs is not None else ""
    if not isinstance(is_editable, bool):
        return "other", ""
    if vcs is not None:
        return "vcs", commit
    if folder is not None:
        return ("editable" if is_editable else "directory"), ""
    return ("archive", address) if archive is not None else ("other", "")


def _is_of_wheels(place, tags):
    # type: (str, str) -> bool
    """Whether it was installed from one of some wheels, or tells nothing of which one it was."""
    content = read_file(place + "/WHEEL", _WHEEL_CAP) or b""
    told = []  # type: List[List[str]]
    for line in text_of(content).replace("\r", "\n").split("\n"):
        key, colon, value = line.partition(":")
        if colon and key.lower() == "tag":
            told.append(value.strip().split("-"))
    if all(tag[1:] == ["none", "any"] for tag in told):
        return True
    if any(len(tag) != 3 for tag in told):
        return False
    parts = [{one for tag in told for one in tag[at].split(".")} for at in range(3)]
    families = {_family(platform) for platform in parts[2]}
    allowed = [tag.split("-") for tag in tags.split(" ") if tag != "-"]
    return any(
        len(tag) == 3 and tag[0] in parts[0] and tag[1] in parts[1] and tag[2] in families for tag in allowed
    )


def _family(platform):
    # type: (str) -> str
    """The operating system and the processor of a platform tag."""
    for begin, system in (
        ("manylinux", "linux"),
        ("musllinux", "linux"),
        ("linux", "linux"),
        ("macosx", "macosx"),
    ):
        if platform.startswith(begin):
            parts = platform[len(begin) :].lstrip("0123456789").split("_")[1:]
            while len(parts) > 1 and parts[0].isdigit():
                del parts[0]
            return "%s:%s" % (system, "_".join(parts)) if parts else platform
    return platform
