"""The paths that a Dockerfile takes from its contexts, for one target and one platform.

BuildKit follows every stage that the target depends on, and requests only the paths that these
take; none if the result of the target is made without the context.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter

from ctxsize.dockerfile.arguments import check_built_in
from ctxsize.dockerfile.graph import Graph, Node, StageRules
from ctxsize.dockerfile.images import parse_platform, platform_arguments
from ctxsize.dockerfile.instructions import Directive, Dockerfile, located
from ctxsize.dockerfile.sources import Expanded, Failure, Source, Unknown
from ctxsize.dockerfile.state import Environment
from ctxsize.hidden import Hidden, hidden_as

_OWN_FRONTENDS = re.compile(r"(?:docker\.io/)?docker/dockerfile(?:-upstream)?(?:[:@].*)?")
Paths = tuple[str, ...] | None  # requested patterns, sorted; None for all that is not ignored


@dataclass(frozen=True)
class Asked:
    """One transfer of a context: the requested paths, and the sources that need them.

    `context` is `""` for the build context. A stage on a named one needs all of it, without
    sources, as the target or for a command. `platforms` are those of the build that need this
    transfer, and `unknowns` those of the Dockerfile on them.
    """

    context: str
    paths: Paths
    sources: tuple[Source, ...]
    platforms: tuple[str, ...] = ()
    unknowns: tuple[Unknown, ...] = ()


@dataclass(frozen=True)
class ContextNeed:
    """The transfers that a build requests; its sources, also of unused stages; its unknowns.

    `failures` are the reasons, besides its sources, why the build fails after the transfers.
    """

    asked: tuple[Asked, ...]
    sources: tuple[Source, ...]
    unknowns: tuple[Unknown, ...]
    failures: tuple[Failure, ...] = ()

    def of(self, context: str) -> Iterator[Asked]:
        """Yield the transfers of a context; nothing if it is unused."""
        return (each for each in self.asked if each.context == context)


def context_need(
    dockerfile: Dockerfile,
    target: str = "",
    build_arguments: Mapping[str, str] | None = None,
    platform: str = "linux/amd64",
    build_platform: str = "linux/amd64",
    contexts: Mapping[str, bool] | None = None,
    rules: StageRules | None = None,
) -> ContextNeed:
    """Return the transfers that `docker build` requests from the client.

    `contexts` are the names given to `--build-context`, and whether each is an image. `rules` are
    those of another builder than BuildKit.
    Raises DockerfileError if BuildKit would fail before it requests any.
    """
    given = dict(build_arguments or {})
    contexts = contexts or {}
    own_frontend = not dockerfile.syntax and "BUILDKIT_SYNTAX" not in given
    # BuildKit checks the flags of all stages, also of those that the target does not need.
    for instruction in dockerfile.instructions if own_frontend else ():
        with located(instruction.line):
            check_built_in(instruction)
    platforms = parse_platform(platform), parse_platform(build_platform)
    predefined = platform_arguments(*platforms, target or dockerfile.stages[-1].name)
    outer = _global_environment(dockerfile, given, predefined)
    rules = rules or StageRules()
    graph = Graph(dockerfile, outer, given, contexts, built_in=own_frontend, rules=rules)
    used = graph.follow(target)
    found = [other_frontend(dockerfile.syntax, given), *graph.unknowns]
    unknowns = dict.fromkeys(filter(None, found))
    failures = sorted((each for node in used for each in node.failures), key=attrgetter("line"))
    return ContextNeed(_asked(used), tuple(graph.sources), tuple(unknowns), tuple(failures))


def _global_environment(
    dockerfile: Dockerfile, given: Mapping[str, str], predefined: Mapping[str, str]
) -> Environment:
    """Return the values of the ARGs before the first FROM, and the predefined ones."""
    environment = Environment(dockerfile.escape)
    for name, value in predefined.items():
        if name in given:
            value = Hidden(given[name], f"${name}")
        environment = environment.set(name, Expanded(value))
    for instruction in dockerfile.global_arguments:
        with located(instruction.line):
            environment = environment.obey_arg(instruction, given, environment)
    return environment


def other_frontend(syntax: Directive | None, given: Mapping[str, str]) -> Unknown | None:
    """Return the requested frontend if it is not BuildKit's own."""
    line = 0
    name = given.get("BUILDKIT_SYNTAX", "").strip().partition(" ")[0]
    name = Hidden(name, "$BUILDKIT_SYNTAX")
    if not name and syntax:
        line = syntax.line
        name = syntax.value
    if name and not _OWN_FRONTENDS.fullmatch(name):
        return Unknown("syntax", name, line)
    return None


def _asked(used: Collection[Node]) -> tuple[Asked, ...]:
    """Return the transfers of the contexts among `used`; those of equal paths are one."""
    found: dict[tuple[str, Paths], dict[Source, None]] = {}
    for node in used:
        if node.context is not None:
            # None is a plan for everything.
            is_whole = not node.paths or "/" in node.paths
            below = sorted(hidden_as(path, path[1:]) for path in node.paths)
            if is_whole:
                paths = None
            else:
                paths = tuple(below)
            found.setdefault((node.context, paths), {}).update(dict.fromkeys(node.sources))
    in_order = sorted(found, key=lambda each: (each[0], each[1] is not None, each[1] or ()))
    return tuple(Asked(*e, tuple(sorted(found[e], key=attrgetter("line")))) for e in in_order)
