"""The classes of the entries of a context: alike are those of one fate, pattern and takers.

Most directories hold entries that are alike in all of this, so one of them answers for all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from operator import itemgetter
from posixpath import join
from stat import S_IFLNK, S_IFMT, S_IFREG
from typing import NamedTuple

from ctxsize.dockerfile.sources import Source
from ctxsize.engine.copied import copied, copies_all
from ctxsize.engine.evaluate import UNMATCHED, Marks
from ctxsize.engine.events import Files, IgnoredEntries, public_pattern
from ctxsize.engine.filesystem import File, MemoryDirectory
from ctxsize.engine.narrow import followed, narrowed
from ctxsize.engine.plan import own_path
from ctxsize.engine.snapshot import Names, NamesByDirectory, Sent, SentDifference, Snapshot
from ctxsize.engine.transfer_requests import includes_of, sources_of
from ctxsize.engine.trial import Trial, with_lines
from ctxsize.engine.walk import Walk
from ctxsize.formats.wording import fit, visible
from ctxsize.page.nodes import LONGEST_NAME, Amounts, ClassAmount, Leaf, added
from ctxsize.recommender.outcome import Suggestion

_KINDS = {S_IFREG: "f", S_IFLNK: "l"}  # the kinds of nodes by the type of a file
_NONE: Names = {}
PageValues = dict[str, object]
ShownSuggestions = Sequence[Suggestion]
Chain = list[tuple[int, str]]  # suggestions: the last one that is on hides if `-`, else keeps
Chains = list[Chain]
Property = Callable[[str], object]  # of an entry of a directory, by its name


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


class _Effect(NamedTuple):
    """The effect of a suggestion on the entries of the context."""

    suggestion: int
    left: NamesByDirectory  # the entries that it leaves
    kept: dict[str, Names]  # entries that others hide, unless this one is on too


Effects = list[_Effect]


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
        context = trial.before
        self._plan = plan
        self._ignored = ignored
        self._context = context
        self._own = own_path(plan)
        self._transfers: list[Sent] = []
        self.sources: tuple[Source, ...] = ()
        if travels:
            includes = includes_of(plan)
            self._transfers = [snapshot.sent(include=part).sharing(context) for part in includes]
        if travels and plan.builder.asks_for_paths:
            self.sources = sources_of(plan)
        self._takers = [
            _taken_by(snapshot, source).sharing(context) for source in self.sources[:top]
        ]
        self.instructions = _instructions(self.sources, top)
        self._hides, self._empties = _effects(trial, suggestions)
        self._marks = _marks(snapshot)
        self._names = _further_names(snapshot, context)
        self._unlike = defaultdict[str, dict[str, str]](dict)  # names of entries alone in a group
        resized = [SentDifference(context, transfer).resized for transfer in self._transfers]
        for path in {self._own or "", *self._names}.union(*resized):
            directory, _, name = path.rpartition("/")
            self._unlike[directory][name] = name
        parts = [part.names for part in (*self._transfers, *self._takers)]
        for effect in (*self._hides, *self._empties):
            parts += [effect.left, effect.kept]
        self._parts = [*{id(part): part for part in parts}.values()]
        self._indexes = dict[object, int]()
        self.classes = list[PageValues]()
        self.own: int | None = None  # the class of the ignore file
        self.patterns = dict[str, int]()

    def leaves(self, directory: MemoryDirectory) -> Iterator[Leaf]:
        """Yield the entries of a directory that are no directories."""
        for names in self._alike(directory):
            sizes = self._sizes(directory, names)
            if len(names) == 1:
                all_amounts = [self._amounts(directory, names[0], sizes[0], 1)]
            else:  # their bytes are of the same classes
                of_one_byte = self._amounts(directory, names[0], 1, 1)
                all_amounts = [_times(size, of_one_byte) for size in sizes]
            for name, amounts in zip(names, all_amounts, strict=True):
                if amounts:
                    yield Leaf(name, _kind(directory.entries[name]), amounts)

    def amounts(self, directory: MemoryDirectory) -> list[Amounts]:
        """Return the amounts of the entries that `leaves` yields, those of like ones together."""
        amounts = []
        for names in self._alike(directory):
            size = sum(self._sizes(directory, names))
            amounts.append(self._amounts(directory, names[0], size, len(names)))
        return [*filter(None, amounts)]

    def _alike(self, directory: MemoryDirectory) -> Collection[list[str]]:
        """Return the names of the entries that are alike, in the order of the first of them."""
        names = [*directory.entries]
        properties = [*self._properties(directory)]
        if names and not properties:
            return [names]
        by_properties = defaultdict(list)
        for name in names:
            by_properties[tuple([has(name) for has in properties])].append(name)
        return by_properties.values()

    def _properties(self, directory: MemoryDirectory) -> Iterator[Property]:
        """Yield the properties in which entries of a directory differ; the others are alike."""
        path = directory.path
        sent = self._context.names.get(path, _NONE)
        marks = self._marks[directory.prefix]
        if len(marks) > 1:
            yield marks.get
        if len(sent) < len(directory.entries):
            yield sent.__contains__
        if path in self._context.links:
            yield self._context.links[path].__contains__
        if path in self._unlike:
            yield self._unlike[path].get
        for part in self._parts:
            names = part.get(path)
            if names and names is not sent:
                yield names.__contains__

    def _sizes(self, directory: MemoryDirectory, names: Sequence[str]) -> list[int]:
        """Return the bytes of entries of a directory that are alike."""
        sent = self._context.names.get(directory.path, _NONE)
        if names[0] in sent:
            return [*map(sent.__getitem__, names)]
        return [_regular_bytes(directory.entries[name]) for name in names]

    def _amounts(self, directory: MemoryDirectory, name: str, size: int, files: int) -> Amounts:
        """Return the amounts of `files` entries like this one with `size` bytes, if any shows."""
        path = directory.prefix + name
        marks = self._marks[directory.prefix]
        mark = marks.get(name, marks[""])
        if _kind(directory.entries[name]) == "l":
            files = 0
        if path in self._context:
            amounts = self._sent(path, size, files, mark.decider)
            if path == self._own:
                self.own = amounts[0].number
                if self._plan.ignore_file is None:  # a new ignore file is not there yet
                    return []
            return amounts
        if self._ignored and mark.ignored:
            key = _Key("ignored", mark.decider, ())
            return [ClassAmount(self._class(key, []), size, files)]
        return []

    def _sent(self, path: str, size: int, files: int, decider: int | None) -> Amounts:
        """Return the amounts of entries like this one, which the ignore file leaves."""
        transfers = [transfer for transfer in self._transfers if path in transfer]
        fate = "travels" if transfers else "context"
        key = _Key(
            fate=fate,
            decider=decider,
            takers=self._takers_of(path, transfers),
            is_own=path == self._own,
        )
        names = self._names.get(path, [path])
        count = _ClassAmount([_chain(self._hides, path)], 0, files)
        empties = {name: _chain(self._empties, name) for name in names}
        whole = [count, _ClassAmount([*empties.values()], size, 0)]
        apart = []
        size_in_context = self._context.size(path)
        for transfer in transfers:
            chains = [empties[name] for name in names if name in transfer]
            size_in_transfer = transfer.size(path)
            if size_in_transfer == size_in_context:
                size_in_transfer = size
            apart += [count, _ClassAmount(chains, size_in_transfer, 0)]
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


def _kind(entry: int | File) -> str:
    """Return the kind of the node of an entry of a directory."""
    if isinstance(entry, int):
        return "f"
    return _KINDS.get(S_IFMT(entry.st_mode), "o")


def _regular_bytes(entry: int | File) -> int:
    """Return the bytes of a regular file, even if it cannot be read; 0 for others."""
    if isinstance(entry, int):
        return entry
    if _kind(entry) == "f":
        return entry.st_size
    return 0


def _times(size: int, of_one_byte: Amounts) -> Amounts:
    """Return the amounts of an entry of so many bytes."""
    return [ClassAmount(number, size * part, files) for number, part, files in of_one_byte]


def _chain(effects: Effects, path: str) -> Chain:
    """Return the effects that matter to an entry of the context."""
    directory, _, name = path.rpartition("/")
    chain: Chain = []
    for effect in effects:
        if name not in effect.left.get(directory, _NONE):
            chain.append((effect.suggestion, "-"))
        elif name in effect.kept.get(directory, _NONE):
            chain.append((effect.suggestion, "+"))
    return chain


def _marks(snapshot: Snapshot) -> dict[str, Marks]:
    """Return the verdicts on entries by directory and name; `""` stands for most of them."""
    unmatched = {"": UNMATCHED}  # shared by the directories without a verdict
    marks = defaultdict[str, Marks](lambda: unmatched)
    if snapshot.plan.spec.patterns:
        for event in Walk(snapshot.plan, everything=True, source=snapshot.root):
            if isinstance(event, Files | IgnoredEntries):
                marks.setdefault(event.prefix, {"": event.mark}).update(event.others)
    return marks


def _further_names(snapshot: Snapshot, context: Sent) -> dict[str, list[str]]:
    """Return by path all names of a file that are sent, if it has several."""
    if not snapshot.has_further_names:
        return {}
    groups = defaultdict(list)
    for directory in snapshot.folders:
        for file in directory.special:
            path = directory.prefix + file.name
            if path in context:
                groups[file.st_ino].append(path)
    groups.pop(0, None)  # files whose number is not known
    several = [group for group in groups.values() if len(group) > 1]
    return {path: group for group in several for path in group}


def _taken_by(snapshot: Snapshot, source: Source) -> Sent:
    """Return what one source copies of what the ignore file leaves."""
    plan = snapshot.plan
    root = plan.root
    include = followed(root, source.path)
    if copies_all(source, include):
        return snapshot.sent(include=include)
    return snapshot.walked(copied(narrowed(plan.spec, include), source, root, include))


def _effects(trial: Trial, suggestions: ShownSuggestions) -> tuple[Effects, Effects]:
    """Return in file order what each suggestion hides, and what each hides or empties."""
    hides: Effects = []
    empties: Effects = []

    def left(*chosen: int) -> tuple[NamesByDirectory, NamesByDirectory]:
        lines = [line for index in chosen for line in suggestions[index].patterns]
        attempt = trial.attempt(with_lines(trial.plan, lines))
        names = attempt.sent.names
        return names, _without(names, {*attempt.emptied})

    for index, has_exceptions in in_file_order(suggestions):
        own = [_Effect(index, names, {}) for names in left(index)]
        if has_exceptions:
            for others in zip(hides, empties, strict=True):
                both = left(others[0].suggestion, index)
                for effect, other, names in zip(own, others, both, strict=True):
                    _add_kept(effect.kept, trial.before, other.left, names)
        hides.append(own[0])
        empties.append(own[1])
    return hides, empties


def _without(names: NamesByDirectory, paths: Collection[str]) -> NamesByDirectory:
    """Return the names of entries but those at `paths`."""
    if not paths:
        return names
    left = {**names}
    for directory in {path.rpartition("/")[0] for path in paths}:
        left[directory] = {
            name: size
            for name, size in names[directory].items()
            if join(directory, name) not in paths
        }
    return left


def _add_kept(
    kept: dict[str, Names], context: Sent, other: NamesByDirectory, both: NamesByDirectory
) -> None:
    """Add the entries of the context that one suggestion hides, but not together with another."""
    for directory, sent in context.names.items():
        without = other.get(directory, _NONE)
        names = both.get(directory, _NONE)
        if names is not without:
            more = sent.keys() & names.keys() - without.keys()
            kept[directory] = {**kept.get(directory, _NONE), **dict.fromkeys(more, 0)}


def in_file_order(suggestions: ShownSuggestions) -> list[tuple[int, bool]]:
    """Return indexes, and whether there are exceptions, as `Advisor` has the lines: these last."""
    mixed = [suggestion.patterns[-1].startswith("!") for suggestion in suggestions]
    return sorted(enumerate(mixed), key=itemgetter(1))
