"""How much is evaluated of a file before it is given up: it has to end, and to fit into memory.

A few lines can ask for more than any machine has: texts that double with each
variable, functions that call another one twice. Bake would try.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ctxsize.projects.hcl.values import UnknownError

LONGEST = 1_000_000
"""The characters of a text that one function makes."""
_MOST = 1_000_000
_CHARACTERS = 64
"""How many of them count as much as a number."""
_LARGEST = 14_000
"""The binary digits of a number."""


class Effort:
    """What may still be evaluated."""

    def __init__(self) -> None:
        self._left = _MOST

    def spend(self, value: Any) -> Any:
        """`value`, once all that is in it is paid for. Raises `UnknownError` if it cannot be."""
        pending = [value]
        while pending:
            each = pending.pop()
            self.pay(1 + len(each) // _CHARACTERS if isinstance(each, str) else 1)
            if isinstance(each, int | Fraction):
                _check(each)
            elif isinstance(each, dict):
                pending += each.values()
            elif isinstance(each, list):
                pending += each
        return value

    def pay(self, amount: int) -> None:
        """Take `amount` away. Raises `UnknownError` when there is not so much."""
        self._left -= amount
        if self._left < 0:
            raise UnknownError("more than is evaluated here")


def _check(value: int | Fraction) -> None:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _LARGEST:
        raise UnknownError("a number that is too large")
