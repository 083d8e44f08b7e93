"""Regular expressions that are compiled when they are first used, not when a module is loaded."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import compile as regexp
else:
    import re

    class regexp:  # noqa: N801 - in the place of a function
        """Like `re.compile`: what it compiles to takes its place at the first use."""

        def __init__(self, text, flags=0):
            self._text, self._flags = text, flags

        def __getattr__(self, name):
            compiled = re.compile(self._text, self._flags)
            for method in ("match", "fullmatch", "search", "sub", "split", "findall", "finditer"):
                setattr(self, method, getattr(compiled, method))
            return getattr(compiled, name)


__all__ = ["regexp"]
