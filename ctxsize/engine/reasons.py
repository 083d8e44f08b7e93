"""Find the reasons why a report is worth a look: by names, sizes and the top `.gitignore`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from pathspec import GitIgnoreSpec

from ctxsize.engine.directories import GITIGNORE, LARGE_FILE_BYTES
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.narrow import include_spec
from ctxsize.engine.plan import Plan
from ctxsize.engine.transfer_requests import asked_of
from ctxsize.errors import CtxsizeError
from ctxsize.go.wildcards import has_wildcards, match
from ctxsize.model import Amount, Clue, IgnoreFileInfo, Measurement, Reason, Report, Transfer
from ctxsize.reader import read_file

_SHARE, _BYTES = 0.1, 1_000_000  # of all bytes sent, from which unneeded parts are a reason
_MOST_PATHS = 3
_MOST_STARS, _MOST_LINES = 3, 2000  # in a line, and in a `.gitignore`: with more, `re` is slow
_LONGEST_GITIGNORE_BYTES = 1_000_000
_LARGE = ("directory", "file")

_Parts = Sequence[Measurement | Transfer]


def with_reasons(plan: Plan, report: Report, *, is_accepted: Callable[[str], bool]) -> Report:
    """Return `report` with its reasons, without the secrets at paths that `is_accepted` accepts."""
    whole = report.context_path
    (taken, spec) = _taken(plan)
    parts: _Parts = report.transfers or (report.context,)
    contexts = [(whole, parts, taken, report.ignore_file)]
    for named in report.named_contexts:
        asked = {each.path for one in named.transfers for each in one.sources}
        contexts.append((named.value, named.transfers, asked, named.ignore_file))
    found: list[Clue] = []
    for context, parts, sources, info in contexts:
        for clue in _looked_at(context, parts, sources, info):
            path = os.path.normpath(os.path.join(context, clue.path))
            is_left_out = context == whole and spec is not None and spec.match_file(clue.path)
            if not is_left_out and not (clue.kind == "secret" and is_accepted(path)):
                found.append(clue if context == whole else replace(clue, path=path))
    total = sum(_bytes(parts) for _, parts, _, _ in contexts)
    return replace(report, reasons=tuple(_reasons(found, total)))


def _bytes(parts: _Parts) -> int:
    sums = (each if isinstance(each, Transfer) else each.totals for each in parts)
    return Amount.of(*sums).content_bytes


def _taken(plan: Plan) -> tuple[set[str], DockerIgnoreSpec | None]:
    """Return the paths that the Dockerfile takes, and for podman the spec of all others."""
    try:
        paths = {each.path for one in asked_of(plan) for each in one.sources}
        # Podman reads only what COPY takes.
        is_all = plan.builder.meter is not None or "." in paths
        return paths, None if is_all else include_spec(paths)
    except CtxsizeError:
        return set(), None


def _looked_at(
    context: str, parts: _Parts, sources: Collection[str], info: IgnoreFileInfo | None
) -> Iterator[Clue]:
    """Yield the clues of one context that make a reason, with the kind of that reason."""
    patterns = () if info is None else info.patterns
    texts = (*sources, *(each.text for each in patterns if each.exception))
    # The author wants what a source or an exception names. Wildcards alone name nothing.
    words = {word for text in texts for word in text.split("/") if re.search(r"\w", word)}
    globs = [word for word in words if has_wildcards(word)]
    clues = {(each.kind, each.path): each for part in parts for each in part.clues}.values()
    if any(each.kind in _LARGE for each in clues):
        spec = _gitignore(context)
    else:
        spec = None
    passed: list[str] = []
    for clue in sorted(clues, key=lambda each: (each.kind in _LARGE, each.path.count("/"))):
        base = clue.path.rpartition("/")[2]
        is_named = base in words or any(match(glob, base) for glob in globs)
        if clue.kind in _LARGE:
            if f"{clue.path}/".startswith(tuple(passed)):
                continue
            least = max(LARGE_FILE_BYTES, _bytes(parts) / 2)
            is_large = clue.kind == "file" and clue.content_bytes >= least
            path = clue.path + "/" * (clue.kind == "directory")
            kind = "large-file" * is_large
            is_ignored = spec is not None and spec.match_file(path)
            clue = replace(clue, kind="git-ignored" if is_ignored else kind)
        if clue.kind in ("unneeded", "git-ignored") and not (is_named and clue.kind == "unneeded"):
            passed.append(f"{clue.path}/")
        if clue.kind == "secret" or (clue.kind and not is_named):
            yield clue


def _gitignore(context: str) -> GitIgnoreSpec | None:
    """Return the patterns of the `.gitignore` at the top, None for none and for too many."""
    try:
        path = os.path.join(context, GITIGNORE)
        text = os.fsdecode(read_file(path, _LONGEST_GITIGNORE_BYTES, links=False))
        lines = (line.rstrip("\r") for line in text.split("\n"))
        some = [*dict.fromkeys(each for each in lines if each.count("*") <= _MOST_STARS)]
        if len(some) <= _MOST_LINES:
            return GitIgnoreSpec.from_lines(some)
        return None
    except (OSError, ValueError, IndexError):
        return None


def _reasons(clues: Iterable[Clue], total: int) -> Iterator[Reason]:
    """Yield the reasons, each with all clues of its kind."""
    least = min(_BYTES, max(1, _SHARE * total))
    found = sorted(clues, key=lambda each: (-each.content_bytes, each.path))
    for kind in ("unneeded", "git-ignored", "large-file", "secret"):
        alike = [each for each in found if each.kind == kind]
        files, size = Amount.of(*alike)
        if alike and (size >= least or kind == "secret"):
            paths = tuple(each.path for each in alike[:_MOST_PATHS])
            yield Reason(kind, paths, len(alike), size, files, tuple(alike))
