"""Texts that are used but never printed: the values of build arguments and of variables.

A value is marked where it enters, and what is made from it is marked again. So a message shows
the text that the user wrote, as `${TOKEN#a}`, whatever was done to the value.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SECRET_NAME = (
    r"(?i)secret|token|passw|passphrase|pwd|private|credential|apikey"
    r"|(?<![^\W_])(key|auth|cred|salt|dsn|pass|cert)s?(?![^\W_])"
)
"""Matches names of variables and arguments whose values may be secrets."""


class Hidden(str):
    """A text that is made from a hidden value; `written` is printed in its place."""

    __slots__ = ("written",)

    written: str

    def __new__(cls, text: str, written: str) -> Hidden:
        """Return `text`, marked; no part of it may be in `written`."""
        hidden = super().__new__(cls, text)
        hidden.written = written
        return hidden

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]  # `str` has one
        """Return the arguments for copies."""
        return str.__str__(self), self.written

    def __repr__(self) -> str:
        """Return what may be printed."""
        return repr(self.written)


def shown(text: str) -> str:
    """Return what may be printed of `text`."""
    if isinstance(text, Hidden):
        return text.written
    return text


def hidden_as(origin: str, text: str) -> str:
    """Return `text`, which is made from `origin` alone, hidden if that is."""
    if isinstance(origin, Hidden):
        return Hidden(text, origin.written)
    return text


def made_of(make: Callable[..., str], *texts: str) -> str:
    """Return `make(*texts)`, hidden if one of them is: what is printed is made in the same way."""
    if not any(isinstance(text, Hidden) for text in texts):
        return make(*texts)
    return Hidden(make(*texts), make(*map(shown, texts)))
