"""Sums of directories as a tree, and names that hint at unneeded directories and secrets.

A walk lists names anyway. `suggest` proves the hints by rules; a test compares the tables.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set

from ctxsize.engine.events import Files, order
from ctxsize.model import Clue, Directory, Share
from ctxsize.reader import worktrees_in
from ctxsize.shipped import shipped_text

Sum = list[int]  # bytes, files

_ROWS = re.findall(
    r"(?m)^([^# ]\S*) = (.*(?:\n  .*)*)",
    shipped_text("engine/names.txt"),
)
PROVED = dict(_ROWS)
"""Names that have other uses too, and what shows this one: in the directory, or `../` beside it."""
UNNEEDED = {*PROVED.pop("unneeded").split()}  # directories that a build hardly ever needs
SECRETS, SECRET_FOLDERS, SECRET_ENDS = (
    tuple(PROVED.pop(each).split()) for each in ("secrets", "secret_folders", "secret_ends")
)
BY_PATH = {**dict.fromkeys(("bin", "build", "DerivedDataCache", "Library", "var"), ""), "tmp": "/*"}
"""Names that `suggest` ignores by their path, with the end of the pattern."""
SECRET_START = ".env."
TEMPLATES = re.compile(
    r"(?i)[._-](example|sample|template|tmpl|dist|defaults?|schema|ci)(\.|$)|\.pub$|\.md$"
)
"""Matches names of files that are templates for a secret."""
# Certificates and public keys share their extensions with secrets.
_PUBLIC = re.compile(
    r"(?i)(^|[._-])(ca|cacert|certs?\d*|certificates?|(full)?chain|bundle|public)([._-]|$)"
)
# In directories of tests keys are usually made up.
_TESTS = re.compile(r"(?i)(^|/)_*(tests?|spec|test_?data|fixtures)_*/")

GITIGNORE = ".gitignore"
MARKERS = {word.rpartition("/")[2] for word in " ".join(PROVED.values()).split()}
SECRET_NAMES = frozenset(each.rpartition("/")[2] for each in SECRETS)
_SECRET_SUFFIXES = tuple(f"/{each}" for each in SECRETS)
_NAMES = MARKERS | SECRET_NAMES
_SECRET_ENDS = frozenset({*SECRET_ENDS, SECRET_START})
FOLDERS = MARKERS | UNNEEDED | PROVED.keys() | {each.rpartition("/")[2] for each in SECRET_FOLDERS}

LARGE_FILE_BYTES = 10_000_000  # of the largest file from which it may be worth a hint
_LARGE_SHARE, _LARGE_DEPTH = 0.01, 5  # of parts to compare with `.gitignore`: least, most


class Clues:
    """The names of one walk that hint at unneeded directories and secrets."""

    def __init__(self) -> None:
        self.names = defaultdict[str, set[str]](set)
        """Prefixes of the directories that contain each name; of files only markers count."""
        self.secrets: list[tuple[str, int]] = []

    def add_folders(self, paths: Iterable[str]) -> None:
        """Record directories that are sent."""
        for path in paths:
            at = path.rfind("/") + 1
            if path[at:] in FOLDERS:
                self.names[path[at:]].add(path[:at])

    def add_files(self, several: Sequence[Files], ends: Set[str]) -> None:
        """Record files with their sizes; all have the extensions `ends`.

        `ends` includes `SECRET_START` if a name begins with it.
        """
        secret = not _SECRET_ENDS.isdisjoint(ends)
        for files in several:
            found = _NAMES.intersection(files.names)
            for name in found & MARKERS if found else ():
                self.names[name].add(files.prefix)
            if secret or not SECRET_NAMES.isdisjoint(found):
                for name, size in zip(files.names, files.sizes, strict=True):
                    self.add_secret(files.prefix, name, size)

    def add_secret(self, prefix: str, name: str, size: int) -> None:
        """Record a file with content and the name of a secret, unless it is a template."""
        is_secret = name in SECRET_NAMES and f"/{prefix}{name}".endswith(_SECRET_SUFFIXES)
        if name.endswith(SECRET_ENDS):
            others = (TEMPLATES.search(name), _PUBLIC.search(name), _TESTS.search(prefix))
            is_secret = not any(others)
        elif name.startswith(SECRET_START):
            is_secret = not TEMPLATES.search(name)
        if size and is_secret:
            self.secrets.append((prefix + name, size))

    def found(
        self, root: str, direct: dict[str, Sum], largest: Sequence[Share], total: int
    ) -> Iterator[Clue]:
        """Yield the parts that may be worth a look, by sums of directories and largest files."""
        tops = self._tops(root)
        if tops:
            prefixes = sorted(direct)
        else:
            prefixes = []
        for top, kind in tops.items():
            ahead = bisect_left(prefixes, top[:-1] + "0")  # which comes after "/"
            sums = [direct[each] for each in prefixes[bisect_left(prefixes, top) : ahead]]
            if sums:
                size, count = map(sum, zip(*sums, strict=True))
            else:
                size = 0
                count = 0
            if count:
                yield Clue(kind, top[:-1], size, count)
        in_order = ["/", *tops]
        for path, size in sorted(self.secrets, key=lambda each: order(each[0])):
            if not path.startswith(in_order[bisect_left(in_order, path) - 1]):
                yield Clue("secret", path, size, 1)
        least = max(LARGE_FILE_BYTES, total / 2)
        if os.path.isfile(os.path.join(root, GITIGNORE)):  # it counts even if it is not sent
            least = max(1, _LARGE_SHARE * total)
            pending = [*size_tree(direct, _LARGE_DEPTH).children]
            while pending:
                node = pending.pop()
                if node.content_bytes >= least:
                    yield Clue("directory", node.path, node.content_bytes, node.files)
                    pending += node.children
        for each in largest:
            if each.content_bytes >= least:
                yield Clue("file", each.name, each.content_bytes, 1)

    def _tops(self, root: str) -> dict[str, str]:
        """Return the outermost directories that make a clue, as prefixes, and the kind of clue."""
        if copies := worktrees_in(root):
            from ctxsize.engine.git import untracked_worktrees  # most contexts have none

            copies = untracked_worktrees(root)
        others = FOLDERS - BY_PATH.keys()
        paths = (f"{each}/" for each in copies if os.path.basename(each) not in others)
        found = dict.fromkeys(paths, "unneeded")
        for name in self.names.keys() & (UNNEEDED | PROVED.keys()):
            for above in self.names[name]:
                path = f"{above}{name}"
                if name in UNNEEDED or any(self._has(path, each) for each in PROVED[name].split()):
                    found[f"{path}/"] = "unneeded"
        for each in SECRET_FOLDERS:
            for above in self.names.get(each.rpartition("/")[2], ()):
                path = f"{above}{each.rpartition('/')[2]}/"
                if f"/{path}".endswith(f"/{each}/"):
                    found[path] = "secret"
        outermost: dict[str, str] = {}
        last = "/"
        for path in sorted(found):
            if not path.startswith(last):
                last = path
                outermost[path] = found[path]
        return outermost

    def _has(self, path: str, word: str) -> bool:
        above, slash, name = os.path.normpath(f"{path}/{word}").rpartition("/")
        return above + slash in self.names.get(name, ())


def size_tree(direct: dict[str, Sum], depth: int | None) -> Directory:
    """Return the tree of directories that contain files, at most `depth` deep (None: all).

    The sums of a directory include all below it. Siblings are in order of size, then path.
    """
    totals = _cut(direct, depth)
    for prefix in [*totals]:
        while prefix and (prefix := _above(prefix)) not in totals:
            totals[prefix] = [0, 0]
    children = defaultdict[str, list[Directory]](list)
    for prefix in sorted(totals, key=lambda each: -each.count("/")):
        size, count = totals[prefix]
        below = sorted(children.pop(prefix, ()), key=lambda d: (-d.content_bytes, d.path))
        node = Directory(prefix.rstrip("/"), size, count, tuple(below))
        if prefix:
            totals[_above(prefix)][0] += size
            totals[_above(prefix)][1] += count
            if count:
                children[_above(prefix)].append(node)
    return node  # the last one is the context


def _above(prefix: str) -> str:
    return prefix[: prefix.rfind("/", 0, -1) + 1]


def _cut(direct: dict[str, Sum], depth: int | None) -> dict[str, Sum]:
    """Return the same sums; those below `depth` are added to the directory there."""
    if depth is None:
        return {prefix: [*each] for prefix, each in direct.items()}
    totals: dict[str, Sum] = {}
    top: str | None = None  # most directories come after another one of the same top
    for prefix, (size, count) in direct.items():
        if top is None or not prefix.startswith(top):
            parts = prefix.split("/", depth)
            if len(parts) > depth:
                top = "".join(f"{name}/" for name in parts[:depth])
            else:
                top = None
            sums = totals.setdefault(prefix if top is None else top, [0, 0])
        sums[0] += size
        sums[1] += count
    return totals
