"""The context of a clean checkout of HEAD beside that of the working tree.

Git lists the tree of HEAD, and the ignore file of HEAD governs. Nothing is checked out and no
filter runs, so a file has the size that git keeps; problems name what a checkout converts or adds.
"""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from os.path import dirname, join, relpath, split
from stat import S_ISLNK, S_ISREG

from ctxsize.engine import git
from ctxsize.engine.dockerfiles import (
    STDIN,
    follow_links,
    ignore_file_base,
    ignore_file_paths,
)
from ctxsize.engine.evaluate import up_to
from ctxsize.engine.events import Files
from ctxsize.engine.filesystem import File, MemoryDirectory
from ctxsize.engine.git import Blob, GitError
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.plan import Plan, inside, with_ignore_file
from ctxsize.engine.walk import Walk
from ctxsize.errors import InputError
from ctxsize.model import Problem, Reason
from ctxsize.reader import MOST_BYTES
from ctxsize.units import human, plural

_NAMED = 10  # paths of each kind of difference
_POINTER_BYTES = 1024  # of the largest pointer of git-lfs
_CONVERTED = (
    ("of git-lfs by the attributes, whose content a checkout may have", ":(attr:filter=lfs)"),
    ("with CRLF in a checkout, which has more bytes", ":(attr:eol=crlf)"),
    ("with another encoding in a checkout", ":(exclude,attr:!working-tree-encoding)"),
    ("with $Id$ filled in by a checkout", ":(attr:ident)"),
    ("with a filter in a checkout", ":(exclude,attr:!filter)", ":(exclude,attr:filter=lfs)"),
)
"""Notes on files that a checkout may convert, and pathspecs of these."""


class Checkout:
    """The files that a context sends `here` and in a checkout of HEAD, both without `.git`."""

    def __init__(self, plan: Plan) -> None:
        """Read both. Raises `InputError` without a commit, and what `Walk` raises."""
        self._plan_here = plan
        repository, problem = git.find(plan.root)
        try:
            if repository is None:
                reason = "git finds none here"
                if problem is not None:
                    reason = problem.message
                raise GitError(reason)
            self._repository = repository
            self._read()
        except GitError as error:
            raise InputError(f"there is no checkout of HEAD: {error}", path=plan.context) from None

    def _read(self) -> None:
        self._files = self._files_of_head()
        self._submodules = {path for path, blob in self._files.items() if blob.is_submodule}
        self.plan = self._with_ignore_file()
        tree = _directories(self._files)
        walk = Walk(self._plan_here)
        self.sizes = sent_sizes(Walk(self.plan, source=tree))
        self._sent_by_lines_here = sent_sizes(Walk(self._plan_here, source=tree))
        self.here = sent_sizes(walk)
        inside_git = [path for path in self.here if f"{path}/".startswith(".git/")]
        own_bytes = [self.here.pop(path) for path in inside_git]
        self.problems = (*walk.problems, *self._notes(own_bytes), *self._changes())
        self.differences = self._differences()

    def _files_of_head(self) -> dict[str, Blob]:
        """Return the files of HEAD by their paths in the context."""
        directory = relpath(self._plan_here.root, self._repository.top)
        head = self._repository.head
        if directory == ".":
            return head
        prefix = f"{directory}/"
        files = {
            path.removeprefix(prefix): blob
            for path, blob in head.items()
            if path.startswith(prefix)
        }
        if not files:
            raise GitError(f"it has no directory {directory}")
        return files

    def _with_ignore_file(self) -> Plan:
        """Return the plan with the ignore file that governs in HEAD."""
        plan = replace(self._plan_here, ignore_file=None, dockerfile_specific=False)
        builder = plan.builder
        base = ignore_file_base(plan.context, plan.build.dockerfile, plan.dockerfile, builder)
        for path, specific in ignore_file_paths(plan.context, base, builder):
            data = self._content(
                path,
                anywhere=builder.links_may_leave or (specific and builder.must_read),
            )
            if data is not None:
                plan = replace(plan, ignore_file=IgnoreFile(path, ()), dockerfile_specific=specific)
                return with_ignore_file(plan, data)
        return replace(with_ignore_file(plan, b""), ignore_file=None)

    def _content(self, path: str, *, anywhere: bool = True) -> bytes | None:
        """Return a file of HEAD, None if there is none; a symlink stays in HEAD, or beside it."""
        repository = self._repository
        base = ""
        name = inside(repository.top, path) or ""
        if not anywhere:
            base, name = split(name)

        def content(link: str, is_kind: Callable[[int], bool]) -> bytes | None:
            blob = repository.head.get(join(base, link))
            if blob is None:
                return None
            if not is_kind(blob.mode):
                return None
            if blob.size_bytes is None:
                raise GitError(f"{link} of HEAD has not been fetched")
            if blob.size_bytes > MOST_BYTES:
                raise GitError(f"{link} of HEAD is too large")
            return repository.content(blob)

        def target_of(link: str) -> str | None:
            if (target := content(link, S_ISLNK)) is None:
                return None
            return os.fsdecode(target)

        end, is_end = follow_links(name, target_of)
        if not is_end:
            return None
        return content(end, S_ISREG)

    def _differences(self) -> tuple[Reason, ...]:
        """Return what only one side sends, and other sizes, by kind; `content_bytes` changes."""
        deltas = defaultdict[str, dict[str, int]](dict)
        for path in {**self.sizes, **self.here}:
            size = self.sizes.get(path)
            size_here = self.here.get(path)
            if size != size_here:
                kind = self._kind(path)
                deltas[kind][path] = (size_here or 0) - (size or 0)
        reasons: list[Reason] = []
        for kind, changes in deltas.items():
            paths = sorted(changes, key=lambda path: (-abs(changes[path]), path))
            reasons.append(
                Reason(
                    kind=kind,
                    paths=tuple(paths[:_NAMED]),
                    count=len(paths),
                    content_bytes=sum(changes.values()),
                    files=len(paths),
                )
            )
        return tuple(sorted(reasons, key=lambda reason: (-abs(reason.content_bytes), reason.kind)))

    def _kind(self, path: str) -> str:
        """Return why the sides differ in `path`, the first of the reasons that apply."""
        if path in self.sizes:
            if path in self.here:
                return "resized"
            if path in self._sent_by_lines_here:
                return "missing-here"
            return "ignored-here"
        blob = self._files.get(path)
        if blob is not None and S_ISREG(blob.mode):
            return "ignored-in-head"
        if any(directory in self._submodules for directory in up_to(path)[:-1]):
            return "in-submodule"
        if self._repository.ignores(path):
            return "ignored-by-git"
        return "not-committed"

    def _notes(self, own_bytes: Collection[int]) -> Iterator[Problem]:
        """Yield what the tree of HEAD does not have, and what a checkout converts."""
        yield from _note(
            f"of .git not counted ({human(sum(own_bytes))}): a checkout has its own",
            [".git" for _ in own_bytes],
        )
        yield from _note(
            "of other repositories (submodules): a checkout may have their content",
            self._submodules,
        )
        yield from _note(
            "counted as empty: this partial clone has not fetched them",
            [path for path in self.sizes if self._files[path].size_bytes is None],
        )
        for what, *pathspecs in _CONVERTED:
            most = math.inf
            if "lfs" in pathspecs[0]:
                most = _POINTER_BYTES
            converted = self._repository.matching(*pathspecs) & self.sizes.keys()
            yield from _note(what, [path for path in converted if self.sizes[path] <= most])

    def _changes(self) -> Iterator[Problem]:
        """Yield the ignore file and the Dockerfile if HEAD has others."""
        old = self.plan.ignore_file
        new = self._plan_here.ignore_file
        if ignore_file := new or old:
            yield from _change(ignore_file.path, _data_of(old), _data_of(new))
        path = self._plan_here.dockerfile
        if path is not None and path != STDIN and self._plan_here.dockerfile_fault is None:
            yield from _change(path, self._content(path), self._plan_here.parsed.data)


def _note(what: str, paths: Collection[str]) -> Iterator[Problem]:
    """Yield the problem of `paths` if there are any."""
    if paths:
        yield Problem(
            code="checkout",
            message=f"{plural(len(paths), 'file')} {what}",
            path=min(paths),
            count=len(paths),
        )


def _data_of(ignore_file: IgnoreFile | None) -> bytes | None:
    if ignore_file is None:
        return None
    return ignore_file.data


def _change(path: str, old: bytes | None, new: bytes | None) -> Iterator[Problem]:
    """Yield the problem of a file whose content in HEAD is another, if it is."""
    if old == new:
        return
    if old is None:
        message = "HEAD lacks this file"
    elif new is None:
        message = "HEAD alone has this file"
    else:
        message = "HEAD has another version of this file"
    yield Problem("changed-file", message, path)


def sent_sizes(walk: Walk) -> dict[str, int]:
    """Return the bytes of each file that is sent, without symlinks. Raises what `Walk` raises."""
    return {
        event.prefix + name: size
        for event in walk
        if isinstance(event, Files)
        for name, size in zip(event.names, event.sizes, strict=True)
        if name not in event.links
    }


def _directories(files: Mapping[str, Blob]) -> MemoryDirectory:
    """Return the tree of a checkout of `files`, where submodules are empty directories."""
    folders = {"": MemoryDirectory("")}
    for path, blob in files.items():
        directory, name = split(path)
        if blob.is_submodule:
            directory = path
        for ancestor in up_to(directory):
            if ancestor not in folders:
                folder = MemoryDirectory(ancestor)
                folders[dirname(ancestor)].folders[folder.name] = folder
                folders[ancestor] = folder
        if not blob.is_submodule:
            file = File(name, blob.mode, blob.size_bytes or 0)
            folders[directory].entries[name] = file.kept
    return folders[""]
