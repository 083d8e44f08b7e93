"""Find the reasons why a report is worth a look: by names, sizes and the top `.gitignore`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from os.path import basename, join, normpath

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
from ctxsize.values import Value

_SHARE = 0.1  # of all bytes sent, from which unneeded parts are a reason
_BYTES = 1_000_000  # from which they are a reason whatever their share
_MOST_PATHS = 3
_MOST_STARS = 3  # in a line of a `.gitignore`: with more, `re` is slow
_MOST_LINES = 2000
_LONGEST_GITIGNORE_BYTES = 1_000_000
_LARGE = ("directory", "file")


class _Context(Value):
    """A context of the build, and the paths that the build takes of it."""

    path: str
    parts: Sequence[Measurement | Transfer]
    sources: Collection[str]
    ignore_file: IgnoreFileInfo | None

    @cached_property
    def content_bytes(self) -> int:
        """Return the bytes of content sent."""
        amounts = (part if isinstance(part, Transfer) else part.totals for part in self.parts)
        return Amount.of(*amounts).content_bytes

    @cached_property
    def _words(self) -> set[str]:
        """Return the names in the paths that a source or an exception has."""
        texts = [*self.sources]
        if self.ignore_file is not None:
            texts += [pattern.text for pattern in self.ignore_file.patterns if pattern.exception]
        # Wildcards alone name nothing.
        return {word for word in "/".join(texts).split("/") if re.search(r"\w", word)}

    def names(self, path: str) -> bool:
        """Return whether a source or an exception names `path`: the author wants it."""
        words = self._words
        name = basename(path)
        if name in words:
            return True
        return any(match(word, name) for word in words if has_wildcards(word))

    @cached_property
    def ignored_by_git(self) -> GitIgnoreSpec | None:
        """Return the patterns of the `.gitignore` at the top, None for none and for too many."""
        try:
            path = join(self.path, GITIGNORE)
            text = os.fsdecode(read_file(path, _LONGEST_GITIGNORE_BYTES, links=False))
            lines = (line for line in text.split("\n") if line.count("*") <= _MOST_STARS)
            quick = dict.fromkeys(line.rstrip("\r") for line in lines)  # an ordered set
            if len(quick) <= _MOST_LINES:
                return GitIgnoreSpec.from_lines(quick)
            return None
        except (OSError, ValueError, IndexError):
            return None


def with_reasons(plan: Plan, report: Report, *, is_accepted: Callable[[str], bool]) -> Report:
    """Return `report` with its reasons, without the secrets at paths that `is_accepted` accepts."""
    taken, left_out = _paths_taken(plan)
    contexts = [
        _Context(
            path=report.context_path,
            parts=report.transfers or (report.context,),
            sources=taken,
            ignore_file=report.ignore_file,
        )
    ]
    for named in report.named_contexts:
        sources = {source.path for transfer in named.transfers for source in transfer.sources}
        contexts.append(
            _Context(
                path=named.value,
                parts=named.transfers,
                sources=sources,
                ignore_file=named.ignore_file,
            )
        )
    clues: list[Clue] = []
    for context in contexts:
        for clue in _clues_with_reason(context):
            path = normpath(join(context.path, clue.path))
            if clue.kind == "secret":
                if is_accepted(path):
                    continue
            if context.path != report.context_path:
                clue = replace(clue, path=path)
            elif left_out is not None and left_out.match_file(clue.path):
                continue
            clues.append(clue)
    total = sum(context.content_bytes for context in contexts)
    return replace(report, reasons=tuple(_reasons(clues, total)))


def _paths_taken(plan: Plan) -> tuple[set[str], DockerIgnoreSpec | None]:
    """Return the paths that the Dockerfile takes, and for podman the spec of all others."""
    try:
        paths = {source.path for request in asked_of(plan) for source in request.sources}
        # Podman reads only what COPY takes.
        if plan.builder.meter is not None or "." in paths:
            return paths, None
        return paths, include_spec(paths)
    except CtxsizeError:
        return set(), None


def _clues_with_reason(context: _Context) -> Iterator[Clue]:
    """Yield the clues of one context that make a reason, with the kind of that reason."""
    by_path: dict[tuple[str, str], Clue] = {}  # and by kind
    for part in context.parts:
        for clue in part.clues:
            by_path[clue.kind, clue.path] = clue
    clues = sorted(by_path.values(), key=lambda clue: (clue.kind in _LARGE, clue.path.count("/")))
    passed: list[str] = []
    for clue in clues:
        named = context.names(clue.path)
        kind = clue.kind
        if kind in _LARGE:
            if f"{clue.path}/".startswith(tuple(passed)):
                continue
            kind = _kind_of_large(clue, context)
        if kind == "git-ignored" or (kind == "unneeded" and not named):
            passed.append(f"{clue.path}/")
        if kind == "secret" or (kind and not named):
            yield replace(clue, kind=kind)


def _kind_of_large(clue: Clue, context: _Context) -> str:
    """Return the kind of reason that a large part makes, `""` for none."""
    path = clue.path
    if clue.kind == "directory":
        path += "/"
    ignored_by_git = context.ignored_by_git
    if ignored_by_git is not None:
        if ignored_by_git.match_file(path):
            return "git-ignored"
    least = max(LARGE_FILE_BYTES, context.content_bytes / 2)
    if clue.kind == "file" and clue.content_bytes >= least:
        return "large-file"
    return ""


def _reasons(clues: list[Clue], total: int) -> Iterator[Reason]:
    """Yield the reasons, each with all clues of its kind."""
    least = min(_BYTES, max(1, _SHARE * total))
    clues.sort(key=lambda clue: (-clue.content_bytes, clue.path))
    for kind in ("unneeded", "git-ignored", "large-file", "secret"):
        alike = [clue for clue in clues if clue.kind == kind]
        files, size = Amount.of(*alike)
        if alike and (size >= least or kind == "secret"):
            yield Reason(
                kind=kind,
                paths=tuple(clue.path for clue in alike[:_MOST_PATHS]),
                count=len(alike),
                content_bytes=size,
                files=files,
                parts=tuple(alike),
            )
