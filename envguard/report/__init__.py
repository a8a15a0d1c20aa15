"""Verdicts and team state to people (terminal, Markdown) and to programs (JSON, JUnit, GitHub, SARIF)."""
