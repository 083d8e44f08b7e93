"""Sections of `suggest`: the saving, each suggestion with its reasons, and the next step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ctxsize.accepting import UNUSED
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.sections import Card, Example, Fact, Findings, Item, NextStep, Prose, Section
from ctxsize.formats.wording import EXAMPLES, amount, change, command, listed, more, path_argument
from ctxsize.recommender.outcome import (
    Advice,
    Blocked,
    IgnoreFilePlan,
    Suggested,
    Suggestion,
)
from ctxsize.recommender.rules import Rule, all_rules
from ctxsize.units import human, plural

_ABOUT_SECRETS = ("CTX510", "CTX511")
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
    patterns = sum(len(each.patterns) for each in advice.suggestions if each.chosen)
    least = "at least " if advice.lower_bound else ""
    saving = _saving(advice, patterns, least) if patterns else "Nothing safe to add"
    return [
        Section([Prose(saving), _next(advice)]),
        Section([*_sizes(advice), *_git_ignored(advice)]),
        Section([*map(_suggestion, safe)], "Added" if advice.written else "Safe to add"),
        Section([*map(_suggestion, unsafe)], "Needs your confirmation (--unsafe, or --only RULE)"),
        Section(questions, "Large, and explained by no rule: does the build need it?"),
        Section([Findings(secrets)] if secrets else [], "Secrets"),
        Section([*unused, *_problems(advice)], "Worth knowing"),
    ]


def _saving(outcome: Suggested, patterns: int, least: str = "") -> str:
    """Return how much the patterns keep out of the context."""
    before, after = outcome.before.context, outcome.after.context
    verb = "Ignored" if outcome.written else "Can be ignored"
    saved = human(max(0, before.content_bytes - after.content_bytes))
    return f"{verb} with {plural(patterns, 'pattern')}: {least}{saved} of {amount(before)}"


def _next(advice: Advice) -> NextStep:
    where = quoted(advice.ignore_file)
    if advice.edit is not None and not advice.written:
        verb = "creates" if advice.new_file else "adds to"
        return NextStep(command(advice, "suggest", "--write"), f"{verb} {where}; --diff shows how")
    if advice.suggestions and not advice.written:
        one = command(advice, "suggest", "--write", "--only", advice.suggestions[0].rule.name)
        return NextStep(one, "adds one that needs your confirmation")
    return NextStep(command(advice, "measure"), "shows what is sent")


def _sizes(outcome: Suggested) -> Iterator[Fact]:
    before, after = outcome.before, outcome.after
    for label, was, now in (
        ("Context", before.context, after.context),
        ("Transfer", before.transfer, after.transfer),
    ):
        if was is not None and now is not None:
            yield Fact(label, change(was, now))


def _git_ignored(advice: Advice) -> Iterator[Fact]:
    if advice.git_ignored is not None and advice.git_ignored.files:
        secrets = plural(advice.git_ignored_secrets or 0, "secret")
        text = f"{amount(advice.git_ignored)} that git ignores would be sent, with {secrets}"
        yield Fact("Git", text)


def _suggestion(each: Suggestion) -> Card:
    left = ", not transferred" if not each.size.counted.files else ""
    figures = amount(each.size.context if left else each.size.counted) + left
    doubts = [f"Doubt: {'; '.join(each.doubts)}"] if each.doubts else []
    texts = [f"{each.rule.name}: {each.rule.why}", f"Evidence: {listed(each.evidence, sign='; ')}"]
    head = listed([*map(quoted, each.patterns)], sign=" ")
    return Card(head, figures, [*map(visible, (texts[0], *doubts, texts[1]))])


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
        "certainty": f"{rule.confidence:.0%}",
        "written as": rule.written_as,
        "why": rule.why,
        "remade by": rule.again,
        "traps": ", ".join(rule.traps),
    }
    here: list[Item] = [_suggestion(each) for each in advice.suggestions if each.rule is rule]
    here += _not_suggested([each for each in advice.blocked if each.rule == rule.name])
    if not here:
        facts["here"] = "nothing that is sent has this name with its evidence"
    return Section([*(Fact(*each) for each in facts.items() if each[1]), *here], rule.name)


def _not_suggested(found: Sequence[Blocked]) -> Iterator[Card]:
    for each in found:
        texts = [
            f"Not suggested, for {each.trap}: {visible(each.reason)}",
            f"{each.rule}; evidence: {visible(each.evidence)}",
        ]
        yield Card(quoted(each.path), amount(each.size), texts)


def _planned(plan: IgnoreFilePlan) -> list[Section]:
    left = more(len(plan.change.notes) - _MOST_NOTES)
    removed = [
        Card(visible(each.text), f"line {each.line:,}", [visible(each.why)])
        for each in plan.change.removed
    ]
    notes = [
        Card(visible(each.subject), _where(each.path, each.line), [visible(each.why)])
        for each in plan.change.notes[:_MOST_NOTES]
    ]
    added = [visible(each.line) for each in plan.change.added]
    return [
        Section([*_change(plan)]),
        Section([] if plan.edit is None else [*_sizes(plan)]),
        Section([Example(added)] if added else [], "Added" if plan.written else "To add"),
        Section(removed, "Removed" if plan.written else "To remove"),
        Section(notes, "Left out or kept"),
        Section([Prose(f"  {left}; --format json lists all")] if left else []),
        Section([*_problems(plan)], "Worth knowing"),
    ]


def _where(path: str, line: int | None) -> str:
    return quoted(path) + (f":{line}" if line is not None else "")


def _change(plan: IgnoreFilePlan) -> Iterator[Item]:
    found, where = plan.change, quoted(plan.ignore_file)
    if found.impossible:
        yield Prose(visible(f"Not possible: {found.impossible}"))
        if found.hint:
            yield NextStep("", found.hint)
    elif plan.edit is None:
        yield Prose("Nothing to change: no line is proved to be missing or redundant")
    else:
        lines = plural(len(found.removed), "line")
        tidy = f"{lines} can go without changing what is sent: proved for every tree, tried here"
        text = tidy if plan.mode == "tidy" else _saving(plan, len(found.added))
        yield Prose(f"{text}; {where} was written" if plan.written else text)
    if plan.edit is not None and not plan.written:
        flags = [f"--{plan.mode}", *([path_argument(plan.sibling)] if plan.sibling else [])]
        verb = "creates" if plan.new_file else "changes"
        step = command(plan, "suggest", *flags, "--write")
        yield NextStep(step, f"{verb} {where}; --diff shows how")
