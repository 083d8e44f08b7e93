"""Cache mounts that fail their purpose.

CTX222: the tool does not use the mount, or the RUN empties it. CTX212: another stage copies a path
that exists in a cache mount only.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator
from functools import partial

from ctxsize.advice.caches import (
    Fetch,
    cache_directories,
    configured_cache,
    fetches,
    owner_options,
    system_of,
)
from ctxsize.advice.recipe import Recipe, with_option, without_option
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Confidence, Finding
from ctxsize.recommender.tools import run_by, works
from ctxsize.shell import is_known
from ctxsize.syntax import Command

_APT = ("/var/lib/apt", "/var/cache/apt")
_KEEP = "rm -f /etc/apt/apt.conf.d/docker-clean"


def unused_caches(recipe: Recipe) -> Iterator[Finding]:
    """Yield CTX222: a mount elsewhere, an option against the cache, or a cache that is emptied."""
    for stage, step in recipe.runs:
        found = (_elsewhere(recipe, stage, e) or _refused(recipe, e) for e in fetches(step))
        unused = {each.message: each for each in found if each is not None}
        yield from unused.values() or _not_at_home(recipe, step)
        yield from _emptied(recipe, step)
        yield from _emptied_by_image(recipe, stage, step)


def _elsewhere(recipe: Recipe, stage: BuiltStage, fetch: Fetch) -> Finding | None:
    manager, step = fetch.manager, fetch.step
    if not fetch.mounted or not fetch.caches or fetch.cached:
        return None
    if manager.name == "pip" and any("uv" in mount for mount in fetch.mounted):
        return None
    configured = (one for each in stage.history for one in each.commands)
    if any(manager.is_called(one.program) and configured_cache(one) for one in configured):
        return None
    known, target = cache_directories(recipe, fetch), fetch.mounted[0]
    alike = (each for each in known if posixpath.basename(each) == posixpath.basename(target))
    place = next(alike, known[0])
    written = next(each.written for each in step.caches if each.target == target)
    why = fetch.caches.get(place) or f"it is the default of {manager.name}"
    if not fetch.caches.get(place) and step.home not in (None, "/root"):
        why = f"the step runs as {step.state.user or 'root'}, whose home is {step.home}"
    owner = {} if "uid=" in written else owner_options(step)
    return recipe.finding(
        "CTX222",
        step.line,
        f"{manager.name} does not use the cache mounted at {target}: its cache is {place}",
        confidence=Confidence.LIKELY,
        evidence=(why,),
        help=f"mount it at {place}: `--mount={with_option(written, target=place, **owner)}`",
    )


def _refused(recipe: Recipe, fetch: Fetch) -> Finding | None:
    if not fetch.cached:
        return None
    manager, finding = fetch.manager, partial(recipe.finding, "CTX222", fetch.step.line)
    option = next(filter(fetch.command.has, manager.uncached), None)
    if option is not None:

        def runs(command: Command) -> bool:
            return manager.is_called(run_by(command).program)

        drop = partial(without_option, option=option, is_meant=runs)
        dropped = recipe.rewritten(fetch.step, drop)
        return finding(
            f"`{option}` makes {manager.name} use no cache, so the mount stays empty",
            help=f"remove `{option}`",
            fix=recipe.fix(f"remove `{option}`", dropped, certain=True),
        )
    variable, values, off = manager.switch.split("|")
    value = fetch.environment.get(variable, "")
    if value.lower() not in values.split():
        return None
    return finding(
        f"{variable}={value} makes {manager.name} use no cache, so the mount stays empty",
        help=f"remove {variable}, or write `{variable}={off} {fetch.command.program} …` here",
    )


def _not_at_home(recipe: Recipe, step: StageStep) -> Iterator[Finding]:
    """Yield a finding for a target that begins with `~`, which only a shell expands."""
    for cache in step.caches:
        at = cache.target.find("/~/")
        if at >= 0 and step.home is not None:
            place = step.home + cache.target[at + 2 :]
            yield recipe.finding(
                "CTX222",
                step.line,
                f"the cache is mounted at {cache.target}: Docker expands no `~` in a mount",
                evidence=(f"--mount={cache.written}",),
                help=f"mount it at {place}: `--mount={with_option(cache.written, target=place)}`",
            )


def _emptied(recipe: Recipe, step: StageStep) -> Iterator[Finding]:
    """Yield a finding for each command of a RUN that leaves its cache empty."""
    cached = {fetch.manager.name for fetch in fetches(step) if fetch.cached}
    of_apt = {name: each for each in step.caches for name in _APT if each.target.startswith(name)}
    for command in step.commands:
        emptied = {each.tool.name for each in works(command) if each.does("empty")}
        which = [f"for {name}" for name in sorted(emptied & cached)]
        left_out = command.words
        if is_apt(command) and command.operands[:1] in (("clean",), ("autoclean",)):
            which += [f"at {each.target}" for name, each in of_apt.items() if name == _APT[1]]
        elif command.program == "rm":
            deleted = [word for word in command.operands if any(name in word for name in of_apt)]
            targets = (each.target for name, each in of_apt.items() if name in " ".join(deleted))
            which += [f"at {each}" for each in targets][:1]
            left_out = command.words if len(deleted) == len(command.operands) else tuple(deleted)
        for each in which:
            yield recipe.finding(
                "CTX222",
                step.line,
                f"`{' '.join(command.words)}` empties the cache mount {each}",
                help=f"remove `{' '.join(left_out)}`: the image does not include the mount anyway",
            )


def is_apt(command: Command) -> bool:
    """Return whether it is a command of apt."""
    return command.program in ("apt", "apt-get")


def _emptied_by_image(recipe: Recipe, stage: BuiltStage, step: StageStep) -> Iterator[Finding]:
    """Yield a finding if the docker-clean of a Debian image empties the cache of apt."""
    archives = next((each for each in step.caches if each.target.startswith(_APT[1])), None)
    installs = any(is_apt(each) and "install" in each.operands for each in step.commands)
    is_debian = system_of(stage.base).name in ("debian", "ubuntu")
    if archives and installs and is_debian and not _keeps(stage, step):
        yield recipe.finding(
            "CTX222",
            step.line,
            f"{stage.base} deletes downloads of apt, so the cache at {archives.target} stays empty",
            confidence=Confidence.LIKELY,
            help=f"begin the RUN with `{_KEEP}`, before apt-get update",
        )


def _keeps(stage: BuiltStage, step: StageStep) -> bool:
    """Return whether a step up to `step` mentions docker-clean or the setting that overrides it."""
    for each in stage.history[: stage.history.index(step) + 1]:
        texts = (each.instruction.text, *(one.content for one in each.instruction.heredocs))
        if any("docker-clean" in text or "Keep-Downloaded-Packages" in text for text in texts):
            return True
    return False


def swallowed(recipe: Recipe) -> Iterator[Finding]:
    """Yield CTX212, at a COPY of a path that exists only in a cache mount of the other stage."""
    copies = [(stage, step) for stage in recipe.stages for step in stage.own if step.taken]
    for stage, step in copies:
        source = stage.origin(step.origin)
        if source is None:
            continue
        caches = [(made, each) for made in source.history for each in made.caches]
        for path in step.taken:
            mounted = [(made, cache) for made, cache in caches if cache.holds(path)]
            if not mounted or "$" in path or _may_be_written(source, mounted[-1][1].target):
                continue
            made, cache = mounted[-1]
            name, written = posixpath.basename(path), shlex.quote(path)
            written = path if set(path) & set("*?[") else written
            yield recipe.finding(
                "CTX212",
                step.line,
                f"{source.label} does not contain {path}, which exists only in the cache mount at "
                f"{cache.target}",
                evidence=(f"line {made.line}: RUN --mount={cache.written}",),
                help=f"copy it out in the RUN of line {made.line}, for instance with `&& mkdir -p "
                f"/out && cp -a {written} /out/`, and take it from there: "
                f"`{step.instruction.keyword} --from={step.origin} /out/{name} …`",
            )


def _may_be_written(stage: BuiltStage, target: str) -> bool:
    """Return whether a step without the mount at `target` may write there."""
    return any(
        not is_known(step.instruction)
        or (step.is_copy and target in step.destination)
        or any(_writes(command, target) for command in step.commands)
        for step in stage.history
        if all(cache.target != target for cache in step.caches)
    )


def _writes(command: Command, target: str) -> bool:
    if command.program == "cargo":
        # cargo-chef compiles the dependencies, not the project itself.
        return "chef" not in command.words[:3]
    if command.program in ("mkdir", "make"):
        return any(target in word for word in command.words)
    is_into = any(target in word for word in command.operands[-1:])
    return command.program in ("cp", "mv", "install", "ln") and is_into
