"""Search the tree for what the rules look for, with evidence from git and from files.

Only this module of the recommender reads files, and only the beginning of each. No text from a file
becomes part of a message, as it may be a secret.
"""

from __future__ import annotations

import codecs
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import field
from functools import cache, lru_cache
from itertools import filterfalse
from os.path import join
from posixpath import basename, dirname

from ctxsize.engine.evaluate import up_to
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.findings import Confidence
from ctxsize.globs import GlobIndex, is_glob
from ctxsize.hidden import SECRET_NAME
from ctxsize.knowledge.rules import (
    EntryType,
    Marker,
    Rule,
    all_rules,
    has_known_ending,
    is_build_input,
    is_program,
    listed,
)
from ctxsize.model import Problem
from ctxsize.reader import read_file
from ctxsize.recommender.grounds import WORDS
from ctxsize.recommender.outcome import Clause, Match, Matches
from ctxsize.recommender.tracked import Tracked
from ctxsize.recommender.tree import PathSet, Sums, SumsByPath, Tree, fits
from ctxsize.units import human, plural
from ctxsize.values import Mutable

CACHE_TAG = b"Signature: 8a477f597d28d172789f06886806bc55"
_PROGRAMS = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa\xcf", b"\xca\xfe\xba\xbe", b"MZ")
_MOST_PROGRAMS = 200

_NO_WORD = bytes(range(45)) + b"/:;<=>?@[\\]^`{|}~\x7f"
_BLANKS = bytes.maketrans(_NO_WORD, b" " * len(_NO_WORD))
_FIRST_BYTES = 8192
_LARGE_BYTES = 1024 * 1024  # minimum number of bytes of a file that a rule without names may match
_LARGEST_SECRET = 64 * 1024
_LARGEST_KEY = 16 * 1024
_MOST_OPENED = 2000  # number of files of which only the first bytes may say that they are keys
_PUBLIC = r"-----BEGIN (TRUSTED )?(CERTIFICATE|(RSA )?PUBLIC KEY|CERTIFICATE REQUEST|DH)"
_TEMPLATES = (
    r"(?i)[._-](example|sample|template|tmpl|dist|defaults?|schema|ci)(\.|$)"
    r"|\.(pub|md|patch|diff)$"
)
"""Matches names of templates for a secret, and of what only speaks of one."""
# In directories of tests secrets are usually made up.
_TESTS = r"(?i)(?<![^\W_])(tests?|testing|specs?|suites?|mocks?|fixtures?|testdata)(?![^\W_])"
_CREDENTIALS = r"://[^/\s:@]*:[^/\s:@$<{]+@|-----BEGIN|\b(gh[opsu]_|github_pat_|glpat-|AKIA|sk-|xox[a-z]-|eyJ)\w"
"""Matches what is a secret under any name; on at most _FIRST_BYTES characters."""
_SETTING = r"(?m)^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*=[ \t]*[\"']?([^\s\"'#]*)"
_PUBLIC_NAME = r"(VITE|NEXT_PUBLIC|NUXT_PUBLIC|REACT_APP|VUE_APP|EXPO_PUBLIC|GATSBY|PUBLIC)_"
_PLACEHOLDER = (
    r"(?i)[\Wx]*\Z|[a-z]{1,12}\Z|\d{1,6}\Z|\S*(\$\{|\{\{|<)"
    r"|(?=\S*(change|passw|secret|example|dummy|test|your|placeholder|replace|default))[a-z_.-]+\Z"
)
_RANDOM = r"(?![0-9a-f]{40}\Z)(?=\D*\d)(?=[^a-zA-Z]*[a-zA-Z])[\w+=]{32,}\Z"
_LIKELY_FROM = 0.75

Judge = Callable[[Match], Match]
Lookup = tuple[Rule, str]  # a rule, and one of its names; `""` for a rule without names
Lookups = tuple[Lookup, ...]
_NO_SUMS = Sums()
_EXISTS = Marker("exists")
_MAY_OPEN = ("any_of", "only_programs", "link", "tagged", "self_ignored", "content", "begins")
"""Kinds of markers that may look at what is written in files."""


def small_file(root: str, path: str, limit: int = 1024 * 1024) -> bytes:
    """Return the first MiB of a manifest or a source; nothing if the file cannot be read."""
    try:
        return read_file(join(root, path), limit, cut=True, links=False)
    except OSError:
        return b""


def text_of(data: bytes) -> str:
    """Return `data` as text to search in. UTF-16 is read by dropping its zero bytes."""
    return data.translate(None, b"\0").decode("utf-8", "replace")


def small_text(root: str, path: str) -> str:
    """Return the text of the first MiB of a manifest or a source."""
    return text_of(small_file(root, path))


def words_in(root: str, path: str) -> list[str]:
    """Return the words of the first MiB of a source."""
    data = small_file(root, path).removeprefix(codecs.BOM_UTF8)
    if data.isascii():  # as most are, for which this is four times as fast
        return data.translate(_BLANKS, b"\0").decode("ascii").split()
    return WORDS.findall(text_of(data))


class Evidence(Mutable):
    """Evidence about the paths of one context."""

    tree: Tree
    git: Tracked
    dockerfiles: PathSet = ()
    mounted: Mapping[str, str] = field(default_factory=dict)  # grounds by path

    def __post_init__(self) -> None:
        # The rules that ask about one file do so one after the other.
        self.first_bytes = lru_cache(maxsize=4)(self._first_bytes)
        self.made_up = set[str]()  # the files that may be secrets of tests, which are no matches
        self.opened = 0  # number of files that were opened though their names say nothing

    def _first_bytes(self, path: str) -> bytes:
        if not self.tree.has(path):
            return b""
        return small_file(self.tree.directory, path, _FIRST_BYTES)

    def shows(self, marker: Marker, path: str) -> Clause:
        """Return the evidence for `marker` at `path`, as a clause; None if there is none."""
        names = marker.names
        directory = path
        where = "in"
        if marker.kind.startswith("beside"):
            directory = dirname(path)
            where = "beside"
        match marker.kind:
            case "any_of" | "all_of":
                return self._shows_parts(marker, path)
            case "beside" | "inside":
                if first := self.tree.first(directory, names, but=path):
                    return f"{first.removeprefix(f'{path}/')} {where} it"
            case "beside_all" | "inside_all":
                if all(self.tree.find(directory, name) for name in names):
                    return f"{' and '.join(names)} {where} it"
            case "twin":
                return self._shows_twin(path, names[0])
            case "mounted":
                return self.mounted.get(path)
            case "at_least":
                size_bytes = self.tree.size_bytes(path)
                if size_bytes >= marker.number:
                    return f"{human(size_bytes)} of it"
            case _:
                if self._holds(marker, path):
                    return _condition(marker)
        return None

    def _shows_twin(self, path: str, ending: str) -> Clause:
        twin = path.removesuffix(ending)
        if twin != path and self.tree.has(twin):
            return f"{twin} beside it"
        return None

    def _shows_parts(self, marker: Marker, path: str) -> Clause:
        if marker.kind == "any_of":
            shown = (self.shows(part, path) for part in marker.parts)
            return next(filter(None, shown), None)
        clauses = [""] * len(marker.parts)
        for opens in (False, True):  # most often another part fails before a file is opened
            for number, part in enumerate(marker.parts):
                if (part.kind in _MAY_OPEN) is opens:
                    clause = self.shows(part, path)
                    if not clause:
                        return None
                    clauses[number] = clause
        in_order = dict.fromkeys(clauses)
        in_order.pop(_condition(_EXISTS), None)
        return " and ".join(in_order)

    def _holds(self, marker: Marker, path: str) -> bool:
        match marker.kind:
            case "exists":
                return self.tree.has(path)
            case "is_dockerfile":
                return path in self.dockerfiles
            case "unreadable":
                return path in self.tree.closed
            case "worktrees":
                return path in self.git.worktrees
            case "git_ignored":
                return self.git.ignores(path)
            case "untracked":
                return self.git.is_untracked(path)
            case "only_programs":
                files = [*self.tree.files_below(path)]
                if not 0 < len(files) <= _MOST_PROGRAMS:
                    return False
                return all(self.first_bytes(file).startswith(_PROGRAMS) for file in files)
            case "only_documents":
                files = [*self.tree.files_below(path)]
                return bool(files) and _are_documents(files)
        return self._contains(marker, path)

    def _contains(self, marker: Marker, path: str) -> bool:
        """Return True if what is written in a file, or a symlink, is what the marker says."""
        match marker.kind:
            case "link":
                with suppress(OSError, ValueError):
                    return os.readlink(join(self.tree.directory, path)).startswith(marker.names[0])
                return False
            case "tagged":
                return self.first_bytes(join(path, "CACHEDIR.TAG")).startswith(CACHE_TAG)
            case "self_ignored":
                text = text_of(self.first_bytes(join(path, ".gitignore")))
                lines = filter(None, map(str.strip, text.splitlines()))
                return [line for line in lines if line[0] != "#"] in (["*"], ["/**"], ["**"])
            case "content":
                # on at most _FIRST_BYTES characters
                return re.search(marker.names[0], text_of(self.first_bytes(path))) is not None
        beginnings = tuple(map(bytes.fromhex, marker.names))
        return self.first_bytes(path).startswith(beginnings, marker.number)

    def found(self, sums: SumsByPath, judge: Judge) -> Matches:
        """Return the proven matches among the sent entries, none below one that may be hidden."""
        matches: Matches = []
        directories = rules_for(EntryType.DIRECTORY)
        links = rules_for(EntryType.SYMLINK)
        inner = set()  # the directories in what a rule matches, though there are doubts
        ignored = set()  # the directories in one that matches because git ignores it
        pending = [self.tree.root]
        while pending:
            directory = pending.pop()
            prefix = directory.prefix
            is_inner = directory.path in inner
            is_ignored = directory.path in ignored
            linked = self.tree.snapshot.links.get(directory.path, ())
            for name, content_bytes in sums.names_in(directory.path).items():
                if name in linked:
                    lookups = (*links.named(name), *links.nameless)
                else:
                    lookups = self._file_lookups(directory, name, content_bytes, is_inner)
                if is_ignored:
                    lookups = (*filterfalse(_asks_git_alone, lookups),)
                if lookups:
                    matches += self._matches(lookups, prefix + name, judge)
            for folder in reversed(directory.folders.values()):
                if sums.get(folder.path, _NO_SUMS).entries:
                    lookups = (*directories.named(folder.name), *directories.nameless)
                    if is_ignored:
                        lookups = (*filterfalse(_asks_git_alone, lookups),)
                    here = self._matches(lookups, folder.path, judge)
                    matches += here
                    if any(match.is_settled for match in here):
                        continue
                    pending.append(folder)
                    if here or is_inner:
                        inner.add(folder.path)
                    if is_ignored or any(map(_is_all_ignored, here)):
                        ignored.add(folder.path)
        return matches

    def _file_lookups(
        self, directory: MemoryDirectory, name: str, content_bytes: int, is_inner: bool
    ) -> Lookups:
        files = rules_for(EntryType.FILE)
        lookups = files.named(name)
        size_bytes = content_bytes
        if lookups:  # the first name of a file alone has its bytes in a transfer
            size_bytes = directory.contents[name]
        if size_bytes >= _LARGE_BYTES:
            return (*lookups, *files.nameless)
        if lookups or is_inner or not 0 < size_bytes <= _LARGEST_KEY:
            return lookups
        if has_known_ending(name) or self.git.ignores(directory.prefix + name):
            return ()
        self.opened += 1
        if self.opened > _MOST_OPENED:
            return ()
        return files.secrets

    def _matches(self, lookups: Iterable[Lookup], path: str, judge: Judge) -> Matches:
        """Return the matches of rules at `path`: all blocked ones and the surest of the others.

        The first settled one replaces all others. A rule for any ecosystem does not count if there
        are objections to the match of another rule.
        """
        matches: Matches = []
        for rule, find in lookups:
            if "/" in find and not fits(find, path):
                continue
            match = self._match(rule, find, path)
            if match is None:
                continue
            if rule.ecosystem == "any" and any(other.objections for other in matches):
                continue
            match = judge(match)
            if match.is_settled:
                return [match]
            matches.append(match)
        if len(matches) == 1:
            return matches
        doubtful = [match for match in matches if match.hard is None]
        surest = max(doubtful, key=lambda match: match.rule.confidence, default=None)
        return [match for match in matches if match.hard or match is surest]

    def _match(self, rule: Rule, find: str, path: str) -> Match | None:
        if not rule.is_secret:
            shown = self.shows(rule.marker, path)
            if shown is None:
                return None
            return Match(rule, find, path, shown)
        name = basename(path)
        # A manifest or a program is no secret, unless the rule is about this one.
        if is_glob(find) and (is_build_input(name) or is_program(name)):
            return None
        certainty = self._certainty(rule, path)
        if certainty is None:
            return None
        if self._is_made_up(path) or (find.startswith(".env") and self._has_settings(path)):
            return None
        if is_glob(find) and not rule.varying:
            # Other files that the glob matches may be templates, which are sources.
            depth = find.count("/") + 1
            find = "/".join(path.split("/")[-depth:])
        shown = "its name"
        if certainty is Confidence.CERTAIN:
            shown = "its content"
        return Match(rule, find, path, shown, certainty)

    def _is_made_up(self, path: str) -> bool:
        """Return True, and count its files, for what git tracks of tests and vendored code."""
        above = up_to(path)[:-1]
        is_of_tests = any(re.search(_TESTS, basename(directory)) for directory in above)
        if not is_of_tests and not any(map(self.tree.is_vendored, above)):
            return False
        files = {*self.tree.files_below(path)}
        if not files or not files.issubset(self.git.at_or_below(path)):
            return False
        self.made_up |= files
        return True

    def _has_settings(self, path: str) -> bool:
        """Return True for a file of variables that git tracks and in which no value is secret."""
        if not self.git.tracks(path) or self.tree.size_bytes(path) > _FIRST_BYTES:
            return False
        text = text_of(self.first_bytes(path))
        if re.search(_CREDENTIALS, text):
            return False
        return not any(_is_secret(name, value) for name, value in re.findall(_SETTING, text))

    @property
    def problems(self) -> Iterator[Problem]:
        """Yield the notes about what is not among the matches of `found`."""
        count = len(self.made_up)
        if count:
            secrets = plural(count, "possible secret")
            message = f"git tracks {secrets} of tests or vendored code: not reported"
            yield Problem("made-up", message, count=count)
        if self.opened > _MOST_OPENED:
            yield Problem(
                "keys-not-searched",
                f"the search for private keys stopped after {_MOST_OPENED:,} files of unknown kind",
            )

    def _certainty(self, rule: Rule, path: str) -> Confidence | None:
        """Return the certainty that a match is a secret; None if it is not one."""
        if re.search(_TEMPLATES, basename(path)):
            return None
        is_likely = rule.confidence >= _LIKELY_FROM
        is_file = rule.kind is EntryType.FILE
        is_large = is_file and self.tree.size_bytes(path) > _LARGEST_SECRET
        if not is_large and rule.marker.kind != "exists" and self.shows(rule.marker, path):
            return Confidence.CERTAIN
        if rule.only_proved:
            return None
        if is_file and not is_large:
            data = self.first_bytes(path)
            if not data.strip():
                return None
            if not is_likely and re.search(_PUBLIC, text_of(data)):
                return None
        if is_likely and not is_large:
            return Confidence.LIKELY
        return Confidence.POSSIBLE


class RuleIndex:
    """The rules for one type of entries, by the names that they look for."""

    def __init__(self, kind: EntryType) -> None:
        self._literal = defaultdict[str, list[Lookup]](list)
        globs = []
        for rule in all_rules().values():
            if rule.kind is not kind:
                continue
            for find in rule.find or ("",):
                name = basename(find)
                lookup = (rule, find)
                if is_glob(name):
                    globs.append((name, lookup))
                else:
                    self._literal[name].append(lookup)
        any_name = self._literal.pop("", [])
        self.nameless: Lookups = tuple(row for row in any_name if not row[0].is_secret)
        """The rules for entries of any name."""
        self.secrets: Lookups = tuple(row for row in any_name if row[0].is_secret)
        """The rules for secrets of any name."""
        self._alike = GlobIndex(globs)
        self.named = lru_cache(maxsize=10_000)(self._find_named)
        """Return the lookups for a name: literal ones, then globs."""

    def _find_named(self, name: str) -> Lookups:
        return (*self._literal.get(name, ()), *self._alike.of(name))


@cache
def rules_for(kind: EntryType) -> RuleIndex:
    """Return the one index of the rules for a type of entries."""
    return RuleIndex(kind)


def _asks_git_alone(lookup: Lookup) -> bool:
    """Return True for a rule that asks nothing but whether git ignores a path of some size."""
    rule, find = lookup
    return not find and any(part.kind == "git_ignored" for part in rule.marker.parts)


def _is_all_ignored(match: Match) -> bool:
    """Return True for a directory that may be hidden because git ignores all that is in it."""
    return match.hard is None and _asks_git_alone((match.rule, match.find))


@cache
def _condition(marker: Marker) -> str:
    """Return the condition of a marker as the evidence that it holds."""
    return str(marker).replace("`", "")


def _is_secret(name: str, value: str) -> bool:
    """Return whether a variable has a secret, rather than a setting or a placeholder for one."""
    if re.match(_PUBLIC_NAME, name) or re.match(_PLACEHOLDER, value):
        return False
    return bool(re.search(SECRET_NAME, name) or re.match(_RANDOM, value))


def _are_documents(files: Iterable[str]) -> bool:
    names = {*map(basename, files)}.difference(listed("document_names"))
    return all(name.lower().endswith(listed("documents")) for name in names)
