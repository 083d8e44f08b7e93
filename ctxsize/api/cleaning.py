"""What is proven regenerable: planned, and deleted."""

from __future__ import annotations

from collections.abc import Iterable

from ctxsize.errors import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.clean.values import Choice, Plan, Result
    from ctxsize.engine.events import Progress


def clean_plan(
    root: str = ".",
    *,
    ecosystems: Iterable[str] = (),
    deps: bool = False,
    incremental_only: bool = False,
    older_than_s: float | None = None,
    keep_bytes: int | None = None,
    recent_s: float = 600.0,
    progress: Progress | None = None,
) -> Plan:
    """What could be deleted below `root` as it is proven regenerable, and what not and why.

    Changes nothing. `recent_s` leaves alone what was written so short a time ago.
    Raises `InputError` for a `root` that is `/`, a home directory or above one.
    """
    from ctxsize.clean.values import Choice

    choice = Choice(
        frozenset(ecosystems), deps, incremental_only, older_than_s, keep_bytes, recent_s
    )
    return _cleaning_plan(root, choice, progress)


def clean_apply(plan: Plan, *, progress: Progress | None = None) -> tuple[Result, ...]:
    """What became of each item of `plan`. Deletes, where all is still as it was planned."""
    from ctxsize.clean.delete import delete

    return tuple(delete(plan, progress=progress))


def clean_saved(
    data: bytes, *, path: str, root: str | None = None, progress: Progress | None = None
) -> tuple[Plan, tuple[str, ...]]:
    """The plan that the file `path` holds, and why it holds no more.

    `data` is what the file holds, `root` its ROOT if not the saved one. All is
    looked at anew, and where there are reasons the plan must not be applied.
    Raises `InputError` for a file that is no plan.
    """
    from ctxsize.clean.saved import decoded, still_holds

    saved = decoded(data, path)
    fresh = _cleaning_plan(root or saved.root, saved.choice, progress)
    plan, reasons = still_holds(saved, fresh)
    return fresh if plan is None else plan, reasons


def _cleaning_plan(root: str, choice: Choice, progress: Progress | None) -> Plan:
    import time

    from ctxsize.clean.look import look, root_of
    from ctxsize.clean.plan import plan

    real = root_of(root)
    try:
        seen = look(real, choice, progress=progress)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=root) from None
    return plan(seen, choice, now_ns=time.time_ns())
