"""Find out whether a Dockerfile itself makes the dependencies and build outputs that it copies.

Such a match is safe to ignore if a command makes it in a stage that has its sources, and no stage
uses the copied one. All else is a doubt. Commands in scripts may use it, but they make nothing.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from ctxsize.dockerfile.shell import commands, commands_of, in_directories, is_read_whole
from ctxsize.dockerfile.sources import Mount, path_from_root
from ctxsize.dockerfile.stages import BuiltStage, StageStep, built_stages, tolerant
from ctxsize.knowledge import tools
from ctxsize.knowledge.rules import NOT_SOURCES, Category, expression, listed
from ctxsize.recommender.build_files import BuildFile, Named
from ctxsize.recommender.facts import Facts, is_named
from ctxsize.recommender.outcome import Match
from ctxsize.syntax import Command

_USED_LATER = ("WORKDIR", "ENV", "ARG", "CMD", "ENTRYPOINT", "HEALTHCHECK", "COPY", "ADD")
_ABOUT_DIRECTORIES = ("chown", "chmod", "chgrp")
_LONGEST = 64 * 1024


class _Content(NamedTuple):
    """The content of a stage after a step, as far as it concerns the match."""

    has_it: bool = False
    has_files: bool = False  # True if anything was copied from the context or from another stage
    made: bool = False  # a command made it, or COPY took it by name from a stage that did
    later: tuple[int, ...] = ()  # lines that use the copied one in the finished image

    @property
    def is_as_it_came(self) -> bool:
        return self.has_it and not self.made


class Making:
    """The use of one match in the stages of one Dockerfile."""

    def __init__(self, facts: Facts, build_file: BuildFile, match: Match) -> None:
        self.is_made = False  # a command makes it, or a substitute, where its sources are
        self._uses: list[int] = []
        self._facts = facts
        self._build_file = build_file
        self._match = match
        self._rule = rule = match.rule
        # Only rules with this trap are about the files of package managers.
        if "no_install_step" in rule.traps:
            self._manager = tools.manager_of(rule.name)
        else:
            self._manager = None
        self._language = tools.manager_of(f"{rule.ecosystem}.")
        self._name = "/".join(match.path.split("/")[-1 - match.find.strip("/").count("/") :])
        self._is_known = tools.has_tools(rule.name)
        self._ends: dict[BuiltStage, _Content] = {}
        self._consumed: set[BuiltStage] = set()
        for stage in built_stages(build_file.dockerfile):
            self._ends[stage] = self._end_of(stage)
        parents = {stage.parent for stage in self._ends}
        for stage, end in self._ends.items():
            is_target = build_file.plan.build.target.lower() == stage.label
            if end.is_as_it_came and (stage not in parents or is_target):
                self._uses += end.later
                if stage not in self._consumed and self._manager and self._speaks(stage.base):
                    self._uses.append(stage.stage.line)
        self.used_at = min(self._uses, default=None)  # first line that uses the copied match

    def _end_of(self, stage: BuiltStage) -> _Content:
        if stage.parent is None:
            content = _Content()
        else:
            content = self._ends[stage.parent]
        if stage.parent is None and stage.base and stage.base in self._build_file.names:
            content = content._replace(has_it=True, has_files=True)
        for step in stage.steps:
            keyword = step.instruction.keyword
            if step.is_copy:
                content = self._copied(content, stage, step)
            if step.is_run:
                content = self._ran(content, stage, step)
            elif keyword in _USED_LATER and self._may_use(content, step):
                content = content._replace(later=(*content.later, step.line))
        return content

    def _copied(self, content: _Content, stage: BuiltStage, step: StageStep) -> _Content:
        taken = self._build_file.taken_at.get((stage.label, step.line), ())
        arrives = any(each.kind in ("copy", "add") and self._is_in(each.path) for each in taken)
        there = self._origin(stage, step.origin)
        named = any(is_named(self._name, each) for each in step.arguments[:-1])
        if there.is_as_it_came and named:
            self._uses.append(step.line)
        has_it = content.has_it or arrives or there.is_as_it_came
        made = content.made or (there.made and named)
        return content._replace(has_it=has_it, has_files=True, made=made)

    def _origin(self, stage: BuiltStage, name: str) -> _Content:
        if (origin := stage.origin(name)) is None:
            return _Content()
        self._consumed.add(origin)
        return self._ends[origin]

    def _is_in(self, source: str) -> bool:
        return source == "." or Named("", 0, "", source, source).contains(self._match.path)

    def _ran(self, content: _Content, stage: BuiltStage, step: StageStep) -> _Content:
        """Return the content after a RUN, and record the lines that use the match."""
        as_it_came = is_mounted = any(self._is_mounted(stage, each) for each in step.mounts)
        there = content._replace(has_it=content.has_it or is_mounted)
        found = running(step)
        can_make = self._can_make(there, step)
        self.is_made |= can_make and any(self._makes(*each, spare=True) for each in found)
        # The content of a cache mount does not become part of the image.
        caches = (each.target for each in step.mounts if each.type in ("cache", "tmpfs"))
        if any(is_named(self._name, each) for each in caches):
            return content
        for at, command in found:
            if can_make and self._makes(at, command):
                as_it_came = False
                # What is made in a mount exists only during this RUN.
                if is_mounted:
                    content = content
                else:
                    content = content._replace(made=True)
            elif (as_it_came and self._may_take(command)) or (
                (as_it_came or content.is_as_it_came) and self._names(step, at, command)
            ):
                self._uses.append(step.line)
            elif not is_mounted and self._needs(command):
                content = content._replace(later=(*content.later, step.line))
        # It may be named as `< it`, `for x in it/*`, or in a heredoc that no shell reads.
        texts = (*step.instruction.arguments, *(e.content for e in step.instruction.heredocs))
        named = (is_named(self._name, _valued(step, each), bare=False) for each in texts)
        in_words = any(is_named(self._name, word) for _, each in found for word in each.words)
        if (as_it_came or content.is_as_it_came) and not in_words and any(named):
            self._uses.append(step.line)
        return content

    def _can_make(self, content: _Content, step: StageStep) -> bool:
        if self._manager:  # an install needs no source but the manifest
            return content.has_files or any(each.type == "bind" for each in step.mounts)
        of_sources = self._is_known and self._rule.category is Category.ARTEFACT
        return content.has_it or not of_sources

    def _makes(self, at: str, command: Command, *, spare: bool = False) -> bool:
        """Return True if a command makes the match here, or, with `spare`, a substitute."""
        if not self._manager:
            return tools.makes(self._rule, command) or (spare and tools.spares(self._rule, command))
        if (there := tools.install_directory(self._rule, command)) is None:
            return False
        # The package of the context that is there in the image is unknown, or it has the match.
        parts = posixpath.normpath(posixpath.join(at, there)).lstrip("/").split("/")
        ends = ("/".join(parts[e:]) for e in range(len(parts)) if parts[e])
        sources = (end for end in ends if NOT_SOURCES.isdisjoint(end.split("/")))
        manifest = self._manager.files[0]
        sums = self._facts.sums
        package = next((end for end in sources if f"{end}/{manifest}" in sums), None)
        beside = self._match.path.rpartition("/")[0]
        return package is None or f"{beside}/".startswith(f"{package}/")

    def _is_mounted(self, stage: BuiltStage, mount: Mount) -> bool:
        if mount.type != "bind":
            return False
        if stage.origin(mount.origin) is not None:
            return self._origin(stage, mount.origin).is_as_it_came
        source = path_from_root(mount.source)[1:] or "."
        return mount.origin in self._build_file.names and (self._is_in(source) or "$" in source)

    def _speaks(self, text: str) -> bool:
        """Return True if an image or a command uses the dependencies of the rule's ecosystem."""
        if self._language is None or expression("needs_no_packages").search(text):
            return False
        return re.search(self._language.speaks, text, re.IGNORECASE) is not None

    def _needs(self, command: Command) -> bool:
        return self._manager is not None and self._speaks(" ".join(command.words))

    def _may_take(self, command: Command) -> bool:
        """Return True if a command may read a whole mount, as most unknown programs may."""
        is_known = tools.run_by(command).program in (*listed("with_verbs"), "cd", "mkdir", "set")
        return not is_known or self._needs(command)

    def _names(self, step: StageStep, at: str, command: Command) -> bool:
        """Return True if a command names the match, runs in it, or runs a script that names it."""
        program = command.program
        name = self._name
        if self._rule.contents and program in _ABOUT_DIRECTORIES:
            return False
        below = at.removeprefix(step.state.directory.text)
        is_in = is_named(name, below) and program not in ("cd", "pushd", "mkdir")
        if is_in or is_named(name, self._script(command), bare=False):
            return True
        # `-m` names a module.
        words = [word for before, word in pairwise(("", *command.words)) if before != "-m"]
        values = (value for _, value in command.assignments)
        # Plain words are commands to some programs: `npm run build` names no `build/`.
        bare = program not in listed("with_verbs")
        return program not in listed("silent") and (
            any(is_named(name, each) for each in values)
            or any(is_named(name, each, bare=bare) for each in words)
        )

    def _script(self, command: Command) -> str:
        word = next(iter(tools.run_by(command).words), "")
        is_script = "/" in word or word.endswith(".sh")
        if is_script:
            return self._facts.script(posixpath.basename(word), self._match.path)
        return ""

    def _may_use(self, content: _Content, step: StageStep) -> bool:
        """Return True if an instruction may use the match when the image is finished."""
        keyword = step.instruction.keyword
        if keyword == "WORKDIR":
            directory = posixpath.join(step.workdir, *step.arguments)
            return content.has_it and is_named(self._name, directory)
        if keyword in ("ARG", "ENV"):
            # An ARG without a value has the value of the ARG before the first FROM.
            outer = (step.state.outer.get(each, "") for each in step.arguments)
            return any(is_named(self._name, each) for each in (*step.arguments, *outer))
        for at, command in running(step):
            texts = " ".join(command.words), self._script(command)
            if self._names(step, at, command) or (self._is_known and any(map(self._speaks, texts))):
                return True
        return False


@lru_cache(maxsize=1024)
def running(step: StageStep) -> tuple[tuple[str, Command], ...]:
    """Return the commands of a step with their directories; a copied heredoc may be a script."""
    found = [*commands_of(step.instruction)]
    for text in (each.content for each in step.instruction.heredocs if step.is_copy):
        if is_read_whole(text):
            found += commands(text)
        else:
            found += [Command(("cat", text))]
    known = (replace(each, words=tuple(_valued(step, e) for e in each.words)) for each in found)
    return tuple(in_directories(known, step.state.directory.text))


def _valued(step: StageStep, text: str) -> str:
    """Return a text with the known values of variables, also of arguments before the first FROM."""
    if "$" not in text or len(text) > _LONGEST:
        return text
    known = tolerant(step.environment, text, quotes=False)
    if "$" in known:
        return tolerant(step.state.outer, known, quotes=False)
    return known
