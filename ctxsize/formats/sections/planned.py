"""A mode's plan: what changes, what it saves, what was left out and why."""

from __future__ import annotations

from collections.abc import Iterator

from ctxsize.formats.command_line import command
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.sections import Card, Item, NextStep, Prose, Section, suggested
from ctxsize.recommender.modes.plan import Note, Plan, Removed
from ctxsize.units import human, plural

_NOTHING = {
    "allowlist": "Nothing to do: no more is sent than the Dockerfiles take",
    "like": "Nothing to add: what is safe of it is covered here",
    "from-gitignore": "Nothing to add: what is safe of it is ignored here, too",
    "tidy": "Nothing to drop: no line is proved to be one too many",
}
_NOTES = {
    "allowlist": "Left aside",
    "like": "Left out",
    "from-gitignore": "Left out, or not quite the same",
    "tidy": "Kept, though it matches nothing here",
}
_MOST_NOTES = 20


def sections(plan: Plan) -> list[Section]:
    """Return all that `plan` says."""
    change = plan.change
    more = len(change.notes) - _MOST_NOTES
    left_out = Prose(f"  and {more:,} more; --format json has all")
    return [
        Section([*_verdict(plan)]),
        Section([] if plan.edit is None else [*suggested.sizes(plan.before, plan.after)]),
        Section([*_added(plan)], "Added" if plan.written else "To add"),
        Section([*map(_removed, change.removed)], "Dropped" if plan.written else "To drop"),
        Section([*map(_note, change.notes[:_MOST_NOTES])], _NOTES[plan.mode]),
        Section([left_out] if more > 0 else []),
        Section([*suggested.problems(plan.problems, plan.context_path)], "Worth knowing"),
    ]


def _verdict(plan: Plan) -> Iterator[Item]:
    change, where = plan.change, quoted(plan.ignore_file)
    if change.impossible:
        yield Prose(visible(f"Not possible: {change.impossible}"))
        if change.hint:
            yield NextStep("", change.hint)
    elif plan.edit is None:
        yield Prose(_NOTHING[plan.mode])
    elif plan.written:
        yield Prose(f"{_sentence(plan)}; {where} is written")
    else:
        flags = [f"--{plan.mode}", *([plan.sibling] if plan.sibling is not None else [])]
        yield Prose(_sentence(plan))
        verb = "makes" if plan.new_file else "changes"
        step = command(plan, "suggest", *flags, "--write")
        yield NextStep(step, f"{verb} {where}; --diff shows how")


def _sentence(plan: Plan) -> str:
    if plan.mode == "tidy":
        count = plural(len(plan.change.removed), "line")
        verb = "dropped" if plan.written else "can go"
        return f"{count} {verb}, and the same is sent: tried here, and proved for every tree"
    count = plural(len(plan.change.added), "pattern")
    before, after = plan.before.context, plan.after.context
    gone = human(max(0, (before - after).content_bytes))
    verb = "keep" if plan.written else "would keep"
    return (
        f"{count} {verb} out {gone} of {human(before.content_bytes)}, "
        f"{max(0, (before - after).files):,} of {plural(before.files, 'file')}"
    )


def _added(plan: Plan) -> Iterator[Prose]:
    """Yield the lines by heading, as they will stand in the file."""
    heading = ""
    for each in plan.change.added:
        if each.heading != heading:
            heading = each.heading
            yield Prose(f"  {visible(heading)}", 2, style="dim")
        yield Prose(f"    {visible(each.line)}", style="bold", whole=True)


def _removed(each: Removed) -> Card:
    return Card(visible(each.text), f"line {each.line:,}", [_said(each.why)])


def _note(each: Note) -> Card:
    where = quoted(each.path) if each.path else ""
    where += f":{each.line}" if each.line is not None else ""
    return Card(visible(each.subject), where, [_said(each.why)])


def _said(why: str) -> str:
    """Return a clause as a sentence."""
    return visible(f"{why[0].upper()}{why[1:]}.")
