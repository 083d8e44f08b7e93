"""The class of each file: whether it travels, what decides, and which suggestions would hide it."""

from __future__ import annotations

import stat
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from ctxsize.engine.automaton import fastest
from ctxsize.engine.evaluate import DockerIgnoreSpec, HasMark, Mark
from ctxsize.engine.events import public_pattern
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.need import Include
from ctxsize.engine.source import MemoryDirectory
from ctxsize.engine.trace import Takers
from ctxsize.engine.trial import Matcher, Trial, own_path, with_lines
from ctxsize.formats.wording import visible
from ctxsize.picture.treemap import Leaf, leaf

Chain = tuple[tuple[int, str], ...]
"""Suggestions that matter for a file; the last one that is on hides it with `-`."""
Hidden = tuple[Chain, ...]
"""Chains that all have to hide something; without any it stays."""
_Key = tuple[Any, ...]


@dataclass(frozen=True)
class FateClass:
    """Files with the same fate, for the same reason."""

    fate: str
    """`travels`, `context` (sent by no transfer), `transfer` (counted there alone), `ignored`."""
    by: int | None = None
    """Index of the pattern that decides."""
    takers: tuple[int, ...] = ()
    """Indexes of the instructions that take them."""
    hidden_by: Hidden = ()


class Choices:
    """The fate of entries under any choice of suggestions, each with its lines in file order."""

    def __init__(self, trial: Trial, lines: Sequence[tuple[int, str]]) -> None:
        """Find what the lines match; each has the index of its suggestion."""
        self._trial, self._lines = trial, lines
        spec = trial.request.builder.spec_class.from_lines(line for _, line in lines)
        self._hits = defaultdict[str, dict[str, list[int]]](dict)
        for path, found in Matcher(spec).in_tree(trial.snapshot.root) if lines else ():
            directory, _, name = path.rpartition("/")
            self._hits[directory][name] = [lines[each][0] for each in found]
        self._known: dict[object, tuple[Chain, Chain]] = {}
        self._spec = cache(self._made)

    def hits(self, directory: str) -> dict[str, list[int]]:
        """Return the suggestions whose lines match a name in the directory, for each with any."""
        return self._hits.get(directory, {})

    def chains(self, key: _Key, path: str, refused: bool) -> tuple[Chain, Chain]:
        """Return what hides the entry at `path`, and what hides or empties it.

        `key` is a chain of pairs: suggestions that match, from the entry to the top.
        """
        if (key, refused) not in self._known:
            rules, rest = set[int](), key
            while rest:
                rules.update(rest[0])
                rest = rest[-1]
            order = [each for each in dict.fromkeys(at for at, _ in self._lines) if each in rules]
            self._known[key, refused] = (
                self._chain(order, path, refuses=False),
                self._chain(order, path, refuses=True),
            )
        return self._known[key, refused]

    def _chain(self, rules: Sequence[int], path: str, *, refuses: bool) -> Chain:
        """Return how each suggestion decides, alone and behind those that hide."""

        def hides(*chosen: int) -> bool:
            spec = self._spec(chosen)
            return spec.match_file(path) or (refuses and spec.may_refuse and spec.refuses(path))

        chain: list[tuple[int, str]] = []
        for rule in rules:
            if hides(rule):
                chain.append((rule, "-"))
            elif any(sign == "-" and not hides(other, rule) for other, sign in chain):
                chain.append((rule, "+"))
        return tuple(chain)

    def _made(self, chosen: Collection[int]) -> DockerIgnoreSpec:
        data = with_lines(
            self._trial.request, (line for rule, line in self._lines if rule in chosen)
        )
        spec = self._trial.spec(IgnoreFile.parse("", data).texts())
        assert spec is not None  # the suggestions are proved
        return spec


class Fates:
    """Sorts the entries of one context into classes."""

    def __init__(
        self, trial: Trial, includes: Sequence[Include], choices: Choices, *, ignored: bool
    ) -> None:
        """Read the verdicts; `ignored` adds the ignored files."""
        self._snapshot, self._choices, self._ignored = trial.snapshot, choices, ignored
        self.classes: dict[tuple[FateClass, bool], int] = {}
        self._known: dict[tuple[object, ...], int] = {}
        self.patterns: dict[str, int] = {}
        self.instructions: list[str] = []
        request = self._request = trial.request
        self._context = trial.before
        self._transfers = [trial.snapshot.sent(include=each) for each in includes]
        takers = Takers(request) if includes else None
        self._takers = None if takers is None or takers.unknown else takers
        self._own = own_path(request)
        self._evaluator = fastest(request.spec)
        self._at: dict[str, tuple[HasMark, bool, _Key]] = {"": (self._evaluator.root(), False, ())}
        for held in trial.snapshot.root.tree():
            self._enter(held)
        self._names = self._further_names() if trial.snapshot.has_further_names else {}

    def _enter(self, held: MemoryDirectory) -> None:
        """Note the state of each subdirectory, as a walk has it."""
        state, passed_by, key = self._at[held.path]
        hits = self._choices.hits(held.path)
        for name, folder in held.folders.items():
            inner, passed = state, passed_by
            if not passed_by:
                inner = self._evaluator.enter(state, held.prefix, name)
                ignored = inner.mark.ignored
                passed = ignored and not self._evaluator.enters(inner, folder.path)
            self._at[folder.path] = inner, passed, self._key(key, hits.get(name), inner.mark)

    @staticmethod
    def _key(above: _Key, hits: list[int] | None, mark: Mark) -> _Key:
        return (tuple(hits), mark.ignored, above) if hits else above

    def _further_names(self) -> dict[int, list[str]]:
        """Return the sent names of each file with several, by inode number."""
        found = defaultdict[int, list[str]](list)
        for held in self._snapshot.folders:
            for each in held.special:
                if each.st_ino and each.name in self._context.names.get(held.path, {}):
                    found[each.st_ino].append(held.prefix + each.name)
        return found

    def own_class(self) -> int | None:
        """Return the class of the ignore file, None if it is not sent; it has one alone."""
        return next((at for (_, own), at in self.classes.items() if own), None)

    def items(self, held: MemoryDirectory) -> list[Leaf]:
        """Return the entries of a directory, with their amounts by class."""
        state, passed_by, above = self._at[held.path]
        names, prefix, hits = [*held.entries], held.prefix, self._choices.hits(held.path)
        others = {} if passed_by else self._evaluator.others(state, prefix, names)
        sent = self._context.names.get(held.path, {})
        takers = self._takers_of(held.path, [name for name in names if name in sent])
        found: list[Leaf] = []
        for name in names:
            path, entry, mark = prefix + name, held.entries[name], others.get(name, state.mark)
            kind = "f" if isinstance(entry, int) else _kind(entry.st_mode)
            key = self._key(above, hits.get(name), mark)
            if name in sent:
                amounts = self._sent(path, kind, mark, key, takers.get(name, 0))
            elif self._ignored and mark.ignored:
                size = entry if isinstance(entry, int) else entry.st_size * (kind == "f")
                amounts = [(self._class("ignored", mark, 0, []), size, kind != "l")]
            else:
                continue
            if path != self._own or self._request.ignore_file is not None:
                found.append(leaf(path, name, kind, tuple(amounts)))
        return found

    def _takers_of(self, directory: str, names: list[str]) -> dict[str, int]:
        if self._takers is None or not names:
            return {}
        sources, found = self._takers.among(directory, names)
        if not self.instructions:
            texts = (f"{e.instruction} {e.source} (line {e.line})" for e in sources)
            self.instructions = [*map(visible, texts)]
        return found

    def _sent(
        self, path: str, kind: str, mark: Mark, key: _Key, takers: int
    ) -> list[tuple[int, int, int]]:
        """Return the amounts of an entry that the ignore file leaves."""
        files, size = int(kind != "l"), self._context.size(path)
        moved = [each for each in self._transfers if path in each]
        hides, empties = self._choices.chains(key, path, mark.refused) if key else ((), ())
        fate = "travels" if moved else "context"
        file = self._snapshot.file(path) if self._names else None
        names = [path] if file is None else self._names.get(file.st_ino, [path])
        if len(moved) > 1 or len(names) > 1 or any(each.size(path) != size for each in moved):
            parts = [("context", 0, files, [hides]), ("context", size, 0, self._emptied(names))]
            for each in moved:
                others = self._emptied([name for name in names if name in each])
                parts += [("transfer", 0, files, [hides])]
                parts += [("transfer", each.size(path), 0, others)]
        elif hides == empties:
            parts = [(fate, size, files, [hides])]
        else:
            parts = [(fate, 0, files, [hides]), (fate, size, 0, [empties])]
        return [
            (self._class(fate, mark, takers, hidden, path), size, count)
            for at, (fate, size, count, hidden) in enumerate(parts)
            if not at or size or count
        ]

    def _emptied(self, paths: list[str]) -> list[Chain]:
        """Return the chains that hide or empty each of the sent entries at `paths`."""
        chains = list[Chain]()
        for path in paths:
            directory, _, name = path.rpartition("/")
            state, _, above = self._at[directory]
            prefix = path[: len(path) - len(name)]
            mark = self._evaluator.others(state, prefix, [name]).get(name, state.mark)
            key = self._key(above, self._choices.hits(directory).get(name), mark)
            chains.append(self._choices.chains(key, path, mark.refused)[1] if key else ())
        return chains

    def _class(
        self, fate: str, mark: Mark, takers: int, chains: list[Chain], path: str = ""
    ) -> int:
        hidden = tuple(dict.fromkeys(chains)) if all(chains) else ()
        known = (fate, mark.decider, takers, hidden, path == self._own and bool(path))
        if known not in self._known:
            found = FateClass(fate, self._pattern(mark.decider), _bits(takers), hidden)
            self._known[known] = self.classes.setdefault((found, known[-1]), len(self.classes))
        return self._known[known]

    def _pattern(self, decider: int | None) -> int | None:
        if decider is None:
            return None
        pattern = public_pattern(self._request.spec.patterns[decider])
        text = visible(f"{pattern} (line {pattern.line})" if pattern.line else str(pattern))
        return self.patterns.setdefault(text, len(self.patterns))


def _bits(mask: int) -> tuple[int, ...]:
    return tuple(at for at in range(mask.bit_length()) if mask >> at & 1)


def _kind(mode: int) -> str:
    return "f" if stat.S_ISREG(mode) else "l" if stat.S_ISLNK(mode) else "o"
