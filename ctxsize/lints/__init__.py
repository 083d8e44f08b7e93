"""Lints of ignore files: one small function for each code.

A lint gets a `Case`, one ignore file with its builds and its context, and yields
findings. The engine simulates every statement about a tree, and a fix is certain
only if the simulation shows that no other than the intended paths change.
"""
