"""The demo: a small team on this machine, in a temporary folder, with real processes."""
