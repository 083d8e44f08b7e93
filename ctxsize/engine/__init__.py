"""Computes exactly which files a builder would be sent, and how many bytes."""
