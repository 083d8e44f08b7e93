"""The context of a clean checkout of HEAD beside that of the working tree.

Git lists the tree of HEAD, and the ignore file of HEAD governs. Nothing is checked out and no
filter runs, so a file has the size that git keeps; problems name what a checkout converts or adds.
"""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from heapq import nsmallest
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
from ctxsize.engine.filesystem import File, MemoryDirectory
from ctxsize.engine.git import GitError
from ctxsize.engine.head import Blob, FilesOfCommit, Head
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.plan import Plan, inside, with_ignore_file
from ctxsize.engine.report import measure
from ctxsize.engine.sent_files import FilesByDirectory, SentFiles, Sizes
from ctxsize.engine.snapshot import Snapshot
from ctxsize.errors import InputError
from ctxsize.model import Difference, Problem
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
            self._head = Head(repository)
            self._read()
        except GitError as error:
            raise InputError(f"there is no checkout of HEAD: {error}", path=plan.context) from None

    def _read(self) -> None:
        self._files = self._files_of_head()
        self._submodules = {path for path, blob in self._special() if blob.is_submodule}
        self.plan = self._with_ignore_file()
        tree = _tree(self._files)
        self.sizes = _sent(self.plan, tree)
        self._sent_by_lines_here = self.sizes
        if _data_of(self._plan_here.ignore_file) != _data_of(self.plan.ignore_file):
            self._sent_by_lines_here = _sent(self._plan_here, tree)
        files = SentFiles(known=self.sizes.by_directory)
        self.report = measure(self._plan_here, top=1, depth=0, files=files)
        own_bytes = _take_out_git(files.by_directory)
        self.here = FilesByDirectory(files.by_directory)
        self.problems = (*files.problems, *self._notes(own_bytes), *self._changes())
        self.differences = self._differences()

    def _files_of_head(self) -> FilesOfCommit:
        """Return the files of HEAD in the context."""
        directory = relpath(self._plan_here.root, self._repository.top)
        head = self._head.files
        if directory == ".":
            return head
        prefix = f"{directory}/"
        files = {
            path[len(prefix) :]: names
            for path, names in head.items()
            if f"{path}/".startswith(prefix)
        }
        if not files:
            raise GitError(f"it has no directory {directory}")
        return files

    def _special(self) -> Iterator[tuple[str, Blob]]:
        """Yield the files of HEAD that are no plain ones, or whose size is not known."""
        for directory, names in self._files.items():
            for name, blob in names.items():
                if isinstance(blob, Blob):
                    yield join(directory, name), blob

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
            path = join(base, link)
            blob = self._head.blob(path)
            if blob is None:
                return None
            if not is_kind(blob.mode):
                return None
            if blob.size_bytes is None:
                raise GitError(f"{link} of HEAD has not been fetched")
            if blob.size_bytes > MOST_BYTES:
                raise GitError(f"{link} of HEAD is too large")
            return self._head.content(path)

        def target_of(link: str) -> str | None:
            if (target := content(link, S_ISLNK)) is None:
                return None
            return os.fsdecode(target)

        end, is_end = follow_links(name, target_of)
        if not is_end:
            return None
        return content(end, S_ISREG)

    def _differences(self) -> tuple[Difference, ...]:
        """Return what only one side sends, and other sizes, by kind; `content_bytes` changes."""
        changes_by_kind = defaultdict[str, _Changes](_Changes)
        for directory, kind, deltas in self._deltas():
            changes_by_kind[kind].add(directory, deltas)
        differences = [changes.difference(kind) for kind, changes in changes_by_kind.items()]
        differences.sort(key=lambda difference: (-abs(difference.content_bytes), difference.kind))
        return tuple(differences)

    def _deltas(self) -> Iterator[tuple[str, str, Sizes]]:
        """Yield files of a directory in which the sides differ for the same reason."""
        sizes = self.sizes.by_directory
        here = self.here.by_directory
        for directory in {**sizes, **here}:
            old = sizes.get(directory, {})
            new = here.get(directory, {})
            if old is new or old == new:
                continue
            kind = self._kind_of_all(directory)
            if kind:
                yield directory, kind, new
                continue
            by_kind = defaultdict[str, dict[str, int]](dict)
            for name in {**old, **new}:
                if old.get(name) != new.get(name):
                    kind = self._kind(join(directory, name))
                    by_kind[kind][name] = new.get(name, 0) - old.get(name, 0)
            for kind, deltas in by_kind.items():
                yield directory, kind, deltas

    def _kind_of_all(self, directory: str) -> str | None:
        """Return why HEAD has no file of a directory, None if each may have its own reason."""
        if directory in self._files:
            return None
        if not self._submodules.isdisjoint(up_to(directory)):
            return "in-submodule"
        if self._repository.ignores(directory):
            return "ignored-by-git"
        return None

    def _kind(self, path: str) -> str:
        """Return why the sides differ in `path`, the first of the reasons that apply."""
        directory, _, name = path.rpartition("/")
        if path in self.sizes:
            if path in self.here:
                return "resized"
            if path in self._sent_by_lines_here:
                return "missing-here"
            return "ignored-here"
        blob = self._files.get(directory, {}).get(name)
        if isinstance(blob, int) or (blob is not None and S_ISREG(blob.mode)):
            return "ignored-in-head"
        if not self._submodules.isdisjoint(up_to(directory)):
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
            [
                path
                for path, blob in self._special()
                if blob.size_bytes is None and path in self.sizes
            ],
        )
        yield from notes_on_conversion(self._head, self.sizes)

    def _changes(self) -> Iterator[Problem]:
        """Yield the ignore file and the Dockerfile if HEAD has others."""
        old = self.plan.ignore_file
        new = self._plan_here.ignore_file
        if ignore_file := new or old:
            yield from _change(ignore_file.path, _data_of(old), _data_of(new))
        path = self._plan_here.dockerfile
        if path is not None and path != STDIN and self._plan_here.dockerfile_fault is None:
            yield from _change(path, self._content(path), self._plan_here.parsed.data)


def notes_on_conversion(head: Head, sizes: FilesByDirectory) -> Iterator[Problem]:
    """Yield notes on those files that a checkout converts: `sizes` are those in git.

    Raises `GitError`.
    """
    for what, *pathspecs in _CONVERTED:
        most = math.inf
        if "lfs" in pathspecs[0]:
            most = _POINTER_BYTES
        converted = head.matching(*pathspecs) & sizes.keys()
        yield from _note(what, [path for path in converted if sizes[path] <= most])


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


class _Changes:
    """The files in which two sides differ for one reason: their sums, and the largest."""

    def __init__(self) -> None:
        self._count = 0
        self._content_bytes = 0
        self._largest: list[tuple[int, str]] = []  # negative sizes with paths, in order

    def add(self, directory: str, deltas: Sizes) -> None:
        """Add the changed bytes of files of a directory."""
        self._count += len(deltas)
        self._content_bytes += sum(deltas.values())
        prefix = join(directory, "")
        least = 0
        if len(self._largest) == _NAMED:
            least = -self._largest[-1][0]
        large = [
            (-abs(delta), prefix + name) for name, delta in deltas.items() if abs(delta) >= least
        ]
        if large:
            self._largest = nsmallest(_NAMED, self._largest + large)

    def difference(self, kind: str) -> Difference:
        """Return the difference of this kind."""
        return Difference(
            kind=kind,
            paths=tuple(path for _, path in self._largest),
            content_bytes=self._content_bytes,
            files=self._count,
        )


def _take_out_git(files: dict[str, Sizes]) -> list[int]:
    """Remove the repository's own files; return the bytes of each."""
    own_bytes: list[int] = []
    for directory in [path for path in files if f"{path}/".startswith(".git/")]:
        own_bytes += files.pop(directory).values()
    top = {**files.get("", {})}
    if ".git" in top:
        own_bytes.append(top.pop(".git"))
        files[""] = top
    return own_bytes


def _sent(plan: Plan, tree: MemoryDirectory) -> FilesByDirectory:
    """Return the files that a plan sends of a tree, without symlinks. Raises what `Walk` raises."""
    sent = Snapshot(plan, tree, ()).sent()
    names = {**sent.names}
    for directory, links in sent.links.items():
        if directory in names:
            sizes = names[directory]
            names[directory] = {name: sizes[name] for name in sizes if name not in links}
    return FilesByDirectory({path: sizes for path, sizes in names.items() if sizes})


def _tree(files: FilesOfCommit) -> MemoryDirectory:
    """Return the tree of a checkout of `files`, where submodules are empty directories."""
    folders = {"": MemoryDirectory("")}
    for directory, blobs in files.items():
        entries: dict[str, int | File] = {}
        paths = [directory]
        for name, blob in blobs.items():
            if isinstance(blob, int):
                entries[name] = blob
            elif blob.is_submodule:
                paths.append(join(directory, name))
            else:
                entries[name] = File(name, blob.mode, blob.size_bytes or 0).kept
        for path in paths:
            for ancestor in up_to(path):
                if ancestor not in folders:
                    folder = MemoryDirectory(ancestor)
                    folders[dirname(ancestor)].folders[folder.name] = folder
                    folders[ancestor] = folder
        folders[directory].entries = entries
    return folders[""]
