"""The values of the page of `--format html`: docs/pictures.md describes the JSON object."""

from __future__ import annotations

import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, NamedTuple, cast

from ctxsize import checking, config
from ctxsize.accepting import readable
from ctxsize.api import request_for
from ctxsize.build import Build
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.events import Files, IgnoredEntries, Progress, public_pattern
from ctxsize.engine.narrow import follow
from ctxsize.engine.need import asked_of, includes_of
from ctxsize.engine.request import Plans, Request, ignore_file_to_write, request_of
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.source import MemoryDirectory
from ctxsize.engine.trial import Trial, own_path, planned, with_lines
from ctxsize.engine.walk import Walk
from ctxsize.formats.wording import LEVELS, command, fit, level, path_argument, typed, visible
from ctxsize.guard.baseline import above
from ctxsize.model import Amount
from ctxsize.recommender.outcome import Size, Suggestion
from ctxsize.version import __version__
from ctxsize.writer import Addition, block_lines, merge

if TYPE_CHECKING:
    from ctxsize.formats import Outcome
    from ctxsize.guard.comparison import ContextChange
    from ctxsize.scanning import Scan

Shape = dict[str, object]
Amounts = list[tuple[int, int, int]]
"""The index of each class of files, and the number of bytes and files."""
Made = Sequence[Suggestion]
Chain = list[tuple[int, str]]
"""Suggestions that matter for a file: the last one that is on hides it with `-`, else keeps it."""
_ROOM, _LEAST_ROOM = 225_000, 8_500
"""Number of characters of all trees of a page, and the least of one: some 4,000 and 150 nodes."""
_FEW, _DEEPEST, _LONGEST_NAME = 30, 60, 160
"""Number of entries that a directory shows if there is room, of levels, and of columns."""


class Leaf(NamedTuple):
    """An entry of a directory: its name, its kind as in a node, and its amounts."""

    name: str
    kind: str
    amounts: Amounts
    held: MemoryDirectory | None = None

    @property
    def room(self) -> int:
        """Return about how many characters it takes."""
        return 30 + len(self.name) + 16 * len(self.amounts)

    @property
    def order(self) -> tuple[int, int, str]:
        """Return a key: the largest comes first."""
        return -sum(e[1] for e in self.amounts), -sum(e[2] for e in self.amounts), self.name


def _nodes(
    root: MemoryDirectory, leaves: Callable[[MemoryDirectory], Iterable[Leaf]], most: int = _ROOM
) -> object:
    """Return the tree as `[name, kind, amounts, children, more]`, of about `most` characters.

    `leaves` returns the entries of a directory that are no directories.
    """
    sums, ends = dict[str, Amounts](), dict[str, MemoryDirectory]()  # of chains of directories
    for held in reversed([*root.tree()]):
        own = [each.amounts for each in leaves(held)]
        inner = [each.path for each in held.folders.values() if sums[each.path]]
        sums[held.path] = _added([*own, *(sums[path] for path in inner)])
        ends[held.path] = ends[inner[0]] if len(inner) == 1 and not own else held

    def children(held: MemoryDirectory) -> Iterator[Leaf]:
        yield from leaves(held)
        for end in (ends[each.path] for each in held.folders.values() if sums[each.path]):
            yield Leaf(end.path[len(held.prefix) :], "d", sums[end.path], end)

    first, number, top = Leaf(".", "d", sums[""], root), count(), list[object]()
    heap, least = [(first.order, next(number), first, top, 0)], 12 * first.order[0] / most
    while heap:
        _, _, leaf, siblings, depth = heappop(heap)
        found = sorted(children(leaf.held), key=lambda e: e.order) if leaf.held else []
        large = sum(each.order[0] <= least for each in found)
        shown = found[: max(_FEW, large)] if depth < _DEEPEST else []
        while (room := sum(each.room for each in shown)) > most / 2:
            shown = shown[: len(shown) // 2]
        left, inside, most = found[len(shown) :], list[object](), most - room
        whole = [leaf.amounts, inside, len(found)]
        name = fit(visible(leaf.name), _LONGEST_NAME)
        siblings.append([name, leaf.kind, *([[], inside, 0] if shown else whole)])
        for each in shown:
            heappush(heap, (each.order, next(number), each, inside, depth + 1))
        if shown and left:
            rest = _added(each.amounts for each in left)
            inside.append(["", "r", rest, [], len(left)])
            most -= 20 + 16 * len(rest)
    return top[0]


def _added(parts: Iterable[Amounts]) -> Amounts:
    sums = defaultdict[int, tuple[int, int]](lambda: (0, 0))
    for at, size, files in (each for amounts in parts for each in amounts):
        sums[at] = sums[at][0] + size, sums[at][1] + files
    return [(at, *sums[at]) for at in sorted(sums)]


class Fates:
    """Sorts the entries of one context into classes; `travels` if its transfers are known."""

    def __init__(self, trial: Trial, made: Made, *, travels: bool, ignored: bool) -> None:
        """Read the verdicts, also under each of the suggestions; `ignored` adds what is ignored.

        Raises what a walk raises.
        """
        snapshot, request = trial.snapshot, trial.request
        self._request, self._ignored, self._context = request, ignored, trial.before
        includes = includes_of(request) if travels else []
        self._transfers = [snapshot.sent(include=each) for each in includes]
        asked = asked_of(request) if travels and request.builder.asks_for_paths else ()
        sources = [*dict.fromkeys(source for each in asked for source in each.sources)]
        wanted = (follow(request.root, (each.path,)) for each in sources)
        self._takers = [snapshot.sent(include=each) for each in wanted]
        texts = (f"{e.instruction} {e.source} (line {e.line})" for e in sources)
        self.instructions, self.patterns = [*map(visible, texts)], dict[str, int]()
        self._hides, self._empties = _chains(trial, made)
        self._marks = defaultdict[str, dict[str, tuple[bool, int | None]]](dict)
        for each in Walk(request, everything=True, source=snapshot.root):
            if isinstance(each, Files | IgnoredEntries):
                marks = {"": each.mark, **each.others}
                self._marks[each.prefix] |= {name: mark[:2] for name, mark in marks.items()}
        groups = defaultdict[int, list[str]](list)
        for held in snapshot.folders if snapshot.has_further_names else ():
            for file in (e for e in held.special if held.prefix + e.name in self._context):
                groups[file.st_ino].append(held.prefix + file.name)
        self._names = {path: group for at, group in groups.items() if at for path in group}
        self._known, self.classes = dict[object, int](), list[Shape]()
        self._own, self.own = own_path(request), cast("int | None", None)

    def leaves(self, held: MemoryDirectory) -> Iterator[Leaf]:
        """Yield the entries of a directory that are no directories."""
        sent, marks = self._context.names.get(held.path, {}), self._marks[held.prefix]
        for file in held.stats([*held.entries]):
            name, path = file.name, held.prefix + file.name
            ignored, decider = marks.get(name) or marks[""]
            kind = "f" if stat.S_ISREG(file.st_mode) else "l" if stat.S_ISLNK(file.st_mode) else "o"
            if name in sent:
                amounts = self._sent(path, sent[name], int(kind != "l"), decider)
                self.own = amounts[0][0] if path == self._own else self.own
                if path != self._own or self._request.ignore_file is not None:
                    yield Leaf(name, kind, amounts)  # a new ignore file is not there yet
            elif self._ignored and ignored:
                size, at = file.st_size * (kind == "f"), self._class(("ignored", decider, ()), [])
                yield Leaf(name, kind, [(at, size, int(kind != "l"))])

    def _sent(self, path: str, size: int, files: int, decider: int | None) -> Amounts:
        """Return the amounts of an entry that the ignore file leaves."""
        moved = [each for each in self._transfers if path in each]
        takers = tuple(at for at, each in enumerate(self._takers) if moved and path in each)
        names, hidden, fate = self._names.get(path, [path]), [self._hides.get(path)], "context"
        if len(moved) == 1 and moved[0].size(path) == size and len(names) == 1:
            fate, moved = "travels", []
        emptied, own = [*map(self._empties.get, names)], [True] * (path == self._own)
        if hidden == emptied and (fate == "travels" or not moved):
            return [(self._class((fate, decider, takers, *own), hidden), size, files)]
        parts = [(fate, hidden, 0, files), (fate, emptied, size, 0)]
        for each in moved:  # counted apart, as the content may arrive under another name
            chains = [self._empties.get(name) for name in names if name in each]
            parts += [("transfer", hidden, 0, files), ("transfer", chains, each.size(path), 0)]
        return _added([(self._class((e[0], decider, takers, *own), e[1]), *e[2:])] for e in parts)

    def _class(self, key: tuple[object, ...], chains: Sequence[Chain | None]) -> int:
        """Return the class of a fate, a pattern and takers."""
        (fate, decider, takers), hidden, by = key[:3], chains if all(chains) else [], None
        if (known := (key, str(hidden))) not in self._known:
            if isinstance(decider, int):
                found = public_pattern(self._request.spec.patterns[decider])
                text = visible(f"{found} (line {found.line})" if found.line else str(found))
                by = self.patterns.setdefault(text, len(self.patterns))
            self._known[known] = len(self.classes)
            self.classes.append(Shape(fate=fate, by=by, takers=takers, hidden_by=hidden))
        return self._known[known]


def _chains(trial: Trial, made: Made) -> tuple[dict[str, Chain], dict[str, Chain]]:
    """Return by path which suggestions hide it, and which hide or empty it, in file order."""
    found = defaultdict[str, Chain](list), defaultdict[str, Chain](list)
    alone: dict[int, tuple[set[str], set[str]]] = {}

    def gone(*chosen: int) -> tuple[set[str], set[str]]:
        data = with_lines(trial.request, [line for at in chosen for line in made[at].patterns])
        attempt = trial.attempt(data)
        return {*attempt.changes.hidden}, {*attempt.changes.hidden, *attempt.emptied}

    for at in _order(made):
        hidden, is_mixed = gone(at), made[at].patterns[-1].startswith("!")
        before = alone.items() if is_mixed else ()
        both = [(hides, gone(other, at)) for other, hides in before]
        for kind, chains in enumerate(found):
            kept = (one[kind] - two[kind] - hidden[kind] for one, two in both)
            for path in hidden[kind]:
                chains[path].append((at, "-"))
            for path in set[str]().union(*kept):
                chains[path].append((at, "+"))
        alone[at] = hidden
    return found


def page(outcome: Outcome, build: Build | None, progress: Progress | None) -> Shape:
    """Return the page of an outcome; `build` is that of a report. Raises what `measure` raises."""
    if outcome.kind == "scan":
        maps = [*_of_scan(outcome, progress)]
    elif outcome.kind == "diff":
        maps = [*map(_of_change, outcome.contexts)]
    elif outcome.kind == "suggest" and outcome.snapshot is not None:
        found = _map(outcome.snapshot, outcome.before, outcome.suggestions)
        found |= Shape(after=_figures(outcome.after), lower_bound=outcome.lower_bound)
        maps = [found | Shape(command=command(outcome, "suggest"))]
    else:
        assert outcome.kind == "measure"
        assert build is not None
        whole, transfers = outcome.context, outcome.transfers
        size = Size(Amount.of(whole.totals), Amount.of(*transfers) if transfers else None)
        snapshot = Snapshot.take(request_for(build), progress=progress)
        found = _map(snapshot, size, ignored=whole.ignored.complete)
        found |= Shape(command=command(outcome, "measure"), lower_bound=outcome.lower_bound)
        found |= Shape(failing=[visible(each.message) for each in outcome.failing])
        found |= Shape(printed=(outcome.transfer or whole).printed)
        maps = [found | Shape(verdict=LEVELS[level(outcome)][0])]
    title, made = maps[0]["name"] if len(maps) == 1 else outcome.kind, f"ctxsize {__version__}"
    return Shape(version=1, kind=outcome.kind, title=title, made=made, maps=maps)


def _of_scan(scan: Scan, progress: Progress | None) -> Iterator[Shape]:
    settings, taken, plans = readable(None, scan.root)[0], dict[str, Snapshot](), Plans()
    tables, most = [*config.builds(settings)], max(_LEAST_ROOM, _ROOM // (len(scan.rows) or 1))
    for row in scan.rows:
        build, found = row.build, Shape(error=row.error and visible(row.error))
        if row.context is not None and row.error is None:
            request = request_of(build, BUILDERS[build.builder], plans=plans)
            if request.root not in taken:
                taken[request.root] = Snapshot.take(request, progress=progress)
            snapshot = taken[request.root].asked(request)
            found = _map(snapshot, Size(row.context, row.transfer), (), most)
        limits = next(iter(checking.of_builds(settings, tables, [build]))).budget
        found |= Shape(budget=limits.max_bytes, budget_of=limits.of or "context")
        found |= Shape(name=visible(" ".join([build.context, *row.options])))
        words = [*row.options, path_argument(build.context)]
        yield found | Shape(command=typed("measure", *words))


def _of_change(change: ContextChange) -> Shape:
    """Return the map of a change: what both sides know, and the rest of each directory."""
    old, new, root = change.old.known, change.new.known, MemoryDirectory("")
    folders, leaves = {"": root}, defaultdict[str, list[Leaf]](list)
    directories, rest = {**old.directories, **new.directories}, {"": (change.before, change.after)}
    for path in sorted({**directories, **old.largest_files, **new.largest_files}):
        held = [each.held(path, is_directory=path in directories) for each in (old, new)]
        if any(amount is None and most != 0 for amount, most in held):
            continue
        was, now = (Amount() if e is None else e._replace(files=e.files or 1) for e, _ in held)
        at = next(each for each in [*reversed(above(path)), ""] if each in folders)
        rest[at] = rest[at][0] - was, rest[at][1] - now
        if path not in directories:
            leaves[at].append(Leaf(path[len(folders[at].prefix) :], "f", _changed(was, now)))
        else:
            folders[path] = folders[at].folders[path] = MemoryDirectory(path)
            rest[path] = was, now
    for at, pair in rest.items():
        leaves[at] += [Leaf("other files", "r", each) for each in [_changed(*pair)] if each]
    found = Shape(before=_figures(Size(change.before, None)))
    found |= Shape(after=_figures(Size(change.after, None)))
    found |= Shape(name=visible(change.name), context_path=visible(change.new.context_path))
    fates = ("same", "added", "removed")
    found |= Shape(classes=[Shape(fate=e, by=None, takers=[], hidden_by=[]) for e in fates])
    return found | Shape(tree=_nodes(root, lambda held: leaves[held.path]))


def _changed(was: Amount, now: Amount) -> Amounts:
    """Return what is the same, what is new, and what is gone."""
    same = Amount(*map(min, was, now))
    new, gone = (Amount(*(max(0, e) for e in one - same)) for one in (now, was))
    return [(at, e.content_bytes, e.files) for at, e in enumerate((same, new, gone)) if any(e)]


def _map(
    snapshot: Snapshot, size: Size, made: Made = (), most: int = _ROOM, *, ignored: bool = False
) -> Shape:
    """Return the map of a context under the suggestions `made`."""
    request, trial = snapshot.request, Trial(planned(snapshot) if made else snapshot)
    fates = Fates(trial, made, travels=size.transfer is not None, ignored=ignored)
    name = request.context if request.context != "." else request.root.rpartition("/")[2]
    found = Shape(name=visible(name), context_path=visible(request.context))
    found |= Shape(dockerfile=request.dockerfile and visible(request.dockerfile))
    found |= Shape(builder=request.builder.name, before=_figures(size))
    found |= Shape(tree=_nodes(trial.snapshot.root, fates.leaves, most), rules=[*map(_rule, made)])
    if made or request.ignore_file is not None:
        found |= Shape(ignore_file=_file(request, made) | Shape(own=fates.own))
    found |= Shape(patterns=[*fates.patterns], instructions=fates.instructions)
    return found | Shape(classes=fates.classes)


def _figures(size: Size) -> Shape:
    return Shape(context=size.context[::-1], transfer=size.transfer and size.transfer[::-1])


def _rule(each: Suggestion) -> Shape:
    found = Shape(text=[*map(visible, each.patterns)], why=visible(each.rule.why), safe=each.safe)
    found |= Shape(chosen=each.chosen, saves=each.size.counted[::-1])
    return found | Shape(doubts=[*map(visible, each.doubts)])


def _order(made: Made) -> list[int]:
    """Return the indexes in the order of the lines, as `Advisor` has it: exceptions go last."""
    return sorted(range(len(made)), key=lambda at: made[at].patterns[-1].startswith("!"))


def _file(request: Request, made: Made) -> Shape:
    """Return the parts of the ignore file, from which the page makes the text for any choice."""
    lines = [(at, line) for at in _order(made) for line in made[at].additions]
    mixed = [at for at, each in enumerate(made) if each.patterns[-1].startswith("!")]
    heads = [*dict.fromkeys(each.heading for at, each in lines if at not in mixed)]
    plain = sorted((e for at, e in lines if at not in mixed), key=lambda e: heads.index(e.heading))
    variants = [plain, [each for _, each in lines]][: 1 + bool(mixed)]
    found = Shape(path=visible(ignore_file_to_write(request)), new=request.ignore_file is None)
    found |= Shape(lines=[(at, each.line, each.heading, each.reason) for at, each in lines])
    found |= Shape(around=[_around(request, each) for each in variants])
    return found | Shape(exceptional=mixed)


def _around(request: Request, additions: Sequence[Addition]) -> list[str]:
    """Return the file before the block, what opens and closes that, the rest, and a line end."""
    file, pattern_class = request.ignore_file, request.builder.spec_class.pattern_class
    before = file.data if file else b""
    data = merge(file, additions, pattern_class=pattern_class)
    bodies = {end: b"".join(block_lines(additions, end)) for end in (b"\n", b"\r\n")}
    end = next(each for each, body in bodies.items() if body in data)
    head, tail = data.rsplit(bodies[end], 1) if additions else (data, b"")
    first = before.removesuffix(tail)
    closing = tail if first == before else b""
    parts = first, head[len(first) :], closing, before[len(first) :], end
    return [each.decode("utf-8", "replace") for each in parts]
