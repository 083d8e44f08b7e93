"""The context of a clean checkout of HEAD beside that of the working tree.

Git lists the tree of HEAD, and the ignore file of HEAD governs. Nothing is checked out and no
filter runs, so a file has the size that git keeps; problems name what a checkout converts or adds.
"""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from heapq import nsmallest

from ctxsize.engine import git
from ctxsize.engine.dockerfiles import STDIN, follow_links, ignore_file_paths
from ctxsize.engine.evaluate import up_to
from ctxsize.engine.events import Files
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.request import Request, inside, with_ignore_file
from ctxsize.engine.source import File, MemoryDirectory
from ctxsize.engine.walk import Walk
from ctxsize.errors import InputError
from ctxsize.model import Problem, Reason
from ctxsize.units import human, plural

Sizes = Mapping[str, int]
"""Bytes of content of each file that is sent, by path in the context."""
_NAMED = 10
"""Number of paths to name of each kind of difference."""
_POINTER_BYTES = 1024
"""Number of bytes of the largest pointer of git-lfs."""
_ATTRIBUTES = {
    "lfs": (":(attr:filter=lfs)", "they may be LFS pointers"),
    "filter": (":(exclude,attr:!filter)", "they pass a filter"),
    "line-ends": (":(attr:eol=crlf)", "it writes CRLF"),
    "encoding": (":(exclude,attr:!working-tree-encoding)", "it writes another encoding"),
}
"""By code, pathspecs of files that a checkout may convert, and how."""


class Checkout:
    """The context of `request`, and as `request` the same of HEAD; both without `.git`."""

    def __init__(self, request: Request) -> None:
        """Read both. Raises `InputError` without a commit, and what `Walk` raises."""
        found = git.find(request.root)
        if found.repository is None:
            why = found.problem.message if found.problem else "this is no git repository"
            raise InputError(why, path=request.context)
        self._repository, self._tree = found.repository, request
        try:
            self._read()
        except git.GitError as error:
            no_commit = "Not a valid object name" in str(error)
            why = "it has no commit yet" if no_commit else str(error)
            raise InputError(f"git cannot list HEAD: {why}", path=request.context) from None

    def _read(self) -> None:
        below = os.path.relpath(self._tree.root, self._repository.top) + "/"
        below = "" if below == "./" else below
        head = self._repository.head.items()
        self._files = {path[len(below) :]: e for path, e in head if path.startswith(below)}
        if below and not self._files:
            raise InputError("HEAD has no such directory", path=self._tree.context)
        self.request = self._with_ignore_file()
        self.sizes: Sizes = sent_sizes(Walk(self.request, source=_directories(self._files)))
        walk = Walk(self._tree)
        here = sent_sizes(walk)
        own = [path for path in here if path.partition("/")[0] == ".git"]
        size = human(sum(map(here.pop, own)))
        found = [*walk.problems, *self._conversions(), *self._changes()]
        if own:
            message = f"{plural(len(own), 'file')}, {size}, not counted: a checkout has its own"
            found.append(Problem("git-directory", message, ".git"))
        self.here, self.problems = here, tuple(found)
        self.differences = self._differences()

    def _with_ignore_file(self) -> Request:
        """Return the request with the ignore file that governs in HEAD."""
        tree = replace(self._tree, ignore_file=None, dockerfile_specific=False)
        for path, specific in ignore_file_paths(tree.context, tree.dockerfile, tree.builder):
            anywhere = tree.builder.links_may_leave or (specific and tree.builder.must_read)
            if (data := self._content(path, anywhere=anywhere)) is not None:
                own = replace(tree, ignore_file=IgnoreFile(path, ()), dockerfile_specific=specific)
                return with_ignore_file(own, data)
        return replace(with_ignore_file(tree, b""), ignore_file=None)

    def _content(self, path: str, *, anywhere: bool = True) -> bytes | None:
        """Return a file of HEAD, None if there is none; a symlink stays in HEAD, or beside it."""
        within = inside(self._repository.top, path) or ""
        base, name = ("", within) if anywhere else os.path.split(within)

        def at(here: str, is_kind: Callable[[int], bool]) -> bytes | None:
            blob = self._repository.head.get(os.path.join(base, here))
            return self._repository.content(blob) if blob and is_kind(blob.mode) else None

        def target_of(here: str) -> str | None:
            target = at(here, stat.S_ISLNK)
            return None if target is None else os.fsdecode(target)

        end, is_end = follow_links(name, target_of)
        return at(end, stat.S_ISREG) if is_end else None

    def _differences(self) -> tuple[Reason, ...]:
        """Return what only one side sends, and other sizes, by kind; `content_bytes` changes."""
        deltas = defaultdict[str, dict[str, int]](dict)
        for path in {**self.sizes, **self.here}:
            was, now = self.sizes.get(path), self.here.get(path)
            if was != now:
                deltas[self._reason(path)][path] = (now or 0) - (was or 0)
        found = [_kind(kind, each) for kind, each in deltas.items()]
        return tuple(sorted(found, key=lambda each: (-abs(each.content_bytes), each.kind)))

    def _reason(self, path: str) -> str:
        if path in self.sizes and path in self.here:
            return "changed-size"
        if path in self.sizes:
            return "ignored-here" if self._tree.spec.check_file(path).include else "missing-here"
        if path in self._files and self.request.spec.check_file(path).include:
            return "ignored-in-head"
        if any(each in self._files for each in up_to(path)[:-1]):
            return "in-submodule"
        return "ignored-by-git" if self._repository.ignores(path) else "not-committed"

    def _conversions(self) -> Iterator[Problem]:
        """Yield what git alone does not know: what a checkout converts, or gets from elsewhere."""
        submodules = [path for path, blob in self._files.items() if blob.is_submodule]
        why = "without content: CI has it if it checks out submodules"
        yield from _problem("submodules", submodules, "submodule", why)
        missing = [path for path in self.sizes if self._files[path].size_bytes is None]
        why = "counted as empty: this partial clone has not fetched them"
        yield from _problem("not-fetched", missing, "file", why)
        if not any(path.endswith(".gitattributes") for path in self._repository.head):
            return
        seen = set[str]()
        for code, (pathspec, how) in _ATTRIBUTES.items():
            found = sorted(self._repository.matching(pathspec) & self.sizes.keys() - seen)
            seen.update(found)
            if code == "lfs":
                found = [path for path in found if self.sizes[path] <= _POINTER_BYTES]
            why = f"may have other sizes in a checkout: {how}"
            yield from _problem(code, found, "file", why)

    def _changes(self) -> Iterator[Problem]:
        """Yield the ignore file and the Dockerfile if HEAD has others."""
        old, new, path = self.request.ignore_file, self._tree.ignore_file, self._tree.dockerfile
        if old is None and new is not None:
            yield Problem("other-ignore-file", "HEAD has no ignore file", new.path)
        elif old is not None and (new is None or new.data != old.data):
            which = "this ignore file" if new is None else "other patterns, which count in CI"
            yield Problem("other-ignore-file", f"HEAD has {which}", old.path)
        if path in (None, STDIN) or self._tree.dockerfile_fault is not None:
            return
        if (data := self._content(str(path))) is None:
            yield Problem("other-dockerfile", "HEAD has no such Dockerfile", path)
        elif data != self._tree.plan.data:
            yield Problem("other-dockerfile", "HEAD has another version of it", path)


def _kind(kind: str, deltas: Mapping[str, int]) -> Reason:
    largest = nsmallest(_NAMED, deltas, lambda path: (-abs(deltas[path]), path))
    return Reason(kind, tuple(largest), len(deltas), sum(deltas.values()), len(deltas))


def _problem(code: str, paths: Sequence[str], noun: str, why: str) -> list[Problem]:
    """Return a problem with `paths`, none without any."""
    message = f"{plural(len(paths), noun)} {why}"
    return [Problem(code, message, paths[0], count=len(paths))] if paths else []


def sent_sizes(walk: Walk) -> dict[str, int]:
    """Return the bytes of each file that is sent, without symlinks. Raises what `Walk` raises."""
    return {
        event.prefix + name: size
        for event in walk
        if isinstance(event, Files)
        for name, size in zip(event.names, event.sizes, strict=True)
        if name not in event.links
    }


def _directories(files: Mapping[str, git.Blob]) -> MemoryDirectory:
    """Return the tree of a checkout of `files`, where submodules are empty directories."""
    found = {"": MemoryDirectory("")}
    for path, blob in files.items():
        above, _, name = path.rpartition("/")
        within = path if blob.is_submodule else above
        for each in up_to(within) if within not in found else ():
            if each not in found:
                parent, _, own = each.rpartition("/")
                found[each] = found[parent].folders[own] = MemoryDirectory(each)
        if not blob.is_submodule:
            found[above].entries[name] = File(name, blob.mode, blob.size_bytes or 0).kept
    return found[""]
