"""Lints of ignore files: one small function for each code.

A lint gets a `Case`, one ignore file with what is known about its surroundings,
and yields findings. What it says about a tree is simulated by the engine, and a
fix is certain only if the simulation shows that just the intended paths change.
"""
