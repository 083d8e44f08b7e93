"""Which instructions of the Dockerfile would carry a path into the build."""

from __future__ import annotations

import stat
from dataclasses import replace

from ctxsize.dockerfile import Source
from ctxsize.engine.arrivals import Arrivals
from ctxsize.engine.explain import entry_at
from ctxsize.engine.follow import follow
from ctxsize.engine.listing import WITHHELD
from ctxsize.engine.narrow import include_spec
from ctxsize.engine.need import BLAMED, Paths, asked_of, evaluator_of, is_wrong_target
from ctxsize.engine.patterns import DockerIgnoreSpec
from ctxsize.engine.request import Request
from ctxsize.errors import CtxsizeError, IgnoreFileError
from ctxsize.explanations import Explanation, Taker


class Takers:
    """Tells which instructions take a path; `unknown` says why, where nothing can.

    Raises `CtxsizeError` for a target that the Dockerfile does not have.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._sources: tuple[Source, ...] | None = None
        self._paths: tuple[Paths, ...] = ()
        self._specs: dict[str, DockerIgnoreSpec | None] = {}
        self.unknown = self._read()

    def _read(self) -> str | None:
        """Read the Dockerfile; why what it takes is not known, or None."""
        request = self._request
        if not request.builder.asks_for_paths:
            return f"{request.builder.title} takes the whole context, whatever the Dockerfile says"
        if request.dockerfile is None:
            return "not known, as there is no Dockerfile"
        try:
            asked = asked_of(request)
        except CtxsizeError as error:
            if is_wrong_target(request):
                raise
            return f"not known: {error}"
        self._paths = tuple(each.paths for each in asked)
        self._sources = tuple(dict.fromkeys(source for each in asked for source in each.sources))
        return None

    def added_to(self, explained: Explanation) -> Explanation:
        """`explained` with the instructions that take its path."""
        if explained.path == ".":
            return explained
        if self._sources is None:
            return replace(explained, takers_unknown=self.unknown)
        try:
            takers = tuple(self._of(explained.path, self._sources))
            explained = self._with_emptied(explained)
        except (CtxsizeError, IgnoreFileError) as error:
            return replace(explained, takers_unknown=f"not known: {error}")
        return replace(explained, takers=takers)

    def _with_emptied(self, explained: Explanation) -> Explanation:
        """`explained`, with word of it if what the Dockerfile asks for empties the file."""
        found = entry_at(self._request, explained.path)
        regular = not isinstance(found, str) and stat.S_ISREG(found.st_mode)
        if not regular or explained.arrives_empty or explained.verdict.ignored:
            return explained
        for paths in self._paths:
            evaluator = evaluator_of(self._request, paths)
            if evaluator is not None and Arrivals(self._request, evaluator).empties(explained.path):
                return replace(explained, arrives_empty=f"{WITHHELD}, for {BLAMED}")
        return explained

    def _of(self, path: str, sources: tuple[Source, ...]) -> list[Taker]:
        found = entry_at(self._request, path)
        directory = not isinstance(found, str) and stat.S_ISDIR(found.st_mode)
        takers = []
        for source in sources:
            takes, below = self._takes(source, path)
            if takes or (below and directory):
                takers.append(
                    Taker(source.instruction, source.line, source.source, source.kind, not takes)
                )
        return takers

    def _takes(self, source: Source, path: str) -> tuple[bool, bool]:
        """Return whether `source` takes `path`, and else whether it may take something below it."""
        if source.path not in self._specs:
            include = follow(self._request.root, (source.path,))
            self._specs[source.path] = None if include is None else include_spec(include)
        spec = self._specs[source.path]
        if spec is None:
            return True, False
        for ancestor, step in spec.steps(path):
            if ancestor == path and not step.ignored:
                return True, False
            if step.ignored and not spec.enters(ancestor):
                return False, False
        return False, True
