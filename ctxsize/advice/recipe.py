"""A Dockerfile for the advice: its builds, the files around it, and changes to its text.

A change replaces words of an instruction and keeps every other byte: the instruction is parsed
before and after. Without that proof, the change is left to a person.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from os.path import abspath, basename, dirname, isdir, isfile, join, normpath
from typing import NamedTuple

from ctxsize.advice.rewriting import BuildEffect, effect_of, plans_of, with_text
from ctxsize.build import Build, path_argument
from ctxsize.codes import severity_of
from ctxsize.dockerfile.instructions import Dockerfile, Instruction
from ctxsize.dockerfile.shell import commands_of
from ctxsize.dockerfile.sources import ALIASES
from ctxsize.dockerfile.stages import BuiltStage, StageStep, built_stages
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.dockerfiles import find_ignore_file
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.plan import ParsedDockerfile, Plan
from ctxsize.errors import CtxsizeError, DockerfileError, IgnoreFileError, UndecidedError
from ctxsize.findings import Confidence, Edit, Finding, Fix, Location, Severity
from ctxsize.knowledge.rules import expression
from ctxsize.reader import holds, read_file
from ctxsize.repository import FoundBuild, Place
from ctxsize.syntax import Command
from ctxsize.values import Value

RuleFindings = Iterator[Finding]  # those of one rule
_MOST_STEPS = 500_000  # number of steps of all stages, each with those of its base stages
_SHORTEST_SECRET = 4  # characters of the value of an argument that may be in the text as well
_QUOTED = re.compile("`([^`]+)`")


class Change(NamedTuple):
    """The replacement of the lines `first` to `last` (1-based, inclusive) by `text`."""

    first: int
    last: int
    text: str


NewWords = dict[StageStep, dict[str, str]]  # of instructions, by those that they replace
Rewriting = list[Change] | None  # None if it is not safe


class Recipe(Value, eq=False):
    """A Dockerfile that can be read, and the builds that read it."""

    path: str
    parsed: ParsedDockerfile
    stages: tuple[BuiltStage, ...]
    builds: tuple[FoundBuild, ...]  # at least one
    border: str  # the repository around it: no file outside is read
    lacks_a_file: Callable[[Plan], bool] = bool  # whether one is worth it; by default it is
    name: str = ""  # the name of its service, or its path if that is the name of several services

    @property
    def data(self) -> bytes:
        return self.parsed.data

    @property
    def dockerfile(self) -> Dockerfile:
        return self.parsed.dockerfile

    @cached_property
    def lines(self) -> list[str]:
        return self.data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n")

    @property
    def steps(self) -> Iterator[StageStep]:
        for stage in self.stages:
            yield from stage.steps

    @property
    def runs(self) -> Iterator[tuple[BuiltStage, StageStep]]:
        for stage in self.stages:
            for step in stage.own:
                if step.is_run:
                    yield stage, step

    @property
    def inline(self) -> bool:
        return self.builds[0].inline is not None

    @cached_property
    def contexts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(build.build.context for build in self.builds))

    @property
    def platforms(self) -> tuple[str, ...]:
        """Return the most platforms that one of its builds has."""
        return max((build.build.platforms for build in self.builds), key=len)

    @property
    def _joint_places(self) -> Iterator[Place]:
        """Yield the places of its builds in Compose and Bake files."""
        for build in self.builds:
            for place in build.places:
                if place.how in ("compose", "bake"):
                    yield place

    @cached_property
    def joint_files(self) -> frozenset[str]:
        """Return the Compose and Bake files that build it: one command builds all of a file."""
        return frozenset(place.where.path for place in self._joint_places)

    def runs_at_once(self, stage: BuiltStage) -> bool:
        """Return whether one build runs the steps of a stage for several platforms at once."""
        if "BUILDPLATFORM" in stage.platform:
            return False
        if "/" in stage.platform:
            return False
        return len(self.platforms) > 1

    @property
    def service(self) -> str:
        """Return a name for its service, to keep its caches apart from others."""
        for place in self._joint_places:
            if place.name:
                return slug(place.name)
        directory = dirname(abspath(self.path))
        return slug(basename(directory)) or "app"

    # The files around it.

    def holds(self, path: str, is_it: Callable[[str], bool] = isfile) -> bool:
        return any(is_it(join(context, path)) for context in self.contexts)

    def command_for(self, build: Build, *words: str) -> str:
        """Return a command of ctxsize, for a shell, about one of its builds."""
        usual = normpath(join(build.context, "Dockerfile"))
        line = ["ctxsize", *words]
        if not self.inline:
            if normpath(self.path) != usual:
                line += ["-f", path_argument(self.path)]
            line += build.words()
        if build.context not in (".", "") or len(line) > 1 + len(words):
            line.append(path_argument(build.context or "."))
        return shlex.join(line)

    def ignored(self, build: Build) -> list[str] | None:
        """Return the lines of the ignore file of one of its builds; None without one."""
        dockerfile = None
        if not self.inline:
            dockerfile = self.path
        try:
            file, *_ = find_ignore_file(build.context, dockerfile, BUILDERS[build.builder])
        except CtxsizeError:
            return []  # there is one, and it fails the build
        if not file:
            return None
        return file.texts()

    @cached_property
    def _spec(self) -> DockerIgnoreSpec:
        build = self.builds[0].build
        try:
            return DockerIgnoreSpec.from_lines(self.ignored(build) or ())
        except IgnoreFileError:
            return DockerIgnoreSpec([])

    def sends(self, path: str) -> bool:
        """Return whether all contexts send a file, or a directory if `path` ends with a slash."""
        clean = posixpath.normpath(path)
        if clean.startswith(("..", "/")):
            return False
        if self._spec.match_file(clean):
            return False
        is_there: Callable[[str], bool] = isfile
        if path.endswith("/"):
            is_there = isdir
        return all(is_there(join(context, clean)) for context in self.contexts)

    def text(self, path: str) -> str:
        """Return the text of a file of the context, `""` if it is not sent or cannot be read."""
        file = join(self.contexts[0], path)
        try:
            if holds(self.border, file) and self.sends(path):
                return read_file(file).decode("utf-8", "replace")
        except OSError:
            pass
        return ""

    # Findings and changes.

    def finding(
        self,
        code: str,
        step: StageStep,
        message: str,
        severity: Severity | None = None,
        confidence: Confidence = Confidence.CERTAIN,
        *,
        evidence: Iterable[str] = (),
        help: str = "",  # noqa: A002 - the name of the field
        fix: Fix | None = None,
    ) -> Finding:
        """Return a finding of `code` at the line of a step."""
        return Finding(
            code,
            severity or severity_of(code),
            message,
            self._location(step.line, message),
            confidence,
            tuple(evidence),
            help=help,
            fix=fix,
        )

    def _location(self, line: int, message: str) -> Location:
        """Return the place of what `message` quotes, or the line, without what may be secret."""
        if self.inline:
            return self.builds[0].where
        path = self.path
        text = self.lines[line - 1]
        if self._may_be_secret(text):
            return Location(path, line)
        shown = expression("value_in_line").sub(r"\1\2…", text)
        for quotation in _QUOTED.findall(message):
            start = text.find(quotation)
            end = start + len(quotation)
            if start >= 0 and shown[:end] == text[:end]:
                return Location(path, line, start + 1, line, end + 1, shown)
        return Location(path, line, text=shown)

    def _may_be_secret(self, text: str) -> bool:
        for build in self.builds:
            for argument in build.build.build_arguments.values():
                if len(argument) < _SHORTEST_SECRET:
                    continue
                if argument in text:
                    return True
        return expression("may_be_secret").search(text) is not None

    def fix(self, message: str, changes: Rewriting, *, sure: bool = False) -> Fix | None:
        """Return the fix that makes `changes`; None if nothing changes or it has no file.

        None as well if a build would lose a source or fail with it.
        """
        before = self.data
        after = changed(before, changes or ())
        if self.inline:
            return None
        if self.path == "-":
            return None
        if after == before:
            return None
        if not self.builds_with(after):
            return None
        return Fix(message, (Edit(self.path, before, after),), sure)

    @cached_property
    def effects(self) -> list[tuple[Plan, BuildEffect]]:
        """Return the plan of each build, and what it does with the Dockerfile as it is."""
        plans = [replace(plan, parsed=self.parsed) for plan in plans_of(self.builds)]
        return [(plan, effect_of(plan)) for plan in plans]

    @property
    def must_fail(self) -> bool:
        """Return whether each of its builds is known to fail."""
        return bool(self.effects) and all(now.failures for _, now in self.effects)

    def builds_with(self, data: bytes) -> bool:
        """Return whether each build takes with `data` what it takes now, and fails no more."""
        try:
            _ = ParsedDockerfile(lambda: data).dockerfile
        except DockerfileError:
            return False
        return all(effect_of(with_text(plan, data)).keeps(now) for plan, now in self.effects)

    def text_of(self, instruction: Instruction) -> str:
        return "\n".join(self.lines[instruction.line - 1 : instruction.end_line])

    def rewritten(self, words: NewWords, *, keep_last: bool = False) -> Rewriting:
        """Return the steps with other flags and arguments; None if one is not safe to change.

        `keep_last` keeps the last argument, the destination of a COPY.
        """
        changes = []
        for step, own_words in words.items():
            instruction = step.instruction
            text = with_words(
                self.text_of(instruction),
                self.dockerfile.escape,
                own_words,
                keep_last=keep_last,
            )
            if text is None:
                return None
            changes.append(Change(instruction.line, instruction.end_line, text))
        return changes


def read_recipe(
    path: str,
    parsed: ParsedDockerfile,
    builds: tuple[FoundBuild, ...],
    border: str,
    lacks_a_file: Callable[[Plan], bool] = bool,
) -> Recipe:
    """Return the recipe of the Dockerfile at `path`. Raises `UndecidedError` for too many steps."""
    stages = built_stages(parsed.dockerfile, builds[0].build.build_arguments, to_show=True)
    lengths: dict[BuiltStage | None, int] = {None: 0}
    for stage in stages:
        # A stage without steps is one more base to pass by.
        lengths[stage] = 1 + len(stage.steps) + lengths[stage.parent]
    if sum(lengths.values()) > _MOST_STEPS:
        message = f"ctxsize examines at most {_MOST_STEPS:,} steps of stages and their bases"
        raise UndecidedError(message)
    return Recipe(path, parsed, stages, builds, border, lacks_a_file)


def slug(name: str) -> str:
    """Return `name` as a part of a cache id."""
    return re.sub(r"[^\w.-]", "-", name).strip("-.")


def changed(data: bytes, changes: Iterable[Change]) -> bytes:
    """Return `data` with `changes`, which do not overlap. Line ends stay as they are."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    for first, last, text in sorted(changes, reverse=True):
        # One line end for all lines: a heredoc ends only at a line that equals its word.
        if lines[min(first, len(lines)) - 1].endswith("\r"):
            text = text.replace("\n", "\r\n") + "\r"
        lines[first - 1 : last] = text.split("\n")
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def with_words(
    text: str, escape: str, words: Mapping[str, str], *, keep_last: bool = False
) -> str | None:
    """Return an instruction with other flags and arguments; None if that changes anything else.

    `keep_last` keeps the last argument, which may be the same word as another one.
    """
    after = text
    count = 0
    if keep_last:
        count = 1
    for old, new in words.items():
        new = new.replace("\\", r"\\")
        after = re.sub(rf'(?<![^\s"]){re.escape(old)}(?![^\s"])', new, after, count=count)
    before = read_alone(text, escape)
    then = read_alone(after, escape)
    if not before or not then:
        return None
    if then.text == before.text:
        return None
    flags = tuple(words.get(flag, flag) for flag in before.flags)
    arguments = tuple(words.get(word, word) for word in before.arguments)
    if keep_last:
        arguments = (*arguments[:-1], *before.arguments[-1:])
    if then == replace(before, flags=flags, arguments=arguments, text=then.text):
        return after
    return None


def without_option(
    text: str, escape: str, option: str, is_meant: Callable[[Command], bool]
) -> str | None:
    """Return a RUN without `option` in the commands that `is_meant` selects, else None."""
    after = re.sub(_written_option(option, escape), "", text)
    before = read_alone(text, escape)
    then = read_alone(after, escape)
    if not before or not then:
        return None
    if before.flags != then.flags:
        return None
    removed = 0
    wanted = []
    for command in commands_of(before):
        words = command.words
        if is_meant(command):
            removed += words.count(option)
            words = tuple(word for word in words if word != option)
        wanted.append(replace(command, line=0, words=words))
    # In a comment, a redirection or an inner document it is no word of a command.
    if removed != len(re.findall(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text)):
        return None
    if wanted == [replace(command, line=0) for command in commands_of(then)]:
        return after
    return None


def _written_option(option: str, escape: str) -> str:
    """Return the expression for an option and the blanks before it, also in a JSON array."""
    written = re.escape(option)
    continued = re.escape(escape)
    # A search starts neither behind a blank nor inside a continued line: it has been there.
    blanks = rf"(?<!\s)(?!(?<={continued})\n)(?:\s|{continued}\n)+"
    return rf',\s*"{written}"|{blanks}{written}(?![^\s;&|)"\'])'


def read_alone(text: str, escape: str) -> Instruction | None:
    """Return the instruction that `text` is; None if it is none, or continues below."""
    data = f"# escape={escape}\nFROM scratch\n{text}\nSTOPSIGNAL 9\n"
    try:
        parsed = ParsedDockerfile(lambda: data.encode("utf-8", "surrogateescape"))
        _, instruction, *below = parsed.dockerfile.instructions
    except DockerfileError:
        return None
    if [other.text for other in below] == ["STOPSIGNAL 9"]:
        return instruction
    return None


def with_option(mount: str, **options: str) -> str:
    """Return the value of a `--mount` with changed or added options; new ones are last.

    >>> with_option("type=cache,dst=/a", target="/b", sharing="locked")
    'type=cache,target=/b,sharing=locked'
    """
    fields = {}
    for field in mount.split(","):
        key = field.partition("=")[0].lower()
        fields[ALIASES.get(key, key)] = field
    for name, setting in options.items():
        fields[name] = f"{name}={setting}"
    return ",".join(fields.values())


def quoted(word: str) -> str:
    """Return `word` quoted for a shell. Its variables and commands keep their meaning."""
    if "$" not in word:
        return shlex.quote(word)
    if "$(" in word:
        return word
    return '"' + word.replace('"', '\\"') + '"'
