"""The wording of BuildKit's complaints: quotes, the line, "did you mean …?"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ctxsize.dockerfile.words import LONE_SURROGATE
from ctxsize.errors import DockerfileError


@contextmanager
def located(line: int, *, outermost: bool = False) -> Iterator[None]:
    """Give a DockerfileError raised inside its line, and make its message printable.

    A line that it already has stays, unless `outermost` says that it counts
    something else, as inside a trigger.
    """
    try:
        yield
    except DockerfileError as error:
        message = LONE_SURROGATE.sub("\ufffd", error.message)
        known = None if outermost else error.line
        raise type(error)(message, line=known or line, hint=error.hint) from None


def quoted(text: str) -> str:
    """Return `text` in double quotes, as it stands in the builder's messages."""
    import json  # as few Dockerfiles need it

    return json.dumps(LONE_SURROGATE.sub("\ufffd", text), ensure_ascii=False)


def did_you_mean(word: str, options: Iterable[str]) -> str | None:
    """Return the hint that names the closest of `options`, or None if none is close.

    Fewer than three insertions, deletions or substitutions are close.

    >>> did_you_mean("FORM", ["FROM", "RUN"])
    'did you mean FROM?'
    """
    closest = min(options, key=lambda option: _distance(word, option), default=word)
    return f"did you mean {closest}?" if 0 < _distance(word, closest) < 3 else None


def _distance(one: str, other: str) -> int:
    """Return the Levenshtein distance; anything above 2 means "far" and may be inexact."""
    if abs(len(one) - len(other)) > 2:
        return 3
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        previous, row[0] = row[0], i
        for j, right in enumerate(other, 1):
            changed = previous + (left != right)
            previous, row[j] = row[j], min(changed, row[j] + 1, row[j - 1] + 1)
    return row[-1]
