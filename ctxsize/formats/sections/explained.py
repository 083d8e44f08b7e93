"""Why a path is ignored or sent: one line as git gives it, or every step in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from ctxsize.engine.builders import Builder
from ctxsize.explanations import Check, Explanation, Level, NearMiss, Outcome, Taker
from ctxsize.formats.look import Look
from ctxsize.formats.names import fit, quoted, visible
from ctxsize.formats.sections import Prose, Section
from ctxsize.model import Pattern, Verdict
from ctxsize.units import plural

_ALIKE = 4
"""From this many checks in a row with the same dull outcome on they share a line."""
WIDENING = ("tmpfs", "git")
"""The kinds of sources that only widen the transfer."""
_DULL = (Outcome.NO_MATCH, Outcome.SKIPPED)


def line(explained: Explanation) -> str:
    """`<file>:<line>:<pattern>`, a tab and the path; `::` where no pattern matched."""
    source, number, pattern = _fields(explained)
    return f"{quoted(source)}:{number}:{visible(pattern)}\t{quoted(explained.path)}"


def record(explained: Explanation) -> str:
    """The same fields as they are, a NUL after each."""
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
    lines += map(note, _notes(explained, builder))
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
    text = verdict(level.verdict, explained.ignore_file)
    if level.path == explained.path and explained.not_there is not None:
        text = f"would be {text}"
    if not level.verdict.ignored or level.path == explained.path:
        return text
    return f"{text}; {'entered' if level.entered else 'not entered'}, as " + (
        "an exception may reach below it" if level.entered else "no exception reaches below it"
    )


def verdict(value: Verdict, ignore_file: str | None) -> str:
    """A verdict in plain words: "ignored by .dockerignore:3 `node_modules`"."""
    if value.by is None:
        return "sent: no pattern matches"
    word = "ignored" if value.ignored else "sent"
    return f"{word} by {named(value.by, ignore_file)}"


def named(pattern: Pattern, ignore_file: str | None) -> str:
    """A pattern with its place: ".dockerignore:3 `node_modules`"."""
    text = f"`{visible(_source(pattern))}`"
    if not pattern.line:
        return f"{text}, which the builder adds"
    return f"{quoted(ignore_file or '')}:{pattern.line} {text}"


def _taken(explained: Explanation, dockerfile: str | None) -> list[Prose]:
    """Return which instructions would carry the path into the build."""
    if explained.takers is None:
        unknown = explained.takers_unknown
        return [note(f"Which instruction takes it: {visible(unknown)}.")] if unknown else []
    texts = [_takes(taker, explained, dockerfile) for taker in explained.takers]
    texts = texts or ["no instruction takes it, so it does not travel"]
    return [
        Prose(f"  {text}", whole=True) for text in ("Dockerfile", *(f"  => {t}" for t in texts))
    ]


def _takes(taker: Taker, explained: Explanation, dockerfile: str | None) -> str:
    mount = f"RUN --mount, {taker.kind} of" if taker.instruction == "RUN" else ""
    source = taker.source or "."
    text = instruction(mount or taker.instruction, source, taker.line, dockerfile)
    ignored = explained.verdict.ignored
    if taker.kind in WIDENING:
        verb = "would make" if ignored or explained.not_there is not None else "makes"
        return f"{text} {verb} it travel, though it takes nothing"
    if taker.below:
        return f"{text} may take something below it"
    if ignored or explained.not_there is not None:
        return f"{text} would take it, were it {'not ignored' if ignored else 'there'}"
    return f"{text} takes it"


def instruction(keyword: str, source: str, line: int | None, dockerfile: str | None) -> str:
    """A source with its instruction's place: "COPY packages (Dockerfile:4)"."""
    text = f"{keyword} {visible(source)}" if source else keyword
    return f"{text} ({quoted(dockerfile or 'Dockerfile')}:{line})" if line else text


def _notes(explained: Explanation, builder: Builder) -> Iterator[str]:
    """What else one should know about the path."""
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
    """Whether the path is ignored, and could be sent for an entry below it."""
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


def note(text: str) -> Prose:
    """Return a remark below an answer."""
    return Prose(f"  ! {text}", 4, (("!", "yellow"),))


def _source(pattern: Pattern) -> str:
    """The pattern as it stands in its file, without the blanks around it."""
    return pattern.source.strip() or str(pattern)


def _place(pattern: Pattern) -> str:
    return f"line {pattern.line}" if pattern.line else "builder"
