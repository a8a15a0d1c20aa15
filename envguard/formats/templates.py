"""Policy files to begin with: from a template, or for one environment; each with comments that lead on.

``{name}``, ``{python}`` and ``{lock}`` are filled in; everything else stands as it is written here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Literal

from envguard.domain.environment import Interpreter
from envguard.domain.locks.lock import LockChoice
from envguard.domain.policy import Require

Template = Literal["minimal", "locked", "machine-learning"]
"""What a policy can begin as."""

NEEDS_LOCK: frozenset[Template] = frozenset({"locked"})
"""Templates that name the project's lock."""

_HEAD = """\
# Every key is explained in docs/policy.md; `envguard policy lint {file}` says what is wrong.
envguard: 1
name: {name}
"""
_MINIMAL = """\
description: Which Python, and which packages, everybody has.
python: "{python}"
# packages:
#   # What must be there, in which versions, and why: the reason is shown to whoever differs.
#   numpy: {{version: ">=1.26,<2", reason: "gym 0.26 uses np.bool8"}}
#   # Judged only where it is installed:
#   torch: {{version: "==2.4.*", optional: true}}
#   # What nobody may have:
#   pandas: {{deny: true, reason: "the figures read plain CSV"}}
"""
_LOCKED = """\
description: Exactly the project's lock; what else is installed is a warning.
python: "{python}"
lock: {lock}
unlisted: warn             # ignore | info | warn | error: what neither the lock nor a rule names
integrity: warn            # files that changed after they were installed
broken-requirements: info  # what `pip check` says
# packages:                # rules on top of the lock, each with its reason
#   numpy: {{version: "<2", reason: "gym 0.26 uses np.bool8"}}
"""
_MACHINE_LEARNING = """\
description: One stack for all experiments, and machines that can run it.
python: "{python}"
packages:
  # Versions decide results, so the patch release is fixed; other people need not have all of it.
  torch: {{version: ">=2.4,<2.5", optional: true, reason: "checkpoints are compared across machines"}}
  # build: cu121            # and only this build of it
  numpy: {{version: ">=1.26,<2", optional: true, reason: "numpy 2 changed promotion of scalars"}}
origins: {{editable: warn, vcs: warn, direct-url: warn}}  # what others cannot install as it is here
integrity: error           # nobody edits an installed package
broken-requirements: warn
before-run: warn           # for the first weeks; then refuse
# machine:                 # facts of the machine, errors where they differ
#   nvidia-driver: ">=550"
#   glibc: ">=2.31"
#   memory: {{value: ">=32GiB", severity: warn}}
"""
_TEXTS: dict[Template, str] = {
    "minimal": _MINIMAL,
    "locked": _LOCKED,
    "machine-learning": _MACHINE_LEARNING,
}


def policy_from_template(
    template: Template, *, name: str, file: str, python: str, lock: str | None = None
) -> str:
    """Answer a policy file's text; ``lock`` is the project's, relative to the policy's folder."""
    return (_HEAD + _TEXTS[template]).format(
        name=_quoted(name), file=file, python=python, lock=_quoted(lock or "")
    )


def policy_for_environment(
    name: str,
    file: str,
    interpreter: Interpreter,
    lock: str | None,
    choice: LockChoice,
    rules: tuple[Require, ...],
) -> str:
    """Answer the text of a policy that an environment with this interpreter, lock and rules meets.

    ``file`` is the policy's own; the lock's is relative to its folder, None where nothing is to be locked.
    """
    lines = [
        _HEAD.format(name=_quoted(name), file=file).rstrip(),
        f"python: {_python(interpreter)}",
        *([] if lock is None else [f"lock: {_lock(lock, choice)}"]),
        *_rules(rules),
        "unlisted: warn             # what neither the lock nor a rule names: ignore | info | warn | error",
    ]
    return "\n".join(lines) + "\n"


def python_of(interpreter: Interpreter) -> str:
    """Answer the specifier of the interpreter's minor version."""
    return f"=={'.'.join(interpreter.version.split('.')[:2])}.*"


def _python(interpreter: Interpreter) -> str:
    version = _quoted(python_of(interpreter))
    if interpreter.implementation == "CPython" and not interpreter.free_threaded:
        return version
    free = ", free-threaded: true" if interpreter.free_threaded else ""
    return f"{{version: {version}, implementation: {_quoted(interpreter.implementation)}{free}}}"


def _lock(lock: str, choice: LockChoice) -> str:
    if choice == LockChoice():
        return _quoted(lock)
    groups = "" if choice.groups is None else f", groups: [{', '.join(map(_quoted, choice.groups))}]"
    return f"{{file: {_quoted(lock)}{groups}}}"


def _rules(rules: tuple[Require, ...]) -> Iterator[str]:
    if rules:
        yield "packages:                  # what the lock cannot say of this environment"
    for rule in rules:
        optional = ", optional: true" if rule.optional else ""
        said = f"version: {_quoted(rule.specifier or '*')}{optional}, reason: {_quoted(rule.reason or '')}"
        yield f"  {_quoted(rule.name)}: {{{said}}}"


def _quoted(text: str) -> str:
    """The text as YAML and JSON write it; plain where it is plain."""
    is_plain = text.isascii() and text.replace("-", "").replace(".", "").replace("_", "").isalnum()
    if is_plain and text[:1].isalpha() and text not in _WORDS:
        return text
    # JSON escapes what lies beyond 16 bits as two halves, of which YAML would make two characters.
    return json.dumps(text, ensure_ascii=not text.isprintable())


_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
