"""The metrics: one kind of measurement a file."""
