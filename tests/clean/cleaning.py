"""Cleaning a described tree, and what must be true of it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ctxsize import api
from ctxsize.clean import CleanPlan, Result
from ctxsize.clean import delete as deleting
from tests.clean.snapshots import snapshot, without

Step = Callable[[str, str], None]
"""Called when an item is `checked`, `renamed` and `compared`, each before what follows."""
_MOMENTS = {"checked": "_set_aside", "renamed": "_objection", "compared": "_empty"}


def delete(plan: CleanPlan, *, step: Step = lambda *_: None) -> Iterator[Result]:
    """Delete what was planned, and call `step` at each moment."""

    def before(moment: str, method: Callable[..., object]) -> Callable[..., object]:
        def called(item: Any, *arguments: object) -> object:
            step(moment, item._candidate.path)
            return method(item, *arguments)

        return called

    with pytest.MonkeyPatch.context() as patch:
        kind = deleting._Deletion
        for moment, name in _MOMENTS.items():
            patch.setattr(kind, name, before(moment, getattr(kind, name)))
        yield from deleting.delete(plan)


def planned(root: Path, **options: Any) -> CleanPlan:
    """The plan for all that is regenerable below `root`, installed packages too."""
    return api.clean_plan(str(root), **{"deps": True, **options})


def paths(plan: CleanPlan) -> list[str]:
    """What would be deleted."""
    return [each.path for each in plan.items]


def codes(plan: CleanPlan) -> dict[str, str]:
    """Why each of the others is left alone."""
    return {each.path: each.objection.code for each in plan.passed}


def carried_out(plan: CleanPlan, step: Step = lambda *_: None) -> dict[str, Result]:
    """The results by path; nothing but what was done may be missing afterwards."""
    root = Path(plan.root)
    before = snapshot(root)
    results = {each.path: each for each in delete(plan, step=step)}
    done = [path for path, each in results.items() if each.done]
    assert snapshot(root) == without(before, done)
    return results
