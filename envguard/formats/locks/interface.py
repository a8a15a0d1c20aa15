"""What a lock format is: a function from a file's text to a lock."""

from __future__ import annotations

from collections.abc import Callable

from envguard.domain.locks.lock import Lock
from envguard.formats.companions import Companions

Parser = Callable[[str, str, Companions], Lock]
"""Takes the text, the file's name (a path relative to the policy's folder; errors name it too) and the files
beside it. Raises PolicyError with every problem that the text has; no other exception leaves it."""
