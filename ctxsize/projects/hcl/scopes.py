"""What names and functions mean where an expression of HCL stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import Any

from ctxsize.projects.hcl.values import UnknownError, pairs
from ctxsize.values import dataclass

_MOST_ROUNDS = 20_000
"""Of all loops in one expression together."""


@dataclass(frozen=True)
class Scope:
    """Names with their values, and functions."""

    names: Mapping[str, Any]
    functions: Mapping[str, Callable[..., Any]]
    """Those that the file itself declares; they count before the standard ones."""
    left: Iterator[int] = field(default_factory=lambda: iter(range(_MOST_ROUNDS)))
    """A step for each round that loops may still make."""

    def inner(self, names: Mapping[str, Any]) -> Scope:
        """With further names, as `for` has them."""
        return Scope({**self.names, **names}, self.functions, self.left)

    def rounds(self, names: list[str], through: Any) -> list[Scope]:
        """The scopes of a `for` with one or two names, round by round."""
        found = []
        for key, each in pairs(through):
            if next(self.left, None) is None:
                raise UnknownError("loops with too many rounds")
            found.append(self.inner(dict(zip(reversed(names), (each, key), strict=False))))
        return found


Expression = Callable[[Scope], Any]
"""An expression that was parsed: its value in a scope."""
