"""What names and functions mean where an expression of HCL stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ctxsize.projects.hcl.effort import Effort
from ctxsize.projects.hcl.values import pairs

_NAMES = 16
"""How many names that are handed on count as much as a value."""


@dataclass(frozen=True)
class Scope:
    """Names with their values, and functions."""

    names: Mapping[str, Any]
    functions: Mapping[str, Callable[..., Any]]
    """Those that the file itself declares; they count before the standard ones."""
    effort: Effort = field(default_factory=Effort)

    def inner(self, names: Mapping[str, Any]) -> Scope:
        """With further names, as `for` has them."""
        self.effort.pay(1 + len(self.names) // _NAMES)
        return Scope({**self.names, **names}, self.functions, self.effort)

    def rounds(self, names: list[str], through: Any) -> list[Scope]:
        """The scopes of a `for` with one or two names, round by round."""
        found = []
        for key, each in pairs(through):
            found.append(self.inner(dict(zip(reversed(names), (each, key), strict=False))))
        return found


Expression = Callable[[Scope], Any]
"""An expression that was parsed: its value in a scope."""
