"""Sections of `ctxsize explain`: the pattern that decides about a path, or the fate of a source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ctxsize.dockerfile.sources import Source
from ctxsize.engine.builders import Builder
from ctxsize.engine.explanation import Explanation, Level, NearMiss, Outcome, Taker
from ctxsize.engine.source_lookup import Fate, SourceCheck
from ctxsize.formats.sections import Prose, Section, SectionItem
from ctxsize.formats.wording import EXAMPLES, more, quoted, visible
from ctxsize.model import Pattern, Verdict
from ctxsize.units import plural

_FATES = {
    Fate.FOUND: "found{matches}",
    Fate.NO_MATCH: "matches nothing that is sent: the build continues without {source}",
    Fate.IGNORED: "not found: {is_at}{hidden}",
    Fate.ABSENT: "not found: {at} is not in {context}",
    Fate.LOOP: "not found: the symlink {at} is part of a loop",
    Fate.NOT_ASKED: "not found: {at} is not ignored, but not transferred either",
}


_EMPTY = '""'  # a source without a text
_SKIPS = "skips it there, as that was {}, and so for the entries below"
_MATCHES = {Outcome.MATCHED: "matches", Outcome.INHERITED: "matches above"}


def fields(verdict: Verdict, ignore_file: str | None) -> tuple[str, str, str]:
    """Return the deciding ignore file (or `<builder>`), line and pattern, or `""`."""
    if verdict.by is None:
        return "", "", ""
    file = "<builder>"
    if verdict.by.line and ignore_file:
        file = ignore_file
    return file, str(verdict.by.line), _source(verdict.by)


def line(explained: Explanation) -> str:
    """Return `<file>:<line>:<pattern>`, a tab and the path; `::` if no pattern matched."""
    return f"{decided(explained.verdict, explained.ignore_file)}\t{quoted(explained.path)}"


def decided(verdict: Verdict, ignore_file: str | None) -> str:
    """Return `<file>:<line>:<pattern>` of the deciding pattern; `::` if none matched."""
    source, number, pattern = fields(verdict, ignore_file)
    return f"{quoted(source)}:{number}:{visible(pattern)}"


def _source(pattern: Pattern) -> str:
    """Return the pattern as written in its file, without surrounding blanks."""
    return pattern.source.strip() or str(pattern)


def taken(takers: Iterable[Taker], dockerfile: str | None) -> str:
    """Return the instructions that take an entry in one line; `-` if none does."""
    texts = [_taker(taker, dockerfile) for taker in takers]
    return ", ".join(texts) or "-"


def steps(explained: Explanation, builder: Builder, dockerfile: str | None) -> Section:
    """Return what matches at each level, from the top of the context down to the path."""
    items: list[SectionItem] = [_headline(explained)]
    for level in explained.levels:
        items += _level(level, explained)
    if explained.takers is not None:
        items += _takers(explained, explained.takers, dockerfile)
    items += map(_note, _notes(explained, builder, dockerfile))
    return Section(items)


def _headline(explained: Explanation) -> Prose:
    would = ""
    if explained.not_there is not None:
        would = "does not exist; it would be "
    if explained.verdict.ignored:
        word = f"{would}ignored"
        style = "red"
    elif explained.stops:
        word = "stops the build"
        style = "red"
    elif explained.arrives_empty:
        word = "arrives empty"
        style = "yellow"
    else:
        word = f"{would}sent"
        style = "green"
    return Prose(f"{quoted(explained.path)}: {word}", mark=f": {word}", style=style)


def _level(level: Level, explained: Explanation) -> Iterator[Prose]:
    """Yield the patterns that match at one path, and the result."""
    yield Prose(f"  {quoted(level.path)}")
    others = 0
    for check in level.checks:
        if check.outcome in _MATCHES:
            named = _named(check.pattern, explained.ignore_file)
            yield Prose(f"    {named} {_MATCHES[check.outcome]}", 6)
        else:
            others += 1
    if others:
        yield Prose(f"    {plural(others, 'pattern')} without effect here")
    text = _verdict(level.verdict, explained.ignore_file)
    if level.path == explained.path:
        if explained.not_there is not None:
            text = f"would be {text}"
    elif level.verdict.ignored and level.entered:
        text += "; entered, as an exception may reach below it"
    elif level.verdict.ignored:
        text += "; not entered, as no exception does"
    yield Prose(f"    => {text}", 7)


def _verdict(verdict: Verdict, ignore_file: str | None) -> str:
    """Return a verdict in plain words: "ignored by .dockerignore:3 `node_modules`"."""
    if verdict.by is None:
        return "sent: no pattern matches"
    word = "ignored" if verdict.ignored else "sent"
    return f"{word} by {_named(verdict.by, ignore_file)}"


def _named(pattern: Pattern, ignore_file: str | None) -> str:
    """Return a pattern with its place: ".dockerignore:3 `node_modules`"."""
    place = "the builder's"
    if pattern.line:
        place = f"{quoted(ignore_file or '')}:{pattern.line}"
    return f"{place} `{visible(_source(pattern))}`"


def _takers(
    explained: Explanation, takers: Iterable[Taker], dockerfile: str | None
) -> Iterator[Prose]:
    """Yield the instructions that take an entry, or what happens to it if none does."""
    if explained.verdict.ignored or explained.not_there is not None:
        yield Prose("  would be taken by")
    else:
        yield Prose("  taken by")
    texts = [_taker(taker, dockerfile) for taker in takers]
    for text in texts or [_untaken(explained, dockerfile)]:
        yield Prose(f"    {text}", 6)


def _taker(taker: Taker, dockerfile: str | None) -> str:
    text = _instruction(taker.source, dockerfile)
    if taker.below:
        return f"{text}: perhaps something below it"
    # These enlarge the transfer alone.
    if taker.source.kind in ("tmpfs", "git"):
        return f"{text}: without copying it"
    return text


def _untaken(explained: Explanation, dockerfile: str | None) -> str:
    """Return what happens to an entry that no instruction takes."""
    if not explained.left_out:
        return "no instruction, so it is not transferred"
    sources = _instructions(explained.left_out, dockerfile)
    text = f"no instruction: not copied by {sources}"
    if explained.verdict.ignored or explained.not_there is not None:
        return text
    return f"{text}, for which it is transferred"


def _instruction(source: Source, dockerfile: str | None) -> str:
    """Return a source with its instruction's place: "COPY packages (Dockerfile:4)"."""
    if source.instruction == "RUN":
        text = f"RUN --mount, {source.kind} of {visible(source.source or '.')}"
    else:
        text = f"{source.instruction} {visible(source.source) or _EMPTY}"
    if source.line:
        text += f" ({quoted(dockerfile or 'Dockerfile')}:{source.line})"
    return text


def _instructions(sources: Iterable[Source], dockerfile: str | None) -> str:
    return ", ".join(_instruction(source, dockerfile) for source in sources)


def _notes(explained: Explanation, builder: Builder, dockerfile: str | None) -> Iterator[str]:
    if explained.mounts:
        mounts = _instructions(explained.mounts, dockerfile)
        yield f"{mounts}: shows it without the ignore file, as for {builder.title} all mounts do."
    if explained.takers_unknown:
        yield f"Which instruction takes it: {visible(explained.takers_unknown)}."
    if explained.path == ".":
        yield "The context itself is always sent; patterns decide about its contents."
    if explained.pruned_at is not None:
        yield (
            f"{quoted(explained.pruned_at)} is ignored and {builder.title} does not enter it, so "
            "no pattern is applied to its contents."
        )
    for miss in explained.near_misses:
        yield _near_miss(miss, explained, builder)
    if builder.sends_ignored_parents and _is_entered(explained):
        yield "A directory would be sent with what is re-included below it."
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
    """Return why a pattern that seems to decide does not."""
    if miss.pruned:
        reason = "never gets there"
    elif miss.pattern.exception:
        reason = _SKIPS.format("not ignored")
    else:
        reason = _SKIPS.format("already ignored")
    named = _named(miss.pattern, explained.ignore_file)
    where = quoted(miss.matches)
    return f"{named} seems to decide, as it matches {where}. But {builder.title} {reason}."


def _is_entered(explained: Explanation) -> bool:
    """Return whether the path is an ignored directory that the builder enters."""
    if not explained.levels:
        return False
    last = explained.levels[-1]
    return last.path == explained.path and last.verdict.ignored and last.entered


def _note(text: str) -> Prose:
    return Prose(f"  ! {text}", 4, "!", "yellow")


def source(check: SourceCheck, dockerfile: str | None) -> Section:
    """Return the answer about one source."""
    text = _fate(check)
    style = "red"
    if check.fate.is_found:
        style = "green"
    head = f"{_instruction(check.source, dockerfile)}: {text}"
    lines = [Prose(head, mark=f": {text.partition(':')[0]}", style=style)]
    if check.fate is not Fate.IGNORED:
        lines += _hidden(check)
    for note in check.notes:
        lines.append(_note(visible(note)))
    if check.fate is Fate.IGNORED and any(hidden.near_misses for hidden in check.hidden):
        lines.append(_note(f"each step: ctxsize explain --trace {quoted(check.at)}"))
    return Section(lines)


def _hidden(check: SourceCheck) -> Iterator[Prose]:
    """Yield the first of the entries that a source does not find, as they are ignored."""
    for hidden in check.hidden[:EXAMPLES]:
        text = _verdict(hidden.verdict, hidden.ignore_file)
        yield Prose(f"    {quoted(hidden.path)} is {text}")
    left = more(len(check.hidden) - EXAMPLES)
    if left:
        yield Prose(f"    {left}")


def _fate(check: SourceCheck) -> str:
    matches = ""
    if check.matches:
        matches = f": matches {plural(check.matches, 'entry')}"
        if check.hidden:
            matches += f", {len(check.hidden)} more ignored"
    path = quoted(check.at)
    lead = ""
    if check.at != check.source.path:
        lead = f"{path} is "
    verdict = ""
    for hidden in check.hidden[:1]:
        verdict = _verdict(hidden.verdict, hidden.ignore_file)
    return _FATES[check.fate].format(
        matches=matches,
        at=path,
        is_at=lead,
        hidden=verdict,
        source=visible(check.source.source),
        context=f"the context {visible(check.source.context)}".rstrip(),
    )
