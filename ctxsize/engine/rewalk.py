"""Computes the answer under other patterns from that under similar ones.

The fate of a path changes only if a pattern that was added or removed matches the path or a
directory above it, as a fate depends only on patterns that match these. So only such paths are
walked again, by the walk of `measure`, and only with patterns that match one of them or a
directory above.
"""

from __future__ import annotations

from functools import cached_property
from itertools import chain
from typing import Any

from ctxsize.engine.automaton import Automaton, fastest
from ctxsize.engine.evaluate import DockerIgnoreSpec, Evaluator
from ctxsize.engine.memory import Held
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.snapshot import Sent, Snapshot
from ctxsize.engine.trace import Matcher

_MOST_CHANGED = 2_000
"""Number of changed patterns up to which only the paths they match are walked again."""
_MANY = 200
"""Number of patterns from which those without a match in the walked part are left out."""
_NOWHERE = "\0"
"""A directory that no exception leads to, unless exceptions lead to every directory."""


class Basis:
    """A list of patterns and its answer, from which answers for other lists are computed."""

    def __init__(self, snapshot: Snapshot, spec: DockerIgnoreSpec) -> None:
        """Compute the first answer. Raises what a walk raises."""
        self._snapshot = snapshot
        self.spec = spec
        self.sent = snapshot.sent(spec)

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher(self.spec)

    def under(self, spec: DockerIgnoreSpec) -> Sent:
        """Return the entries that `spec` sends. Raises what a walk raises."""
        changed = None if self._snapshot.has_further_names else _changed(self.spec, spec)
        tops = None if changed is None else self._tops(changed, spec)
        if changed is None or tops is None:
            return self._snapshot.sent(spec)
        if not tops:
            return self.sent
        above, part = _part(self._snapshot, tops)
        return self._patched(tops, above, self._snapshot.met(self._few(part, changed, spec), part))

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
            # The builder enters ignored directories for them, where other exceptions may match.
            tops.setdefault("", set()).update(each.text.split("/")[0] for each in exceptions)
        return tops

    def _few(
        self, part: Held, changed: list[DockerIgnorePattern], spec: DockerIgnoreSpec
    ) -> Evaluator[Any]:
        """Return an evaluator for `part` of the context. Few of many patterns matter there."""
        if len(spec.patterns) < _MANY:
            return fastest(spec)
        patterns = self.spec.patterns
        wanted = {_key(patterns[at]) for _, found in self._matcher.in_tree(part) for at in found}
        wanted.update(map(_key, changed))
        few = spec.__class__(each for each in spec.patterns if _key(each) in wanted)
        return Automaton(few, enters=spec.enters)

    def _patched(self, tops: dict[str, set[str]], above: set[str], inside: Sent) -> Sent:
        """Return the sent entries, with those at and below `tops` replaced by `inside`."""
        before, below = self.sent, set[str]()
        for directory, top in tops.items():
            held = self._snapshot.folder(directory)
            folders = {} if held is None else held.folders
            for name in top & folders.keys():
                below.update(each.path for each in folders[name].tree())

        def is_inside(path: str) -> bool:
            directory, _, name = path.rpartition("/")
            return directory in below or name in tops.get(directory, ())

        names = {at: each for at, each in before.names.items() if at not in below}
        for directory, top in tops.items():
            kept = {n: size for n, size in names.pop(directory, {}).items() if n not in top}
            if kept:
                names[directory] = kept
        for directory, found in inside.names.items():
            names[directory] = {**names.get(directory, {}), **found}
        # An ignored directory is sent only for an entry that is sent below it.
        doubtful = above - inside.directories
        sure = (before.directories - below - doubtful) | inside.directories
        needed = {
            each
            for each in doubtful & before.directories
            if each in names or any(path.startswith(f"{each}/") for path in chain(sure, names))
        }
        empty = {path for path in before.empty if not is_inside(path)}
        return Sent(names, sure | needed, inside.empty | empty, before.links)


def _part(snapshot: Snapshot, tops: dict[str, set[str]]) -> tuple[set[str], Held]:
    """Return the directories above `tops`, and a context with nothing but these and `tops`."""
    wanted = {directory: {*names} for directory, names in tops.items()}
    for directory in tops:
        while directory:
            directory, _, name = directory.rpartition("/")
            wanted.setdefault(directory, set()).add(name)
    made: dict[str, Held] = {}
    for path in sorted(wanted, key=len, reverse=True):
        held, top = snapshot.folder(path), tops.get(path, frozenset[str]())
        if held is not None:
            entries = {name: each for name, each in held.entries.items() if name in top}
            folders = {
                name: each if name in top else made[each.path]
                for name, each in held.folders.items()
                if name in wanted[path]
            }
            made[path] = Held(path, entries, folders)
    return wanted.keys() - {""}, made[""]


def _changed(before: DockerIgnoreSpec, after: DockerIgnoreSpec) -> list[DockerIgnorePattern] | None:
    """Return the patterns between the common beginning and the common end of two lists.

    None if they are too many, or if the patterns cannot be evaluated independently.
    """
    old, new = [*before.patterns], [*after.patterns]
    if not (before.remembers_parents and after.remembers_parents):
        return None
    if any(each.fault for each in chain(old, new)):
        return None
    while old and new and _key(old[-1]) == _key(new[-1]):
        del old[-1], new[-1]
    same = 0
    while same < min(len(old), len(new)) and _key(old[same]) == _key(new[same]):
        same += 1
    changed = [*old[same:], *new[same:]]
    return None if len(changed) > _MOST_CHANGED else changed


def _key(pattern: DockerIgnorePattern) -> tuple[str, bool | None]:
    return pattern.text, pattern.include
