"""Sections of `ctxsize explain`: the pattern that decides about a path, or the fate of a source."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from ctxsize.dockerfile.sources import Source
from ctxsize.engine.builders import Builder
from ctxsize.engine.sourcing import Fate, SourceCheck
from ctxsize.engine.trace import Explanation, Level, NearMiss, Outcome, Taker
from ctxsize.entry import Pattern, Verdict
from ctxsize.formats import Look
from ctxsize.formats.names import fit, quoted, visible
from ctxsize.formats.sections import Prose, Section
from ctxsize.formats.wording import more
from ctxsize.units import plural

_ALIKE = 4
"""Number of checks in a row with the same dull outcome that are joined in one line."""
_WIDENING = ("tmpfs", "git")
"""Kinds of sources that enlarge the transfer without copying the path."""
_MOST_HIDDEN = 5
_OUTCOMES = {
    Outcome.MATCHED: "matches, so {then}",
    Outcome.INHERITED: "matched above, so {then}",
    Outcome.NO_MATCH: "does not match",
    Outcome.SKIPPED: "skipped, already {then}",
}
_DULL = {Outcome.NO_MATCH: "do not match", Outcome.SKIPPED: "are skipped"}
"""Plural verbs for outcomes that decide nothing."""


def fields(explained: Explanation) -> tuple[str, str, str, str]:
    """Return ignore file, line and pattern that decided, each `""` for none, and the path.

    The file is `<builder>` where a pattern of the builder's own decided.
    """
    by = explained.verdict.by
    if by is None:
        return "", "", "", explained.path
    source = explained.ignore_file if by.line else None
    return source or "<builder>", str(by.line), _source(by), explained.path


def line(explained: Explanation) -> str:
    """Return `<file>:<line>:<pattern>`, a tab and the path; `::` if no pattern matched."""
    source, number, pattern, path = fields(explained)
    return f"{quoted(source)}:{number}:{visible(pattern)}\t{quoted(path)}"


def _source(pattern: Pattern) -> str:
    """Return the pattern as written in its file, without surrounding blanks."""
    return pattern.source.strip() or str(pattern)


def steps(
    explained: Explanation, look: Look, *, builder: Builder, dockerfile: str | None = None
) -> Section:
    """Return every step of the evaluation, from the top of the context down to the path."""
    return Section(
        [
            _headline(explained),
            *(line for level in explained.levels for line in _level(level, explained, look)),
            *_taken(explained, dockerfile),
            *map(_note, _notes(explained, builder)),
        ]
    )


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
    """Yield what each pattern does at one path, and the result."""
    yield Prose(f"  {quoted(level.path)}", whole=True)
    width = max([len(_place(check.pattern)) for check in level.checks], default=0)
    room = max(12, look.width // 3)
    for dull, group in groupby(level.checks, key=lambda each: _DULL.get(each.outcome)):
        checks, style = list(group), "dim" if dull else ""
        if dull and len(checks) >= _ALIKE:
            between = f"{_place(checks[0].pattern)} to {checks[-1].pattern.line}"
            text = f"    {between}: {plural(len(checks), 'pattern')} {dull}"
            yield Prose(text, style=style, whole=True)
            continue
        for each in checks:
            place, pattern = _place(each.pattern), fit(visible(_source(each.pattern)), room)
            then = "sent" if each.pattern.exception else "ignored"
            outcome = _OUTCOMES[each.outcome].format(then=then)
            text = f"    {place:>{width}}  {pattern:<{room}}  {outcome}"
            yield Prose(text, style=style, whole=True)
    yield Prose(f"    => {_conclusion(level, explained)}", whole=True)


def _place(pattern: Pattern) -> str:
    return f"line {pattern.line}" if pattern.line else "builder"


def _conclusion(level: Level, explained: Explanation) -> str:
    text = _said(level.verdict, explained.ignore_file)
    if level.path == explained.path:
        return text if explained.not_there is None else f"would be {text}"
    if not level.verdict.ignored:
        return text
    if level.entered:
        return f"{text}; entered, as an exception may reach below it"
    return f"{text}; not entered, as no exception reaches below it"


def _said(value: Verdict, ignore_file: str | None) -> str:
    """Return a verdict in plain words: "ignored by .dockerignore:3 `node_modules`"."""
    if value.by is None:
        return "sent: no pattern matches"
    return f"{'ignored' if value.ignored else 'sent'} by {_named(value.by, ignore_file)}"


def _named(pattern: Pattern, ignore_file: str | None) -> str:
    """Return a pattern with its place: ".dockerignore:3 `node_modules`"."""
    text = f"`{visible(_source(pattern))}`"
    if not pattern.line:
        return f"{text}, which the builder adds"
    return f"{quoted(ignore_file or '')}:{pattern.line} {text}"


def _taken(explained: Explanation, dockerfile: str | None) -> Iterator[Prose]:
    if explained.takers is not None:
        yield Prose("  Dockerfile", whole=True)
        texts = [_takes(taker, explained, dockerfile) for taker in explained.takers]
        for text in texts or ["no instruction takes it, so it is not transferred"]:
            yield Prose(f"    => {text}", whole=True)
    elif explained.takers_unknown:
        yield _note(f"Which instruction takes it: {visible(explained.takers_unknown)}.")


def _takes(taker: Taker, explained: Explanation, dockerfile: str | None) -> str:
    text = _instruction(taker.source, dockerfile)
    hidden = explained.verdict.ignored or explained.not_there is not None
    if taker.source.kind in _WIDENING:
        return f"{text} {'would transfer' if hidden else 'transfers'} it without copying it"
    if taker.below:
        return f"{text} may take something below it"
    if hidden:
        were = "not ignored" if explained.verdict.ignored else "there"
        return f"{text} would take it if it were {were}"
    return f"{text} takes it"


def _instruction(source: Source, dockerfile: str | None) -> str:
    """Return a source with its instruction's place: "COPY packages (Dockerfile:4)"."""
    lead, whole = source.instruction, '""'
    if lead == "RUN":
        lead, whole = f"RUN --mount, {source.kind} of", "."
    place = f" ({quoted(dockerfile or 'Dockerfile')}:{source.line})" if source.line else ""
    return f"{lead} {visible(source.source or whole)}{place}"


def _notes(explained: Explanation, builder: Builder) -> Iterator[str]:
    if explained.path == ".":
        yield "The context itself is always sent; patterns decide about its contents."
    if explained.pruned_at is not None:
        yield (
            f"{quoted(explained.pruned_at)} is ignored and {builder.title} does not enter it, so "
            "no pattern is applied to its contents."
        )
    for miss in explained.near_misses:
        yield _near_miss(miss, explained, builder)
    last = explained.levels[-1] if explained.levels else None
    is_entered = last and last.path == explained.path and last.verdict.ignored and last.entered
    if is_entered and builder.sends_ignored_parents:
        yield (
            "If it is a directory, it is still searched, and sent with what is re-included "
            "below it."
        )
    if explained.arrives_empty:
        yield (
            f"The file is announced with its size but arrives empty: {explained.arrives_empty}. "
            "A COPY of it succeeds and yields an empty file."
        )
    if explained.stops:
        yield f"{builder.title} stops here: {explained.stops}."
    if explained.not_there is not None:
        yield f"This path does not exist now ({visible(explained.not_there)})."


def _near_miss(miss: NearMiss, explained: Explanation, builder: Builder) -> str:
    what = "the path" if miss.matches == explained.path else quoted(miss.matches)
    pattern = _named(miss.pattern, explained.ignore_file)
    looks = f"{pattern} seems to decide, as it matches {what}"
    if miss.pruned:
        return f"{looks}. But {builder.title} never gets there."
    state = "not ignored" if miss.pattern.exception else "already ignored"
    return (
        f"{looks}. But {builder.title} skips it there, as {quoted(miss.matches)} was {state}. A "
        "skipped pattern has no effect on the entries below either."
    )


def _note(text: str) -> Prose:
    return Prose(f"  ! {text}", 4, (("!", "yellow"),))


def source(check: SourceCheck, *, dockerfile: str | None) -> Section:
    """Return the answer about one source."""
    place = _instruction(check.source, dockerfile)
    text = _fate(check)
    marks = ((place, "bold"), (text.partition(":")[0], "green" if check.fate.is_found else "red"))
    lines = [Prose(f"{place}: {text}", marks=marks, whole=True)]
    hidden = () if check.fate is Fate.IGNORED else check.hidden
    for each in hidden[:_MOST_HIDDEN]:
        why = _said(each.verdict, each.ignore_file)
        lines.append(Prose(f"    {quoted(each.path)} is {why}", whole=True))
    if len(hidden) > _MOST_HIDDEN:
        lines.append(Prose(f"    {more(len(hidden) - _MOST_HIDDEN)}"))
    lines += [_note(visible(each)) for each in check.notes]
    if check.fate is Fate.IGNORED and any(each.near_misses for each in check.hidden):
        lines.append(_note(f"each step: ctxsize explain --trace {quoted(check.at)}"))
    return Section(lines)


def _fate(check: SourceCheck) -> str:
    at, context = quoted(check.at), f"the context {visible(check.source.context)}".rstrip()
    match check.fate:
        case Fate.FOUND if check.matches is None:
            return "found"
        case Fate.FOUND:
            hidden = f", {len(check.hidden)} more ignored" if check.hidden else ""
            return f"found: matches {plural(check.matches or 0, 'entry')}{hidden}"
        case Fate.NO_MATCH:
            source = visible(check.source.source)
            return f"matches nothing that is sent: the build continues without {source}"
        case Fate.IGNORED:
            (explained,) = check.hidden
            lead = f"{at} is " if check.at != check.source.path else ""
            return f"not found: {lead}{_said(explained.verdict, explained.ignore_file)}"
        case Fate.ABSENT:
            return f"not found: {at} is not in {context}"
        case Fate.LOOP:
            return f"not found: the symlink {at} is part of a loop"
        case Fate.NOT_ASKED if check.matches == 0:
            return f"not found: nothing that is sent matches, so {at} is not sent either"
        case Fate.NOT_ASKED:
            return f"not found: {at} is not ignored, but not transferred either"
