"""Sections of `ctxsize explain`: the pattern that decides about a path, or the fate of a source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ctxsize.dockerfile.sources import Source
from ctxsize.engine.builders import Builder
from ctxsize.engine.explanation import Explanation, Level, NearMiss, Outcome, Taker
from ctxsize.engine.source_lookup import Fate, SourceCheck
from ctxsize.formats.sections import Items, Prose, Section, SectionItem
from ctxsize.formats.wording import EXAMPLES, located, more, quoted, visible
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
    pattern = verdict.by
    if pattern is None:
        return "", "", ""
    file = "<builder>"
    if pattern.line and ignore_file:
        file = ignore_file
    return file, str(pattern.line), _source(pattern)


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
    return ", ".join(_taker(taker, dockerfile) for taker in takers) or "-"


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
    if explained.not_there:
        would = "does not exist; it would be "
    style = "red"
    if explained.verdict.ignored:
        word = f"{would}ignored"
    elif explained.stops:
        word = "stops the build"
    elif explained.arrives_empty:
        word = "arrives empty"
        style = "yellow"
    else:
        word = f"{would}sent"
        style = "green"
    mark = f": {word}"
    return Prose(quoted(explained.path) + mark, mark=mark, style=style)


def _level(level: Level, explained: Explanation) -> Items:
    """Yield the patterns that match at one path, and the result."""
    yield Prose(f"  {quoted(level.path)}")
    others = 0
    for check in level.checks:
        verb = _MATCHES.get(check.outcome)
        if verb:
            named = _named(check.pattern, explained.ignore_file)
            yield Prose(f"    {named} {verb}", 6)
        else:
            others += 1
    if others:
        yield Prose(f"    {plural(others, 'pattern')} without effect here")
    verdict = level.verdict
    text = _verdict(verdict, explained.ignore_file)
    if level.path == explained.path:
        if explained.not_there:
            text = f"would be {text}"
    elif verdict.ignored and level.entered:
        text += "; entered, as an exception may reach below it"
    elif verdict.ignored:
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
        place = located(ignore_file or "", pattern.line)
    return f"{place} `{visible(_source(pattern))}`"


def _takers(explained: Explanation, takers: Iterable[Taker], dockerfile: str | None) -> Items:
    """Yield the instructions that take an entry, or what happens to it if none does."""
    would = ""
    if explained.verdict.ignored or explained.not_there:
        would = "would be "
    yield Prose(f"  {would}taken by")
    texts = [_taker(taker, dockerfile) for taker in takers]
    for text in texts or [_untaken(explained, dockerfile)]:
        yield Prose(f"    {text}", 6)


def _taker(taker: Taker, dockerfile: str | None) -> str:
    source = taker.source
    text = _instruction(source, dockerfile)
    if taker.below:
        text += ": perhaps something below it"
    # These enlarge the transfer alone.
    elif source.kind in ("tmpfs", "git"):
        text += ": without copying it"
    return text


def _untaken(explained: Explanation, dockerfile: str | None) -> str:
    """Return what happens to an entry that no instruction takes."""
    if not explained.left_out:
        return "no instruction, so it is not transferred"
    sources = _instructions(explained.left_out, dockerfile)
    text = f"no instruction: not copied by {sources}"
    if not (explained.verdict.ignored or explained.not_there):
        text += ", for which it is transferred"
    return text


def _instruction(source: Source, dockerfile: str | None) -> str:
    """Return a source with its instruction's place: "COPY packages (Dockerfile:4)"."""
    name = visible(source.source)
    text = f"{source.instruction} {name or _EMPTY}"
    if source.instruction == "RUN":
        text = f"RUN --mount, {source.kind} of {name or '.'}"
    if source.line:
        place = located(dockerfile or "Dockerfile", source.line)
        text += f" ({place})"
    return text


def _instructions(sources: Iterable[Source], dockerfile: str | None) -> str:
    return ", ".join(_instruction(source, dockerfile) for source in sources)


def _notes(explained: Explanation, builder: Builder, dockerfile: str | None) -> Iterator[str]:
    title = builder.title
    if explained.mounts:
        mounts = _instructions(explained.mounts, dockerfile)
        yield f"{mounts}: shows it without the ignore file, as for {title} all mounts do."
    if explained.takers_unknown:
        yield f"Which instruction takes it: {visible(explained.takers_unknown)}."
    if explained.path == ".":
        yield "The context itself is always sent; patterns decide about its contents."
    if explained.pruned_at:
        yield (
            f"{quoted(explained.pruned_at)} is ignored and {title} does not enter it, so "
            "no pattern is applied to its contents."
        )
    for miss in explained.near_misses:
        named = _named(miss.pattern, explained.ignore_file)
        where = quoted(miss.matches)
        reason = _why_skipped(miss)
        yield f"{named} seems to decide, as it matches {where}. But {title} {reason}."
    is_entered = any(
        level.verdict.ignored and level.entered
        for level in explained.levels
        if level.path == explained.path
    )
    if builder.sends_ignored_parents and is_entered:
        yield "A directory would be sent with what is re-included below it."
    if explained.arrives_empty:
        yield (
            f"The file is announced with its size but arrives empty: {explained.arrives_empty}. "
            "A COPY of it succeeds and yields an empty file."
        )
    if explained.stops:
        yield f"{title} stops here: {explained.stops}."
    if explained.not_there:
        yield f"This path does not exist now ({visible(explained.not_there)})."


def _why_skipped(miss: NearMiss) -> str:
    """Return why a pattern that seems to decide does not."""
    if miss.pruned:
        return "never gets there"
    if miss.pattern.exception:
        return _SKIPS.format("not ignored")
    return _SKIPS.format("already ignored")


def _note(text: str) -> Prose:
    return Prose(f"  ! {text}", 4, "!", "yellow")


def source(check: SourceCheck, dockerfile: str | None) -> Section:
    """Return the answer about one source."""
    text = _fate(check)
    style = "red"
    if check.fate.is_found:
        style = "green"
    head = f"{_instruction(check.source, dockerfile)}: {text}"
    mark = text.partition(":")[0]
    lines: list[SectionItem] = [Prose(head, mark=f": {mark}", style=style)]
    is_ignored = check.fate is Fate.IGNORED
    if not is_ignored:
        lines += _hidden(check)
    lines += map(_note, map(visible, check.notes))
    if is_ignored and any(hidden.near_misses for hidden in check.hidden):
        lines.append(_note(f"each step: ctxsize explain --trace {quoted(check.at)}"))
    return Section(lines)


def _hidden(check: SourceCheck) -> Items:
    """Yield the first of the entries that a source does not find, as they are ignored."""
    for hidden in check.hidden[:EXAMPLES]:
        text = _verdict(hidden.verdict, hidden.ignore_file)
        yield Prose(f"    {quoted(hidden.path)} is {text}")
    left = more(len(check.hidden) - EXAMPLES)
    if left:
        yield Prose(f"    {left}")


def _fate(check: SourceCheck) -> str:
    source = check.source
    matches = ""
    if check.matches:
        matches = f": matches {plural(check.matches, 'entry')}"
        if check.hidden:
            matches += f", {len(check.hidden)} more ignored"
    path = quoted(check.at)
    lead = ""
    if check.at != source.path:
        lead = f"{path} is "
    verdict = ""
    for hidden in check.hidden[:1]:
        verdict = _verdict(hidden.verdict, hidden.ignore_file)
    return _FATES[check.fate].format(
        matches=matches,
        at=path,
        is_at=lead,
        hidden=verdict,
        source=visible(source.source),
        context=f"the context {visible(source.context)}".rstrip(),
    )
