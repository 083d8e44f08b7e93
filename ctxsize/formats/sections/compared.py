"""Sections of `diff`: the change, its largest parts with what decides about them, and the fix."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from ctxsize.formats import Look
from ctxsize.formats.sections import Item, NextStep, Prose, Section, Table, notes
from ctxsize.formats.text import brief
from ctxsize.formats.wording import amount, change, code, command, fit, more, quoted, visible
from ctxsize.guard import DEFAULT_GROWTH
from ctxsize.guard.baseline import SizeChange
from ctxsize.guard.comparison import ContextChange, DiffReport
from ctxsize.units import human, plural, signed

_ROWS, _FOLDED_ROWS = 5, 25  # of a table, and of one that Markdown folds
_LONGEST = 100  # number of characters of a name, so that the rows of a comment fit into it
_DECISIONS = {
    "re-included": "line {} of {} re-includes it: {}",
    "no-longer-ignored": "line {} of {} ignored it before: {}",
    "now-ignored": "line {} of {} ignores it now: {}",
}


def heading(outcome: DiffReport) -> str:
    """Return the verdict in one line, for the heading of a comment."""
    before = outcome.before
    after = outcome.after
    changed = len(outcome.changed)
    delta = after.content_bytes - before.content_bytes
    refused = any(each.new.refusals for each in outcome.contexts)
    grew = delta > DEFAULT_GROWTH.limit(before.content_bytes)
    if refused or grew:
        sign = "🔴"
    elif delta > 0:
        sign = "🟡"
    else:
        sign = "🟢"
    several = len(outcome.contexts) > 1
    if several:
        whole = plural(len(outcome.contexts), "build context")
    else:
        whole = "the build context"
    if not changed:
        return f"ctxsize: {sign} no change of {whole}, {amount(after)}"
    if delta > 0:
        verb = "grew"
    elif delta:
        verb = "shrank"
    else:
        verb = "changed"
    if several:
        what = f"{changed:,} of {whole} changed"
    else:
        what = f"{whole} {verb}"
    sizes = f" from {human(before.content_bytes)} to {human(after.content_bytes)}"
    return f"ctxsize: {sign} {signed(delta)}: {what}{sizes if delta else ''}"


def sections(outcome: DiffReport, look: Look) -> Iterator[Section]:
    """Yield the verdict, a row for each context, and the parts of contexts that changed."""
    changed = outcome.changed
    several = len(outcome.contexts) > 1
    yield Section([*_answer(outcome, look)])
    yield Section([_differences(outcome)], "Only here (+) and only in a checkout (-)")
    yield Section([] if look.quiet else notes(outcome.problems))
    if several or (look.markdown and changed):
        yield Section([_contexts(outcome, look)])
    if look.full or look.markdown:
        most = _most(look, _ROWS)
    else:
        most = 1
    for each in changed[:most]:
        if several:
            name = f" in {_short(each.name)}"
        else:
            name = ""
        yield from _parts(each, look, name)
        if each.new.refusals or each.what in ("grew", "added"):
            yield Section([*_remedies(each, is_known=outcome.differences is not None)])
        if look.full or look.markdown:
            parts = {"directory": each.changes.directories, "file": each.changes.files}
            for noun, found in parts.items():
                title = f"{plural(len(found), f'changed {noun}')}{name}"
                rows = changes(noun, found, _most(look, _FOLDED_ROWS))
                yield Section([rows], title, folded=True)
    if left := more(len(changed) - most, "changed context"):
        yield Section([Prose(f"{left}: --full shows all of them, --name NAME one", 0)])


def _answer(outcome: DiffReport, look: Look) -> Iterator[Item]:
    """Yield the verdict, which is the heading of Markdown, and why a check refuses contexts."""
    before = outcome.before
    after = outcome.after
    delta = after.content_bytes - before.content_bytes
    several = len(outcome.contexts) > 1
    if delta > 0:
        verb = "Grew"
        style = "red"
    else:
        verb = "Shrank"
        style = "green"
    if delta:
        verdict = f"{verb} by {human(abs(delta))}"
    else:
        verdict = "The same size"
    if outcome.differences is not None:
        verdict = f"{signed(delta)} compared with a checkout of HEAD"
    if not look.markdown:
        yield Prose(f"{verdict}: {change(before, after)}", 0, verdict, style)
    refused = [(each, one) for each in outcome.contexts for one in each.new.refusals]
    for each, refusal in refused[:_ROWS]:
        if several:
            lead = f"Refused {_short(each.name)}:"
        else:
            lead = "Refused:"
        why = brief(visible(refusal), 2 * _LONGEST, 1)
        yield Prose(f"{lead} {why}", 2, "Refused", "red")
    if not (before.complete and after.complete):
        yield Prose("A report has only the largest parts: smaller changes are missed.", 0)


def _differences(outcome: DiffReport) -> Table:
    """Return why a checkout sends something else, a row for each reason with its largest path."""
    rows = []
    for each in outcome.differences or ():
        figures = signed(each.content_bytes), f"{each.files:,}", each.kind.replace("-", " ")
        rows.append((*figures, _short(each.paths[0])))
    return Table(("change", "files", "", "largest"), rows, names=2)


def _contexts(outcome: DiffReport, look: Look) -> Table:
    """Return a row for each context that changed, and the number of the others."""
    changed = outcome.changed
    rows = []
    for each in changed[: _most(look, _FOLDED_ROWS)]:
        old = each.before.content_bytes
        new = each.after.content_bytes
        if old and new < 10 * old:
            share = f" ({new / old - 1:+.0%})"
        else:
            share = ""
        files = each.after.files - each.before.files
        what = f"{each.what}{', refused' if each.new.refusals else ''}"
        figures = (human(old), human(new), f"{signed(new - old)}{share}")
        rows.append((*figures, f"{files:+,}" if files else "", what, _short(each.name)))
    same = len(outcome.contexts) - len(changed)
    rest = [more(len(changed) - len(rows), "changed context")]
    if same:
        rest += [f"{plural(same, 'context')} did not change"]
    headers = ("before", "after", "change", "files", "", "context")
    return Table(headers, rows, "; ".join(filter(None, rest)))


def _parts(context: ContextChange, look: Look, name: str) -> Iterator[Section]:
    """Yield the largest parts of a change, each with what decides about it."""
    rows: list[Sequence[str]] = []
    shown = context.culprits[: _most(look, _ROWS)]
    for each in shown:
        rows.append(_row(each.change))
        if each.pattern is not None:
            names = _short(each.ignore_file or "the ignore file"), code(_short(str(each.pattern)))
            rows.append([_DECISIONS[each.decision].format(each.pattern.line, *names)])
    plain = sum(each.decision == "no-pattern" for each in shown)
    if plain < len(shown):
        which = "the others"
    elif plain == 1:
        which = "it"
    else:
        which = "them"
    if plain:
        rest = [f"No pattern ignores {which}."]
    else:
        rest = []
    if not (look.full or look.markdown) and len(context.changes.files) > len(shown):
        rest.append(f"--full lists {plural(len(context.changes.files), 'changed file')}.")
    verb = {"added": "grew", "removed": "shrank", "same": "changed"}.get(context.what, context.what)
    table = Table(("change", "files", "", "path"), rows, " ".join(rest))
    yield Section([table], f"What {verb}{name}")


def _remedies(context: ContextChange, *, is_known: bool) -> Iterator[NextStep]:
    """Yield what makes a context smaller; a file that a checkout has too `is_known`."""
    new = context.new
    remedy = context.new.remedy
    unneeded = 0
    suggest = command(new, "suggest", "--write")
    if remedy and 100 * remedy.saves.content_bytes > context.after.content_bytes:
        if remedy.enough:
            enough = ""
        else:
            enough = ", which is not enough"
        yield NextStep(suggest, f"saves {amount(remedy.saves)}{enough}", "Fix")
        if remedy.enough:
            return
    where = _short(new.ignore_file or "a .dockerignore")
    steps = dict[str, str]()
    for each in context.culprits[:_ROWS]:
        if any(f"{each.change.path}/".startswith(f"{path}/") for path in new.unneeded):
            unneeded += each.change.delta_bytes
        elif each.decision == "no-longer-ignored":
            steps.setdefault("lost", f"put {code(_short(str(each.pattern)))} back into {where}")
        elif not (is_known and each.change.what == "grew" and not each.change.is_directory):
            name = code(_short(f"{each.change.path}{'/' * each.change.is_directory}"))
            steps.setdefault("new", f"if the build does not need {name}, add it to {where}")
    if unneeded and not remedy:
        yield NextStep(suggest, f"{human(unneeded)} of it looks unneeded", "Fix")
    yield from (NextStep("", each, "Fix") for each in steps.values())


def changes(noun: str, found: Sequence[SizeChange], top: int) -> Table:
    """Return a table of the first `top` changes; it marks those that are not exact."""
    rows = [_row(each) for each in found[:top]]
    return Table(("change", "files", "", noun), rows, more(len(found) - top, noun))


def _row(each: SizeChange) -> tuple[str, str, str, str]:
    if each.delta_files:
        files = f"{each.delta_files:+,}"
    else:
        files = ""
    if each.exact:
        what = each.what
    else:
        what = "at least"
    return signed(each.delta_bytes), files, what, _short(f"{each.path}{'/' * each.is_directory}")


def _most(look: Look, usual: int) -> int:
    return look.top or (sys.maxsize if look.full else usual)


def _short(name: str) -> str:
    """Return a name that is safe to print, without its first directories if it is long."""
    return fit(quoted(name), _LONGEST)
