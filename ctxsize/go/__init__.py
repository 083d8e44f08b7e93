"""Texts, paths, wildcards and expressions as Go has them, in which the builders are written.

Python's counterparts differ in details. Undecodable bytes of text are surrogate escapes.
"""

from __future__ import annotations


class GoRegexpError(ValueError):
    """Go refuses the expression; the message is Go's reason."""
