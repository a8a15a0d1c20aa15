"""The daemon: scan in a child, judge, check in, go on when the server is away."""
