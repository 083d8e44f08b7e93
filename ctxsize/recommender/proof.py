"""The proof: an ignore file is tried on the context in memory, and every build with it.

What must hold: just the paths that were matched disappear and nothing else
changes; what a Dockerfile takes by name is still there; every COPY, ADD and
mount still finds its source. All of it with the code that decides in `measure`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache

from ctxsize.engine.events import Steps, step
from ctxsize.engine.golang import has_wildcards, match
from ctxsize.engine.listing import order
from ctxsize.engine.memory import Held
from ctxsize.engine.snapshot import Sent
from ctxsize.engine.trial import Attempt, Taken, Trial, with_lines
from ctxsize.errors import CtxsizeError
from ctxsize.recommender.build_files import BuildFile, BuildFiles, Named
from ctxsize.recommender.outcome import Suggestion
from ctxsize.recommender.tree import is_below, outermost


class Proof:
    """Says what is wrong with suggestions, by a trial of one context."""

    def __init__(self, trial: Trial, build_files: BuildFiles) -> None:
        self._trial = trial
        self._build_files = build_files
        self.needed = frozenset(self._entries(build_files.named))
        """The entries that are sent and that a Dockerfile takes by name."""

    def fault(self, suggestions: Sequence[Suggestion], data: bytes | None = None) -> str:
        """Return why the lines of `suggestions` do not hide just what they should, as a clause.

        They stand in the ignore file `data`, by default at the end of the one that is there.
        Return `""` if they do.
        """
        if data is None:
            lines = [line for each in suggestions for line in each.patterns]
            data = with_lines(self._trial.request, lines)
        try:
            attempt = self._trial.attempt(data)
        except CtxsizeError as error:
            return f"the builder rejects the pattern: {error.message}"
        lost = attempt.lost(self.needed)
        return (
            _fault(attempt, suggestions)
            or (f"{lost[0]}, which a Dockerfile takes, would disappear" if lost else "")
            or self.unfound(attempt)
        )

    def holding(
        self,
        suggestions: list[Suggestion],
        steps: Steps | None,
        before: Sequence[Suggestion] = (),
    ) -> tuple[list[Suggestion], list[tuple[Suggestion, str]]]:
        """Return the suggestions that hold together, and the others with what is wrong.

        The earlier ones have precedence; those in `before` hold.
        """
        fault = self.fault([*before, *suggestions]) if suggestions else ""
        if not fault:
            return suggestions, []
        if len(suggestions) == 1:
            return [], [(suggestions[0], fault)]
        step(steps, ", ".join(suggestions[0].patterns))
        half = len(suggestions) // 2
        first, failed = self.holding(suggestions[:half], steps, before)
        second, more = self.holding(suggestions[half:], steps, [*before, *first])
        return [*first, *second], [*failed, *more]

    def taken_by(self, names: Iterable[Named]) -> tuple[str, ...]:
        """Return the entries that are sent and that `names` name, outermost ones."""
        return tuple(sorted(outermost(frozenset(self._entries(names)))))

    def _entries(self, names: Iterable[Named]) -> Iterator[str]:
        before = self._trial.before
        for named in names:
            wild = any(map(has_wildcards, named.parts))
            paths = self._matching(named.parts) if wild else (named.path,)
            yield from (path for path in paths if path in before)

    def _matching(self, parts: Sequence[str]) -> Iterator[str]:
        """Yield the paths whose components match `parts`, each in turn."""
        level: list[Held] = [self._trial.snapshot.root]
        for part in parts[:-1]:
            folders = [folder for held in level for folder in held.folders.values()]
            level = [each for each in folders if match(part, each.name)]
        for held in level:
            for name in held.entries.keys() | held.folders.keys():
                if match(parts[-1], name):
                    yield held.prefix + name

    def unfound(self, attempt: Attempt) -> str:
        """Return a source that was found before and is not any more, as a clause."""
        lost = self._trial.lost_source(attempt, self._taken)
        return "" if lost is None else f"{lost.dockerfile}:{lost.line} would not find {lost.source}"

    @cached_property
    def _taken(self) -> list[Taken]:
        return [
            Taken(request, build_file.path, target, source, line)
            for build_file in self._build_files.all
            if build_file.request.builder.asks_for_paths
            for request in build_file.requests()
            for target, source, line in _sources(build_file, request.name)
        ]


def _fault(attempt: Attempt, suggestions: Iterable[Suggestion]) -> str:
    """Return the first thing that is wrong in the order of the builder, `""` if none is.

    A directory that is hidden may itself stay, empty; with `contents` it has to.
    """
    hidden = {path for each in suggestions for path in each.paths}
    stays = {path for each in suggestions if each.rule.contents for path in each.paths}
    kept = {path for each in suggestions for path in each.keeps}
    in_hidden, in_kept = _within(hidden), _within(kept)

    def must_stay(path: str) -> bool:
        return path in stays or in_kept(path)

    faults = []
    for path in attempt.changes.hidden:
        if path not in hidden and not in_hidden(path.rpartition("/")[0]):
            faults.append((path, f"{path} would disappear too"))
        elif must_stay(path):
            faults.append((path, f"{path} would disappear"))
    left = (path for path in _left(attempt.sent, hidden, in_hidden) if not must_stay(path))
    faults += [(path, f"{path} would still be sent") for path in left]
    if faults:
        return min(faults, key=lambda fault: order(fault[0]))[1]
    if attempt.emptied:
        return f"{attempt.emptied[0]} would be sent without its content"
    return f"{attempt.shown[0]} would be sent" if attempt.shown else ""


def _within(tops: Collection[str]) -> Callable[[str], bool]:
    """Return what says whether a path is one of `tops` or lies below one."""
    if not tops:  # as there mostly are none to be kept, and the paths are many
        return lambda path: False
    return lru_cache(maxsize=None)(lambda path: path in tops or is_below(path, tops))


def _left(sent: Sent, hidden: set[str], in_hidden: Callable[[str], bool]) -> Iterator[str]:
    """Yield the files that are sent and should not be."""
    yield from (path for path in hidden if path in sent and path not in sent.directories)
    for directory, names in sent.names.items():
        if in_hidden(directory):
            yield from (f"{directory}/{name}" for name in names)


def _sources(build_file: BuildFile, name: str) -> Iterator[tuple[str, str, int]]:
    """Yield what is taken from the context `name`: a target that reaches it, source, line."""
    seen = set()
    numbers: dict[object, int] = {}
    for target, need in build_file.needs:
        # The paths may be many: they are hashed once, not for each source.
        paths = numbers.setdefault(need.follow_paths, len(numbers))
        for source in need.sources:
            key = (paths, source.line, source.source)
            if source.context != name or source.kind not in ("copy", "add") or key in seen:
                continue
            seen.add(key)
            yield target, source.source, source.line
