"""The Dockerfiles that an ignore file governs, and the sources that they take by name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
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
        parts = self.parts
        wanted = path.split("/")
        return len(parts) >= len(wanted) and all(map(agree, parts, wanted))

    def goes_through(self, find: str) -> bool:
        """Return True if the source or a directory above it is called `find`, a name or a path."""
        parts = self.parts
        wanted = find.split("/")
        starts = range(len(parts) - len(wanted) + 1)
        return any(all(map(agree, parts[at:], wanted)) for at in starts)

    def contains(self, path: str) -> bool:
        """Return True if the source is a directory that contains `path`."""
        wanted = path.split("/")
        return len(self.parts) < len(wanted) and all(map(agree, self.parts, wanted))


def agree(part: str, wanted: str) -> bool:
    """Return True if a component of a source and one of a path or a rule may be equal."""
    if part == wanted:
        return True
    if has_wildcards(part):
        return is_glob(wanted) or match(part, wanted)
    return is_glob(wanted) and like(wanted, part)


def _any(source: str) -> str:
    """Return a source with `*` for each variable and for everything else that is not literal.

    >>> _any("./app-${VERSION:-$NEXT}.jar"), _any("$DIR/src"), _any("a/[bc]/$X")
    ('app-*.jar', '*/src', 'a/*/*')
    """
    text = source
    for _ in range(_DEEPEST):
        text = _VARIABLE.sub("*", text)
    if "$" in text or ".." in text:
        return "*"
    parts = split_classes(text)
    parts[::2] = [re.sub(r"\?|\*+", "*", part) for part in parts[::2]]
    parts[1::2] = "*" * (len(parts) // 2)
    return path_from_root("".join(parts))[1:] or "*"


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
        found = defaultdict[tuple[str, int], set[Source]](set)
        for source in {source for need in self.needs for source in need.sources}:
            if source.context in self.names and source.kind in TAKING:
                found[source.stage, source.line].add(source)
        return found

    @cached_property
    def sources(self) -> list[Source]:
        """Return the sources that its instructions take from the build context, each once."""
        found = {replace(each, stage="") for taken in self.taken_at.values() for each in taken}
        return sorted(found, key=lambda each: (each.line, each.source))

    @property
    def paths_here(self) -> set[str]:
        """Return the relative paths in its instructions; most of them are paths of its context."""
        doubtful = {each.source for each in self.unknown}
        taken = {each.path for each in self.sources if each.source not in doubtful}
        text = "\n".join(_with_documents(e, e.text) for e in self.dockerfile.instructions)
        words = (word.removeprefix("./").rstrip("./") for word in _PATH.findall(text))
        return (taken | {word for word in words if re.match("[^./].*[./]", word)}) - {"."}

    @cached_property
    def named(self) -> tuple[Named, ...]:
        """Return the sources with a name, and the targets of symlinks among them."""
        root = plan_named(self.plan, self.names[0]).root
        found: dict[Named, None] = {}
        for source in self.sources:
            paths: tuple[str, ...] = () if source.path == "." else (source.path,)
            with suppress(CtxsizeError):
                paths += follow(root, paths) or ()
            where = (self.path, source.line, source.instruction, source.written)
            found |= {Named(*where, hidden_as(source.path, path)): None for path in paths}
        return tuple(found)

    @cached_property
    def takes_everything(self) -> bool:
        """Return True if an instruction copies the whole context, or FROM makes a stage of it."""
        stages = (each for need in self.needs for each in need.asked if each.paths is None)
        whole = any(each.context and each.context in self.names for each in stages)
        return whole or any(source.path == "." for source in self.sources)

    @cached_property
    def unknown(self) -> tuple[Named, ...]:
        """Return the sources with a variable that has no value here, `*` in its place."""
        texts = {each.line: each.text for each in self.dockerfile.instructions}
        given = self.plan.build.build_arguments
        return tuple(
            Named(
                self.path, e.line, e.instruction, e.written, _any(e.source), texts.get(e.line, "")
            )
            for e in self.sources
            if any(kind in ("argument", "environment") for kind, _ in e.doubts)
            or _ASSUMED in map(given.get, _NAME.findall(e.source))
        )

    @cached_property
    def commands(self) -> str:
        """Return the commands of its RUN instructions, heredocs included."""
        return "\n".join(
            _with_documents(each, " ".join(each.arguments) if each.json_form else each.text)
            for each in self.dockerfile.instructions
            if "RUN" in (each.keyword, each.trigger and each.trigger.keyword)
        )

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
        return [each for build_file in self.all for each in build_file.named]

    def taking(self, path: str) -> list[Named]:
        """Return the sources that are `path` or something below it."""
        return [each for each in self.named if each.is_at_or_below(path)]

    @cached_property
    def unknown(self) -> list[Named]:
        """Return the sources with an unknown variable of all Dockerfiles."""
        return [each for build_file in self.all for each in build_file.unknown]


def with_bases(plan: Plan) -> tuple[Plan, tuple[Problem, ...]]:
    """Return `plan` with a value for each argument without which FROM fails, and problems."""
    if plan.dockerfile is None:  # the sources of instructions do not depend on the image
        return plan, ()
    with suppress(CtxsizeError):
        needs_of(plan)
        return plan, ()
    with suppress(CtxsizeError, OSError):
        given = plan.build.build_arguments
        lines = {
            name: each.line
            for each in reversed(plan.parsed.dockerfile.global_arguments)
            for name in each.arguments
            if not ("=" in name or name in given or _PREDEFINED.fullmatch(name))
        }
        arguments = {**given, **dict.fromkeys(lines, _ASSUMED)}
        assumed = replace(plan, build=replace(plan.build, build_arguments=arguments))
        needs_of(assumed)
        message = "ARG {0} has no value, and the build fails without it: add --build-arg {0}=…"
        return assumed, tuple(
            Problem("unknown-argument", message.format(name), plan.dockerfile, line=line)
            for name, line in sorted(lines.items())
        )
    return plan, ()


def exceptions(plan: Plan) -> list[DockerIgnorePattern]:
    """Return the exceptions of the ignore file, and those that the builder adds to it."""
    return [each for each in plan.spec.patterns if each.include is False]


def letting_in(plan: Plan, path: str) -> str | None:
    """Return the exception that names `path` or something below it, as a clause, or None."""
    for pattern in exceptions(plan):  # `!src` is not about `src/.env`
        if pattern.line and names(pattern, path):
            if plan.ignore_file is None:
                where = ""
            else:
                where = plan.ignore_file.path
            return f"{where}:{pattern.line} re-includes it: !{pattern.text}"
    return None


def may_name(exception: str, find: str) -> bool:
    """Return True if an exception may concern matches of `find`, at any depth."""
    parts = exception.split("/")
    wanted = find.split("/")
    starts = range(len(parts) - len(wanted) + 1)
    return any(_named(parts[at : at + len(wanted)], wanted) for at in starts)


def names(pattern: DockerIgnorePattern, path: str) -> bool:
    """Return True if a pattern names `path` or something below it, not by wildcards alone."""
    parts = pattern.text.split("/")
    wanted = path.split("/")
    is_name = parts[-1].strip(_WILD) and pattern.fault is None
    if is_name and pattern.match_file(path) is not None:
        return True
    anywhere = parts[0] == "**"
    begins = parts[anywhere:]
    ends = (wanted[at:] for at in range(len(wanted) if anywhere else 1))
    return any(len(begins) >= len(e) and _named(begins[: len(e)], e) for e in ends)


def _named(parts: list[str], wanted: Iterable[str]) -> bool:
    return bool(parts[-1].strip(_WILD)) and all(map(agree, parts, wanted))
