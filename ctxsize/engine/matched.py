"""Which patterns of a list match a path, each by itself: found in one pass, not one by one.

An automaton forgets what cannot change a verdict. Here nothing is forgotten: what is
asked for are the matches, and not what becomes of a path.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from ctxsize.engine.automaton import Program
from ctxsize.engine.evaluate import matches
from ctxsize.engine.memory import Held
from ctxsize.engine.patterns import DockerIgnoreSpec, Step


def matcher(spec: DockerIgnoreSpec) -> Matcher:
    """Return what finds the matches of the patterns of `spec`."""
    plain = spec.remembers_parents and not any(each.fault for each in spec.patterns)
    return InOnePass(spec) if plain else Matcher(spec)


class Matcher:
    """Tries each pattern on each path: the reference, and for what does not split at slashes."""

    def __init__(self, spec: DockerIgnoreSpec) -> None:
        self.spec = spec

    def indexes(self, path: str) -> list[int]:
        """Return the indexes of the patterns that match `path` itself, in order."""
        return [at for at, each in enumerate(self.spec.patterns) if matches(each, path)]

    def in_tree(self, root: Held) -> Iterator[tuple[str, list[int]]]:
        """Yield each path below `root` that some pattern matches, with the indexes of these."""
        for held in root.tree():
            for name in [*held.entries, *held.folders]:
                path = held.prefix + name
                found = self.indexes(path)
                if found:
                    yield path, found

    def tops(self, root: Held) -> dict[str, set[str]]:
        """Return the topmost paths that some pattern matches: by directory, the names in it."""
        tops: dict[str, set[str]] = {}
        for path, _ in self.in_tree(root):
            directory, _, name = path.rpartition("/")
            tops.setdefault(directory, set()).add(name)
        return tops

    def step(self, path: str) -> Step:
        """Return what becomes of `path` by the patterns, wherever the builder enters or not."""
        return [step for _, step in self.spec.steps(path)][-1]


class InOnePass(Matcher):
    """Looks up which segments match a name, as the automaton does."""

    def __init__(self, spec: DockerIgnoreSpec) -> None:
        super().__init__(spec)
        self._program = Program(spec.patterns)
        self._live = {"": self._program.start}
        self._steps = {"": Step(False, 0, None)}

    def indexes(self, path: str) -> list[int]:
        directory, _, name = path.rpartition("/")
        live = self._live_in(directory)
        return self._owners(self._hits(live, directory, name)) if live else []

    def _live_in(self, directory: str) -> int:
        """Return the segments that may match a name in `directory`."""
        for each in _unknown(directory, self._live):
            above, _, name = each.rpartition("/")
            live = self._live[above]
            hits = self._hits(live, above, name)
            self._live[each] = self._program.follow(live, hits, name)
        return self._live[directory]

    def _hits(self, live: int, directory: str, name: str) -> int:
        hits = live & self._program.known[name]
        whole = live & self._program.whole_paths
        if whole:
            prefix = f"{directory}/" if directory else ""
            hits |= self._program.on_paths(whole, prefix, [name]).get(name, 0)
        return hits

    def _owners(self, hits: int) -> list[int]:
        """Return the patterns whose last segments are among `hits`."""
        hits &= self._program.final
        found: list[int] = []
        while hits:
            bit = hits & -hits
            owner = self._program.owner[bit.bit_length() - 1]
            if not found or found[-1] != owner:
                found.append(owner)
            hits ^= bit
        return found

    def in_tree(self, root: Held) -> Iterator[tuple[str, list[int]]]:
        for held, found in self._by_directory(root):
            for name, hits in found.items():
                yield held.prefix + name, self._owners(hits)

    def tops(self, root: Held) -> dict[str, set[str]]:
        return {held.path: {*found} for held, found in self._by_directory(root, topmost=True)}

    def _by_directory(
        self, root: Held, *, topmost: bool = False
    ) -> Iterator[tuple[Held, dict[str, int]]]:
        """Yield each directory that holds matches, and the last segments that match there."""
        pending = [(root, self._program.start)]
        while pending:
            held, live = pending.pop()
            found = self._found(live, held.prefix, [*held.entries, *held.folders])
            if found:
                yield held, found
            for name, folder in held.folders.items():
                if topmost and name in found:
                    continue
                below = self._program.follow(live, self._hits(live, held.path, name), name)
                if below:
                    pending.append((folder, below))

    def _found(self, live: int, prefix: str, names: Sequence[str]) -> dict[str, int]:
        watched = live & self._program.final
        if not watched:
            return {}
        found = {}
        for name in names:
            hits = watched & self._program.known[name]
            if hits:
                found[name] = hits
        whole = live & self._program.whole_paths
        more = self._program.on_paths(whole, prefix, names) if whole else {}
        for name, hits in more.items():
            found[name] = found.get(name, 0) | hits
        return found

    def step(self, path: str) -> Step:
        for each in _unknown(path, self._steps):
            parent = self._steps[each.rpartition("/")[0]]
            self._steps[each] = self._stepped(self.indexes(each), parent)
        return self._steps[path]

    def _stepped(self, matches: Iterable[int], parent: Step) -> Step:
        """Return the fate of a path, as `DockerIgnoreSpec.step` does with every pattern."""
        above, ignored, state = parent.state, False, 0
        remembered = [*_bits(above)]
        patterns = self.spec.patterns
        for index in sorted({*matches, *remembered}):
            ignores = bool(patterns[index].include)
            if above >> index & 1 or ignores != ignored:
                state |= 1 << index
                ignored = ignores
        return Step(ignored, state, state.bit_length() - 1 if state else None)


def _unknown(path: str, known: Collection[str]) -> list[str]:
    """Return `path` and the directories above it that are not known yet, topmost first."""
    found: list[str] = []
    while path not in known:
        found.append(path)
        path = path.rpartition("/")[0]
    return found[::-1]


def _bits(state: int) -> Iterator[int]:
    """Yield the indexes of the bits that are set."""
    while state:
        bit = state & -state
        yield bit.bit_length() - 1
        state ^= bit
