"""Evidence from git and the tree that a marker holds at a path, and the words for it.

Only this module of the recommender reads files, and only the beginning of each. Their texts are
searched and dropped: no text from a file becomes part of a message, as it may be a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable
from functools import cached_property, lru_cache
from itertools import takewhile

from ctxsize import units
from ctxsize.engine import git
from ctxsize.engine.git import GitError, GitRepository
from ctxsize.model import Problem
from ctxsize.reader import border_of, read_file
from ctxsize.recommender.rules import MARKERS, Marker
from ctxsize.recommender.tree import Tree

CACHE_TAG = b"Signature: 8a477f597d28d172789f06886806bc55"
_PROGRAMS = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa\xcf", b"\xca\xfe\xba\xbe", b"MZ")
_MOST_PROGRAMS = 200
_DOCUMENTS = (
    *(".adoc", ".md", ".mdx", ".org", ".rst", ".tex", ".txt"),
    *(".docx", ".odt", ".pdf", ".pptx", ".xlsx"),
    *(".bmp", ".eps", ".gif", ".ico", ".jpeg", ".jpg", ".png", ".svg", ".webp"),
    *(".dia", ".dot", ".drawio", ".mmd", ".puml"),
)
_DOCUMENT_NAMES = frozenset({"AUTHORS", "LICENSE", "LICENCE", "NOTICE", "README", "CHANGELOG"})

_NAME_ALONE = MARKERS["exists"]
_FIRST_BYTES = 8192
_SMALL = 1024 * 1024


def small_file(root: str, path: str, limit: int = _SMALL) -> bytes:
    """Return the first MiB of a manifest or a source; nothing if the file cannot be read."""
    try:
        return read_file(os.path.join(root, path), limit, cut=True, links=False)
    except OSError:
        return b""


def text_of(data: bytes) -> str:
    """Return `data` as text to search in. UTF-16 is read by dropping its zero bytes."""
    return data.translate(None, b"\0").decode("utf-8", "replace")


class Tracked:
    """The files that git tracks and ignores, in the repository of the context and in inner ones."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._root = tree.snapshot.request.root
        found = git.find(self._root)
        self.problem: Problem | None = found.problem
        """The reason why the tracked files are unknown though there seems to be a repository."""
        self.top = border_of(self._root)
        """Path of the top of the repository around the context; the context itself without one."""
        self._known = {"": self._ask(found.repository)}
        self._inner = lru_cache(maxsize=None)(self._find_inner)

    def _ask(self, repository: GitRepository | None) -> GitRepository | None:
        try:
            _ = repository and (repository.index, repository.ignored)
        except GitError as error:
            self.problem = Problem("git", f"what git tracks is not known: {error}", path=self._root)
            return None
        return repository

    @property
    def ignored(self) -> frozenset[str] | None:
        """Return the paths that the context's repository ignores; None without a repository."""
        known = self._known[""]
        return None if known is None else frozenset(path.rstrip("/") for path in known.ignored)

    def first(self, path: str) -> str | None:
        """Return a tracked file at or below `path`; None if git tracks nothing there."""
        return next(iter(self.at_or_below(path)), None)

    def at_or_below(self, path: str) -> list[str]:
        """Return every tracked file at or below `path`, and the submodules there."""
        known, inner, prefix = self._of(path)
        return [] if known is None else [prefix + e for e in known.index.at_or_below(inner)]

    def covers(self, path: str) -> bool:
        """Return True if `path` is in a repository."""
        return self._of(path)[0] is not None

    def ignores(self, path: str) -> bool:
        """Return True if git ignores all of `path` and tracks nothing there.

        Return False if it ignores the whole context: that proves nothing about a part of it.
        """
        known, inner, _ = self._of(path)
        return known is not None and known.ignores(inner)

    def _of(self, path: str) -> tuple[GitRepository | None, str, str]:
        """Return the repository of `path`, the path in it, and the prefix in front of that path."""
        top = self._inner(path.rpartition("/")[0]) if self._has_inner else ""
        prefix = f"{top}/" if top else ""
        return self._known[top], path[len(prefix) :], prefix

    @cached_property
    def _has_inner(self) -> bool:
        return any(held.path and held.has(".git") for held in self._tree.snapshot.folders)

    def _find_inner(self, directory: str) -> str:
        """Return the path in the context of the repository that `directory` belongs to.

        A repository in a directory that the outer one ignores is a download, not a source.
        """
        if not directory:
            return ""
        outer = self._inner(directory.rpartition("/")[0])
        known = self._known[outer]
        inner = directory.removeprefix(f"{outer}/")
        if not self._tree.has(directory, ".git") or (known is not None and known.ignores(inner)):
            return outer
        found = git.find(f"{self._root}/{directory}").repository
        if found is None or found.top != f"{self._root.rstrip('/')}/{directory}":
            return outer
        self._known[directory] = self._ask(found)
        return directory


class Evidence:
    """Evidence about the paths of one context."""

    def __init__(self, tree: Tree, tracked: Tracked, dockerfiles: Collection[str] = ()) -> None:
        self.tree = tree
        self.git = tracked
        self._root = tree.snapshot.request.root
        self._dockerfiles = frozenset(dockerfiles)
        self.small_file = lru_cache(maxsize=64)(lambda path: text_of(self.source(path)))
        """Return the text of a manifest; members of a workspace share manifests."""

    def first_bytes(self, path: str) -> bytes:
        return small_file(self._root, path, _FIRST_BYTES)

    def source(self, path: str) -> bytes:
        return small_file(self._root, path)

    def shows(self, marker: Marker, path: str) -> str | None:
        """Return the evidence for `marker` at `path`, as a clause; None if there is none."""
        find, names, directory = self.tree.find, marker.names, path.rpartition("/")[0]
        found: Iterable[str | None]
        match marker.kind:
            case "any_of":
                shown = (self.shows(each, path) for each in marker.parts)
                return next(filter(None, shown), None)
            case "all_of":
                found = [*takewhile(bool, (self.shows(each, path) for each in marker.parts))]
                clauses = dict.fromkeys(each for each in found if each and each != _NAME_ALONE)
                return " and ".join(clauses) if len(found) == len(marker.parts) else None
            case "beside":
                found = (find(directory, each) for each in names)
                first = next((each for each in found if each not in (None, path)), None)
                return first and f"{first} beside it"
            case "beside_all":
                there = [find(directory, each) for each in names]
                return None if None in there else f"{' and '.join(filter(None, there))} beside it"
            case "inside":
                first = next(filter(None, (find(path, each) for each in names)), None)
                return first and f"{first[len(path) + 1 :]} in it"
            case "inside_all":
                is_all = all(find(path, each) for each in names)
                return f"{', '.join(names)} in it" if is_all else None
            case "twin":
                twin = path.removesuffix(names[0])
                is_there = twin != path and self.tree.entry(twin) is not None
                return f"{twin} beside it" if is_there else None
            case "at_least":
                size = self.tree.size_bytes(path)
                return f"{units.human(size)} of it" if size >= marker.number else None
        return str(marker).replace("`", "") if self._holds(marker, path) else None

    def _holds(self, marker: Marker, path: str) -> bool:
        match marker.kind:
            case "exists":
                return self.tree.entry(path) is not None
            case "tagged":
                there = self.tree.has(path, "CACHEDIR.TAG")
                return there and self.first_bytes(f"{path}/CACHEDIR.TAG").startswith(CACHE_TAG)
            case "self_ignored":
                there = self.tree.has(path, ".gitignore")
                text = text_of(self.first_bytes(f"{path}/.gitignore")) if there else ""
                lines = [line.strip() for line in text.splitlines()]
                return [e for e in lines if e and e[0] != "#"] in (["*"], ["/**"], ["**"])
            case "git_ignored":
                return self.git.ignores(path)
            case "untracked":
                return self.git.covers(path) and self.git.first(path) is None
            case "content":
                data = self.first_bytes(path)
                return bool(data) and re.search(marker.names[0], text_of(data)) is not None
            case "begins":
                data, magics = self.first_bytes(path), map(bytes.fromhex, marker.names)
                return any(data.startswith(magic, marker.number) for magic in magics)
            case "is_dockerfile":
                return path in self._dockerfiles
            case "link":
                try:
                    return os.readlink(os.path.join(self._root, path)).startswith(marker.names[0])
                except (OSError, ValueError):
                    return False
        files = {at: file.content_bytes for at, file in self.tree.files_below(path)}
        if marker.kind == "mostly_of":
            part = sum(size for at, size in files.items() if at.endswith(marker.names))
            return part * 2 > sum(files.values())
        if marker.kind == "only_programs":
            few = 0 < len(files) <= _MOST_PROGRAMS
            return few and all(self.first_bytes(at).startswith(_PROGRAMS) for at in files)
        names = {at.rpartition("/")[2] for at in files} - _DOCUMENT_NAMES  # only_documents
        return bool(files) and all(name.lower().endswith(_DOCUMENTS) for name in names)
