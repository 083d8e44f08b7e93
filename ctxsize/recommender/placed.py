"""Follow files of the context to their places in the image of a stage, step by step."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from posixpath import basename, join, normpath, split

from ctxsize.dockerfile.shell import is_known
from ctxsize.dockerfile.stages import StageStep
from ctxsize.go.wildcards import has_wildcards, match
from ctxsize.knowledge.rules import listed
from ctxsize.knowledge.tools import WordSet, works
from ctxsize.model import Texts
from ctxsize.recommender.tree import Tree
from ctxsize.syntax import Command
from ctxsize.values import Value

_OF_THE_IMAGE = r"/(bin|dev|etc|lib(64)?|proc|run|s?bin|sys|usr/(?!src/)|var/lib)(/|$)"
_MOST_COMMANDS = 1_000  # of a stage: nothing is known of more
_MOST_SOURCES = 100  # of a COPY
_UNKNOWN = Command(("?",))


def relative(path: str, top: str) -> str | None:
    """Return an absolute path relative to `top`, `""` for `top` itself; None if it is outside."""
    prefix = top.rstrip("/") + "/"
    if path == top:
        return ""
    if path.startswith(prefix):
        return path[len(prefix) :]
    return None


class Copied(Value):
    """A copy to `target`, of `sources` in the context; without any, of content from elsewhere."""

    sources: Texts
    target: str
    after: int  # number of commands that ran before

    def may_fill(self, path: str) -> bool:
        """Return True if content from elsewhere may be at `path`."""
        target = self.target
        if self.sources:
            return False
        if "$" in target or relative(path, target) is not None:
            return True
        return relative(target, path) is not None

    def origin(self, path: str, tree: Tree) -> str | None:
        """Return the first existing path of the context that is copied to `path`, or None."""
        below = relative(path, self.target)
        if below is None:
            return None
        for source in self.sources:
            origin = _origin(source, below, tree)
            if tree.entry(origin) or (source == "." and not below):
                return origin
        return None


def _origin(source: str, below: str, tree: Tree) -> str:
    """Return the path that a COPY of `source` puts at `below` in its target, `""` for none."""
    directory, name = split(source)
    if has_wildcards(source):
        if match(name, below):
            return join(directory, below)
        return ""
    if source == ".":
        return below
    if tree.snapshot.folder(source):
        return join(source, below).rstrip("/")
    # Without a slash at its end, the target may be the file or a directory.
    if below in ("", name):
        return source
    return ""


class Placed(Value):
    """The places of files of the context in a stage, and the commands that may have made files."""

    tree: Tree
    copies: Sequence[Copied] = ()
    ran: Sequence[tuple[Command, WordSet]] = ()  # each with the words of its RUN

    def copied(self, step: StageStep, names: Collection[str]) -> Placed:
        """Return the places after a COPY or ADD; `names` are those of the context."""
        sources = tuple(path[1:] or "." for origin, path in step.takes if origin in names)
        is_known = len(step.arguments) - 1 == len(sources) <= _MOST_SOURCES
        if step.instruction.keyword == "ADD" or not is_known or "$" in step.destination:
            sources = ()
        elif any(flag.startswith(("--exclude", "--parents")) for flag in step.instruction.flags):
            return self
        return self._with(sources, step.destination)

    def mounted(self, step: StageStep, names: Collection[str]) -> Placed:
        """Return the places that the commands of a RUN see."""
        placed = self
        for mount in step.mounts:
            sources: Texts = ()
            if mount.type == "bind" and mount.origin in names:
                sources = (normpath(f"/{mount.source}")[1:] or ".",)
            if mount.target:
                placed = placed._with(sources, normpath(join(step.workdir, mount.target)))
        return placed

    def _with(self, sources: Texts, target: str) -> Placed:
        return replace(self, copies=(*self.copies, Copied(sources, target, len(self.ran))))

    def after(self, step: StageStep, *commands: Command) -> Placed:
        """Return the places after some commands of a RUN, by default after all of them."""
        if len(self.ran) > _MOST_COMMANDS:
            return self
        commands = commands or step.commands
        if not (step.state.is_unix and is_known(step.instruction)):
            commands = (_UNKNOWN,)
        text = step.instruction.text
        words = _words(text)
        idle: Texts = ()
        if ">" not in text:
            idle = listed("makes_no_files")
        ran = ((command, words) for command in commands if command.program not in idle)
        return replace(self, ran=(*self.ran, *ran))

    def origin(self, path: str) -> str | None:
        """Return the path in the context of what COPY puts at `path`, an absolute path, or None."""
        return self._find_copy(path)[0]

    def is_alone(self, path: str) -> bool:
        """Return True if COPY puts something at `path`, and no command can make it there.

        A command before this COPY counts only if it names a part of the path.
        """
        origin, copy = self._find_copy(path)
        if origin is None:
            return False
        if any(other.may_fill(path) for other in self.copies):
            return False
        below = {*(relative(path, copy.target) or path).split("/")}
        for number, (command, words) in enumerate(self.ran):
            may_make = _makes_one_of(command, words, path)
            if may_make is None:
                may_make = number >= copy.after or not below.isdisjoint(words)
            if may_make:
                return False
        return True

    def _find_copy(self, path: str) -> tuple[str | None, Copied]:
        is_known = "$" not in path and len(self.ran) <= _MOST_COMMANDS
        if is_known and not re.match(_OF_THE_IMAGE, path):
            for copy in reversed(self.copies):
                origin = copy.origin(path, self.tree)
                if origin is not None or copy.may_fill(path):
                    return origin, copy
        return None, Copied((), "/", 0)


def _makes_one_of(command: Command, words: WordSet, path: str) -> bool | None:
    """Return True if a command of a RUN with these words may make `path`; None if unknown."""
    names = {command.program, "_".join(command.words[:2])}
    is_named = not names.isdisjoint(listed("makes_what_it_names"))
    if is_named and (command.program != "go" or command.has("-o")):
        return not words.isdisjoint((basename(path), "$"))
    tools = [
        work.tool for work in works(command) if work.does("fetch") and not work.does("compile")
    ]
    if not tools:
        return None
    parts = path.split("/")
    return any(directory in parts for tool in tools for directory in tool.directories)


@lru_cache(maxsize=64)
def _words(text: str) -> WordSet:
    return frozenset(re.findall(r"[\w.-]+|\$", text))
