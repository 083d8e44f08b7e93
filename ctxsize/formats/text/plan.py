"""A mode's plan for a person: what changes, what it saves, what was left out and why."""

from __future__ import annotations

from collections.abc import Iterable

from ctxsize import units
from ctxsize.formats.look import Look
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.text.advice import command, plural
from ctxsize.formats.text.suggest import Block, section, wrapped
from ctxsize.model import Amount
from ctxsize.recommender.outcome import IgnoreFilePlan, Note, Removed
from ctxsize.writer.merge import Addition

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
_MOST_PROBLEMS = 3


def render(plan: IgnoreFilePlan, look: Look) -> str:
    """`plan` as text no wider than `look.width`."""
    change = plan.change
    problems = plan.problems[:_MOST_PROBLEMS]
    sections = [
        _verdict(plan, look),
        _sizes(plan, look),
        _added(plan, look),
        section("Dropped" if plan.written else "To drop", map(_removed, change.removed), look),
        section(_NOTES[plan.mode], map(_note, change.notes[:_MOST_NOTES]), look),
        _more(len(change.notes)),
        section(
            "Worth knowing",
            (
                (quoted(each.path or plan.context_path), "", [visible(each.message)])
                for each in problems
            ),
            look,
        ),
    ]
    return "\n".join("\n".join(lines) + "\n" for lines in sections if lines)


def _verdict(plan: IgnoreFilePlan, look: Look) -> list[str]:
    change = plan.change
    if change.impossible:
        lines = wrapped(visible(f"Not possible: {change.impossible}"), look)
        return lines + wrapped(f"Next: {change.hint}", look, "      ") * bool(change.hint)
    if plan.edit is None:
        return wrapped(_NOTHING[plan.mode], look)
    where = quoted(plan.ignore_file)
    if plan.written:
        return wrapped(f"{_sentence(plan)}; {where} is written", look)
    flags = [f"--{plan.mode}", *([plan.sibling] if plan.sibling is not None else [])]
    step = command(plan, "suggest", *flags, "--write")
    verb = "makes" if plan.new_file else "changes"
    lines = [*wrapped(_sentence(plan), look), f"Next: {look.paint(step, 'bold')}"]
    return lines + wrapped(f"      {verb} {where}; --diff shows how", look, "      ")


def _sentence(plan: IgnoreFilePlan) -> str:
    if plan.mode == "tidy":
        count = plural(len(plan.change.removed), "line")
        verb = "dropped" if plan.written else "can go"
        return f"{count} {verb}, and the same is sent: tried here, and proved for every tree"
    count = plural(len(plan.change.added), "pattern")
    before, after = plan.before.context, plan.after.context
    gone = units.human(max(0, (before - after).content_bytes))
    verb = "keep" if plan.written else "would keep"
    return (
        f"{count} {verb} out {gone} of {units.human(before.content_bytes)}, "
        f"{max(0, (before - after).files):,} of {plural(before.files, 'file')}"
    )


def _sizes(plan: IgnoreFilePlan, look: Look) -> list[str]:
    if plan.edit is None:
        return []
    rows = [("Context", plan.before.context, plan.after.context)]
    if plan.before.transfer is not None and plan.after.transfer is not None:
        rows.append(("Transfer", plan.before.transfer, plan.after.transfer))
    return [
        f"  {look.paint(f'{label:<13}', 'dim')}{_amount(before)}"
        + ("" if before == after else f" -> {_amount(after)}")
        for label, before, after in rows
    ]


def _amount(amount: Amount) -> str:
    return f"{units.human(amount.content_bytes)} in {plural(amount.files, 'file')}"


def _added(plan: IgnoreFilePlan, look: Look) -> list[str]:
    """The lines by heading, as they will stand in the file."""
    lines: list[str] = []
    heading = ""
    for each in plan.change.added:
        if each.heading != heading:
            heading = each.heading
            lines += wrapped(f"  {look.paint(visible(heading), 'dim')}", look, "  ")
        lines.append(f"    {look.paint(_shown(each), 'bold')}")
    title = "Added" if plan.written else "To add"
    return [look.paint(title, "bold"), *lines] if lines else []


def _shown(each: Addition) -> str:
    return visible(each.line)


def _removed(each: Removed) -> Block:
    return (
        visible(each.text),
        f"line {each.line:,}",
        [visible(f"{each.why[0].upper()}{each.why[1:]}.")],
    )


def _note(each: Note) -> Block:
    where = quoted(each.path) if each.path else ""
    where += f":{each.line}" if each.line is not None else ""
    return visible(each.subject), where, [_said(each.why)]


def _said(why: str) -> str:
    """A clause as a sentence."""
    return visible(f"{why[0].upper()}{why[1:]}.")


def _more(count: int) -> Iterable[str]:
    return (
        [f"  and {count - _MOST_NOTES:,} more; --format json has all"]
        if count > _MOST_NOTES
        else []
    )
