"""The values of the page of `--format html`: docs/pictures.md describes the JSON object."""

from __future__ import annotations

import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, NamedTuple, cast

from ctxsize import config
from ctxsize.build import Build
from ctxsize.dockerfile.sources import Source
from ctxsize.engine.copied import copied, copies_all
from ctxsize.engine.events import Files, IgnoredEntries, Progress, public_pattern
from ctxsize.engine.fates import unfound
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.git import Repositories
from ctxsize.engine.narrow import followed, narrowed
from ctxsize.engine.plan import ParsedDockerfiles, Plan, ignore_file_to_write, own_path
from ctxsize.engine.snapshot import Sent, Snapshot
from ctxsize.engine.transfer_requests import asked_of, includes_of
from ctxsize.engine.trial import Trial, planned, with_lines
from ctxsize.engine.walk import Walk
from ctxsize.formats import Look, Outcome, render
from ctxsize.formats.sections import measured
from ctxsize.formats.wording import command, fit, path_argument, typed, visible
from ctxsize.guard import checking
from ctxsize.guard.accepting import readable
from ctxsize.guard.baseline import above
from ctxsize.model import Amount, Problem, Report
from ctxsize.planning import plan_for, plan_with_hint
from ctxsize.recommender.outcome import Size, Suggestion
from ctxsize.scanning import Scan, Snapshots
from ctxsize.version import __version__
from ctxsize.writer import Addition, block_lines, merge

if TYPE_CHECKING:
    from ctxsize.guard.comparison import ContextChange, DiffReport

Shape = dict[str, object]
Amounts = list[tuple[int, int, int]]  # the index of each class of files, and bytes and files
Made = Sequence[Suggestion]
Chain = list[tuple[int, str]]  # suggestions: the last one that is on hides if `-`, else keeps
_ROOM = 225_000
_ROOM_OF_ROW = 600
_LEAST_ROOM = 200
"""Numbers of characters: of all trees, some 4,000 nodes; of a build without tree; of one tree."""
_FEW = 30
_DEEPEST = 60
_LONGEST_NAME = 160
_MOST_SOURCES = 100
"""Number of entries that a directory shows if there is room, of levels, columns, and sources."""


class Leaf(NamedTuple):
    """An entry of a directory: its name, its kind as in a node, and its amounts."""

    name: str
    kind: str
    amounts: Amounts
    held: MemoryDirectory | None = None

    @property
    def order(self) -> tuple[int, int, str]:
        """Return a key: the largest comes first."""
        return -sum(e[1] for e in self.amounts), -sum(e[2] for e in self.amounts), self.name


def _nodes(
    root: MemoryDirectory, leaves: Callable[[MemoryDirectory], Iterable[Leaf]], most: int = _ROOM
) -> object:
    """Return the tree as `[name, kind, amounts, children, more]`, of about `most` characters."""
    sums, ends = dict[str, Amounts](), dict[str, MemoryDirectory]()  # of chains of directories
    for held in reversed([*root.tree()]):
        own = [each.amounts for each in leaves(held)]
        inner = [each.path for each in held.folders.values() if sums[each.path]]
        sums[held.path] = _added([*own, *(sums[path] for path in inner)])
        if len(inner) == 1 and not own:
            ends[held.path] = ends[inner[0]]
        else:
            ends[held.path] = held

    def children(held: MemoryDirectory) -> Iterator[Leaf]:
        yield from leaves(held)
        for end in (ends[each.path] for each in held.folders.values() if sums[each.path]):
            yield Leaf(end.path[len(held.prefix) :], "d", sums[end.path], end)

    first = Leaf(".", "d", sums[""], root)
    number = count()
    top = list[object]()
    heap = [(first.order, next(number), first, top, 0)]
    least = 12 * first.order[0] / most
    while heap:
        _, _, leaf, siblings, depth = heappop(heap)
        if leaf.held:
            found = sorted(children(leaf.held), key=lambda e: e.order)
        else:
            found = []
        large = sum(each.order[0] <= least for each in found)
        if depth < _DEEPEST:
            shown = found[: max(_FEW, large)]
        else:
            shown = []
        while (room := sum(30 + len(e.name) + 16 * len(e.amounts) for e in shown)) > most / 2:
            shown = shown[: len(shown) // 2]
        left = found[len(shown) :]
        inside = list[object]()
        most = most - room
        whole = [leaf.amounts, inside, len(found)]
        name = fit(visible(leaf.name), _LONGEST_NAME)
        siblings.append([name, leaf.kind, *([[], inside, 0] if shown else whole)])
        for each in shown:
            heappush(heap, (each.order, next(number), each, inside, depth + 1))
        if shown and left:
            rest = _added(each.amounts for each in left)
            inside.append(["", "r", rest, [], len(left)])
            most = max(0, most - 20 - 16 * len(rest))
    return top[0]


def _added(parts: Iterable[Amounts]) -> Amounts:
    sums = defaultdict[int, tuple[int, int]](lambda: (0, 0))
    for at, size, files in (each for amounts in parts for each in amounts):
        sums[at] = sums[at][0] + size, sums[at][1] + files
    return [(at, *sums[at]) for at in sorted(sums)]


class Fates:
    """Sorts the entries of one context into classes; `travels` if its transfers are known."""

    def __init__(self, trial: Trial, made: Made, top: int, *, travels: bool, ignored: bool) -> None:
        """Read the verdicts; name at most so many sources; `ignored` adds what is ignored."""
        snapshot = trial.snapshot
        plan = trial.plan
        self._plan, self._ignored, self._context = plan, ignored, trial.before
        if travels:
            includes = includes_of(plan)
        else:
            includes = []
        self._transfers = [snapshot.sent(include=each) for each in includes]
        if travels and plan.builder.asks_for_paths:
            asked = asked_of(plan)
        else:
            asked = ()
        self.sources = [*dict.fromkeys(e for each in asked for e in each.sources)]
        self._takers = [_taken_by(snapshot, each) for each in self.sources[:top]]
        texts = [f"{e.instruction} {e.written} (line {e.line})" for e in self.sources]
        texts[top:] = [f"one of {len(texts) - top} further sources"] * (len(texts) > top)
        self.instructions = [fit(visible(each), _LONGEST_NAME) for each in texts]
        self._hides, self._empties = _chains(trial, made)
        self._marks = defaultdict[str, dict[str, tuple[bool, int | None]]](dict)
        for each in Walk(plan, everything=True, source=snapshot.root):
            if isinstance(each, Files | IgnoredEntries):
                marks = {"": each.mark, **each.others}
                self._marks[each.prefix] |= {name: mark[:2] for name, mark in marks.items()}
        groups = defaultdict[int, list[str]](list)
        for held in snapshot.folders if snapshot.has_further_names else ():
            for file in (e for e in held.special if held.prefix + e.name in self._context):
                groups[file.st_ino].append(held.prefix + file.name)
        self._names = {path: group for at, group in groups.items() if at for path in group}
        self._own, self._known, self.classes = own_path(plan), dict[object, int](), list[Shape]()
        self.own, self.patterns = cast("int | None", None), dict[str, int]()

    def leaves(self, held: MemoryDirectory) -> Iterator[Leaf]:
        """Yield the entries of a directory that are no directories."""
        sent = self._context.names.get(held.path, {})
        marks = self._marks[held.prefix]
        for file in held.stats([*held.entries]):
            name = file.name
            path = held.prefix + file.name
            ignored, decider = marks.get(name) or marks[""]
            if stat.S_ISREG(file.st_mode):
                kind = "f"
            elif stat.S_ISLNK(file.st_mode):
                kind = "l"
            else:
                kind = "o"
            if name in sent:
                amounts = self._sent(path, sent[name], int(kind != "l"), decider)
                if path == self._own:
                    self.own = amounts[0][0]
                else:
                    self.own = self.own
                if path != self._own or self._plan.ignore_file is not None:
                    yield Leaf(name, kind, amounts)  # a new ignore file is not there yet
            elif self._ignored and ignored:
                size = file.st_size * (kind == "f")
                at = self._class(("ignored", decider, ()), [])
                yield Leaf(name, kind, [(at, size, int(kind != "l"))])

    def _sent(self, path: str, size: int, files: int, decider: int | None) -> Amounts:
        """Return the amounts of an entry that the ignore file leaves."""
        moved = [each for each in self._transfers if path in each]
        takers = tuple(at for at, each in enumerate(self._takers) if moved and path in each)
        takers = takers or tuple(range(len(self._takers), len(self.instructions) * bool(moved)))
        names = self._names.get(path, [path])
        own = [True] * (path == self._own)
        hides = [self._hides.get(path)]
        empties = self._empties.get
        whole = [(hides, 0, files), ([*map(empties, names)], size, 0)]
        arrive = (([empties(e) for e in names if e in one], one.size(path), 0) for one in moved)
        apart = [part for each in arrive for part in (whole[0], each)]
        # What arrives in another way, or under another name, is counted apart for the transfer.
        is_same = apart[:2] == whole
        if is_same:
            apart = apart[2:]
        else:
            apart = [*apart, *((e[0], -e[1], -e[2]) for e in whole if moved)]
        if apart or whole[1][0] != hides:
            whole = whole
        else:
            whole = [(hides, size, files)]
        parts = [("travels" if moved else "context", *each) for each in whole]
        parts += [("transfer", *each) for each in apart]
        return _added([[(self._class((e[0], decider, takers, *own), e[1]), *e[2:]) for e in parts]])

    def _class(self, key: tuple[object, ...], chains: Sequence[Chain | None]) -> int:
        """Return the class of a fate, a pattern and takers."""
        (fate, decider, takers), hidden, by = key[:3], chains if all(chains) else [], None
        if (known := (key, str(hidden))) not in self._known:
            if isinstance(decider, int):
                found = public_pattern(self._plan.spec.patterns[decider])
                text = visible(f"{found} (line {found.line})" if found.line else str(found))
                by = self.patterns.setdefault(text, len(self.patterns))
            self._known[known] = len(self.classes)
            self.classes.append(Shape(fate=fate, by=by, takers=takers, hidden_by=hidden))
        return self._known[known]


def _taken_by(snapshot: Snapshot, source: Source) -> Sent:
    """Return what one source copies of what the ignore file leaves."""
    plan = snapshot.plan
    include = followed(snapshot.plan.root, source.path)
    if copies_all(source, include):
        return snapshot.sent(include=include)
    return snapshot.walked(copied(narrowed(plan.spec, include), source, plan.root, include))


def _chains(trial: Trial, made: Made) -> tuple[dict[str, Chain], dict[str, Chain]]:
    """Return by path which suggestions hide it, and which hide or empty it, in file order."""
    found = defaultdict[str, Chain](list), defaultdict[str, Chain](list)
    alone: dict[int, tuple[set[str], set[str]]] = {}

    def gone(*chosen: int) -> tuple[set[str], set[str]]:
        data = with_lines(trial.plan, [line for at in chosen for line in made[at].patterns])
        attempt = trial.attempt(data)
        return {*attempt.changes.hidden}, {*attempt.changes.hidden, *attempt.emptied}

    for at, mixed in _order(made):
        hidden = gone(at)
        both = [(hides, gone(other, at)) for other, hides in alone.items() if mixed]
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
        maps = [_of_change(outcome, each) for each in outcome.contexts]
    elif outcome.kind == "suggest" and outcome.snapshot is not None:
        found = _map(outcome.snapshot, outcome.before, outcome.suggestions)
        found |= Shape(after=_figures(outcome.after), verdict=_verdict(outcome))
        maps = [found | Shape(command=command(outcome, "suggest"), lower_bound=outcome.lower_bound)]
    else:
        report = cast("Report", outcome)
        build = cast("Build", build)
        whole = report.context
        transfers = report.transfers
        size = Size(Amount.of(whole.totals), Amount.of(*transfers) if transfers else None)
        taken = Snapshot.take(plan_for(build), progress=progress)
        found = _map(taken, size, ignored=whole.ignored.complete)
        found |= Shape(command=command(report, "measure"), lower_bound=report.lower_bound)
        found |= Shape(failing=_failing(report.all_problems))
        lines = {measured.printed(report, each, "context"): 0 for each in transfers or [whole]}
        maps = [found | Shape(printed="; ".join(lines), verdict=_verdict(report).split(":")[0])]
    if len(maps) == 1:
        title = maps[0]["name"]
    else:
        title = outcome.kind
    made = f"ctxsize {__version__}"
    return Shape(version=1, kind=outcome.kind, title=title, made=made, maps=maps)


def _verdict(outcome: Outcome) -> str:
    return render("text", outcome, Look(1_000)).partition("\n")[0]


def _failing(problems: Iterable[Problem]) -> list[str]:
    return [*{visible(e.message): 0 for e in problems if e.is_fatal}]


def _of_scan(scan: Scan, progress: Progress | None) -> Iterator[Shape]:
    settings = readable(None, scan.root)[0]
    snapshots = Snapshots(progress, Repositories(scan.root))
    parsed_files = ParsedDockerfiles()
    tables = [*config.builds(settings)]
    most = _ROOM // (len(scan.rows) or 1) - _ROOM_OF_ROW
    for row in scan.rows:
        build = row.build
        name = visible(" ".join([row.build.context, *row.options]))
        found = Shape(name=name, error=row.error and visible(row.error))
        if scan.merged:  # its files are elsewhere
            yield found | Shape(before=_figures(Size(row.context or row.cost, row.transfer)))
            continue
        if row.context is not None and row.error is None:
            plan = plan_with_hint(build, parsed_files)
            size = Size(row.context, row.transfer)
            found = _map(snapshots.of(plan), size, (), max(most, _LEAST_ROOM))
        limits = next(iter(checking.of_builds(settings, tables, [build]))).budget
        found |= Shape(name=name, budget=limits.max_bytes, budget_of=limits.of or "context")
        yield found | Shape(command=typed("measure", *row.options, path_argument(build.context)))
    for each in (each for each in scan.problems if each.code == "dockerfile"):
        if each.line:
            place = f"{each.path}:{each.line}"
        else:
            place = f"{each.path}"
        yield Shape(name=visible(place), error=visible(f"the build fails: {each.message}"))


def _of_change(outcome: DiffReport, change: ContextChange) -> Shape:
    """Return the map of a change: what both sides know, and the rest of each directory."""
    old = change.old.known
    new = change.new.known
    root = MemoryDirectory("")
    folders = {"": root}
    leaves = defaultdict[str, list[Leaf]](list)
    directories = {**old.directories, **new.directories}
    rest = {"": (change.before, change.after)}
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
    before = change.before
    after = change.after
    sides = (outcome.before._replace(**before._asdict()), outcome.after._replace(**after._asdict()))
    alone = replace(outcome, before=sides[0], after=sides[1], contexts=(change,))
    found = Shape(before=Shape(context=before[::-1]), after=Shape(context=after[::-1]))
    found |= Shape(name=visible(change.name), context_path=visible(change.new.context_path))
    found |= Shape(classes=[Shape(fate=each) for each in ("same", "added", "removed")])
    return found | Shape(verdict=_verdict(alone), tree=_nodes(root, lambda held: leaves[held.path]))


def _changed(was: Amount, now: Amount) -> Amounts:
    same = Amount(*map(min, was, now))
    new, gone = (Amount(*(max(0, e) for e in one - same)) for one in (now, was))
    return [(at, e.content_bytes, e.files) for at, e in enumerate((same, new, gone)) if any(e)]


def _map(
    snapshot: Snapshot, size: Size, made: Made = (), most: int = _ROOM, *, ignored: bool = False
) -> Shape:
    """Return the map of a context under the suggestions `made`."""
    plan = snapshot.plan
    trial = Trial(planned(snapshot) if made else snapshot)
    sources = min(_MOST_SOURCES, most // 500)
    travels = size.transfer is not None
    fates = Fates(trial, made, sources, travels=travels, ignored=ignored)
    if plan.context != ".":
        name = plan.context
    else:
        name = plan.root.rpartition("/")[2]
    found = Shape(name=visible(name), context_path=visible(plan.context), before=_figures(size))
    found |= Shape(dockerfile=plan.dockerfile and visible(plan.dockerfile))
    found |= Shape(builder=plan.builder.name, failing=_failing(unfound(plan, fates.sources)))
    found |= Shape(tree=_nodes(trial.snapshot.root, fates.leaves, most), rules=[*map(_rule, made)])
    found |= Shape(ignore_file=_file(plan, made) | Shape(own=fates.own) if made else None)
    found |= Shape(patterns=[*fates.patterns], instructions=fates.instructions)
    return found | Shape(classes=fates.classes)


def _figures(size: Size) -> Shape:
    return Shape(context=size.context[::-1], transfer=size.transfer and size.transfer[::-1])


def _rule(e: Suggestion) -> Shape:
    more = Shape(chosen=e.chosen, saves=e.size.counted[::-1], doubts=[*map(visible, e.doubts)])
    return more | Shape(text=[*map(visible, e.patterns)], why=visible(e.rule.why), safe=e.safe)


def _order(made: Made) -> list[tuple[int, bool]]:
    """Return indexes, and whether there are exceptions, as `Advisor` has the lines: these last."""
    mixed = [each.patterns[-1].startswith("!") for each in made]
    return sorted(enumerate(mixed), key=lambda each: each[1])


def _file(plan: Plan, made: Made) -> Shape:
    """Return the parts of the ignore file, from which the page makes the text for any choice."""
    file = plan.ignore_file
    mixed = [at for at, excepts in _order(made) if excepts]
    lines = [(at, line) for at, _ in _order(made) for line in made[at].additions]
    plain = [each for at, each in lines if at not in mixed][:1]  # it stands where all would
    variants = [[plain] * bool(plain), [[each for _, each in lines]] * bool(mixed)]
    found = Shape(path=visible(ignore_file_to_write(plan)), new=file is None, exceptional=mixed)
    found |= Shape(lines=[(at, each.line, each.heading, each.reason) for at, each in lines])
    if file:
        data = file.data
    else:
        data = b""
    found |= Shape(copyable=data.decode("utf-8", "replace").encode() == data)
    return found | Shape(around=[_around(plan, each) for some in variants for each in some])


def _around(plan: Plan, additions: Sequence[Addition]) -> list[str]:
    """Return the file before the block, what opens and closes that, the rest, and a line end."""
    file = plan.ignore_file
    pattern_class = plan.builder.spec_class.pattern_class
    if file:
        before = file.data
    else:
        before = b""
    data = merge(file, additions, pattern_class=pattern_class)
    end = next(e for e in (b"\n", b"\r\n") if b"".join(block_lines(additions, e)) in data)
    head, tail = data.rsplit(b"".join(block_lines(additions, end)), 1)
    first = before.removesuffix(tail)
    if first == before:
        closing = tail
    else:
        closing = b""
    parts = first, head[len(first) :], closing, before[len(first) :], end
    return [each.decode("utf-8", "replace") for each in parts]
