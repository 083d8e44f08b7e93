"""The Dockerfiles whose builds an ignore file governs, and what they take of the context."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from ctxsize.dockerfile import ContextNeed, Dockerfile
from ctxsize.engine.narrow import follow
from ctxsize.engine.need import context_need_of
from ctxsize.engine.request import Request
from ctxsize.errors import CtxsizeError
from ctxsize.lints.tree import LintTree


@dataclass(frozen=True)
class GovernedBuild:
    """One Dockerfile that is built from the context; `request.build` says how."""

    request: Request

    @property
    def path(self) -> str:
        """Return the Dockerfile as the user would name it."""
        return self.request.dockerfile or "Dockerfile"

    @cached_property
    def parsed(self) -> Dockerfile | None:
        """Return the Dockerfile, None where it cannot be read."""
        try:
            return self.request.plan.dockerfile
        except CtxsizeError:
            return None

    @cached_property
    def need(self) -> ContextNeed | None:
        """Return what the build takes, None where that is not known."""
        try:
            return context_need_of(self.request)
        except CtxsizeError:
            return None

    def for_targets(self) -> Iterator[GovernedBuild]:
        """Yield this build, and those of the other stages, the last one first."""
        yield self
        build = self.request.build
        if self.parsed is None or build.target:
            return
        for stage in self.request.plan.dockerfile.stages[-2::-1]:
            if stage.name:
                yield GovernedBuild(replace(self.request, build=replace(build, target=stage.name)))

    @cached_property
    def follow_paths(self) -> tuple[str, ...] | None:
        """Return the include patterns of what is asked for; None for all of the context."""
        need = self.need
        if need is None or not self.request.builder.asks_for_paths:
            return None
        if not need.context_used:
            return ()
        try:
            return (
                None if need.follow_paths is None else follow(self.request.root, need.follow_paths)
            )
        except CtxsizeError:
            return None


def taken(uses: Collection[GovernedBuild], tree: LintTree) -> frozenset[str] | None:
    """Return the paths that some build makes travel, None where no Dockerfile is known."""
    known = [use for use in uses if use.need is not None]
    if not known:
        return None
    found = set[str]()
    for use in known:
        if use.follow_paths is None:
            return frozenset(tree.now.paths)
        spec = tree.trial.spec(tree.texts)
        if spec is not None:
            found |= set(tree.snapshot.sent(spec, include=use.follow_paths).paths)
    return frozenset(found)
