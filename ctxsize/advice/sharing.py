"""Advice on cache mounts that several builds use: ids that collide, writers without a lock."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ctxsize.advice.caches import System, SystemContent, system_content, system_of
from ctxsize.advice.mounts import is_apt
from ctxsize.advice.recipe import Recipe
from ctxsize.dockerfile.sources import Mount
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Confidence, Finding, Severity

_APT = re.compile(r"^/var/(?:cache|lib)/apt(?:/|$)")
_ARCHITECTURE = re.compile(r"\$\{?((?:TARGET|BUILD)(?:ARCH|PLATFORM|VARIANT))\b\}?")
_MOST_SHOWN = 3
_OF_ONE_SERVICE = ("target", "node_modules", "vendor")
"""Caches whose content differs by service, although every image builds in `/app`."""


@dataclass(frozen=True, eq=False)
class Use:
    """A cache mount with the recipe, stage and step that use it."""

    recipe: Recipe
    stage: BuiltStage
    step: StageStep
    cache: Mount

    @property
    def system(self) -> System:
        return system_of(self.stage.base)

    @property
    def several_platforms(self) -> bool:
        """Return whether one build runs the step for several platforms at once."""
        return self.recipe.runs_at_once(self.stage)

    @property
    def identity(self) -> str:
        """Return the id as BuildKit reads it: an architecture variable without ARG is empty."""
        return _ARCHITECTURE.sub(
            lambda found: found[0] if self.step.environment.declares(found[1]) else "",
            self.cache.id,
        )

    def own_id(self, what: str) -> str:
        """Return an id of its service, system and architecture for the cache content `what`."""
        architecture = "$TARGETARCH" if self.several_platforms else ""
        return "-".join(filter(None, (self.recipe.name, self.system.slug, architecture, what)))

    def __str__(self) -> str:
        base = self.stage.base or "an unknown image"
        return f"{self.recipe.path}:{self.step.line}: {base}, {self.stage.label}"


def _by_id(recipes: Iterable[Recipe]) -> dict[str, list[Use]]:
    """Return every cache mount of a repository, by its id."""
    found: dict[str, list[Use]] = {}
    for recipe in recipes:
        for stage, step in recipe.runs:
            for use in (Use(recipe, stage, step, cache) for cache in step.caches):
                # An id with an unknown variable may equal any other.
                if "$" not in use.identity:
                    found.setdefault(use.identity, []).append(use)
    return found


def colliding_ids(recipes: Sequence[Recipe]) -> Iterator[Finding]:
    """Yield CTX220, once for each Dockerfile and id."""
    for identity, sharing in _by_id(recipes).items():
        content = next(filter(None, (system_content(use.cache.target) for use in sharing)), None)
        if content is None:
            continue
        unnamed = (use.recipe.contexts for use in sharing if not use.cache.named)
        services = {frozenset(map(os.path.realpath, each)) for each in unnamed}
        apart = len({use.system.key for use in sharing}) > 1
        apart = apart or (content.name in _OF_ONE_SERVICE and len(services) > 1)
        for recipe in dict.fromkeys(use.recipe for use in sharing):
            own = [use for use in sharing if use.recipe is recipe]
            if apart or any(use.several_platforms for use in own):
                yield _collision(identity, own, sharing, content)


def _collision(
    identity: str, own: list[Use], sharing: list[Use], content: SystemContent
) -> Finding:
    name, what, severity = content
    first = own[0]
    # Images with different libcs differ in system or release, so in their keys.
    releases = {use.system.key for use in sharing if use.system.name}
    sure = len(releases) > 1 or first.several_platforms
    between = f"with {len(sharing) - 1} other mount{'s' * (len(sharing) != 2)}"
    if first.several_platforms:
        between = f"by the builds for {', '.join(first.recipe.platforms)}"
    elif len({use.system.key for use in sharing}) == 1:
        what = "files that other services compiled at the same paths"
    others = [str(use) for use in sharing if use is not first]
    # Without its ARG in the stage, the variable of an id is empty.
    undeclared = any(
        use.several_platforms and not use.step.environment.declares("TARGETARCH") for use in own
    )
    options = ((use.step, use.cache.written, {"id": use.own_id(name)}) for use in own)
    made = [] if undeclared else first.recipe.with_mounts(options)
    certain = not any(use.cache.named for use in own)
    # `dispatchRunMounts` of BuildKit takes the cleaned target for a missing id.
    named = "" if first.cache.named else " (its target, as it has no id)"
    return first.recipe.finding(
        "CTX220",
        first.step.line,
        f"the cache `{identity}`{named} is shared {between}: it contains {what}",
        severity=severity if sure else Severity.WARNING,
        confidence=Confidence.CERTAIN if sure else Confidence.POSSIBLE,
        evidence=tuple(others) or (str(first),),
        help="give each mount an id of service, system and architecture, here "
        f"`id={first.own_id(name)}`{', with ARG TARGETARCH above' if undeclared else ''}",
        fix=first.recipe.fix("give the cache its own id", made, certain=certain),
    )


def shared_by_writers(recipes: Sequence[Recipe]) -> Iterator[Finding]:
    """Yield CTX221, once for each Dockerfile and id."""
    for identity, sharing in _by_id(recipes).items():
        groups: dict[Recipe, list[Use]] = {}
        for use in sharing:
            # A written `sharing=shared` is a decision.
            is_open = _APT.match(use.cache.target) and "sharing=" not in use.cache.written
            if is_open and any(map(is_apt, use.step.commands)) and _at_once(use, sharing):
                groups.setdefault(use.recipe, []).append(use)
        for recipe, own in groups.items():
            lines = ", ".join(str(use.step.line) for use in own[1:])
            more = [f"also mounted like this on line {lines}"] if lines else []
            made = recipe.with_mounts(
                (use.step, use.cache.written, {"sharing": "locked"}) for use in own
            )
            yield recipe.finding(
                "CTX221",
                own[0].step.line,
                f"several builds may use the cache `{identity}` at once: apt fails if another "
                "build holds its lock",
                confidence=Confidence.LIKELY,
                evidence=(*_at_once(own[0], sharing), *more),
                help="write `sharing=locked`, so that one build waits for the other",
                fix=recipe.fix("lock the cache", made, certain=True),
            )


def _at_once(use: Use, sharing: list[Use]) -> list[str]:
    """Return builds and mounts that may use the cache at the same time as `use`."""
    below, files = use.stage.ancestry, use.recipe.joint_files
    apart = (
        each
        for each in sharing
        if each.stage not in below and use.stage not in each.stage.ancestry
        if each.recipe is use.recipe or not files.isdisjoint(each.recipe.joint_files)
    )
    own = [f"one build for {', '.join(use.recipe.platforms)}"] if use.several_platforms else []
    return [*own, *map(str, islice(apart, _MOST_SHOWN))]
