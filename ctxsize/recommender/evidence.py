"""Search the tree for what the rules look for, with evidence from git and from files.

Only this module of the recommender reads files, and only the beginning of each. No text from a file
becomes part of a message, as it may be a secret.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from itertools import takewhile

from ctxsize import units
from ctxsize.engine import git
from ctxsize.engine.directories import TEMPLATES
from ctxsize.engine.evaluate import up_to
from ctxsize.engine.git import GitError, GitRepository, Repositories
from ctxsize.findings import Confidence
from ctxsize.globs import is_glob, like, matching
from ctxsize.knowledge.rules import Category, EntryType, Marker, Rule, is_build_input, listed
from ctxsize.model import Problem
from ctxsize.reader import border_of, read_file
from ctxsize.recommender.outcome import Match, Objection
from ctxsize.recommender.tree import Sums, SumsByPath, Tree

CACHE_TAG = b"Signature: 8a477f597d28d172789f06886806bc55"
_PROGRAMS = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa\xcf", b"\xca\xfe\xba\xbe", b"MZ")
_MOST_PROGRAMS = 200

_FIRST_BYTES = 8192
_LARGE_BYTES = 1024 * 1024  # minimum number of bytes of a file that a rule without names may match
_LARGEST_SECRET = 64 * 1024
_PUBLIC = re.compile(
    r"-----BEGIN (TRUSTED )?(CERTIFICATE|(RSA )?PUBLIC KEY|CERTIFICATE REQUEST|DH)"
)
_LIKELY_FROM = 0.75

Judge = Callable[[Match], "list[Objection]"]
Look = tuple[Rule, str]  # a rule, and one of its names; `""` for a rule without names


def small_file(root: str, path: str, limit: int = 1024 * 1024) -> bytes:
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

    def __init__(self, tree: Tree, repositories: Repositories | None = None) -> None:
        """Ask git; `repositories` know the answers for many contexts of a repository."""
        self._root = tree.snapshot.plan.root
        if repositories is None:
            find = git.find
        else:
            find = repositories.find
        found = find(self._root)
        self.problem: Problem | None = found.problem  # why nothing is known of a repository
        self.top = border_of(self._root)  # of the repository around the context, or the context
        self._known = {"": self._asked(found.repository)}
        self.worktrees = {*git.untracked_worktrees(self._root, self._known[""])}
        """The further worktrees of these repositories in the context."""
        for held in tree.snapshot.folders:  # parents come first
            if held.path and held.has(".git"):
                directory = held.path
                full = f"{self._root.rstrip('/')}/{held.path}"
                # One that the outer repository ignores is a download.
                if self.ignores(directory):
                    inner = None
                else:
                    inner = git.find(full).repository
                self.worktrees |= {f"{directory}/{e}" for e in git.untracked_worktrees(full, inner)}
                if inner is not None and inner.top == full:
                    self._known[directory] = self._asked(inner)

    def _asked(self, repository: GitRepository | None) -> GitRepository | None:
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
        if known is None:
            return None
        return frozenset(path.rstrip("/") for path in known.ignored)

    def first(self, path: str) -> str | None:
        """Return a tracked file at or below `path`; None if git tracks nothing there."""
        return next(iter(self.at_or_below(path)), None)

    def at_or_below(self, path: str) -> list[str]:
        """Return every tracked file at or below `path`, and the submodules there."""
        known, inner, prefix = self._of(path)
        if known is None:
            return []
        return [prefix + e for e in known.index.at_or_below(inner)]

    def covers(self, path: str) -> bool:
        """Return True if `path` is in a repository."""
        return self._of(path)[0] is not None

    def ignores(self, path: str) -> bool:
        """Return True if git ignores all of `path`, but not the whole context."""
        known, inner, _ = self._of(path)
        return known is not None and known.ignores(inner)

    def _of(self, path: str) -> tuple[GitRepository | None, str, str]:
        """Return the repository of `path`, the path in it, and the prefix in front of that path."""
        above = reversed(up_to(path)[:-1]) if len(self._known) > 1 else ()
        top = next((each for each in above if each in self._known), "")
        if top:
            prefix = f"{top}/"
        else:
            prefix = ""
        return self._known[top], path[len(prefix) :], prefix


class Evidence:
    """Evidence about the paths of one context."""

    def __init__(self, tree: Tree, tracked: Tracked, dockerfiles: Collection[str] = ()) -> None:
        self.tree = tree
        self.git = tracked
        self._root = tree.snapshot.plan.root
        self._dockerfiles = frozenset(dockerfiles)
        self.small_file = lru_cache(maxsize=64)(lambda path: text_of(self.source(path)))
        """Return the text of a manifest; members of a workspace share manifests."""

    def first_bytes(self, path: str) -> bytes:
        return small_file(self._root, path, _FIRST_BYTES)

    def source(self, path: str) -> bytes:
        return small_file(self._root, path)

    def shows(self, marker: Marker, path: str) -> str | None:
        """Return the evidence for `marker` at `path`, as a clause; None if there is none."""
        names = marker.names
        is_inside = marker.kind.startswith("inside")
        if is_inside:
            at = path
            where = "in"
        else:
            at = path.rpartition("/")[0]
            where = "beside"
        match marker.kind:
            case "any_of":
                return next(filter(None, (self.shows(each, path) for each in marker.parts)), None)
            case "all_of":
                found = [*takewhile(bool, (self.shows(each, path) for each in marker.parts))]
                alone = str(Marker("exists"))
                clauses = dict.fromkeys(each for each in found if each and each != alone)
                if len(found) == len(marker.parts):
                    return " and ".join(clauses)
                return None
            case "beside" | "inside":
                first = self.tree.first(at, names, but=path)
                return first and f"{first[len(path) + 1 if is_inside else 0 :]} {where} it"
            case "beside_all" | "inside_all":
                is_all = all(self.tree.find(at, each) for each in names)
                if is_all:
                    return f"{' and '.join(names)} {where} it"
                return None
            case "twin":
                twin = path.removesuffix(names[0])
                is_there = twin != path and self.tree.entry(twin) is not None
                if is_there:
                    return f"{twin} beside it"
                return None
            case "at_least":
                size = self.tree.size_bytes(path)
                if size >= marker.number:
                    return f"{units.human(size)} of it"
                return None
        if self._holds(marker, path):
            return str(marker).replace("`", "")
        return None

    def _holds(self, marker: Marker, path: str) -> bool:
        match marker.kind:
            case "link":
                with suppress(OSError, ValueError):
                    return os.readlink(os.path.join(self._root, path)).startswith(marker.names[0])
                return False
            case "exists":
                return self.tree.entry(path) is not None
            case "tagged":
                there = self.tree.has(path, "CACHEDIR.TAG")
                return there and self.first_bytes(f"{path}/CACHEDIR.TAG").startswith(CACHE_TAG)
            case "self_ignored":
                there = self.tree.has(path, ".gitignore")
                if there:
                    text = text_of(self.first_bytes(f"{path}/.gitignore"))
                else:
                    text = ""
                lines = [line.strip() for line in text.splitlines()]
                return [e for e in lines if e and e[0] != "#"] in (["*"], ["/**"], ["**"])
            case "worktrees":
                return path in self.git.worktrees
            case "git_ignored":
                return self.git.ignores(path)
            case "untracked":
                return self.git.covers(path) and self.git.first(path) is None
            case "content":
                # on at most _FIRST_BYTES characters
                return re.search(marker.names[0], text_of(self.first_bytes(path))) is not None
            case "begins":
                data = self.first_bytes(path)
                magics = map(bytes.fromhex, marker.names)
                return any(data.startswith(magic, marker.number) for magic in magics)
            case "is_dockerfile":
                return path in self._dockerfiles
        files = [at for at, _ in self.tree.files_below(path)]
        if marker.kind == "only_programs":
            few = 0 < len(files) <= _MOST_PROGRAMS
            return few and all(self.first_bytes(at).startswith(_PROGRAMS) for at in files)
        names = {at.rpartition("/")[2] for at in files}.difference(listed("document_names"))
        return bool(files) and all(name.lower().endswith(listed("documents")) for name in names)

    def found(self, rules: Collection[Rule], sums: SumsByPath, judge: Judge) -> list[Match]:
        """Return the proven matches among the sent entries, none below one that may be hidden."""
        found: list[Match] = []
        directories, files, links = (_looks(rules, kind) for kind in EntryType)
        pending = [self.tree.root]
        none = Sums()
        while pending:
            held = pending.pop()
            linked = self.tree.snapshot.links.get(held.path, ())
            for name, content_bytes in sums.names_in(held.path).items():
                if name in linked:
                    looks = links(name)
                else:
                    looks = files(name)
                if looks and (looks[0][1] or content_bytes >= _LARGE_BYTES):
                    found += self._matches(looks, held.prefix + name, judge)
            for folder in reversed(held.folders.values()):
                if sums.get(folder.path, none).entries:
                    here = self._matches(directories(folder.name), folder.path, judge)
                    found += here
                    if not any(match.is_settled for match in here):
                        pending.append(folder)
        return found

    def _matches(self, looks: Iterable[Look], path: str, judge: Judge) -> list[Match]:
        """Return the matches of rules at `path`: all blocked ones and the surest of the others.

        The first settled one replaces all others. A rule for any ecosystem does not count if there
        are objections to the match of another rule.
        """
        found: list[Match] = []
        for rule, find in looks:
            if "/" in find and not fits(find, path):
                continue
            match = self._match(rule, find, path)
            if match is None or (rule.ecosystem == "any" and any(e.objections for e in found)):
                continue
            match = replace(match, objections=tuple(judge(match)))
            if match.is_settled:
                return [match]
            found.append(match)
        doubtful = [each for each in found if each.hard is None]
        surest = max(doubtful, key=lambda each: each.rule.confidence, default=None)
        return [each for each in found if each.hard or each is surest]

    def _match(self, rule: Rule, find: str, path: str) -> Match | None:
        if rule.category is not Category.SECRET:
            shown = self.shows(rule.marker, path)
            if shown is None:
                return None
            return Match(rule, find, path, shown)
        # A manifest is no secret, unless the rule is about this one.
        is_manifest = is_glob(find) and is_build_input(path.rpartition("/")[2])
        if is_manifest:
            sure = None
        else:
            sure = self._certainty(rule, path)
        if sure is None:
            return None
        if is_glob(find):
            # Other files that the glob matches may be templates, which are sources.
            find = "/".join(path.split("/")[-1 - find.count("/") :])
        if sure is Confidence.CERTAIN:
            shown = "its content"
        else:
            shown = "its name"
        return Match(rule, find, path, shown, sure)

    def _certainty(self, rule: Rule, path: str) -> Confidence | None:
        """Return the certainty that a match is a secret; None if it is not one."""
        if TEMPLATES.search(path.rpartition("/")[2]):
            return None
        is_likely = rule.confidence >= _LIKELY_FROM
        if is_likely:
            by_name = Confidence.LIKELY
        else:
            by_name = Confidence.POSSIBLE
        is_file = rule.kind is EntryType.FILE
        if is_file and self.tree.size_bytes(path) > _LARGEST_SECRET:
            by_name = Confidence.POSSIBLE
        elif rule.marker.kind != "exists" and self.shows(rule.marker, path):
            return Confidence.CERTAIN
        elif is_file and not rule.only_proved:
            data = self.first_bytes(path)
            if not data.strip() or (not is_likely and _PUBLIC.search(text_of(data))):
                return None
        return None if rule.only_proved else by_name


def _looks(rules: Iterable[Rule], kind: EntryType) -> Callable[[str], tuple[Look, ...]]:
    """Return a function for the looks for a name: literal ones, globs, and those without names."""
    literal = defaultdict[str, list[Look]](list)
    globs = list[tuple[str, Look]]()
    for rule in (each for each in rules if each.kind is kind):
        for find in rule.find or ("",):
            name = find.rpartition("/")[2]
            if is_glob(name):
                globs.append((name, (rule, find)))
            else:
                literal[name].append((rule, find))
    is_any = matching(name for name, _ in globs)

    @lru_cache(maxsize=10_000)
    def looks(name: str) -> tuple[Look, ...]:
        if is_any(name):
            alike = [look for glob, look in globs if like(glob, name)]
        else:
            alike = []
        return (*literal.get(name, ()), *alike, *literal.get("", ()))

    return looks


def fits(find: str, path: str) -> bool:
    """Return True if `path` ends with the components of `find`, or equals it for `/x`."""
    wanted = find.lstrip("/").split("/")
    parts = path.split("/")
    if find.startswith("/") and len(parts) != len(wanted):
        return False
    return len(parts) >= len(wanted) and all(
        part == each or (is_glob(each) and like(each, part))
        for each, part in zip(reversed(wanted), reversed(parts), strict=False)
    )
