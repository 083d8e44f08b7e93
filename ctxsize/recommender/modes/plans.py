"""The modes by name, and their plans: what changes, and what is sent before and after."""

from __future__ import annotations

from collections.abc import Callable

from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.request import ignore_file_to_write
from ctxsize.engine.snapshot import Snapshot
from ctxsize.findings import Edit
from ctxsize.recommender.modes.allowlist import allowlist
from ctxsize.recommender.modes.from_gitignore import from_gitignore
from ctxsize.recommender.modes.plan import Change, Plan
from ctxsize.recommender.modes.sibling import like
from ctxsize.recommender.modes.tidy import tidy
from ctxsize.recommender.modes.trial import Trial

MODES: dict[str, Callable[[Trial], Change]] = {
    "allowlist": allowlist,
    "from-gitignore": from_gitignore,
    "tidy": lambda trial: tidy(trial.snapshot),
}
"""Those that need nothing but the context."""


def make(snapshot: Snapshot, mode: str, *, sibling: IgnoreFile | None = None) -> Plan:
    """The plan of `mode`, a key of `MODES`, or of `like` with the ignore file of a `sibling`.

    Raises what the mode raises.
    """
    trial = Trial(snapshot)
    change = MODES[mode](trial) if sibling is None else like(trial, sibling)
    request = snapshot.request
    path = ignore_file_to_write(request)
    before = None if request.ignore_file is None else request.ignore_file.data
    changes = change.after is not None and change.after != before
    edit = Edit(path, before, change.after) if changes and change.after is not None else None
    size = trial.size()
    return Plan(
        mode,
        request.context,
        request.dockerfile,
        request.builder.name,
        path,
        trial.new_file,
        size,
        size if edit is None else trial.size(trial.attempt_file(edit.after)),
        change,
        edit,
        problems=(*request.problems, *snapshot.problems),
        options=request.build.words(),
        sibling=None if sibling is None else sibling.path,
    )
