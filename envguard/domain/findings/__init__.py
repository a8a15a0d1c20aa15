"""The ways in which an environment differs from its policy."""
