"""What was seen becomes a plan: what would be deleted, and what is left alone, and why. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from ctxsize import units
from ctxsize.clean.look import Seen, look, root_of
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


def plan(seen: Seen, choice: CleanChoice, *, now_ns: int) -> CleanPlan:
    """Return the plan for what was seen; `now_ns` is the time that ages are counted from."""
    items: list[CleanCandidate] = []
    passed = list(seen.passed)
    for candidate in seen.candidates:
        reason = _danger(candidate, choice, now_ns) or _choice(candidate, choice, now_ns)
        if reason is None:
            items.append(candidate)
        else:
            passed.append(_left(candidate, *reason))
    if choice.keep_bytes is not None:
        items, kept = _without_newest(items, choice.keep_bytes)
        passed += kept
    return CleanPlan(
        root=seen.root,
        device=seen.device,
        inode=seen.inode,
        choice=choice,
        items=tuple(items),
        passed=tuple(sorted(passed, key=lambda each: each.path)),
        sums=sums(items),
        records=seen.records,
        problems=seen.problems,
    )


def _danger(
    candidate: CleanCandidate, choice: CleanChoice, now_ns: int
) -> tuple[str, str, bool] | None:
    """Return the code and the words for why it must not be deleted, or None."""
    for each in candidate.objections:
        return each.code, each.message, False
    if candidate.category is CleanCategory.LEFTOVER:
        return None
    age_s = (now_ns - candidate.inventory.newest_ns) / _SECOND
    if age_s < choice.recent_s:
        words = "in the future" if age_s < 0 else f"{units.human_age(age_s)} ago"
        return "recent", f"it may be in use: something in it was written {words}", False
    return None


def _choice(
    candidate: CleanCandidate, choice: CleanChoice, now_ns: int
) -> tuple[str, str, bool] | None:
    """Return the code and the words for why it is not wanted, or None."""
    if candidate.category is CleanCategory.DEPS and not choice.deps:
        return "deps", "installed packages; --deps takes them too", True
    age_s = (now_ns - candidate.inventory.newest_ns) / _SECOND
    if choice.older_than_s is not None and age_s < choice.older_than_s:
        return "young", f"written {units.human_age(age_s)} ago, which --older-than spares", True
    return None


def _left(candidate: CleanCandidate, code: str, message: str, by_choice: bool) -> Passed:
    inventory = candidate.inventory
    return Passed(
        candidate.path,
        candidate.kind,
        candidate.ecosystem,
        candidate.service,
        code,
        message,
        inventory.files,
        inventory.content_bytes,
        inventory.disk_bytes,
        by_choice=by_choice,
    )


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
        kept.append(_left(each, "kept", "among the newest, which --keep-size keeps", True))
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
    return plan(seen, choice, now_ns=time.time_ns())
