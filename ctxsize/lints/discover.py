"""Which ignore files there are below a directory, and which builds read each of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from ctxsize.build import Build
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.goglob import has_wildcards
from ctxsize.engine.inspect import listing_at
from ctxsize.engine.need import context_need_of
from ctxsize.engine.request import without_patterns
from ctxsize.errors import CtxsizeError

_SKIPPED = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", ".tox"})
_DOCKERFILE = re.compile(
    r"(?:Dockerfile|Containerfile)(?:[.-][\w.-]+)?|dockerfile|[\w.-]+\.[Dd]ockerfile"
)
_NO_DOCKERFILE = re.compile(r".*\.(?:(?:docker|container)ignore|md|txt|orig|bak|j2|te?mpl(?:ate)?)")

SUFFIXES = (".dockerignore", ".containerignore")


@dataclass(frozen=True)
class Target:
    """An ignore file to lint, and what is known about its builds."""

    path: str
    """As the user would name it."""
    context: str | None = None
    """The directory whose context it governs, None if that is not known."""
    dockerfiles: tuple[str, ...] = ()
    fallback: str | None = None
    """The general ignore file that a Dockerfile-specific one replaces."""
    unread: str | None = None
    likely_unread: str | None = None


@dataclass(frozen=True)
class Layout:
    """The ignore files and Dockerfiles below `root`."""

    root: str
    ignore_files: tuple[str, ...]
    dockerfiles: tuple[str, ...]

    @classmethod
    def below(cls, root: str) -> Layout:
        """What there is below the directory `root`; no symlink is followed to another one."""
        ignore_files, dockerfiles = [], []
        pending = [root]
        while pending:
            directory = pending.pop()
            folders, names = listing_at(directory if directory else ".")
            for name in names:
                path = _joined(directory, name)
                if is_ignore_file(name):
                    ignore_files.append(path)
                elif is_dockerfile(name) and os.path.isfile(path):  # noqa: PTH113
                    dockerfiles.append(path)
            for name in folders:
                if is_ignore_file(name):
                    ignore_files.append(_joined(directory, name))
                elif name not in _SKIPPED:
                    pending.append(_joined(directory, name))
        return cls(root, tuple(sorted(ignore_files)), tuple(sorted(dockerfiles)))

    @cached_property
    def contexts(self) -> dict[str, str | None]:
        """For each Dockerfile the directory that all its sources count from, None if unknown."""
        return {path: self._context_of(path) for path in self.dockerfiles}

    def _context_of(self, dockerfile: str) -> str | None:
        own = os.path.dirname(dockerfile)  # noqa: PTH120
        sources = _sources(own, dockerfile)
        if sources is None:
            return None
        for directory in self._upward(own):
            if all(os.path.lexists(_joined(directory, source)) for source in sources):
                return directory
        return None

    def _upward(self, directory: str) -> Iterator[str]:
        """`directory` and those above it, up to `root`."""
        top = os.path.normpath(self.root)
        while True:
            yield directory
            if os.path.normpath(directory or ".") == top or not directory:
                return
            directory = os.path.dirname(directory)  # noqa: PTH120

    def targets(self) -> list[Target]:
        """Every ignore file with its builds."""
        return [self.target(path) for path in self.ignore_files]

    def target(self, path: str) -> Target:
        """The ignore file at `path` with its builds."""
        directory, name = os.path.split(path)
        if not os.path.isfile(path):  # noqa: PTH113
            return Target(path, unread=_no_file(path))
        if name.casefold() in SUFFIXES:
            return self._general(path, directory, name)
        return self._specific(path, directory, name)

    def _general(self, path: str, directory: str, name: str) -> Target:
        here = directory or "."
        if name not in SUFFIXES:
            return Target(path, here, unread=f"its name is {name.casefold()}, in lower case")
        if _leaves(path, here):
            return Target(path, here, unread="the symlink leaves the context")
        mine = [
            each
            for each, context in self.contexts.items()
            if context == directory and not _has_own(each, self.ignore_files)
        ]
        return Target(path, here, tuple(mine), likely_unread=self._elsewhere(directory))

    def _elsewhere(self, directory: str) -> str | None:
        """That every Dockerfile of `directory` is built from a directory above, if it is so."""
        own = [each for each in self.dockerfiles if os.path.dirname(each) == directory]  # noqa: PTH120
        contexts = {self.contexts[each] for each in own}
        if not own or None in contexts or directory in contexts:
            return None
        if any(context == directory for context in self.contexts.values()):
            return None
        above = sorted(each or "." for each in contexts if each is not None)
        return f"what {own[0]} takes is found from {above[0]} and not from {directory}"

    def _specific(self, path: str, directory: str, name: str) -> Target:
        dockerfile = _joined(directory, name.rpartition(".")[0])
        if not os.path.isfile(dockerfile):  # noqa: PTH113
            return Target(path, unread=f"there is no {dockerfile} beside it")
        context = self.contexts.get(dockerfile) if dockerfile in self.contexts else None
        if context is None and dockerfile not in self.contexts:
            context = self._context_of(dockerfile)
        if context is None:
            return Target(path)
        general = _joined(context, ".dockerignore")
        fallback = general if os.path.isfile(general) else None  # noqa: PTH113
        return Target(path, context or ".", (dockerfile,), fallback)


def is_ignore_file(name: str) -> bool:
    """Whether a file of that name is an ignore file, or is meant to be one."""
    return name.casefold().endswith(SUFFIXES)


def is_dockerfile(name: str) -> bool:
    """Whether a file of that name is a Dockerfile by its name."""
    return bool(_DOCKERFILE.fullmatch(name)) and not _NO_DOCKERFILE.fullmatch(name)


def _sources(directory: str, dockerfile: str) -> Sequence[str] | None:
    """The paths without wildcards that any stage takes from the context; None if unknown."""
    try:
        build = Build(directory or ".", dockerfile)
        need = context_need_of(without_patterns(build, next(iter(BUILDERS.values()))))
    except CtxsizeError:
        return None
    return [
        source.path
        for source in need.sources
        if not source.context and not has_wildcards(source.path) and "\0" not in source.path
    ]


def _has_own(dockerfile: str, ignore_files: Sequence[str]) -> bool:
    return f"{dockerfile}.dockerignore" in ignore_files


def _leaves(path: str, directory: str) -> bool:
    """Whether the ignore file is a symlink that leads out of its directory."""
    if not os.path.islink(path):  # noqa: PTH114
        return False
    root = os.path.realpath(directory)
    return os.path.commonpath([root, os.path.realpath(path)]) != root


def _no_file(path: str) -> str:
    if os.path.isdir(path):  # noqa: PTH112
        return "it is a directory"
    return "the symlink leads nowhere" if os.path.islink(path) else "it is no regular file"  # noqa: PTH114


def _joined(directory: str, name: str) -> str:
    """`name` in `directory`, without a `./` in front."""
    return os.path.normpath(os.path.join(directory, name))  # noqa: PTH118
