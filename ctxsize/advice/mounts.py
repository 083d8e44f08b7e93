"""Cache mounts that fail their purpose, and those that several builds share.

CTX222: the tool does not use the mount, or the RUN empties it. CTX212: another stage copies a path
that exists in a cache mount only. CTX220: ids that collide. CTX221: writers without a lock.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from operator import attrgetter
from os.path import realpath
from posixpath import basename

from ctxsize.advice.caches import (
    Fetch,
    System,
    SystemContent,
    cache_directories,
    configured_cache,
    fetches,
    owner_options,
    system_content,
    system_of,
)
from ctxsize.advice.recipe import (
    Change,
    NewWords,
    Recipe,
    Rewriting,
    RuleFindings,
    with_option,
    without_option,
)
from ctxsize.dockerfile.shell import is_known
from ctxsize.dockerfile.sources import Mount, contains
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Confidence, Finding, Fix, Severity
from ctxsize.hidden import shown
from ctxsize.knowledge.tools import run_by, works
from ctxsize.values import Value

_LISTS = "/var/lib/apt"
_ARCHIVES = "/var/cache/apt"
_APT = ("apt", "apt-get")
_UNLOCKED = re.compile(r"^/var/(?:cache|lib)/apt(?:/|$)")
_KEEPS_DOWNLOADS = re.compile("docker-clean|Keep-Downloaded-Packages")
_ARCHITECTURE = re.compile(r"\$\{?((?:TARGET|BUILD)(?:ARCH|PLATFORM|VARIANT))\b\}?")
_PYTHON = re.compile(r"py(?:thon)?:?([0-9]\.[0-9]+)")
_MOST_SHOWN = 3
_OF_ONE_SERVICE = ("target", "node_modules", "vendor")
"""Caches whose content differs by service, although every image builds in `/app`."""
_WILDCARDS = frozenset("*?[")


def unused_caches(recipe: Recipe) -> RuleFindings:
    """Yield CTX222: a mount elsewhere, an option against the cache, or a cache that is emptied."""
    for stage, step in recipe.runs:
        for fetch in fetches(step):
            if fetch.cached:
                yield from _check_refusal(recipe, fetch)
            elif fetch.mounted and fetch.caches:
                yield from _check_place(recipe, stage, fetch)
        yield from _check_commands(recipe, step)
        yield from _check_image(recipe, stage, step)


def _check_place(recipe: Recipe, stage: BuiltStage, fetch: Fetch) -> RuleFindings:
    """Yield the finding if the mount that is meant for a tool is not where its cache is."""
    manager = fetch.manager
    step = fetch.step
    for earlier in stage.history:
        for command in earlier.commands:
            if manager.is_called(command.program) and configured_cache(command):
                return
    mount = fetch.mounted[0]
    name = basename(mount.target)
    directories = cache_directories(recipe, fetch)
    alike = (path for path in directories if basename(path) == name)
    place = next(alike, directories[0])
    owner = {}
    if "uid=" not in mount.written:
        owner = owner_options(step)
    why = fetch.caches.get(place)
    if not why:
        why = f"the default of {manager.name} for {step.state.user or 'root'}"
    yield recipe.finding(
        "CTX222",
        step,
        f"{manager.name} does not use the cache mounted at {mount.target}: its cache is {place}",
        confidence=Confidence.LIKELY,
        evidence=(why,),
        help=f"mount it at {place}: `--mount={with_option(mount.written, target=place, **owner)}`",
    )


def _check_refusal(recipe: Recipe, fetch: Fetch) -> RuleFindings:
    """Yield the finding if an option or a variable makes a tool use no cache."""
    manager = fetch.manager
    fix = None
    refusal = fetch.refusing_option
    if refusal:
        order = f"remove `{refusal}`"
        fix = _without_option(recipe, fetch, refusal, order)
    else:
        refusal = fetch.refusing_setting
        if not refusal:
            return
        variable, _, off = manager.switch.split("|")
        order = f"remove {variable}, or write `{variable}={off} {fetch.command.program} …` here"
    yield recipe.finding(
        "CTX222",
        fetch.step,
        f"`{refusal}` makes {manager.name} use no cache, so the mount stays empty",
        help=order,
        fix=fix,
    )


def _without_option(recipe: Recipe, fetch: Fetch, option: str, order: str) -> Fix | None:
    run = fetch.step.instruction
    text = without_option(
        recipe.text_of(run),
        recipe.dockerfile.escape,
        option,
        lambda command: fetch.manager.is_called(run_by(command).program),
    )
    if text is None:
        return None
    return recipe.fix(order, [Change(run.line, run.end_line, text)], sure=True)


def _check_commands(recipe: Recipe, step: StageStep) -> RuleFindings:
    """Yield a finding for each command of a RUN that leaves its cache empty."""
    cached = set()
    for fetch in fetches(step):
        if fetch.cached:
            cached.add(fetch.manager.name)
    of_apt = [cache.target for cache in step.caches if cache.target.startswith((_LISTS, _ARCHIVES))]
    for command in step.commands:
        emptied = set()
        for work in works(command):
            if work.does("empty"):
                emptied.add(work.tool.name)
        which = [f"for {name}" for name in sorted(emptied & cached)]
        text = " ".join(command.words)
        if command.program in _APT and command.operands[:1] in (("clean",), ("autoclean",)):
            which += [f"at {target}" for target in of_apt if target.startswith(_ARCHIVES)]
        elif command.program == "rm":
            which += [f"at {target}" for target in of_apt if target in text][:1]
        for cache in which:
            yield recipe.finding(
                "CTX222",
                step,
                f"`{text}` empties the cache mount {cache}",
                help=f"do not let `{text}` delete it: the image does not include the mount anyway",
            )


def _check_image(recipe: Recipe, stage: BuiltStage, step: StageStep) -> RuleFindings:
    """Yield a finding if the docker-clean of a Debian image empties the cache of apt."""
    archives = [cache.target for cache in step.caches if cache.target.startswith(_ARCHIVES)]
    if not archives:
        return
    if system_of(stage.base).name not in ("debian", "ubuntu"):
        return
    if not any(run.program in _APT and "install" in run.operands for run in step.commands):
        return
    for earlier in stage.history[: stage.history.index(step) + 1]:
        instruction = earlier.instruction
        texts = (instruction.text, *(document.content for document in instruction.heredocs))
        if any(map(_KEEPS_DOWNLOADS.search, texts)):
            return
    base = shown(stage.base)
    yield recipe.finding(
        "CTX222",
        step,
        f"{base} deletes downloads of apt, so the cache at {archives[0]} stays empty",
        confidence=Confidence.LIKELY,
        help="begin the RUN with `rm -f /etc/apt/apt.conf.d/docker-clean`, before apt-get update",
    )


def swallowed(recipe: Recipe) -> RuleFindings:
    """Yield CTX212, at a COPY of a path that exists only in a cache mount of the other stage."""
    for stage in recipe.stages:
        for step in stage.own:
            source = stage.origin(step.origin)
            if not source:
                continue
            mounts = [(run, cache) for run in source.history for cache in run.caches]
            for path in step.taken:
                holders = [(run, cache) for run, cache in mounts if contains(cache.target, path)]
                if not holders:
                    continue
                if "$" in path:
                    continue
                run, cache = holders[-1]
                if not _may_be_written(source, cache.target):
                    yield _report_swallowed(recipe, step, source, path, run, cache)


def _report_swallowed(
    recipe: Recipe, step: StageStep, source: BuiltStage, path: str, run: StageStep, cache: Mount
) -> Finding:
    name = basename(path)
    written = path
    if _WILDCARDS.isdisjoint(path):
        written = shlex.quote(path)
    return recipe.finding(
        "CTX212",
        step,
        f"{path} exists only in the cache mount at {cache.target}, not in the stage {source.label}",
        evidence=(f"line {run.line}: RUN --mount={cache.written}",),
        help=f"copy it out in the RUN of line {run.line}, for instance with `&& mkdir -p /out "
        f"&& cp -a {written} /out/`, and take it from there: "
        f"`{step.keyword} --from={step.origin} /out/{name} …`",
    )


def _may_be_written(stage: BuiltStage, target: str) -> bool:
    """Return whether a step without the mount at `target` may write there."""
    for step in stage.history:
        if any(cache.target == target for cache in step.caches):
            continue
        if not is_known(step.instruction):
            return True
        if step.is_copy and target in step.destination:
            return True
        for command in step.commands:
            # cargo-chef compiles the dependencies, not the project itself.
            if command.program == "cargo" and "chef" not in command.words[:3]:
                return True
            if any(target in word for word in command.words):
                return True
    return False


class Use(Value, eq=False):
    """A cache mount with the recipe, stage and step that use it."""

    recipe: Recipe
    stage: BuiltStage
    step: StageStep
    cache: Mount

    @property
    def system(self) -> System:
        return system_of(self.stage.base)

    @property
    def platforms(self) -> list[str]:
        """Return its platforms as one text, if one build runs its step for several at once."""
        if self.recipe.runs_at_once(self.stage):
            return [f"a build for {', '.join(self.recipe.platforms)}"]
        return []

    @property
    def python(self) -> str:
        """Return for which version of Python a cache holds wheels; `""` for another or unknown."""
        content = system_content(self.cache.target)
        if content is None:
            return ""
        if content.name != "pip":
            return ""
        version = _PYTHON.search(self.stage.base)
        if version is None:
            return ""
        return version[1]

    @property
    def identity(self) -> str:
        """Return the id as BuildKit reads it: an architecture variable without ARG is empty."""
        return _ARCHITECTURE.sub(self._architecture, self.cache.id)

    def _architecture(self, variable: re.Match[str]) -> str:
        if self.step.environment.declares(variable[1]):
            return variable[0]
        return ""

    def own_id(self, content: str) -> str:
        """Return an id of its service, system and architecture for a cache with this content."""
        parts = [self.recipe.name, self.system.slug]
        if self.platforms:
            parts.append("$TARGETARCH")
        parts.append(content)
        return "-".join(filter(None, parts))

    def __str__(self) -> str:
        base = shown(self.stage.base) or "an unknown image"
        return f"{self.recipe.path}:{self.step.line}: {base}, {self.stage.label}"


def _shared_caches(recipes: Iterable[Recipe]) -> Iterable[list[Use]]:
    """Return the uses of each id of cache mounts; no version of Python finds another's wheels."""
    by_id: dict[tuple[str, str], list[Use]] = {}
    for recipe in recipes:
        for stage, step in recipe.runs:
            for cache in step.caches:
                use = Use(recipe, stage, step, cache)
                identity = use.identity
                # An id with an unknown variable may equal any other.
                if "$" not in identity:
                    by_id.setdefault((identity, use.python), []).append(use)
    return by_id.values()


def _by_recipe(shared: Iterable[Use]) -> Iterator[list[Use]]:
    """Yield the uses of each Dockerfile."""
    for _, uses in groupby(shared, attrgetter("recipe")):
        yield [*uses]


def colliding_ids(recipes: Sequence[Recipe]) -> RuleFindings:
    """Yield CTX220, once for each Dockerfile and id."""
    for shared in _shared_caches(recipes):
        contents = (system_content(use.cache.target) for use in shared)
        content = next(filter(None, contents), None)
        if content is None:
            continue
        services = set()
        for use in shared:
            if not use.cache.named:
                services.add(frozenset(map(realpath, use.recipe.contexts)))
        of_services = content.name in _OF_ONE_SERVICE and len(services) > 1
        keys = {use.system.key for use in shared}
        if of_services and len(keys) == 1:
            content = content._replace(
                description="files that other services compiled at the same paths"
            )
        # Images with different libcs differ in system or release, so in their keys.
        differ = len({use.system.key for use in shared if use.system.name}) > 1
        for uses in _by_recipe(shared):
            several = any(use.platforms for use in uses)
            if len(keys) > 1 or of_services or several:
                yield _report_collision(shared, uses, content, sure=differ or several)


def _report_collision(
    shared: list[Use], uses: list[Use], content: SystemContent, *, sure: bool
) -> Finding:
    """Return the finding about the uses of one Dockerfile; `sure` if the contents differ."""
    first = uses[0]
    recipe = first.recipe
    ids = {use: use.own_id(content.name) for use in uses}
    order = f"give each mount its own id (service, system and architecture), here `id={ids[first]}`"
    # Without its ARG in the stage, the variable of an id is empty.
    if all(use.step.environment.declares("TARGETARCH") for use in uses if use.platforms):
        fix = recipe.fix(
            "give the cache its own id",
            _with_options(recipe, "id", ids),
            sure=not any(use.cache.named for use in uses),
        )
    else:
        fix = None
        order += ", with ARG TARGETARCH above"
    severity = Severity.WARNING
    confidence = Confidence.POSSIBLE
    if sure:
        severity = content.severity
        confidence = Confidence.CERTAIN
    others = (str(use) for use in shared if use is not first)
    return recipe.finding(
        "CTX220",
        first.step,
        f"different builds share the cache `{first.identity}`, which contains "
        f"{content.description}",
        severity,
        confidence,
        evidence=(*first.platforms, *islice(others, _MOST_SHOWN)),
        help=order,
        fix=fix,
    )


def _with_options(recipe: Recipe, option: str, texts: Mapping[Use, str]) -> Rewriting:
    """Return the RUNs with `option` in mounts; None if one is not safe to change."""
    words: NewWords = {}
    for use, text in texts.items():
        written = use.cache.written
        mount = with_option(written, **{option: text})
        words.setdefault(use.step, {})[f"--mount={written}"] = f"--mount={mount}"
    return recipe.rewritten(words)


def shared_by_writers(recipes: Sequence[Recipe]) -> RuleFindings:
    """Yield CTX221, once for each Dockerfile and id."""
    for shared in _shared_caches(recipes):
        for uses in _by_recipe(shared):
            unlocked = [use for use in uses if _needs_lock(use) and _at_once(shared, use)]
            if unlocked:
                yield _report_unlocked(shared, unlocked)


def _report_unlocked(shared: list[Use], uses: list[Use]) -> Finding:
    first = uses[0]
    recipe = first.recipe
    lines = ", ".join(str(use.step.line) for use in uses)
    order = "write `sharing=locked`"
    locked = _with_options(recipe, "sharing", dict.fromkeys(uses, "locked"))
    return recipe.finding(
        "CTX221",
        first.step,
        f"several builds may use the cache `{first.identity}` at once (line {lines}): apt fails",
        confidence=Confidence.LIKELY,
        evidence=_at_once(shared, first),
        help=f"{order}, so that one build waits for the other",
        fix=recipe.fix(order, locked, sure=True),
    )


def _needs_lock(use: Use) -> bool:
    """Return whether apt writes to the cache; a written `sharing=shared` is a decision."""
    if not _UNLOCKED.match(use.cache.target):
        return False
    if "sharing=" in use.cache.written:
        return False
    return any(command.program in _APT for command in use.step.commands)


def _at_once(shared: list[Use], use: Use) -> list[str]:
    """Return builds and mounts that may use the cache at the same time as `use`."""
    below = use.stage.ancestry
    files = use.recipe.joint_files
    apart = (
        other
        for other in shared
        if other.stage not in below and use.stage not in other.stage.ancestry
        if other.recipe is use.recipe or not files.isdisjoint(other.recipe.joint_files)
    )
    return [*use.platforms, *map(str, islice(apart, _MOST_SHOWN))]
