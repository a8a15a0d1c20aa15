"""Pure words and decisions: no files, no clock, no network."""
