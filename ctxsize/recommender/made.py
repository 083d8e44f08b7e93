"""Find out whether a Dockerfile itself makes the dependencies and build outputs that it copies.

Such a match is safe to ignore if a command makes it in a stage that has its sources, and no stage
uses the copied one. All else is a doubt. Commands in scripts may use it, but they make nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache, partial
from itertools import pairwise
from posixpath import basename, dirname, join, normpath
from typing import NamedTuple

from ctxsize.dockerfile.shell import commands, commands_of, in_directories, is_read_whole
from ctxsize.dockerfile.sources import Mount, path_from_root
from ctxsize.dockerfile.stages import BuiltStage, StageStep, built_stages, tolerant
from ctxsize.knowledge.rules import NOT_SOURCES, Category, Rule, expression, listed
from ctxsize.knowledge.tools import (
    Tool,
    has_tools,
    install_directory,
    makes,
    manager_of,
    output_of,
    run_by,
    spares,
)
from ctxsize.recommender.build_files import BuildFile, contains
from ctxsize.recommender.facts import Facts, is_named
from ctxsize.recommender.outcome import Match
from ctxsize.recommender.tree import is_at_or_below, is_below
from ctxsize.syntax import Command

_USED_LATER = ("WORKDIR", "ENV", "ARG", "CMD", "ENTRYPOINT", "HEALTHCHECK", "COPY", "ADD")
_ABOUT_DIRECTORIES = ("chown", "chmod", "chgrp")
_LONGEST = 64 * 1024
_MOST_KNOWN = 8  # makings that are kept for a Dockerfile and a rule


class _Content(NamedTuple):
    """The content of a stage after a step, as far as it concerns the match."""

    has_it: bool = False
    has_files: bool = False  # True if anything was copied from the context or from another stage
    made: bool = False  # a command made it, or COPY took it by name from a stage that did
    later: tuple[int, ...] = ()  # lines that use the copied one in the finished image

    @property
    def is_as_it_came(self) -> bool:
        return self.has_it and not self.made

    def used_later(self, step: StageStep) -> _Content:
        return self._replace(later=(*self.later, step.line))


class _Question(NamedTuple):
    """A question about a match: a kind that `_Subject` knows, and what it is about."""

    kind: str
    text: str


class _Subject:
    """A match, with the answers to all that was asked about it."""

    def __init__(self, facts: Facts, match: Match) -> None:
        self._facts = facts
        self._path = match.path
        depth = match.find.strip("/").count("/") + 1
        self._name = "/".join(match.path.split("/")[-depth:])
        self.answers: dict[_Question, bool] = {}

    def ask(self, kind: str, text: str) -> bool:
        """Return the answer to a question, and keep it."""
        question = _Question(kind, text)
        if question not in self.answers:
            self.answers[question] = self._answer(kind, text)
        return self.answers[question]

    def _answer(self, kind: str, text: str) -> bool:
        match kind:
            case "named in":
                return is_named(self._name, text)
            case "named by a path in":
                return is_named(self._name, text, bare=False)
            case "around or in the source":
                return contains(text, self._path) or is_at_or_below(text, {self._path})
            case "beside or below the package":
                return f"{dirname(self._path)}/".startswith(f"{text}/")
        # "around scripts called"
        return any(is_below(path, {self._path}) for path in self._facts.named(text))

    def agrees(self, other: _Subject) -> bool:
        """Return True if all that was asked about another match has the same answer here."""
        return all(self._answer(*asked) == answer for asked, answer in other.answers.items())

    @property
    def is_typical(self) -> bool:
        """Return True if another match may share the answers, and they take little memory."""
        for asked, answer in self.answers.items():
            if len(asked.text) > _LONGEST:
                return False
            if answer and asked.kind == "around scripts called":  # so other scripts were read
                return False
        return True

    def script(self, name: str) -> str:
        """Return the texts of the scripts of a name that are not below the match."""
        self.ask("around scripts called", name)
        return self._facts.script(name, self._path)


class Making:
    """The use of one match in the stages of one Dockerfile."""

    def __init__(self, facts: Facts, build_file: BuildFile, rule: Rule, subject: _Subject) -> None:
        self.is_made = False  # a command makes it, or a substitute, where its sources are
        self.subject = subject
        self._uses: list[int] = []
        self._facts = facts
        self._build_file = build_file
        self._rule = rule
        self._manager: Tool | None = None
        # Only rules with this trap are about the files of package managers.
        if "no_install_step" in rule.traps:
            self._manager = manager_of(rule.name)
        self._language = manager_of(f"{rule.ecosystem}.")
        self._is_named_in = partial(subject.ask, "named in")
        self._is_known = has_tools(rule.name)
        self._ends: dict[BuiltStage, _Content] = {}
        self._consumed = set[BuiltStage]()
        for stage in built_stages(build_file.dockerfile):
            self._ends[stage] = self._end_of(stage)
        self._use_images()
        self.used_at = min(self._uses, default=None)  # first line that uses the copied match

    def _use_images(self) -> None:
        """Record the uses in images: those of the target and of stages that no stage builds on."""
        parents = {stage.parent for stage in self._ends}
        target = self._build_file.plan.build.target.lower()
        for stage, end in self._ends.items():
            is_image = stage not in parents or stage.label == target
            if is_image and end.is_as_it_came:
                self._uses += end.later
                if stage not in self._consumed and self._manager and self._speaks(stage.base):
                    self._uses.append(stage.stage.line)

    def _end_of(self, stage: BuiltStage) -> _Content:
        content = _Content()
        if stage.parent:
            content = self._ends[stage.parent]
        elif stage.base and stage.base in self._build_file.names:
            content = _Content(has_it=True, has_files=True)
        for step in stage.steps:
            if step.is_copy:
                content = self._after_copy(content, stage, step)
            if step.is_run:
                content = self._after_run(content, stage, step)
            elif step.instruction.keyword in _USED_LATER and self._may_use(content, step):
                content = content.used_later(step)
        return content

    def _after_copy(self, content: _Content, stage: BuiltStage, step: StageStep) -> _Content:
        there = self._end_of_origin(stage, step.origin)
        is_named = any(map(self._is_named_in, step.arguments[:-1]))
        is_passed = there.is_as_it_came and self._is_passed(step)
        if is_named and is_passed:
            self._uses.append(step.line)
        if is_named and there.made:
            content = content._replace(made=True)
        has_it = content.has_it or is_passed
        for source in self._build_file.taken_at[stage.label, step.line]:
            if source.kind in ("copy", "add") and self._is_in(source.path):
                has_it = True
        return content._replace(has_it=has_it, has_files=True)

    def _is_passed(self, step: StageStep) -> bool:
        """Return True if a COPY takes the place in a stage at which the match was copied."""
        passed = self._facts.passed_on[id(self._build_file)]
        # No build needs a stage without an answer.
        return any(map(self._is_in, sorted(passed.get(step.line, "."))))

    def _end_of_origin(self, stage: BuiltStage, name: str) -> _Content:
        origin = stage.origin(name)
        if origin:
            self._consumed.add(origin)
            return self._ends[origin]
        return _Content()

    def _is_in(self, source: str) -> bool:
        return source == "." or self.subject.ask("around or in the source", source)

    def _after_run(self, content: _Content, stage: BuiltStage, step: StageStep) -> _Content:
        """Return the content after a RUN, and record the lines that use the match."""
        is_mounted = any(self._is_mounted(stage, mount) for mount in step.mounts)
        can_make = self._can_make(step, content, has_it=content.has_it or is_mounted)
        located = running(step)
        if can_make and any(self._makes(*pair, spare=True) for pair in located):
            self.is_made = True
        # The content of a cache mount does not become part of the image.
        caches = [mount.target for mount in step.mounts if mount.type in ("cache", "tmpfs")]
        if any(map(self._is_named_in, caches)):
            return content
        in_mount = is_mounted
        for directory, command in located:
            if can_make and self._makes(directory, command):
                in_mount = False
                # What is made in a mount exists only during this RUN.
                if not is_mounted:
                    content = content._replace(made=True)
                continue
            is_used = in_mount and self._may_take(command)
            if not is_used and (in_mount or content.is_as_it_came):
                is_used = self._names(step, directory, command)
            if is_used:
                self._uses.append(step.line)
            elif not is_mounted and self._needs(command):
                content = content.used_later(step)
        if (in_mount or content.is_as_it_came) and self._is_named_apart(step):
            self._uses.append(step.line)
        return content

    def _is_named_apart(self, step: StageStep) -> bool:
        """Return True for `< it`, `for x in it/*`, or in a heredoc that no shell reads."""
        for _, command in running(step):
            if any(map(self._is_named_in, command.words)):
                return False
        documents = (heredoc.content for heredoc in step.instruction.heredocs)
        texts = _with_values(step, (*step.instruction.arguments, *documents))
        return any(self.subject.ask("named by a path in", text) for text in texts)

    def _can_make(self, step: StageStep, content: _Content, *, has_it: bool) -> bool:
        if self._manager:  # an install needs no source but the manifest
            if content.has_files:
                return True
            return any(mount.type == "bind" for mount in step.mounts)
        if self._is_known and self._rule.category is Category.ARTEFACT:
            return has_it
        return True

    def _makes(self, directory: str, command: Command, *, spare: bool = False) -> bool:
        """Return True if a command makes the match here, or, with `spare`, a substitute."""
        if not self._manager:
            if makes(self._rule, command) or self._is_named_in(output_of(command)):
                return True
            return spare and spares(self._rule, command)
        installed = install_directory(self._rule, command)
        if installed is None:
            return False
        package = self._package_at(normpath(join(directory, installed)), self._manager.files[0])
        if not package:
            return True
        return self.subject.ask("beside or below the package", package)

    def _package_at(self, directory: str, manifest: str) -> str:
        """Return the package of the context that is at a directory of the image, by its path.

        It is the longest end of that path at which the context has a manifest; `""` without one.
        """
        package = directory.lstrip("/")
        while package:
            if f"{package}/{manifest}" in self._facts.sums:
                if NOT_SOURCES.isdisjoint(package.split("/")):
                    break
            package = package.partition("/")[2]
        return package

    def _is_mounted(self, stage: BuiltStage, mount: Mount) -> bool:
        if mount.type != "bind":
            return False
        origin = mount.origin
        if stage.origin(origin):
            return self._end_of_origin(stage, origin).is_as_it_came
        if origin not in self._build_file.names:
            return False
        source = path_from_root(mount.source)[1:] or "."
        return "$" in source or self._is_in(source)

    def _speaks(self, text: str) -> bool:
        """Return True if an image or a command uses the dependencies of the rule's ecosystem."""
        if self._language is None or expression("needs_no_packages").search(text):
            return False
        return re.search(self._language.speaks, text, re.IGNORECASE) is not None

    def _needs(self, command: Command) -> bool:
        return self._manager is not None and self._speaks(" ".join(command.words))

    def _may_take(self, command: Command) -> bool:
        """Return True if a command may read a whole mount, as most unknown programs may."""
        program = run_by(command).program
        if program in ("cd", "mkdir", "set") or program in listed("with_verbs"):
            return self._needs(command)
        return True

    def _names(self, step: StageStep, directory: str, command: Command) -> bool:
        """Return True if a command names the match, runs in it, or runs a script that names it."""
        program = command.program
        if self._rule.contents and program in _ABOUT_DIRECTORIES:
            return False
        if program not in ("cd", "pushd", "mkdir"):
            if self._is_named_in(directory.removeprefix(step.state.directory.text)):
                return True
        if self.subject.ask("named by a path in", self._script(command)):
            return True
        if program in listed("silent"):
            return False
        if any(self._is_named_in(value) for _, value in command.assignments):
            return True
        # `-m` names a module.
        words = [word for before, word in pairwise(("", *command.words)) if before != "-m"]
        # Plain words are commands to some programs: `npm run build` names no `build/`.
        kind = "named in"
        if program in listed("with_verbs"):
            kind = "named by a path in"
        return any(self.subject.ask(kind, word) for word in words)

    def _script(self, command: Command) -> str:
        word = "".join(run_by(command).words[:1])
        if "/" not in word and not word.endswith(".sh"):
            return ""
        return self.subject.script(basename(word))

    def _may_use(self, content: _Content, step: StageStep) -> bool:
        """Return True if an instruction may use the match when the image is finished."""
        keyword = step.instruction.keyword
        arguments = step.arguments
        if keyword == "WORKDIR":
            directory = join(step.workdir, *arguments)
            return content.has_it and self._is_named_in(directory)
        if keyword in ("ARG", "ENV"):
            # An ARG without a value has the value of the ARG before the first FROM.
            outer = [step.state.outer.get(name, "") for name in arguments]
            return any(map(self._is_named_in, (*arguments, *outer)))
        for directory, command in running(step):
            if self._names(step, directory, command):
                return True
            if not self._is_known:
                continue
            if self._speaks(" ".join(command.words)) or self._speaks(self._script(command)):
                return True
        return False


def making_of(facts: Facts, build_file: BuildFile, match: Match) -> Making:
    """Return the use of a match in a Dockerfile; matches with the same answers share one."""
    known: list[Making] = facts.makings[id(build_file), match.rule.name]
    subject = _Subject(facts, match)
    for making in known:
        if subject.agrees(making.subject):
            return making
    making = Making(facts, build_file, match.rule, subject)
    if len(known) < _MOST_KNOWN and subject.is_typical:
        known.append(making)
    return making


@lru_cache(maxsize=1024)
def running(step: StageStep) -> tuple[tuple[str, Command], ...]:
    """Return the commands of a step with their directories; a copied heredoc may be a script."""
    written = list[Command]()
    if not step.is_copy:
        written += commands_of(step.instruction)
    else:
        for heredoc in step.instruction.heredocs:
            if is_read_whole(heredoc.content):
                written += commands(heredoc.content)
            else:
                written.append(Command(("cat", heredoc.content)))
    known = (
        replace(command, words=tuple(_with_values(step, command.words))) for command in written
    )
    return tuple(in_directories(known, step.state.directory.text))


def _with_values(step: StageStep, texts: Iterable[str]) -> Iterator[str]:
    """Yield texts with the known values of variables, also of arguments before the first FROM."""
    for text in texts:
        known = text
        if "$" in text and len(text) <= _LONGEST:
            known = tolerant(step.environment, text, quotes=False)
            if "$" in known:
                known = tolerant(step.state.outer, known, quotes=False)
        yield known
