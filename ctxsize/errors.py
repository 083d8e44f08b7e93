"""The exceptions that ctxsize raises on purpose.

Each is one line for a person: what, where, what to do. An error that concerns a single
entry, so that the rest of the answer is true, is a `ctxsize.model.Problem` instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(eq=False, repr=False)
class CtxsizeError(Exception):
    """Base of all of them: a message, its place, and a hint what to do."""

    message: str
    # `KW_ONLY` would be shorter, but Python 3.10 cannot read the hints of a class with it.
    path: str | None = field(default=None, kw_only=True)
    line: int | None = field(default=None, kw_only=True)
    column: int | None = field(default=None, kw_only=True)  # 1-based
    hint: str | None = field(default=None, kw_only=True)
    pattern: str | None = field(default=None, kw_only=True)
    """The pattern that it concerns, as the builder sees it."""
    always: bool = field(default=True, kw_only=True)
    """False if only a build that reaches the pattern fails."""

    @property
    def where(self) -> str:
        """Return the known parts of its place: `path:line:column`."""
        if self.line is None:
            return self.path or ""
        place = str(self.line)
        if self.column is not None:
            place = f"{place}:{self.column}"
        if self.path:
            return f"{self.path}:{place}"
        return f"line {place}"

    def __str__(self) -> str:
        text = self.message
        if self.where:
            text = f"{self.where}: {text}"
        if self.hint:
            return f"{text} ({self.hint})"
        return text


class InputError(CtxsizeError):
    """The input does not exist or is not valid."""


class InputErrors(InputError):  # noqa: N818 - there are several
    """Several errors at once, each on a line of its own."""

    def __init__(self, errors: Sequence[CtxsizeError]) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = tuple(errors)


class IgnoreFileError(InputError):
    """A line of an ignore file is not acceptable to the builder."""


class UnknownPatternError(IgnoreFileError):
    """A pattern that ctxsize cannot evaluate; the builder may accept it."""


class DockerfileError(InputError):
    """The builder would reject the Dockerfile at `line`."""

    variable: str = ""  # the variable that `${NAME:?}` found without a value


class UndecidedError(DockerfileError):
    """The builder may reject the Dockerfile: that depends on a value that is not known."""

    arguments: tuple[str, ...] = ()  # those of the build that have no value, and decide it


class BuildFailsError(CtxsizeError):
    """The builder itself would stop on this context, so it has no size."""


class BuildFailsErrors(BuildFailsError):  # noqa: N818 - there are several
    """Several places at which the builder would stop, each an error of its own."""

    def __init__(self, errors: Sequence[BuildFailsError]) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = tuple(errors)


def with_fate(error: CtxsizeError) -> str:
    """Return the text of an error, which states that the build fails if that is certain."""
    text = str(error)
    where = f"{error.where}: "
    is_certain = isinstance(error, (DockerfileError, IgnoreFileError))
    if isinstance(error, (UndecidedError, UnknownPatternError)) or "the build fails" in text:
        is_certain = False
    if is_certain and text.startswith(where):
        text = f"{where}the build fails: {text.removeprefix(where)}"
    return text
