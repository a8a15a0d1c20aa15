"""Which environment a command line would run in."""

from envguard.runs.command.interface import Untold, Used, is_environment
from envguard.runs.command.program import find_program
from envguard.runs.command.resolve import environment_of

__all__ = ["Untold", "Used", "environment_of", "find_program", "is_environment"]
