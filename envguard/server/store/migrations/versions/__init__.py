"""The revisions, one a file; see "Adding a table" in docs/architecture.md."""
