"""Advice on cache mounts that several builds use: ids that collide, writers without a lock."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ctxsize.advice.caches import System, SystemContent, system_content, system_of
from ctxsize.advice.mounts import is_apt
from ctxsize.advice.recipe import Change, Recipe
from ctxsize.dockerfile.sources import Mount
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Confidence, Finding, Fix, Severity

_APT = re.compile(r"^/var/(?:cache|lib)/apt(?:/|$)")
_CARGO_HOME = re.compile(r"(?:^|/)(?:\.?cargo)/(?:registry|git)(?:/|$)")
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
    named = "" if first.cache.named else " (its target, as it has no id)"
    return first.recipe.finding(
        "CTX220",
        first.step.line,
        f"the cache `{identity}`{named} is shared {between}: it contains {what}",
        severity=severity if sure else Severity.WARNING,
        confidence=Confidence.CERTAIN if sure else Confidence.POSSIBLE,
        evidence=tuple(others) or (str(first),),
        help="give each mount an id of service, system and architecture, here "
        f"`id={first.own_id(name)}`",
        fix=_separated(own, name),
    )


def _separated(own: list[Use], what: str) -> Fix | None:
    """Return the fix that gives each mount its own id; certain unless the id was written out."""
    recipe = own[0].recipe
    made = recipe.with_mounts(
        (use.step, use.cache.written, {"id": use.own_id(what)}) for use in own
    )
    if not made:
        return None
    declaring: dict[BuiltStage, StageStep] = {}
    for use in own:
        # A stage inherits the ARGs of its base stage.
        is_given = any(stage in declaring for stage in use.stage.ancestry)
        declared = is_given or use.step.environment.declares("TARGETARCH")
        if use.several_platforms and not declared:
            declaring[use.stage] = use.step
    for line in (step.line for step in declaring.values()):
        # Comments above an instruction stay with it.
        while recipe.lines[line - 2].lstrip().startswith("#"):
            line -= 1
        made.append(Change(line, line - 1, "ARG TARGETARCH"))
    certain = not any(use.cache.named for use in own)
    return recipe.fix("give the cache its own id", made, certain=certain)


_FAILS = {
    "apt": "apt fails if another build holds its lock",
    "cargo": "cargo's lock is outside the mount, so two builds may unpack the same crate",
}


def shared_by_writers(recipes: Sequence[Recipe]) -> Iterator[Finding]:
    """Yield CTX221, once for each Dockerfile and id."""
    for identity, sharing in _by_id(recipes).items():
        groups: dict[tuple[Recipe, str, bool], list[Use]] = {}
        for use in sharing:
            chosen = "sharing=" in use.cache.written
            of_apt = _APT.match(use.cache.target) and any(map(is_apt, use.step.commands))
            of_cargo = _CARGO_HOME.search(use.cache.target) and _at_once(use, sharing)
            tool = "apt" if of_apt else "cargo" if of_cargo and not chosen else ""
            if tool and use.cache.sharing == "shared":
                groups.setdefault((use.recipe, tool, chosen), []).append(use)
        for (recipe, tool, chosen), own in groups.items():
            reasons = _at_once(own[0], sharing)
            lines = ", ".join(str(use.step.line) for use in own[1:])
            more = f"also mounted like this on line {lines}" if lines else ""
            made = recipe.with_mounts(
                (use.step, use.cache.written, {"sharing": "locked"}) for use in own
            )
            certain = tool == "apt" and not chosen
            yield recipe.finding(
                "CTX221",
                own[0].step.line,
                f"several builds may use the cache `{identity}` at once: {_FAILS[tool]}",
                severity=None if reasons else Severity.INFO,
                confidence=Confidence.LIKELY if reasons else Confidence.POSSIBLE,
                evidence=(*reasons, *filter(None, [more])),
                help="write `sharing=locked`, so that one build waits for the other"
                + (", or an id for each architecture" if tool == "cargo" else ""),
                fix=recipe.fix("lock the cache", made, certain=certain),
            )


def _at_once(use: Use, sharing: list[Use]) -> list[str]:
    """Return builds and mounts that may use the cache at the same time as `use`."""
    below = use.stage.ancestry
    apart = (e for e in sharing if e.stage not in below and use.stage not in e.stage.ancestry)
    own = [f"one build for {', '.join(use.recipe.platforms)}"] if use.several_platforms else []
    return [*own, *map(str, islice(apart, _MOST_SHOWN))]
