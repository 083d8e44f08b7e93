"""Advice on what throws away the content of a cache mount: the RUN itself, or the image."""

from __future__ import annotations

from collections.abc import Iterator

from ctxsize.advice.fetches import fetches, module
from ctxsize.advice.images import system_of
from ctxsize.advice.managers import empties
from ctxsize.advice.recipe import Cache, Recipe, StageFacts, Step
from ctxsize.advice.repository import finding
from ctxsize.advice.sharing import is_apt
from ctxsize.findings import Confidence, Finding
from ctxsize.shell import Command

_APT = ("/var/lib/apt", "/var/cache/apt")
_KEEP = "rm -f /etc/apt/apt.conf.d/docker-clean"


def emptied(recipe: Recipe, stage: StageFacts, step: Step) -> Iterator[Finding]:
    """CTX222 for a RUN whose cache is empty afterwards."""
    yield from _by_managers(recipe, step)
    yield from _by_hand(recipe, step)
    yield from _by_the_image(recipe, stage, step)


def _by_managers(recipe: Recipe, step: Step) -> Iterator[Finding]:
    cached = {fetch.manager.name: fetch for fetch in fetches(step) if fetch.cached}
    for command in step.commands:
        shown = module(command)
        fetch = next((e for e in cached.values() if shown.program in e.manager.called), None)
        if fetch is not None and empties(shown):
            what = f"the cache that is mounted for {fetch.manager.name}"
            yield _thrown_away(recipe, step, command, what)


def _by_hand(recipe: Recipe, step: Step) -> Iterator[Finding]:
    """Find what is deleted of the caches of apt."""
    caches = {name: each for each in step.caches for name in _APT if each.target.startswith(name)}
    for command in step.commands:
        named = [name for name in caches if any(name in word for word in command.operands)]
        if is_apt(command) and command.operands[:1] in (("clean",), ("autoclean",)):
            named = [name for name in caches if name == _APT[1]]
        elif command.program != "rm":
            continue
        if named:
            what = f"the cache that is mounted at {caches[named[0]].target}"
            yield _thrown_away(recipe, step, command, what)


def _by_the_image(recipe: Recipe, stage: StageFacts, step: Step) -> Iterator[Finding]:
    """Find what images of Debian delete, as long as nothing keeps them from it."""
    archives = next((each for each in step.caches if each.target.startswith(_APT[1])), None)
    installs = any(is_apt(each) and "install" in each.operands for each in step.commands)
    if archives and installs and _deletes_downloads(stage) and not _keeps(stage, step):
        yield finding(
            "CTX222",
            recipe,
            step.line,
            f"{stage.base} deletes what apt downloads: the cache at {archives.target} stays empty",
            confidence=Confidence.LIKELY,
            help=f"begin with `{_KEEP}`, in front of apt-get update",
        )


def _thrown_away(recipe: Recipe, step: Step, command: Command, what: str) -> Finding:
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


def _deletes_downloads(stage: StageFacts) -> bool:
    return system_of(stage.base).name in ("debian", "ubuntu")


def _keeps(stage: StageFacts, step: Step) -> bool:
    """Return whether docker-clean is dealt with at or before `step`."""
    texts: list[str] = []
    for each in stage.history:
        texts.append(each.instruction.text)
        texts += [heredoc.content for heredoc in each.instruction.heredocs]
        if each is step:
            break
    return any("docker-clean" in t or "Keep-Downloaded-Packages" in t for t in texts)
