"""Sections of `suggest`: the saving, each suggestion with its reasons, and the next step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from ctxsize.accepting import UNUSED
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.sections import Card, Example, Fact, Findings, Item, NextStep, Prose, Section
from ctxsize.formats.wording import EXAMPLES, amount, command, listed, more, path_argument, sentence
from ctxsize.model import Amount
from ctxsize.recommender.outcome import (
    Advice,
    Blocked,
    IgnoreFilePlan,
    Size,
    Suggested,
    Suggestion,
)
from ctxsize.recommender.rules import Rule, all_rules
from ctxsize.units import human, plural

_ABOUT_SECRETS = ("CTX510", "CTX511")
_NOTHING = {
    "allowlist": "Nothing to do: only what the Dockerfiles take is sent",
    "like": "Nothing to add: its safe patterns are covered here already",
    "from-gitignore": "Nothing to add: its safe patterns are covered here already",
    "tidy": "Nothing to remove: no line is proved redundant",
}
_NOTES = {
    "allowlist": "Left out",
    "like": "Left out",
    "from-gitignore": "Left out, or translated inexactly",
    "tidy": "Kept, though it matches nothing here",
}
_MOST_NOTES = 20


def sections(outcome: Advice | IgnoreFilePlan) -> list[Section]:
    """Return the sections of `outcome`, without those of `--explain`."""
    return _suggested(outcome) if outcome.kind == "suggest" else _planned(outcome)


def _suggested(advice: Advice) -> list[Section]:
    safe = [each for each in advice.suggestions if each.safe or each.chosen]
    unsafe = [each for each in advice.suggestions if each not in safe]
    questions = [
        Card(quoted(each.path), amount(each.size), [each.note] if each.note else [])
        for each in advice.questions
    ]
    secrets = [each for each in advice.findings if each.code in _ABOUT_SECRETS]
    unused = [
        Card(quoted(each.location.path), "", [visible(f"{each.message}: {each.help}")])
        for each in advice.findings
        if each.code == UNUSED
    ]
    return [
        Section([Prose(_sentence(advice)), _next(advice)]),
        Section([*_sizes(advice.before, advice.after), *_git_ignored(advice)]),
        Section([*map(_suggestion, safe)], "Added" if advice.written else "Safe to add"),
        Section([*map(_suggestion, unsafe)], "Needs your confirmation (--unsafe, or --only RULE)"),
        Section(questions, "Large, and explained by no rule: does the build need it?"),
        Section([Findings(secrets)] if secrets else [], "Secrets"),
        Section([*unused, *_problems(advice)], "Worth knowing"),
    ]


def _sentence(advice: Advice) -> str:
    patterns = sum(len(each.patterns) for each in advice.suggestions if each.chosen)
    if not patterns:
        return "Nothing to add: no rule finds anything that is safe to ignore"
    before, after = advice.before.counted, advice.after.counted
    if any(before - after):
        return _kept_out(advice, patterns, before, after)
    left = advice.before.context - advice.after.context
    size = human(max(0, left.content_bytes))
    return f"{_keep(advice, patterns)} {size} that this build does not transfer anyway"


def _keep(outcome: Suggested, patterns: int) -> str:
    verb = "would keep" if not outcome.written else "keeps" if patterns == 1 else "keep"
    return f"{plural(patterns, 'pattern')} {verb} out"


def _kept_out(outcome: Suggested, patterns: int, before: Amount, after: Amount) -> str:
    """Return how much the patterns keep out of what would be sent."""
    least = "at least " if isinstance(outcome, Advice) and outcome.lower_bound else ""
    size, files = max(0, (before - after).content_bytes), max(0, before.files - after.files)
    whole = f"{least}{human(before.content_bytes)}"
    return (
        f"{_keep(outcome, patterns)} {least}{human(size)} of {whole}, "
        f"{files:,} of {plural(before.files, 'file')}"
    )


def _next(advice: Advice) -> NextStep:
    where = quoted(advice.ignore_file)
    if advice.written:
        return NextStep(command(advice, "measure"), f"shows what is left; {where} was written")
    if advice.edit is not None:
        verb = "creates" if advice.new_file else "adds to"
        return NextStep(command(advice, "suggest", "--write"), f"{verb} {where}; --diff shows how")
    if advice.suggestions:
        one = command(advice, "suggest", "--write", "--only", advice.suggestions[0].rule.name)
        return NextStep(one, "adds one that needs your confirmation")
    if advice.questions:
        need = "review the large paths below, and add those that the build does not need"
        return NextStep("", f"{need} to {where}")
    return NextStep(command(advice, "measure"), "shows what is sent")


def _sizes(before: Size, after: Size) -> Iterator[Fact]:
    sizes = [("Context", before.context, after.context)]
    if before.transfer is not None and after.transfer is not None:
        sizes.append(("Transfer", before.transfer, after.transfer))
    for label, was, now in sizes:
        yield Fact(label, amount(was) + ("" if was == now else f" -> {amount(now)}"))


def _git_ignored(advice: Advice) -> Iterator[Fact]:
    if advice.git_ignored is not None and advice.git_ignored.files:
        text = f"{amount(advice.git_ignored)} that git ignores would be sent"
        secrets = plural(advice.git_ignored_secrets or 0, "secret")
        yield Fact("Git", text + (f", {secrets} among them" if advice.git_ignored_secrets else ""))


def _suggestion(each: Suggestion) -> Card:
    size, rule = each.size, each.rule
    left = not size.counted.files and size.context.files
    figures = (
        f"{amount(size.context)} that this build does not transfer"
        if left
        else amount(size.counted)
    )
    again = f"; made again by {rule.again}" if rule.again else ""
    busts = "; its changes bust the build cache" if rule.volatile else ""
    texts = [
        sentence(rule.why),
        *([f"Doubt: {visible('; '.join(each.doubts))}."] if each.doubts else []),
        f"Evidence: {listed([*map(visible, each.evidence)], sign='; ')}",
        f"Rule: {rule.name}, {rule.confidence:.0%} sure{again}{busts}",
    ]
    return Card(listed([*map(quoted, each.patterns)], sign=" "), figures, texts)


def _problems(outcome: Suggested) -> Iterator[Card]:
    for each in outcome.problems[:EXAMPLES]:
        yield Card(quoted(each.path or outcome.context_path), "", [visible(each.message)])


def rules(advice: Advice, names: Sequence[str]) -> list[Section]:
    """Return the sections of `--explain` for these rules, or for all that is blocked.

    Without names, show all that is blocked.
    """
    if names:
        return [_rule(advice, all_rules()[name]) for name in names]
    nothing = Prose("Everything that was found is suggested.")
    return [Section([*_not_suggested(advice.blocked)] or [nothing])]


def _rule(advice: Advice, rule: Rule) -> Section:
    facts = {
        "looks for": rule.looks_for,
        "evidence": str(rule.marker),
        "written as": rule.written_as,
        "why": rule.why,
        "made again by": rule.again,
        "traps": ", ".join(rule.traps),
    }
    here = [_suggestion(each) for each in advice.suggestions if each.rule is rule]
    against = [*_not_suggested([each for each in advice.blocked if each.rule == rule.name])]
    if not here and not against:
        facts["here"] = "nothing that is sent has this name with its evidence"
    items: list[Item] = [Fact(label, text, 14) for label, text in facts.items() if text]
    items += [Prose("Suggested here", style="bold"), *here] if here else []
    return Section([*items, *against], rule.name)


def _not_suggested(found: Sequence[Blocked]) -> Iterator[Item]:
    if found:
        yield Prose("Found, but not suggested", style="bold")
    for each in found:
        texts = [
            f"Blocked by {each.trap}: {visible(each.reason)}.",
            f"Rule: {each.rule}; evidence: {visible(each.evidence)}",
        ]
        yield Card(quoted(each.path), amount(each.size), texts)


def _planned(plan: IgnoreFilePlan) -> list[Section]:
    change, left = plan.change, more(len(plan.change.notes) - _MOST_NOTES)
    removed = [
        Card(visible(each.text), f"line {each.line:,}", [sentence(each.why)])
        for each in change.removed
    ]
    notes = [
        Card(
            visible(each.subject),
            quoted(each.path or "") + (f":{each.line}" if each.line is not None else ""),
            [sentence(each.why)],
        )
        for each in change.notes[:_MOST_NOTES]
    ]
    return [
        Section([*_change(plan)]),
        Section([] if plan.edit is None else [*_sizes(plan.before, plan.after)]),
        Section([*_added(plan)], "Added" if plan.written else "To add"),
        Section(removed, "Removed" if plan.written else "To remove"),
        Section(notes, _NOTES[plan.mode]),
        Section([Prose(f"  {left}; --format json lists all")] if left else []),
        Section([*_problems(plan)], "Worth knowing"),
    ]


def _change(plan: IgnoreFilePlan) -> Iterator[Item]:
    change, where = plan.change, quoted(plan.ignore_file)
    if change.impossible:
        yield Prose(visible(f"Not possible: {change.impossible}"))
        if change.hint:
            yield NextStep("", change.hint)
        return
    if plan.edit is None:
        yield Prose(_NOTHING[plan.mode])
        return
    if plan.mode == "tidy":
        verb = "removed" if plan.written else "can be removed"
        lines = plural(len(change.removed), "line")
        text = f"{lines} {verb} without changing what is sent: proved for every tree, tried here"
    else:
        text = _kept_out(plan, len(change.added), plan.before.context, plan.after.context)
    yield Prose(f"{text}; {where} was written" if plan.written else text)
    if not plan.written:
        flags = [f"--{plan.mode}", *([path_argument(plan.sibling)] if plan.sibling else [])]
        verb = "creates" if plan.new_file else "changes"
        step = command(plan, "suggest", *flags, "--write")
        yield NextStep(step, f"{verb} {where}; --diff shows how")


def _added(plan: IgnoreFilePlan) -> Iterator[Item]:
    for heading, group in groupby(plan.change.added, key=lambda each: each.heading):
        if heading:
            yield Prose(f"  {visible(heading)}", 2, style="dim")
        yield Example([visible(each.line) for each in group])
