"""Follow files of the context to their places in the image of a stage, step by step."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from posixpath import join, normpath

from ctxsize.dockerfile.shell import is_known
from ctxsize.dockerfile.stages import StageStep
from ctxsize.go.wildcards import has_wildcards, match
from ctxsize.knowledge.rules import listed
from ctxsize.knowledge.tools import works
from ctxsize.recommender.tree import Tree
from ctxsize.syntax import Command

_OF_THE_IMAGE = re.compile(r"/(bin|dev|etc|lib(64)?|proc|run|s?bin|sys|usr/(?!src/)|var/lib)(/|$)")
_MOST_COMMANDS, _MOST_SOURCES = 1_000, 100  # of a stage and of a COPY: nothing is known of more
_UNKNOWN = Command(("?",))


def relative(path: str, top: str) -> str | None:
    """Return an absolute path relative to `top`, `""` for `top` itself; None if it is outside."""
    prefix = top.rstrip("/") + "/"
    if path == top:
        return ""
    if path.startswith(prefix):
        return path[len(prefix) :]
    return None


@dataclass(frozen=True)
class Copied:
    """A copy to `target`, of `sources` in the context; without any, of content from elsewhere."""

    sources: tuple[str, ...]
    target: str
    after: int  # number of commands that ran before

    def may_fill(self, path: str) -> bool:
        """Return True if content from elsewhere may be at `path`."""
        inside = relative(path, self.target)
        around = relative(self.target, path)
        return not self.sources and ("$" in self.target or (inside, around) != (None, None))

    def origins(self, path: str, tree: Tree) -> Iterator[str]:
        """Yield the existing paths of the context that are copied to `path`."""
        below = relative(path, self.target)
        if below is None:
            return
        for source in self.sources:
            (above, _, name), top = source.rpartition("/"), "" if source == "." else source
            if has_wildcards(source):
                if match(name, below):
                    found = join(above, below)
                else:
                    found = ""
            elif tree.snapshot.folder(top) is not None:
                found = join(top, below).rstrip("/")
            else:  # without a slash at its end, the target may be the file or a directory
                if below in ("", name):
                    found = source
                else:
                    found = ""
            if tree.entry(found) is not None or top == below == "":
                yield found


@dataclass(frozen=True)
class Placed:
    """The places of files of the context in a stage, and the commands that may have made files."""

    tree: Tree
    copies: tuple[Copied, ...] = ()
    ran: tuple[tuple[Command, frozenset[str]], ...] = ()  # each with the words of its RUN

    def copied(self, step: StageStep, names: Collection[str]) -> Placed:
        """Return the places after a COPY or ADD; `names` are those of the context."""
        sources = tuple(path[1:] or "." for origin, path in step.takes if origin in names)
        is_known = len(step.arguments) - 1 == len(sources) <= _MOST_SOURCES
        if "$" in step.destination or not is_known or step.instruction.keyword == "ADD":
            sources = ()  # ADD unpacks archives
        elif any(each.startswith(("--exclude", "--parents")) for each in step.instruction.flags):
            return self
        return self._with(sources, step.destination)

    def mounted(self, step: StageStep, names: Collection[str]) -> Placed:
        """Return the places that the commands of a RUN see."""
        found = self
        for each in step.mounts:
            is_ours = each.type == "bind" and each.origin in names
            sources = (normpath(f"/{each.source}")[1:] or ".",) if is_ours else ()
            if each.target:
                found = found._with(sources, normpath(join(step.workdir, each.target)))
        return found

    def _with(self, sources: tuple[str, ...], target: str) -> Placed:
        return replace(self, copies=(*self.copies, Copied(sources, target, len(self.ran))))

    def after(self, step: StageStep, *commands: Command) -> Placed:
        """Return the places after some commands of a RUN, by default after all of them."""
        is_read = step.state.is_unix and is_known(step.instruction)
        if is_read:
            found = commands or step.commands
        else:
            found = (_UNKNOWN,)
        if len(self.ran) > _MOST_COMMANDS:
            return self
        idle = listed("makes_no_files")
        words = _words(step.instruction.text)
        is_written = ">" in step.instruction.text
        made = ((each, words) for each in found if is_written or each.program not in idle)
        return replace(self, ran=(*self.ran, *made))

    def origin(self, path: str) -> str | None:
        """Return the path in the context of what COPY puts at `path`, an absolute path, or None."""
        return self._delivered(path)[0]

    def is_alone(self, path: str) -> bool:
        """Return True if COPY puts something at `path`, and no command can make it there.

        A command before this COPY counts only if it names a part of the path.
        """
        found, copy = self._delivered(path)
        parts = {*path.split("/")}
        below = {*(relative(path, copy.target) or path).split("/")}
        for number, (command, words) in enumerate(self.ran):
            fetching = [e for e in works(command) if e.does("fetch") and not e.does("compile")]
            named = {command.program, "_".join(command.words[:2])} & {
                *listed("makes_what_it_names")
            }
            if named and (command.program != "go" or command.has("-o")):
                may_make = not words.isdisjoint((path.rpartition("/")[2], "$"))
            elif fetching:
                may_make = any(not parts.isdisjoint(each.tool.directories) for each in fetching)
            else:
                may_make = number >= copy.after or not below.isdisjoint(words)
            if may_make:
                return False
        return found is not None and not any(each.may_fill(path) for each in self.copies)

    def _delivered(self, path: str) -> tuple[str | None, Copied]:
        known = "$" not in path and len(self.ran) <= _MOST_COMMANDS
        for copy in reversed(self.copies) if known and not _OF_THE_IMAGE.match(path) else ():
            found = next(copy.origins(path, self.tree), None)
            if found is not None or copy.may_fill(path):
                return found, copy
        return None, Copied((), "/", 0)


@lru_cache(maxsize=64)
def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[\w.-]+|\$", text))
