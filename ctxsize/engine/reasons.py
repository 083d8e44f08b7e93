"""Find the reasons why a report is worth a look: parts that look unneeded, secret or too large.

Names and sizes decide, and the `.gitignore` at the top of a context, the one file that is read.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache

from pathspec import GitIgnoreSpec

from ctxsize.engine.directories import (
    GITIGNORE,
    LARGE_FILE_BYTES,
    SECRET_FOLDERS,
    UNNEEDED,
    Clues,
    Sum,
    size_tree,
)
from ctxsize.engine.golang import has_wildcards, match
from ctxsize.engine.listing import order
from ctxsize.engine.need import asked_of
from ctxsize.engine.request import Request
from ctxsize.errors import CtxsizeError
from ctxsize.model import Clue, IgnoreFileInfo, Measurement, Reason, Report, Share, Transfer
from ctxsize.reader import read_file

_SHARE, _BYTES = 0.1, 1_000_000
"""Smallest share of all bytes sent, or number of bytes, that makes unneeded parts a reason."""
_MOST_PATHS = 3
_MOST_STARS = 3
"""Largest number of stars in a line of a `.gitignore`: with more, `re` is slow on long names."""
_MOST_LINES = 500
"""Largest number of lines of a `.gitignore` that are compiled for one path."""
_LONGEST_GITIGNORE_BYTES = 1_000_000
_STARS = re.compile(r"\*+")
_WILDCARDS = re.compile(r"[*?\[\\]")

_Parts = Sequence[Measurement | Transfer]


def with_reasons(request: Request, report: Report, *, is_accepted: Callable[[str], bool]) -> Report:
    """Return `report`, of `request`, with the reasons why it is worth a look.

    `is_accepted` returns whether the configuration accepts the secret at a path.
    """
    parts: _Parts = report.transfers if report.transfer else (report.context,)
    sources = _sources(request, report)
    found = [*_looked_at(report.context_path, parts, sources or (), report.ignore_file)]
    if request.builder.meter is None and sources is not None:  # podman reads only what COPY takes
        found = [clue for clue in found if _is_taken(clue.path, sources)]
    placed = [(report.context_path, each) for each in found]
    total = _bytes(parts)
    for named in report.named_contexts:
        asked = {each.path for one in named.transfers for each in one.sources}
        below = _looked_at(named.value, named.transfers, asked, named.ignore_file)
        placed += [(".", replace(each, path=_joined(named.value, each.path))) for each in below]
        total += _bytes(named.transfers)
    left = [
        each
        for context, each in placed
        if each.kind != "secret" or not is_accepted(_joined(context, each.path))
    ]
    return replace(report, reasons=tuple(_reasons(left, total)))


def _joined(context: str, path: str) -> str:
    return os.path.normpath(os.path.join(context, path))


def _bytes(parts: _Parts) -> int:
    sums = (each if isinstance(each, Transfer) else each.totals for each in parts)
    return sum(each.content_bytes for each in sums)


def _sources(request: Request, report: Report) -> set[str] | None:
    """Return the paths that the Dockerfile takes, even if the builder requests no paths.

    None if the Dockerfile cannot be evaluated.
    """
    if request.builder.asks_for_paths:
        return {each.path for one in report.transfers for each in one.sources}
    try:
        return {each.path for one in asked_of(request) for each in one.sources}
    except CtxsizeError:
        return None


def _is_taken(path: str, sources: set[str]) -> bool:
    """Return whether one of `sources` takes `path` itself or a directory above it."""
    names = path.split("/")
    above = (".", *("/".join(names[: depth + 1]) for depth in range(len(names))))
    globs = (each.split("/") for each in sources if has_wildcards(each))
    return not sources.isdisjoint(above) or any(
        all(match(one, other) for one, other in zip(glob, names, strict=False)) for glob in globs
    )


def _looked_at(
    context: str, parts: _Parts, sources: Collection[str], info: IgnoreFileInfo | None
) -> Iterator[Clue]:
    """Yield the clues of one context that make a reason, with the kind of that reason."""
    patterns = () if info is None else info.patterns
    texts = (*sources, *(each.text for each in patterns if each.exception and each.line))
    # The author wants what a source or an exception names. Wildcards alone name nothing.
    words = {word for text in texts for word in text.split("/") if re.search(r"\w", word)}
    clues = {(each.kind, each.path): each for part in parts for each in part.clues}
    bases = {each.path.rpartition("/")[2] for each in clues.values()}
    globs = [word for word in words if has_wildcards(word)]
    named = {each for each in bases if each in words or any(match(glob, each) for glob in globs)}
    passed: list[str] = []
    for _, clue in sorted(clues.items()):
        if clue.kind == "secret":
            yield clue
        elif clue.kind == "unneeded" and clue.path.rpartition("/")[2] not in named:
            passed.append(f"{clue.path}/")
            yield clue
    large = [each for each in clues.values() if each.kind in ("directory", "file")]
    for clue in _large(context, large, passed, _bytes(parts)):
        if clue.path.rpartition("/")[2] not in named:
            yield clue


def _large(context: str, large: list[Clue], passed: list[str], total: int) -> Iterator[Clue]:
    """Yield `large` parts outside `passed` that git ignores, or a file with most of the bytes."""
    lines = _gitignore_lines(context) if large else []
    for clue in sorted(large, key=lambda each: each.path.count("/")):
        if f"{clue.path}/".startswith(tuple(passed)):
            continue
        if lines and _ignores(lines, clue):
            passed.append(f"{clue.path}/")
            yield replace(clue, kind="git-ignored")
        elif clue.kind == "file" and clue.content_bytes >= max(LARGE_FILE_BYTES, total / 2):
            yield replace(clue, kind="large-file")


def _gitignore_lines(context: str) -> list[str]:
    path = _joined(context, GITIGNORE)
    try:
        text = os.fsdecode(read_file(path, _LONGEST_GITIGNORE_BYTES, links=False))
    except OSError:
        return []
    return [line.rstrip("\r") for line in text.split("\n") if line and line[0] != "#"]


def _ignores(lines: list[str], clue: Clue) -> bool:
    names = clue.path.split("/")
    concerning = list(dict.fromkeys(line for line in lines if _may_match(line, names)))
    if len(concerning) > _MOST_LINES:
        return False
    try:
        spec = GitIgnoreSpec.from_lines(concerning)
    except (ValueError, IndexError):
        return False
    return spec.match_file(clue.path + ("/" if clue.kind == "directory" else ""))


def _may_match(line: str, names: list[str]) -> bool:
    """Return whether the last name in `line` may match one of `names`, without compiling it."""
    last = line.rstrip().rstrip("/").rpartition("/")[2].removeprefix("!")
    if len(_STARS.findall(line)) > _MOST_STARS:
        return False
    parts = _WILDCARDS.split(last)
    if len(parts) == 1:
        return last in names
    tail = "" if "[" in last or "\\" in last else parts[-1]
    return any(each.startswith(parts[0]) and each.endswith(tail) for each in names)


def _reasons(clues: Iterable[Clue], total: int) -> Iterator[Reason]:
    by_kind: dict[str, list[Clue]] = {}
    for clue in clues:
        by_kind.setdefault(clue.kind, []).append(clue)
    least = min(_BYTES, max(1, _SHARE * total))
    for kind in ("unneeded", "git-ignored", "large-file", "secret"):
        alike = sorted(by_kind.get(kind, ()), key=lambda each: (-each.content_bytes, each.path))
        size = sum(each.content_bytes for each in alike)
        if alike and (size >= least or kind == "secret"):
            files = sum(each.files for each in alike)
            paths = tuple(each.path for each in alike[:_MOST_PATHS])
            yield Reason(kind, paths, len(alike), size, files)


_AFTER_SLASH = chr(ord("/") + 1)
_LARGE_SHARE = 0.01
_LARGE_DEPTH = 5
"""Smallest share and largest depth of the parts that are compared with `.gitignore`."""


def clues(
    noted: Clues, direct: dict[str, Sum], largest: Sequence[Share], total: int
) -> tuple[Clue, ...]:
    """Return the parts that may be worth a look, by sums of directories and the largest files."""
    tops = _tops(noted)
    prefixes = sorted(direct) if tops else []
    found = []
    for top, kind in tops.items():
        ahead = bisect_left(prefixes, top[:-1] + _AFTER_SLASH)
        sums = [direct[each] for each in prefixes[bisect_left(prefixes, top) : ahead]]
        size, count = map(sum, zip(*sums, strict=True)) if sums else (0, 0)
        found += [Clue(kind, top[:-1], size, count)] * (count > 0)
    in_order = ["/", *tops]
    for path, size in sorted(noted.secrets, key=lambda each: order(each[0])):
        if not path.startswith(in_order[bisect_left(in_order, path) - 1]):
            found.append(Clue("secret", path, size, 1))
    return (*found, *_large_parts(noted, direct, largest, total))


def _tops(noted: Clues) -> dict[str, str]:
    """Return the outermost directories that make a clue, as prefixes, and the kind of clue."""

    @cache
    def holding(name: str) -> frozenset[str]:
        return frozenset((*noted.folders.get(name, ()), *noted.names.get(name, ())))

    found = {
        f"{above}{name}/": "unneeded"
        for name in noted.folders.keys() & UNNEEDED.keys()
        for above in noted.folders[name]
        if _is_shown(f"{above}{name}", UNNEEDED[name], holding)
    }
    for each in SECRET_FOLDERS:
        name = each.rpartition("/")[2]
        for above in noted.folders.get(name, ()):
            if f"/{above}{name}".endswith(f"/{each}"):
                found[f"{above}{name}/"] = "secret"
    outermost: dict[str, str] = {}
    last = "/"
    for path in sorted(found):
        if not path.startswith(last):
            last = path
            outermost[path] = found[path]
    return outermost


_Holding = Callable[[str], frozenset[str]]
"""Returns the directories, as prefixes, that contain an entry of that name."""


def _is_shown(path: str, ways: str, holding: _Holding) -> bool:
    """Return whether one of `ways`, a value of `UNNEEDED`, is true of the directory `path`."""
    return any(
        all(any(_is_there(path, word, holding) for word in group.split()) for group in groups)
        for groups in (way.split("+") for way in ways.split("|"))
    )


def _is_there(path: str, word: str, holding: _Holding) -> bool:
    while word.startswith("../"):
        if not path:
            return False
        path, word = path.rpartition("/")[0], word[3:]
    above, _, name = f"{path}/{word}".lstrip("/").rpartition("/")
    return (f"{above}/" if above else "") in holding(name)


def _large_parts(
    noted: Clues, direct: dict[str, Sum], largest: Sequence[Share], total: int
) -> Iterator[Clue]:
    """Yield the large parts if there is a `.gitignore`, else a file with most of the bytes."""
    least = max(LARGE_FILE_BYTES, total / 2)
    if "" in noted.names.get(GITIGNORE, ()):
        least = max(1, _LARGE_SHARE * total)
        pending = [*size_tree(direct, _LARGE_DEPTH).children]
        while pending:
            node = pending.pop()
            if node.content_bytes >= least:
                yield Clue("directory", node.path, node.content_bytes, node.files)
                pending += node.children
    for each in largest:
        if each.content_bytes >= least:
            yield Clue("file", each.name, each.content_bytes, 1)
