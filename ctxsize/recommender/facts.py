"""Facts from manifests, sources and Dockerfiles that decide whether a path may be ignored."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache, cached_property
from heapq import nsmallest
from itertools import islice

from ctxsize.engine.evaluate import up_to
from ctxsize.globs import is_glob, like
from ctxsize.knowledge.rules import NOT_SOURCES, expression, is_source, listed, listed_names
from ctxsize.recommender.build_files import BuildFile, BuildFiles
from ctxsize.recommender.evidence import Evidence, text_of
from ctxsize.recommender.outcome import Match
from ctxsize.recommender.references import Reference, References
from ctxsize.recommender.tree import SumsByPath, is_below

_WORDS = re.compile(r"[\w.-]+")
_BETWEEN = re.compile(r"[\s\"'`:;,=()\[\]{}<>|&]+")
_OF_THE_SYSTEM = re.compile(r"/(usr/)?(local/)?(lib(64|exec)?|s?bin|include)(/|$)|/(dev|etc|proc)/")
_NAMES_GIT = re.compile(r"(?:^|[\s\"'=(/])\.git(?:[/\s\"')]|$)")
_DOES_WITHOUT_GIT = re.compile(r"\b(?:rm|find)\s|exclude|--ignore")
_ENV_FILE = re.compile(r"\.env(\..+)?")
_WITH_DOTENV = re.compile(r"\b(webpack|rollup|esbuild|snowpack|browserify|metro)\b")
_NAMES_ENV = re.compile(r"\.env\b|--env-file")
_LOOKS_ELSEWHERE = re.compile(r"\benvDir\b|\bloadEnvConfig\b|\bdotenv\b|\benv-cmd\b")
_LARGEST_SOURCE = 512 * 1024
_MOST_SOURCE_BYTES = 64 * 1024 * 1024
_MOST_SOURCES = 20_000
_MOST_MANIFESTS = 300
_MOST_SCRIPTS = 50


def is_named(name: str, text: str, *, bare: bool = True) -> bool:
    """Return True if a word of `text` names `name`, a name or the last components of a path.

    A word that is equal to the name counts only with `bare`.

    >>> is_named("build", "/app/build/lib:$PATH"), is_named("build", "/usr/lib/build")
    (True, False)
    """
    wanted = name.split("/")
    for word in _BETWEEN.split(text):
        if _OF_THE_SYSTEM.match(word) or ("/" not in word and not bare):
            continue
        parts = [part for part in word.split("/") if part not in ("", ".")]
        starts = range(len(parts) - len(wanted) + 1)
        if any(all(map(_agree, parts[at:], wanted)) for at in starts):
            return True
    return False


def _agree(part: str, wanted: str) -> bool:
    """Return True if a part of a path is `wanted`, or a pattern for it that is more than stars."""
    return part == wanted or (part.strip("*") != "" and is_glob(part) and like(part, wanted))


def mentions(name: str, text: str) -> bool:
    """Return True if a text names a file: in a path, in quotes or tags, or as an item of a list."""
    return name in text and any(each.search(text) for each in _mention(name))


@cache
def _mention(name: str) -> tuple[re.Pattern[str], ...]:
    return re.compile(_in_text(name)), re.compile(_as_item(name))


def _in_text(name: str) -> str:
    # The name goes first and what is in front of it last: then `re` skips to the next name.
    quoted = re.escape(name)
    in_path = rf"(?<![\w.-]{quoted})(?=[/\\])"
    in_quotes = rf"(?<=[\"'`/=(:>]{quoted})(?=[\"'`),<\s]|\Z)"
    in_tags = rf"(?<=>\s{quoted})(?=\s<)"
    return f"{quoted}(?:{in_path}|{in_quotes}|{in_tags})"


def _as_item(name: str) -> str:
    return rf"(?m)^[ \t]*-[ \t]+{re.escape(name)}(?![\w.-])"


def may_be(pattern: str, path: str) -> bool:
    """Return True if a source may name `path`; `*` in it stands for any text or none."""
    pattern = pattern.replace("*/", "*")
    return like(pattern, path) or like(pattern, f"{path}/")


def _depth(path: str) -> tuple[int, str]:
    return path.count("/"), path


class Facts:
    """Facts about one context, each computed on first use."""

    def __init__(self, evidence: Evidence, build_files: BuildFiles, sums: SumsByPath) -> None:
        self.evidence = evidence
        self.plan = evidence.tree.snapshot.plan
        self.build_files = build_files
        self.sums = sums  # the sums of the context, by path
        self.maybe_taken = cache(self._maybe_taken)
        self._scripts = cache(self._find_scripts)
        self._mentioning = cache(self._find_mentioning)

    @cached_property
    def version_from_git(self) -> str | None:
        """Return why the build reads its version from git, as a clause; None if nothing does."""
        for build_file in self.build_files.all:
            if expression("runs_git").search(build_file.commands):
                return f"{build_file.path} runs git"
            commands = re.split(r"[;&|\n]+", build_file.commands)
            if any(_NAMES_GIT.search(e) and not _DOES_WITHOUT_GIT.search(e) for e in commands):
                return f"a command of {build_file.path} names .git"
        names = filter(listed_names("version_files"), self.by_name)
        git = self.evidence.git
        sent = (path for each in names for path in self.by_name[each] if not git.ignores(path))
        for path in nsmallest(_MOST_MANIFESTS, sent, key=_depth):
            if expression("versioned_by_git").search(self.evidence.small_file(path)):
                return f"{path} reads its version from git"
        return None

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """Return the places that name files without which a build fails; now it finds them."""
        is_sent = self.sums.__contains__
        find = References(self.evidence.tree, is_sent).of
        git = self.evidence.git
        found = (each for e in self.build_files.all for each in find(e.plan, e.names))
        return tuple(each for each in found if not each.breaks(is_sent) and each.is_of_sources(git))

    @cached_property
    def _sources(self) -> tuple[dict[str, list[str]], bool]:
        """Return the sources by the names of entries in their words, and if these are all."""
        found = defaultdict[str, list[str]](list)
        sources = 0
        left = _MOST_SOURCE_BYTES
        git = self.evidence.git
        for held in self.evidence.tree.root.tree(lambda each: each.name not in NOT_SOURCES):
            for name, size in self.sums.names_in(held.path).items():
                path = held.prefix + name
                if size > _LARGEST_SOURCE or not is_source(name) or name in listed("locks"):
                    continue
                if not git.ignores(path):
                    left = left - size
                    sources = sources + 1
                    if sources > _MOST_SOURCES or left < 0:
                        return found, False
                    words = _WORDS.findall(text_of(self.evidence.source(path)))
                    for word in self.by_name.keys() & words:
                        found[word].append(path)
        return found, True

    def mentioned(self, path: str) -> str | None:
        """Return why a source or a Dockerfile may read `path`; None if none names it."""
        name = path.rpartition("/")[2]
        (_, is_all) = self._sources
        if not _WORDS.fullmatch(name):
            return "no source can be searched for its name"
        for at in self._mentioning(name):
            if at != path and not is_below(at, {path}):
                return f"{at} mentions it"
        for build_file in self.build_files.all:
            if mentions(name, build_file.commands):
                return f"{build_file.path} mentions it"
        return None if is_all else "there are too many sources to see whether one reads it"

    def _find_mentioning(self, name: str) -> list[str]:
        sources = self._sources[0].get(name, ())
        text = self.evidence.source
        return [at for at in sorted(sources) if mentions(name, text_of(text(at)))]

    def _maybe_taken(self, pattern: str) -> tuple[set[str], set[str]]:
        """Return the paths that an unknown source may be, and these with the directories above."""
        taken = {each for each in self.sums if each and may_be(pattern, each)}
        return taken, taken.union(*map(up_to, taken))

    def taking(self, match: Match) -> Iterator[BuildFile]:
        """Yield the Dockerfiles that copy a directory above the match."""
        for build_file in self.build_files.all:
            above = any(named.contains(match.path) for named in build_file.named)
            if build_file.takes_everything or above:
                yield build_file

    def running(self, commands: re.Pattern[str]) -> str | None:
        """Return the path of a Dockerfile that runs such commands; None if there is none."""
        files = (each.path for each in self.build_files.all if commands.search(each.commands))
        return next(files, None)

    def script(self, name: str, beside: str) -> str:
        """Return the texts of the files of this name that are sent, except those in `beside`."""
        paths = (path for path in self._scripts(name) if not is_below(path, {beside}))
        return "\n".join(map(self.evidence.small_file, islice(paths, _MOST_SCRIPTS)))

    def _find_scripts(self, name: str) -> list[str]:
        is_file = self.evidence.tree.snapshot.file
        return sorted(filter(is_file, self.by_name.get(name, ())), key=_depth)

    @cached_property
    def by_name(self) -> dict[str, list[str]]:
        """Return the paths that are sent, by last name."""
        found = defaultdict[str, list[str]](list)
        for held in self.evidence.tree.snapshot.folders:
            prefix = held.prefix
            for name in self.sums.names_in(held.path):
                found[name].append(prefix + name)
            if held.path in self.sums:
                found[held.name].append(held.path)
        return found

    def called(self, name: str) -> Iterator[str]:
        """Yield the paths that are sent and whose last name is `name`, which may be a glob."""
        names = (e for e in self.by_name if like(name, e)) if is_glob(name) else (name,)
        return (path for each in names for path in self.by_name.get(each, ()))

    @cached_property
    def settings(self) -> dict[str, list[str]]:
        """Return the manifests of Node and the settings of bundlers, by directory."""
        found = defaultdict[str, list[str]](list)
        names = filter(listed_names("settings"), self.by_name)
        for name in sorted(names, key=lambda each: (each != "package.json", each)):
            for path in self.by_name[name]:
                if NOT_SOURCES.isdisjoint(path.split("/")):
                    found[path.rpartition("/")[0]].append(path)
        return found


def reader_of(facts: Facts, match: Match) -> str | None:
    """Return which tool may read an environment file while an image is built, as a clause.

    Vite, Next, Nuxt, react-scripts and similar tools read `.env`, `.env.local`, `.env.production`
    and `.env.production.local` by themselves, and write their values into the build output. Their
    settings may name a directory above or below them.
    """
    directory, _, name = match.path.rpartition("/")
    if _ENV_FILE.fullmatch(name):
        takers = [*facts.taking(match)]
    else:
        takers = []
    if not takers:
        return None
    for build_file in takers:
        if tool := _bundler_in(build_file.commands):
            return f"{tool}, which {build_file.path} runs, reads it"
    inner = f"{directory}/".lstrip("/")
    for at, paths in sorted(facts.settings.items(), key=lambda e: (e[0] != directory, e[0])):
        outer = f"{at}/".lstrip("/")
        if not (inner.startswith(outer) or outer.startswith(inner)):
            continue
        texts = (f"{e.rpartition('/')[2]}\n{facts.evidence.small_file(e)}" for e in paths)
        text = "\n".join(texts)
        child = re.escape(inner.removeprefix(outer).partition("/")[0])
        below = rf"(?<![\w-])({child}|{re.escape(name)})(?![\w-])"
        is_named = re.search(_LOOKS_ELSEWHERE if outer.startswith(inner) else below, text)
        tool = _bundler_in(text)
        if (at == directory or is_named) and (tool or _NAMES_ENV.search(text)):
            return f"{tool or 'a script'} of {paths[0]} reads it when it builds"
    return None


def _bundler_in(text: str) -> str | None:
    found = expression("reads_env").search(text) or ("dotenv" in text and _WITH_DOTENV.search(text))
    if found:
        return " ".join(found[0].split())
    return None
