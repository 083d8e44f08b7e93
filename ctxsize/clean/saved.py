"""Plans as files: what was looked at once, and must still be so when it is applied."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import Any

from ctxsize.clean.delete import difference
from ctxsize.clean.plan import sums
from ctxsize.clean.values import CleanCandidate, CleanChoice, CleanPlan, Stamp
from ctxsize.errors import InputError

VERSION = 1
_NAME = "ctxsize-clean-plan"


@dataclass(frozen=True)
class SavedItem:
    """One directory of a saved plan."""

    path: str
    kind: str
    stamp: Stamp


@dataclass(frozen=True)
class Saved:
    """A plan as its file tells it."""

    root: str
    device: int
    inode: int
    incremental_only: bool
    recent_s: float
    items: tuple[SavedItem, ...]

    @property
    def choice(self) -> CleanChoice:
        """Return what must be looked for to find the items again."""
        return CleanChoice(
            deps=True, incremental_only=self.incremental_only, recent_s=self.recent_s
        )


def encoded(plan: CleanPlan) -> bytes:
    """`plan` as the bytes of a file, described in `formats/json/clean-plan.schema.json`."""
    shape = {
        "version": VERSION,
        "kind": _NAME,
        "root": {"path": plan.root, "device": plan.device, "inode": plan.inode},
        "incremental_only": plan.choice.incremental_only,
        "recent_seconds": plan.choice.recent_s,
        "items": [_shape(each) for each in plan.items],
    }
    return (json.dumps(shape, indent=2) + "\n").encode()


def is_plan(start: bytes) -> bool:
    """Return whether a file that begins so is a plan, of any version."""
    return f'"kind": "{_NAME}"'.encode() in start


def _shape(item: CleanCandidate) -> dict[str, Any]:
    inventory = item.inventory
    return {
        "path": item.path,
        "kind": item.kind,
        "service": item.service,
        "evidence": list(item.evidence),
        "files": inventory.files,
        "content_bytes": inventory.content_bytes,
        "disk_bytes": inventory.disk_bytes,
        "stamp": {each.name: getattr(inventory.stamp, each.name) for each in fields(Stamp)},
    }


def decoded(data: bytes, path: str) -> Saved:
    """Return the plan that a file holds. Raises `InputError` for anything else."""
    try:
        shape = json.loads(data)
        if (shape["kind"], shape["version"]) != (_NAME, VERSION):
            raise InputError("a plan of another version of ctxsize", path=path)
        root = shape["root"]
        return Saved(
            root=_typed(root["path"], str),
            device=_typed(root["device"], int),
            inode=_typed(root["inode"], int),
            incremental_only=_typed(shape["incremental_only"], bool),
            recent_s=float(shape["recent_seconds"]),
            items=tuple(_item(each) for each in shape["items"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        hint = "ctxsize clean --plan FILE writes one"
        raise InputError("not a plan of ctxsize clean", path=path, hint=hint) from None


def _item(shape: Any) -> SavedItem:
    stamp = shape["stamp"]
    values = {
        each.name: _typed(stamp[each.name], str if each.name in ("listing", "digest") else int)
        for each in fields(Stamp)
    }
    return SavedItem(_typed(shape["path"], str), _typed(shape["kind"], str), Stamp(**values))


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError
    return value


def still_holds(saved: Saved, fresh: CleanPlan) -> tuple[CleanPlan | None, tuple[str, ...]]:
    """Return the saved items as they are now, or None and the reasons why the plan holds no more.

    All of it is looked at anew: what the file says proves nothing.
    """
    if (saved.root, saved.device, saved.inode) != (fresh.root, fresh.device, fresh.inode):
        return None, (f"it was made for {saved.root}, which is not this directory",)
    found = {each.path: each for each in fresh.items}
    left = {each.path: each.message for each in fresh.passed}
    reasons, items = [], []
    for each in saved.items:
        item = found.get(each.path)
        if item is None:
            reasons.append(f"{each.path}: {left.get(each.path, 'it is not there any more')}")
            continue
        reason = difference(each.stamp, item.inventory.stamp)
        if item.kind != each.kind:
            reason = f"it is {item.title} now"
        if reason is not None:
            reasons.append(f"{each.path}: {reason}")
        items.append(item)
    if reasons:
        return None, tuple(reasons)
    return _only(fresh, items), ()


def _only(fresh: CleanPlan, items: list[CleanCandidate]) -> CleanPlan:
    return replace(fresh, items=tuple(items), passed=(), records=(), sums=sums(items))
