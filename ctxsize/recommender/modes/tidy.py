"""Lines that an ignore file can do without: proved for every tree, and tried on this one.

For every tree, because a line that does nothing today may be all that keeps a
secret out tomorrow. Only what the order of evaluation shows counts: patterns
between two exceptions are asked as one, so that of two that cover each other
one is enough.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import takewhile

from ctxsize.engine.covers import Cover, covers, is_literal
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.request import Request
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.trial import Trial
from ctxsize.recommender.outcome import IgnoreFileChange, Note, Removed
from ctxsize.writer.merge import edit_lines


def tidy(snapshot: Snapshot) -> IgnoreFileChange:
    """Return the ignore file of `snapshot` without the lines that it can do without.

    Notes name the lines that match nothing in this tree and stay nevertheless.
    """
    file, trial = snapshot.request.ignore_file, Trial(snapshot)
    if file is None:
        return IgnoreFileChange(
            impossible="There is no ignore file to tidy", hint="ctxsize suggest proposes one"
        )
    removed = _proved(trial, file, [*_candidates(trial.request, file)])
    removed.sort(key=lambda each: each.line)
    gone = [each.line for each in removed]
    notes = tuple(_idle(trial, file, gone))
    after = edit_lines(file, dict.fromkeys(gone))
    return IgnoreFileChange(after, removed=tuple(removed), notes=notes)


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


def _candidates(request: Request, file: IgnoreFile) -> Iterator[Removed]:
    """Yield the lines that can go, last ones first, each without those that went before it."""
    kept = [pattern for pattern in request.spec.patterns if pattern.line]
    if any(pattern.fault is not None for pattern in kept):
        # Whether the builder comes to a faulty pattern, and stops, depends on all the others.
        return
    remembers = request.builder.spec_class.remembers_parents
    at = len(kept)
    while at:
        at -= 1
        why = _why(kept, at, remembers=remembers)
        if why:
            line = kept.pop(at).line
            yield Removed(line, file.texts()[line - 1].strip(), why)
            # What it kept apart may cover each other now.
            at = len(kept)


Patterns = Sequence[DockerIgnorePattern]


def _why(kept: Patterns, at: int, *, remembers: bool) -> str:
    """Return why the pattern at this place of those that are kept can go, `""` if it cannot."""
    pattern, before, after = kept[at], kept[:at], kept[at + 1 :]
    exception = pattern.include is False
    # An exception makes the builder enter directories; literal ones see to that for themselves.
    opens_nothing = all(is_literal(each) for each in kept if not each.include)
    outside = pattern.text in ("/", ".", "..") or pattern.text.startswith("../")
    if outside and (opens_nothing or not exception):
        return "it can match nothing: all paths begin inside the context"
    run = [*_alike(reversed(before), pattern), *_alike(after, pattern)]
    for other in run:
        if other.text == pattern.text and other.line < pattern.line:
            return f"the same pattern stands on line {other.line}"
    if not exception:
        return _covered(pattern, run, first=all(each.include for each in before))
    return _undone(pattern, before, after) if remembers and opens_nothing else ""


def _alike(others: Iterable[DockerIgnorePattern], pattern: DockerIgnorePattern) -> Patterns:
    """Return those of `others` that no pattern of the other kind separates from `pattern`."""
    return [*takewhile(lambda each: each.include is pattern.include, others)]


def _covered(pattern: DockerIgnorePattern, run: Patterns, *, first: bool) -> str:
    for other in run:
        cover = covers(other, pattern)
        # Behind an exception a directory may be let in again while what is below it is not.
        if cover is Cover.ITSELF or (cover is Cover.ABOVE and first):
            return f"{other.text} on line {other.line} ignores all that it matches"
    return ""


def _undone(pattern: DockerIgnorePattern, before: Patterns, after: Patterns) -> str:
    """Return why an exception does nothing: nothing ignored it, or it is ignored again."""
    if not any(each.include and covers(each, pattern) is not None for each in before):
        return "no pattern before it ignores that path"
    if not all(each.include for each in before):
        return ""
    for other in takewhile(lambda each: each.include, after):
        if covers(other, pattern) is Cover.ITSELF:
            return f"{other.text} on line {other.line} ignores that path again"
    return ""


def _idle(trial: Trial, file: IgnoreFile, gone: Collection[int]) -> Iterator[Note]:
    """Yield the patterns that stay though they match nothing that is there."""
    why = "matches nothing here now; it may match elsewhere or later, so it stays"
    paths, texts = trial.everything.paths, file.texts()
    stays = [each for each in trial.request.spec.patterns if each.line and each.line not in gone]
    for each in stays:
        if each.fault is None and not any(map(each.match_file, paths)):
            yield Note(texts[each.line - 1].strip(), why, file.path, each.line)
