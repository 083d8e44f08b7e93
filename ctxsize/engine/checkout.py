"""The context of a clean checkout of HEAD beside that of the working tree.

Git lists the tree of HEAD, and the ignore file of HEAD governs. Nothing is checked out and no
filter runs, so a file has the size that git keeps; problems name what a checkout converts or adds.
"""

from __future__ import annotations

import os
import stat
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

from ctxsize.engine import git
from ctxsize.engine.dockerfiles import STDIN, follow_links, ignore_file_paths
from ctxsize.engine.evaluate import up_to
from ctxsize.engine.events import Files
from ctxsize.engine.filesystem import File, MemoryDirectory
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
        self._tree, found = plan, git.find(plan.root)
        try:
            if found.repository is None:
                if found.problem:
                    why = found.problem.message
                else:
                    why = "git finds none here"
                raise git.GitError(why)
            self._repository = found.repository
            self._read()
        except git.GitError as error:
            message = f"there is no checkout of HEAD: {error}"
            raise InputError(message, path=plan.context) from None

    def _read(self) -> None:
        below = os.path.relpath(self._tree.root, self._repository.top) + "/"
        if below == "./":
            start = 0
        else:
            start = len(below)
        head = self._repository.head.items()
        self._files = {path[start:]: e for path, e in head if path[:start] in ("", below)}
        if start and not self._files:
            raise git.GitError(f"it has no directory {below[:-1]}")
        self.plan = self._with_ignore_file()
        tree = _directories(self._files)
        walk = Walk(self._tree)
        self.sizes = sent_sizes(Walk(self.plan, source=tree))
        self._kept = sent_sizes(Walk(self._tree, source=tree))  # of HEAD, by the lines here
        self.here = sent_sizes(walk)
        own = {each: self.here.pop(each) for each in [*self.here] if f"{each}/".startswith(".git/")}
        self.problems = (*walk.problems, *self._notes(own), *self._changes())
        self.differences = self._differences()

    def _with_ignore_file(self) -> Plan:
        """Return the plan with the ignore file that governs in HEAD."""
        tree = replace(self._tree, ignore_file=None, dockerfile_specific=False)
        for path, specific in ignore_file_paths(tree.context, tree.ignore_file_base, tree.builder):
            anywhere = tree.builder.links_may_leave or (specific and tree.builder.must_read)
            if (data := self._content(path, anywhere=anywhere)) is not None:
                own = replace(tree, ignore_file=IgnoreFile(path, ()), dockerfile_specific=specific)
                return with_ignore_file(own, data)
        return replace(with_ignore_file(tree, b""), ignore_file=None)

    def _content(self, path: str, *, anywhere: bool = True) -> bytes | None:
        """Return a file of HEAD, None if there is none; a symlink stays in HEAD, or beside it."""
        within = inside(self._repository.top, path) or ""
        if anywhere:
            base = ""
            name = within
        else:
            base, name = os.path.split(within)

        def at(here: str, is_kind: Callable[[int], bool]) -> bytes | None:
            blob = self._repository.head.get(os.path.join(base, here))
            if blob is None or not is_kind(int(blob.mode, 8)):
                return None
            if not blob.size.isdigit() or int(blob.size) > MOST_BYTES:
                if blob.size.isdigit():
                    why = "is too large"
                else:
                    why = "has not been fetched"
                raise git.GitError(f"{here} of HEAD {why}")
            return self._repository.content(blob)

        def target_of(here: str) -> str | None:
            if (target := at(here, stat.S_ISLNK)) is None:
                return None
            return os.fsdecode(target)

        end, is_end = follow_links(name, target_of)
        if is_end:
            return at(end, stat.S_ISREG)
        return None

    def _differences(self) -> tuple[Reason, ...]:
        """Return what only one side sends, and other sizes, by kind; `content_bytes` changes."""
        deltas = defaultdict[str, dict[str, int]](dict)
        for path in {**self.sizes, **self.here}:
            was = self.sizes.get(path)
            now = self.here.get(path)
            if was != now:
                deltas[self._kind(path)][path] = (now or 0) - (was or 0)
        found = []
        for kind, each in deltas.items():
            largest = sorted(each, key=lambda path: (-abs(each[path]), path))[:_NAMED]
            found.append(Reason(kind, tuple(largest), len(each), sum(each.values()), len(each)))
        return tuple(sorted(found, key=lambda each: (-abs(each.content_bytes), each.kind)))

    def _kind(self, path: str) -> str:
        """Return why the sides differ in `path`, the first of the reasons that apply."""
        if path in self.sizes:
            if path in self._kept:
                lacks = "missing-here"
            else:
                lacks = "ignored-here"
            if path in self.here:
                return "resized"
            return lacks
        if path in self._files and self._files[path].mode.startswith("100"):
            return "ignored-in-head"
        above = [self._files[each] for each in up_to(path)[:-1] if each in self._files]
        if any(each.kind == "commit" for each in above):
            return "in-submodule"
        if self._repository.ignores(path):
            return "ignored-by-git"
        return "not-committed"

    def _notes(self, own: Mapping[str, int]) -> Iterator[Problem]:
        """Yield what the tree of HEAD does not have, and what a checkout converts."""
        size = human(sum(own.values()))
        inner = [path for path, blob in self._files.items() if blob.kind == "commit"]
        missing = [path for path in self.sizes if not self._files[path].size.isdigit()]
        notes: list[tuple[str, Collection[str]]] = [
            (f"of .git not counted ({size}): a checkout has its own", [".git"] * len(own)),
            ("of other repositories (submodules): a checkout may have their content", inner),
            ("counted as empty: this partial clone has not fetched them", missing),
        ]
        for what, *pathspecs in _CONVERTED:
            if "lfs" in pathspecs[0]:
                most = _POINTER_BYTES
            else:
                most = sys.maxsize
            found = self._repository.matching(*pathspecs)
            notes.append((what, [e for e in found if self.sizes.get(e, most + 1) <= most]))
        for what, paths in notes:
            message = f"{plural(len(paths), 'file')} {what}"
            yield from [Problem("checkout", message, min(paths), count=len(paths))] if paths else []

    def _changes(self) -> Iterator[Problem]:
        """Yield the ignore file and the Dockerfile if HEAD has others."""
        old = self.plan.ignore_file
        new = self._tree.ignore_file
        path = self._tree.dockerfile
        pairs = [(old and old.data, new and new.data, each.path) for each in [new or old] if each]
        if path is not None and path != STDIN and self._tree.dockerfile_fault is None:
            pairs.append((self._content(path), self._tree.parsed.data, path))
        for was, now, at in (each for each in pairs if each[0] != each[1]):
            if now is None:
                has = "alone has"
            else:
                has = "has another version of"
            yield Problem("changed-file", f"HEAD {'lacks' if was is None else has} this file", at)


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
        is_directory = blob.kind == "commit"
        for each in up_to(path)[: None if is_directory else -1]:
            if each not in found:
                above, _, own = each.rpartition("/")
                found[each] = found[above].folders[own] = MemoryDirectory(each)
        above, _, name = path.rpartition("/")
        if not is_directory:
            if blob.size.isdigit():
                size = int(blob.size)
            else:
                size = 0
            found[above].entries[name] = File(name, int(blob.mode, 8), size).kept
    return found[""]
