"""What a Dockerfile takes from the build context, for one target and one platform.

BuildKit follows every stage that the target reaches, collects the paths that
are taken, and asks the client for those alone. Whether it asks at all depends
on what the target's result is made from, which can be less.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ctxsize.dockerfile.graph import Graph, Node, closure
from ctxsize.dockerfile.images import parse_platform, platform_arguments
from ctxsize.dockerfile.instructions import Directive, Dockerfile, located
from ctxsize.dockerfile.sources import Source, Unknown
from ctxsize.dockerfile.state import Environment, Expanded
from ctxsize.dockerfile.walk import StageWalk, check_flags, newer_flags
from ctxsize.errors import DockerfileError

_NEW_ARGUMENTS = ("TARGETSTAGE",)
"""The predefined arguments that the BuildKit of Docker 28.5 has and that of 26.1 has not."""
_OWN_FRONTENDS = re.compile(r"(?:docker\.io/)?docker/dockerfile(?:-upstream)?(?:[:@].*)?")


@dataclass(frozen=True)
class NamedNeed:
    """What is asked of a named context: one filter per transfer, None for all of it.

    `sources` holds, for each filter, what asks for it. That may be nothing: a
    stage on this context that is the target, or in which a command runs, is all of it.
    """

    name: str
    filters: tuple[tuple[str, ...] | None, ...]
    sources: tuple[tuple[Source, ...], ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class ContextNeed:
    """What a build asks of its contexts.

    `follow_paths` are sorted, relative, and patterns; None means no filter:
    everything that is not ignored. They are empty where `context_used` is
    False: nothing is asked for. `sources` come in the order of evaluation, and
    include those of stages that end up unused.
    """

    context_used: bool
    follow_paths: tuple[str, ...] | None
    sources: tuple[Source, ...]
    named: tuple[NamedNeed, ...]
    unknowns: tuple[Unknown, ...]
    excluded: tuple[tuple[int, tuple[str, ...]], ...] = ()
    """The patterns of `--exclude`, with the line: they keep nothing from travelling."""


def context_need(
    dockerfile: Dockerfile,
    *,
    target: str = "",
    build_arguments: Mapping[str, str] | None = None,
    platform: str = "linux/amd64",
    build_platform: str = "linux/amd64",
    contexts: Mapping[str, bool] | None = None,
) -> ContextNeed:
    """Return what `docker build` asks the client for.

    `contexts` are the names given to `--build-context`, and whether each is an image.
    Raises DockerfileError where BuildKit would stop before it asks.
    """
    given, contexts = dict(build_arguments or {}), contexts or {}
    own_frontend = not dockerfile.syntax and "BUILDKIT_SYNTAX" not in given
    if own_frontend:
        # In any stage, reached or not.
        for instruction in dockerfile.instructions:
            with located(instruction.line):
                check_flags(instruction)
    checks = _failing_checks(dockerfile, given, own_frontend=own_frontend)
    predefined = platform_arguments(
        parse_platform(platform),
        parse_platform(build_platform),
        target or dockerfile.stages[-1].name,
    )
    outer = _global_environment(dockerfile, given, predefined)
    graph = Graph(dockerfile, outer, given, contexts)
    target_node = graph.find_target(target)
    graph.connect()
    reachable = graph.resolve(target_node)
    walk = StageWalk(own_frontend)
    for node, built in zip(graph.nodes, graph.built, strict=False):
        if node in reachable and not node.done:
            walk.follow(node, built)
    target_node.paths.add("/")
    used = closure(target_node, lambda node: node.inputs)
    context_used = any(node.uses_context for node in used)
    # Flags count in stages that are not reached, too: an older builder refuses the file.
    flags = (each for instruction in dockerfile.instructions for each in newer_flags(instruction))
    unknowns = (
        *filter(None, [other_frontend(dockerfile.syntax, given)]),
        *(each for node in graph.nodes if node in reachable for each in graph.unknowns(node)),
        *walk.unknowns,
        *flags,
        *checks,
    )
    return ContextNeed(
        context_used=context_used,
        follow_paths=_filter(walk.paths) if context_used else (),
        sources=tuple(walk.sources),
        named=_named_needs(used),
        unknowns=tuple(
            each
            for each in dict.fromkeys(unknowns)
            # The age of another frontend is not that of the builder.
            if own_frontend or not each.kind.startswith("older-")
        ),
        excluded=tuple(walk.excluded),
    )


def _failing_checks(
    dockerfile: Dockerfile, given: Mapping[str, str], *, own_frontend: bool
) -> list[Unknown]:
    """Return the `# check=` that makes the build fail on a warning of the frontend."""
    found: list[Unknown] = []
    for directive in dockerfile.directives:
        if directive.name != "check" or "BUILDKIT_DOCKERFILE_CHECK" in given:
            continue
        from ctxsize.dockerfile.settings import fails_on_warnings  # as few Dockerfiles need it

        try:
            with located(directive.line):
                if fails_on_warnings(directive.value):
                    found.append(Unknown("check", directive.value, directive.line))
        except DockerfileError:
            if own_frontend:
                raise
    return found


def _global_environment(
    dockerfile: Dockerfile, given: Mapping[str, str], predefined: Mapping[str, str]
) -> Environment:
    """Return the values of the ARGs in front of the first FROM, and the predefined ones."""
    environment = Environment(dockerfile.escape)
    for name, value in predefined.items():
        older = name in _NEW_ARGUMENTS and name not in given
        doubts = frozenset({("older-unset", name)} if older else ())
        environment = environment.set(name, Expanded(given.get(name, value), doubts))
    for instruction in dockerfile.global_arguments:
        with located(instruction.line):
            environment = environment.obey_arg(instruction, given, environment)
        for name in instruction.arguments:
            if name in predefined and name not in given:
                # BuildKit of Docker 26.1 takes such an ARG for one without a value.
                doubts = frozenset({("older-unset", name)})
                environment = environment.set(name, Expanded(environment[name], doubts))
    return environment


def other_frontend(syntax: Directive | None, given: Mapping[str, str]) -> Unknown | None:
    """Return the frontend that is not BuildKit's own, if one is asked for."""
    line, name = 0, given.get("BUILDKIT_SYNTAX", "").strip().partition(" ")[0]
    if not name and syntax:
        line, name = syntax.line, syntax.value
    return Unknown("syntax", name, line) if name and not _OWN_FRONTENDS.fullmatch(name) else None


def _named_needs(used: set[Node]) -> tuple[NamedNeed, ...]:
    """Return the filters of each named context; equal ones are one transfer."""
    found: dict[str, dict[tuple[str, ...] | None, set[Source]]] = {}
    for node in used:
        if node.context:
            by_filter = found.setdefault(node.context, {})
            by_filter.setdefault(_filter(node.paths), set()).update(node.sources)
    return tuple(_named_need(name, found[name]) for name in sorted(found))


def _named_need(name: str, by_filter: dict[tuple[str, ...] | None, set[Source]]) -> NamedNeed:
    filters = sorted(by_filter, key=lambda each: (each is not None, each or ()))
    sources = (sorted(by_filter[each], key=_in_file_order) for each in filters)
    return NamedNeed(name, tuple(filters), tuple(map(tuple, sources)))


def _in_file_order(source: Source) -> tuple[int, str, str]:
    return source.line, source.path, source.source


def _filter(paths: set[str]) -> tuple[str, ...] | None:
    """Return the paths to ask for, or None for everything."""
    if not paths or "/" in paths:
        return None
    return tuple(sorted(path[1:] for path in paths))
