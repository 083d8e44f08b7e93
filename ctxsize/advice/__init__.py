"""Advice on Dockerfiles (order, caches, cargo) that neither hadolint nor `build --check` gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from operator import attrgetter
from os.path import join, relpath
from typing import TYPE_CHECKING, ClassVar, Literal

from ctxsize.advice import cargo, copies, mounts, narrowing
from ctxsize.advice.recipe import Recipe, RuleFindings, read_recipe, slug
from ctxsize.build import Build
from ctxsize.codes import names
from ctxsize.config import Config
from ctxsize.dockerfile.shell import unknown_commands
from ctxsize.engine.git import Repositories
from ctxsize.engine.plan import ParsedDockerfile, Plan
from ctxsize.errors import CtxsizeError, DockerfileError, UndecidedError
from ctxsize.findings import Edit, Finding, FrozenFindings, in_order, merge_alike
from ctxsize.guard.accepting import FindingChoice, Wanted
from ctxsize.model import Problem
from ctxsize.reader import border_of, read_file
from ctxsize.recommender.snapshots import Snapshots
from ctxsize.repository import Discovery, FoundBuild
from ctxsize.values import Value

if TYPE_CHECKING:
    from typing_extensions import Unpack

AdviceRule = Callable[[Sequence[Recipe]], RuleFindings]
"""A function that yields the findings of one code in the Dockerfiles of a repository."""


def _in_each(rule: Callable[[Recipe], RuleFindings]) -> AdviceRule:
    def in_all(recipes: Sequence[Recipe]) -> RuleFindings:
        for recipe in recipes:
            yield from rule(recipe)

    return in_all


RULES: dict[str, AdviceRule] = {
    "CTX201": copies.no_ignore_file,
    "CTX202": _in_each(copies.copied_too_early),
    "CTX203": _in_each(copies.many_manifests),
    "CTX210": _in_each(cargo.rebuilt_dependencies),
    "CTX211": _in_each(cargo.mixed_chef),
    "CTX212": _in_each(mounts.swallowed),
    "CTX220": mounts.colliding_ids,
    "CTX221": mounts.shared_by_writers,
    "CTX222": _in_each(mounts.unused_caches),
    "CTX223": _in_each(copies.missing_caches),
    "CTX250": narrowing.too_wide,
}
"""The function that finds each code."""
_MOST_FIXES = 500


class DockerfileAdvice(Value):
    """The result of `ctxsize advise`."""

    kind: ClassVar[Literal["advise"]] = "advise"

    root: str
    dockerfiles: tuple[str, ...]
    findings: FrozenFindings
    problems: tuple[Problem, ...] = ()
    edits: tuple[Edit, ...] = ()  # the files with the applied fixes; nothing is written yet
    mended: FrozenFindings = ()  # the findings that the applied fixes removed


def advise(
    discovery: Discovery,
    config: Config | None = None,
    *,
    fix: bool = False,
    unsafe: bool = False,
    contexts: Snapshots | None = None,
    **choice: Unpack[FindingChoice],
) -> DockerfileAdvice:
    """Return the advice on all Dockerfiles of `repository`, without what `config` accepts.

    `contexts` are those that the caller may have read already.

    `fix` applies the certain fixes, `unsafe` all of them: one at a time, each to the result of
    the one before.
    """
    codes = names("CTX2")
    config = config or Config()
    wanted = Wanted(config, known=codes, **choice)
    fixed = list[Finding]()
    edits = dict[str, Edit]()
    seen = set[Edit]()
    if contexts is None:
        contexts = Snapshots(None, Repositories(discovery.root), discovery.listing)
    lacks_a_file = partial(_lacks_a_file, contexts)
    while True:
        recipes, problems = _read_recipes(discovery, edits, lacks_a_file)
        findings = wanted.of(_apply_rules(recipes))
        if len(fixed) == _MOST_FIXES:
            break
        if not (fix or unsafe):
            break
        step = _next_fix(findings, seen, unsafe=unsafe)
        if not step:
            break
        finding, edit = step
        fixed.append(finding)
        seen.add(edit)
        edits[edit.path] = replace(edits.get(edit.path, edit), after=edit.after)
    reported = [*merge_alike(findings)]
    if not choice.get("select") and not choice.get("ignore"):
        reported += wanted.unused(codes, discovery.root)
    return DockerfileAdvice(
        discovery.root,
        tuple(recipe.path for recipe in recipes),
        in_order(reported),
        (*discovery.problems, *problems),
        tuple(edits.values()),
        tuple(fixed),
    )


def _lacks_a_file(contexts: Snapshots, plan: Plan) -> bool:
    """Return whether a context without an ignore file should have one."""
    with suppress(CtxsizeError):
        return contexts.advice(contexts.of(plan)).lacks_a_file
    return False


def _next_fix(
    findings: Iterable[Finding], seen: Collection[Edit], *, unsafe: bool
) -> tuple[Finding, Edit] | None:
    """Return the first finding with a fix to apply, and its edit, which is not in `seen`."""
    for finding in findings:
        fix = finding.fix
        if not fix:
            continue
        if (fix.certain or unsafe) and fix.edits[0] not in seen:
            return finding, fix.edits[0]
    return None


def _read_recipes(
    discovery: Discovery, edits: Mapping[str, Edit], lacks_a_file: Callable[[Plan], bool]
) -> tuple[list[Recipe], list[Problem]]:
    """Return the Dockerfiles of the builds, as `edits` change them, and problems with others."""
    border = border_of(discovery.root)
    recipes = []
    problems: dict[Problem, None] = {}
    for path, builds in _builds_by_dockerfile(discovery).items():
        build = builds[0].build
        try:
            # Advice quotes the text, so it reads that without hidden values.
            data = build.dockerfile_written or build.dockerfile_inline
            if data is None and path in edits:
                data = edits[path].after
            elif data is None:
                data = read_file(path)
            parsed = discovery.parsed_files.of(path, partial(bytes, data))
            if parsed.data != data:  # a fix changed it
                parsed = ParsedDockerfile(partial(bytes, data))
            recipe = read_recipe(path, parsed, tuple(builds), border, lacks_a_file)
            recipes.append(recipe)
            problems |= dict.fromkeys(unknown_commands(parsed.dockerfile.instructions))
        except DockerfileError as error:
            problems[_report_skipped(path, build, error)] = None
        except OSError as error:
            message = f"this Dockerfile was skipped: {error.strerror}"
            problems[Problem("unread", message, path)] = None
    # Cache ids need a name that no other build has.
    services = Counter(recipe.service for recipe in recipes)
    for index, recipe in enumerate(recipes):
        name = recipe.service
        if services[name] > 1:
            name = slug(relpath(recipe.path, discovery.root))
        recipes[index] = replace(recipe, name=name)
    return recipes, [*problems]


def _builds_by_dockerfile(discovery: Discovery) -> dict[str, list[FoundBuild]]:
    """Return the builds by the path of their Dockerfile, or by the place of an inline one."""
    by_path: dict[str, list[FoundBuild]] = {}
    for build in discovery.builds:
        path = build.build.dockerfile or join(build.build.context, "Dockerfile")
        if build.inline is not None:
            path = str(build.where)
        by_path.setdefault(path, []).append(build)
    return by_path


def _report_skipped(path: str, build: Build, error: DockerfileError) -> Problem:
    fails = not isinstance(error, UndecidedError)
    message = f"this Dockerfile was skipped: {error.message}"
    if build.dockerfile_written is not None:
        message = "this Dockerfile was skipped: hidden values decide what it does"
    elif fails:
        message = f"the build fails: {error.message}"
    return Problem("dockerfile", message, path, error.line, fails=fails)


def _apply_rules(recipes: Sequence[Recipe]) -> FrozenFindings:
    """Return the findings of all rules about builds that may succeed, each once, in order."""
    findings: dict[Finding, None] = {}
    recipes = [recipe for recipe in recipes if not recipe.must_fail]
    for rule in RULES.values():
        findings |= dict.fromkeys(rule(recipes))
    line = attrgetter("location.path", "location.line")
    rebuilt = {line(finding) for finding in findings if finding.code == "CTX210"}
    # The cargo-chef pattern of CTX210 includes the cache mounts that CTX223 would propose.
    return in_order(
        [
            finding
            for finding in findings
            if finding.code != "CTX223" or line(finding) not in rebuilt
        ]
    )
