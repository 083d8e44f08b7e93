"""Sections of `diff`: the change, its largest parts with what decides about them, and the fix."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ctxsize.formats.sections import (
    Items,
    NextStep,
    Prose,
    Room,
    Section,
    SectionItem,
    Sections,
    Table,
    few,
    notes,
)
from ctxsize.formats.styles import Look
from ctxsize.formats.wording import (
    MeasuredBuild,
    amount,
    change,
    code,
    command,
    fit,
    more,
    quoted,
    to_write,
    visible,
)
from ctxsize.formats.wrapping import brief
from ctxsize.guard import DEFAULT_GROWTH, Remedy
from ctxsize.guard.baseline import SizeChange
from ctxsize.guard.comparison import ContextChange, DiffReport
from ctxsize.model import Pattern
from ctxsize.units import human, plural, signed

_ROWS = 5
_FOLDED_ROWS = 25  # of a table that Markdown folds
_LONGEST = 100  # number of characters of a name, so that the rows of a comment fit into it
_DECISIONS = {
    "re-included": "line {} of {} re-includes it: {}",
    "no-longer-ignored": "line {} of {} ignored it before: {}",
    "now-ignored": "line {} of {} ignores it now: {}",
}
_VERBS = {"added": "grew", "removed": "shrank", "same": "changed"}


def heading(outcome: DiffReport) -> str:
    """Return the verdict in one line, for the heading of a comment."""
    before = outcome.before
    after = outcome.after
    delta = after.content_bytes - before.content_bytes
    contexts = outcome.contexts
    changed = outcome.changed
    has_several = len(contexts) > 1
    whole = "the build context"
    if has_several:
        whole = plural(len(contexts), "build context")
    sign = _sign(outcome, delta)
    if not changed:
        return f"ctxsize: {sign} no change of {whole}, {amount(after)}"
    verb = "changed"
    if has_several:
        whole = f"{len(changed):,} of {whole}"
    elif delta > 0:
        verb = "grew"
    elif delta:
        verb = "shrank"
    text = f"{whole} {verb}"
    if delta:
        text += f" from {human(before.content_bytes)} to {human(after.content_bytes)}"
    return f"ctxsize: {sign} {signed(delta)}: {text}"


def _sign(outcome: DiffReport, delta: int) -> str:
    tolerated = DEFAULT_GROWTH.limit(outcome.before.content_bytes)
    if delta > tolerated or any(context.new.refusals for context in outcome.contexts):
        return "🔴"
    if delta > 0:
        return "🟡"
    return "🟢"


def sections(outcome: DiffReport, look: Look) -> Sections:
    """Yield the verdict, a row for each context, and the parts of contexts that changed."""
    changed = outcome.changed
    has_several = len(outcome.contexts) > 1
    is_long = look.full or look.markdown
    yield Section([*_verdict(outcome, look)])
    yield Section([_differences(outcome)], "Only here (+) and only in a checkout (-)")
    if not look.quiet:
        yield Section(notes(outcome.problems))
    if has_several or (look.markdown and changed):
        yield Section([_contexts(outcome, look)])
    most = 1
    if is_long:
        most = _most(look, _ROWS)
    for context in changed[:most]:
        name = ""
        if has_several:
            name = f" in {_short(context.name)}"
        yield _parts(context, look, name)
        yield _rewritten(context, look, name)
        if context.new.refusals or context.what in ("grew", "added"):
            yield Section([*_remedies(context, is_known=outcome.differences is not None)])
        if is_long:
            parts = context.changes
            yield _changed("directory", parts.directories, look, name)
            yield _changed("file", parts.files, look, name)
    left = more(len(changed) - most, "changed context")
    if left:
        yield Section([Prose(f"{left}: --full shows all of them, --name NAME one", 0)])


def _rewritten(context: ContextChange, look: Look, name: str) -> Section:
    """Return the files of the same size with other content, which listings with hashes know."""
    lines: list[SectionItem] = [Prose(f"  {quoted(path)}") for path in context.rewritten]
    return Section(few(lines, _ROWS, look, "file"), f"Other content of the same size{name}")


def _verdict(outcome: DiffReport, look: Look) -> Items:
    """Yield the verdict, which is the heading of Markdown, and why a check refuses contexts."""
    before = outcome.before
    after = outcome.after
    delta = after.content_bytes - before.content_bytes
    style = "green"
    if outcome.differences is not None:
        verdict = f"{signed(delta)} compared with a checkout of HEAD"
    elif delta > 0:
        verdict = f"Grew by {human(delta)}"
    elif delta:
        verdict = f"Shrank by {human(-delta)}"
    else:
        verdict = "The same size"
    if delta > 0:
        style = "red"
    if not look.markdown:
        yield Prose(f"{verdict}: {change(before, after)}", 0, verdict, style)
    refusals = []
    for context in outcome.contexts:
        lead = "Refused:"
        if len(outcome.contexts) > 1:
            lead = f"Refused {_short(context.name)}:"
        for refusal in context.new.refusals:
            reason = brief(visible(refusal), 2 * _LONGEST, 1)
            refusals.append(Prose(f"{lead} {reason}", 2, "Refused", "red"))
    yield from refusals[:_ROWS]
    if not (before.complete and after.complete):
        yield Prose("A report has only the largest parts: smaller changes are missed.", 0)


def _differences(outcome: DiffReport) -> Table:
    """Return why a checkout sends something else, a row for each reason with its largest path."""
    rows = [
        (
            signed(difference.content_bytes),
            f"{difference.files:,}",
            difference.kind.replace("-", " "),
            _short(difference.paths[0]),
        )
        for difference in outcome.differences or ()
    ]
    return Table(("change", "files", "", "largest"), rows, names=2)


def _contexts(outcome: DiffReport, look: Look) -> Table:
    """Return a row for each context that changed, and the number of the others."""
    changed = outcome.changed
    most = _most(look, _FOLDED_ROWS)
    rest = [more(len(changed) - most, "changed context")]
    same = len(outcome.contexts) - len(changed)
    if same:
        rest.append(f"{plural(same, 'context')} did not change")
    headers = ("before", "after", "change", "files", "", "context")
    return Table(headers, [*map(_context, changed[:most])], "; ".join(filter(None, rest)))


def _context(context: ContextChange) -> list[str]:
    old = context.before.content_bytes
    delta = context.after - context.before
    new = context.after.content_bytes
    size = signed(delta.content_bytes)
    if old and new < 10 * old:
        size += f" ({new / old - 1:+.0%})"
    what = context.what
    if context.new.refusals:
        what += ", refused"
    name = _short(context.name)
    return [human(old), human(new), size, _signed_files(delta.files), what, name]


def _parts(context: ContextChange, look: Look, name: str) -> Section:
    """Return the largest parts of a change, each with what decides about it."""
    rows = []
    shown = context.culprits[: _most(look, _ROWS)]
    for culprit in shown:
        rows.append(_row(culprit.change))
        if culprit.pattern:
            file = _short(culprit.ignore_file or "the ignore file")
            pattern = _named(culprit.pattern)
            text = _DECISIONS[culprit.decision].format(culprit.pattern.line, file, pattern)
            rows.append([text])
    rest = []
    plain = sum(culprit.decision == "no-pattern" for culprit in shown)
    if plain:
        others = "them"
        if plain < len(shown):
            others = "the others"
        elif plain == 1:
            others = "it"
        rest.append(f"No pattern ignores {others}.")
    files = context.changes.changed_files
    if files > len(shown) and not (look.full or look.markdown):
        rest.append(f"--full lists {plural(files, 'changed file')}.")
    table = Table(("change", "files", "", "path"), rows, " ".join(rest))
    verb = _VERBS.get(context.what, context.what)
    return Section([table], f"What {verb}{name}")


def _named(pattern: Pattern | None) -> str:
    return code(_short(str(pattern)))


def _changed(noun: str, parts: Sequence[SizeChange], look: Look, name: str) -> Section:
    count = len(parts)
    room = Room(_most(look, _FOLDED_ROWS), count, noun)
    return Section([changes(parts, room)], plural(count, f"changed {noun}") + name, folded=True)


def _remedies(context: ContextChange, *, is_known: bool) -> Items:
    """Yield what makes a context smaller; a file that a checkout has too `is_known`."""
    new = context.new
    remedy = new.remedy
    if remedy and 100 * remedy.saves.content_bytes > context.after.content_bytes:
        yield saving_step(new, remedy)
        if remedy.enough:
            return
    where = _short(new.ignore_file or "a .dockerignore")
    steps = dict[str, str]()
    for culprit in context.culprits[:_ROWS]:
        part = culprit.change
        is_old_file = is_known and part.what == "grew" and not part.is_directory
        if culprit.decision == "no-longer-ignored":
            pattern = _named(culprit.pattern)
            steps.setdefault("lost", f"put {pattern} back into {where}")
        elif not is_old_file:
            name = code(_path(part))
            steps.setdefault("new", f"if the build does not need {name}, add it to {where}")
    for step in steps.values():
        yield NextStep("", step, "Fix")


def saving_step(outcome: MeasuredBuild, remedy: Remedy) -> NextStep:
    """Return the command that makes a context smaller."""
    purpose = f"saves {amount(remedy.saves)}"
    if remedy.of == "context":
        purpose += " of the context"
    if not remedy.enough:
        purpose += ", which is not enough"
    return NextStep(command(outcome, *to_write(is_link=remedy.is_link)), purpose, "Fix")


def changes(parts: Sequence[SizeChange], room: Room) -> Table:
    """Return a table of changes; it marks those that are not exact."""
    headers = ("change", "files", "", room.noun)
    return Table(headers, [*map(_row, parts[: room.whole])], room=room)


def _row(part: SizeChange) -> list[str]:
    what = part.what if part.exact else "at least"
    return [signed(part.delta_bytes), _signed_files(part.delta_files), what, _path(part)]


def _signed_files(delta: int) -> str:
    if delta:
        return f"{delta:+,}"
    return ""


def _most(look: Look, usual: int) -> int:
    if look.full:
        usual = sys.maxsize
    return look.top or usual


def _path(part: SizeChange) -> str:
    path = part.path
    if part.is_directory:
        path += "/"
    return _short(path)


def _short(name: str) -> str:
    """Return a name that is safe to print, without its first directories if it is long."""
    return fit(quoted(name), _LONGEST)
