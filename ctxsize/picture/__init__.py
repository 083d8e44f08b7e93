"""The values of the page of `--format html`: a map of each context, and what suggestions change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from os.path import basename
from typing import TYPE_CHECKING

from ctxsize.engine.events import Progress
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.need import Include, includes_of
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.request import Request, ignore_file_to_write
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.trial import Trial, planned
from ctxsize.errors import CtxsizeError
from ctxsize.formats.wording import LEVELS, command, level, visible
from ctxsize.model import Amount, Report
from ctxsize.picture.fates import Choices, FateClass, Fates
from ctxsize.picture.treemap import Box, Treemap
from ctxsize.version import __version__
from ctxsize.writer import merge

if TYPE_CHECKING:
    from ctxsize.recommender.outcome import Advice, Suggestion

Pair = tuple[int, int]
"""Numbers of bytes and files."""
Piece = tuple[object, ...]
"""A part of an ignore file, then lists of suggestions; one of each must be on to show it."""
_MOST_NODES = 5_000


_NONE = Box(".", "d", ())


@dataclass(frozen=True)
class Figures:
    """The exact sizes of a context, and of its transfers together if they are known."""

    context: Pair | None
    transfer: Pair | None


@dataclass(frozen=True)
class Choice:
    """A suggestion as a check box."""

    text: tuple[str, ...]
    why: str
    safe: bool
    chosen: bool
    saves: Pair
    doubts: tuple[str, ...]


@dataclass(frozen=True)
class FileText:
    """The text of an ignore file under any choice of suggestions."""

    path: str
    new: bool
    own: int | None
    """Class of the ignore file itself; None if it is not sent."""
    texts: tuple[tuple[Piece, ...], ...]
    """The second one counts if one of `exceptional` is on."""
    exceptional: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class ContextMap:
    """One build, with the tree of its context."""

    name: str
    context_path: str
    dockerfile: str | None = None
    builder: str = ""
    command: str = ""
    verdict: str | None = None
    error: str | None = None
    before: Figures
    after: Figures | None = None
    printed: str | None = None
    budget: int | None = None
    lower_bound: bool = False
    failing: tuple[str, ...] = ()
    ignore_file: FileText | None = None
    rules: tuple[Choice, ...] = ()
    patterns: tuple[str, ...] = ()
    instructions: tuple[str, ...] = ()
    classes: tuple[FateClass, ...] = ()
    tree: Box = _NONE


@dataclass(frozen=True)
class Page:
    """All that the page shows; its fields are those of the JSON in it."""

    kind: str
    title: str
    maps: tuple[ContextMap, ...]
    version: int = 1
    made: str = f"ctxsize {__version__}"


def of_report(
    report: Report, request: Request, *, ignored: bool = False, progress: Progress | None = None
) -> Page:
    """Return the page of a measurement; `ignored` shows the ignored files too."""
    snapshot = Snapshot.take(request, progress=progress)
    transfer = report.transfer or report.context
    found = replace(
        _map(snapshot, (), ignored=ignored),
        command=command(report, "measure"),
        verdict=LEVELS[level(report)][0],
        printed=transfer.printed,
        lower_bound=report.lower_bound,
        failing=tuple(visible(each.message) for each in report.failing),
    )
    return Page("measure", f"Build context {found.name}", (found,))


def of_advice(advice: Advice) -> Page:
    """Return the page of suggestions."""
    assert advice.snapshot is not None  # `Advisor` keeps it
    after = Figures(_pair(advice.after.context), _pair(advice.after.transfer))
    found = replace(
        _map(advice.snapshot, advice.suggestions),
        command=command(advice, "suggest"),
        after=after,
        lower_bound=advice.lower_bound,
    )
    return Page("suggest", f"Suggestions for {found.name}", (found,))


def _map(
    snapshot: Snapshot,
    made: Sequence[Suggestion],
    *,
    ignored: bool = False,
    nodes: int = _MOST_NODES,
) -> ContextMap:
    """Return the map of a context under the suggestions `made`."""
    from ctxsize.recommender.outcome import in_file_order

    request, includes = snapshot.request, _includes(snapshot)
    trial = Trial(planned(snapshot) if made else snapshot)
    order = [made.index(each) for each in in_file_order(made)]
    lines = [(at, pattern) for at in order for pattern in made[at].patterns]
    fates = Fates(trial, includes or (), Choices(trial, lines), ignored=ignored)
    tree = Treemap(trial.snapshot.root, fates.items)
    shown = tree.nodes(nodes)
    classes = tuple(each for each, _ in fates.classes)
    transfer = None
    if includes is not None:
        transfer = _pair(Amount.of(*(snapshot.sent(include=each) for each in includes)))
    return ContextMap(
        name=visible(request.context if request.context != "." else basename(request.root)),
        context_path=visible(request.context),
        dockerfile=request.dockerfile and visible(request.dockerfile),
        builder=request.builder.name,
        before=Figures(_pair(Amount.of(snapshot.sent())), transfer),
        ignore_file=_file_text(request, made, order, fates.own_class()),
        rules=tuple(map(_choice, made)),
        patterns=tuple(fates.patterns),
        instructions=tuple(fates.instructions),
        classes=classes,
        tree=shown,
    )


def _pair(amount: Amount | None) -> Pair | None:
    return amount and (amount.content_bytes, amount.files)


def _includes(snapshot: Snapshot) -> list[Include] | None:
    """Return the transfers of the build; None if they are not known or nothing is sent."""
    request = snapshot.request
    if request.dockerfile is None or request.builder.meter is None:
        return None
    try:
        includes = includes_of(request)
        for each in includes:
            snapshot.sent(include=each)
    except CtxsizeError:
        return None
    return includes


def _choice(each: Suggestion) -> Choice:
    saves = each.size.counted
    return Choice(
        tuple(map(visible, each.patterns)),
        visible(each.rule.why),
        each.safe,
        each.chosen,
        (saves.content_bytes, saves.files),
        tuple(map(visible, each.doubts)),
    )


def _file_text(
    request: Request, made: Sequence[Suggestion], order: Sequence[int], own: int | None
) -> FileText | None:
    """Return the text of the ignore file; None if there is none and none is suggested."""
    if request.ignore_file is None and not made:
        return None
    exceptional = tuple(at for at in order if made[at].has_exceptions)
    plain = [at for at in order if at not in exceptional]
    pattern_class = request.builder.spec_class.pattern_class
    texts = [
        _pieces(request.ignore_file, [(at, made[at]) for at in some], pattern_class)
        for some in ([plain, order] if exceptional else [plain])
    ]
    path = visible(ignore_file_to_write(request))
    return FileText(path, request.ignore_file is None, own, tuple(texts), exceptional)


def _pieces(
    file: IgnoreFile | None,
    chosen: Sequence[tuple[int, Suggestion]],
    pattern_class: type[DockerIgnorePattern],
) -> tuple[Piece, ...]:
    """Return the parts of what `merge` makes of the file and any of the suggestions."""
    before = b"" if file is None else file.data
    every = [(at, line) for at, each in chosen for line in each.additions]
    if not every:
        return ((_text(before),),)
    data = merge(file, [line for _, line in every], pattern_class=pattern_class)
    first_line = every[0][1].line.encode("utf-8", "surrogateescape")
    end = "\r\n" if first_line + b"\r\n" in data else "\n"
    block: list[Piece] = []
    earlier: list[int] = []
    for heading, group in groupby(every, lambda each: each[1].heading):
        lines = [*group]
        owners = [*dict.fromkeys(at for at, _ in lines)]
        block += [(end, earlier, owners)] * bool(earlier) + [(f"# {heading}{end}", owners)]
        earlier = [*earlier, *owners]
        for reason, same in groupby(lines, lambda each: each[1].reason):
            ones = [*same]
            if reason not in ("", heading):
                block.append((f"# {reason}{end}", [*dict.fromkeys(at for at, _ in ones)]))
            block += [(f"{each.line}{end}", [at]) for at, each in ones]
    body = "".join(str(each[0]) for each in block).encode("utf-8", "surrogateescape")
    head, _, tail = data.rpartition(body)
    kept = tail if before.endswith(tail) else b""
    first = before[: len(before) - len(kept)]
    return (
        (_text(first),),
        (_text(head[len(first) :]), earlier),
        *block,
        (_text(tail[: len(tail) - len(kept)]), earlier),
        (_text(kept),),
    )


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
