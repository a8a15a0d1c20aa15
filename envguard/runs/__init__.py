"""Before a run: which policy, and what it says of this environment."""
