"""HTTP to the server, for agent, runs and CLI: one TLS rule, one backoff."""
