"""The classes of the entries of a context: alike are those of one fate, pattern and takers."""

from __future__ import annotations

import stat
from collections import defaultdict
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

from ctxsize.dockerfile.sources import Source
from ctxsize.engine.copied import copied, copies_all
from ctxsize.engine.evaluate import Marks
from ctxsize.engine.events import Files, IgnoredEntries, public_pattern
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.narrow import followed, narrowed
from ctxsize.engine.plan import own_path
from ctxsize.engine.snapshot import Sent, Snapshot
from ctxsize.engine.transfer_requests import includes_of, sources_of
from ctxsize.engine.trial import Trial, with_lines
from ctxsize.engine.walk import Walk
from ctxsize.formats.wording import fit, visible
from ctxsize.page.nodes import LONGEST_NAME, Amounts, ClassAmount, Leaf, added
from ctxsize.recommender.outcome import Suggestion

_KINDS = {stat.S_IFREG: "f", stat.S_IFLNK: "l"}  # the kinds of nodes by the type of a file
PageValues = dict[str, object]
ShownSuggestions = Sequence[Suggestion]
Chain = list[tuple[int, str]]  # suggestions: the last one that is on hides if `-`, else keeps
Chains = list["Chain | None"]
ChainsByPath = defaultdict[str, Chain]


class _Key(NamedTuple):
    """The properties that entries of one class share, besides the chains of suggestions."""

    fate: str
    decider: int | None  # the index of the pattern that decides
    takers: tuple[int, ...]
    is_own: bool = False  # True for the ignore file


class _ClassAmount(NamedTuple):
    """Bytes and files of an entry that are hidden together."""

    chains: Chains
    content_bytes: int
    files: int


class Fates:
    """Sorts the entries of one context into classes; `travels` if its transfers are known."""

    def __init__(
        self,
        trial: Trial,
        suggestions: ShownSuggestions,
        top: int,
        *,
        travels: bool,
        ignored: bool,
    ) -> None:
        """Read the verdicts; name at most so many sources; `ignored` adds what is ignored."""
        snapshot = trial.snapshot
        plan = trial.plan
        self._plan = plan
        self._ignored = ignored
        self._context = trial.before
        self._own = own_path(plan)
        self._transfers: list[Sent] = []
        self.sources: tuple[Source, ...] = ()
        if travels:
            self._transfers = [snapshot.sent(include=include) for include in includes_of(plan)]
        if travels and plan.builder.asks_for_paths:
            self.sources = sources_of(plan)
        self._takers = [_taken_by(snapshot, source) for source in self.sources[:top]]
        self.instructions = _instructions(self.sources, top)
        self._hides, self._empties = _chains(trial, suggestions)
        self._marks = _marks(snapshot)
        self._names = _further_names(snapshot, trial.before)
        self._indexes = dict[object, int]()
        self.classes = list[PageValues]()
        self.own: int | None = None  # the class of the ignore file
        self.patterns = dict[str, int]()

    def leaves(self, directory: MemoryDirectory) -> Iterator[Leaf]:
        """Yield the entries of a directory that are no directories."""
        prefix = directory.prefix
        sent = self._context.names.get(directory.path, {})
        marks = self._marks[prefix]
        for file in directory.stats([*directory.entries]):
            name = file.name
            path = prefix + name
            mark = marks.get(name, marks[""])
            kind = _KINDS.get(stat.S_IFMT(file.st_mode), "o")
            files = int(kind != "l")
            if name in sent:
                amounts = self._sent(path, sent[name], files, mark.decider)
                if path == self._own:
                    self.own = amounts[0].number
                # A new ignore file is not there yet.
                if path != self._own or self._plan.ignore_file is not None:
                    yield Leaf(name, kind, amounts)
            elif self._ignored and mark.ignored:
                size = 0
                if kind == "f":
                    size = file.st_size
                key = _Key("ignored", mark.decider, ())
                yield Leaf(name, kind, [ClassAmount(self._class(key, []), size, files)])

    def _sent(self, path: str, size: int, files: int, decider: int | None) -> Amounts:
        """Return the amounts of an entry that the ignore file leaves."""
        transfers = [transfer for transfer in self._transfers if path in transfer]
        fate = "travels" if transfers else "context"
        key = _Key(
            fate=fate,
            decider=decider,
            takers=self._takers_of(path, transfers),
            is_own=path == self._own,
        )
        names = self._names.get(path, [path])
        count = _ClassAmount([self._hides.get(path)], 0, files)
        whole = [count, _ClassAmount([*map(self._empties.get, names)], size, 0)]
        apart = []
        for transfer in transfers:
            sent_names = filter(transfer.__contains__, names)
            empties = [*map(self._empties.get, sent_names)]
            apart += [count, _ClassAmount(empties, transfer.size(path), 0)]
        # What arrives in another way, or under another name, is counted apart for the transfer.
        if apart[:2] == whole:
            apart = apart[2:]
        elif transfers:
            apart += [_ClassAmount(part.chains, -part.content_bytes, -part.files) for part in whole]
        parts = [self._amount(key, part) for part in whole]
        parts += [self._amount(key._replace(fate="transfer"), part) for part in apart]
        return added([parts])

    def _takers_of(self, path: str, transfers: Sequence[Sent]) -> tuple[int, ...]:
        """Return the sources that copy an entry, or else those that nobody looked up."""
        if not transfers:
            return ()
        takers = [index for index, taker in enumerate(self._takers) if path in taker]
        if takers:
            return tuple(takers)
        return tuple(range(len(self._takers), len(self.instructions)))

    def _amount(self, key: _Key, part: _ClassAmount) -> ClassAmount:
        return ClassAmount(self._class(key, part.chains), part.content_bytes, part.files)

    def _class(self, key: _Key, chains: Chains) -> int:
        """Return the index of a class."""
        hidden: Chains = []
        if all(chains):
            hidden = chains
        classes = self.classes
        number = self._indexes.setdefault((key, str(hidden)), len(classes))
        if number == len(classes):
            by = None
            if key.decider is not None:
                by = self._pattern(key.decider)
            classes.append(PageValues(fate=key.fate, by=by, takers=key.takers, hidden_by=hidden))
        return number

    def _pattern(self, decider: int) -> int:
        """Return the index of the text of a pattern."""
        pattern = public_pattern(self._plan.spec.patterns[decider])
        text = str(pattern)
        if pattern.line:
            text += f" (line {pattern.line})"
        return self.patterns.setdefault(visible(text), len(self.patterns))


def _instructions(sources: Sequence[Source], top: int) -> list[str]:
    """Return the texts of the first sources, and one for each that has the number of the others."""
    texts = [
        f"{source.instruction} {source.written} (line {source.line})" for source in sources[:top]
    ]
    left = len(sources) - top
    if left > 0:
        texts.append(f"one of {left} further sources")
    return [fit(visible(text), LONGEST_NAME) for text in texts]


def _marks(snapshot: Snapshot) -> dict[str, Marks]:
    """Return the verdicts on entries by directory and name; `""` stands for most of them."""
    marks = defaultdict[str, Marks](dict)
    for event in Walk(snapshot.plan, everything=True, source=snapshot.root):
        if isinstance(event, Files | IgnoredEntries):
            marks[event.prefix] |= {"": event.mark, **event.others}
    return marks


def _further_names(snapshot: Snapshot, context: Sent) -> dict[str, list[str]]:
    """Return by path all names of a file that are sent, if it has several."""
    if not snapshot.has_further_names:
        return {}
    groups = defaultdict[int, list[str]](list)
    for directory in snapshot.folders:
        for file in directory.special:
            path = directory.prefix + file.name
            if path in context:
                groups[file.st_ino].append(path)
    groups.pop(0, None)  # files whose number is not known
    return {path: group for group in groups.values() for path in group}


def _taken_by(snapshot: Snapshot, source: Source) -> Sent:
    """Return what one source copies of what the ignore file leaves."""
    plan = snapshot.plan
    root = plan.root
    include = followed(root, source.path)
    if copies_all(source, include):
        return snapshot.sent(include=include)
    return snapshot.walked(copied(narrowed(plan.spec, include), source, root, include))


class _Gone(NamedTuple):
    """The paths that suggestions hide, and those that they hide or empty."""

    hidden: set[str]
    emptied: set[str]


def _chains(trial: Trial, suggestions: ShownSuggestions) -> tuple[ChainsByPath, ChainsByPath]:
    """Return by path which suggestions hide it, and which hide or empty it, in file order."""
    hides = ChainsByPath(list)
    empties = ChainsByPath(list)
    alone: dict[int, _Gone] = {}

    def gone(*chosen: int) -> _Gone:
        lines = [line for index in chosen for line in suggestions[index].patterns]
        attempt = trial.attempt(with_lines(trial.plan, lines))
        hidden = {*attempt.changes.hidden}
        return _Gone(hidden, {*hidden, *attempt.emptied})

    for index, has_exceptions in in_file_order(suggestions):
        own = gone(index)
        stays = _Gone(set(), set())  # paths that others hide, unless this one is on too
        if has_exceptions:
            for other, without in alone.items():
                both = gone(other, index)
                stays.hidden.update(without.hidden - both.hidden)
                stays.emptied.update(without.emptied - both.emptied)
        for subject, by_path in enumerate((hides, empties)):
            for path in own[subject]:
                by_path[path].append((index, "-"))
            for path in stays[subject] - own[subject]:
                by_path[path].append((index, "+"))
        alone[index] = own
    return hides, empties


def in_file_order(suggestions: ShownSuggestions) -> list[tuple[int, bool]]:
    """Return indexes, and whether there are exceptions, as `Advisor` has the lines: these last."""
    mixed = [suggestion.patterns[-1].startswith("!") for suggestion in suggestions]
    return sorted(enumerate(mixed), key=itemgetter(1))
