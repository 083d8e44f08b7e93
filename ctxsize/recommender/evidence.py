"""What a tree and git say about a path: whether a marker holds, and in which words.

Each marker has one function, which returns what shows it, as a clause for a person, or None.
The recommender reads files here alone, and never much of one. What is read is searched in and
forgotten: no text from a file becomes part of a message, as it may be a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from typing import Any

from ctxsize import units
from ctxsize.reader import read_start
from ctxsize.recommender import rules
from ctxsize.recommender.tracked import Tracked
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


class Evidence:
    """What is known of one context."""

    def __init__(self, tree: Tree, tracked: Tracked, dockerfiles: Collection[str] = ()) -> None:
        self.tree = tree
        self.git = tracked
        self._root = tree.snapshot.request.root
        self.dockerfiles = frozenset(dockerfiles)
        """The Dockerfiles of this context and the ignore files of its builds."""
        self._texts: dict[str, str] = {}

    def shows(self, marker: rules.Marker, path: str) -> str | None:
        """Return what proves `marker` at `path`; None where it does not hold."""
        return _LOOKS[type(marker)](self, marker, path)

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

    def size_bytes(self, path: str) -> int:
        """Return the bytes of a file, or of all below a directory."""
        return self.tree.size_bytes(path)

    def link_target(self, path: str) -> str:
        """Return where a symlink leads, `""` if it is none."""
        try:
            return os.readlink(os.path.join(self._root, path))
        except (OSError, ValueError):
            return ""


def _beside(evidence: Evidence, marker: rules.Beside, path: str) -> str | None:
    directory = path.rpartition("/")[0]
    for name in marker.names:
        found = evidence.tree.find(directory, name)
        if found is not None and found != path:
            return f"{found} beside it"
    return None


def _beside_all(evidence: Evidence, marker: rules.BesideAll, path: str) -> str | None:
    directory = path.rpartition("/")[0]
    found = [evidence.tree.find(directory, name) for name in marker.names]
    if None in found:
        return None
    return f"{' and '.join(str(each) for each in found)} beside it"


def _inside(evidence: Evidence, marker: rules.Inside, path: str) -> str | None:
    for name in marker.names:
        found = evidence.tree.find(path, name)
        if found is not None:
            return f"{found[len(path) + 1 :]} in it"
    return None


def _inside_all(evidence: Evidence, marker: rules.InsideAll, path: str) -> str | None:
    found = [evidence.tree.find(path, name) for name in marker.names]
    return None if None in found else f"{', '.join(marker.names)} in it"


def _tagged(evidence: Evidence, _: rules.Tagged, path: str) -> str | None:
    if evidence.tree.find(path, "CACHEDIR.TAG") is None:
        return None
    tag = f"{path}/CACHEDIR.TAG"
    held = evidence.first_bytes(tag)[: len(CACHE_TAG)] == CACHE_TAG
    return "a valid CACHEDIR.TAG in it" if held else None


def _self_ignored(evidence: Evidence, _: rules.SelfIgnored, path: str) -> str | None:
    if evidence.tree.find(path, ".gitignore") is None:
        return None
    lines = text_of(evidence.first_bytes(f"{path}/.gitignore")).splitlines()
    said = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return "its own .gitignore ignores all of it" if said in (["*"], ["/**"], ["**"]) else None


def _git_ignored(evidence: Evidence, _: rules.GitIgnored, path: str) -> str | None:
    return "git ignores it" if evidence.git.ignores(path) else None


def _untracked(evidence: Evidence, _: rules.Untracked, path: str) -> str | None:
    known = evidence.git.covers(path) and evidence.git.first(path) is None
    return "git does not track it" if known else None


def _content(evidence: Evidence, marker: rules.Content, path: str) -> str | None:
    data = evidence.first_bytes(path)
    return "its content" if data and re.search(marker.pattern, text_of(data)) else None


def _begins(evidence: Evidence, marker: rules.Begins, path: str) -> str | None:
    data = evidence.first_bytes(path)
    magics = (bytes.fromhex(magic) for magic in marker.magics)
    return "its first bytes" if any(data.startswith(m, marker.offset) for m in magics) else None


def _twin(evidence: Evidence, marker: rules.Twin, path: str) -> str | None:
    twin = path.removesuffix(marker.ending)
    exists = twin != path and evidence.tree.entry(twin) is not None
    return f"{twin} beside it" if exists else None


def _at_least(evidence: Evidence, marker: rules.AtLeast, path: str) -> str | None:
    size = evidence.size_bytes(path)
    return f"{units.human(size)} of it" if size >= marker.size_bytes else None


def _mostly_of(evidence: Evidence, marker: rules.MostlyOf, path: str) -> str | None:
    files = [*evidence.tree.files_below(path)]
    total = sum(file.content_bytes for _, file in files)
    part = sum(file.content_bytes for at, file in files if at.endswith(marker.endings))
    return "most of it is data" if part * 2 > total else None


def _only_programs(evidence: Evidence, _: rules.OnlyPrograms, path: str) -> str | None:
    files = [at for at, _ in evidence.tree.files_below(path)]
    if not files or len(files) > _MOST_PROGRAMS:
        return None
    programs = all(evidence.first_bytes(at).startswith(_PROGRAMS) for at in files)
    return "nothing but compiled programs in it" if programs else None


def _only_documents(evidence: Evidence, _: rules.OnlyDocuments, path: str) -> str | None:
    names = [at.rpartition("/")[2] for at, _ in evidence.tree.files_below(path)]
    found = names and all(
        name.lower().endswith(_DOCUMENTS) or name in _DOCUMENT_NAMES for name in names
    )
    return "nothing but text and pictures in it" if found else None


def _link(evidence: Evidence, marker: rules.Link, path: str) -> str | None:
    target = evidence.link_target(path)
    leads = target.startswith(marker.into) if marker.into else bool(target)
    return f"a symlink to {marker.into or 'elsewhere'}" if leads else None


def _is_dockerfile(evidence: Evidence, _: rules.IsDockerfile, path: str) -> str | None:
    return "builds of this context read it" if path in evidence.dockerfiles else None


def _exists(evidence: Evidence, _: rules.Exists, path: str) -> str | None:
    return "its name" if evidence.tree.entry(path) is not None else None


def _any_of(evidence: Evidence, marker: rules.AnyOf, path: str) -> str | None:
    for each in marker.markers:
        shown = evidence.shows(each, path)
        if shown is not None:
            return shown
    return None


def _all_of(evidence: Evidence, marker: rules.AllOf, path: str) -> str | None:
    shown = []
    for each in marker.markers:
        found = evidence.shows(each, path)
        if found is None:
            return None
        shown.append(found)
    return " and ".join(dict.fromkeys(each for each in shown if each != "its name"))


_LOOKS: dict[type, Callable[[Evidence, Any, str], str | None]] = {
    rules.Beside: _beside,
    rules.BesideAll: _beside_all,
    rules.Inside: _inside,
    rules.InsideAll: _inside_all,
    rules.Tagged: _tagged,
    rules.SelfIgnored: _self_ignored,
    rules.GitIgnored: _git_ignored,
    rules.Untracked: _untracked,
    rules.Content: _content,
    rules.Begins: _begins,
    rules.Twin: _twin,
    rules.AtLeast: _at_least,
    rules.MostlyOf: _mostly_of,
    rules.OnlyPrograms: _only_programs,
    rules.OnlyDocuments: _only_documents,
    rules.Link: _link,
    rules.IsDockerfile: _is_dockerfile,
    rules.Exists: _exists,
    rules.AnyOf: _any_of,
    rules.AllOf: _all_of,
}
