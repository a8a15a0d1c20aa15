"""Where environments are: registered, running, or below the roots that are walked."""
