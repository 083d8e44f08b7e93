"""What is known about things that turn up in contexts: one row for each, in `rules/`."""
