"""Locks in every format that people have, as one kind of value: one format a file."""

from envguard.formats.locks.read import is_lock_name, parse_lock, project_lock, read_lock

__all__ = ["is_lock_name", "parse_lock", "project_lock", "read_lock"]
