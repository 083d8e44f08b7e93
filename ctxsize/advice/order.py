"""Advice on order: sources that are copied before the dependencies are installed."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from ctxsize.advice.caches import snippet
from ctxsize.advice.contents import Contents
from ctxsize.advice.early import in_front
from ctxsize.advice.fetches import Fetch, fetches
from ctxsize.advice.manifests import Early, early_install
from ctxsize.advice.recipe import Recipe
from ctxsize.advice.repository import Repository, finding, present
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Finding, Severity


def copied_too_early(repository: Repository) -> Iterator[Finding]:
    """CTX202, at the instruction that copies too much; cargo is the business of CTX210."""
    for recipe in repository.recipes:
        lines: set[int | None] = set()
        for stage in recipe.stages:
            found = _too_early(repository, recipe, stage)
            if found is not None and found.location.line not in lines:
                lines.add(found.location.line)
                yield found


def _too_early(repository: Repository, recipe: Recipe, stage: BuiltStage) -> Finding | None:
    """Return the first install of a stage that comes after everything was copied."""
    everything: StageStep | None = None
    before: set[str] = set()
    for step in stage.history:
        if step.takes_all:
            if step.is_inherited:
                return None  # it comes in front of all that the stage could copy early
            everything = everything or step
            continue
        for fetch in fetches(step):
            name = fetch.manager.name
            if everything is None:
                before |= {name} if fetch.manager.reads_manifest(fetch.command) else set()
            elif (
                name not in before and not step.is_inherited and _depends_on_manifest(recipe, fetch)
            ):
                own = everything in stage.own or step in stage.own
                found = _copied_too_early(repository, recipe, stage, everything, fetch)
                if own and found is not None:
                    return found
    return None


def _depends_on_manifest(recipe: Recipe, fetch: Fetch) -> bool:
    """Return whether it is one to tell: cargo has a code of its own, and Go's cache is as good."""
    manager = fetch.manager
    if manager.name == "cargo" or not manager.reads_manifest(fetch.command):
        return False
    if manager.name in _COMPILES:
        return not (fetch.cached or (manager.name == "go" and _is_vendored(recipe, fetch)))
    return fetch.command.operands[:1] != ("pack",)


def _is_vendored(recipe: Recipe, fetch: Fetch) -> bool:
    vendored = fetch.command.value("-mod") == "vendor"
    return vendored or present(recipe, "vendor/modules.txt")


_COMPILES = ("go", "dotnet", "maven", "gradle")
"""Tools that have to run after each change; a cache of downloads is all that they can keep."""


def _copied_too_early(
    repository: Repository, recipe: Recipe, stage: BuiltStage, everything: StageStep, fetch: Fetch
) -> Finding | None:
    """The finding, if there is a manifest where the command runs, and something to do about it."""
    inside = _inside(everything, fetch)
    if inside is None:
        return None
    command = " ".join(fetch.command.words[:4])
    contents = Contents(repository, recipe, inside)
    plan = early_install(contents, fetch)
    early = "" if plan is None else in_front(recipe, everything, fetch, plan, inside)
    kept = "" if early or fetch.cached else snippet(repository, recipe, stage, fetch)
    files = _named(contents, fetch, plan)
    if not (early or kept) or not files:
        return None
    cached = ", from its cache mount" if fetch.cached else ""
    return finding(
        "CTX202",
        recipe,
        everything.line,
        f"every change in the context runs `{command}` (line {fetch.step.line}) again{cached}",
        severity=Severity.INFO if fetch.cached else None,
        evidence=(
            f"line {fetch.step.line}: {command}",
            *(f"{name} is there" for name in files[:3]),
        ),
        help=early
        or f"more than {listed(files)} may be needed in front of it, so keep what it downloads: "
        + kept,
    )


def _named(contents: Contents, fetch: Fetch, plan: Early | None) -> tuple[str, ...]:
    """The files that tell of the dependencies; none where the project is all that is installed."""
    if plan is not None:
        return plan.files
    if fetch.manager.name == "pip" or fetch.command.operands[:1] == ("pip",):
        return ()
    names = (*fetch.manager.manifests, *fetch.manager.locks)
    endings = [f"*{name}" for name in names if name.startswith(".")]
    return (*contents.those(*names), *(contents.matching(*endings) if endings else ()))


_ELSEWHERE = {
    "npm": ("--prefix", "-C"),
    "yarn": ("--cwd",),
    "pnpm": ("--dir", "-C"),
    "uv": ("--directory", "--project"),
    "poetry": ("--directory", "-C"),
    "composer": ("--working-dir", "-d"),
}
"""Options that say in which directory a manager works."""


def _inside(everything: StageStep, fetch: Fetch) -> str | None:
    """The directory of the context in which the command finds itself; None if it is in none."""
    given = fetch.command.value(*_ELSEWHERE.get(fetch.manager.name, ("",))) or ""
    return everything.inside(posixpath.join(fetch.workdir, given))


def listed(names: tuple[str, ...]) -> str:
    """`names` as a person lists them."""
    shown = [*names]
    if len(shown) > 4:
        shown = [*shown[:3], f"{len(shown) - 3} more"]
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
