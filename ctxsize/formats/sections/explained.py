"""Why a path is ignored or sent, and whether each source is found: in one line or step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby

from ctxsize.engine.builders import Builder
from ctxsize.entry import Pattern, Verdict
from ctxsize.explanations import (
    Check,
    Explanation,
    Fate,
    Level,
    NearMiss,
    Outcome,
    SourceCheck,
    Taker,
)
from ctxsize.formats import Look
from ctxsize.formats.names import fit, quoted, visible
from ctxsize.formats.sections import Prose, Section
from ctxsize.units import plural

_ALIKE = 4
"""From this many checks in a row with the same dull outcome on they share a line."""
_WIDENING = ("tmpfs", "git")
"""The kinds of sources that only widen the transfer."""
_MOST_HIDDEN = 5
_DULL = (Outcome.NO_MATCH, Outcome.SKIPPED)


def line(explained: Explanation) -> str:
    """Return `<file>:<line>:<pattern>`, a tab and the path; `::` where no pattern matched."""
    source, number, pattern = _fields(explained)
    return f"{quoted(source)}:{number}:{visible(pattern)}\t{quoted(explained.path)}"


def record(explained: Explanation) -> str:
    """Return the same fields as they are, a NUL after each."""
    return "".join(f"{field}\0" for field in (*_fields(explained), explained.path))


def _fields(explained: Explanation) -> tuple[str, str, str]:
    by = explained.verdict.by
    if by is None:
        return "", "", ""
    source = explained.ignore_file if by.line else None
    return source or "<builder>", str(by.line), _source(by)


def steps(
    explained: Explanation, look: Look, *, builder: Builder, dockerfile: str | None = None
) -> Section:
    """Return every step of the evaluation, from the top of the context down to the path."""
    lines = [_headline(explained)]
    for level in explained.levels:
        lines += _level(level, explained, look)
    lines += _taken(explained, dockerfile)
    lines += map(_note, _notes(explained, builder))
    return Section(lines)


def _headline(explained: Explanation) -> Prose:
    there = explained.not_there is None
    if explained.verdict.ignored:
        word, style = "ignored" if there else "would be ignored", "red"
    elif explained.stops:
        word, style = "stops the build", "red"
    elif explained.arrives_empty:
        word, style = "arrives empty" if there else "would arrive empty", "yellow"
    else:
        word, style = "sent" if there else "would be sent", "green"
    path = quoted(explained.path)
    return Prose(f"{path}: {word}", marks=((path, "bold"), (word, style)), whole=True)


def _level(level: Level, explained: Explanation, look: Look) -> Iterator[Prose]:
    yield Prose(f"  {quoted(level.path)}", whole=True)
    places = [_place(check.pattern) for check in level.checks]
    width = max([len(place) for place in places], default=0)
    for dull, group in groupby(level.checks, key=lambda c: c.outcome in _DULL and c.outcome):
        checks = list(group)
        if dull and len(checks) >= _ALIKE:
            yield Prose(f"    {_many(checks)}", style="dim", whole=True)
        else:
            yield from (_check(check, width, look) for check in checks)
    yield Prose(f"    => {_conclusion(level, explained)}", whole=True)


def _check(check: Check, width: int, look: Look) -> Prose:
    room = max(12, look.width // 3)
    pattern = fit(visible(_source(check.pattern)), room)
    text = f"    {_place(check.pattern):>{width}}  {pattern:<{room}}  {_outcome(check)}"
    return Prose(text, style="dim" if check.outcome in _DULL else "", whole=True)


def _outcome(check: Check) -> str:
    then = "sent" if check.pattern.exception else "ignored"
    if check.outcome is Outcome.MATCHED:
        return f"matches, so {then}"
    if check.outcome is Outcome.INHERITED:
        return f"matched above, so {then}"
    if check.outcome is Outcome.NO_MATCH:
        return "does not match"
    return f"skipped, already {then}"


def _many(checks: list[Check]) -> str:
    first, last = checks[0], checks[-1]
    what = "do not match" if first.outcome is Outcome.NO_MATCH else "are skipped"
    between = f"{_place(first.pattern)} to {last.pattern.line}"
    return f"{between}: {plural(len(checks), 'pattern')} {what}"


def _conclusion(level: Level, explained: Explanation) -> str:
    text = _said(level.verdict, explained.ignore_file)
    if level.path == explained.path and explained.not_there is not None:
        text = f"would be {text}"
    if not level.verdict.ignored or level.path == explained.path:
        return text
    return f"{text}; {'entered' if level.entered else 'not entered'}, as " + (
        "an exception may reach below it" if level.entered else "no exception reaches below it"
    )


def _said(value: Verdict, ignore_file: str | None) -> str:
    """Return a verdict in plain words: "ignored by .dockerignore:3 `node_modules`"."""
    if value.by is None:
        return "sent: no pattern matches"
    word = "ignored" if value.ignored else "sent"
    return f"{word} by {named(value.by, ignore_file)}"


def named(pattern: Pattern, ignore_file: str | None) -> str:
    """Return a pattern with its place: ".dockerignore:3 `node_modules`"."""
    text = f"`{visible(_source(pattern))}`"
    if not pattern.line:
        return f"{text}, which the builder adds"
    return f"{quoted(ignore_file or '')}:{pattern.line} {text}"


def _taken(explained: Explanation, dockerfile: str | None) -> list[Prose]:
    """Return which instructions would carry the path into the build."""
    if explained.takers is None:
        unknown = explained.takers_unknown
        return [_note(f"Which instruction takes it: {visible(unknown)}.")] if unknown else []
    texts = [_takes(taker, explained, dockerfile) for taker in explained.takers]
    texts = texts or ["no instruction takes it, so it does not travel"]
    return [
        Prose(f"  {text}", whole=True) for text in ("Dockerfile", *(f"  => {t}" for t in texts))
    ]


def _takes(taker: Taker, explained: Explanation, dockerfile: str | None) -> str:
    mount = f"RUN --mount, {taker.kind} of" if taker.instruction == "RUN" else ""
    source = taker.source or "."
    text = _instruction(mount or taker.instruction, source, taker.line, dockerfile)
    ignored = explained.verdict.ignored
    if taker.kind in _WIDENING:
        verb = "would make" if ignored or explained.not_there is not None else "makes"
        return f"{text} {verb} it travel, though it takes nothing"
    if taker.below:
        return f"{text} may take something below it"
    if ignored or explained.not_there is not None:
        return f"{text} would take it, were it {'not ignored' if ignored else 'there'}"
    return f"{text} takes it"


def _instruction(keyword: str, source: str, line: int | None, dockerfile: str | None) -> str:
    """Return a source with its instruction's place: "COPY packages (Dockerfile:4)"."""
    text = f"{keyword} {visible(source)}" if source else keyword
    return f"{text} ({quoted(dockerfile or 'Dockerfile')}:{line})" if line else text


def _notes(explained: Explanation, builder: Builder) -> Iterator[str]:
    """Yield what else one should know about the path."""
    if explained.path == ".":
        yield "The context itself is always sent; patterns decide about what is in it."
    if explained.pruned_at is not None:
        yield (
            f"{quoted(explained.pruned_at)} is ignored and {builder.title} does not enter it, so "
            "nothing below it is looked at."
        )
    for miss in explained.near_misses:
        yield _near_miss(miss, explained, builder)
    if _may_be_parent(explained) and builder.sends_ignored_parents:
        yield (
            "If it is a directory, it is looked into all the same, and sent with what is "
            "re-included below it."
        )
    if explained.arrives_empty:
        yield (
            f"The file is announced with its size but arrives empty: {explained.arrives_empty}. "
            + _WHY_EMPTY
        )
    if explained.stops:
        yield f"{builder.title} stops here: {explained.stops}."
    if explained.not_there is not None:
        yield f"There is no such entry now ({visible(explained.not_there)})."


def _may_be_parent(explained: Explanation) -> bool:
    """Return whether the path is ignored, and could be sent for an entry below it."""
    last = explained.levels[-1] if explained.levels else None
    at_path = last is not None and last.path == explained.path
    return last is not None and at_path and last.verdict.ignored and last.entered


_WHY_EMPTY = "A COPY of it succeeds and yields an empty file."


def _near_miss(miss: NearMiss, explained: Explanation, builder: Builder) -> str:
    what = "the path" if miss.matches == explained.path else quoted(miss.matches)
    looks = (
        f"{named(miss.pattern, explained.ignore_file)} looks as if it decided: it matches {what}"
    )
    if miss.pruned:
        return f"{looks}. But {builder.title} never gets there."
    state = "not ignored" if miss.pattern.exception else "ignored already"
    return (
        f"{looks}. But {builder.title} skips it there: {quoted(miss.matches)} was {state} when its "
        "turn came, so it could change nothing, and what is skipped does not hold for the "
        "entries below."
    )


def _note(text: str) -> Prose:
    """Return a remark below an answer."""
    return Prose(f"  ! {text}", 4, (("!", "yellow"),))


def _source(pattern: Pattern) -> str:
    """Return the pattern as it stands in its file, without the blanks around it."""
    return pattern.source.strip() or str(pattern)


def _place(pattern: Pattern) -> str:
    return f"line {pattern.line}" if pattern.line else "builder"


def source(check: SourceCheck, *, dockerfile: str | None) -> Section:
    """Return the answer about one source."""
    mount = check.instruction == "RUN"
    keyword = "RUN --mount, bind of" if mount else check.instruction
    written = check.source or ("." if mount else '""')
    place = _instruction(keyword, written, check.line, dockerfile)
    text = _FATES[check.fate](check)
    marks = ((place, "bold"), (text.partition(":")[0], "green" if check.found else "red"))
    lines = [Prose(f"{place}: {text}", marks=marks, whole=True)]
    if check.fate is not Fate.IGNORED:
        lines += [
            Prose(f"    {quoted(each.path)} is {said}", whole=True)
            for each in check.hidden[:_MOST_HIDDEN]
            for said in [_said(each.verdict, each.ignore_file)]
        ]
        if len(check.hidden) > _MOST_HIDDEN:
            lines.append(Prose(f"    and {len(check.hidden) - _MOST_HIDDEN} more"))
    lines += [_note(visible(each)) for each in check.notes]
    if check.fate is Fate.IGNORED and any(each.near_misses for each in check.hidden):
        lines.append(_note(f"each step: ctxsize explain --trace {quoted(check.at)}"))
    return Section(lines)


def _found(check: SourceCheck) -> str:
    if check.matches is None:
        return "found"
    hidden = f", {len(check.hidden)} more ignored" if check.hidden else ""
    return f"found: matches {plural(check.matches, 'entry')}{hidden}"


def _context(check: SourceCheck) -> str:
    return f"the context {visible(check.context)}" if check.context else "the context"


def _not_asked(check: SourceCheck) -> str:
    at = quoted(check.at)
    if check.matches == 0:
        return f"not found: nothing that is sent matches, so {at} is not sent either"
    return f"not found: {at} is not ignored, but does not travel"


def _ignored(check: SourceCheck) -> str:
    (explained,) = check.hidden
    lead = f"{quoted(check.at)} is " if check.at != check.path else ""
    return f"not found: {lead}{_said(explained.verdict, explained.ignore_file)}"


_FATES: dict[Fate, Callable[[SourceCheck], str]] = {
    Fate.FOUND: _found,
    Fate.NO_MATCH: lambda check: (
        f"matches nothing that is sent: the build goes on without {visible(check.source)}"
    ),
    Fate.IGNORED: _ignored,
    Fate.ABSENT: lambda check: f"not found: {_context(check)} holds no {quoted(check.at)}",
    Fate.LOOP: lambda check: f"not found: the symlink {quoted(check.at)} leads in a circle",
    Fate.NOT_ASKED: _not_asked,
}
