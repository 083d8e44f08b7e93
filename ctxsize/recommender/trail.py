"""Which instruction uses a thing as it came with the context, where nothing made it anew.

Each stage is followed from its top with what it inherits: where it has the thing
from the context, and where commands made what takes its place. What one stage
installs is nothing to another one, nor to a RUN that mounts the context and sees
only what came with it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ctxsize.dockerfile import path_from_root
from ctxsize.recommender.flow import READ, Phase, Step
from ctxsize.recommender.naming import named_by, named_by_value, names
from ctxsize.recommender.places import (
    copies,
    is_at_or_below,
    may_be_in,
    may_meet,
    path_of,
    target_of,
    works_in,
)
from ctxsize.recommender.recipes import Named, Recipe
from ctxsize.recommender.running import is_unread
from ctxsize.shell import Command

_SPEAKING = ("WORKDIR", "ENV", "ARG")
_ABOUT_DIRECTORIES = ("chown", "chmod", "chgrp")


@dataclass(frozen=True)
class Thing:
    """What is looked for, and how to tell what makes it and what needs it."""

    path: str
    name: str
    """By which it is known: the last component, or several."""
    makes: Callable[[str, Command], str | None]
    """Where a command that is run in a directory makes it anew; `""` if that is not told."""
    needs: Callable[[str], bool] | None = None
    """Whether a command or an image works with such things, for what is not named to be used."""
    starts: Callable[[str], bool] | None = None
    """The same of the command that a container begins with."""
    stays: bool = False
    """Whether its directory stays where its content goes."""
    of_sources: bool = False
    """Whether a command that comes before the sources makes another."""


@dataclass(frozen=True)
class _State:
    """What a stage has behind an instruction."""

    places: tuple[str, ...] = ()
    """Where the thing from the context is, `""` where that is not told."""
    made: tuple[str, ...] = ()
    """In which directories commands made it, `""` where that is not told."""
    early: tuple[str, ...] = ()
    """Those of them where it was made before the sources came, and not of them."""
    replaced: int = 0
    """The line that brought it in place of such a one."""
    later: tuple[Step, ...] = ()
    """The instructions that speak of the container that is run."""
    needed: int = 0
    """The line that tells that this stage works with such things."""

    @property
    def is_as_it_came(self) -> bool:
        """Whether it is somewhere where nothing made it anew."""
        return any(
            not any(may_meet(posixpath.dirname(place), each) for each in self.made)
            for place in self.places
        )

    def may_mean(self, word: str) -> bool:
        """Whether a word that names such a thing may be about this one."""
        known = all(each.startswith("/") for each in self.places)
        return not (known and word.startswith("/")) or any(
            may_meet(word, each) for each in self.places
        )


def first_use(recipe: Recipe, phases: Sequence[Phase], thing: Thing) -> int | None:
    """The line of the instruction that uses `thing` as it came, None if there is none."""
    trail = _Trail(recipe, thing)
    for phase in phases:
        trail.follow(phase)
    bases = {phase.base for phase in phases}
    for at, phase in enumerate(phases):
        if at not in bases or recipe.request.build.target.lower() == phase.label:
            trail.finish(at, phase, is_shipped=at not in trail.consumed)
    return min(trail.uses or trail.replaced, default=None)


class _Trail:
    """Goes through the stages in file order."""

    def __init__(self, recipe: Recipe, thing: Thing) -> None:
        self._recipe = recipe
        self._thing = thing
        self._ends: list[_State] = []
        self.uses: list[int] = []
        self.consumed: set[int] = set()
        """The stages from which others take files."""
        self._is_made = False

    @property
    def replaced(self) -> list[int]:
        """The lines that bring it in place of what was made without sources, if nothing else is."""
        return [] if self._is_made else [each.replaced for each in self._ends if each.replaced]

    def follow(self, phase: Phase) -> None:
        """Go through a stage."""
        state = _State() if phase.base is None else self._ends[phase.base]
        for step in phase.steps:
            keyword = step.instruction.keyword
            if keyword in ("COPY", "ADD"):
                state = self._copied(state, phase, step)
            if keyword == "RUN":
                state = self._ran(state, phase, step)
            elif step.commands or keyword in _SPEAKING:
                state = replace(state, later=(*state.later, step))
        self._ends.append(state)

    def finish(self, at: int, phase: Phase, *, is_shipped: bool) -> None:
        """Look at the image that is made of a stage, or at what its commands were made for."""
        state = self._ends[at]
        self._is_made |= bool(state.made)
        if not state.is_as_it_came:
            return
        self.uses += [each.instruction.line for each in state.later if self._speaks(each, state)]
        if state.needed or (is_shipped and self._is_needed_by(phase.image)):
            self.uses.append(state.needed or phase.line)

    def _is_needed_by(self, text: str) -> bool:
        return self._thing.needs is not None and self._thing.needs(text)

    def _origin(self, phase: Phase, name: str) -> _State | None:
        """The earlier stage that is called `name`."""
        at = phase.origins.get(name.lower())
        if at is None:
            return None
        self.consumed.add(at)
        return self._ends[at]

    def _copied(self, state: _State, phase: Phase, step: Step) -> _State:
        """What a COPY or ADD takes from the context or from another stage."""
        instruction, name = step.instruction, self._thing.name
        places = [*self._arriving(phase, step)]
        if places and state.early:
            kept = tuple(each for each in state.made if each not in state.early)
            state = replace(state, made=kept, early=(), replaced=instruction.line)
        made: list[str] = []
        there = self._origin(phase, next(instruction.flag_values("from"), ""))
        if there is not None:
            *sources, target = step.arguments
            for source in sources:
                if there.is_as_it_came and names(source, name):
                    self.uses.append(instruction.line)
                absolute = posixpath.join("/", source)
                places += [""] if any(may_meet(absolute, each) for each in there.places) else []
                if any(names(source, name) or may_meet(absolute, each) for each in there.made):
                    made.append(posixpath.join(step.at, target).removesuffix(f"/{name}"))
        if not places and not made:
            return state
        return replace(state, places=(*state.places, *places), made=(*state.made, *made))

    def _arriving(self, phase: Phase, step: Step) -> Iterator[str]:
        """Where an instruction puts the thing when it takes a directory of the context."""
        for source in self._recipe.taken_at.get((phase.label, step.instruction.line), ()):
            rest = self._rest(source.path) if source.kind in ("copy", "add") else None
            if rest is not None:
                target = step.arguments[-1]
                yield posixpath.normpath(posixpath.join(step.at, target, rest))

    def _rest(self, source: str) -> str | None:
        """The path of the thing in a source, None if that does not hold it."""
        if source == ".":
            return self._thing.path
        if not Named("", 0, "", source, source).contains(self._thing.path):
            return None
        return "/".join(self._thing.path.split("/")[source.count("/") + 1 :])

    def _ran(self, state: _State, phase: Phase, step: Step) -> _State:
        """What the commands of a RUN make and use, one after the other."""
        line = step.instruction.line
        mounted = [*self._mounted(phase, step)]
        if self._is_hidden(step):
            return state
        for at, command in step.commands:
            inside = [each for each in mounted if works_in(command, at, each)]
            place = self._thing.makes(at, command)
            if place is not None:
                # What is made in a mount is there for this RUN alone.
                mounted = [each for each in mounted if each not in inside]
                state = state if inside else self._made(state, place)
                continue
            if (
                (inside and self._needs_there(command))
                or self._takes(command, at, mounted)
                or (state.is_as_it_came and self._names(command, at, step.at, state))
            ):
                self.uses.append(line)
            copied = [target_of(command, at) for each in mounted if copies(command, at, each)]
            if any(copies(command, at, each) for each in state.places):
                copied.append("")
            state = replace(state, places=(*state.places, *copied)) if copied else state
            if not inside and self._is_needed_by(" ".join(command.words)):
                state = replace(state, needed=line)
        return state

    def _made(self, state: _State, place: str) -> _State:
        """The state behind a command that makes it in a directory."""
        early = self._thing.of_sources and not state.places
        return replace(
            state,
            made=(*state.made, place),
            early=(*state.early, place) if early else state.early,
        )

    def _is_hidden(self, step: Step) -> bool:
        """Whether a cache lies over the thing: what is made there never gets into the image."""
        return any(
            mount.type in ("cache", "tmpfs") and names(mount.target, self._thing.name)
            for mount in step.mounts
        )

    def _mounted(self, phase: Phase, step: Step) -> Iterator[str]:
        """Where a RUN mounts directories in which the thing is as it came with the context."""
        for mount in step.mounts:
            if mount.type != "bind":
                continue
            target = path_of(mount.target, step.at)
            there = self._origin(phase, mount.origin)
            if there is not None:
                if there.is_as_it_came:
                    yield target
            elif mount.origin in self._recipe.names:
                rest = self._rest(path_from_root(mount.source)[1:] or ".")
                if rest is not None or "$" in mount.source:
                    yield target

    def _takes(self, command: Command, at: str, mounted: Sequence[str]) -> bool:
        """Whether a command names it in one of the mounts."""
        if mounted and command.program == READ:
            # Where a loop looks for the names of its list is not told.
            return names(command.words[-1], self._thing.name)
        named = [*named_by(command, self._thing.name)] if mounted else []
        return any(may_be_in(path_of(word, at), each) for word in named for each in mounted)

    def _needs_there(self, command: Command) -> bool:
        """Whether a command in a mount needs it; of a program from there nobody knows."""
        if self._thing.needs is None:
            return False
        from_there = "/" in "".join(command.words[:1])
        return from_there or is_unread(command) or self._is_needed_by(" ".join(command.words))

    def _names(self, command: Command, at: str, workdir: str, state: _State) -> bool:
        """Whether a command names it, or works in it."""
        name, program = self._thing.name, command.program
        if self._thing.stays and program in _ABOUT_DIRECTORIES:
            return False
        works = program not in ("cd", "pushd", "mkdir") and names(at.removeprefix(workdir), name)
        return works or any(state.may_mean(each) for each in named_by(command, name))

    def _speaks(self, step: Step, state: _State) -> bool:
        """Whether what an instruction says of the container has to do with it."""
        instruction, name = step.instruction, self._thing.name
        if instruction.keyword == "WORKDIR":
            return any(each and is_at_or_below(step.at, each) for each in state.places)
        if instruction.keyword in ("ENV", "ARG"):
            return any(map(state.may_mean, _named_by_variables(step, name)))
        return any(
            self._names(command, at, step.at, state) or self._is_started_by(command)
            for at, command in step.commands
        )

    def _is_started_by(self, command: Command) -> bool:
        return self._thing.starts is not None and self._thing.starts(" ".join(command.words))


def _named_by_variables(step: Step, name: str) -> Iterator[str]:
    """What the values of an ENV or an ARG name."""
    given = step.arguments
    if step.instruction.keyword == "ARG":
        given = tuple(part for each in given for part in each.partition("=")[::2])
    for variable, value in zip(given[::2], given[1::2], strict=False):
        yield from named_by_value(variable, value, name)
