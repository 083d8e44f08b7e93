"""Find out whether a Dockerfile itself makes the dependencies and build outputs that it copies.

Such a match is safe to ignore if a command makes it in a stage that has its sources, and no stage
uses the copied one. The commands inside scripts are not read. If only the Dockerfile of another
service installs it and this one copies it with `COPY . .`, the user decides.
"""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple
from weakref import WeakKeyDictionary

from ctxsize.dockerfile.sources import Mount, path_from_root
from ctxsize.dockerfile.stages import BuiltStage, StageStep, built_stages
from ctxsize.recommender.build_files import BuildFile, Named
from ctxsize.recommender.facts import Facts
from ctxsize.recommender.knowledge.tools import (
    has_tools,
    has_verbs,
    install_directory,
    makes,
    manager_of,
    run_by,
    spares,
    speaks,
    works,
)
from ctxsize.recommender.matches import Doubt, Match
from ctxsize.recommender.mentions import is_named, is_named_beside, is_named_by
from ctxsize.recommender.rules import Category
from ctxsize.syntax import Command

_USED_LATER = ("WORKDIR", "ENV", "ARG", "CMD", "ENTRYPOINT", "HEALTHCHECK", "COPY", "ADD")
_IDLE = re.compile(
    r"^(apt|apt-get|apk|dnf|yum|corepack|chown|chmod|mkdir|rm|cp|ln)\b|\bmix local\."
    r"| (-g|--global|global|config)( |$)|\bgem install\b|--version\b"
)
"""Commands that work without the dependencies of the project."""
_SCRIPTS = re.compile(
    r"\.sh\b|\b(make|just|task)\b|\b(npm|bun|composer)\s+(run|run-script|exec)\b"
    r"|\b(yarn|pnpm|mix)\s+\w"
)
"""Commands that may install dependencies without naming a package manager."""
_ABOUT_DIRECTORIES = ("chown", "chmod", "chgrp")


def is_for(match: Match, package: str | None) -> bool:
    """Return True if an install for `package` may create the match; None means any package."""
    beside = match.path.rpartition("/")[0]
    return package is None or f"{beside}/".startswith(f"{package}/")


class StageContent(NamedTuple):
    """The content of a stage after an instruction, as far as it concerns the match."""

    has_it: bool = False
    """True if the match was copied from the context."""
    has_files: bool = False
    """True if anything was copied from the context or from another stage."""
    made: bool = False
    """True if a command made the match, or COPY took it by name from a stage that made it."""
    later: tuple[StageStep, ...] = ()
    """Steps that may use the match when the image is finished, if it is still the copied one."""

    @property
    def is_as_it_came(self) -> bool:
        """Return True if the match is there and no command made it again."""
        return self.has_it and not self.made


class Making:
    """The use of one match in the stages of one Dockerfile."""

    def __init__(self, facts: Facts, build_file: BuildFile, match: Match) -> None:
        self.build_file = build_file
        self.is_spared = False
        """True if a command makes the match, or a substitute, in a stage that has its sources."""
        self._facts, self._match, self._rule, self._path = facts, match, match.rule, match.path
        self._name = "/".join(match.path.split("/")[-1 - match.find.strip("/").count("/") :])
        self._is_managed = manager_of(match.rule) is not None
        self._is_known = has_tools(match.rule.name)
        self._of_sources = self._is_known and match.rule.category is Category.ARTEFACT
        self._ends: dict[BuiltStage, StageContent] = {}
        self._consumed: set[BuiltStage] = set()
        self._uses: list[int] = []
        stages = built_stages(build_file.dockerfile)
        for stage in stages:
            self._ends[stage] = self._end_of(stage)
        parents = {stage.parent for stage in stages}
        for stage in stages:
            is_target = build_file.request.build.target.lower() == stage.label
            if (stage not in parents or is_target) and self._ends[stage].is_as_it_came:
                self._finish(stage)

    @property
    def used_at(self) -> int | None:
        """Return the first line that uses the copied match; None if there is none."""
        return min(self._uses, default=None)

    def _end_of(self, stage: BuiltStage) -> StageContent:
        content = StageContent() if stage.parent is None else self._ends[stage.parent]
        if stage.parent is None and stage.base and stage.base in self.build_file.names:
            content = content._replace(has_it=True, has_files=True)
        for step in stage.steps:
            keyword = step.instruction.keyword
            if step.is_copy:
                content = self._copied(content, stage, step)
            if step.is_run:
                content = self._ran(content, stage, step)
            elif keyword in _USED_LATER and (keyword != "WORKDIR" or content.has_it):
                content = content._replace(later=(*content.later, step))
        return content

    def _finish(self, stage: BuiltStage) -> None:
        """Record the uses of the copied match in the finished image."""
        self._uses += [each.line for each in self._ends[stage].later if self._may_use(each)]
        if stage not in self._consumed and self._is_managed and self._speaks(stage.base):
            self._uses.append(stage.stage.line)

    def _speaks(self, text: str) -> bool:
        return not _IDLE.search(text) and speaks(self._rule, text)

    def _needs(self, command: Command) -> bool:
        return self._is_managed and self._speaks(" ".join(command.words))

    def _copied(self, content: StageContent, stage: BuiltStage, step: StageStep) -> StageContent:
        taken = self.build_file.taken_at.get((stage.label, step.line), ())
        arrives = any(each.kind in ("copy", "add") and self._is_in(each.path) for each in taken)
        there = self._origin(stage, step.origin) or StageContent()
        named = any(is_named(self._name, each) for each in step.arguments[:-1])
        if there.is_as_it_came and named:
            self._uses.append(step.line)
        return content._replace(
            has_it=content.has_it or arrives or there.is_as_it_came,
            has_files=True,
            made=content.made or (there.made and named),
        )

    def _origin(self, stage: BuiltStage, name: str) -> StageContent | None:
        origin = stage.origin(name)
        if origin is None:
            return None
        self._consumed.add(origin)
        return self._ends[origin]

    def _is_in(self, source: str) -> bool:
        return source == "." or Named("", 0, "", source, source).contains(self._path)

    def _ran(self, content: StageContent, stage: BuiltStage, step: StageStep) -> StageContent:
        """Return the content after a RUN, and record the lines that use the match."""
        as_it_came = is_mounted = any(self._is_mounted(stage, each) for each in step.mounts)
        can_make = content.has_it or is_mounted or not self._of_sources
        if self._is_managed:
            # An install needs no source but the manifest.
            can_make = content.has_files or any(each.type == "bind" for each in step.mounts)
        found = self._facts.running(step)
        self.is_spared |= can_make and any(spares(self._rule, each) for _, each in found)
        # The content of a cache mount does not become part of the image.
        caches = (each.target for each in step.mounts if each.type in ("cache", "tmpfs"))
        if any(is_named(self._name, each) for each in caches):
            return content
        for at, command in found:
            if can_make and self._makes(at, command):
                as_it_came = False
                # Files that are made in a bind mount exist only during this RUN.
                content = content if is_mounted else content._replace(made=True)
            elif (as_it_came and self._may_take(command)) or (
                (as_it_came or content.is_as_it_came) and self._names(step, at, command)
            ):
                self._uses.append(step.line)
            elif not is_mounted and self._needs(command):
                content = content._replace(later=(*content.later, step))
        if content.is_as_it_came and is_named_beside(self._name, step, (e for _, e in found)):
            self._uses.append(step.line)
        return content

    def _makes(self, at: str, command: Command) -> bool:
        """Return True if a command makes the match, and not its like in another directory."""
        if not self._is_managed:
            return makes(self._rule, command)
        there = install_directory(self._rule, command)
        if there is None:
            return False
        package = self._facts.package_at(self._rule, posixpath.join(at, there))
        return is_for(self._match, package)

    def _is_mounted(self, stage: BuiltStage, mount: Mount) -> bool:
        if mount.type != "bind":
            return False
        there = self._origin(stage, mount.origin)
        if there is not None:
            return there.is_as_it_came
        source = path_from_root(mount.source)[1:] or "."
        return mount.origin in self.build_file.names and (self._is_in(source) or "$" in source)

    def _may_take(self, command: Command) -> bool:
        """Return True if a command may read a whole mount, as most unknown programs may."""
        program = run_by(command).program
        is_known = has_verbs(program) or program in ("cd", "mkdir", "set")
        return not is_known or self._needs(command)

    def _names(self, step: StageStep, at: str, command: Command) -> bool:
        """Return True if a command names the match, runs in it, or runs a script that names it."""
        if self._rule.contents and command.program in _ABOUT_DIRECTORIES:
            return False
        below = at.removeprefix(step.state.directory.text)
        if is_named(self._name, below) and command.program not in ("cd", "pushd", "mkdir"):
            return True
        script = self._script(command)
        return is_named_by(self._name, command) or is_named(self._name, script, bare=False)

    def _script(self, command: Command) -> str:
        word = next(iter(run_by(command).words), "")
        if "/" not in word and not word.endswith(".sh"):
            return ""
        return self._facts.script(posixpath.basename(word), self._path)

    def _may_use(self, step: StageStep) -> bool:
        """Return True if an instruction may use the match when the image is finished."""
        keyword = step.instruction.keyword
        if keyword == "WORKDIR":
            return is_named(self._name, posixpath.join(step.workdir, *step.arguments))
        if keyword in ("ARG", "ENV"):
            # An ARG without a value has the value of the ARG before the first FROM.
            outer = (step.state.outer.get(each, "") for each in step.arguments)
            return any(is_named(self._name, each) for each in (*step.arguments, *outer))
        for at, command in self._facts.running(step):
            texts = " ".join(command.words), self._script(command)
            if self._names(step, at, command) or (self._is_known and any(map(self._speaks, texts))):
                return True
        return False


_LAST: WeakKeyDictionary[Facts, tuple[Match, list[Making]]] = WeakKeyDictionary()
"""The makings of the last match in each context: two traps need the same ones in turn."""


def made_by(facts: Facts, match: Match) -> list[Making]:
    """Return the use of a match in each Dockerfile that copies it."""
    known, found = _LAST.get(facts, (None, []))
    if known is not match:
        found = [Making(facts, each, match) for each in facts.taking(match)]
        _LAST[facts] = match, found
    return found


def no_install_step(facts: Facts, match: Match) -> str | None:
    """Object if a Dockerfile copies the dependencies and does not install them: it needs these.

    The user may overrule it if a script may install them, if the Dockerfile installs those of
    other directories, or if it builds something else and another Dockerfile installs them.
    """
    if manager_of(match.rule) is None:
        return None
    installers = [each for each in facts.build_files.all if _is_installer(facts, each, match)]
    doubt: Doubt | None = None
    for build_file in facts.taking(match):
        if any(build_file is each for each in installers):
            continue
        reason = f"{build_file.path} takes it and does not install it"
        if _may_install(facts, build_file, match):
            doubt = doubt or Doubt(reason)
        elif installers and _builds_other_things(facts, build_file, match):
            doubt = doubt or Doubt(f"{reason}, which {installers[0].path} does")
        else:
            return reason
    return doubt


def _is_installer(facts: Facts, build_file: BuildFile, match: Match) -> bool:
    """Return True if it installs the dependencies of a package that it copies the match from."""
    beside = match.path.rpartition("/")[0]
    near = (e.contains(match.path) or e.path.rpartition("/")[0] == beside for e in build_file.named)
    return (build_file.takes_everything or any(near)) and any(
        is_for(match, package) for package in facts.installed_by(build_file, match.rule)
    )


def _may_install(facts: Facts, build_file: BuildFile, match: Match) -> bool:
    by_script = _SCRIPTS.search(build_file.commands) is not None
    unread = build_file.unread_at is not None
    return by_script or unread or bool(facts.installed_by(build_file, match.rule))


def _builds_other_things(facts: Facts, build_file: BuildFile, match: Match) -> bool:
    """Return True if it runs other build tools, and nothing in it uses the dependencies."""
    by_name = any(named.contains(match.path) for named in build_file.named)
    if by_name or speaks(match.rule, build_file.words):
        return False
    return any(works(command) for _, command in facts.commands(build_file))
