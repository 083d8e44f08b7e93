"""Advice on the cache mounts of one RUN: where the tool does not write, and where there is none."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ctxsize.advice.caches import KEPT_IN_CACHE, fixed, may_be_needed, owned, places, snippet
from ctxsize.advice.emptied import emptied
from ctxsize.advice.fetches import Fetch, fetches
from ctxsize.advice.installs import moved_cache
from ctxsize.advice.recipe import Recipe, StageFacts, Step
from ctxsize.advice.repository import Repository, finding
from ctxsize.advice.rewrite import with_option
from ctxsize.advice.script import Script, Splice
from ctxsize.findings import Confidence, Finding, Fix


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
            yield from emptied(recipe, stage, step)


def _elsewhere(recipe: Recipe, stage: StageFacts, fetch: Fetch) -> Finding | None:
    if not fetch.meant or not fetch.caches or fetch.cached:
        return None
    name, target = fetch.manager.name, fetch.meant[0]
    if name == "pip" and any("uv" in mount for mount in fetch.meant):
        return None
    configured = (one for step in stage.history for one in step.commands)
    if any(one.program in fetch.manager.programs and moved_cache(one) for one in configured):
        return None
    place = _place_for(recipe, fetch, target)
    return finding(
        "CTX222",
        recipe,
        fetch.step.line,
        f"the cache is mounted at {target}, while {name} keeps its own in {place}",
        confidence=Confidence.LIKELY,
        evidence=(_why_there(fetch),),
        help=f"mount {place}",
        fix=_moved(recipe, stage, fetch, target, place),
    )


def _place_for(recipe: Recipe, fetch: Fetch, target: str) -> str:
    """Which of its caches the mount at `target` is meant for."""
    known = places(recipe, fetch)
    alike = (each for each in known if posixpath.basename(each) == posixpath.basename(target))
    return next(alike, known[0])


def _moved(recipe: Recipe, stage: StageFacts, fetch: Fetch, target: str, place: str) -> Fix | None:
    if may_be_needed(recipe, fetch):
        return None
    script = recipe.script(fetch.step)
    cache = next(each for each in fetch.step.caches if each.target == target)
    options = {} if "uid=" in cache.written else owned(stage, fetch.step)
    mount = with_option(cache.written, target=place, **options)
    splice = script.with_mount(cache.written, mount)
    change = None if splice is None else script.change([splice])
    return fixed(recipe, change, f"mount {place} instead")


def _why_there(fetch: Fetch) -> str:
    user = fetch.step.user
    if user and fetch.step.home not in (None, "/root"):
        return f"it runs as {user}, whose home is {fetch.step.home}"
    return f"its usual place, and no variable that moves it ({fetch.manager.name})"


_ANY_SWITCH = ("1", "true", "on", "yes", "0", "false", "off", "no")
"""Pip takes each of these for yes."""

_SWITCHED_OFF = {
    "pip": ("PIP_NO_CACHE_DIR", _ANY_SWITCH, ""),
    "uv": ("UV_NO_CACHE", ("1", "true"), "false"),
}
"""Variables that make a manager use no cache, the values that do, and one that does not."""


def _refused(recipe: Recipe, fetch: Fetch) -> Finding | None:
    if not fetch.cached:
        return None
    manager, script = fetch.manager, recipe.script(fetch.step)
    option = next((each for each in manager.uncached if fetch.command.has(each)), None)
    if option is not None:
        change = script.change(script.without_option(option, manager.programs))
        return finding(
            "CTX222",
            recipe,
            fetch.step.line,
            f"`{option}` makes {manager.name} use no cache, so the mount stays empty",
            help=f"drop {option}",
            fix=fixed(recipe, change, f"drop `{option}`", certain=_is_plain(script, fetch)),
        )
    variable, values, off = _SWITCHED_OFF.get(manager.name, ("", (), ""))
    value = fetch.environment.get(variable, "")
    if value.lower() not in values:
        return None
    change = script.change([_set(script, fetch, variable, off)])
    return finding(
        "CTX222",
        recipe,
        fetch.step.line,
        f"{variable}={value} makes {manager.name} use no cache, so the mount stays empty",
        help=f"drop {variable}, or set it otherwise for this RUN",
        fix=fixed(recipe, change, f"set `{variable}={off}` for this RUN", certain=True),
    )


def _is_plain(script: Script, fetch: Fetch) -> bool:
    """Whether the command stands in the RUN itself, and in no script of its own."""
    alone = script.instruction.arguments == fetch.written.words
    return alone or script.piece_of(fetch.written) is not None


def _set(script: Script, fetch: Fetch, variable: str, value: str) -> Splice:
    """The RUN with another value for a variable: where it is set in it, else in front."""
    piece = script.piece_of(fetch.written)
    for number, (name, _) in enumerate(fetch.written.assignments):
        if name == variable and piece is not None and piece.words[number].startswith(name):
            start, end = piece.spans[number]
            return script.places[start], script.places[end - 1] + 1, f"{variable}={value}"
    if piece is not None:
        return script.start(piece), script.start(piece), f"{variable}={value} "
    if script.form == "json" and script.instruction.arguments == fetch.written.words:
        words = shlex.join(script.instruction.arguments)
        return script.command, len(script.raw), f"{variable}={value} {words}"
    return script.prepended(f"export {variable}={value}")


def _not_at_home(recipe: Recipe, step: Step) -> Iterator[Finding]:
    """A target that begins with `~`, which is no shell's word here."""
    script = recipe.script(step)
    for cache in step.caches:
        at = cache.target.find("/~/")
        if at >= 0 and step.home is not None:
            place = step.home + cache.target[at + 2 :]
            splice = script.with_mount(cache.written, with_option(cache.written, target=place))
            change = None if splice is None else script.change([splice])
            yield finding(
                "CTX222",
                recipe,
                step.line,
                f"the cache is mounted at {cache.target}: `~` stands for no home in a mount",
                evidence=(f"--mount={cache.written}",),
                help=f"mount {place}",
                fix=fixed(recipe, change, f"mount {place} instead"),
            )


def missing_caches(repository: Repository) -> Iterator[Finding]:
    """CTX223, once for each RUN and manager."""
    for recipe in repository.recipes:
        earlier = {id(stage): _Earlier.of(stage) for stage in recipe.stages}
        for stage, step in recipe.runs:
            seen: set[str] = set()
            for fetch in fetches(step):
                name = fetch.manager.name
                if name in seen or _is_cached(step, fetch, earlier[id(stage)]):
                    continue
                seen.add(name)
                yield _without_cache(repository, recipe, stage, fetch)


class _Earlier(NamedTuple):
    """What counts of all the steps of a stage; looked for once, as a stage may have many."""

    lines: Mapping[str, int]
    """The first lines on which managers fetch what a later RUN need not fetch again."""
    has_bundle_path: bool
    """Whether `bundle config` says where to install."""
    only_go: bool
    """Whether nothing but Go's sources is copied."""

    @classmethod
    def of(cls, stage: StageFacts) -> _Earlier:
        """Look at all steps of `stage`."""
        history, lines = stage.history, dict[str, int]()
        for fetch in (each for step in history if step.is_run for each in fetches(step)):
            name, line = fetch.manager.name, fetch.step.line
            if name in _FETCH_ONCE and not (fetch.cached and name in KEPT_IN_CACHE):
                lines[name] = min(lines.get(name, line), line)
        commands = (command.words for step in history for command in step.commands)
        sources = (source for step in history for source in (*step.sources, *step.binds))
        return cls(
            lines,
            any(words[:2] == ("bundle", "config") and _names_path(words) for words in commands),
            all(source.endswith(".go") for source in sources),
        )


def _names_path(words: tuple[str, ...]) -> bool:
    return any("path" in word or "deployment" in word for word in words)


def _is_cached(step: Step, fetch: Fetch, earlier: _Earlier) -> bool:
    """Whether there is a cache, or nothing to keep: an earlier RUN fetched it already."""
    if fetch.cached or fetch.meant or not fetch.caches:
        return True
    if any(mount.target.endswith(("/.cache", "node_modules")) for mount in step.caches):
        return True
    # Bundler with a place of its own to install to keeps its downloads there, by Ruby.
    own_path = earlier.has_bundle_path or fetch.command.has("--path", "--deployment")
    if (fetch.manager.name == "bundler" and own_path) or _fetches_nothing(fetch, earlier):
        return True
    return earlier.lines.get(fetch.manager.name, step.line) < step.line


_FETCH_ONCE = (*KEPT_IN_CACHE, "composer", "poetry", "uv")
"""Managers that do not fetch again what an earlier RUN fetched."""


def _fetches_nothing(fetch: Fetch, earlier: _Earlier) -> bool:
    """Whether it is told to stay offline, installs a tool of its own, or has no manifest."""
    command, name = fetch.command, fetch.manager.name
    if command.has("--offline", "-g", "--global") or command.value("-mod") == "vendor":
        return True
    if name == "maven" and command.has("-o"):
        return True
    if name == "pip":
        wanted = {word for word in command.operands if word != "install"}
        tools = wanted <= {"pip", "setuptools", "wheel", "uv", "poetry", "pipenv"}
        local = all(word.startswith(("/", "./")) and set(word) & set("*") for word in wanted)
        return bool(wanted) and (tools or local) and not command.has("-r", "--requirement")
    return name == "go" and command.operands[:1] != ("mod",) and earlier.only_go


def _without_cache(
    repository: Repository, recipe: Recipe, stage: StageFacts, fetch: Fetch
) -> Finding:
    command = " ".join(fetch.command.words[:4])
    return finding(
        "CTX223",
        recipe,
        fetch.step.line,
        f"`{command}` downloads everything again whenever its layer is built again",
        help=snippet(repository, recipe, stage, fetch),
    )
