"""Facts from manifests, sources and Dockerfiles that decide whether a path may be ignored."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property, lru_cache, partial
from heapq import nsmallest
from itertools import chain, filterfalse
from posixpath import basename, dirname, join, normpath, split
from typing import Any

from ctxsize.engine.evaluate import up_to
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.patterns import pattern_for
from ctxsize.globs import NameTest, is_glob, like, matcher
from ctxsize.knowledge.rules import NOT_SOURCES, expression, is_source, listed, listed_names
from ctxsize.knowledge.tools import output_of
from ctxsize.recommender.build_files import BuildFile, BuildFiles, contains, contains_run
from ctxsize.recommender.carried import PathsByLine, carried, passed_on
from ctxsize.recommender.evidence import small_text, words_in
from ctxsize.recommender.grounds import is_for_checkers, may_read, without_addresses
from ctxsize.recommender.outcome import Clause, Match
from ctxsize.recommender.placed import placed_steps
from ctxsize.recommender.reach import Reach
from ctxsize.recommender.references import Reference, References
from ctxsize.recommender.tracked import Tracked
from ctxsize.recommender.tree import SumsByPath, Tree, is_below
from ctxsize.values import Mutable, Value

_BETWEEN = r"[\s\"'`:;,=()\[\]{}<>|&]+"
_OF_THE_SYSTEM = r"/(usr/)?(local/)?(lib(64|exec)?|s?bin|include)(/|$)|/(dev|etc|proc)/"
_NAMES_GIT = r"(?:^|[\s\"'=(/])\.git(?:[/\s\"')]|$)"
_DOES_WITHOUT_GIT = r"\b(?:rm|find)\s|exclude|--ignore"
_ENV_FILE = re.compile(r"\.env(\..+)?")
_WITH_DOTENV = r"\b(webpack|rollup|esbuild|snowpack|browserify|metro)\b"
_NAMES_ENV = r"(?<![\w)\]?])\.env\b|--env-file"  # not the variables of `process.env`
_LOOKS_ELSEWHERE = r"\benvDir\b|\bloadEnvConfig\b|\bdotenv\b|\benv-cmd\b"
_LARGEST_SOURCE = 512 * 1024
_MOST_SOURCE_BYTES = 128 * 1024 * 1024
_MOST_SOURCES = 20_000
_MOST_MANIFESTS = 300
_MOST_SCRIPTS = 50
_LONGEST_SHORT = 8 * 1024  # number of characters of a text of which many are kept


def is_named(name: str, text: str, *, bare: bool = True) -> bool:
    """Return True if a word of `text` names `name`, a name or the last components of a path.

    A word that is equal to the name counts only with `bare`.

    >>> is_named("build", "/app/build/lib:$PATH"), is_named("build", "/usr/lib/build")
    (True, False)
    """
    if len(text) <= _LONGEST_SHORT:
        words = _words_of_short(text)
    else:
        words = _words_of_long(text)
    wanted = name.split("/")
    for word, parts in chain(words.by_name.get(wanted[0], ()), words.with_globs):
        if not bare and "/" not in word:
            continue
        if contains_run(parts, wanted, _agree):
            return True
    return False


WordList = list[tuple[str, list[str]]]  # with the parts of each between slashes


class _Words(Value):
    """The words of a text that may name something."""

    by_name: Mapping[str, WordList]  # by each of their parts
    with_globs: WordList  # a part is a pattern for names


def _words_of(text: str) -> _Words:
    by_name = defaultdict(list)
    with_globs: WordList = []
    for word in dict.fromkeys(re.split(_BETWEEN, without_addresses(text))):
        if re.match(_OF_THE_SYSTEM, word):
            continue
        parts = [part for part in word.split("/") if part not in ("", ".")]
        for part in dict.fromkeys(parts):
            by_name[part].append((word, parts))
        if any(map(_is_pattern, parts)):
            with_globs.append((word, parts))
    return _Words(by_name, with_globs)


# Each match asks about the same texts.
_words_of_short = lru_cache(maxsize=1024)(_words_of)
_words_of_long = lru_cache(maxsize=8)(_words_of)


def _agree(part: str, wanted: str) -> bool:
    """Return True if a part of a path is `wanted`, or a pattern for it that is more than stars."""
    return part == wanted or (_is_pattern(part) and like(part, wanted))


def _is_pattern(part: str) -> bool:
    """Return True if a part of a path is a pattern that is more than stars."""
    return is_glob(part) and part.strip("*") != ""


def may_be(pattern: str, path: str) -> bool:
    """Return True if a source may name `path`; `*` in it stands for any text or none."""
    pattern = pattern.replace("*/", "*")
    return like(pattern, path) or like(pattern, f"{path}/")


def _depth(path: str) -> tuple[int, str]:
    return path.count("/"), path


PathLists = defaultdict[str, list[str]]


class SourceIndex(Value):
    """The paths of sources by words in them: names of entries, and words that run others."""

    by_word: PathLists
    is_all: bool  # False if there are too many sources to read all of them


class Facts(Mutable):
    """Facts about one context, each computed on first use."""

    tree: Tree
    git: Tracked
    build_files: BuildFiles
    sums: SumsByPath  # of the context, by path

    def __post_init__(self) -> None:
        self.plan = self.tree.snapshot.plan
        self.text = lru_cache(maxsize=64)(partial(small_text, self.tree.directory))
        """Return the text of a manifest or a source; members of a workspace share manifests."""
        self.maybe_taken = cache(self._maybe_taken)
        self.mentioning = cache(self._find_mentioning)
        self.makings = defaultdict[tuple[int, str], list[Any]](list)
        """The uses of matches that `made` has found, by Dockerfile and rule."""

    def after(self, sums: SumsByPath) -> Facts:
        """Return the facts of this context once no more than `sums` is sent of it.

        What was read of sources and of what commands name is not read again.
        """
        facts = Facts(self.tree, self.git, self.build_files, sums)
        facts.references = tuple(
            reference for reference in self.references if not reference.by or reference.by in sums
        )
        if "sources" in vars(self):
            facts.sources = self.sources
        return facts

    def pattern_of(self, path: str) -> str | None:
        """Return the pattern for exactly this path; None if no pattern can mean it."""
        return pattern_for(path, pattern_class=self.plan.builder.spec_class.pattern_class)

    @cached_property
    def version_from_git(self) -> Clause:
        """Return why the build reads its version from git, as a clause; None if nothing does."""
        for build_file in self.build_files.all:
            if expression("runs_git").search(build_file.commands):
                return f"{build_file.path} runs git"
            for command in re.split(r"[;&|\n]+", build_file.commands):
                if re.search(_NAMES_GIT, command) and not re.search(_DOES_WITHOUT_GIT, command):
                    return f"a command of {build_file.path} names .git"
        built = "\n".join(build_file.text for build_file in self.build_files.all)
        manifests = self._paths_called(listed_names("version_files"))
        manifests = filterfalse(self.git.ignores, manifests)
        for path in nsmallest(_MOST_MANIFESTS, manifests, key=_depth):
            text = self.text(path)
            if path.endswith(listed("scripts")) and basename(path) not in built:
                is_of_host = expression("of_host").search(f"/{path}\n{text}")
                if is_of_host or not self.reach.may_run(path):
                    continue
                text = expression("asks_for_place").sub("", text)
            if expression("versioned_by_git").search(text):
                return f"{path} reads its version from git"
        return None

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """Return the places that name files without which a build fails; now it finds them."""
        is_sent = self.sums.__contains__
        finder = References(self.tree, is_sent)
        return tuple(
            reference
            for build_file in self.build_files.all
            for reference in finder.of(build_file.plan, build_file.names)
            if not reference.breaks(is_sent)
            if reference.is_of_sources(self.git)
        )

    @cached_property
    def sources(self) -> SourceIndex:
        """Return the sources by words in them: names of entries, and words that run others."""
        by_word = PathLists(list)
        words_asked = {*self._prefixes_by_name, *listed("scripts"), *listed("make")}
        count = 0
        left_bytes = _MOST_SOURCE_BYTES
        for directory in self.tree.root.tree(self._has_sources):
            for name, size_bytes in self.sums.names_in(directory.path).items():
                path = directory.prefix + name
                if size_bytes > _LARGEST_SOURCE:
                    continue
                if not is_source(name) or name in listed("locks"):
                    continue
                if self.git.ignores(path):
                    continue
                left_bytes -= size_bytes
                count += 1
                if count > _MOST_SOURCES or left_bytes < 0:
                    return SourceIndex(by_word, is_all=False)
                for word in words_asked.intersection(words_in(self.tree.directory, path)):
                    by_word[word].append(path)
        return SourceIndex(by_word, is_all=True)

    def _has_sources(self, directory: MemoryDirectory) -> bool:
        return directory.name not in NOT_SOURCES and not self.tree.is_vendored(directory.path)

    def _find_mentioning(self, name: str) -> list[str]:
        """Return the sources that are sent and by which a build may read a file of this name."""
        paths = filter(self.sums.__contains__, self.sources.by_word.get(name, ()))
        return sorted(path for path in paths if self._may_read(path, name))

    def _may_read(self, path: str, name: str) -> bool:
        text = self.text(path)
        if not may_read(path, text, name):
            return False
        if is_for_checkers(path, text, name) and not self.runs_checks:
            return False
        if not self.reach.may_run(path):
            return False
        part = self.reach.part_that_runs(path, text)
        return part is text or may_read(path, part, name)

    @cached_property
    def reach(self) -> Reach:
        """Return the scripts and targets that a build may run; now it finds them."""
        return Reach(self.build_files, self.sources.by_word)

    @cached_property
    def runs_checks(self) -> bool:
        """Return True if a RUN, or a script that an install or a build runs, may run a checker."""
        runners = {"?", *listed("task_runners")}
        if any(build_file.programs & runners for build_file in self.build_files.all):
            return True
        if self.running(expression("runs_checks")):
            return True
        manifests = (path for paths in self.settings.values() for path in paths)
        scripts = expression("checks_before_build")
        return any(scripts.search(self.text(path)) for path in manifests)

    def _maybe_taken(self, pattern: str) -> tuple[set[str], set[str]]:
        """Return the paths that an unknown source may be, and these with the directories above."""
        taken = {path for path in self.sums if path and may_be(pattern, path)}
        return taken, taken.union(*map(up_to, taken))

    def taking(self, match: Match) -> Iterator[BuildFile]:
        """Yield the Dockerfiles that copy a directory above the match."""
        for build_file in self.build_files.all:
            is_whole = build_file.takes_everything and not build_file.leaves_out(match.path)
            if is_whole or any(contains(named.path, match.path) for named in build_file.named):
                yield build_file

    def may_travel(self, match: Match) -> bool:
        """Return True if a build transfers the match, or if that is not known."""
        plan = self.plan
        if plan.dockerfile is None or not plan.builder.asks_for_paths:
            return True
        if self.build_files.undecided:
            return True
        takers = chain(self.build_files.taking(match.path), self.taking(match))
        return next(takers, None) is not None

    def running(self, commands: re.Pattern[str]) -> str | None:
        """Return the path of a Dockerfile that runs such commands; None if there is none."""
        for build_file in self.build_files.all:
            if commands.search(build_file.commands):
                return build_file.path
        return None

    @cached_property
    def rewritten(self) -> Mapping[int, set[str]]:
        """Return what compilers in each Dockerfile write over, by its `id`."""
        paths = defaultdict(set)
        for build_file in self.build_files.all:
            for _, step, here, _ in placed_steps(build_file.plan, build_file.names, self.tree):
                if not step.is_run:
                    continue
                for directory, command in step.located:
                    output = output_of(command)
                    origin = output and here.origin(normpath(join(directory, output)))
                    if origin:
                        paths[id(build_file)].add(origin)
        return paths

    @cached_property
    def carried(self) -> Mapping[int, set[str]]:
        """Return what the image of each Dockerfile may have of the context, by its `id`."""
        return {
            id(build_file): {*carried(build_file, self.tree)} for build_file in self.build_files.all
        }

    @cached_property
    def passed_on(self) -> Mapping[int, PathsByLine]:
        """Return what each COPY from a stage may bring of the context, by Dockerfile and line."""
        return {
            id(build_file): passed_on(build_file, self.tree) for build_file in self.build_files.all
        }

    def script(self, name: str, beside: str) -> str:
        """Return the texts of the files of this name that are sent, except those in `beside`."""
        files = filter(self.tree.snapshot.file, self.named(name))
        others = (path for path in files if not is_below(path, {beside}))
        return "\n".join(map(self.text, nsmallest(_MOST_SCRIPTS, others, key=_depth)))

    @cached_property
    def _prefixes_by_name(self) -> dict[str, list[str]]:
        """Return where a name is sent: most of the paths are never asked for, so none is made."""
        prefixes = defaultdict(list)
        for directory in self.tree.snapshot.folders:
            for name in self.sums.names_in(directory.path):
                prefixes[name].append(directory.prefix)
            name = directory.name
            if name and directory.path in self.sums:
                prefixes[name].append(directory.prefix[: -len(name) - 1])
        return dict(prefixes)

    def named(self, name: str) -> list[str]:
        """Return the paths that are sent and whose last name is `name`."""
        return [prefix + name for prefix in self._prefixes_by_name.get(name, ())]

    def called(self, name: str) -> Iterable[str]:
        """Return the paths that are sent and whose last name is `name`, which may be a glob."""
        if is_glob(name):
            return self._paths_called(matcher(name))
        return self.named(name)

    def _paths_called(self, is_wanted: NameTest) -> Iterator[str]:
        for name in filter(is_wanted, self._prefixes_by_name):
            yield from self.named(name)

    @cached_property
    def settings(self) -> PathLists:
        """Return the manifests of Node and the settings of bundlers, by directory."""
        settings = PathLists(list)
        names = filter(listed_names("settings"), self._prefixes_by_name)
        for name in sorted(names, key=lambda name: (name != "package.json", name)):
            for path in self.named(name):
                if NOT_SOURCES.isdisjoint(path.split("/")):
                    settings[dirname(path)].append(path)
        return settings


def reader_of(facts: Facts, match: Match) -> Clause:
    """Return which tool may read an environment file while an image is built, as a clause.

    Vite, Next, Nuxt, react-scripts and similar tools read `.env`, `.env.local`, `.env.production`
    and `.env.production.local` by themselves, and write their values into the build output. Their
    settings may name a directory above or below them.
    """
    directory, name = split(match.path)
    if not _ENV_FILE.fullmatch(name):
        return None
    takers = [*facts.taking(match)]
    for build_file in takers:
        if tool := _bundler_in(build_file.commands):
            return f"{tool}, which {build_file.path} runs, reads it"
    if not takers:
        return None
    nearest_first = sorted(facts.settings, key=lambda place: (place != directory, place))
    reasons = (_reader_at(facts, match.path, place) for place in nearest_first)
    return next(filter(None, reasons), None)


def _reader_at(facts: Facts, path: str, place: str) -> Clause:
    """Return which tool with settings in the directory `place` may read the environment file."""
    directory, name = split(path)
    inner = join(directory, "")
    outer = join(place, "")
    if not inner.startswith(outer) and not outer.startswith(inner):
        return None
    settings = facts.settings[place]
    text = "\n".join(f"{basename(path)}\n{facts.text(path)}" for path in settings)
    if place != directory:
        child = re.escape(inner.removeprefix(outer).partition("/")[0])
        elsewhere = rf"(?<![\w-])({child}|{re.escape(name)})(?![\w-])"
        if outer.startswith(inner):
            elsewhere = _LOOKS_ELSEWHERE
        if not re.search(elsewhere, text):
            return None
    tool = _bundler_in(text)
    if tool or re.search(_NAMES_ENV, text):
        return f"{tool or 'a script'} of {settings[0]} reads it when it builds"
    return None


def _bundler_in(text: str) -> str | None:
    tool = expression("reads_env").search(text)
    if tool is None and "dotenv" in text:
        tool = re.search(_WITH_DOTENV, text)
    if tool is None:
        return None
    return " ".join(tool[0].split())
