"""Knowledge about files in build contexts: one row for each kind, in `rules/`."""
