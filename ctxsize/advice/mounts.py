"""Advice on the cache mounts of one RUN: where the tool does not write, and where there is none."""

from __future__ import annotations

from collections.abc import Iterator

from ctxsize.advice.fetches import Fetch, fetches
from ctxsize.advice.images import system_of
from ctxsize.advice.recipe import Recipe, StageFacts, Step
from ctxsize.advice.repository import Repository, finding
from ctxsize.advice.rewrite import Change, fix, with_mounts, with_replaced
from ctxsize.advice.sharing import is_apt
from ctxsize.findings import Confidence, Finding


def unused_caches(repository: Repository) -> Iterator[Finding]:
    """CTX222: a mount elsewhere, an option against the cache, or one that empties it."""
    for recipe in repository.recipes:
        for stage, step in recipe.runs:
            seen: set[str] = set()
            for fetch in fetches(step):
                found = _elsewhere(recipe, fetch) or _refused(recipe, fetch)
                if found is not None and found.message not in seen:
                    seen.add(found.message)
                    yield found
            yield from _emptied(recipe, stage, step)


def _elsewhere(recipe: Recipe, fetch: Fetch) -> Finding | None:
    if not fetch.meant or not fetch.caches or fetch.cached:
        return None
    name, target = fetch.manager.name, fetch.meant[0]
    if name == "pip" and any("uv" in mount for mount in fetch.meant):
        return None
    return finding(
        "CTX222",
        recipe,
        fetch.step.line,
        f"the cache is mounted at {target}, while {name} keeps its own in {fetch.caches[0]}",
        confidence=Confidence.LIKELY,
        evidence=(_why_there(fetch),),
        help=f"mount {fetch.caches[0]}",
    )


def _why_there(fetch: Fetch) -> str:
    user = fetch.step.user
    if user and fetch.step.home not in (None, "/root"):
        return f"it runs as {user}, whose home is {fetch.step.home}"
    return f"its usual place, and no variable that moves it ({fetch.manager.name})"


_SWITCHED_OFF = {
    "pip": ("PIP_NO_CACHE_DIR", ("1", "true", "on", "yes", "off", "0", "false", "no")),
    "uv": ("UV_NO_CACHE", ("1", "true")),
    "poetry": ("POETRY_NO_CACHE", ("1", "true")),
}
"""Variables that make a manager use no cache; pip's means so whatever its value, almost."""


def _refused(recipe: Recipe, fetch: Fetch) -> Finding | None:
    if not fetch.cached:
        return None
    manager = fetch.manager
    option = next((each for each in manager.uncached if fetch.command.has(each)), None)
    if option is None:
        variable, values = _SWITCHED_OFF.get(manager.name, ("", ()))
        value = fetch.environment.get(variable, "").lower()
        if not variable or value not in values[: 4 if manager.name == "pip" else None]:
            return None
        return finding(
            "CTX222",
            recipe,
            fetch.step.line,
            f"{variable}={value} makes {manager.name} use no cache, so the mount stays empty",
            help=f"drop {variable}, or set it to nothing for this RUN",
        )
    change = with_replaced(recipe.data, fetch.step.instruction, {f" {option}": ""})
    fixed = (
        None
        if change is None
        else fix(recipe.path, recipe.data, f"drop `{option}`", (change,), certain=True)
    )
    return finding(
        "CTX222",
        recipe,
        fetch.step.line,
        f"`{option}` makes {manager.name} use no cache, so the mount stays empty",
        help=f"drop {option}",
        fix=fixed,
    )


def _emptied(recipe: Recipe, stage: StageFacts, step: Step) -> Iterator[Finding]:
    """Apt's caches: what the image or the RUN itself deletes."""
    archives = next(
        (each for each in step.caches if each.target.startswith("/var/cache/apt")), None
    )
    lists = next((each for each in step.caches if each.target.startswith("/var/lib/apt")), None)
    apt = [each for each in step.commands if is_apt(each)]
    for command in step.commands:
        removes = command.program == "rm" and any("/var/lib/apt/lists" in w for w in command.words)
        if lists and removes:
            yield finding(
                "CTX222",
                recipe,
                step.line,
                f"{' '.join(command.words)} empties the cache that is mounted at {lists.target}",
                help="leave it out: what is in the mount is not in the image",
            )
        if archives and is_apt(command) and command.operands[:1] in (("clean",), ("autoclean",)):
            yield finding(
                "CTX222",
                recipe,
                step.line,
                f"`{' '.join(command.words)}` empties the cache mounted at {archives.target}",
                help="leave it out: what is in the mount is not in the image",
            )
    installs = any("install" in each.operands for each in apt)
    if archives and installs and _deletes_downloads(stage) and not _keeps(stage, step):
        yield finding(
            "CTX222",
            recipe,
            step.line,
            f"{stage.base} deletes what apt downloads: the cache at {archives.target} stays empty",
            confidence=Confidence.LIKELY,
            help="rm -f /etc/apt/apt.conf.d/docker-clean, in front of apt-get update",
        )


def _deletes_downloads(stage: StageFacts) -> bool:
    return system_of(stage.base).name in ("debian", "ubuntu")


def _keeps(stage: StageFacts, step: Step) -> bool:
    """Whether docker-clean is dealt with at or before `step`."""
    texts: list[str] = []
    for each in stage.history:
        texts.append(each.instruction.text)
        texts += [heredoc.content for heredoc in each.instruction.heredocs]
        if each is step:
            break
    return any("docker-clean" in t or "Keep-Downloaded-Packages" in t for t in texts)


def missing_caches(repository: Repository) -> Iterator[Finding]:
    """CTX223, once for each RUN and manager."""
    for recipe in repository.recipes:
        for stage, step in recipe.runs:
            seen: set[str] = set()
            for fetch in fetches(step):
                name = fetch.manager.name
                if name in seen or _is_cached(stage, step, fetch):
                    continue
                seen.add(name)
                yield _without_cache(recipe, fetch)


def _is_cached(stage: StageFacts, step: Step, fetch: Fetch) -> bool:
    """Whether there is a cache, or nothing to keep: an earlier RUN fetched it already."""
    if fetch.cached or fetch.meant or not fetch.caches:
        return True
    if any(mount.target.endswith(("/.cache", "node_modules")) for mount in step.caches):
        return True
    if _fetches_nothing(stage, fetch):
        return True
    if fetch.manager.name in ("cargo", "go", "dotnet", "maven", "gradle"):
        earlier = [each for each in stage.history if each.line < step.line and each.is_run]
        return any(other.manager is fetch.manager for each in earlier for other in fetches(each))
    return False


def _fetches_nothing(stage: StageFacts, fetch: Fetch) -> bool:
    """Whether it is told to stay offline, installs a tool of its own, or has no manifest."""
    command, name = fetch.command, fetch.manager.name
    if command.has("--offline", "-g", "--global") or command.value("-mod") == "vendor":
        return True
    if name == "maven" and command.has("-o"):
        return True
    if name == "pip":
        wanted = {word for word in command.operands if word != "install"}
        return bool(wanted) and wanted <= {"pip", "setuptools", "wheel", "uv", "poetry", "pipenv"}
    if name == "go" and command.operands[:1] != ("mod",):
        sources = [source for step in stage.history for source in (*step.sources, *step.binds)]
        return all(source.endswith(".go") for source in sources)
    return False


_SHOWN_CACHES = {"go": 2, "cargo": 2}


def _without_cache(recipe: Recipe, fetch: Fetch) -> Finding:
    manager = fetch.manager
    places = fetch.caches[: _SHOWN_CACHES.get(manager.name, 1)]
    mounts = [f"type=cache,target={place}" for place in places]
    if fetch.step.user not in ("", "root", "0"):
        mounts = []
    change = with_mounts(recipe.data, fetch.step.instruction, mounts) if mounts else None
    fixed = None
    if change is not None:
        option = next((each for each in manager.uncached if fetch.command.has(each)), None)
        text = "\n".join(change.lines)
        if option and text.count(f" {option}") == 1:
            change = Change(
                change.first, change.last, tuple(text.replace(f" {option}", "").split("\n"))
            )
        fixed = fix(
            recipe.path, recipe.data, f"mount {' and '.join(places)}", (change,), certain=False
        )
    command = " ".join(fetch.command.words[:4])
    return finding(
        "CTX223",
        recipe,
        fetch.step.line,
        f"`{command}` downloads everything again whenever its layer is built again",
        help=f"RUN --mount=type=cache,target={places[0]} …",
        fix=fixed,
    )
