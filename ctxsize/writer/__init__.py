"""Edits of ignore files: merged without loss, and written whole or not at all."""
