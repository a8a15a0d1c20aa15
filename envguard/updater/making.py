"""Makes an environment by a recipe, and looks at what came out.

Rules
1. In this order: the environment, the tools, what has digests, what has none, what has an address of its own.
2. What an index is asked for and cannot be had ends the work. A tool, or what has an address of its own, is
   left to the person then, with the reason.
3. Every file is compared with what its package says of it: uv's cache may hold one that somebody edited. What
   differs is fetched and installed anew, once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from envguard.domain.environment import Environment
from envguard.domain.recipe import Ingredient, NotMade, Recipe
from envguard.errors import EnvguardError
from envguard.inventory import read_environment
from envguard.inventory.integrity import check_hashes
from envguard.updater.children import Children
from envguard.updater.interface import Command, Installer
from envguard.updater.place import Place

_SEEDS = ("pip", "setuptools", "wheel")
"""What ``venv`` puts into an environment by itself."""
_IGNORED = ".gitignore"
_REASON_CHARS = 300


class Made(msgspec.Struct, frozen=True):
    """An environment that was made."""

    environment: Environment
    not_made: tuple[NotMade, ...]
    """What is left to the person."""
    modified: tuple[str, ...]
    """Packages that have files which are not as they say, also after they were fetched anew."""


class Making:
    """One environment on its way."""

    def __init__(
        self,
        place: Place,
        installer: Installer,
        run: Children,
        tell: Callable[[str], None],
        put_guard: Callable[[str], None],
    ) -> None:
        """Take the folder, the tool, what runs it, who hears what is done, and what puts the guard there."""
        self._place = place
        self._installer = installer
        self._run = run
        self._tell = tell
        self._put_guard = put_guard

    def make(self, recipe: Recipe, python: str, *, is_exact: bool, now: datetime) -> Made:
        """Make it; ``is_exact``: what the recipe does not name must not be there, not even pip.

        Raises EnvguardError where it cannot be made.
        """
        folder = self._place.folder
        self._tell("making the environment")
        if self._do(self._installer.make(python, folder)):
            raise self._failure("no environment could be made", None)
        if not os.path.lexists(os.path.join(folder, _IGNORED)):
            _write(os.path.join(folder, _IGNORED), "*\n")  # as uv does, and venv since Python 3.13
        wanted = self._absent(recipe.ingredients)
        left = list(self._single(each for each in wanted if each.is_tool))
        plain = [each for each in wanted if not each.is_tool and not each.is_direct]
        self._all([each for each in plain if each.digests], by_hash=True)
        self._all([each for each in plain if not each.digests], by_hash=False)
        left += self._single(each for each in wanted if each.is_direct)
        if is_exact:
            self._remove_seeds({each.name for each in recipe.ingredients})
        if recipe.has_guard:
            self._put_guard(folder)
        self._tell("comparing its files")
        environment = self._look()
        modified = check_hashes(environment, now=now).modified
        if modified:
            self._anew([each for each in recipe.ingredients if each.name in modified])
            environment = self._look()
            modified = check_hashes(environment, now=now).modified
        return Made(environment, (*recipe.not_made, *left), modified)

    def _absent(self, ingredients: Iterable[Ingredient]) -> list[Ingredient]:
        """Those that are not there from the beginning: PyPy has cffi, and ``venv`` brings pip."""
        there = {(each.name, each.version) for each in self._look().snapshot.packages}
        return [
            each
            for each in ingredients
            if each.digests or each.is_direct or (each.name, each.version) not in there
        ]

    def _look(self) -> Environment:
        return read_environment(Path(self._place.folder))

    def _all(self, ingredients: Sequence[Ingredient], *, by_hash: bool, anew: bool = False) -> None:
        if not ingredients:
            return
        self._tell(f"installing {len(ingredients)} {'package' if len(ingredients) == 1 else 'packages'}")
        listed = ["-r", self._listed(ingredients)]
        if self._do(self._installer.install(self._place.folder, listed, by_hash=by_hash, anew=anew)):
            raise self._failure(
                "not everything could be installed",
                "--find-links DIR names a folder of files, --index-url URL an index",
            )

    def _single(self, ingredients: Iterable[Ingredient]) -> Iterable[NotMade]:
        """Install each by itself, and yield what cannot be had."""
        for each in ingredients:
            self._tell(f"installing {each.name}")
            listed = ["-r", self._listed([each])]
            command = self._installer.install(self._place.folder, listed, by_hash=bool(each.digests))
            if self._do(command):
                yield NotMade(each.name, each.version, self._reason(), (each.requirement,))

    def _remove_seeds(self, wanted: set[str]) -> None:
        there = {each.name for each in self._look().snapshot.packages}
        names = [name for name in _SEEDS if name in there - wanted]
        if names and self._do(self._installer.remove(self._place.folder, names)):
            raise self._failure(f"{', '.join(names)} could not be removed", None)

    def _anew(self, ingredients: Sequence[Ingredient]) -> None:
        self._all([each for each in ingredients if each.digests], by_hash=True, anew=True)
        self._all([each for each in ingredients if not each.digests], by_hash=False, anew=True)

    def _listed(self, ingredients: Iterable[Ingredient]) -> str:
        """A file of requirements."""
        path = os.path.join(self._place.work, "requirements.txt")
        lines = [
            " ".join([each.requirement, *(f"--hash={digest}" for digest in each.digests)])
            for each in ingredients
        ]
        _write(path, "\n".join(lines) + "\n")
        return path

    def _do(self, command: Command) -> int:
        for name, content in command.secrets.items():
            _write(os.path.join(self._place.work, name), content)
        try:
            return self._run(command.words, command.environ)
        except OSError as error:
            what = f"`{command.words[0]}` cannot be run: {error.strerror or error}"
            raise EnvguardError(what) from error

    def _reason(self) -> str:
        said = " ".join(self._run.said().split())
        return f"{self._installer.name} says: {said[:_REASON_CHARS] or 'nothing'}"

    def _failure(self, what: str, hint: str | None) -> EnvguardError:
        said = self._run.said() or "nothing"
        return EnvguardError(f"{what}; {self._installer.name} says:\n{said}", hint=hint)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
