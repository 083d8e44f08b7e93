"""The Dockerfiles that an ignore file governs, and what they take from the context by name.

An ignore file serves every build of its context: the Dockerfile that was asked
about and all others in the tree, but for those with an ignore file of their own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ctxsize.build import Build
from ctxsize.dockerfile import (
    ContextNeed,
    Dockerfile,
    Source,
)
from ctxsize.dockerfile.sources import path_from_root
from ctxsize.engine.dockerfiles import is_dockerfile
from ctxsize.engine.follow import follow
from ctxsize.engine.goglob import has_wildcards, match
from ctxsize.engine.named import named_contexts, request_named
from ctxsize.engine.need import needs_of
from ctxsize.engine.request import Request, request_of
from ctxsize.errors import CtxsizeError, DockerfileError, UndecidedError
from ctxsize.model import Problem
from ctxsize.recommender.assumed import depends_on_assumed, with_bases
from ctxsize.recommender.sources import home_of
from ctxsize.recommender.tracked import Tracked
from ctxsize.recommender.tree import Tree, is_glob, like

_IGNORE_FILES = (".dockerignore", ".containerignore")
_NOT_SOURCES = frozenset(
    {".git", "node_modules", ".venv", "site-packages", "target", ".cargo", "bower_components"}
)
_PATH = re.compile(r"(?<![\w./:@$~}-])[\w./-]+")
_VARIABLE = re.compile(r"\$\{[^${}]*\}|\$\w+")
_TAKING = ("copy", "add", "bind")
_MOST = 200
_MOST_STAGES = 500
_DEEPEST = 20
"""Number of variables inside of each other that are looked into."""


TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.projects import FoundBuild


@dataclass(frozen=True)
class Named:
    """Something that an instruction takes from the context by its name."""

    dockerfile: str
    """As the user would name it, or as it stands in the context."""
    line: int
    instruction: str
    source: str
    """As it is written."""
    path: str
    """What it comes to; a pattern where it has wildcards."""
    text: str = ""
    """The whole instruction, of a source whose name is not known."""

    def __str__(self) -> str:
        return f"{self.instruction} {self.source} ({self.dockerfile}:{self.line})"

    @property
    def parts(self) -> list[str]:
        """The components of the path."""
        return self.path.split("/")

    def is_at_or_below(self, path: str) -> bool:
        """Whether it takes `path` itself or something below it."""
        parts, wanted = self.parts, path.split("/")
        return len(parts) >= len(wanted) and all(map(agree, parts, wanted))

    def goes_through(self, find: str) -> bool:
        """Whether a name or path that a pattern matches at any depth lies on its way."""
        parts, wanted = self.parts, find.split("/")
        starts = range(len(parts) - len(wanted) + 1)
        return any(all(map(agree, parts[at:], wanted)) for at in starts)

    def contains(self, path: str) -> bool:
        """Whether it takes a directory in which `path` is."""
        parts, wanted = self.parts, path.split("/")
        return len(parts) < len(wanted) and all(map(agree, parts, wanted))


def agree(part: str, wanted: str) -> bool:
    """Whether a component of a source and one of a path or a rule can be the same."""
    if part == wanted:
        return True
    if has_wildcards(part):
        return is_glob(wanted) or match(part, wanted)
    return is_glob(wanted) and like(wanted, part)


def _any(source: str) -> str:
    """Return a source with `*` for each variable, and for what else is not literal.

    >>> _any("./app-${VERSION:-$NEXT}.jar"), _any("$DIR/src"), _any("a/[bc]/$X")
    ('app-*.jar', '*/src', 'a/*/*')
    """
    text = source
    for _ in range(_DEEPEST):
        text = _VARIABLE.sub("*", text)
    if "$" in text or ".." in text:
        return "*"
    return path_from_root(re.sub(r"\[[^]]*\]|\?|\*+", "*", text))[1:] or "*"


@dataclass(frozen=True)
class Recipe:
    """One Dockerfile, and what the builds of all its stages take."""

    request: Request
    """The request with this Dockerfile."""
    path: str
    dockerfile: Dockerfile
    needs: tuple[tuple[str, ContextNeed], ...]
    """For each target that the builder accepts; `""` is the usual one."""
    names: tuple[str, ...] = ("",)
    """What the build calls the directory: `""` for its context, else a named context."""
    asked_for: bool = False
    """Whether something in the repository asks for this build; else it was just found."""

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """What its instructions take from the build context, each once."""
        taken = (
            source
            for _, need in self.needs
            for source in need.sources
            if source.context in self.names and source.kind in _TAKING
        )
        return tuple(dict.fromkeys(replace(source, stage="") for source in taken))

    @property
    def paths_here(self) -> set[str]:
        """The relative paths that its instructions take or name: most are of its own context."""
        doubtful = {each.source for each in self.unknown}
        taken = {each.path for each in self.sources if each.source not in doubtful}
        words = (word.removeprefix("./").rstrip("./") for word in _PATH.findall(self.words))
        named = {
            word for word in words if not word.startswith((".", "/")) and re.search("[./]", word)
        }
        return (taken | named) - {"."}

    @cached_property
    def taken_at(self) -> dict[tuple[str, int], set[Source]]:
        """What is taken from the build context, by the stage and the line that take it."""
        found: dict[tuple[str, int], set[Source]] = {}
        for _, need in self.needs:
            for source in need.sources:
                if source.context in self.names and source.kind in _TAKING:
                    found.setdefault((source.stage, source.line), set()).add(source)
        return found

    def requests(self) -> Iterator[Request]:
        """The request for the directory under each of its names."""
        return (request_named(self.request, name) for name in self.names)

    @cached_property
    def _root(self) -> str:
        return next(self.requests()).root

    @cached_property
    def named(self) -> tuple[Named, ...]:
        """What it takes by name, and what symlinks among that lead to."""
        found: list[Named] = []
        for source in self.sources:
            where = (self.path, source.line, source.instruction, source.source)
            found += [Named(*where, path) for path in self._followed(source.path)]
        return tuple(dict.fromkeys(found))

    def _followed(self, path: str) -> tuple[str, ...]:
        if path == ".":
            return ()
        try:
            return (path, *(follow(self._root, (path,)) or ()))
        except CtxsizeError:
            return (path,)

    @cached_property
    def takes_everything(self) -> bool:
        """Whether an instruction takes the whole context, or a stage is made of it by FROM."""
        return any(source.path == "." for source in self.sources) or any(
            None in named.filters
            for _, need in self.needs
            for named in need.named
            if named.name in self.names
        )

    @cached_property
    def unknown(self) -> tuple[Named, ...]:
        """Sources with a variable that has no value here; `*` stands in the path for a variable."""
        lines = {
            unknown.line
            for _, need in self.needs
            for unknown in need.unknowns
            if unknown.kind in ("argument", "environment")
        }
        texts = {each.line: each.text for each in self.dockerfile.instructions}
        return tuple(
            Named(
                self.path,
                each.line,
                each.instruction,
                each.source,
                _any(each.source),
                texts.get(each.line, ""),
            )
            for each in self.sources
            if (each.line in lines and "$" in each.source)
            or depends_on_assumed(each.source, self.request)
        )

    @cached_property
    def commands(self) -> str:
        """What its RUN instructions run, heredocs included."""
        return "\n".join(
            "\n".join(
                [
                    " ".join(each.arguments) if each.json_form else each.text,
                    *(heredoc.content for heredoc in each.heredocs),
                ]
            )
            for each in self.dockerfile.instructions
            if each.keyword == "RUN" or (each.trigger and each.trigger.keyword == "RUN")
        )

    @cached_property
    def words(self) -> str:
        """All that its instructions say, heredocs included, and no comment."""
        return "\n".join(
            "\n".join([each.text, *(heredoc.content for heredoc in each.heredocs)])
            for each in self.dockerfile.instructions
        )


@dataclass(frozen=True)
class Recipes:
    """All Dockerfiles that the ignore file governs."""

    recipes: tuple[Recipe, ...]
    problems: tuple[Problem, ...] = ()
    own_files: frozenset[str] = frozenset()
    """The Dockerfiles in the context, and the ignore files beside them or at its top."""
    elsewhere: tuple[tuple[str, str], ...] = ()
    """The Dockerfiles in the context that are built with a directory below it, and which."""

    @cached_property
    def named(self) -> tuple[Named, ...]:
        """What any of them takes by name."""
        return tuple(each for recipe in self.recipes for each in recipe.named)

    @cached_property
    def unknown(self) -> tuple[Named, ...]:
        """What any of them takes by a name that is not known, see `Recipe.unknown`."""
        return tuple(each for recipe in self.recipes for each in recipe.unknown)


Discovering = Callable[[str], "tuple[FoundBuild, ...]"]
"""Says which builds the files below a directory tell of."""


def read_recipes(
    request: Request,
    tree: Tree,
    tracked: Tracked,
    also: Sequence[Build] = (),
    *,
    discovering: Discovering | None = None,
) -> Recipes:
    """The Dockerfiles of `request`: its own, and others in the tree that share the ignore file.

    `also` are further builds that share it. Who asks about several contexts of a
    repository has one function for `discovering`, which remembers.
    Raises what `parse_dockerfile` raises for its own.
    """
    recipes: list[Recipe] = []
    problems: list[Problem] = []
    files = [*_dockerfiles(tree, tracked)]
    if request.dockerfile is not None:
        try:
            recipes.append(_recipe(request, request.dockerfile, _own_names(request)))
        except DockerfileError as error:
            error.path = request.dockerfile
            raise
    elsewhere: list[tuple[str, str]] = []
    # The ignore file of one Dockerfile governs no other build.
    builds: list[tuple[str, Build, bool]] = []
    if not request.dockerfile_specific:
        # Reports name paths as the user does: from the working directory, unless that is absolute.
        top = tracked.top
        shown = top if os.path.isabs(request.context) else os.path.relpath(top)  # noqa: PTH117
        builds += _others(request, (discovering or discovered)(shown), files)
    builds += [(each.dockerfile or "Dockerfile", each, True) for each in also]
    for path, build, asked_for in builds:
        try:
            other = request_of(build, request.builder)
            names = _names(other, request.root)
            recipe = _recipe(other, path, names, asked_for=asked_for) if names else None
        except CtxsizeError as error:
            reason = build.masked(error.message)
            lead = "it is no Dockerfile that the builder accepts"
            if isinstance(error, UndecidedError):
                lead = "what it takes is not known"
            message = f"{lead}: {reason}"
            problems.append(Problem("unread-dockerfile", message, path=path))
            continue
        home = "" if recipe is None or asked_for else home_of(path, recipe.paths_here, tree)
        if home:
            elsewhere.append((path, home))
        elif recipe is not None:
            recipes.append(recipe)
    own_files = frozenset(_own_files(request, tree, files))
    return Recipes(tuple(recipes), tuple(problems), own_files, tuple(elsewhere))


def _others(
    request: Request, found: tuple[FoundBuild, ...], files: list[str]
) -> Iterator[tuple[str, Build, bool]]:
    """Yield other builds that may share the ignore file, and whether something asks for them.

    A Dockerfile that something asks for has the contexts that are asked for, and no other.
    """
    asked = [each for each in found if not each.guessed]
    usual = (os.path.join(each.build.context, "Dockerfile") for each in asked)  # noqa: PTH118
    used = {
        os.path.realpath(each.build.dockerfile or path)
        for each, path in zip(asked, usual, strict=True)
    }
    for path in files:
        full = os.path.join(request.root, path)  # noqa: PTH118
        if path != request.dockerfile_in_context and os.path.realpath(full) not in used:
            yield path, _build_of(request, path), False
    for each in asked:
        directories = (each.build.context, *each.build.build_contexts.values())
        if request.root in map(os.path.realpath, directories):
            path = each.build.dockerfile or each.where.path
            yield path, replace(each.build, builder=request.build.builder), True


def _build_of(request: Request, path: str) -> Build:
    """The build of the same context with its Dockerfile at `path` in it."""
    full = os.path.join(request.context, path)  # noqa: PTH118
    return replace(request.build, dockerfile=full, dockerfile_inline=None, target="")


def discovered(top: str) -> tuple[FoundBuild, ...]:
    """Return the builds that Compose, Bake, workflows, commands and Dockerfiles tell of.

    Their Dockerfiles may lie anywhere below `top`, they have arguments of their own, and the
    directory that is asked about may be one of their named contexts.
    """
    from ctxsize.projects import discover

    try:
        return discover(top).builds
    except CtxsizeError:
        return ()


def _own_names(request: Request) -> tuple[str, ...]:
    """What the build calls its context. An ignore file of the Dockerfile is of no named one."""
    return ("",) if request.dockerfile_specific else _names(request, request.root)


def _names(request: Request, root: str) -> tuple[str, ...]:
    """What a build calls the directory `root`, wherever the ignore file at its top governs it."""
    again = (each for each in named_contexts(request.build) if each.local)
    names = [each.name for each in again if os.path.realpath(each.value) == root]
    own = [""] if request.root == root and not request.dockerfile_specific else []
    return (*own, *names)


def _recipe(
    request: Request, path: str, names: tuple[str, ...], *, asked_for: bool = False
) -> Recipe:
    request, _ = with_bases(request)
    dockerfile = request.plan.dockerfile
    labels = [stage.name or str(stage.index) for stage in request.plan.dockerfile.stages]
    if len(labels) > _MOST_STAGES:
        raise DockerfileError(
            f"more than {_MOST_STAGES} stages: what a build of each of them takes is not followed",
            hint="ctxsize measure reads it",
        )
    needs = []
    for target in dict.fromkeys([request.build.target, "", *labels]):
        asked = replace(request, build=replace(request.build, target=target))
        try:
            needs += [(target, need) for need in needs_of(asked).values()]
        except DockerfileError:
            if target in ("", request.build.target):
                raise
    return Recipe(request, path, dockerfile, tuple(needs), names, asked_for)


def _dockerfiles(tree: Tree, tracked: Tracked) -> Iterator[str]:
    """The files that are Dockerfiles by name, but for those inside dependencies and artefacts."""
    found = 0
    pending = [tree.root]
    while pending and found < _MOST:
        held = pending.pop()
        for file in held.files:
            if is_dockerfile(file.name):
                found += 1
                yield held.prefix + file.name
        pending += (
            folder
            for folder in reversed(held.folders)
            if folder.name not in _NOT_SOURCES and not tracked.ignores(folder.path)
        )


def _own_files(request: Request, tree: Tree, dockerfiles: list[str]) -> Iterator[str]:
    yield from dockerfiles
    for path in ("", *dockerfiles):
        for ending in _IGNORE_FILES:
            if tree.entry(path + ending) is not None:
                yield path + ending
    if request.dockerfile_in_context:
        yield request.dockerfile_in_context
