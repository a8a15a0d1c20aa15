"""Holds a team's Python environments to the versions that the team agreed on."""

__version__ = "0.1.0"
