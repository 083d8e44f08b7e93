"""Advice: what it saves, each suggestion with its reasons, and what to type next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ctxsize.config.accepted import UNUSED
from ctxsize.findings import Finding
from ctxsize.formats.command_line import command
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.sections import Card, Findings, Item, NextStep, Prose, Section, fact
from ctxsize.model import Amount, Problem
from ctxsize.recommender import describe
from ctxsize.recommender.knowledge import BY_NAME
from ctxsize.recommender.outcome import Advice, Blocked, Question, Size, Suggestion
from ctxsize.recommender.rules import Rule
from ctxsize.units import human, plural

_MOST_PATHS = 3
_MOST_PROBLEMS = 3
_ABOUT_SECRETS = ("CTX510", "CTX511")
_LABEL = 14


def sections(advice: Advice) -> list[Section]:
    """Return all that `advice` says; what a rule found and is blocked, `rules` has."""
    safe = [each for each in advice.suggestions if each.safe or each.chosen]
    unsafe = [each for each in advice.suggestions if each not in safe]
    unused = [each for each in advice.findings if each.code == UNUSED]
    secrets = [each for each in advice.findings if each.code in _ABOUT_SECRETS]
    return [
        Section([Prose(_sentence(advice)), _next(advice)]),
        Section([*sizes(advice.before, advice.after), *_git_ignored(advice)]),
        Section([*map(_suggestion, safe)], "Added" if advice.written else "Safe to add"),
        Section([*map(_suggestion, unsafe)], "Not without your word (--unsafe, or --only RULE)"),
        Section(
            [*map(_question, advice.questions)],
            "Large, and explained by no rule: does the build need it?",
        ),
        Section([Findings(secrets)] if secrets else [], "Secrets"),
        Section(
            [*map(_unused, unused), *problems(advice.problems, advice.context_path)],
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
        first = advice.suggestions[0].rule
        return NextStep(
            command(advice, "suggest", "--write", "--only", first), "takes one all the same"
        )
    if advice.questions:
        need = "look at what is large below, and add what the build does not need"
        return NextStep("", f"{need} to {where}")
    return NextStep(command(advice, "measure"), "shows what is sent")


def sizes(before: Size, after: Size) -> Iterator[Prose]:
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
    texts = [f"{each.why[0].upper()}{each.why[1:]}."]
    if each.doubts:
        texts.append(f"Doubt: {visible('; '.join(each.doubts))}.")
    shown = [visible(text) for text in each.evidence[:_MOST_PATHS]]
    more = len(each.evidence) - len(shown)
    texts.append("Evidence: " + "; ".join(shown) + (f"; and {more:,} more" if more > 0 else ""))
    sure = f"{each.rule}, {each.confidence:.0%} sure"
    again = f"; made again by {each.again}" if each.again else ""
    busts = "; its changes bust the build cache" if each.volatile else ""
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


def problems(found: Sequence[Problem], context_path: str) -> Iterator[Card]:
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
        "looks for": describe.names(rule),
        "evidence": describe.needs(rule.marker),
        "written as": describe.written_as(rule),
        "why": rule.why,
        "made again by": rule.again,
        "traps": ", ".join(rule.traps),
    }
    items: list[Item] = [fact(label, text, width=_LABEL) for label, text in facts.items() if text]
    here = [each for each in advice.suggestions if each.rule == rule.name]
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
