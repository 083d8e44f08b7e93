"""Cache mounts that do not do what was meant.

CTX222: the tool does not use them, or they are empty afterwards. CTX212: something is taken from
a place that was a cache mount.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator

from ctxsize.advice.caches import Fetch, fetches, moved_cache, owned, places, system_of
from ctxsize.advice.recipe import Recipe, with_option
from ctxsize.advice.repository import Repository
from ctxsize.advice.sharing import is_apt
from ctxsize.dockerfile.sources import Mount
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Confidence, Finding
from ctxsize.recommender.knowledge.tools import run_by, works
from ctxsize.shell import is_known
from ctxsize.syntax import Command

_APT = ("/var/lib/apt", "/var/cache/apt")
_KEEP = "rm -f /etc/apt/apt.conf.d/docker-clean"
_COPIERS = ("cp", "mv", "install", "strip", "ln")


def unused_caches(repository: Repository) -> Iterator[Finding]:
    """Yield CTX222: a mount elsewhere, an option against the cache, or one that empties it."""
    for recipe in repository.recipes:
        for stage, step in recipe.runs:
            seen: set[str] = set()
            for fetch in fetches(step):
                found = _elsewhere(recipe, stage, fetch) or _refused(recipe, fetch)
                if found is not None and found.message not in seen:
                    seen.add(found.message)
                    yield found
            if not seen:
                yield from _not_at_home(recipe, step)
            yield from _emptied(recipe, stage, step)


def _elsewhere(recipe: Recipe, stage: BuiltStage, fetch: Fetch) -> Finding | None:
    if not fetch.meant or not fetch.caches or fetch.cached:
        return None
    name, target = fetch.manager.name, fetch.meant[0]
    if name == "pip" and any("uv" in mount for mount in fetch.meant):
        return None
    configured = (one for step in stage.history for one in step.commands)
    if any(fetch.manager.is_called(one.program) and moved_cache(one) for one in configured):
        return None
    known = places(recipe, fetch)
    alike = (each for each in known if posixpath.basename(each) == posixpath.basename(target))
    place = next(alike, known[0])
    cache = next(each for each in fetch.step.caches if each.target == target)
    options = {} if "uid=" in cache.written else owned(stage, fetch.step)
    return recipe.finding(
        "CTX222",
        fetch.step.line,
        f"the cache is mounted at {target}, while {name} keeps its own in {place}",
        confidence=Confidence.LIKELY,
        evidence=(_why_there(fetch, place),),
        help=_mount(cache.written, place, **options),
    )


def _mount(written: str, place: str, **options: str) -> str:
    return f"mount {place}: `--mount={with_option(written, target=place, **options)}`"


def _why_there(fetch: Fetch, place: str) -> str:
    if variable := fetch.variable(place):
        return f"{variable} says so"
    if fetch.cache_setting is not None:
        return f"an option or a setting of {fetch.manager.name} says so"
    user = fetch.step.state.user
    if user and fetch.step.home not in (None, "/root"):
        return f"it runs as {user}, whose home is {fetch.step.home}"
    return f"its usual place, and no variable that moves it ({fetch.manager.name})"


def _refused(recipe: Recipe, fetch: Fetch) -> Finding | None:
    if not fetch.cached:
        return None
    manager = fetch.manager
    option = next((each for each in manager.uncached if fetch.command.has(each)), None)
    if option is not None:
        dropped = recipe.without_option(
            fetch.step, option, lambda each: manager.is_called(run_by(each).program)
        )
        return recipe.finding(
            "CTX222",
            fetch.step.line,
            f"`{option}` makes {manager.name} use no cache, so the mount stays empty",
            help=f"drop `{option}`",
            fix=recipe.fix(f"drop `{option}`", dropped, certain=True),
        )
    variable, values, off = manager.switch.split("|")
    value = fetch.environment.get(variable, "")
    if value.lower() not in values.split():
        return None
    return recipe.finding(
        "CTX222",
        fetch.step.line,
        f"{variable}={value} makes {manager.name} use no cache, so the mount stays empty",
        help=f"drop {variable}, or write `{variable}={off} {fetch.command.program} …` here",
    )


def _not_at_home(recipe: Recipe, step: StageStep) -> Iterator[Finding]:
    """Find a target that begins with `~`, which is no shell's word here."""
    for cache in step.caches:
        at = cache.target.find("/~/")
        if at >= 0 and step.home is not None:
            yield recipe.finding(
                "CTX222",
                step.line,
                f"the cache is mounted at {cache.target}: `~` stands for no home in a mount",
                evidence=(f"--mount={cache.written}",),
                help=_mount(cache.written, step.home + cache.target[at + 2 :]),
            )


def _emptied(recipe: Recipe, stage: BuiltStage, step: StageStep) -> Iterator[Finding]:
    """Find what leaves the cache of a RUN empty."""
    cached = {fetch.manager.name for fetch in fetches(step) if fetch.cached}
    for command in step.commands:
        emptied = (each.tool.name for each in works(command) if each.does("empty"))
        for name in emptied:
            if name in cached:
                yield _thrown_away(recipe, step, command, f"for {name}")
        for target in _deleted_of_apt(step, command):
            yield _thrown_away(recipe, step, command, f"at {target}")
    yield from _by_the_image(recipe, stage, step)


def _deleted_of_apt(step: StageStep, command: Command) -> list[str]:
    """Return the first target of a cache of apt that a command empties, none if it empties none."""
    caches = {name: each for each in step.caches for name in _APT if each.target.startswith(name)}
    named: list[str] = []
    if is_apt(command) and command.operands[:1] in (("clean",), ("autoclean",)):
        named = [name for name in caches if name == _APT[1]]
    elif command.program == "rm":
        named = [name for name in caches if any(name in word for word in command.operands)]
    return [caches[name].target for name in named[:1]]


def _by_the_image(recipe: Recipe, stage: BuiltStage, step: StageStep) -> Iterator[Finding]:
    """Find what images of Debian delete, as long as nothing keeps them from it."""
    archives = next((each for each in step.caches if each.target.startswith(_APT[1])), None)
    installs = any(is_apt(each) and "install" in each.operands for each in step.commands)
    is_debian = system_of(stage.base).name in ("debian", "ubuntu")
    if archives and installs and is_debian and not _keeps(stage, step):
        yield recipe.finding(
            "CTX222",
            step.line,
            f"{stage.base} deletes what apt downloads: the cache at {archives.target} stays empty",
            confidence=Confidence.LIKELY,
            help=f"begin with `{_KEEP}`, in front of apt-get update",
        )


def _thrown_away(recipe: Recipe, step: StageStep, command: Command, which: str) -> Finding:
    written = " ".join(command.words)
    caches = [name for name in _APT for each in step.caches if each.target.startswith(name)]
    cached = [word for word in command.operands if word.startswith(tuple(caches))]
    others = command.program == "rm" and 0 < len(cached) < len(command.operands)
    without = " ".join(cached) if others else written
    return recipe.finding(
        "CTX222",
        step.line,
        f"`{written}` empties the cache that is mounted {which}",
        help=f"leave out `{without}`: what is in the mount is not in the image",
    )


def _keeps(stage: BuiltStage, step: StageStep) -> bool:
    """Return whether docker-clean is dealt with at or before `step`."""
    before = stage.history[: stage.history.index(step) + 1]
    texts = (
        text
        for each in (step.instruction for step in before)
        for text in (each.text, *(heredoc.content for heredoc in each.heredocs))
    )
    return any("docker-clean" in each or "Keep-Downloaded-Packages" in each for each in texts)


def swallowed(repository: Repository) -> Iterator[Finding]:
    """Yield CTX212, at the instruction that does not find it."""
    for recipe in repository.recipes:
        for stage in recipe.stages:
            yield from _copied_from_mounts(recipe, stage)
            yield from _used_later(recipe, stage)


def _copied_from_mounts(recipe: Recipe, stage: BuiltStage) -> Iterator[Finding]:
    """Find what a COPY takes from a stage in which it lay in a cache."""
    for step in stage.own:
        source = stage.origin(step.origin)
        if source is None:
            continue
        for path in step.taken:
            caches = ((made, cache) for made in source.history for cache in made.caches)
            mounted = [(made, cache) for made, cache in caches if cache.holds(path)]
            if not mounted or "$" in path or _may_be_written(source, mounted[-1][1].target):
                continue
            made, cache = mounted[-1]
            yield recipe.finding(
                "CTX212",
                step.line,
                f"{path} is not in {source.label}: it lay in the cache mounted at {cache.target}",
                evidence=(f"line {made.line}: RUN --mount={cache.written}",),
                help=_copied_out(recipe, made, step, path),
            )


def _copied_out(recipe: Recipe, made: StageStep, step: StageStep, path: str) -> str:
    """Return what to write in both places."""
    name = posixpath.basename(path)
    taken = {each for stage in recipe.stages for other in stage.own for each in other.taken}
    is_only = [posixpath.basename(each) for each in taken].count(name) == 1
    top = "/out" if made.state.user in ("", "root", "0") else "/tmp/out"
    out = top if is_only else top + posixpath.dirname(path)
    written = path if set(path) & set("*?[") else shlex.quote(path)
    return (
        f"add `&& mkdir -p {out} && cp -a {written} {out}/` to the RUN of line {made.line}, and "
        f"take it from there: `{step.instruction.keyword} --from={step.origin} {out}/{name} …`"
    )


def _used_later(recipe: Recipe, stage: BuiltStage) -> Iterator[Finding]:
    """Find a later RUN of the same stage that copies out of a cache which is no longer mounted."""
    mounted: dict[str, tuple[StageStep, Mount]] = {}
    own = set(stage.own)
    for step in stage.history:
        for cache in step.caches:
            mounted.setdefault(cache.target, (step, cache))
        for path in _copied(step) if step in own else ():
            for made, cache in mounted.values():
                is_here = made is step or any(each.holds(path) for each in step.caches)
                if cache.holds(path) and not is_here and not _may_be_written(stage, cache.target):
                    # A target that is relative, or is the id, means another cache in another place.
                    mount = with_option(cache.written, id=cache.id, target=cache.target)
                    yield recipe.finding(
                        "CTX212",
                        step.line,
                        f"{path} is not there: the cache at {cache.target} was mounted for line "
                        f"{made.line} alone",
                        confidence=Confidence.LIKELY,
                        evidence=(f"line {made.line} mounts it",),
                        help="do it in the same RUN, or mount the cache here too: "
                        f"`RUN --mount={mount} …`",
                    )


def _copied(step: StageStep) -> Iterator[str]:
    """Yield the paths that the commands of a RUN copy."""
    for command in step.commands:
        if command.program in _COPIERS:
            for word in command.operands[:-1] or command.operands:
                yield posixpath.join(step.workdir, word).replace("/./", "/")


def _may_be_written(stage: BuiltStage, target: str) -> bool:
    """Return whether a step without the mount at `target` may have written there."""
    without = (e for e in stage.history if all(cache.target != target for cache in e.caches))
    return any(
        not is_known(step.instruction)
        or (step.is_copy and target in step.destination)
        or any(_writes(command, target) for command in step.commands)
        for step in without
    )


def _writes(command: Command, target: str) -> bool:
    if command.program == "cargo":
        # What cargo-chef compiles is not the project itself.
        return "chef" not in command.words[:3]
    if command.program in ("mkdir", "make"):
        return any(target in word for word in command.words)
    is_into = any(target in word for word in command.operands[-1:])
    return command.program in ("cp", "mv", "install", "ln") and is_into
