"""What of a context a build may take: the small files that tell of dependencies."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from functools import cached_property

from ctxsize.advice.recipe import Recipe
from ctxsize.advice.repository import Repository, governing
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.patterns import DockerIgnoreSpec
from ctxsize.errors import IgnoreFileError


@dataclass(frozen=True)
class Contents:
    """What the contexts of a recipe have in common, without what is ignored."""

    repository: Repository
    recipe: Recipe
    below: str = ""
    """The directory of the context that names are relative to."""

    @cached_property
    def _roots(self) -> tuple[str, ...]:
        return self.recipe.contexts or (".",)

    @cached_property
    def _spec(self) -> DockerIgnoreSpec:
        data = governing(self.repository, self.recipe, self._roots[0]) or b""
        try:
            return DockerIgnoreSpec.from_lines(IgnoreFile.parse("", data).texts())
        except IgnoreFileError:
            return DockerIgnoreSpec([])

    def has(self, name: str) -> bool:
        """Return whether it is a file that is sent; with a slash at its end, a directory."""
        path = posixpath.normpath(posixpath.join(self.below, name))
        if path.startswith(("..", "/")) or self._spec.match_file(path):
            return False
        is_there = os.path.isdir if name.endswith("/") else os.path.isfile
        return all(is_there(os.path.join(root, path)) for root in self._roots)

    def has_above(self, *names: str) -> bool:
        """Return whether one of these files is in a directory above, up to the context."""
        levels = self.below.count("/") + bool(self.below)
        return any(self.has("../" * up + name) for up in range(1, levels + 1) for name in names)

    def text(self, name: str) -> str:
        """Return what a file says, `""` if it is not sent or cannot be read."""
        path = os.path.join(self._roots[0], self.below, name)
        data = self.repository.content(path) if self.has(name) else None
        return (data or b"").decode("utf-8", "replace")
