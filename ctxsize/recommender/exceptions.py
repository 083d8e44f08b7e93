"""What the author of an ignore file lets in by name: no suggestion takes that back."""

from __future__ import annotations

from collections.abc import Iterable

from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.request import Request
from ctxsize.recommender.build_files import agree


def letting_in(request: Request, path: str) -> str | None:
    """Return the exception that names `path` or something in it, as a clause; None without one.

    One that names a directory above says nothing of `path`: `!src` is no word about `src/.env`.
    """
    for pattern in exceptions(request):
        if pattern.line and names(pattern, path):
            where = "" if request.ignore_file is None else request.ignore_file.path
            return f"{where}:{pattern.line} lets it in: !{pattern.text}"
    return None


def exceptions(request: Request) -> list[DockerIgnorePattern]:
    """Return the exceptions of the ignore file, and those that the builder adds to it."""
    return [each for each in request.spec.patterns if each.include is False]


def may_name(exception: str, find: str) -> bool:
    """Return whether an exception may be about what a rule finds under `find`, wherever it is."""
    parts, wanted = exception.split("/"), find.split("/")
    starts = range(len(parts) - len(wanted) + 1)
    return any(_agree(parts[at : at + len(wanted)], wanted) for at in starts)


def names(pattern: DockerIgnorePattern, path: str) -> bool:
    """Return whether a pattern matches `path` or leads into it, with more than wildcards there."""
    parts, wanted = pattern.text.split("/"), path.split("/")
    if _is_name(parts[-1]) and pattern.fault is None and pattern.match_file(path) is not None:
        return True
    anywhere = parts[0] == "**"
    ends = (wanted[at:] for at in range(len(wanted) if anywhere else 1))
    return any(_leads(parts[anywhere:], end) for end in ends)


def _leads(parts: list[str], wanted: list[str]) -> bool:
    return len(parts) >= len(wanted) and _agree(parts[: len(wanted)], wanted)


def _agree(parts: list[str], wanted: Iterable[str]) -> bool:
    return _is_name(parts[-1]) and all(map(agree, parts, wanted))


def _is_name(part: str) -> bool:
    return bool(part.strip("*?."))
