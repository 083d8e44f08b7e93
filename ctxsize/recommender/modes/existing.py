"""Modes that start from an existing ignore file: `tidy` from this one, `like` from a sibling's.

`tidy` removes the lines that are redundant in every tree, and tries the result on this one. A line
that does nothing in this tree may keep a secret out of the context tomorrow. The proof uses the
order of evaluation: if two patterns between the same exceptions cover each other, one is enough.

`like` adds the patterns of another service's ignore file that are safe here.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import takewhile

from ctxsize.engine.covers import Cover, covers, is_literal
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.request import Request
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.trial import Attempt, Trial
from ctxsize.errors import IgnoreFileError
from ctxsize.recommender.modes.draft import Draft, Wrong
from ctxsize.recommender.outcome import IgnoreFileChange, Note, Removed
from ctxsize.recommender.rules import is_build_input
from ctxsize.writer.merge import Addition, edit_lines


def tidy(snapshot: Snapshot) -> IgnoreFileChange:
    """Return the ignore file of `snapshot` without its redundant lines.

    Notes name the lines that match nothing in this tree but may match in another one.
    """
    file, trial = snapshot.request.ignore_file, Trial(snapshot)
    if file is None:
        return IgnoreFileChange(
            impossible="There is no ignore file to tidy", hint="ctxsize suggest proposes one"
        )
    removed = sorted(_removable(trial.request, file), key=lambda each: each.line)
    if trial.before != trial.attempt(_without(file, removed)).sent:
        removed = []  # the proof is for every tree, so a difference in this one is a bug in it
    notes = tuple(_idle(trial, file, [each.line for each in removed]))
    return IgnoreFileChange(_without(file, removed), removed=tuple(removed), notes=notes)


def _without(file: IgnoreFile, removed: Iterable[Removed]) -> bytes:
    return edit_lines(file, dict.fromkeys(each.line for each in removed))


def _removable(request: Request, file: IgnoreFile) -> Iterator[Removed]:
    """Yield the redundant lines, last one first; each is judged without those removed before it."""
    kept = [pattern for pattern in request.spec.patterns if pattern.line]
    if any(pattern.fault is not None for pattern in kept):
        # All other patterns decide if the builder reaches a faulty one, which fails the build.
        return
    remembers = request.builder.spec_class.remembers_parents
    at = len(kept)
    while at:
        at -= 1
        why = _why(kept, at, remembers=remembers)
        if why:
            line = kept.pop(at).line
            yield Removed(line, file.texts()[line - 1].strip(), why)
            # Two patterns that this line separated may cover each other now.
            at = len(kept)


Patterns = Sequence[DockerIgnorePattern]


def _why(kept: Patterns, at: int, *, remembers: bool) -> str:
    """Return why the pattern at index `at` is redundant, `""` if it is not."""
    pattern, before, after = kept[at], kept[:at], kept[at + 1 :]
    exception = pattern.include is False
    # An exception makes the builder enter ignored directories. A literal exception affects only
    # the directories above its own path.
    opens_nothing = all(is_literal(each) for each in kept if not each.include)
    outside = pattern.text in ("/", ".", "..") or pattern.text.startswith("../")
    if outside and (opens_nothing or not exception):
        return "it cannot match: all paths are inside the context"
    run = [*_alike(reversed(before), pattern), *_alike(after, pattern)]
    for other in run:
        if other.text == pattern.text and other.line < pattern.line:
            return f"the same pattern is on line {other.line}"
    if not exception:
        return _covered(pattern, run, first=all(each.include for each in before))
    return _undone(pattern, before, after) if remembers and opens_nothing else ""


def _alike(others: Iterable[DockerIgnorePattern], pattern: DockerIgnorePattern) -> Patterns:
    # The first pattern of the other kind separates this one from the following ones.
    return [*takewhile(lambda each: each.include is pattern.include, others)]


def _covered(pattern: DockerIgnorePattern, run: Patterns, *, first: bool) -> str:
    for other in run:
        cover = covers(other, pattern)
        # After an exception, a directory may be re-included without the files below it.
        if cover is Cover.ITSELF or (cover is Cover.ABOVE and first):
            return f"{other.text} on line {other.line} ignores all that it matches"
    return ""


def _undone(pattern: DockerIgnorePattern, before: Patterns, after: Patterns) -> str:
    """Return why an exception does nothing: no pattern before it matches, or one after it does."""
    if not any(each.include and covers(each, pattern) is not None for each in before):
        return "no pattern before it ignores that path"
    if not all(each.include for each in before):
        return ""
    for other in takewhile(lambda each: each.include, after):
        if covers(other, pattern) is Cover.ITSELF:
            return f"{other.text} on line {other.line} ignores that path again"
    return ""


def _idle(trial: Trial, file: IgnoreFile, gone: Collection[int]) -> Iterator[Note]:
    """Yield the patterns that stay although they match nothing in this tree."""
    why = "matches nothing in this tree; it may match in another one, so it stays"
    paths, texts = trial.everything.paths, file.texts()
    stays = [each for each in trial.request.spec.patterns if each.line and each.line not in gone]
    for each in stays:
        if each.fault is None and not any(map(each.match_file, paths)):
            yield Note(texts[each.line - 1].strip(), why, file.path, each.line)


def like(draft: Draft, other: IgnoreFile) -> IgnoreFileChange:
    """Return the ignore file with the patterns of `other`, translated to this context.

    Raises `IgnoreFileError` if `other` would fail a build.
    """
    parity = _Parity(draft, other)
    return draft.change(parity.additions(), parity.wrong, notes=parity.notes)


class _Parity:
    def __init__(self, draft: Draft, other: IgnoreFile) -> None:
        self._draft = draft
        self._other = other
        self.notes: list[Note] = []
        spec_class = draft.request.builder.spec_class
        self._pattern_class = spec_class.pattern_class
        try:
            self._patterns = list(spec_class.from_lines(other.texts()).patterns)
        except IgnoreFileError as error:
            error.path = other.path
            raise
        self._theirs = os.path.realpath(os.path.dirname(other.path) or ".")
        self._ours = draft.request.root

    def additions(self) -> list[Addition]:
        """Return the lines to add, in the order of the other file."""
        added: dict[str, Addition] = {}
        at = os.path.join(self._theirs, os.path.basename(self._other.path))
        heading = f"As in {os.path.relpath(at, self._ours)}"
        for pattern in self._patterns:
            text = self._translated(pattern)
            if text and not self._is_there(pattern, text):
                line = "!" * (not pattern.include) + text
                added.pop(line, None)
                added[line] = Addition(line, heading)
        return list(added.values())

    def _note(self, pattern: DockerIgnorePattern, why: str) -> None:
        text = self._other.texts()[pattern.line - 1].strip()
        self.notes.append(Note(text, why, self._other.path, pattern.line))

    def _translated(self, pattern: DockerIgnorePattern) -> str:
        """Return the text of `pattern` for this context, `""` if it does not apply here."""
        # The name of their directory in a pattern becomes the name of ours.
        theirs, ours = os.path.basename(self._theirs), os.path.basename(self._ours)
        text = "/".join(ours if part == theirs else part for part in pattern.text.split("/"))
        if pattern.fault is not None or text.startswith("../") or text in (".", "..", "/"):
            self._note(pattern, "left out: it matches nothing")
            return ""
        if text.startswith("**"):
            return text
        moved = self._moved(text)
        if moved is None:
            self._note(pattern, "left out: it is about another directory")
            return ""
        made = self._pattern_class(moved)
        may_come = pattern.include and "/" not in moved
        if not may_come and is_literal(made) and self._draft.tree.entry(moved) is None:
            self._note(pattern, "left out: there is no such path here")
            return ""
        return moved

    def _moved(self, text: str) -> str | None:
        """Return `text` relative to our directory, if one directory contains the other."""
        if self._ours.startswith(f"{self._theirs.rstrip('/')}/"):
            names = os.path.relpath(self._ours, self._theirs).split("/")
            parts = text.split("/")
            for name in names:
                if len(parts) < 2 or not self._names(parts[0], name):
                    return text if len(parts) == 1 and not self._names(parts[0], name) else None
                parts = parts[1:]
            return "/".join(parts)
        if self._theirs.startswith(f"{self._ours.rstrip('/')}/"):
            return f"{os.path.relpath(self._theirs, self._ours)}/{text}"
        return text

    def _names(self, part: str, name: str) -> bool:
        return part == name or self._pattern_class(part).match_file(name) is not None

    def _is_there(self, pattern: DockerIgnorePattern, text: str) -> bool:
        """Return True if one of our patterns after our last exception covers it."""
        if not pattern.include:
            return False
        ours = self._draft.request.spec.patterns
        last = max((at for at, each in enumerate(ours) if not each.include), default=-1)
        made = self._pattern_class(text)
        return any(covers(each, made) is not None for each in ours[last + 1 :])

    def wrong(self, attempt: Attempt) -> Iterator[Wrong]:
        """Yield what no mode may do, and the hidden paths that builds need."""
        yield from self._draft.wrong(attempt)
        hidden = frozenset(attempt.hidden)
        # Only the top of a hidden directory is judged, not the paths below it.
        top_level = (path for path in attempt.hidden if path.rpartition("/")[0] not in hidden)
        tops = dict.fromkeys(top_level)
        for path, why in self._draft.kept_back(attempt):
            if path in tops:
                yield path, why
        git = self._draft.git
        for path in tops:
            untracked = git.covers(path) and git.first(path) is None
            if is_build_input(path.rpartition("/")[2]) and not untracked:
                yield path, f"builds read {path}, which would disappear"
