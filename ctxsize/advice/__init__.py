"""Advice on Dockerfiles (order, caches, cargo) that neither hadolint nor `build --check` gives."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, ClassVar, Literal

from ctxsize.advice import cargo, copies, mounts
from ctxsize.advice.recipe import Recipe, read_recipe, slug
from ctxsize.codes import names
from ctxsize.config import Config
from ctxsize.dockerfile.shell import unknown_commands
from ctxsize.engine.plan import ParsedDockerfile
from ctxsize.errors import DockerfileError, UndecidedError
from ctxsize.findings import Edit, Finding, in_order
from ctxsize.guard.accepting import FindingChoice, Wanted
from ctxsize.model import Problem
from ctxsize.reader import border_of, read_file
from ctxsize.repository import Discovery, FoundBuild

if TYPE_CHECKING:
    from typing_extensions import Unpack

Rule = Callable[[Sequence[Recipe]], Iterator[Finding]]
"""A function that yields the findings of one code in the Dockerfiles of a repository."""


def _in_each(rule: Callable[[Recipe], Iterator[Finding]]) -> Rule:
    return lambda recipes: (found for recipe in recipes for found in rule(recipe))


RULES: dict[str, Rule] = {
    "CTX201": _in_each(copies.no_ignore_file),
    "CTX202": _in_each(copies.copied_too_early),
    "CTX203": _in_each(copies.many_manifests),
    "CTX210": _in_each(cargo.rebuilt_dependencies),
    "CTX211": _in_each(cargo.mixed_chef),
    "CTX212": _in_each(mounts.swallowed),
    "CTX220": mounts.colliding_ids,
    "CTX221": mounts.shared_by_writers,
    "CTX222": _in_each(mounts.unused_caches),
    "CTX223": _in_each(copies.missing_caches),
    "CTX250": _in_each(copies.too_wide),
}
"""The function that finds each code."""
_MOST_FIXES = 500


@dataclass(frozen=True)
class DockerfileAdvice:
    """The result of `ctxsize advise`."""

    kind: ClassVar[Literal["advise"]] = "advise"

    root: str
    dockerfiles: tuple[str, ...]
    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...] = ()
    edits: tuple[Edit, ...] = ()  # the files with the applied fixes; nothing is written yet
    mended: tuple[Finding, ...] = ()  # the findings that the applied fixes removed


def advise(
    discovery: Discovery,
    config: Config | None = None,
    *,
    fix: bool = False,
    unsafe: bool = False,
    **choice: Unpack[FindingChoice],
) -> DockerfileAdvice:
    """Return the advice on all Dockerfiles of `repository`, without what `config` accepts.

    `fix` applies the certain fixes, `unsafe` all of them: one at a time, each to the result of
    the one before.
    """
    codes = names("CTX2")
    config = config or Config()
    wanted = Wanted(config, known=codes, **choice)
    fixed = list[Finding]()
    edits = dict[str, Edit]()
    seen = set[Edit]()
    while True:
        recipes, problems = _read_recipes(discovery, edits)
        found = wanted.of(_examined(recipes))
        fixes = ((each, each.fix) for each in found if each.fix and (fix or unsafe))
        usable = ((each, fix.edits[0]) for each, fix in fixes if fix.certain or unsafe)
        finding, edit = next((each for each in usable if each[1] not in seen), (None, None))
        if finding is None or edit is None or len(fixed) == _MOST_FIXES:
            break
        fixed.append(finding)
        seen.add(edit)
        edits[edit.path] = replace(edits.get(edit.path, edit), after=edit.after)
    is_narrow = choice.get("select") or choice.get("ignore")
    unused = () if is_narrow else wanted.unused(codes, discovery.root)
    return DockerfileAdvice(
        discovery.root,
        tuple(recipe.path for recipe in recipes),
        in_order([*_grouped(found), *unused]),
        (*discovery.problems, *problems),
        tuple(edits.values()),
        tuple(fixed),
    )


def _read_recipes(
    discovery: Discovery, edits: Mapping[str, Edit]
) -> tuple[list[Recipe], list[Problem]]:
    """Return the Dockerfiles of the builds, as `edits` change them, and problems with others."""
    border = border_of(discovery.root)
    recipes = list[Recipe]()
    problems = list[Problem]()
    by_path: dict[str, list[FoundBuild]] = {}
    for each in discovery.builds:
        path = each.build.dockerfile or os.path.join(each.build.context, "Dockerfile")
        by_path.setdefault(path if each.inline is None else str(each.where), []).append(each)
    for path, builds in by_path.items():
        try:
            build = builds[0].build
            # Advice quotes the text, so it reads that without hidden values.
            data = build.dockerfile_written or build.dockerfile_inline
            if data is None:
                if path in edits:
                    data = edits[path].after
                else:
                    data = read_file(path)
            parsed = discovery.parsed_files.of(path, partial(bytes, data))
            if parsed.data != data:  # a fix changed it
                parsed = ParsedDockerfile(partial(bytes, data))
            recipes.append(read_recipe(path, data, parsed.dockerfile, tuple(builds), border))
            problems += unknown_commands(parsed.dockerfile.instructions)
        except DockerfileError as error:
            decided = not isinstance(error, UndecidedError)
            if decided:
                lead = "the build fails"
            else:
                lead = "this Dockerfile was skipped"
            message = f"{lead}: {error.message}"
            if builds[0].build.dockerfile_written is not None:
                message = "this Dockerfile was skipped: hidden values decide what it does"
            problems.append(Problem("dockerfile", message, path, error.line, fails=decided))
        except OSError as error:
            message = f"this Dockerfile was skipped: {error.strerror}"
            problems.append(Problem("unread", message, path))
    # Cache ids need a name that no other build has.
    services = Counter(each.service for each in recipes)
    for at, recipe in enumerate(recipes):
        path = slug(os.path.relpath(recipe.path, discovery.root))
        name = recipe.service
        recipes[at] = replace(recipe, name=name if services[name] == 1 else path)
    return recipes, [*dict.fromkeys(problems)]


def _examined(recipes: Sequence[Recipe]) -> tuple[Finding, ...]:
    findings = [each for rule in RULES.values() for each in rule(recipes)]
    # The cargo-chef pattern of CTX210 includes the cache mounts that CTX223 would propose.
    line = attrgetter("location.path", "location.line")
    rebuilt = {line(each) for each in findings if each.code == "CTX210"}
    kept = (each for each in findings if each.code != "CTX223" or line(each) not in rebuilt)
    return in_order([*dict.fromkeys(kept)])


def _grouped(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings; those alike on several lines of a file become one, if it has no fix."""
    alike: dict[object, list[Finding]] = {}
    for each in findings:
        if each.fix:
            line = each.location.line
        else:
            line = None
        key = (each.code, each.location.path, each.message, each.help, line)
        alike.setdefault(key, []).append(each)
    for first, *others in alike.values():
        places = dict.fromkeys(e.location for e in others if e.location != first.location)
        yield replace(first, more_locations=tuple(places))
