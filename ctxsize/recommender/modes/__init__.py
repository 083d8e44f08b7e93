"""The modes by name, and their plans: the change, and the size before and after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import takewhile

from ctxsize.codes import severity_of
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.request import ignore_file_to_write
from ctxsize.engine.segments import covers
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.trial import Trial
from ctxsize.findings import Edit, Finding, Location
from ctxsize.model import Amount
from ctxsize.recommender.modes.draft import Draft, allowlist, like
from ctxsize.recommender.modes.from_gitignore import from_gitignore
from ctxsize.recommender.outcome import IgnoreFileChange, IgnoreFilePlan, Note, Removed
from ctxsize.units import plural
from ctxsize.writer.merge import edit_lines

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
    edit = None if change.after in (None, before) else Edit(path, before, change.after or b"")
    size = draft.size
    after = size if edit is None else draft.size_after(draft.trial.attempt(edit.after))
    saved = size.context - after.context
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
        findings=() if edit is None else tuple(_findings(mode, path, change, saved)),
        problems=(*request.problems, *snapshot.problems, *draft.assumed),
        options=request.build.words(),
        sibling=None if sibling is None else sibling.path,
    )


def _findings(mode: str, path: str, change: IgnoreFileChange, saved: Amount) -> Iterator[Finding]:
    """Yield what `--write` would change: a finding for each removed line, one for all new lines."""
    order = f"ctxsize suggest --{mode} --write does it"
    finding = partial(Finding, "CTX503", severity_of("CTX503"), help=order)
    for each in change.removed:
        yield finding(f"{each.text} is redundant: {each.why}", Location(path, each.line))
    lines = tuple(each.line for each in change.added)
    if lines:
        message = f"--{mode} would add {plural(len(lines), 'line')}"
        yield finding(
            message,
            Location(path),
            evidence=lines,
            lines=lines,
            content_bytes=max(0, saved.content_bytes),
            files=max(0, saved.files),
        )


def tidy(snapshot: Snapshot) -> IgnoreFileChange:
    """Return the ignore file of `snapshot` without the lines that are redundant in every tree.

    A line that matches nothing in this tree may keep a secret out tomorrow: it becomes a note.
    """
    file, trial = snapshot.request.ignore_file, Trial(snapshot)
    if file is None:
        why = "There is no ignore file to tidy"
        return IgnoreFileChange(impossible=why, hint="ctxsize suggest proposes one")
    texts, removed = file.texts(), list[Removed]()
    kept = [pattern for pattern in trial.request.spec.patterns if pattern.line]
    # All other patterns decide if the builder reaches a faulty one, which fails the build.
    is_sound = all(pattern.fault is None for pattern in kept)
    at = len(kept) if is_sound else 0
    while at:
        at -= 1
        why = _why(kept, at)
        if why:
            gone = kept.pop(at)
            removed.append(Removed(gone.line, texts[gone.line - 1].strip(), why))
            # If it was the only one of its kind, those beside it may cover each other now.
            if all(each.include is not gone.include for each in kept[max(0, at - 1) : at + 1]):
                at = len(kept)
    removed.sort(key=lambda each: each.line)
    why = "matches nothing in this tree; it may match in another one, so it stays"
    notes = tuple(
        Note(texts[each.line - 1].strip(), why, file.path, each.line)
        for each in kept
        if each.fault is None and not any(map(each.match_file, trial.everything.paths))
    )
    after = edit_lines(file, dict.fromkeys(each.line for each in removed))
    if removed and trial.before != trial.attempt(after).sent:
        # The proof is for every tree, so a difference in this one is a mistake in it.
        after, removed = file.data, []
    return IgnoreFileChange(after, removed=tuple(removed), notes=notes)


def _why(kept: Sequence[DockerIgnorePattern], at: int) -> str:
    """Return why the pattern at index `at` is redundant in every tree, `""` if it is not."""
    pattern = kept[at]
    if pattern.include and (pattern.text in ("/", ".", "..") or pattern.text.startswith("../")):
        return "it cannot match: all paths are inside the context"
    # The first pattern of the other kind separates this one from those beyond.
    alike = [
        *takewhile(lambda each: each.include is pattern.include, reversed(kept[:at])),
        *takewhile(lambda each: each.include is pattern.include, kept[at + 1 :]),
    ]
    for other in alike:
        if other.text == pattern.text and other.line < pattern.line:
            return f"the same pattern is on line {other.line}"
    # Behind an exception, a directory may be re-included without the files below it.
    is_first = all(each.include for each in kept[:at])
    for other in alike if pattern.include else ():
        cover = covers(other, pattern)
        if cover == "itself" or (cover == "above" and is_first):
            return f"{other.text} on line {other.line} ignores all that it matches"
    return ""
