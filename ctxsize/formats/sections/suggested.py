"""Sections of `suggest`: the saving, each suggestion with its reasons, and the next step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ctxsize.accepting import UNUSED
from ctxsize.formats.sections import Fact, Findings, Item, NextStep, Prose, Section, Table, notes
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
from ctxsize.model import Counted
from ctxsize.recommender.outcome import Advice, Blocked, IgnoreFilePlan, Suggested, Suggestion
from ctxsize.recommender.rules import Rule, all_rules
from ctxsize.units import human, plural

_SHOWN = ("CTX510", "CTX511", UNUSED)
"""Codes of the findings about secrets, and about the configuration; tables show the others."""
_MOST_NOTES = 20
_Row = tuple[tuple[str, ...], Iterable[str]]
"""The cells of a row, and notes below it."""


def sections(outcome: Advice | IgnoreFilePlan) -> list[Section]:
    """Return the sections of `outcome`, without those of `--explain`."""
    return _suggested(outcome) if outcome.kind == "suggest" else _planned(outcome)


def _table(headers: str, found: Iterable[_Row], rest: str = "") -> Table:
    rows = [row for cells, texts in found for row in (cells, *((visible(each),) for each in texts))]
    return Table(headers.split(), rows, rest)


def _cells(size: Counted, name: str) -> tuple[str, str, str]:
    return human(size.content_bytes), f"{size.files:,}", name


def _suggested(advice: Advice) -> list[Section]:
    safe = [each for each in advice.suggestions if each.safe or each.chosen]
    unsafe = [each for each in advice.suggestions if each not in safe]
    questions = (
        (_cells(each.size, quoted(each.path)), [each.note] if each.note else [])
        for each in advice.questions
    )
    large = "Large, and explained by no rule: does the build need it?"
    facts = [*_sizes(advice)]
    if advice.git_ignored is not None and advice.git_ignored.files:
        text = f"{amount(advice.git_ignored)} that git ignores would be sent"
        if advice.git_ignored_secrets:
            text += f", with {plural(advice.git_ignored_secrets, 'secret')}"
        facts.append(Fact("Git", text))
    patterns = sum(len(each.patterns) for each in advice.suggestions if each.chosen)
    saving = Prose(_saving(advice, patterns) if patterns else "Nothing safe to add")
    return [
        Section([saving, _next(advice)]),
        Section(facts),
        Section([_suggestions(safe)], "Added" if advice.written else "Safe to add"),
        Section([_suggestions(unsafe)], "Needs your confirmation (--unsafe, or --only RULE)"),
        Section([_table("size files path", questions)], large),
        Section([Findings([each for each in advice.findings if each.code in _SHOWN])], "Findings"),
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


def _suggestions(found: Iterable[Suggestion]) -> Table:
    return _table("size files pattern", map(_suggestion, found))


def _suggestion(each: Suggestion) -> _Row:
    is_sent = each.size.counted.files > 0
    texts = [f"{each.rule.name}: {each.rule.why}"]
    texts += [] if is_sent else ["Not transferred by this build"]
    texts += [f"Doubt: {'; '.join(each.doubts)}"] if each.doubts else []
    texts += [f"Evidence: {listed(each.evidence, sign='; ')}"]
    patterns = listed([*map(quoted, each.patterns)], sign=" ")
    return _cells(each.size.counted if is_sent else each.size.context, patterns), texts


def rules(advice: Advice, names: Sequence[str]) -> list[Section]:
    """Return the sections of `--explain` for these rules; without any, for all that is blocked."""
    if names:
        return [_rule(advice, all_rules()[name]) for name in names]
    nothing = Prose("Everything that was found is suggested.")
    return [Section([_blocked(advice.blocked) if advice.blocked else nothing])]


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
    suggested = [each for each in advice.suggestions if each.rule is rule]
    blocked = [each for each in advice.blocked if each.rule == rule.name]
    if not (suggested or blocked):
        facts["here"] = "nothing that is sent has this name with its evidence"
    known = (Fact(*each) for each in facts.items() if each[1])
    return Section([*known, _suggestions(suggested), _blocked(blocked)], rule.name)


def _blocked(found: Iterable[Blocked]) -> Table:
    rows: list[_Row] = []
    for each in found:
        reason = f"Not suggested, for {each.trap}: {each.reason}"
        texts = [reason, f"{each.rule}; evidence: {each.evidence}"]
        rows.append((_cells(each.size, quoted(each.path)), texts))
    return _table("size files path", rows)


def _planned(plan: IgnoreFilePlan) -> list[Section]:
    found, done = plan.change, plan.written
    removed = (((f"{each.line:,}", visible(each.text)), [each.why]) for each in found.removed)
    kept: list[_Row] = []
    for each in found.notes[:_MOST_NOTES]:
        where = ":".join(filter(None, (quoted(each.path), str(each.line or ""))))
        kept.append(((where, visible(each.subject)), [each.why]))
    left = more(len(found.notes) - _MOST_NOTES)
    rest = f"{left}; --format json lists all" if left else ""
    added = [Prose(f"    {visible(each.line)}") for each in found.added]
    return [
        Section([*_change(plan)]),
        Section([] if plan.edit is None else [*_sizes(plan)]),
        Section(added, "Added" if done else "To add"),
        Section([_table("line pattern", removed)], "Removed" if done else "To remove"),
        Section([_table("place entry", kept, rest)], "Left out or kept"),
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
