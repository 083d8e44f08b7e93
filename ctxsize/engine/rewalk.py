"""The answer under other patterns, worked out from the answer under some: most of it stays.

A path whose fate changes is matched by a pattern that came or went, or lies below such a
path: what a directory hands down to its entries is made of the patterns that matched it
and those above it. So only these paths are walked again, by the walk that decides in
`measure`, and with those patterns alone that match one of them or a directory above.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

from ctxsize.engine.automaton import Automaton, fastest
from ctxsize.engine.evaluate import DockerIgnoreSpec, Evaluator
from ctxsize.engine.matched import Matcher
from ctxsize.engine.memory import Held
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.snapshot import Names, Sent, Snapshot, met

_MOST_CHANGED = 2_000
"""Number of patterns that come or go up to which their matches are looked for."""
_MANY = 200
"""Number of patterns from which those are picked out that matter where it is walked again."""
_AHEAD = 4
"""Number of patterns that may come or go together and are still seen as such."""
_NOWHERE = "\0"
"""A directory that no exception leads to, unless exceptions lead everywhere."""


class Basis:
    """What some patterns send of a snapshot, to work out what others send."""

    def __init__(self, snapshot: Snapshot, spec: DockerIgnoreSpec) -> None:
        """Raise what a walk raises."""
        self._snapshot = snapshot
        self.spec = spec
        self.sent = snapshot.sent(spec)

    @cached_property
    def matcher(self) -> Matcher:
        """Return what its patterns match, each by itself."""
        return Matcher(self.spec)

    def under(self, spec: DockerIgnoreSpec) -> Sent:
        """Return what `spec` sends. Raises what a walk raises."""
        changed = None if self._snapshot.has_further_names else _changed(self.spec, spec)
        tops = None if changed is None else self._tops(changed, spec)
        if changed is None or tops is None:
            return self._snapshot.sent(spec)
        if not tops:
            return self.sent
        region = _Region(self._snapshot, tops)
        return self._patched(region, self._evaluator(region, changed, spec))

    def _tops(
        self, changed: list[DockerIgnorePattern], spec: DockerIgnoreSpec
    ) -> dict[str, set[str]] | None:
        """Return the topmost paths whose fate may change, by directory; None if any may."""
        tops = Matcher(spec.__class__(changed)).tops(self._snapshot.root)
        exceptions = [each for each in changed if not each.include]
        if not exceptions:
            return tops
        if spec.__class__.reach is not DockerIgnoreSpec.reach:
            return None
        everywhere = self.spec.enters(_NOWHERE)
        if spec.enters(_NOWHERE) != everywhere:
            return None
        if not everywhere:
            # Ignored directories are entered for them, in which others may let something in.
            tops.setdefault("", set()).update(each.text.split("/")[0] for each in exceptions)
        return tops

    def _evaluator(
        self, region: _Region, changed: list[DockerIgnorePattern], spec: DockerIgnoreSpec
    ) -> Evaluator[Any]:
        if len(spec.patterns) < _MANY:
            return fastest(spec)
        patterns = self.spec.patterns
        found = self.matcher.in_tree(region.root)
        wanted = {_key(patterns[at]) for _, indexes in found for at in indexes}
        wanted.update(map(_key, changed))
        few = spec.__class__(each for each in spec.patterns if _key(each) in wanted)
        return Automaton(few, enters=spec.enters)

    def _patched(self, region: _Region, evaluator: Evaluator[Any]) -> Sent:
        """Return what is sent, with what is in `region` as `evaluator` has it."""
        before, inside = self.sent, met(self._snapshot.request, evaluator, region.root)
        names = dict(before.names)
        files, content_bytes = before.files, before.content_bytes
        for directory, lost in region.taken_from(names):
            links = self._snapshot.links.get(directory, frozenset())
            files -= len(lost) - len(links.intersection(lost))
            content_bytes -= sum(lost.values())
        for directory, found in inside.names.items():
            names[directory] = {**names[directory], **found} if directory in names else found
        return Sent(
            names,
            self._directories(region, inside, names),
            inside.empty.union(path for path in before.empty if not region.holds(path)),
            content_bytes + inside.content_bytes,
            files + inside.files,
        )

    def _directories(
        self, region: _Region, inside: Sent, names: Mapping[str, Names]
    ) -> frozenset[str]:
        """Return the directories that are sent; an ignored one is for what is sent below it."""
        before = self.sent.directories
        doubtful = region.above - inside.directories
        sure = (before - region.below - doubtful) | inside.directories
        kept = {
            each
            for each in doubtful & before
            if each in names or any(path.startswith(f"{each}/") for path in chain(sure, names))
        }
        return sure | kept


class _Region:
    """The part of a snapshot at and below some paths, as a tree of its own."""

    def __init__(self, snapshot: Snapshot, tops: Mapping[str, set[str]]) -> None:
        self._snapshot = snapshot
        self._tops = tops
        self._folders: dict[str, set[str]] = {}
        """By directory, the folders in it that are part of the region or lead there."""
        for directory, names in tops.items():
            self._folders.setdefault(directory, set()).update(names)
            while directory:
                directory, _, name = directory.rpartition("/")
                self._folders.setdefault(directory, set()).add(name)
        self.above = frozenset(each for each in self._folders if each)
        """The directories that hold a part of it."""
        self.root = self._part()

    def _part(self) -> Held:
        """Return the context with what of it is in the region, or leads there."""
        made: dict[str, Held] = {}
        for path in sorted(self._folders, key=lambda path: -path.count("/") if path else 1):
            held, wanted = self._snapshot.folder(path), self._folders[path]
            if held is not None:
                tops = self._tops.get(path, frozenset[str]())
                entries = {name: each for name, each in held.entries.items() if name in tops}
                folders = [each for each in held.folders if each.name in wanted]
                parts = [each if each.name in tops else made[each.path] for each in folders]
                made[path] = Held(path, entries, parts)
        return made[""]

    @cached_property
    def below(self) -> frozenset[str]:
        """Return the directories that are in it as a whole."""
        return frozenset(each.path for top in self._whole() for each in top.tree())

    def _whole(self) -> Iterator[Held]:
        for directory, names in self._tops.items():
            held = self._snapshot.folder(directory)
            for folder in held.folders if held is not None else ():
                if folder.name in names:
                    yield folder

    def taken_from(self, names: dict[str, Names]) -> Iterator[tuple[str, Names]]:
        """Remove what is in the region from `names`, and yield it by directory."""
        for directory in self.below:
            lost = names.pop(directory, None)
            if lost:
                yield directory, lost
        for directory, tops in self._tops.items():
            here = names.get(directory, {})
            lost = {name: here[name] for name in tops if name in here}
            if lost:
                yield directory, lost
            kept = {name: size for name, size in here.items() if name not in lost}
            if kept:
                names[directory] = kept
            else:
                names.pop(directory, None)

    def holds(self, path: str) -> bool:
        """Return whether a file is in the region."""
        directory, _, name = path.rpartition("/")
        return directory in self.below or name in self._tops.get(directory, ())


def _changed(before: DockerIgnoreSpec, after: DockerIgnoreSpec) -> list[DockerIgnorePattern] | None:
    """Return the patterns that come or go; the others are the same ones in the same order.

    None if they are too many, or if not each pattern speaks for itself.
    """
    old, new = list(before.patterns), list(after.patterns)
    if not (before.remembers_parents and after.remembers_parents):
        return None
    if any(each.fault for each in chain(old, new)):
        return None
    changed: list[DockerIgnorePattern] = []
    at = there = 0
    while at < len(old) and there < len(new) and len(changed) <= _MOST_CHANGED:
        if _same(old[at], new[there]):
            at, there = at + 1, there + 1
            continue
        come = _distance(new, there, old[at])
        gone = 0 if come else _distance(old, at, new[there])
        if not come and not gone:
            come = gone = 1
        changed += [*old[at : at + gone], *new[there : there + come]]
        at, there = at + gone, there + come
    changed += [*old[at:], *new[there:]]
    return None if len(changed) > _MOST_CHANGED else changed


def _distance(patterns: Sequence[DockerIgnorePattern], at: int, wanted: DockerIgnorePattern) -> int:
    """Return how far behind `at` the pattern `wanted` stands, 0 if it is not near."""
    near = patterns[at + 1 : at + _AHEAD]
    return next((number for number, each in enumerate(near, 1) if _same(each, wanted)), 0)


def _same(one: DockerIgnorePattern, other: DockerIgnorePattern) -> bool:
    return one is other or _key(one) == _key(other)


def _key(pattern: DockerIgnorePattern) -> tuple[str, bool | None]:
    return pattern.text, pattern.include
