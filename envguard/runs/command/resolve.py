"""Which environment a command line would run in, told from files and words; nothing is started.

Rules
1. A program that only starts another (``env``, ``srun``, ``uv run``) is seen through by its own options. It
   may say which environment the rest runs in; an interpreter that the rest names itself goes before that.
2. A script runs by the interpreter in its first line. A program in an environment's ``bin`` runs there.
3. A name is looked for on the ``PATH`` that it would have there. A shim of pyenv's is what pyenv would run.
4. What cannot be told is said with its reason: nothing is guessed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from envguard.runs.command.interface import Line, Untold, Used, Wrapper
from envguard.runs.command.program import of_program
from envguard.runs.command.starters import of_env, of_plain, of_srun, of_timeout
from envguard.runs.command.tools import of_conda, of_pixi, of_poetry, of_uv

_WRAPPERS: Mapping[str, Wrapper] = {
    "conda": of_conda,
    "env": of_env,
    "mamba": of_conda,
    "micromamba": of_conda,
    "ionice": of_plain,
    "nice": of_plain,
    "nohup": of_plain,
    "pixi": of_pixi,
    "poetry": of_poetry,
    "srun": of_srun,
    "stdbuf": of_plain,
    "time": of_plain,
    "timeout": of_timeout,
    "uv": of_uv,
}
"""Programs that start others, by their names."""
_MOST_STEPS = 12
"""Programs that start one another; nobody writes as many."""


def environment_of(words: Sequence[str], environ: Mapping[str, str], cwd: str) -> Used | Untold:
    """Answer the environment that a command line would use.

    Raises InventoryError where what it names is no environment.
    """
    line = Line(tuple(words), environ, cwd)
    for _ in range(_MOST_STEPS):
        if not line.words:
            return line.default or Untold("no command follows")
        wrapper = _WRAPPERS.get(os.path.basename(line.words[0]), of_program)
        step = wrapper(line)
        if not isinstance(step, Line):
            return step
        line = step
    return Untold("too many programs that start one another")
