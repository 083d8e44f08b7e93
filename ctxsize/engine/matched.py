"""Finds all patterns of a list that match a path, in one pass.

The automaton drops patterns that can no longer change a verdict. Here no pattern is dropped,
as the matches themselves are the answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ctxsize.engine.automaton import Program
from ctxsize.engine.evaluate import DockerIgnoreSpec, Step
from ctxsize.engine.memory import MemoryDirectory


class Matcher:
    """Looks up the segments that match a name, as the automaton does."""

    def __init__(self, spec: DockerIgnoreSpec) -> None:
        self.spec = spec
        # Else each path is evaluated alone, or a pattern may stop the build.
        self._hands_down = spec.remembers_parents and not any(each.fault for each in spec.patterns)
        self._program = Program(spec.patterns)
        self._live = {"": self._program.start}
        self._steps = {"": Step(False, 0, None)}

    def indexes(self, path: str) -> list[int]:
        """Return the indexes of the patterns that match `path` itself, in order."""
        directory, _, name = path.rpartition("/")
        live = self._live_in(directory)
        return self._owners(self._hits(live, directory, [name]).get(name, 0))

    def in_tree(self, root: MemoryDirectory) -> Iterator[tuple[str, list[int]]]:
        """Yield each matched path below `root`, with the indexes of the patterns that match it."""
        for held, found in self._by_directory(root):
            for name, hits in found.items():
                yield held.prefix + name, self._owners(hits)

    def tops(self, root: MemoryDirectory) -> dict[str, set[str]]:
        """Return the topmost matched paths: names by directory."""
        return {held.path: {*found} for held, found in self._by_directory(root, topmost=True)}

    def step(self, path: str) -> Step:
        """Return the fate of `path`, as if the builder entered every directory above it."""
        if not self._hands_down:
            return [*self.spec.steps(path)][-1][1]
        for each in _unknown(path, self._steps):
            above = self._steps[each.rpartition("/")[0]].state
            ignored, state = False, 0
            # The same as `DockerIgnoreSpec.step`, but only for the patterns that match.
            for index in sorted({*self.indexes(each), *_bits(above)}):
                ignores = bool(self.spec.patterns[index].include)
                if above >> index & 1 or ignores != ignored:
                    state |= 1 << index
                    ignored = ignores
            self._steps[each] = Step(ignored, state, state.bit_length() - 1 if state else None)
        return self._steps[path]

    def _live_in(self, directory: str) -> int:
        """Return the segments that may match a name in `directory`."""
        for each in _unknown(directory, self._live):
            above, _, name = each.rpartition("/")
            live = self._live[above]
            hits = self._hits(live, above, [name]).get(name, 0)
            self._live[each] = self._program.follow(live, hits, name)
        return self._live[directory]

    def _hits(self, live: int, directory: str, names: Sequence[str]) -> dict[str, int]:
        """Return the matching ones of the `live` segments, for each name with any."""
        if not live:
            return {}
        known = self._program.known
        found = {name: hits for name in names if (hits := live & known[name])}
        whole = live & self._program.whole_paths
        prefix = f"{directory}/" if directory else ""
        more = self._program.on_paths(whole, prefix, names) if whole else {}
        for name, hits in more.items():
            found[name] = found.get(name, 0) | hits
        return found

    def _owners(self, hits: int) -> list[int]:
        """Return the patterns whose last segments are among `hits`."""
        owner = self._program.owner
        return [*dict.fromkeys(owner[bit] for bit in _bits(hits & self._program.final))]

    def _by_directory(
        self, root: MemoryDirectory, *, topmost: bool = False
    ) -> Iterator[tuple[MemoryDirectory, dict[str, int]]]:
        """Yield each directory with matches, and the last segments that match each name there."""
        program = self._program
        pending = [(root, program.start)]
        while pending:
            held, live = pending.pop()
            hits = self._hits(live, held.path, [*held.entries, *held.folders])
            found = {name: last for name, each in hits.items() if (last := each & program.final)}
            if found:
                yield held, found
            for name, folder in held.folders.items():
                below = program.follow(live, hits.get(name, 0), name)
                if below and not (topmost and name in found):
                    pending.append((folder, below))


def _unknown(path: str, known: Collection[str]) -> list[str]:
    """Return `path` and the directories above it that are not in `known`, topmost first."""
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
