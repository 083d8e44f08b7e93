"""The Dockerfiles that an ignore file governs, and the sources that they take by name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property

from ctxsize.dockerfile.context_need import ContextNeed
from ctxsize.dockerfile.instructions import Dockerfile, Instruction
from ctxsize.dockerfile.shell import is_known
from ctxsize.dockerfile.sources import TAKING, Source, path_from_root
from ctxsize.dockerfile.stages import built_stages
from ctxsize.engine.narrow import follow
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.plan import Plan
from ctxsize.engine.segments import split_classes
from ctxsize.engine.transfer_requests import needs_of, plan_named
from ctxsize.errors import CtxsizeError
from ctxsize.globs import is_glob, like
from ctxsize.go.wildcards import has_wildcards, match
from ctxsize.hidden import hidden_as
from ctxsize.model import Problem

_PATH = re.compile(r"(?<![\w./:@$~}-])[\w./-]+")
_VARIABLE = re.compile(r"\$\{[^${}]*\}|\$\w+")
_DEEPEST = 20  # number of variables nested in each other that are replaced
_ASSUMED = "x86-64"  # assumed build argument: valid as image, tag, platform or part of one
_NAME = re.compile(r"\$\{?(\w+)")
_PREDEFINED = re.compile(r"(TARGET|BUILD)(PLATFORM|OS|ARCH|VARIANT|STAGE)")
_WILD = "*?."


@dataclass(frozen=True)
class Named:
    """Something that an instruction takes from the context by its name."""

    dockerfile: str  # the path as the user would write it, or relative to the context
    line: int
    instruction: str
    source: str
    path: str  # path in the context, cleaned; a pattern if the source has wildcards
    text: str = ""  # the whole instruction; only for a source with an unknown variable

    def __str__(self) -> str:
        return f"{self.instruction} {self.source} ({self.dockerfile}:{self.line})"

    @property
    def parts(self) -> list[str]:
        return self.path.split("/")

    def is_at_or_below(self, path: str) -> bool:
        """Return True if the source is `path` itself or something below it."""
        wanted = path.split("/")
        if len(self.parts) < len(wanted):
            return False
        return all(map(agree, self.parts, wanted))

    def goes_through(self, find: str) -> bool:
        """Return True if the source or a directory above it is called `find`, a name or a path."""
        return contains_run(self.parts, find.split("/"), agree)

    def contains(self, path: str) -> bool:
        """Return True if the source is a directory that contains `path`."""
        wanted = path.split("/")
        if len(self.parts) >= len(wanted):
            return False
        return all(map(agree, self.parts, wanted))


def contains_run(
    parts: Sequence[str], wanted: Sequence[str], agree: Callable[[str, str], bool]
) -> bool:
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
        text = _VARIABLE.sub("*", text)
    if "$" in text or ".." in text:
        return "*"
    between_classes = split_classes(text)[::2]
    literal = "*".join(re.sub(r"\?|\*+", "*", part) for part in between_classes)
    return path_from_root(literal)[1:] or "*"


@dataclass(frozen=True)
class BuildFile:
    """One Dockerfile with the sources that the builds of all its stages take."""

    plan: Plan
    path: str
    needs: tuple[ContextNeed, ...]  # the sources of each target that the builder accepts
    names: tuple[str, ...] = ("",)  # contexts of the build that are this directory; `""` for main

    @property
    def dockerfile(self) -> Dockerfile:
        return self.plan.parsed.dockerfile

    @cached_property
    def taken_at(self) -> dict[tuple[str, int], set[Source]]:
        """Return the sources taken from the build context, by stage and line."""
        by_place = defaultdict[tuple[str, int], set[Source]](set)
        for need in self.needs:
            for source in need.sources:
                if source.context in self.names and source.kind in TAKING:
                    by_place[source.stage, source.line].add(source)
        return by_place

    @cached_property
    def sources(self) -> list[Source]:
        """Return the sources that its instructions take from the build context, each once."""
        taken = set[Source]().union(*self.taken_at.values())
        of_any_stage = {replace(source, stage="") for source in taken}
        return sorted(of_any_stage, key=lambda source: (source.line, source.source))

    @property
    def paths_here(self) -> set[str]:
        """Return the relative paths in its instructions; most of them are paths of its context."""
        paths = {source.path for source in self.sources if not self._is_unknown(source)}
        for instruction in self.dockerfile.instructions:
            for word in _PATH.findall(_with_documents(instruction, instruction.text)):
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
            paths: tuple[str, ...] = ()
            if source.path != ".":
                paths = (source.path,)
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
        whole = [asked for need in self.needs for asked in need.asked if asked.paths is None]
        return any(asked.context and asked.context in self.names for asked in whole)

    @cached_property
    def unknown(self) -> tuple[Named, ...]:
        """Return the sources with a variable that has no value here, `*` in its place."""
        instructions = self.dockerfile.instructions
        texts = {instruction.line: instruction.text for instruction in instructions}
        return tuple(
            self._named(source, _with_wildcards(source.source), texts.get(source.line, ""))
            for source in self.sources
            if self._is_unknown(source)
        )

    def _is_unknown(self, source: Source) -> bool:
        if any(kind in ("argument", "environment") for kind, _ in source.doubts):
            return True
        values = self.plan.build.build_arguments
        names = _NAME.findall(source.source)
        return _ASSUMED in map(values.get, names)

    @cached_property
    def commands(self) -> str:
        """Return the commands of its RUN instructions, heredocs included."""
        texts = []
        for instruction in self.dockerfile.instructions:
            if "RUN" in (instruction.keyword, instruction.trigger and instruction.trigger.keyword):
                text = instruction.text
                if instruction.json_form:
                    text = " ".join(instruction.arguments)
                texts.append(_with_documents(instruction, text))
        return "\n".join(texts)

    @cached_property
    def unread_at(self) -> int | None:
        """Return the first line whose commands cannot be parsed; None if there is none."""
        steps = (step for stage in built_stages(self.dockerfile) for step in stage.steps)
        return next((step.line for step in steps if not is_known(step.instruction)), None)


def _with_documents(instruction: Instruction, text: str) -> str:
    return "\n".join([text, *(heredoc.content for heredoc in instruction.heredocs)])


@dataclass
class BuildFiles:
    """All Dockerfiles that the ignore file governs."""

    own_files: frozenset[str] = frozenset()
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


def with_assumed_arguments(plan: Plan) -> tuple[Plan, tuple[Problem, ...]]:
    """Return `plan` with an assumed value for each argument that FROM needs, and their problems."""
    if plan.dockerfile is None:  # the sources of instructions do not depend on the image
        return plan, ()
    with suppress(CtxsizeError):
        needs_of(plan)
        return plan, ()
    with suppress(CtxsizeError, OSError):
        lines = _lines_without_value(plan)
        values = {**plan.build.build_arguments, **dict.fromkeys(lines, _ASSUMED)}
        assumed = replace(plan, build=replace(plan.build, build_arguments=values))
        needs_of(assumed)
        message = "ARG {0} has no value, and the build fails without it: add --build-arg {0}=…"
        return assumed, tuple(
            Problem("unknown-argument", message.format(name), plan.dockerfile, line=line)
            for name, line in sorted(lines.items())
        )
    return plan, ()


def _lines_without_value(plan: Plan) -> dict[str, int]:
    """Return the arguments before the first FROM with a line that gives no value."""
    lines = {}
    for instruction in reversed(plan.parsed.dockerfile.global_arguments):
        for name in instruction.arguments:
            has_value = "=" in name or name in plan.build.build_arguments
            if not (has_value or _PREDEFINED.fullmatch(name)):
                lines[name] = instruction.line
    return lines


def exceptions(plan: Plan) -> list[DockerIgnorePattern]:
    """Return the exceptions of the ignore file, and those that the builder adds to it."""
    return [pattern for pattern in plan.spec.patterns if pattern.include is False]


def letting_in(plan: Plan, path: str) -> str | None:
    """Return the exception that names `path` or something below it, as a clause, or None."""
    for pattern in exceptions(plan):  # `!src` is not about `src/.env`
        if pattern.line and names(pattern, path):
            where = ""
            if plan.ignore_file is not None:
                where = plan.ignore_file.path
            return f"{where}:{pattern.line} re-includes it: !{pattern.text}"
    return None


def may_name(exception: str, find: str) -> bool:
    """Return True if an exception may concern matches of `find`, at any depth."""
    parts = exception.split("/")
    wanted = find.split("/")
    for start in range(len(parts) - len(wanted) + 1):
        if _is_called(parts[start : start + len(wanted)], wanted):
            return True
    return False


def names(pattern: DockerIgnorePattern, path: str) -> bool:
    """Return True if a pattern names `path` or something below it, not by wildcards alone."""
    parts = pattern.text.split("/")
    wanted = path.split("/")
    is_name = parts[-1].strip(_WILD) and pattern.fault is None
    if is_name and pattern.match_file(path) is not None:
        return True
    if parts[0] != "**":
        return _begins_with(parts, wanted)
    ends = (wanted[start:] for start in range(len(wanted)))
    return any(_begins_with(parts[1:], end) for end in ends)


def _begins_with(parts: list[str], wanted: list[str]) -> bool:
    if len(parts) < len(wanted):
        return False
    return _is_called(parts[: len(wanted)], wanted)


def _is_called(parts: list[str], wanted: list[str]) -> bool:
    """Return True if the parts of a pattern are those `wanted`, and not by wildcards alone."""
    if not parts[-1].strip(_WILD):
        return False
    return all(map(agree, parts, wanted))
