"""Thousands of simulated machines in one process, which speak to a real server by the real protocol."""
