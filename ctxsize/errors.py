"""The exceptions that ctxsize raises on purpose.

    CtxsizeError
    ├── InputError           what the user named is not there or makes no sense
    │   ├── InputErrors      several of them at once
    │   ├── IgnoreFileError  a line of an ignore file is not acceptable to the builder
    │   │   └── UnknownPatternError  the builder may accept it, and ctxsize cannot evaluate it
    │   └── DockerfileError  the builder would reject the Dockerfile
    │       └── UndecidedError  perhaps: that rests on what is not known here
    └── BuildFailsError      the builder itself would stop on this context

Each is one line for a person: what, where, what to do. What spoils a single
entry and leaves the rest of the answer standing is no exception but a
`ctxsize.model.Problem`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class CtxsizeError(Exception):
    """Base of everything that ctxsize raises on purpose.

    `path` is the file or directory it is about, `line` a 1-based line number
    in it, `hint` what the user can do.
    """

    column: int | None = None

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        line: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.line = line
        self.hint = hint

    @property
    def where(self) -> str:
        """Return the place that it is about as far as it is known: `path:line:column`."""
        if self.line is None:
            return self.path or ""
        place = self.line if self.column is None else f"{self.line}:{self.column}"
        return f"{self.path}:{place}" if self.path else f"line {place}"

    def __str__(self) -> str:
        where = self.where
        text = f"{where}: {self.message}" if where else self.message
        return f"{text} ({self.hint})" if self.hint else text


class InputError(CtxsizeError):
    """What the user named is not there or makes no sense."""


class InputErrors(InputError):  # noqa: N818 - there are several
    """Several things that are wrong at once, each on a line of its own."""

    def __init__(self, errors: Sequence[CtxsizeError]) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = tuple(errors)


class IgnoreFileError(InputError):
    """A line of an ignore file is not acceptable to the builder.

    `pattern` is the offending pattern as the builder sees it, `column` the
    1-based column in the line where that is known, and `always` tells whether
    every build fails or only one that reaches the pattern.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        line: int | None = None,
        hint: str | None = None,
        pattern: str | None = None,
        column: int | None = None,
        always: bool = True,
    ) -> None:
        super().__init__(message, path=path, line=line, hint=hint)
        self.pattern = pattern
        self.column = column
        self.always = always


class UnknownPatternError(IgnoreFileError):
    """A pattern that ctxsize cannot evaluate; what the builder makes of it is not known."""


class DockerfileError(InputError):
    """The builder would reject the Dockerfile; `line` says where."""

    variable: str = ""
    """The one that `${NAME:?}` found without a value."""


class UndecidedError(DockerfileError):
    """The builder may reject the Dockerfile: that rests on what is not known here.

    That is the value of a build argument, a variable of the base image, another frontend, or
    what lies beyond a limit of ctxsize.
    """


class BuildFailsError(CtxsizeError):
    """The builder itself would stop on this context, so it has no size."""


def hint_at(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return a hint for `name`, which is none of `known`: the nearest, else `otherwise` or all.

    >>> hint_at("maxx", ["max", "min"]), hint_at("size", ["max", "min"])
    ('did you mean max?', 'one of max, min')
    """
    from difflib import get_close_matches

    known = [*known]
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else otherwise or f"one of {', '.join(known)}"
