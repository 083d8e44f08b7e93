"""What of a context a build may take: the small files that tell of dependencies."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from ctxsize.advice.recipe import Recipe
from ctxsize.advice.repository import Repository, governing
from ctxsize.engine.border import holds
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.patterns import DockerIgnoreSpec
from ctxsize.errors import IgnoreFileError
from ctxsize.reader import read_start

_DEEPEST = 5
_LARGEST_BYTES = 1 << 20
_PASSED_BY = frozenset(("node_modules", "vendor", "target", "bin", "obj", "dist", "build"))


@dataclass(frozen=True, eq=False)
class Contents:
    """What the contexts of a recipe have in common, without what is ignored."""

    repository: Repository
    recipe: Recipe
    below: str = ""
    """The directory of the context that names are relative to."""

    @property
    def root(self) -> str:
        """The first context."""
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

    def matching(self, *patterns: str) -> Iterator[str]:
        """Yield the files below whose names match, in order; not in hidden and made directories."""
        for path in self._walk("", 0):
            if any(fnmatchcase(posixpath.basename(path).lower(), each) for each in patterns):
                yield path

    def _walk(self, directory: str, depth: int) -> Iterator[str]:
        if not self._is_inside(self.path(directory)):
            return
        try:
            with os.scandir(Path(self.root, self.path(directory))) as entries:
                found = sorted(entries, key=lambda each: each.name)
        except OSError:
            return
        for entry in found:
            path = posixpath.join(directory, entry.name)
            if entry.is_dir(follow_symlinks=False):
                hidden = entry.name.startswith(".") or entry.name in _PASSED_BY
                if depth < _DEEPEST and not hidden:
                    yield from self._walk(path, depth + 1)
            elif self.has(path):
                yield path


def by_directory(names: Iterable[str]) -> dict[str, list[str]]:
    """`names` by the directory that each is in; a directory stands alone."""
    found: dict[str, list[str]] = {}
    for name in names:
        directory = name if name.endswith("/") else posixpath.dirname(name)
        found.setdefault(directory, []).append(name)
    return found
