"""Cache mounts that fail their purpose, and those that several builds share.

CTX222: the tool does not use the mount, or the RUN empties it. CTX212: another stage copies a path
that exists in a cache mount only. CTX220: ids that collide. CTX221: writers without a lock.
"""

from __future__ import annotations

import os
import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from ctxsize.advice import caches
from ctxsize.advice.recipe import Change, Recipe, with_option, without_option
from ctxsize.dockerfile.shell import is_known
from ctxsize.dockerfile.sources import Mount
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.hidden import shown
from ctxsize.knowledge.tools import run_by, works

_LISTS = "/var/lib/apt"
_ARCHIVES = "/var/cache/apt"
_APT = ("apt", "apt-get")
_UNLOCKED = re.compile(r"^/var/(?:cache|lib)/apt(?:/|$)")
_KEEPS_DOWNLOADS = re.compile("docker-clean|Keep-Downloaded-Packages")
_ARCHITECTURE = re.compile(r"\$\{?((?:TARGET|BUILD)(?:ARCH|PLATFORM|VARIANT))\b\}?")
_MOST_SHOWN = 3
_OF_ONE_SERVICE = ("target", "node_modules", "vendor")
"""Caches whose content differs by service, although every image builds in `/app`."""


def unused_caches(recipe: Recipe) -> Iterator[Finding]:
    """Yield CTX222: a mount elsewhere, an option against the cache, or a cache that is emptied."""
    for stage, step in recipe.runs:
        found = (_elsewhere(recipe, stage, e) or _refused(recipe, e) for e in caches.fetches(step))
        yield from filter(None, found)
        yield from _emptied(recipe, step)
        yield from _emptied_by_image(recipe, stage, step)


def _elsewhere(recipe: Recipe, stage: BuiltStage, fetch: caches.Fetch) -> Finding | None:
    manager = fetch.manager
    step = fetch.step
    if not fetch.mounted or not fetch.caches or fetch.cached:
        return None
    configured = (one for each in stage.history for one in each.commands)
    if any(manager.is_called(one.program) and caches.configured_cache(one) for one in configured):
        return None
    known = caches.cache_directories(recipe, fetch)
    target = fetch.mounted[0]
    alike = (each for each in known if posixpath.basename(each) == posixpath.basename(target))
    place = next(alike, known[0])
    written = next(each.written for each in step.caches if each.target == target)
    if "uid=" in written:
        owner = {}
    else:
        owner = caches.owner_options(step)
    usual = f"the default of {manager.name} for {step.state.user or 'root'}"
    why = fetch.caches.get(place) or usual
    message = f"{manager.name} does not use the cache mounted at {target}: its cache is {place}"
    way = f"mount it at {place}: `--mount={with_option(written, target=place, **owner)}`"
    likely = Confidence.LIKELY
    return recipe.finding("CTX222", step.line, message, None, likely, evidence=(why,), help=way)


def _refused(recipe: Recipe, fetch: caches.Fetch) -> Finding | None:
    manager = fetch.manager
    variable, values, off = manager.switch.split("|")
    value = fetch.environment.get(variable, "")
    option = next(filter(fetch.command.has, manager.uncached), None)
    if not fetch.cached or (option is None and value.lower() not in values.split()):
        return None
    what = option or f"{variable}={value}"
    message = f"`{what}` makes {manager.name} use no cache, so the mount stays empty"
    if option is None:
        way = f"remove {variable}, or write `{variable}={off} {fetch.command.program} …` here"
        return recipe.finding("CTX222", fetch.step.line, message, help=way)
    place = fetch.step.instruction
    way = f"remove `{option}`"
    whole = recipe.text_of(place), recipe.dockerfile.escape
    text = without_option(*whole, option, lambda each: manager.is_called(run_by(each).program))
    if text:
        changes = [Change(place.line, place.end_line, text)]
    else:
        changes = None
    fix = recipe.fix(way, changes, sure=True)
    return recipe.finding("CTX222", fetch.step.line, message, help=way, fix=fix)


def _emptied(recipe: Recipe, step: StageStep) -> Iterator[Finding]:
    """Yield a finding for each command of a RUN that leaves its cache empty."""
    cached = {fetch.manager.name for fetch in caches.fetches(step) if fetch.cached}
    of_apt = [each.target for each in step.caches if each.target.startswith((_LISTS, _ARCHIVES))]
    for command in step.commands:
        emptied = {each.tool.name for each in works(command) if each.does("empty")}
        which = [f"for {name}" for name in sorted(emptied & cached)]
        text = " ".join(command.words)
        if command.program in _APT and command.operands[:1] in (("clean",), ("autoclean",)):
            which += [f"at {each}" for each in of_apt if each.startswith(_ARCHIVES)]
        elif command.program == "rm":
            which += [f"at {each}" for each in of_apt if each in text][:1]
        for each in which:
            message = f"`{text}` empties the cache mount {each}"
            way = f"do not let `{text}` delete it: the image does not include the mount anyway"
            yield recipe.finding("CTX222", step.line, message, help=way)


def _emptied_by_image(recipe: Recipe, stage: BuiltStage, step: StageStep) -> Iterator[Finding]:
    """Yield a finding if the docker-clean of a Debian image empties the cache of apt."""
    archives = [each.target for each in step.caches if each.target.startswith(_ARCHIVES)]
    installs = any(each.program in _APT and "install" in each.operands for each in step.commands)
    if not (archives and installs and caches.system_of(stage.base).name in ("debian", "ubuntu")):
        return
    for each in stage.history[: stage.history.index(step) + 1]:
        texts = (each.instruction.text, *(one.content for one in each.instruction.heredocs))
        if any(map(_KEEPS_DOWNLOADS.search, texts)):
            return
    message = (
        f"{shown(stage.base)} deletes downloads of apt, so the cache at {archives[0]} stays empty"
    )
    way = "begin the RUN with `rm -f /etc/apt/apt.conf.d/docker-clean`, before apt-get update"
    yield recipe.finding("CTX222", step.line, message, None, Confidence.LIKELY, help=way)


def swallowed(recipe: Recipe) -> Iterator[Finding]:
    """Yield CTX212, at a COPY of a path that exists only in a cache mount of the other stage."""
    copies = [(stage, step) for stage in recipe.stages for step in stage.own if step.taken]
    for stage, step in copies:
        if (source := stage.origin(step.origin)) is None:
            continue
        mounts = [(made, each) for made in source.history for each in made.caches]
        for path in step.taken:
            mounted = [(made, cache) for made, cache in mounts if cache.holds(path)]
            if not mounted or "$" in path or _may_be_written(source, mounted[-1][1].target):
                continue
            made, cache = mounted[-1]
            name = posixpath.basename(path)
            if set(path) & set("*?["):
                written = path
            else:
                written = shlex.quote(path)
            where = f"the cache mount at {cache.target}, not in the stage {source.label}"
            way = (
                f"copy it out in the RUN of line {made.line}, for instance with `&& mkdir -p /out "
                f"&& cp -a {written} /out/`, and take it from there: "
                f"`{step.instruction.keyword} --from={step.origin} /out/{name} …`"
            )
            what = step.line, f"{path} exists only in {where}"
            why = (f"line {made.line}: RUN --mount={cache.written}",)
            yield recipe.finding("CTX212", *what, evidence=why, help=way)


def _may_be_written(stage: BuiltStage, target: str) -> bool:
    """Return whether a step without the mount at `target` may write there."""
    for step in stage.history:
        found = (step.is_copy and target in step.destination) or not is_known(step.instruction)
        for each in step.commands:
            # cargo-chef compiles the dependencies, not the project itself.
            found |= each.program == "cargo" and "chef" not in each.words[:3]
            found |= any(target in word for word in each.words)
        if found and all(cache.target != target for cache in step.caches):
            return True
    return False


@dataclass(frozen=True, eq=False)
class Use:
    """A cache mount with the recipe, stage and step that use it."""

    recipe: Recipe
    stage: BuiltStage
    step: StageStep
    cache: Mount

    @property
    def system(self) -> caches.System:
        return caches.system_of(self.stage.base)

    @property
    def platforms(self) -> list[str]:
        """Return its platforms as one text, if one build runs its step for several at once."""
        at_once = self.recipe.runs_at_once(self.stage)
        return [f"a build for {', '.join(self.recipe.platforms)}"] * at_once

    @property
    def identity(self) -> str:
        """Return the id as BuildKit reads it: an architecture variable without ARG is empty."""
        return _ARCHITECTURE.sub(
            lambda found: found[0] if self.step.environment.declares(found[1]) else "",
            self.cache.id,
        )

    def own_id(self, what: str) -> str:
        """Return an id of its service, system and architecture for the cache content `what`."""
        architecture = "$TARGETARCH" * bool(self.platforms)
        return "-".join(filter(None, (self.recipe.name, self.system.slug, architecture, what)))

    def __str__(self) -> str:
        base = shown(self.stage.base) or "an unknown image"
        return f"{self.recipe.path}:{self.step.line}: {base}, {self.stage.label}"


def _by_id(recipes: Iterable[Recipe]) -> Iterator[tuple[str, list[Use], list[list[Use]]]]:
    """Yield each id of a cache mount with all its uses, and with those of each Dockerfile."""
    found: dict[str, dict[Recipe, list[Use]]] = {}
    for recipe in recipes:
        for stage, step in recipe.runs:
            for use in (Use(recipe, stage, step, cache) for cache in step.caches):
                # An id with an unknown variable may equal any other.
                if "$" not in use.identity:
                    found.setdefault(use.identity, {}).setdefault(recipe, []).append(use)
    for identity, by_recipe in found.items():
        groups = [*by_recipe.values()]
        yield identity, [use for own in groups for use in own], groups


def colliding_ids(recipes: Sequence[Recipe]) -> Iterator[Finding]:
    """Yield CTX220, once for each Dockerfile and id."""
    for identity, sharing, groups in _by_id(recipes):
        contents = (caches.system_content(use.cache.target) for use in sharing)
        if (content := next(filter(None, contents), None)) is None:
            continue
        name, what, severity = content
        unnamed = (use.recipe.contexts for use in sharing if not use.cache.named)
        services = {frozenset(map(os.path.realpath, each)) for each in unnamed}
        of_services = name in _OF_ONE_SERVICE and len(services) > 1
        keys = {use.system.key for use in sharing}
        if of_services and len(keys) == 1:
            what = "files that other services compiled at the same paths"
        # Images with different libcs differ in system or release, so in their keys.
        differ = len({use.system.key for use in sharing if use.system.name}) > 1
        for own in groups:
            several = any(use.platforms for use in own)
            if len(keys) > 1 or of_services or several:
                if differ or several:
                    weight = severity
                else:
                    weight = None
                yield _collision(identity, own, sharing, name, what, weight)


def _collision(
    identity: str, own: list[Use], sharing: list[Use], name: str, what: str, weight: Severity | None
) -> Finding:
    first = own[0]
    recipe = own[0].recipe
    # Without its ARG in the stage, the variable of an id is empty.
    several = (use.step.environment for use in own if use.platforms)
    undeclared = not all(each.declares("TARGETARCH") for each in several)
    mounts = ((use.step, use.cache.written, {"id": use.own_id(name)}) for use in own)
    made = recipe.with_mounts(mounts)
    is_free = not any(use.cache.named for use in own)
    if undeclared:
        fix = None
    else:
        fix = recipe.fix("give the cache its own id", made, sure=is_free)
    others = (str(use) for use in sharing if use is not first)
    why = (*first.platforms, *islice(others, _MOST_SHOWN))
    message = f"different builds share the cache `{identity}`, which contains {what}"
    way = "give each mount its own id (service, system and architecture), here "
    way += f"`id={first.own_id(name)}`{', with ARG TARGETARCH above' if undeclared else ''}"
    at = first.step.line, message, weight or Severity.WARNING
    if weight:
        sure = Confidence.CERTAIN
    else:
        sure = Confidence.POSSIBLE
    return recipe.finding("CTX220", *at, sure, evidence=why, help=way, fix=fix)


def shared_by_writers(recipes: Sequence[Recipe]) -> Iterator[Finding]:
    """Yield CTX221, once for each Dockerfile and id."""
    for identity, sharing, groups in _by_id(recipes):
        at_once = partial(_at_once, sharing)
        for all_uses in groups:
            of_apt = (use for use in all_uses if _UNLOCKED.match(use.cache.target))
            written = (use for use in of_apt if {e.program for e in use.step.commands} & {*_APT})
            # A written `sharing=shared` is a decision.
            free = (use for use in written if "sharing=" not in use.cache.written)
            if not (own := [use for use in free if at_once(use)]):
                continue
            recipe = own[0].recipe
            locked = {"sharing": "locked"}
            lines = ", ".join(str(use.step.line) for use in own)
            order = "write `sharing=locked`"
            made = recipe.with_mounts((use.step, use.cache.written, locked) for use in own)
            fix = recipe.fix(order, made, sure=True)
            way = "so that one build waits for the other"
            message = f"several builds may use the cache `{identity}` at once (line {lines})"
            what = own[0].step.line, f"{message}: apt fails", None, Confidence.LIKELY
            why = at_once(own[0])
            way = f"{order}, {way}"
            yield recipe.finding("CTX221", *what, evidence=why, help=way, fix=fix)


def _at_once(sharing: list[Use], use: Use) -> list[str]:
    """Return builds and mounts that may use the cache at the same time as `use`."""
    below = use.stage.ancestry
    files = use.recipe.joint_files
    apart = (
        each
        for each in sharing
        if each.stage not in below and use.stage not in each.stage.ancestry
        if each.recipe is use.recipe or not files.isdisjoint(each.recipe.joint_files)
    )
    return [*use.platforms, *map(str, islice(apart, _MOST_SHOWN))]
