"""Sums of directories as a tree, and names that hint at unneeded directories and secrets.

A walk lists names anyway. `suggest` proves the hints by rules; a test compares the tables.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from os.path import basename, isfile, join, normpath

from ctxsize.engine.events import Files, order
from ctxsize.model import Amount, Clue, Counted, Directory, Share
from ctxsize.reader import worktrees_in
from ctxsize.shipped import shipped_text

PROVED = dict(re.findall(r"(?m)^([^# ]\S*) = (.*(?:\n  .*)*)", shipped_text("engine/names.txt")))
"""Names that have other uses too, and what shows this one: in the directory, or `../` beside it."""
UNNEEDED = {*PROVED.pop("unneeded").split()}  # directories that a build hardly ever needs
SECRETS = tuple(PROVED.pop("secrets").split())
SECRET_FOLDERS = tuple(PROVED.pop("secret_folders").split())
SECRET_ENDS = tuple(PROVED.pop("secret_ends").split())
BY_PATH = {**dict.fromkeys(("bin", "build", "DerivedDataCache", "Library", "var"), ""), "tmp": "/*"}
"""Names that `suggest` ignores by their path, with the end of the pattern."""
SECRET_START = ".env."
TEMPLATES = (
    r"(?i)[._-](example|sample|template|tmpl|dist|defaults?|schema|ci)(\.|$)"
    r"|\.(pub|md|patch|diff)$"
)
"""Matches names of templates for a secret, and of what only speaks of one."""
# Certificates and public keys share their extensions with secrets.
_PUBLIC = r"(?i)(^|[._-])(ca|cacert|certs?\d*|certificates?|(full)?chain|bundle|public)([._-]|$)"
# In directories of tests secrets are usually made up.
TESTS = r"(?i)(^|/)_*(tests?|spec|test_?data|fixtures)_*/"

GITIGNORE = ".gitignore"
MARKERS = {*map(basename, " ".join(PROVED.values()).split())}
SECRET_NAMES = frozenset(map(basename, SECRETS))
_SECRET_SUFFIXES = tuple(f"/{path}" for path in SECRETS)
_NAMES = MARKERS | SECRET_NAMES
_SECRET_ENDS = frozenset({*SECRET_ENDS, SECRET_START})
FOLDERS = MARKERS | UNNEEDED | PROVED.keys() | {*map(basename, SECRET_FOLDERS)}

LARGE_FILE_BYTES = 10_000_000  # of the largest file from which it may be worth a hint
_LARGE_SHARE = 0.01  # of all bytes, from which a part is compared with `.gitignore`
_LARGE_DEPTH = 5  # of directories to compare with `.gitignore`, at most


@dataclass(eq=False, slots=True)
class RunningSum:
    """A number of files and of their bytes that grows."""

    files: int = 0
    content_bytes: int = 0

    def add(self, files: int, content_bytes: int) -> None:
        """Add files with their bytes."""
        self.files += files
        self.content_bytes += content_bytes


DirectorySums = Mapping[str, Counted]  # by the prefix of a directory


class Clues:
    """The names of one walk that hint at unneeded directories and secrets."""

    def __init__(self) -> None:
        self.names = defaultdict[str, set[str]](set)
        """Prefixes of the directories that contain each name; of files only markers count."""
        self.secrets: list[Clue] = []

    def add_folder(self, path: str) -> None:
        """Record a directory that is sent."""
        above, slash, name = path.rpartition("/")
        if name in FOLDERS:
            self.names[name].add(above + slash)

    def add_files(self, several: Sequence[Files], ends: Set[str]) -> None:
        """Record files with their sizes; all have the extensions `ends`.

        `ends` includes `SECRET_START` if a name begins with it.
        """
        may_be_secret = not _SECRET_ENDS.isdisjoint(ends)
        for files in several:
            special = _NAMES.intersection(files.names)
            for name in special & MARKERS:
                self.names[name].add(files.prefix)
            if may_be_secret or not SECRET_NAMES.isdisjoint(special):
                for name, size in zip(files.names, files.sizes, strict=True):
                    self.add_secret(files.prefix, name, size)

    def add_secret(self, prefix: str, name: str, size: int) -> None:
        """Record a file with content and the name of a secret, unless it is a template."""
        if name.endswith(SECRET_ENDS):
            is_secret = not (
                re.search(TEMPLATES, name) or re.search(_PUBLIC, name) or re.search(TESTS, prefix)
            )
        elif name.startswith(SECRET_START):
            is_secret = not re.search(TEMPLATES, name)
        else:
            is_secret = f"/{prefix}{name}".endswith(_SECRET_SUFFIXES)
        if size and is_secret:
            self.secrets.append(Clue("secret", prefix + name, size, 1))

    def of(
        self, root: str, direct: DirectorySums, largest: Sequence[Share], total: int
    ) -> Iterator[Clue]:
        """Yield the parts that may be worth a look, by sums of directories and largest files."""
        tops = self._tops(root)
        yield from _clues_of(tops, direct)
        yield from self._secrets_outside(tops)
        least = max(LARGE_FILE_BYTES, total / 2)
        if isfile(join(root, GITIGNORE)):  # it counts even if it is not sent
            least = max(1, _LARGE_SHARE * total)
            yield from _large_directories(direct, least)
        for file in largest:
            if file.content_bytes >= least:
                yield Clue("file", file.name, file.content_bytes, 1)

    def _secrets_outside(self, tops: Iterable[str]) -> Iterator[Clue]:
        """Yield the secrets that are not in one of the directories `tops`."""
        in_order = ["/", *tops]
        for secret in sorted(self.secrets, key=lambda secret: order(secret.path)):
            top_before = in_order[bisect_left(in_order, secret.path) - 1]
            if not secret.path.startswith(top_before):
                yield secret

    def _tops(self, root: str) -> dict[str, str]:
        """Return the outermost directories that make a clue, as prefixes, and the kind of clue."""
        if worktrees := worktrees_in(root):
            from ctxsize.engine.git import untracked_worktrees  # most contexts have none

            worktrees = untracked_worktrees(root)
        others = FOLDERS - BY_PATH.keys()
        kinds = {f"{path}/": "unneeded" for path in worktrees if basename(path) not in others}
        for name, prefixes in self.names.items():
            for above in prefixes:
                if self._is_unneeded(above, name):
                    kinds[f"{above}{name}/"] = "unneeded"
        for secret in SECRET_FOLDERS:
            name = basename(secret)
            for above in self.names.get(name, ()):
                path = f"{above}{name}/"
                if f"/{path}".endswith(f"/{secret}/"):
                    kinds[path] = "secret"
        return _outermost(kinds)

    def _is_unneeded(self, above: str, name: str) -> bool:
        """Return whether a directory is unneeded by its name, or by what shows it to be."""
        if name in UNNEEDED:
            return True
        for proof in PROVED.get(name, "").split():
            directory, slash, proof_name = normpath(f"{above}{name}/{proof}").rpartition("/")
            if directory + slash in self.names.get(proof_name, ()):
                return True
        return False


def _outermost(kinds: Mapping[str, str]) -> dict[str, str]:
    """Return in order those prefixes, with their kinds, that are not below another one."""
    outermost: dict[str, str] = {}
    last = "/"
    for path in sorted(kinds):
        if not path.startswith(last):
            last = path
            outermost[path] = kinds[path]
    return outermost


def _clues_of(tops: Mapping[str, str], direct: DirectorySums) -> Iterator[Clue]:
    """Yield a clue of its kind for each of the directories `tops` that contains files."""
    if not tops:
        return
    prefixes = sorted(direct)
    for top, kind in tops.items():
        first = bisect_left(prefixes, top)
        path = top[:-1]
        end = bisect_left(prefixes, f"{path}0")  # which comes after "/"
        total = Amount.of(*map(direct.__getitem__, prefixes[first:end]))
        if total.files:
            yield Clue(
                kind=kind,
                path=path,
                content_bytes=total.content_bytes,
                files=total.files,
            )


def _large_directories(direct: DirectorySums, least: float) -> Iterator[Clue]:
    """Yield the directories with at least so many bytes, down to `_LARGE_DEPTH`."""
    pending = [*size_tree(direct, _LARGE_DEPTH).children]
    while pending:
        node = pending.pop()
        if node.content_bytes >= least:
            yield Clue(
                kind="directory",
                path=node.path,
                content_bytes=node.content_bytes,
                files=node.files,
            )
            pending += node.children


def size_tree(direct: DirectorySums, depth: int | None) -> Directory:
    """Return the tree of directories that contain files, at most `depth` deep (None: all).

    The sums of a directory include all below it. Siblings are in order of size, then path.
    """
    totals = _cut(direct, depth)
    for prefix in [*totals]:
        while prefix:
            prefix = _above(prefix)
            if prefix in totals:
                break
            totals[prefix] = RunningSum()
    children: dict[str, list[Directory]] = defaultdict(list)
    for prefix in sorted(totals, reverse=True):
        total = totals[prefix]
        below = children.pop(prefix, [])
        below.sort(key=lambda directory: (-directory.content_bytes, directory.path))
        node = Directory(
            path=prefix.rstrip("/"),
            content_bytes=total.content_bytes,
            files=total.files,
            children=tuple(below),
        )
        if prefix:
            above = _above(prefix)
            totals[above].add(total.files, total.content_bytes)
            if total.files:
                children[above].append(node)
    return node  # the last one is the context


def _above(prefix: str) -> str:
    return prefix[: prefix.rfind("/", 0, -1) + 1]


def _cut(direct: DirectorySums, depth: int | None) -> dict[str, RunningSum]:
    """Return the same sums; those below `depth` are added to the directory there."""
    totals = defaultdict[str, RunningSum](RunningSum)
    top: str | None = None  # most directories come after another one of the same top
    for prefix, amount in direct.items():
        if top is None or not prefix.startswith(top):
            top = _top(prefix, depth)
            if top is None:
                total = totals[prefix]
            else:
                total = totals[top]
        total.add(amount.files, amount.content_bytes)
    return totals


def _top(prefix: str, depth: int | None) -> str | None:
    """Return the directory above `prefix` at `depth`; None if it is not deeper than that."""
    if depth is None:
        return None
    parts = prefix.split("/", depth)
    if len(parts) <= depth:
        return None
    return "".join(f"{name}/" for name in parts[:depth])
