"""Sections of `suggest`: the saving, each suggestion with its reasons, and the next step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ctxsize.accepting import UNUSED
from ctxsize.formats.sections import (
    Card,
    Fact,
    Findings,
    Item,
    NextStep,
    Prose,
    Section,
    notes,
)
from ctxsize.formats.wording import (
    amount,
    change,
    command,
    listed,
    more,
    path_argument,
    quoted,
    visible,
)
from ctxsize.recommender.outcome import Advice, Blocked, IgnoreFilePlan, Suggested, Suggestion
from ctxsize.recommender.rules import Rule, all_rules
from ctxsize.units import human, plural

_SHOWN = ("CTX510", "CTX511", UNUSED)
"""Codes of the findings about secrets, and about the configuration."""
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
    # The sections above have the others.
    found = [each for each in advice.findings if each.code in _SHOWN]
    patterns = sum(len(each.patterns) for each in advice.suggestions if each.chosen)
    saving = Prose(_saving(advice, patterns) if patterns else "Nothing safe to add")
    return [
        Section([saving, _next(advice)]),
        Section([*_sizes(advice), *_git_ignored(advice)]),
        Section([*map(_suggestion, safe)], "Added" if advice.written else "Safe to add"),
        Section([*map(_suggestion, unsafe)], "Needs your confirmation (--unsafe, or --only RULE)"),
        Section(questions, "Large, and explained by no rule: does the build need it?"),
        Section([Findings(found)], "Findings"),
        Section(notes(advice.problems)),
    ]


def _saving(outcome: Suggested, patterns: int) -> str:
    """Return how much the patterns keep out of the context."""
    before, after = outcome.before.context, outcome.after.context
    verb = "Ignored" if outcome.written else "Can be ignored"
    least = "at least " if isinstance(outcome, Advice) and outcome.lower_bound else ""
    saved = human(max(0, before.content_bytes - after.content_bytes))
    return f"{verb} with {plural(patterns, 'pattern')}: {least}{saved} of {amount(before)}"


def _next(advice: Advice) -> NextStep:
    if advice.written or not advice.suggestions:
        return NextStep(command(advice, "measure"), "shows what is sent")
    # One that needs a confirmation is only written if it is named.
    named = ["--only", advice.suggestions[0].rule.name] if advice.edit is None else []
    return _write(advice, *named)


def _write(outcome: Suggested, *options: str) -> NextStep:
    """Return the command that writes the ignore file."""
    verb = "creates" if outcome.new_file else "changes"
    purpose = f"{verb} {quoted(outcome.ignore_file)}; --diff shows how"
    return NextStep(command(outcome, "suggest", "--write", *options), purpose)


def _sizes(outcome: Suggested) -> Iterator[Fact]:
    before, after = outcome.before, outcome.after
    yield Fact("Context", change(before.context, after.context))
    if before.transfer is not None and after.transfer is not None:
        yield Fact("Transfer", change(before.transfer, after.transfer))


def _git_ignored(advice: Advice) -> Iterator[Fact]:
    if advice.git_ignored is not None and advice.git_ignored.files:
        secrets = plural(advice.git_ignored_secrets or 0, "secret")
        text = f"{amount(advice.git_ignored)} that git ignores would be sent, with {secrets}"
        yield Fact("Git", text)


def _suggestion(each: Suggestion) -> Card:
    left = ", not transferred" if not each.size.counted.files else ""
    figures = amount(each.size.context if left else each.size.counted) + left
    texts = [f"{each.rule.name}: {each.rule.why}"]
    texts += [f"Doubt: {'; '.join(each.doubts)}"] if each.doubts else []
    texts += [f"Evidence: {listed(each.evidence, sign='; ')}"]
    return Card(listed([*map(quoted, each.patterns)], sign=" "), figures, [*map(visible, texts)])


def rules(advice: Advice, names: Sequence[str]) -> list[Section]:
    """Return the sections of `--explain` for these rules; without any, for all that is blocked."""
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
    found = plan.change
    removed = [
        Card(visible(each.text), f"line {each.line:,}", [visible(each.why)])
        for each in found.removed
    ]
    kept: list[Item] = [
        Card(
            visible(each.subject),
            quoted(each.path) + (f":{each.line}" if each.line is not None else ""),
            [visible(each.why)],
        )
        for each in found.notes[:_MOST_NOTES]
    ]
    if left := more(len(found.notes) - _MOST_NOTES):
        kept.append(Prose(f"  {left}; --format json lists all"))
    added = [Prose(f"    {visible(each.line)}") for each in found.added]
    return [
        Section([*_change(plan)]),
        Section([] if plan.edit is None else [*_sizes(plan)]),
        Section(added, "Added" if plan.written else "To add"),
        Section(removed, "Removed" if plan.written else "To remove"),
        Section(kept, "Left out or kept"),
        Section(notes(plan.problems)),
    ]


def _change(plan: IgnoreFilePlan) -> Iterator[Item]:
    found = plan.change
    if found.impossible:
        yield Prose(visible(f"Not possible: {found.impossible}"), 0)
        if found.hint:
            yield NextStep("", found.hint)
    elif plan.edit is None:
        yield Prose("Nothing to change: no line is proved to be missing or redundant")
    else:
        text = _saving(plan, len(found.added))
        if plan.mode == "tidy":
            lines = plural(len(found.removed), "line")
            text = f"{lines} can go without changing what is sent, proved for every tree"
        yield Prose(f"{text}; {quoted(plan.ignore_file)} was written" if plan.written else text, 0)
        if not plan.written:
            sibling = [path_argument(plan.sibling)] if plan.sibling else []
            yield _write(plan, f"--{plan.mode}", *sibling)
