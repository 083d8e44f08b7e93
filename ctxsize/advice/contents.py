"""What of a context a build may take: the small files that tell of dependencies."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ctxsize.advice.recipe import Recipe
from ctxsize.advice.repository import Repository, governing
from ctxsize.engine.border import holds
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.patterns import DockerIgnoreSpec
from ctxsize.errors import IgnoreFileError
from ctxsize.reader import read_start

_LARGEST_BYTES = 1 << 20


@dataclass(frozen=True, eq=False)
class Contents:
    """What the contexts of a recipe have in common, without what is ignored."""

    repository: Repository
    recipe: Recipe
    below: str = ""
    """The directory of the context that names are relative to."""

    @property
    def root(self) -> str:
        """Return the first context."""
        return self._roots[0]

    @property
    def _roots(self) -> tuple[str, ...]:
        return self.recipe.contexts or (".",)

    @cached_property
    def _spec(self) -> DockerIgnoreSpec:
        data = governing(self.repository, self.recipe, self.root) or b""
        try:
            return DockerIgnoreSpec.from_lines(IgnoreFile.parse("", data).texts())
        except IgnoreFileError:
            return DockerIgnoreSpec([])

    def path(self, name: str) -> str:
        """`name` relative to the context."""
        return posixpath.normpath(posixpath.join(self.below, name))

    def has(self, name: str) -> bool:
        """Return whether it is a file that is sent."""
        path = self.path(name)
        if path.startswith(("..", "/")) or self._spec.match_file(path):
            return False
        return all(os.path.isfile(os.path.join(root, path)) for root in self._roots)

    def has_directory(self, name: str) -> bool:
        """Return whether it is a directory that is sent."""
        path = self.path(name)
        found = all(os.path.isdir(os.path.join(root, path)) for root in self._roots)
        return found and not self._spec.match_file(path)

    def above(self, *names: str) -> bool:
        """Return whether one of these files is in a directory above, up to the context."""
        levels = self.below.count("/") + bool(self.below)
        return any(self.has("../" * up + name) for up in range(1, levels + 1) for name in names)

    def those(self, *names: str) -> tuple[str, ...]:
        """Return the files among `names` that are sent; directories if they end with a slash."""
        return tuple(
            name
            for name in names
            if (self.has_directory(name) if name.endswith("/") else self.has(name))
        )

    def _is_inside(self, path: str) -> bool:
        """Return whether no symlink and no `..` leads out of the context."""
        return holds(os.path.realpath(self.root), os.path.join(self.root, path))

    def text(self, name: str) -> str:
        """Return what a file says, `""` if it cannot be read."""
        if not self._is_inside(self.path(name)):
            return ""
        try:
            start = read_start(Path(self.root, self.path(name)), _LARGEST_BYTES)
            return start.decode("utf-8", "replace")
        except OSError:
            return ""
