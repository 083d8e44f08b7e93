"""CTX222: cache mounts that the tool does not use, or that are empty afterwards."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from ctxsize.advice.caches import owned, places
from ctxsize.advice.fetches import Fetch, fetches, moved_cache
from ctxsize.advice.images import system_of
from ctxsize.advice.recipe import Recipe
from ctxsize.advice.repository import Repository, finding
from ctxsize.advice.rewrite import with_option
from ctxsize.advice.sharing import is_apt
from ctxsize.dockerfile.stages import BuiltStage, Cache, StageStep
from ctxsize.findings import Confidence, Finding
from ctxsize.recommender.knowledge.tools import run_by, works
from ctxsize.shell import Command


def unused_caches(repository: Repository) -> Iterator[Finding]:
    """CTX222: a mount elsewhere, an option against the cache, or one that empties it."""
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
    return finding(
        "CTX222",
        recipe,
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
    user = fetch.step.user
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
        return finding(
            "CTX222",
            recipe,
            fetch.step.line,
            f"`{option}` makes {manager.name} use no cache, so the mount stays empty",
            help=f"drop `{option}`",
            fix=recipe.fix(f"drop `{option}`", dropped, certain=True),
        )
    variable, values, off = manager.switch.split("|")
    value = fetch.environment.get(variable, "")
    if value.lower() not in values.split():
        return None
    return finding(
        "CTX222",
        recipe,
        fetch.step.line,
        f"{variable}={value} makes {manager.name} use no cache, so the mount stays empty",
        help=f"drop {variable}, or write `{variable}={off} {fetch.command.program} …` here",
    )


def _not_at_home(recipe: Recipe, step: StageStep) -> Iterator[Finding]:
    """Find a target that begins with `~`, which is no shell's word here."""
    for cache in step.caches:
        at = cache.target.find("/~/")
        if at >= 0 and step.home is not None:
            yield finding(
                "CTX222",
                recipe,
                step.line,
                f"the cache is mounted at {cache.target}: `~` stands for no home in a mount",
                evidence=(f"--mount={cache.written}",),
                help=_mount(cache.written, step.home + cache.target[at + 2 :]),
            )


_APT = ("/var/lib/apt", "/var/cache/apt")
_KEEP = "rm -f /etc/apt/apt.conf.d/docker-clean"


def _emptied(recipe: Recipe, stage: BuiltStage, step: StageStep) -> Iterator[Finding]:
    """Find what leaves the cache of a RUN empty."""
    cached = {fetch.manager.name for fetch in fetches(step) if fetch.cached}
    for command in step.commands:
        emptied = (each.tool.name for each in works(command) if each.does("empty"))
        yield from (
            _thrown_away(recipe, step, command, f"the cache that is mounted for {name}")
            for name in emptied
            if name in cached
        )
        for target in _deleted_of_apt(step, command):
            what = f"the cache that is mounted at {target}"
            yield _thrown_away(recipe, step, command, what)
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
        yield finding(
            "CTX222",
            recipe,
            step.line,
            f"{stage.base} deletes what apt downloads: the cache at {archives.target} stays empty",
            confidence=Confidence.LIKELY,
            help=f"begin with `{_KEEP}`, in front of apt-get update",
        )


def _thrown_away(recipe: Recipe, step: StageStep, command: Command, what: str) -> Finding:
    written = " ".join(command.words)
    cached = [word for word in command.operands if any(_is_in(e, word) for e in step.caches)]
    others = command.program == "rm" and 0 < len(cached) < len(command.operands)
    without = " ".join(cached) if others else written
    return finding(
        "CTX222",
        recipe,
        step.line,
        f"`{written}` empties {what}",
        help=f"leave out `{without}`: what is in the mount is not in the image",
    )


def _is_in(cache: Cache, word: str) -> bool:
    """Return whether a path, maybe with wildcards, is one of a cache of apt or above it."""
    return any(cache.target.startswith(name) and word.startswith(name) for name in _APT)


def _keeps(stage: BuiltStage, step: StageStep) -> bool:
    """Return whether docker-clean is dealt with at or before `step`."""
    before = stage.history[: stage.history.index(step) + 1]
    texts = (
        text
        for each in (step.instruction for step in before)
        for text in (each.text, *(heredoc.content for heredoc in each.heredocs))
    )
    return any("docker-clean" in each or "Keep-Downloaded-Packages" in each for each in texts)
