"""Lines that an ignore file can do without: proved for every tree, and tried on this one.

For every tree, because a line that does nothing today may be all that keeps a
secret out tomorrow. Only what the order of evaluation shows counts: patterns
between two exceptions are asked as one, so that of two that cover each other
one is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ctxsize.engine.covers import Cover, covers, is_literal
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.request import Request
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.trial import Trial
from ctxsize.recommender.modes.plan import Change, Note, Removed
from ctxsize.writer.merge import edit_lines


def tidy(snapshot: Snapshot) -> Change:
    """Return the ignore file of `snapshot` without the lines that it can do without.

    Notes name the lines that match nothing in this tree and stay all the same.
    """
    request = snapshot.request
    if request.ignore_file is None:
        return Change(
            impossible="There is no ignore file to tidy", hint="ctxsize suggest proposes one"
        )
    removed = _proved(Trial(snapshot), request.ignore_file, [*_candidates(request)])
    removed.sort(key=lambda each: each.line)
    after = edit_lines(request.ignore_file, dict.fromkeys(each.line for each in removed))
    gone = {each.line for each in removed}
    idle = tuple(note for note in _idle(snapshot) if note.line not in gone)
    return Change(after, removed=tuple(removed), notes=idle)


def _proved(trial: Trial, file: IgnoreFile, candidates: list[Removed]) -> list[Removed]:
    """Return those of `candidates` without which the same is sent of this tree; all, as a rule."""

    def changes_nothing(removed: list[Removed]) -> bool:
        data = edit_lines(file, dict.fromkeys(each.line for each in removed))
        return trial.before.same(trial.attempt(data).sent)

    if changes_nothing(candidates):
        return candidates
    proved: list[Removed] = []
    for each in candidates:
        if changes_nothing([*proved, each]):
            proved.append(each)
    return proved


class _List(NamedTuple):
    """A pattern among those that are kept so far."""

    patterns: list[DockerIgnorePattern]
    at: int

    @property
    def pattern(self) -> DockerIgnorePattern:
        return self.patterns[self.at]

    @property
    def exception(self) -> bool:
        return self.pattern.include is False

    def run(self) -> Iterator[DockerIgnorePattern]:
        """Yield the other patterns that no pattern of the other kind separates from it."""
        for step in (-1, 1):
            at = self.at + step
            while 0 <= at < len(self.patterns):
                if self.patterns[at].include is not self.pattern.include:
                    break
                yield self.patterns[at]
                at += step

    def opens_nothing(self) -> bool:
        """Return whether no exception needs this one to make the builder enter a directory for it.

        Literal ones see to that for themselves.
        """
        exceptions = (each for each in self.patterns if not each.include)
        return all(map(is_literal, exceptions))

    def before(self) -> list[DockerIgnorePattern]:
        return self.patterns[: self.at]


def _candidates(request: Request) -> Iterator[Removed]:
    """Yield the lines that can go, last ones first, each without those that went before it."""
    kept = [pattern for pattern in request.spec.patterns if pattern.line]
    if any(pattern.fault is not None for pattern in kept):
        # Whether the builder comes to a faulty pattern, and stops, depends on all the others.
        return
    remembers = request.builder.spec_class.remembers_parents
    at = len(kept)
    while at:
        at -= 1
        why = _why(_List(kept, at), remembers=remembers)
        if why:
            line = kept.pop(at).line
            yield Removed(line, _text(request, line), why)
            # What it kept apart may cover each other now.
            at = len(kept)


def _why(place: _List, *, remembers: bool) -> str:
    """Return why the pattern can go, `""` if it cannot."""
    reasons: tuple[Callable[[_List], str], ...] = (_never_matches, _duplicate)
    if not place.exception:
        reasons += (_covered,)
    elif remembers:
        reasons += (_nothing_to_except, _overridden)
    return next(filter(None, (reason(place) for reason in reasons)), "")


def _never_matches(place: _List) -> str:
    text = place.pattern.text
    outside = text in ("/", ".", "..") or text.startswith("../")
    if not outside or (place.exception and not place.opens_nothing()):
        return ""
    return "it can match nothing: all paths begin inside the context"


def _duplicate(place: _List) -> str:
    for other in place.run():
        if other.text == place.pattern.text and other.line < place.pattern.line:
            return f"the same pattern stands on line {other.line}"
    return ""


def _covered(place: _List) -> str:
    first_run = all(pattern.include for pattern in place.before())
    for other in place.run():
        cover = covers(other, place.pattern)
        # Behind an exception a directory may be let in again while what is below it is not.
        if cover is Cover.ITSELF or (cover is Cover.ABOVE and first_run):
            return f"{other.text} on line {other.line} ignores all that it matches"
    return ""


def _nothing_to_except(place: _List) -> str:
    pattern = place.pattern
    if not place.opens_nothing():
        return ""
    ignoring = [each for each in place.before() if each.include]
    if any(covers(each, pattern) is not None for each in ignoring):
        return ""
    return "no pattern before it ignores that path"


def _overridden(place: _List) -> str:
    if not place.opens_nothing() or any(not each.include for each in place.before()):
        return ""
    for other in place.patterns[place.at + 1 :]:
        if not other.include:
            return ""
        if covers(other, place.pattern) is Cover.ITSELF:
            return f"{other.text} on line {other.line} ignores that path again"
    return ""


def _idle(snapshot: Snapshot) -> Iterator[Note]:
    """Yield the patterns that match nothing that is there."""
    request = snapshot.request
    assert request.ignore_file is not None
    wanted = [each for each in request.spec.patterns if each.line and each.fault is None]
    for held in snapshot.folders:
        if not wanted:
            return
        names = [file.name for file in held.files] + [folder.name for folder in held.folders]
        paths = [held.prefix + name for name in names]
        wanted = [each for each in wanted if not any(map(each.match_file, paths))]
    for each in wanted:
        why = "matches nothing here now; it may match elsewhere or later, so it stays"
        yield Note(_text(request, each.line), why, request.ignore_file.path, each.line)


def _text(request: Request, line: int) -> str:
    assert request.ignore_file is not None
    return request.ignore_file.texts()[line - 1].strip()
