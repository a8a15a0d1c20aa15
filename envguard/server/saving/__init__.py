"""Backups: what a server has, in one file, and back again."""
