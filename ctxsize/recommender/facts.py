"""What manifests, sources and Dockerfiles say that decides whether a thing may go."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import translate
from functools import cache, cached_property
from heapq import nsmallest

from ctxsize.dockerfile.stages import StageStep, built_stages
from ctxsize.recommender.build_files import BuildFile, BuildFiles, Named
from ctxsize.recommender.evidence import Evidence
from ctxsize.recommender.knowledge.tools import install_directory, manager_of
from ctxsize.recommender.mentions import Texts, mentions, running
from ctxsize.recommender.rules import NOT_SOURCES, Rule, is_source
from ctxsize.recommender.tree import SumsByPath, directories_above, is_below
from ctxsize.syntax import Command

_VERSIONED_BY_GIT = re.compile(
    r"setuptools[_-]scm|setuptools-git-versioning|source\s*=\s*[\"']scm|gradle-git|hatch-vcs|versioningit|versioneer|dunamai|poetry-dynamic-versioning"
    r"|uv-dynamic-versioning|pdm-backend.*scm|\bvergen|git-version|git_version!|shadow-rs"
    r"|^\s*built\s*=|git2|\bgit (describe|rev-parse|log)\b|jgitver|gitversion|MinVer|Nerdbank",
    re.M | re.I,
)
_GIT_IN_COMMANDS = re.compile(
    r"\bgit\s+(-\S+\s+\S+\s+)*(describe|rev-parse|log|rev-list|show|status|submodule"
    r"|diff|ls-files|tag|branch|fetch|checkout|archive|lfs)\b"
    r"|\bsafe\.directory\b|-buildvcs\b(?!=(?:false|auto|0))"
)
_NAMES_GIT = re.compile(r"(?:^|[\s\"'=(/])\.git(?:[/\s\"')]|$)")
_DOES_WITHOUT_GIT = re.compile(r"\b(?:rm|find)\s|exclude|--ignore")
_MANIFESTS = (
    *("pyproject.toml", "setup.py", "setup.cfg", "Cargo.toml", "build.rs", "package.json"),
    *("pom.xml", "build.gradle", "build.gradle.kts", "build.sbt", "*.csproj", "*.gemspec"),
    *("Directory.Build.props", "CMakeLists.txt", "meson.build", "Makefile", "GNUmakefile"),
    *("*.sh", "*.mk", "justfile", "Justfile", "Taskfile.y*ml", "*.config.js", "*.config.ts"),
    *("*.config.mjs", "*.config.cjs", "*.cmake", "Rakefile", "mix.exs"),
)
_WORKSPACES = (
    *("Cargo.toml", "pnpm-workspace.yaml", "package.json", "go.work", "settings.gradle"),
    *("settings.gradle.kts", "*.sln", "*.slnx", "pom.xml", "lerna.json", "pyproject.toml"),
)
_HAS_MEMBERS = re.compile(
    r"\[\[?(bench|test|example|workspace)|workspaces|packages:|^use\b|include|Project\("
    r"|<module>",
    re.M,
)
_LOCKS = frozenset({"package-lock.json", "composer.lock", "Cargo.lock", "yarn.lock", "uv.lock"})
_LARGEST_SOURCE = 512 * 1024
_MOST_SOURCES = 20_000
_MOST_SOURCE_BYTES = 64 * 1024 * 1024
_MOST_MANIFESTS = 300
_MOST_SCRIPTS = 50


def may_be(pattern: str, path: str) -> bool:
    """Return whether `path` may be meant by a source in which `*` stands for any text or none."""
    first, *others = pattern.replace("*/", "*").split("*")
    for text in (path, f"{path}/"):
        at = len(first) if text.startswith(first) else -1
        for literal in others[:-1]:
            found = text.find(literal, at) if at >= 0 else -1
            at = found + len(literal) if found >= 0 else -1
        if at >= 0 and text.endswith(others[-1]) and len(text) - len(others[-1]) >= at:
            return True
    return False


def _depth(path: str) -> tuple[int, str]:
    return path.count("/"), path


def _reads_git(command: str) -> bool:
    """Return whether a command names `.git`, and not to do without it."""
    return bool(_NAMES_GIT.search(command)) and not _DOES_WITHOUT_GIT.search(command)


class Facts:
    """Facts about one context, each found out when it is asked for."""

    def __init__(self, evidence: Evidence, build_files: BuildFiles, sums: SumsByPath) -> None:
        self.evidence = evidence
        self.build_files = build_files
        self._sums = sums
        self._saw_all_sources = True
        self._installed: dict[tuple[int, str], tuple[str | None, ...]] = {}
        self.running = cache(self._running)
        """What a step of a Dockerfile runs, each command with its directory."""
        self.sent_like = cache(self._sent_like)
        """The files that are sent whose names match, the topmost ones first."""
        self.packages = cache(self._packages)
        """The directories below the context that hold a manifest of this name."""
        self._scripts = cache(self._find_scripts)
        self._maybe_taken = cache(self._find_maybe_taken)

    @cached_property
    def git_is_sent(self) -> bool:
        """Return whether the repository itself is in the context, so that a build can ask it."""
        return ".git" in self._sums

    @cached_property
    def version_from_git(self) -> str | None:
        """Return what makes the build ask git for a version, None if nothing is known to."""
        for build_file in self.build_files.all:
            if _GIT_IN_COMMANDS.search(build_file.commands):
                return f"{build_file.path} runs git"
            if any(map(_reads_git, re.split(r"[;&|\n]+", build_file.commands))):
                return f"a command of {build_file.path} names .git"
        for path in self.sent_like(_MANIFESTS):
            if _VERSIONED_BY_GIT.search(self.evidence.small_file(path)):
                return f"{path} takes its version from git"
        return None

    @cached_property
    def _sources(self) -> Texts:
        """Return the sources and manifests that are sent."""
        texts: list[tuple[str, bytes]] = []
        left = _MOST_SOURCE_BYTES
        for path in self._source_paths():
            left -= self._sums[path].content_bytes
            if len(texts) >= _MOST_SOURCES or left < 0:
                self._saw_all_sources = False
                break
            texts.append((path, self.evidence.source(path)))
        return Texts(texts)

    def _source_paths(self) -> Iterator[str]:
        git = self.evidence.git
        for path in sorted(self._source_names()):
            if self._sums[path].content_bytes > _LARGEST_SOURCE:
                continue
            if not git.has_repository or git.first(path) is not None or not git.ignores(path):
                yield path

    def _source_names(self) -> Iterator[str]:
        """Yield what is sent and has the name of a source, where sources may be."""
        pending = [self.evidence.tree.root]
        while pending:
            held = pending.pop()
            pending += (each for each in held.folders.values() if each.name not in NOT_SOURCES)
            for name in self._sums.names_in(held.path):
                if is_source(name) and name not in _LOCKS:
                    yield held.prefix + name

    @property
    def saw_all_sources(self) -> bool:
        """Return whether every source was looked at."""
        _ = self._sources
        return self._saw_all_sources

    def may_take(self, unknown: Named, path: str) -> tuple[bool, bool]:
        """Return whether a source of unknown name may be `path` or in it, and whether above it."""
        taken, reached = self._maybe_taken(unknown.path)
        return path in reached, not taken.isdisjoint(directories_above(path))

    def _find_maybe_taken(self, pattern: str) -> tuple[set[str], set[str]]:
        taken = {each for each in self._sums if each and may_be(pattern, each)}
        return taken, taken.union(*map(directories_above, taken))

    def mentions(self, path: str) -> str | None:
        """Return a source or a Dockerfile that names `path`, None if none does."""
        name = path.rpartition("/")[2]
        for at in self._sources.mentioning(name):
            if at != path and not at.startswith(f"{path}/"):
                return at
        named = (each.path for each in self.build_files.all if mentions(name, each.commands))
        return next(named, None)

    def member_of(self, path: str) -> str | None:
        """Return the manifest of a workspace that names `path`, None if none does."""
        name = re.escape(path.rpartition("/")[2])
        pattern = re.compile(
            rf"[\"'/: ,]{name}[\"'/\\, )]|^\s*-\s*[\"']?(\S*/)?{name}\b"
            rf"|^\s*(use\s+)?\S*/{name}\s*$",
            re.M,
        )
        for at, text in self._workspaces:
            if not at.startswith(f"{path}/") and pattern.search(text):
                return at
        return None

    @cached_property
    def _workspaces(self) -> list[tuple[str, str]]:
        """Return the manifests that may name members of a workspace, and their texts."""
        texts = ((at, self.evidence.small_file(at)) for at in self.sent_like(_WORKSPACES))
        return [(at, text) for at, text in texts if _HAS_MEMBERS.search(text)]

    def _packages(self, manifest: str) -> frozenset[str]:
        paths = (path.split("/")[:-1] for path in self.by_name.get(manifest, ()))
        found = ("/".join(each) for each in paths if each and NOT_SOURCES.isdisjoint(each))
        return frozenset(found)

    def installed_by(self, build_file: BuildFile, rule: Rule) -> tuple[str | None, ...]:
        """Return for each install in `build_file` the package that it is for, None if not known."""
        key = id(build_file), rule.name
        if key not in self._installed:
            self._installed[key] = tuple(
                self.package_at(rule, posixpath.join(at, there))
                for at, command in self.commands(build_file)
                if (there := install_directory(rule, command)) is not None
            )
        return self._installed[key]

    def package_at(self, rule: Rule, place: str) -> str | None:
        """Return the package that an image has at `place`, None where that is not known."""
        manager = manager_of(rule)
        manifest = manager.files[0] if manager else ""
        parts = posixpath.normpath(place).lstrip("/").split("/")
        ends = ("/".join(parts[at:]) for at in range(len(parts)))
        return next((each for each in ends if each in self.packages(manifest)), None)

    @staticmethod
    def _running(step: StageStep) -> tuple[tuple[str, Command], ...]:
        return tuple(running(step))

    def commands(self, build_file: BuildFile) -> Iterator[tuple[str, Command]]:
        """Yield the commands that the builds of `build_file` run, with their directories."""
        for stage in built_stages(build_file.dockerfile):
            for step in stage.steps:
                if step.is_run:
                    yield from self.running(step)

    def script(self, name: str, beside: str) -> str:
        """Return the texts of the files of this name that are sent, but for those in `beside`."""
        found = self._scripts(name)
        return "\n".join(text for path, text in found if not is_below(path, {beside}))

    def _find_scripts(self, name: str) -> list[tuple[str, str]]:
        """Return the topmost files of this name that are sent, and their texts."""
        is_file = self.evidence.tree.snapshot.file
        paths = (each for each in self.by_name.get(name, ()) if is_file(each) is not None)
        topmost = nsmallest(_MOST_SCRIPTS, paths, key=_depth)
        return [(each, self.evidence.small_file(each)) for each in topmost]

    def sent_below(self, path: str) -> list[str]:
        """Return the entries below a directory that are sent and are none themselves."""
        return [each for each, _ in self.evidence.tree.files_below(path) if each in self._sums]

    def _sent_like(self, names: tuple[str, ...]) -> list[str]:
        is_wanted = re.compile("|".join(map(translate, names))).match
        found = (path for name, at in self.by_name.items() if is_wanted(name) for path in at)
        sent = (path for path in found if not self.evidence.git.ignores(path))
        return nsmallest(_MOST_MANIFESTS, sent, key=_depth)

    @cached_property
    def by_name(self) -> dict[str, list[str]]:
        """Return what is sent, by last name: a large tree has few names, and many of each."""
        found = defaultdict[str, list[str]](list)
        for held in self.evidence.tree.snapshot.folders:
            prefix = held.prefix
            for name in self._sums.names_in(held.path):
                found[name].append(prefix + name)
            if held.path in self._sums:
                found[held.name].append(held.path)
        return found
