"""Verdicts and team state to terminal, JSON and HTML."""
