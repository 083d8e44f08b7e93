"""The classes of the entries of a context: alike are those of one fate, pattern and takers."""

from __future__ import annotations

import stat
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ctxsize.dockerfile.sources import Source
from ctxsize.engine.copied import copied, copies_all
from ctxsize.engine.events import Files, IgnoredEntries, public_pattern
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.narrow import followed, narrowed
from ctxsize.engine.plan import own_path
from ctxsize.engine.snapshot import Sent, Snapshot
from ctxsize.engine.transfer_requests import asked_of, includes_of
from ctxsize.engine.trial import Trial, with_lines
from ctxsize.engine.walk import Walk
from ctxsize.formats.wording import fit, visible
from ctxsize.page.nodes import LONGEST_NAME, ClassAmount, Leaf, added
from ctxsize.recommender.outcome import Suggestion

PageValues = dict[str, object]
Chain = list[tuple[int, str]]  # suggestions: the last one that is on hides if `-`, else keeps
Chains = list["Chain | None"]
ChainsByPath = defaultdict[str, Chain]


class _Verdict(NamedTuple):
    """The fate of an entry: ignored or not, and the index of the pattern that decides."""

    ignored: bool
    decider: int | None


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
        suggestions: Sequence[Suggestion],
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
        self.sources: list[Source] = []
        if travels:
            self._transfers = [snapshot.sent(include=include) for include in includes_of(plan)]
        if travels and plan.builder.asks_for_paths:
            sources = [source for asked in asked_of(plan) for source in asked.sources]
            self.sources = [*dict.fromkeys(sources)]
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
            verdict = marks.get(name) or marks[""]
            kind = _kind(file.st_mode)
            files = int(kind != "l")
            if name in sent:
                amounts = self._sent(path, sent[name], files, verdict.decider)
                if path == self._own:
                    self.own = amounts[0].number
                # A new ignore file is not there yet.
                if path != self._own or self._plan.ignore_file is not None:
                    yield Leaf(name, kind, amounts)
            elif self._ignored and verdict.ignored:
                size = 0
                if kind == "f":
                    size = file.st_size
                key = _Key("ignored", verdict.decider, ())
                amount = ClassAmount(self._class(key, []), size, files)
                yield Leaf(name, kind, [amount])

    def _sent(self, path: str, size: int, files: int, decider: int | None) -> list[ClassAmount]:
        """Return the amounts of an entry that the ignore file leaves."""
        transfers = [transfer for transfer in self._transfers if path in transfer]
        fate = "travels" if transfers else "context"
        takers = self._takers_of(path, transfers)
        key = _Key(fate, decider, takers, path == self._own)
        names = self._names.get(path, [path])
        hides = [self._hides.get(path)]
        whole = [
            _ClassAmount(hides, 0, files),
            _ClassAmount([self._empties.get(name) for name in names], size, 0),
        ]
        apart = []
        for transfer in transfers:
            empties = [self._empties.get(name) for name in names if name in transfer]
            apart += [whole[0], _ClassAmount(empties, transfer.size(path), 0)]
        # What arrives in another way, or under another name, is counted apart for the transfer.
        if apart[:2] == whole:
            apart = apart[2:]
        elif transfers:
            for part in whole:
                apart.append(_ClassAmount(part.chains, -part.content_bytes, -part.files))
        if not apart and whole[1].chains == hides:
            whole = [_ClassAmount(hides, size, files)]
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
            shape = PageValues(fate=key.fate, by=by, takers=key.takers, hidden_by=hidden)
            classes.append(shape)
        return number

    def _pattern(self, decider: int) -> int:
        """Return the index of the text of a pattern."""
        pattern = public_pattern(self._plan.spec.patterns[decider])
        text = str(pattern)
        if pattern.line:
            text += f" (line {pattern.line})"
        return self.patterns.setdefault(visible(text), len(self.patterns))


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "f"
    if stat.S_ISLNK(mode):
        return "l"
    return "o"


def _instructions(sources: Sequence[Source], top: int) -> list[str]:
    """Return the texts of the first sources, and one for each that has the number of the others."""
    texts = []
    for source in sources[:top]:
        texts.append(f"{source.instruction} {source.written} (line {source.line})")
    left = len(sources) - top
    if left > 0:
        texts.append(f"one of {left} further sources")
    return [fit(visible(text), LONGEST_NAME) for text in texts]


def _marks(snapshot: Snapshot) -> dict[str, dict[str, _Verdict]]:
    """Return the verdicts on entries by directory and name; `""` stands for most of them."""
    marks = defaultdict[str, dict[str, _Verdict]](dict)
    for event in Walk(snapshot.plan, everything=True, source=snapshot.root):
        if isinstance(event, Files | IgnoredEntries):
            by_name = {"": event.mark, **event.others}
            for name, mark in by_name.items():
                marks[event.prefix][name] = _Verdict(*mark[:2])
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
    spec = narrowed(plan.spec, include)
    return snapshot.walked(copied(spec, source, root, include))


class _Gone(NamedTuple):
    """The paths that suggestions hide, and those that they hide or empty."""

    hidden: set[str]
    emptied: set[str]


def _chains(trial: Trial, suggestions: Sequence[Suggestion]) -> tuple[ChainsByPath, ChainsByPath]:
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
        stays = set[str](), set[str]()  # paths that others hide, unless this one is on too
        if has_exceptions:
            for other, without in alone.items():
                both = gone(other, index)
                for paths, one, two, hidden in zip(stays, without, both, own, strict=True):
                    paths |= one - two - hidden
        for by_path, hidden, paths in zip((hides, empties), own, stays, strict=True):
            for path in hidden:
                by_path[path].append((index, "-"))
            for path in paths:
                by_path[path].append((index, "+"))
        alone[index] = own
    return hides, empties


def in_file_order(suggestions: Sequence[Suggestion]) -> list[tuple[int, bool]]:
    """Return indexes, and whether there are exceptions, as `Advisor` has the lines: these last."""
    mixed = [suggestion.patterns[-1].startswith("!") for suggestion in suggestions]
    return sorted(enumerate(mixed), key=lambda pair: pair[1])
