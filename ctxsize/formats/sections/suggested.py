"""Suggestions: what they save, the reasons of each and what to type next; what a mode changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ctxsize.accepting import UNUSED
from ctxsize.findings import Finding
from ctxsize.formats.command_line import command
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.sections import Card, Findings, Item, NextStep, Prose, Section, fact
from ctxsize.model import Amount, Problem
from ctxsize.recommender.knowledge.load import BY_NAME
from ctxsize.recommender.outcome import (
    Advice,
    Blocked,
    IgnoreFilePlan,
    Note,
    Question,
    Removed,
    Size,
    Suggestion,
)
from ctxsize.recommender.rules import Rule
from ctxsize.units import human, plural

_MOST_PATHS = 3
_MOST_PROBLEMS = 3
_ABOUT_SECRETS = ("CTX510", "CTX511")
_LABEL = 14
_NOTHING = {
    "allowlist": "Nothing to do: no more is sent than the Dockerfiles take",
    "like": "Nothing to add: what is safe of it is covered here",
    "from-gitignore": "Nothing to add: what is safe of it is ignored here, too",
    "tidy": "Nothing to remove: no line is proved redundant",
}
_NOTES = {
    "allowlist": "Left aside",
    "like": "Left out",
    "from-gitignore": "Left out, or not quite the same",
    "tidy": "Kept, though it matches nothing here",
}
_MOST_NOTES = 20


def sections(advice: Advice) -> list[Section]:
    """Return all that `advice` says; what a rule found and is blocked, `rules` has."""
    safe = [each for each in advice.suggestions if each.safe or each.chosen]
    unsafe = [each for each in advice.suggestions if each not in safe]
    unused = [each for each in advice.findings if each.code == UNUSED]
    secrets = [each for each in advice.findings if each.code in _ABOUT_SECRETS]
    return [
        Section([Prose(_sentence(advice)), _next(advice)]),
        Section([*_sizes(advice.before, advice.after), *_git_ignored(advice)]),
        Section([*map(_suggestion, safe)], "Added" if advice.written else "Safe to add"),
        Section([*map(_suggestion, unsafe)], "Needs your confirmation (--unsafe, or --only RULE)"),
        Section(
            [*map(_question, advice.questions)],
            "Large, and explained by no rule: does the build need it?",
        ),
        Section([Findings(secrets)] if secrets else [], "Secrets"),
        Section(
            [*map(_unused, unused), *_problems(advice.problems, advice.context_path)],
            "Worth knowing",
        ),
    ]


def _sentence(advice: Advice) -> str:
    chosen = [each for each in advice.suggestions if each.chosen]
    if not chosen:
        return "Nothing to add: no rule finds anything that is safe to leave out"
    before, after = advice.before.counted, advice.after.counted
    count = plural(sum(len(each.patterns) for each in chosen), "pattern")
    verb = "written, to keep" if advice.written else "would keep"
    saved = before - after
    if not saved.files and not saved.content_bytes:
        left = advice.before.context - advice.after.context
        size = human(max(0, left.content_bytes))
        return f"{count} {verb} out {size} of what this build leaves behind anyway"
    least = "at least " if advice.lower_bound else ""
    gone = human(max(0, saved.content_bytes))
    return (
        f"{count} {verb} out {least}{gone} of {least}{human(before.content_bytes)}, "
        f"{max(0, saved.files):,} of {plural(before.files, 'file')}"
    )


def _next(advice: Advice) -> NextStep:
    where = quoted(advice.ignore_file)
    if advice.written:
        return NextStep(command(advice, "measure"), f"shows what is left; {where} is written")
    if advice.edit is not None:
        verb = "makes" if advice.new_file else "adds to"
        return NextStep(command(advice, "suggest", "--write"), f"{verb} {where}; --diff shows how")
    if advice.suggestions:
        first = advice.suggestions[0].rule.name
        return NextStep(
            command(advice, "suggest", "--write", "--only", first), "takes one all the same"
        )
    if advice.questions:
        need = "look at what is large below, and add what the build does not need"
        return NextStep("", f"{need} to {where}")
    return NextStep(command(advice, "measure"), "shows what is sent")


def _sizes(before: Size, after: Size) -> Iterator[Prose]:
    """Yield the sizes of the context and of what travels, each before and after."""
    yield _change("Context", before.context, after.context)
    if before.transfer is not None and after.transfer is not None:
        yield _change("Transfer", before.transfer, after.transfer)


def _change(label: str, before: Amount, after: Amount) -> Prose:
    then = "" if before == after else f" -> {_amount(after)}"
    return fact(label, _amount(before) + then)


def _git_ignored(advice: Advice) -> Iterator[Prose]:
    if advice.git_ignored is not None and advice.git_ignored.files:
        text = f"{_amount(advice.git_ignored)} that git ignores would be sent"
        if advice.git_ignored_secrets:
            text += f", {plural(advice.git_ignored_secrets, 'secret')} among them"
        yield fact("Git", text)._replace(whole=True)


def _amount(amount: Amount) -> str:
    return f"{human(amount.content_bytes)} in {plural(amount.files, 'file')}"


def _suggestion(each: Suggestion) -> Card:
    """Return the patterns of a suggestion, its figures and its reasons."""
    head = " ".join(map(quoted, each.patterns[:_MOST_PATHS]))
    if len(each.patterns) > _MOST_PATHS:
        head += f" and {len(each.patterns) - _MOST_PATHS:,} more"
    texts = [f"{each.rule.why[0].upper()}{each.rule.why[1:]}."]
    if each.doubts:
        texts.append(f"Doubt: {visible('; '.join(each.doubts))}.")
    shown = [visible(text) for text in each.evidence[:_MOST_PATHS]]
    more = len(each.evidence) - len(shown)
    texts.append("Evidence: " + "; ".join(shown) + (f"; and {more:,} more" if more > 0 else ""))
    sure = f"{each.rule.name}, {each.rule.confidence:.0%} sure"
    again = f"; made again by {each.rule.again}" if each.rule.again else ""
    busts = "; its changes bust the build cache" if each.rule.volatile else ""
    texts.append(f"Rule: {sure}{again}{busts}")
    return Card(head, _figures(each.size), texts)


def _figures(size: Size) -> str:
    counted = size.counted
    if not counted.files and size.context.files:
        return f"{_amount(size.context)} that this build leaves behind"
    return _figures_of(counted)


def _question(each: Question) -> Card:
    return Card(quoted(each.path), _figures_of(each.size), [each.note] if each.note else [])


def _figures_of(amount: Amount) -> str:
    return f"{human(amount.content_bytes)}, {plural(amount.files, 'file')}"


def _unused(finding: Finding) -> Card:
    return Card(quoted(finding.location.path), "", [visible(f"{finding.message}: {finding.help}")])


def _problems(found: Sequence[Problem], context_path: str) -> Iterator[Card]:
    """Yield the first few problems, each with the path that it is about."""
    for each in found[:_MOST_PROBLEMS]:
        yield Card(quoted(each.path or context_path), "", [visible(each.message)])


def rules(advice: Advice, names: Sequence[str]) -> list[Section]:
    """Return what `advice` says about the rules of these names; without any, all that is blocked.

    `suggest --explain` shows it.
    """
    if names:
        return [_rule(advice, BY_NAME[name]) for name in names]
    if not advice.blocked:
        return [Section([Prose("Everything that was found is suggested.")])]
    return [Section([*_blocked_entries(advice.blocked)])]


def _rule(advice: Advice, rule: Rule) -> Section:
    facts = {
        "looks for": rule.looks_for,
        "evidence": str(rule.marker),
        "written as": rule.written_as,
        "why": rule.why,
        "made again by": rule.again,
        "traps": ", ".join(rule.traps),
    }
    items: list[Item] = [fact(label, text, width=_LABEL) for label, text in facts.items() if text]
    here = [each for each in advice.suggestions if each.rule is rule]
    against = [each for each in advice.blocked if each.rule == rule.name]
    if here:
        items += [Prose("Suggested here", style="bold"), *map(_suggestion, here)]
    items += _blocked_entries(against)
    if not here and not against:
        items.append(
            fact("here", "nothing that is sent has this name and its evidence", width=_LABEL)
        )
    return Section(items, rule.name)


def _blocked_entries(found: Sequence[Blocked]) -> Iterator[Item]:
    """Yield what rules found and is not suggested, with what speaks against it."""
    if found:
        yield Prose("Found, and not suggested", style="bold")
    for each in found:
        texts = [
            f"Blocked by {each.trap}: {visible(each.reason)}.",
            f"Rule: {each.rule}; evidence: {visible(each.evidence)}",
        ]
        yield Card(quoted(each.path), _figures_of(each.size), texts)


def planned(plan: IgnoreFilePlan) -> list[Section]:
    """Return all that `plan` says."""
    change = plan.change
    more = len(change.notes) - _MOST_NOTES
    left_out = Prose(f"  and {more:,} more; --format json has all")
    return [
        Section([*_change_verdict(plan)]),
        Section([] if plan.edit is None else [*_sizes(plan.before, plan.after)]),
        Section([*_added(plan)], "Added" if plan.written else "To add"),
        Section([*map(_removed, change.removed)], "Dropped" if plan.written else "To drop"),
        Section([*map(_note, change.notes[:_MOST_NOTES])], _NOTES[plan.mode]),
        Section([left_out] if more > 0 else []),
        Section([*_problems(plan.problems, plan.context_path)], "Worth knowing"),
    ]


def _change_verdict(plan: IgnoreFilePlan) -> Iterator[Item]:
    change, where = plan.change, quoted(plan.ignore_file)
    if change.impossible:
        yield Prose(visible(f"Not possible: {change.impossible}"))
        if change.hint:
            yield NextStep("", change.hint)
    elif plan.edit is None:
        yield Prose(_NOTHING[plan.mode])
    elif plan.written:
        yield Prose(f"{_change_sentence(plan)}; {where} is written")
    else:
        flags = [f"--{plan.mode}", *([plan.sibling] if plan.sibling is not None else [])]
        yield Prose(_change_sentence(plan))
        verb = "makes" if plan.new_file else "changes"
        step = command(plan, "suggest", *flags, "--write")
        yield NextStep(step, f"{verb} {where}; --diff shows how")


def _change_sentence(plan: IgnoreFilePlan) -> str:
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


def _added(plan: IgnoreFilePlan) -> Iterator[Prose]:
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
