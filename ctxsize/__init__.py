"""Tells exactly what `docker build` will send, and keeps it small."""
