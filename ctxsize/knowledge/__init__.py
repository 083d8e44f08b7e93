"""Facts of tools, directories and files: TOML with one row for each, and its readers."""
