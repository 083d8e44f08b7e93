"""The explorer: a context, its ignore file as it would be, and what that changes, live."""
