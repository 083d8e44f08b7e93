"""What was seen becomes a plan: what would be deleted, and what is left alone, and why. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ctxsize import units
from ctxsize.clean.look import look, root_of
from ctxsize.clean.values import (
    CleanCandidate,
    CleanCategory,
    CleanChoice,
    CleanPlan,
    CleanSums,
    Passed,
    Shared,
)
from ctxsize.engine.events import Progress
from ctxsize.errors import InputError

_SECOND = 1_000_000_000


def plan(seen: CleanPlan, *, now_ns: int) -> CleanPlan:
    """Return `seen` with the items that shall go; `now_ns` is the time that ages count from."""
    choice = seen.choice
    items: list[CleanCandidate] = []
    passed = [*seen.passed]
    for candidate in seen.items:
        left = _danger(candidate, choice, now_ns) or _unwanted(candidate, choice, now_ns)
        if left is None:
            items.append(candidate)
        else:
            passed.append(left)
    if choice.keep_bytes is not None:
        items, kept = _without_newest(items, choice.keep_bytes)
        passed += kept
    passed.sort(key=lambda each: each.path)
    return replace(seen, items=tuple(items), passed=tuple(passed), sums=sums(items))


def _danger(candidate: CleanCandidate, choice: CleanChoice, now_ns: int) -> Passed | None:
    """Return it as left alone if it must not be deleted."""
    for each in candidate.objections:
        return candidate.left_alone(each.code, each.message)
    age_s = _age_s(candidate, now_ns)
    if candidate.category is CleanCategory.LEFTOVER or age_s >= choice.recent_s:
        return None
    words = "in the future" if age_s < 0 else f"{units.human_age(age_s)} ago"
    message = f"it may be in use: something in it was written {words}"
    return candidate.left_alone("recent", message)


def _unwanted(candidate: CleanCandidate, choice: CleanChoice, now_ns: int) -> Passed | None:
    """Return it as left alone if an option spares it."""
    if candidate.category is CleanCategory.DEPS and not choice.deps:
        message = "installed packages; --deps takes them too"
        return candidate.left_alone("deps", message, by_choice=True)
    age_s = _age_s(candidate, now_ns)
    if choice.older_than_s is not None and age_s < choice.older_than_s:
        message = f"written {units.human_age(age_s)} ago, which --older-than spares"
        return candidate.left_alone("young", message, by_choice=True)
    return None


def _age_s(candidate: CleanCandidate, now_ns: int) -> float:
    return (now_ns - candidate.inventory.newest_ns) / _SECOND


def _without_newest(
    items: Sequence[CleanCandidate], keep_bytes: int
) -> tuple[list[CleanCandidate], list[Passed]]:
    """Return the items without the newest `keep_bytes` on disk, and those newest ones."""
    newest = sorted(items, key=lambda each: (-each.inventory.newest_ns, each.path))
    kept: list[Passed] = []
    taken = 0
    for each in newest:
        taken += each.inventory.disk_bytes
        if taken > keep_bytes:
            break
        message = "among the newest, which --keep-size keeps"
        kept.append(each.left_alone("kept", message, by_choice=True))
    names = {each.path for each in kept}
    return [each for each in items if each.path not in names], kept


def sums(items: Iterable[CleanCandidate]) -> CleanSums:
    """Return what `items` come to; a file with names in several of them counts once."""
    files = content = disk = 0
    shared: dict[int, Shared] = {}
    for item in items:
        inventory = item.inventory
        files += inventory.files
        content += inventory.content_bytes
        disk += inventory.disk_bytes
        for inode, each in inventory.shared.items():
            known = shared.get(inode)
            if known is None:
                shared[inode] = each
                continue
            disk -= each.disk_bytes
            content -= each.content_bytes
            shared[inode] = Shared(
                known.met + each.met, each.names, each.disk_bytes, each.content_bytes
            )
    held = sum(each.disk_bytes for each in shared.values() if each.met < each.names)
    return CleanSums(files, content, disk, held)


def by_service(items: Iterable[CleanCandidate]) -> Iterator[tuple[str, list[CleanCandidate]]]:
    """Yield the items of each service, services in order of their names."""
    groups: dict[str, list[CleanCandidate]] = {}
    for item in items:
        groups.setdefault(item.service, []).append(item)
    yield from sorted(groups.items())


def planned_below(root: str, choice: CleanChoice, progress: Progress | None) -> CleanPlan:
    """Return the plan for what is below `root` now. Raises `InputError` if that cannot be read."""
    real = root_of(root)
    try:
        seen = look(real, choice, progress=progress)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=root) from None
    return plan(seen, now_ns=time.time_ns())
