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
from ctxsize.recommender.tools import Tool, run_by, works
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
    if not fetch.mounted or not fetch.caches or fetch.cached:
        return None
    name, target = fetch.manager.name, fetch.mounted[0]
    if name == "pip" and any("uv" in mount for mount in fetch.mounted):
        return None
    configured = (one for step in stage.history for one in step.commands)
    if any(fetch.manager.is_called(one.program) and configured_cache(one) for one in configured):
        return None
    known = cache_directories(recipe, fetch)
    alike = (each for each in known if posixpath.basename(each) == posixpath.basename(target))
    place = next(alike, known[0])
    cache = next(each for each in fetch.step.caches if each.target == target)
    options = {} if "uid=" in cache.written else owner_options(stage, fetch.step)
    return recipe.finding(
        "CTX222",
        fetch.step.line,
        f"{name} does not use the cache mounted at {target}: its cache is {place}",
        confidence=Confidence.LIKELY,
        evidence=(_why_there(fetch, place),),
        help=_mount(cache.written, place, **options),
    )


def _mount(written: str, place: str, **options: str) -> str:
    return f"mount it at {place}: `--mount={with_option(written, target=place, **options)}`"


def _why_there(fetch: Fetch, place: str) -> str:
    name, step = fetch.manager.name, fetch.step
    if variable := fetch.caches.get(place):
        return f"{variable} sets it"
    if fetch.cache_setting is not None:
        return f"an option or a setting of {name} sets it"
    if step.state.user and step.home not in (None, "/root"):
        return f"the step runs as {step.state.user}, whose home is {step.home}"
    return f"it is the default of {name}, and no variable changes it"


def _refused(recipe: Recipe, fetch: Fetch) -> Finding | None:
    if not fetch.cached:
        return None
    manager, finding = fetch.manager, partial(recipe.finding, "CTX222", fetch.step.line)
    option = next(filter(fetch.command.has, manager.uncached), None)
    if option is not None:
        drop = partial(without_option, option=option, is_meant=partial(_runs, manager))
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


def _runs(manager: Tool, command: Command) -> bool:
    return manager.is_called(run_by(command).program)


def _not_at_home(recipe: Recipe, step: StageStep) -> Iterator[Finding]:
    """Yield a finding for a target that begins with `~`, which only a shell expands."""
    for cache in step.caches:
        at = cache.target.find("/~/")
        if at >= 0 and step.home is not None:
            yield recipe.finding(
                "CTX222",
                step.line,
                f"the cache is mounted at {cache.target}: Docker expands no `~` in a mount",
                evidence=(f"--mount={cache.written}",),
                help=_mount(cache.written, step.home + cache.target[at + 2 :]),
            )


def _emptied(recipe: Recipe, step: StageStep) -> Iterator[Finding]:
    """Yield a finding for each command of a RUN that leaves its cache empty."""
    cached = {fetch.manager.name for fetch in fetches(step) if fetch.cached}
    of_apt = {name: each for each in step.caches for name in _APT if each.target.startswith(name)}
    for command in step.commands:
        emptied = {each.tool.name for each in works(command) if each.does("empty")}
        which = [f"for {name}" for name in sorted(emptied & cached)]
        deleted = [word for word in command.operands if any(name in word for name in of_apt)]
        left_out = command.words
        if is_apt(command) and command.operands[:1] in (("clean",), ("autoclean",)):
            which += [f"at {each.target}" for name, each in of_apt.items() if name == _APT[1]]
        elif command.program == "rm" and deleted:
            name = next(name for name in of_apt if name in " ".join(deleted))
            which.append(f"at {of_apt[name].target}")
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
    before = stage.history[: stage.history.index(step) + 1]
    texts = (
        text
        for each in (step.instruction for step in before)
        for text in (each.text, *(heredoc.content for heredoc in each.heredocs))
    )
    return any("docker-clean" in each or "Keep-Downloaded-Packages" in each for each in texts)


def swallowed(recipe: Recipe) -> Iterator[Finding]:
    """Yield CTX212, at a COPY of a path that exists only in a cache mount of the other stage."""
    copies = [(stage, step) for stage in recipe.stages for step in stage.own if step.taken]
    for stage, step in copies:
        source = stage.origin(step.origin)
        if source is None:
            continue
        for path in step.taken:
            caches = [(made, each) for made in source.history for each in made.caches]
            mounted = [(made, cache) for made, cache in caches if cache.holds(path)]
            if not mounted or "$" in path or _may_be_written(source, mounted[-1][1].target):
                continue
            made, cache = mounted[-1]
            yield recipe.finding(
                "CTX212",
                step.line,
                f"{source.label} does not contain {path}, which exists only in the cache mount at "
                f"{cache.target}",
                evidence=(f"line {made.line}: RUN --mount={cache.written}",),
                help=_copied_out(recipe, made, step, path),
            )


def _copied_out(recipe: Recipe, made: StageStep, step: StageStep, path: str) -> str:
    """Return the text to write in the RUN and in the COPY."""
    name = posixpath.basename(path)
    taken = {each for stage in recipe.stages for other in stage.own for each in other.taken}
    is_only = [posixpath.basename(each) for each in taken].count(name) == 1
    top = "/out" if made.state.user in ("", "root", "0") else "/tmp/out"
    out = top if is_only else top + posixpath.dirname(path)
    written = path if set(path) & set("*?[") else shlex.quote(path)
    return (
        f"add `&& mkdir -p {out} && cp -a {written} {out}/` to the RUN of line {made.line}, and "
        f"copy it from there: `{step.instruction.keyword} --from={step.origin} {out}/{name} …`"
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
