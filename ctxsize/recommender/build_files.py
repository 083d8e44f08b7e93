"""The Dockerfiles that an ignore file governs, and the sources that they take by name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import field, replace
from functools import cached_property

from ctxsize.dockerfile.context_need import Asked, ContextNeed
from ctxsize.dockerfile.instructions import Dockerfile, Instruction
from ctxsize.dockerfile.shell import is_known
from ctxsize.dockerfile.sources import TAKING, Source, path_from_root
from ctxsize.dockerfile.stages import built_stages
from ctxsize.engine.evaluate import up_to
from ctxsize.engine.narrow import follow
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.plan import Plan
from ctxsize.engine.segments import split_classes
from ctxsize.engine.transfer_requests import plan_named
from ctxsize.errors import CtxsizeError
from ctxsize.globs import is_glob, like
from ctxsize.go.wildcards import has_wildcards, match
from ctxsize.hidden import hidden_as
from ctxsize.knowledge.tools import run_by
from ctxsize.model import Problem, Texts
from ctxsize.recommender.outcome import Clause
from ctxsize.values import Mutable, Value

_PATH = r"(?<![\w./:@$~}-])[\w./-]+"
_VARIABLE = r"\$\{[^${}]*\}|\$\w+"
_DEEPEST = 20  # number of variables nested in each other that are replaced
_WILD = "*?."
Parts = list[str]  # the components of a path


class Named(Value):
    """Something that an instruction takes from the context by its name."""

    dockerfile: str  # the path as the user would write it, or relative to the context
    line: int
    instruction: str
    source: str
    path: str  # path in the context, cleaned; a pattern if the source has wildcards
    text: str = ""  # the whole instruction; only for a source with an unknown variable

    def __str__(self) -> str:
        return f"{self.instruction} {self.source} ({self.dockerfile}:{self.line})"

    def is_at_or_below(self, path: str) -> bool:
        """Return True if the source is `path` itself or something below it."""
        return _begins_with(self.path.split("/"), path.split("/"))

    def goes_through(self, find: str) -> bool:
        """Return True if the source or a directory above it is called `find`, a name or a path."""
        return contains_run(self.path.split("/"), find.split("/"), agree)


def contains(source: str, path: str) -> bool:
    """Return True if a source, a path or a pattern, is a directory that contains `path`."""
    parts = source.split("/")
    wanted = path.split("/")
    return len(parts) < len(wanted) and all(map(agree, parts, wanted))


def contains_run(parts: Parts, wanted: Parts, agree: Callable[[str, str], bool]) -> bool:
    """Return True if parts in a row agree with all those `wanted`."""
    starts = range(len(parts) - len(wanted) + 1)
    return any(all(map(agree, parts[start:], wanted)) for start in starts)


def agree(part: str, wanted: str) -> bool:
    """Return True if a component of a source and one of a path or a rule may be equal."""
    if part == wanted:
        return True
    if has_wildcards(part):
        return is_glob(wanted) or match(part, wanted)
    return is_glob(wanted) and like(wanted, part)


def _with_wildcards(source: str) -> str:
    """Return a source with `*` for each variable and for everything else that is not literal.

    >>> _with_wildcards("./app-${VERSION:-$NEXT}.jar"), _with_wildcards("a/[bc]/$X")
    ('app-*.jar', 'a/*/*')
    """
    text = source
    for _ in range(_DEEPEST):
        text = re.sub(_VARIABLE, "*", text)
    if "$" in text or ".." in text:
        return "*"
    literal = (re.sub(r"\?|\*+", "*", part) for part in split_classes(text)[::2])
    return path_from_root("*".join(literal))[1:] or "*"


SourcesByPlace = defaultdict[tuple[str, int], set[Source]]  # by stage and line


class BuildFile(Value):
    """One Dockerfile with the sources that the builds of all its stages take."""

    plan: Plan
    path: str
    needs: tuple[ContextNeed, ...]  # the sources of each target that the builder accepts
    names: Texts  # contexts of the build that are this directory; `""` for main
    built_alone_at: str = ""  # where a workflow builds it from what git tracks, and nothing else

    @property
    def dockerfile(self) -> Dockerfile:
        return self.plan.parsed.dockerfile

    @cached_property
    def taken_at(self) -> SourcesByPlace:
        """Return the sources taken from the build context."""
        by_place = SourcesByPlace(set)
        for need in self.needs:
            for source in need.sources:
                if source.context in self.names and source.kind in TAKING:
                    by_place[source.stage, source.line].add(source)
        return by_place

    @cached_property
    def sources(self) -> list[Source]:
        """Return the sources that its instructions take from the build context, each once."""
        of_any_stage = {
            replace(source, stage="") for sources in self.taken_at.values() for source in sources
        }
        return sorted(of_any_stage, key=lambda source: (source.line, source.source))

    @property
    def paths_here(self) -> set[str]:
        """Return the relative paths in its instructions; most of them are paths of its context."""
        paths = {source.path for source in self.sources if not self._is_unknown(source)}
        for instruction in self.dockerfile.instructions:
            for word in re.findall(_PATH, _with_documents(instruction, instruction.text)):
                path = word.removeprefix("./").rstrip("./")
                if re.match("[^./].*[./]", path):
                    paths.add(path)
        return paths - {"."}

    @cached_property
    def named(self) -> tuple[Named, ...]:
        """Return the sources with a name, and the targets of symlinks among them."""
        root = plan_named(self.plan, self.names[0]).root
        named: dict[Named, None] = {}
        for source in self.sources:
            if source.path == ".":
                continue
            paths: Texts = (source.path,)
            with suppress(CtxsizeError):
                paths += follow(root, paths) or ()
            for path in paths:
                named[self._named(source, hidden_as(source.path, path))] = None
        return tuple(named)

    def _named(self, source: Source, path: str, text: str = "") -> Named:
        return Named(self.path, source.line, source.instruction, source.written, path, text)

    @cached_property
    def takes_everything(self) -> bool:
        """Return True if an instruction copies the whole context, or FROM makes a stage of it."""
        if any(source.path == "." for source in self.sources):
            return True
        return any(asked.context and asked.paths is None for asked in self.asked)

    def leaves_out(self, path: str) -> bool:
        """Return True if each COPY of the whole context has an `--exclude` that names `path`."""
        return bool(self._left_out) and not self._left_out.isdisjoint(up_to(path))

    @cached_property
    def _left_out(self) -> frozenset[str]:
        """Return the paths that each COPY of the whole context excludes by name."""
        excludes = [source.excludes for source in self.sources if source.path == "."]
        if self.names != ("",) or any("!" in "".join(patterns) for patterns in excludes):
            return frozenset()
        if not excludes:
            return frozenset()
        return frozenset.intersection(*map(frozenset, excludes))

    @property
    def asked(self) -> Iterator[Asked]:
        """Yield what its targets ask for of the contexts that are this directory."""
        for need in self.needs:
            for name in self.names:
                yield from need.of(name)

    @cached_property
    def unknown(self) -> tuple[Named, ...]:
        """Return the sources with a variable that has no value here, `*` in its place."""
        texts = {instruction.line: instruction.text for instruction in self.dockerfile.instructions}
        return tuple(
            self._named(source, _with_wildcards(source.source), texts.get(source.line, ""))
            for source in self.sources
            if self._is_unknown(source)
        )

    def _is_unknown(self, source: Source) -> bool:
        return any(kind in ("argument", "environment") for kind, _ in source.doubts)

    @cached_property
    def commands(self) -> str:
        """Return the commands of its RUN instructions, heredocs included."""
        texts = []
        for instruction in self.dockerfile.instructions:
            when_built_on = instruction.trigger or instruction
            if when_built_on.keyword != "RUN":
                continue
            text = instruction.text
            if instruction.json_form:
                text = " ".join(instruction.arguments)
            texts.append(_with_documents(instruction, text))
        return "\n".join(texts)

    @cached_property
    def text(self) -> str:
        """Return the whole text of the Dockerfile."""
        return self.plan.parsed.data.decode("utf-8", "replace")

    @cached_property
    def programs(self) -> frozenset[str]:
        """Return the names of the programs that its RUN instructions run, `?` for unknown ones."""
        names = set()
        for stage in built_stages(self.dockerfile):
            for step in stage.steps:
                if not step.is_run:
                    continue
                if not (step.state.is_unix and is_known(step.instruction)):
                    names.add("?")
                runs = (command for command in step.commands if command.words)
                names.update(run_by(command).program or "?" for command in runs)
        for instruction in self.dockerfile.instructions:
            if instruction.trigger and instruction.trigger.keyword == "RUN":
                names.add("?")  # it runs in other builds
        return frozenset(names)

    @cached_property
    def unread_at(self) -> int | None:
        """Return the first line whose commands cannot be parsed; None if there is none."""
        steps = (step for stage in built_stages(self.dockerfile) for step in stage.steps)
        return next((step.line for step in steps if not is_known(step.instruction)), None)


def _with_documents(instruction: Instruction, text: str) -> str:
    return "\n".join([text, *(heredoc.content for heredoc in instruction.heredocs)])


class BuildFiles(Mutable):
    """All Dockerfiles that the ignore file governs."""

    own_files: frozenset[str]
    """Paths of the Dockerfiles in the context, and of the ignore files that its builds may use."""
    all: list[BuildFile] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    elsewhere: list[tuple[str, str]] = field(default_factory=list)
    """Dockerfiles in the context that are built with a directory below it, and that directory."""
    undecided: list[tuple[str, str]] = field(default_factory=list)
    """Dockerfiles that may be built but whose sources are unknown, each with its text."""

    @cached_property
    def named(self) -> list[Named]:
        """Return the sources with a name of all Dockerfiles."""
        return [named for build_file in self.all for named in build_file.named]

    def taking(self, path: str) -> list[Named]:
        """Return the sources that are `path` or something below it."""
        return [named for named in self.named if named.is_at_or_below(path)]

    @cached_property
    def unknown(self) -> list[Named]:
        """Return the sources with an unknown variable of all Dockerfiles."""
        return [named for build_file in self.all for named in build_file.unknown]


def exceptions(plan: Plan) -> list[DockerIgnorePattern]:
    """Return the exceptions of the ignore file, and those that the builder adds to it."""
    return [pattern for pattern in plan.spec.patterns if pattern.include is False]


def letting_in(plan: Plan, path: str) -> Clause:
    """Return the exception that names `path` or something below it, as a clause, or None."""
    file = plan.ignore_file
    if file is None:
        return None
    for pattern in exceptions(plan):  # `!src` is not about `src/.env`
        if pattern.line and names(pattern, path):
            return f"{file.path}:{pattern.line} re-includes it: !{pattern.text}"
    return None


def may_name(exception: str, find: str) -> bool:
    """Return True if an exception may concern matches of `find`, at any depth."""
    parts = exception.split("/")
    wanted = find.split("/")
    return any(_leads_to(parts[start:], wanted) for start in range(len(parts)))


def names(pattern: DockerIgnorePattern, path: str) -> bool:
    """Return True if a pattern names `path` or something below it, not by wildcards alone."""
    parts = pattern.text.split("/")
    wanted = path.split("/")
    if parts[-1].strip(_WILD) and pattern.fault is None and pattern.match_file(path) is not None:
        return True
    if parts[0] != "**":
        return _leads_to(parts, wanted)
    return any(_leads_to(parts[1:], wanted[start:]) for start in range(len(wanted)))


def _begins_with(parts: Parts, wanted: Parts) -> bool:
    """Return True if the first parts agree with those `wanted`."""
    return len(parts) >= len(wanted) and all(map(agree, parts, wanted))


def _leads_to(parts: Parts, wanted: Parts) -> bool:
    """Return True if the first parts of a pattern are those `wanted`, and not wildcards alone."""
    return _begins_with(parts, wanted) and parts[len(wanted) - 1].strip(_WILD) != ""
