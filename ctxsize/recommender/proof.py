"""The proof: an ignore file is tried on the context in memory, and every build with it.

What must hold: just the paths that were matched disappear and nothing else
changes; what a Dockerfile takes by name is still there; every COPY, ADD and
mount still finds its source. All of it with the code that decides in `measure`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ctxsize.engine.goglob import has_wildcards, match
from ctxsize.engine.request import Request, with_ignore_file
from ctxsize.engine.snapshot import Sent, Snapshot
from ctxsize.engine.sourcing import Sources
from ctxsize.errors import CtxsizeError
from ctxsize.recommender.forms import Candidate
from ctxsize.recommender.recipes import Named, Recipe, Recipes
from ctxsize.recommender.tree import is_below


@dataclass(frozen=True)
class Verdict:
    """What a trial showed."""

    fault: str = ""
    """What was wrong, as a clause; empty if all of it held."""
    sent: Sent | None = None
    """What would be sent, if the ignore file could be read."""

    @property
    def holds(self) -> bool:
        """Whether the proof holds."""
        return not self.fault


class Proof:
    """Tries candidates on one context; what is sent before is worked out once."""

    def __init__(self, snapshot: Snapshot, recipes: Recipes) -> None:
        self._snapshot = snapshot
        self._request = snapshot.request
        self._recipes = recipes
        self.before = snapshot.sent()
        self.needed = frozenset(self._entries(recipes.named))
        """The entries that are sent and that a Dockerfile takes by name."""
        self._found: dict[tuple[str, str, str, int, str], bool] = {}

    def of(self, candidates: Sequence[Candidate]) -> Verdict:
        """Whether the lines of `candidates`, at the end of the ignore file, do what they should."""
        lines = [line for each in candidates for line in each.lines]
        data = with_lines(self._request, lines)
        hidden = [path for each in candidates for path in each.paths]
        contents = {path for each in candidates if each.rule.contents for path in each.paths}
        kept = {path for each in candidates for path in each.keeps}
        return self.of_file(data, hidden, stays=contents, keeps=kept)

    def of_file(
        self,
        data: bytes,
        hidden: Iterable[str],
        *,
        stays: Iterable[str] = (),
        keeps: Iterable[str] = (),
    ) -> Verdict:
        """Whether the ignore file `data` hides all below `hidden`, and nothing else.

        A directory in `hidden` may itself stay, empty; one in `stays` has to.
        What is in `keeps` has to stay with all that is below it.
        """
        try:
            after = with_ignore_file(self._request, data)
            sent = self._snapshot.sent(after.spec)
        except CtxsizeError as error:
            return Verdict(f"the builder rejects the pattern: {error.message}")
        kept = frozenset(keeps)
        stay = {
            *stays,
            *(path for path in self.before.paths if path in kept or is_below(path, kept)),
        }
        fault = self._wrong(sent, frozenset(hidden), frozenset(stay))
        return Verdict(fault or self._lost(sent) or self.unfound(data), sent)

    def _wrong(self, sent: Sent, hidden: frozenset[str], stays: frozenset[str]) -> str:
        """What disappears though it should not, or stays though it should not."""
        for path in self.before.paths:
            below = is_below(path, hidden)
            gone = path not in sent
            if gone and not below and path not in hidden:
                return f"{path} would disappear too"
            if gone and path in stays:
                return f"{path} would disappear"
            expected = below and path not in stays and path not in self.before.directories
            if not gone and (expected or self._is_hidden_file(path, hidden)) and path not in stays:
                return f"{path} would still be sent"
        emptied = min(sent.empty - self.before.empty, default="")
        if emptied:
            return f"{emptied} would be sent without its content"
        return next((f"{path} would be sent" for path in sent.paths if path not in self.before), "")

    def _is_hidden_file(self, path: str, hidden: frozenset[str]) -> bool:
        return path in hidden and path not in self.before.directories

    def _lost(self, sent: Sent) -> str:
        """What a Dockerfile takes by name, and no longer finds."""
        lost = sorted(path for path in self.needed if path not in sent)
        return f"{lost[0]}, which a Dockerfile takes, would disappear" if lost else ""

    def taken_by(self, names: Iterable[Named]) -> tuple[str, ...]:
        """The entries that are sent and that `names` name, outermost ones."""
        found = frozenset(self._entries(names))
        return tuple(sorted(path for path in found if not is_below(path, found)))

    def _entries(self, names: Iterable[Named]) -> Iterable[str]:
        for named in names:
            if not any(map(has_wildcards, named.parts)):
                if named.path in self.before:
                    yield named.path
                continue
            parts = named.parts
            for path in self.before.paths:
                if path.count("/") == len(parts) - 1 and all(map(match, parts, path.split("/"))):
                    yield path

    def unfound(self, data: bytes) -> str:
        """A source that was found before and is not any more under `data`, as a clause."""
        for recipe in self._recipes.recipes:
            if not recipe.request.builder.asks_for_paths:
                continue
            for request in recipe.requests():
                before, after = _Finder(request), _Finder(with_ignore_file(request, data))
                for target, source, line in _sources(recipe, request.name):
                    where = (target, line, source)
                    if self._finds(before, recipe.path, where) and not after.finds(*where):
                        return f"{recipe.path}:{line} would not find {source}"
        return ""

    def _finds(self, finder: _Finder, path: str, where: tuple[str, int, str]) -> bool:
        key = (path, finder.request.name, *where)
        if key not in self._found:
            self._found[key] = finder.finds(*where)
        return self._found[key]


class _Finder:
    """Says whether a build finds its sources; what each target takes is read once."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self._sources: dict[str, Sources] = {}

    def finds(self, target: str, line: int, source: str) -> bool:
        """Return whether the build of `target` finds a source; the unknown counts as found."""
        try:
            if target not in self._sources:
                asked = replace(self.request, build=replace(self.request.build, target=target))
                self._sources[target] = Sources(asked, brief=True)
            checks = self._sources[target].check(str(line))
        except CtxsizeError:
            return True
        return all(check.found for check in checks if check.source == source)


def with_lines(request: Request, lines: Iterable[str]) -> bytes:
    """The ignore file that governs `request` with `lines` behind all of its own."""
    before = b"" if request.ignore_file is None else request.ignore_file.data
    if before and not before.endswith(b"\n"):
        before += b"\n"
    return before + "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


def _sources(recipe: Recipe, name: str) -> Iterable[tuple[str, str, int]]:
    """What is taken from the context `name`: a target that reaches it, the source, its line."""
    seen = set()
    numbers: dict[object, int] = {}
    for target, need in recipe.needs:
        # The paths may be many: they are hashed once, not for each source.
        paths = numbers.setdefault(need.follow_paths, len(numbers))
        for source in need.sources:
            key = (paths, source.line, source.source)
            if source.context != name or source.kind not in ("copy", "add") or key in seen:
                continue
            seen.add(key)
            yield target, source.source, source.line
