"""Sections of `ctxsize explain`: the pattern that decides about a path, or the fate of a source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ctxsize.dockerfile.sources import Source
from ctxsize.engine.builders import Builder
from ctxsize.engine.explanation import Explanation, Level, Outcome, Taker
from ctxsize.engine.source_lookup import Fate, SourceCheck
from ctxsize.formats.sections import Item, Prose, Section
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


def fields(verdict: Verdict, ignore_file: str | None) -> tuple[str, str, str]:
    """Return the deciding ignore file (or `<builder>`), line and pattern, or `""`."""
    if verdict.by is None:
        return "", "", ""
    if verdict.by.line:
        source = ignore_file
    else:
        source = None
    return source or "<builder>", str(verdict.by.line), _source(verdict.by)


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
    return ", ".join(_taker(each, dockerfile) for each in takers) or "-"


def steps(explained: Explanation, builder: Builder, dockerfile: str | None) -> Section:
    """Return what matches at each level, from the top of the context down to the path."""
    items: list[Item] = [_headline(explained)]
    for level in explained.levels:
        items += _level(level, explained)
    if explained.takers is not None:
        is_sent = not explained.verdict.ignored and explained.not_there is None
        items.append(Prose("  taken by" if is_sent else "  would be taken by"))
        takers = [Prose(f"    {_taker(each, dockerfile)}", 6) for each in explained.takers]
        items += takers or [Prose(f"    {_untaken(explained, dockerfile)}", 6)]
    return Section([*items, *map(_note, _notes(explained, builder, dockerfile))])


def _headline(explained: Explanation) -> Prose:
    if explained.not_there is None:
        would = ""
    else:
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
    matching = {Outcome.MATCHED: "matches", Outcome.INHERITED: "matches above"}
    found = [each for each in level.checks if each.outcome in matching]
    for each in found:
        named = _named(each.pattern, explained.ignore_file)
        yield Prose(f"    {named} {matching[each.outcome]}", 6)
    if others := len(level.checks) - len(found):
        yield Prose(f"    {plural(others, 'pattern')} without effect here")
    text = _said(level.verdict, explained.ignore_file)
    if level.path == explained.path:
        if explained.not_there is None:
            text = text
        else:
            text = f"would be {text}"
    elif level.verdict.ignored:
        if level.entered:
            exceptions = "an exception may reach below it"
        else:
            exceptions = "no exception does"
        text += f"; {'entered' if level.entered else 'not entered'}, as {exceptions}"
    yield Prose(f"    => {text}", 7)


def _said(value: Verdict, ignore_file: str | None) -> str:
    """Return a verdict in plain words: "ignored by .dockerignore:3 `node_modules`"."""
    if value.by is None:
        return "sent: no pattern matches"
    return f"{'ignored' if value.ignored else 'sent'} by {_named(value.by, ignore_file)}"


def _named(pattern: Pattern, ignore_file: str | None) -> str:
    """Return a pattern with its place: ".dockerignore:3 `node_modules`"."""
    if pattern.line:
        place = f"{quoted(ignore_file or '')}:{pattern.line}"
    else:
        place = "the builder's"
    return f"{place} `{visible(_source(pattern))}`"


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
    sources = ", ".join(_instruction(each, dockerfile) for each in explained.left_out)
    text = f"no instruction: not copied by {sources}"
    if explained.verdict.ignored or explained.not_there is not None:
        return text
    return f"{text}, for which it is transferred"


def _instruction(source: Source, dockerfile: str | None) -> str:
    """Return a source with its instruction's place: "COPY packages (Dockerfile:4)"."""
    lead = source.instruction
    whole = '""'
    if lead == "RUN":
        lead = f"RUN --mount, {source.kind} of"
        whole = "."
    if source.line:
        place = f" ({quoted(dockerfile or 'Dockerfile')}:{source.line})"
    else:
        place = ""
    return f"{lead} {visible(source.source or whole)}{place}"


def _notes(explained: Explanation, builder: Builder, dockerfile: str | None) -> Iterator[str]:
    if explained.mounts:
        mounts = ", ".join(_instruction(each, dockerfile) for each in explained.mounts)
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
        if miss.pattern.exception:
            state = "not ignored"
        else:
            state = "already ignored"
        skips = f"skips it there, as that was {state}, and so for the entries below"
        yield (
            f"{_named(miss.pattern, explained.ignore_file)} seems to decide, as it matches "
            f"{quoted(miss.matches)}. But {builder.title} "
            f"{'never gets there' if miss.pruned else skips}."
        )
    if explained.levels:
        last = explained.levels[-1]
    else:
        last = None
    is_entered = last and last.path == explained.path and last.verdict.ignored and last.entered
    if is_entered and builder.sends_ignored_parents:
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


def _note(text: str) -> Prose:
    return Prose(f"  ! {text}", 4, "!", "yellow")


def source(check: SourceCheck, dockerfile: str | None) -> Section:
    """Return the answer about one source."""
    text = _fate(check)
    if check.fate.is_found:
        style = "green"
    else:
        style = "red"
    head = f"{_instruction(check.source, dockerfile)}: {text}"
    lines: list[Item] = [Prose(head, mark=f": {text.partition(':')[0]}", style=style)]
    hidden = () if check.fate is Fate.IGNORED else check.hidden
    said = [(quoted(each.path), _said(each.verdict, each.ignore_file)) for each in hidden]
    lines += (Prose(f"    {path} is {text}") for path, text in said[:EXAMPLES])
    if left := more(len(hidden) - EXAMPLES):
        lines.append(Prose(f"    {left}"))
    lines += [_note(visible(each)) for each in check.notes]
    if check.fate is Fate.IGNORED and any(each.near_misses for each in check.hidden):
        lines.append(_note(f"each step: ctxsize explain --trace {quoted(check.at)}"))
    return Section(lines)


def _fate(check: SourceCheck) -> str:
    if check.matches:
        matches = f": matches {plural(check.matches, 'entry')}"
    else:
        matches = ""
    if matches and check.hidden:
        matches += f", {len(check.hidden)} more ignored"
    return _FATES[check.fate].format(
        matches=matches,
        at=quoted(check.at),
        is_at=f"{quoted(check.at)} is " if check.at != check.source.path else "",
        hidden="".join(_said(each.verdict, each.ignore_file) for each in check.hidden[:1]),
        source=visible(check.source.source),
        context=f"the context {visible(check.source.context)}".rstrip(),
    )
