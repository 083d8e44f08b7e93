"""Advice on cache mounts that several builds use: ids that collide, writers without a lock."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ctxsize.advice.caches import OF_SEVERAL, System, fetches, held_at, system_of
from ctxsize.advice.recipe import Recipe, declared_above
from ctxsize.advice.repository import Repository
from ctxsize.dockerfile.sources import Mount
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Confidence, Finding, Fix, Severity
from ctxsize.syntax import Command

_APT = re.compile(r"^/var/(?:cache|lib)/apt(?:/|$)")
_CARGO_HOME = re.compile(r"(?:^|/)(?:\.?cargo)/(?:registry|git)(?:/|$)")
_ARCHITECTURE = re.compile(r"\$\{?((?:TARGET|BUILD)(?:ARCH|PLATFORM|VARIANT))\b\}?")


@dataclass(frozen=True, eq=False)
class Use:
    """A cache mount where it stands."""

    recipe: Recipe
    stage: BuiltStage
    step: StageStep
    cache: Mount

    @property
    def system(self) -> System:
        """Return that of the stage's image."""
        return system_of(self.stage.base)

    @property
    def several_platforms(self) -> bool:
        """Return whether one build runs the step for several platforms at once."""
        return self.recipe.runs_at_once(self.stage)

    @property
    def identity(self) -> str:
        """Return the id that counts: a variable of BuildKit is empty where no ARG declares it."""
        return _ARCHITECTURE.sub(
            lambda found: found[0] if self.step.environment.declares(found[1]) else "",
            self.cache.id,
        )

    def __str__(self) -> str:
        base = self.stage.base or "an unknown image"
        return f"{self.recipe.path}:{self.step.line}: {base}, {self.stage.label}"


def _by_id(repository: Repository) -> dict[str, list[Use]]:
    """Return every cache mount of a repository, by its id."""
    found: dict[str, list[Use]] = {}
    for recipe in repository.recipes:
        for stage, step in recipe.runs:
            for use in (Use(recipe, stage, step, cache) for cache in step.caches):
                # An id with a variable that is not known may be any.
                if "$" not in use.identity:
                    found.setdefault(use.identity, []).append(use)
    return found


def colliding_ids(repository: Repository) -> Iterator[Finding]:
    """Yield CTX220, once for each Dockerfile and id."""
    for identity, sharing in _by_id(repository).items():
        stake = _stake(sharing)
        if stake is None:
            continue
        services = stake[0] in _OF_ONE_SERVICE and _services(sharing)
        apart = services or len({use.system.key for use in sharing}) > 1
        for recipe in dict.fromkeys(use.recipe for use in sharing):
            own = [use for use in sharing if use.recipe is recipe]
            if apart or any(use.several_platforms for use in own):
                yield _collision(identity, own, sharing, stake)


_OF_ONE_SERVICE = ("target", "node_modules", "vendor")
"""What tells packages apart by their paths, which are the same in every image's `/app`."""


def _services(sharing: Iterable[Use]) -> bool:
    """Return whether builds of different contexts use the cache, and none of them chose its id."""
    uses = [use for use in sharing if not use.cache.named]
    return len({frozenset(map(os.path.realpath, use.recipe.contexts)) for use in uses}) > 1


def _stake(sharing: Iterable[Use]) -> tuple[str, str, Severity] | None:
    """Return what the cache holds that only one system can use."""
    for target in (use.cache.target for use in sharing):
        if target.endswith(OF_SEVERAL):
            return _whole_cache(sharing)
        if held := held_at(target):
            return held
    return None


def _whole_cache(sharing: Iterable[Use]) -> tuple[str, str, Severity] | None:
    """Return what a directory for the caches of all tools holds, by the tools that run with it."""
    for use in sharing:
        names = {fetch.manager.name for fetch in fetches(use.step)}
        if names & {"pip", "uv", "poetry"}:
            return "cache", "wheels that were compiled for one libc", Severity.WARNING
        assigned = {k: v for command in use.step.commands for k, v in command.assignments}
        if "go" in names and use.step.environment.under(assigned).get("CGO_ENABLED") != "0":
            return "cache", "what cgo compiled for one libc", Severity.INFO
    return None


def _collision(
    identity: str, own: list[Use], sharing: list[Use], stake: tuple[str, str, Severity]
) -> Finding:
    name, what, severity = stake
    first = own[0]
    # Two releases of one system have different keys, so two libcs do.
    releases = {use.system.key for use in sharing if use.system.name}
    sure = len(releases) > 1 or first.several_platforms
    between = f"with {len(sharing) - 1} other mount{'s' * (len(sharing) != 2)}"
    if first.several_platforms:
        between = f"for {', '.join(first.recipe.platforms)}"
    elif len({use.system.key for use in sharing}) == 1:
        what = "what other services compiled at the same paths"
    others = [str(use) for use in sharing if use is not first]
    named = "" if first.cache.named else " (its target, as it has no id)"
    return first.recipe.finding(
        "CTX220",
        first.step.line,
        f"the cache `{identity}`{named} is shared {between}: it holds {what}",
        severity=severity if sure or severity is Severity.INFO else Severity.WARNING,
        confidence=Confidence.CERTAIN if sure else Confidence.POSSIBLE,
        evidence=tuple(others) or (str(first),),
        help="give each an id of service, system and architecture, here "
        f"`id={_own_id(first, name)}`",
        fix=_separated(own, name),
    )


def _own_id(use: Use, what: str) -> str:
    arch = "$TARGETARCH" if use.several_platforms else ""
    return "-".join(filter(None, (use.recipe.name, use.system.slug, arch, what)))


def _separated(own: list[Use], what: str) -> Fix | None:
    """Return each mount with an id of its own; certain unless somebody chose the common one."""
    recipe = own[0].recipe
    made = recipe.with_mounts(
        (use.step, use.cache.written, {"id": _own_id(use, what)}) for use in own
    )
    if not made:
        return None
    declaring: dict[BuiltStage, StageStep] = {}
    for use in own:
        # A stage has the arguments of the one that it is built on.
        is_given = any(stage in declaring for stage in use.stage.ancestry)
        declared = is_given or use.step.environment.declares("TARGETARCH")
        if use.several_platforms and not declared:
            declaring[use.stage] = use.step
    made += [declared_above(recipe.lines, step.line) for step in declaring.values()]
    certain = not any(use.cache.named for use in own)
    return recipe.fix("give the cache an id of its own", made, certain=certain)


def shared_by_writers(repository: Repository) -> Iterator[Finding]:
    """Yield CTX221, once for each Dockerfile and id."""
    for identity, sharing in _by_id(repository).items():
        groups: dict[tuple[Recipe, str, bool], list[Use]] = {}
        for use in sharing:
            chosen = "sharing=" in use.cache.written
            tool = _unlocked_tool(use, sharing) if use.cache.sharing == "shared" else ""
            if tool == "apt" or (tool and not chosen):
                groups.setdefault((use.recipe, tool, chosen), []).append(use)
        for (_, tool, chosen), own in groups.items():
            yield _unlocked(own, identity, sharing, tool, certain=tool == "apt" and not chosen)


def _unlocked_tool(use: Use, sharing: list[Use]) -> str:
    """Return the tool that needs a lock for a mount, `""` if none does."""
    if _APT.match(use.cache.target) and any(is_apt(each) for each in use.step.commands):
        return "apt"
    is_cargo = _CARGO_HOME.search(use.cache.target) and _at_once(use, sharing)
    return "cargo" if is_cargo else ""


def is_apt(command: Command) -> bool:
    """Return whether it is apt."""
    return command.program in ("apt", "apt-get")


def _at_once(use: Use, sharing: list[Use]) -> tuple[str, ...]:
    """Return why the mount may be in use twice at the same time; empty if nothing shows it."""
    if use.several_platforms:
        return (f"one build for {', '.join(use.recipe.platforms)}",)
    stages = {each.stage.label for each in sharing if each.recipe is use.recipe}
    if len(stages) > 1 and not _in_a_row(use, sharing):
        return (f"the stages {' and '.join(sorted(stages))} run at the same time",)
    groups = _groups(use.recipe)
    for each in sharing:
        common = groups & _groups(each.recipe)
        if each.recipe is not use.recipe and common:
            return (f"{sorted(common)[0]} builds {each.recipe.path} too, at the same time",)
    return ()


def _in_a_row(use: Use, sharing: list[Use]) -> bool:
    """Return whether each stage that uses the mount is built on the one before."""
    own = [each for each in sharing if each.recipe is use.recipe]
    longest = max((each.stage.history for each in own), key=len)
    return all(each.step in longest for each in own)


def _groups(recipe: Recipe) -> set[str]:
    """Return the files that ask for several builds at once, this one among them."""
    return {
        place.where.path
        for each in recipe.builds
        for place in each.places
        if place.how in ("compose", "bake")
    }


_FAILS = {
    "apt": "apt fails when another build holds its lock",
    "cargo": "cargo's lock lies outside the mount, so builds get in each other's way",
}


def _unlocked(
    own: list[Use], identity: str, sharing: list[Use], tool: str, *, certain: bool
) -> Finding:
    first = own[0]
    reasons = _at_once(first, sharing)
    more = ", ".join(str(use.step.line) for use in own[1:])
    made = first.recipe.with_mounts(
        (use.step, use.cache.written, {"sharing": "locked"}) for use in own
    )
    return first.recipe.finding(
        "CTX221",
        first.step.line,
        f"the cache `{identity}` is open to several builds at once: {_FAILS[tool]}",
        severity=None if reasons else Severity.INFO,
        confidence=Confidence.LIKELY if reasons else Confidence.POSSIBLE,
        evidence=(*reasons, *([f"it is mounted so on line {more}, too"] if more else [])),
        help="`sharing=locked` makes them wait for each other"
        + ("; ids by architecture let them run" if tool == "cargo" else ""),
        fix=first.recipe.fix("let one build after the other use it", made, certain=certain),
    )
