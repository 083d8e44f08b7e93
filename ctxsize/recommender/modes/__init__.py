"""The modes by name, and their plans: the change, and the size before and after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ctxsize.codes import severity_of
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.request import ignore_file_to_write
from ctxsize.engine.snapshot import Snapshot
from ctxsize.findings import Edit, Finding, Location
from ctxsize.model import Amount
from ctxsize.recommender.modes.draft import Draft, allowlist
from ctxsize.recommender.modes.existing import like, tidy
from ctxsize.recommender.modes.from_gitignore import from_gitignore
from ctxsize.recommender.outcome import IgnoreFileChange, IgnoreFilePlan

MODES: dict[str, Callable[[Draft], IgnoreFileChange]] = {
    "allowlist": allowlist,
    "from-gitignore": from_gitignore,
    "tidy": lambda draft: tidy(draft.snapshot),
}
"""The modes that need only the context."""


def make(snapshot: Snapshot, mode: str, *, sibling: IgnoreFile | None = None) -> IgnoreFilePlan:
    """Return the plan of `mode`, a key of `MODES`; with a `sibling`, that of `like`.

    Raises what the mode raises.
    """
    draft = Draft(snapshot)
    change = MODES[mode](draft) if sibling is None else like(draft, sibling)
    request = snapshot.request
    path = ignore_file_to_write(request)
    before = None if request.ignore_file is None else request.ignore_file.data
    changes = change.after is not None and change.after != before
    edit = Edit(path, before, change.after) if changes and change.after is not None else None
    size = draft.size
    after = size if edit is None else draft.size_after(draft.trial.attempt(edit.after))
    saved = size.context - after.context
    found = () if edit is None else tuple(_findings(mode, path, change, saved))
    return IgnoreFilePlan(
        context_path=request.context,
        dockerfile=request.dockerfile,
        builder=request.builder.name,
        ignore_file=path,
        new_file=draft.new_file,
        before=size,
        after=after,
        edit=edit,
        mode=mode,
        change=change,
        findings=found,
        problems=(*request.problems, *snapshot.problems, *draft.assumed),
        options=request.build.words(),
        sibling=None if sibling is None else sibling.path,
    )


def _findings(mode: str, path: str, change: IgnoreFileChange, saved: Amount) -> Iterator[Finding]:
    """Yield what `--write` would change: a finding for each removed line, one for all new lines."""
    severity, order = severity_of("CTX503"), f"ctxsize suggest --{mode} --write does it"
    for each in change.removed:
        message = f"{each.text} is redundant: {each.why}"
        yield Finding("CTX503", severity, message, Location(path, each.line), help=order)
    if change.added:
        lines = tuple(each.line for each in change.added)
        message = f"--{mode} would add {len(lines):,} {'line' if len(lines) == 1 else 'lines'}"
        yield Finding(
            "CTX503",
            severity,
            message,
            Location(path),
            evidence=lines,
            content_bytes=max(0, saved.content_bytes),
            files=max(0, saved.files),
            help=order,
            lines=lines,
        )
