"""What git and a tree say about a path: whether a marker holds, and in which words.

Each marker has one function, which returns what shows it, as a clause for a person, or None.
The recommender reads files here alone, and never much of one. What is read is searched in and
forgotten: no text from a file becomes part of a message, as it may be a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator
from functools import cached_property, lru_cache

from ctxsize import units
from ctxsize.engine import git
from ctxsize.engine.border import border_of
from ctxsize.engine.git import GitError, GitRepository
from ctxsize.model import Problem
from ctxsize.reader import read_start
from ctxsize.recommender.rules import Marker
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

_FIRST_BYTES = 8192
_SMALL = 1024 * 1024
_WORTH_KEEPING = 64 * 1024
"""Manifests up to that size are kept: a workspace's members ask for the same ones."""


def small_file(root: str, path: str, limit: int = _SMALL) -> bytes:
    """Return a manifest or a source, at most its first MiB; nothing of what cannot be read."""
    try:
        return read_start(os.path.join(root, path), limit, links=False)
    except OSError:
        return b""


def text_of(data: bytes) -> str:
    """Return `data` to search in; UTF-16 by leaving out its zeros."""
    return data.translate(None, b"\0").decode("utf-8", "replace")


class Tracked:
    """What git knows of a context: the repository around it and those inside it."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._root = tree.snapshot.request.root
        found = git.find(self._root)
        self.problem: Problem | None = found.problem
        """Why it is not known what is tracked, though there seems to be a repository."""
        self.top = border_of(self._root)
        """The top of the repository around the context, or the context where there is none."""
        self._known = {"": self._ask(found.repository)}
        self._inner = lru_cache(maxsize=None)(self._find_inner)

    def _ask(self, repository: GitRepository | None) -> GitRepository | None:
        """Return the repository if it answers, and remembers what."""
        try:
            _ = repository and (repository.index, repository.ignored)
        except GitError as error:
            self.problem = Problem("git", f"what git tracks is not known: {error}", path=self._root)
            return None
        return repository

    @property
    def has_repository(self) -> bool:
        """Return whether a repository covers the context."""
        return self._known[""] is not None

    @property
    def ignored(self) -> frozenset[str]:
        """Return what the context's repository ignores, without the `/` of directories."""
        known = self._known[""]
        return frozenset() if known is None else frozenset(p.rstrip("/") for p in known.ignored)

    def first(self, path: str) -> str | None:
        """Return a tracked file at or below `path`; None if git tracks nothing there."""
        return next(iter(self.at_or_below(path)), None)

    def at_or_below(self, path: str) -> list[str]:
        """Return every tracked file at or below `path`, and the submodules there."""
        known, inner, prefix = self._of(path)
        return [] if known is None else [prefix + e for e in known.index.at_or_below(inner)]

    def covers(self, path: str) -> bool:
        """Return whether a repository says anything about `path`."""
        return self._of(path)[0] is not None

    def ignores(self, path: str) -> bool:
        """Return whether git ignores all of `path` and tracks nothing there.

        Not where it ignores the whole context: that says nothing about a part of it.
        """
        known, inner, _ = self._of(path)
        return known is not None and known.ignores(inner)

    def _of(self, path: str) -> tuple[GitRepository | None, str, str]:
        """Return what the repository of `path` knows, the path in it, and the prefix before it."""
        top = self._inner(path.rpartition("/")[0]) if self._has_inner else ""
        prefix = f"{top}/" if top else ""
        return self._known[top], path[len(prefix) :], prefix

    @cached_property
    def _has_inner(self) -> bool:
        """Return whether something in a directory below the top looks like a repository."""
        return any(held.path and held.has(".git") for held in self._tree.snapshot.folders)

    def _find_inner(self, directory: str) -> str:
        """Return the repository that `directory` belongs to: its path in the context.

        One inside what the outer repository ignores is a download, no part of the sources.
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
    """What is known of one context."""

    def __init__(self, tree: Tree, tracked: Tracked, dockerfiles: Collection[str] = ()) -> None:
        self.tree = tree
        self.git = tracked
        self._root = tree.snapshot.request.root
        self.dockerfiles = frozenset(dockerfiles)
        """The Dockerfiles of this context and the ignore files of its builds."""
        self._texts: dict[str, str] = {}

    def shows(self, marker: Marker, path: str) -> str | None:
        """Return what proves `marker` at `path`; None where it does not hold."""
        return _LOOKS[marker.kind](self, marker, path)

    def first_bytes(self, path: str) -> bytes:
        """Return the beginning of a file."""
        return small_file(self._root, path, _FIRST_BYTES)

    def small_file(self, path: str) -> str:
        """Return a manifest's text."""
        known = self._texts.get(path)
        if known is None:
            known = text_of(small_file(self._root, path))
            if len(known) <= _WORTH_KEEPING:
                self._texts[path] = known
        return known

    def source(self, path: str) -> bytes:
        """Return a source's content."""
        return small_file(self._root, path)

    def link_target(self, path: str) -> str:
        """Return where a symlink leads, `""` if it is none."""
        try:
            return os.readlink(os.path.join(self._root, path))
        except (OSError, ValueError):
            return ""


Look = Callable[[Evidence, Marker, str], "str | None"]


def _named(evidence: Evidence, marker: Marker, directory: str) -> Iterator[str | None]:
    """Return what each name of `marker` finds in a directory."""
    return (evidence.tree.find(directory, name) for name in marker.names)


def _beside(evidence: Evidence, marker: Marker, path: str) -> str | None:
    found = _named(evidence, marker, path.rpartition("/")[0])
    first = next((each for each in found if each not in (None, path)), None)
    return None if first is None else f"{first} beside it"


def _beside_all(evidence: Evidence, marker: Marker, path: str) -> str | None:
    found = [*_named(evidence, marker, path.rpartition("/")[0])]
    return None if None in found else f"{' and '.join(filter(None, found))} beside it"


def _inside(evidence: Evidence, marker: Marker, path: str) -> str | None:
    first = next(filter(None, _named(evidence, marker, path)), None)
    return None if first is None else f"{first[len(path) + 1 :]} in it"


def _inside_all(evidence: Evidence, marker: Marker, path: str) -> str | None:
    missing = None in _named(evidence, marker, path)
    return None if missing else f"{', '.join(marker.names)} in it"


def _tagged(evidence: Evidence, _: Marker, path: str) -> str | None:
    if evidence.tree.find(path, "CACHEDIR.TAG") is None:
        return None
    held = evidence.first_bytes(f"{path}/CACHEDIR.TAG").startswith(CACHE_TAG)
    return "a valid CACHEDIR.TAG in it" if held else None


def _self_ignored(evidence: Evidence, _: Marker, path: str) -> str | None:
    if evidence.tree.find(path, ".gitignore") is None:
        return None
    lines = text_of(evidence.first_bytes(f"{path}/.gitignore")).splitlines()
    said = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return "its own .gitignore ignores all of it" if said in (["*"], ["/**"], ["**"]) else None


def _content(evidence: Evidence, marker: Marker, path: str) -> str | None:
    data = evidence.first_bytes(path)
    return "its content" if data and re.search(marker.names[0], text_of(data)) else None


def _begins(evidence: Evidence, marker: Marker, path: str) -> str | None:
    data = evidence.first_bytes(path)
    magics = map(bytes.fromhex, marker.names)
    begins = any(data.startswith(magic, marker.number) for magic in magics)
    return "its first bytes" if begins else None


def _twin(evidence: Evidence, marker: Marker, path: str) -> str | None:
    twin = path.removesuffix(marker.names[0])
    exists = twin != path and evidence.tree.entry(twin) is not None
    return f"{twin} beside it" if exists else None


def _at_least(evidence: Evidence, marker: Marker, path: str) -> str | None:
    size = evidence.tree.size_bytes(path)
    return f"{units.human(size)} of it" if size >= marker.number else None


def _mostly_of(evidence: Evidence, marker: Marker, path: str) -> str | None:
    files = [*evidence.tree.files_below(path)]
    total = sum(file.content_bytes for _, file in files)
    part = sum(file.content_bytes for at, file in files if at.endswith(marker.names))
    return "most of it is data" if part * 2 > total else None


def _only_programs(evidence: Evidence, _: Marker, path: str) -> str | None:
    files = [at for at, _ in evidence.tree.files_below(path)]
    if not files or len(files) > _MOST_PROGRAMS:
        return None
    programs = all(evidence.first_bytes(at).startswith(_PROGRAMS) for at in files)
    return "nothing but compiled programs in it" if programs else None


def _only_documents(evidence: Evidence, _: Marker, path: str) -> str | None:
    names = [at.rpartition("/")[2] for at, _ in evidence.tree.files_below(path)]
    found = names and all(
        name.lower().endswith(_DOCUMENTS) or name in _DOCUMENT_NAMES for name in names
    )
    return "nothing but text and pictures in it" if found else None


def _link(evidence: Evidence, marker: Marker, path: str) -> str | None:
    target, into = evidence.link_target(path), marker.names[0]
    return f"a symlink to {into or 'elsewhere'}" if target and target.startswith(into) else None


def _any_of(evidence: Evidence, marker: Marker, path: str) -> str | None:
    shown = (evidence.shows(each, path) for each in marker.parts)
    return next((each for each in shown if each is not None), None)


def _all_of(evidence: Evidence, marker: Marker, path: str) -> str | None:
    shown = []
    for each in marker.parts:
        found = evidence.shows(each, path)
        if found is None:
            return None
        shown.append(found)
    return " and ".join(dict.fromkeys(each for each in shown if each != "its name"))


def _if(holds: Callable[[Evidence, str], bool], clause: str) -> Look:
    return lambda evidence, _, path: clause if holds(evidence, path) else None


def _is_untracked(evidence: Evidence, path: str) -> bool:
    return evidence.git.covers(path) and evidence.git.first(path) is None


_LOOKS: dict[str, Look] = {
    "beside": _beside,
    "beside_all": _beside_all,
    "inside": _inside,
    "inside_all": _inside_all,
    "tagged": _tagged,
    "self_ignored": _self_ignored,
    "git_ignored": _if(lambda evidence, path: evidence.git.ignores(path), "git ignores it"),
    "untracked": _if(_is_untracked, "git does not track it"),
    "content": _content,
    "begins": _begins,
    "twin": _twin,
    "at_least": _at_least,
    "mostly_of": _mostly_of,
    "only_programs": _only_programs,
    "only_documents": _only_documents,
    "link": _link,
    "is_dockerfile": _if(
        lambda evidence, path: path in evidence.dockerfiles, "builds of this context read it"
    ),
    "exists": _if(lambda evidence, path: evidence.tree.entry(path) is not None, "its name"),
    "any_of": _any_of,
    "all_of": _all_of,
}
"""How each kind of marker is looked for: what shows it at a path, None where it does not hold."""
