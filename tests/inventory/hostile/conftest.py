from __future__ import annotations

from tests.cli.conftest import envguard

__all__ = ["envguard"]
