"""Text to domain and back: policy YAML and locks, with errors that name the line."""
