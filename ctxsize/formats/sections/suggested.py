"""Sections of `suggest`: the saving, a line for each suggestion, and the evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from ctxsize.build import path_argument
from ctxsize.findings import Finding
from ctxsize.formats.sections import (
    Fact,
    Findings,
    Items,
    NextStep,
    Prose,
    Section,
    SectionItem,
    Sections,
    Table,
    cut,
    fate,
    few,
    notes,
)
from ctxsize.formats.styles import Look
from ctxsize.formats.wording import (
    amount,
    cells,
    change,
    command,
    listed,
    more,
    quoted,
    to_write,
    visible,
)
from ctxsize.guard.accepting import UNUSED
from ctxsize.knowledge.rules import Category, Rule, all_rules
from ctxsize.model import Amount, Problem
from ctxsize.recommender.outcome import (
    SECRETS,
    Advice,
    Blocked,
    IgnoreFilePlan,
    Note,
    Suggested,
    Suggestion,
)
from ctxsize.recommender.tree import is_below
from ctxsize.units import columns, human, plural

_TRIFLE_BYTES = 100_000
_TRIFLE_SHARE = 0.01
_TRIFLE_FILES = 100
"""A trifle is smaller than each of these; the share is that of all suggestions together."""
_MOST_TRIFLES = 5
_MOST_ROWS = 12
_MOST_NOTES = 4
"""Numbers of what is shown without `--verbose`."""
_WIDEST_PATTERNS = 24


def sections(outcome: Advice | IgnoreFilePlan, look: Look) -> Sections:
    """Return the sections of `outcome`, without those of `--explain`; if quiet, the patterns."""
    if look.quiet:
        return [Section([*map(Prose, map(visible, _patterns(outcome)))])]
    if outcome.kind == "suggest":
        return _suggested(outcome, look)
    return _planned(outcome, look)


def _patterns(outcome: Advice | IgnoreFilePlan) -> list[str]:
    """Return the lines to add."""
    if outcome.kind == "plan":
        return [addition.line for addition in outcome.change.added]
    return lines_of(outcome)


def lines_of(advice: Advice) -> list[str]:
    """Return the lines of the chosen suggestions, in an order in which they can be written."""
    chosen = [suggestion.patterns for suggestion in advice.suggestions if suggestion.chosen]
    chosen.sort(key=lambda patterns: patterns[-1].startswith("!"))
    return [*chain.from_iterable(chosen)]


def _suggested(advice: Advice, look: Look) -> Sections:
    suggestions = advice.to_show
    safe = []
    unsafe = []
    foreseen = []
    patterns = 0
    title = "Safe to add"
    for suggestion in suggestions:
        if suggestion.chosen:
            patterns += len(suggestion.patterns)
        if suggestion.prevents:
            foreseen.append(suggestion)
        elif suggestion.safe:
            safe.append(suggestion)
        elif suggestion.chosen:
            safe.append(suggestion)
            title = "To add"
        else:
            unsafe.append(suggestion)
    if advice.written:
        title = "Added"
    saving = "Nothing safe to add"
    if patterns:
        saving = _saving(advice, patterns)
        if all(suggestion.prevents for suggestion in suggestions if suggestion.chosen):
            saving = f"Nothing to ignore yet; {plural(patterns, 'pattern')} for what will be there"
    mark = re.split(" with |; ", saving)[0]
    stopping = sum(suggestion.is_unreadable for suggestion in suggestions if suggestion.chosen)
    stops = []
    if stopping and not advice.written:
        stops.append(
            Prose(f"The build stops at {plural(stopping, 'directory')} that it cannot read")
        )
    evidence = []
    if look.full:
        evidence.append(_evidence(suggestions))
    confirmed = "Needs your confirmation: --unsafe, or --only PATTERN"
    return [
        Section([*stops, Prose(saving, mark=mark), _next(advice)]),
        Section([_fate(advice, look)]),
        Section([*_sizes(advice), *_of_git(advice)]),
        Section([suggestions_table(safe, look)], title),
        Section([_foreseen(foreseen)], "Prevention"),
        Section([suggestions_table(unsafe, look)], confirmed),
        Section([_questions(advice)], "Large, and explained by no rule: does the build need it?"),
        Section(evidence, "Evidence", folded=True),
        Section([*_findings(advice, look)], "Findings"),
        Section(few(notes(_problems(advice)), _MOST_NOTES, look)),
    ]


def _problems(advice: Advice) -> Iterator[Problem]:
    """Yield the problems but those that the verdict on the build or a pattern is about."""
    hidden = set[str]()
    for suggestion in advice.suggestions:
        if suggestion.chosen and suggestion.is_unreadable:
            hidden.update(suggestion.paths)
    for problem in advice.problems:
        if problem.path not in hidden and problem not in advice.failures:
            yield problem


def _foreseen(suggestions: Sequence[Suggestion]) -> Table:
    rows = [(patterns_of(suggestion), visible(suggestion.reason)) for suggestion in suggestions]
    return Table(("pattern", "reason"), rows, prose=True)


def _fate(outcome: Suggested, look: Look) -> Findings:
    """Return why the build fails, whatever the patterns."""
    return fate(outcome.failures, outcome.context_path, 0 if look.full else _MOST_NOTES)


def _questions(advice: Advice) -> Table:
    rows = [
        (*cells(question.size), quoted(question.path), question.note)
        for question in advice.questions
    ]
    return Table(("size", "files", "path", "in git"), rows, prose=True)


def _findings(advice: Advice, look: Look) -> Items:
    """Yield the findings; secrets that the chosen suggestions ignore are counted unless `full`."""
    findings, ignored = secrets_left(advice, is_all=look.full)
    text = f"{plural(ignored, 'secret')}, all ignored by these patterns"
    if findings:
        text = f"{plural(ignored, 'more secret')}, ignored by these patterns"
    findings += [finding for finding in advice.findings if finding.code == UNUSED]
    yield Findings(findings, 0 if look.full else _MOST_NOTES)
    if ignored:
        yield Prose(f"  {text}")


def secrets_left(advice: Advice, *, is_all: bool) -> tuple[list[Finding], int]:
    """Return the secrets that the chosen suggestions do not ignore, and the number of others.

    If `is_all`, the others are returned too.
    """
    ignored = set[str]()
    exceptions = set[str]()
    for suggestion in advice.suggestions:
        if suggestion.chosen and not is_all:
            ignored.update(suggestion.paths)
            exceptions.update(suggestion.keeps)
    findings = []
    count = 0
    for finding in advice.findings:
        if finding.code not in SECRETS:
            continue
        path = ""
        if finding.code == "CTX511":
            path = f"{finding.evidence[0]}/"
        if is_below(path, ignored) and not is_below(path, exceptions):
            count += 1
        else:
            findings.append(finding)
    return findings, count


def _of_git(advice: Advice) -> Items:
    """Yield what git ignores and the ignore file does not."""
    size = advice.git_ignored
    if size and size.files and not advice.written:
        text = f"{amount(size)} that git ignores would be sent"
        secrets = advice.git_ignored_secrets
        if secrets:
            text += f", with {plural(secrets, 'secret')}"
        largest = quoted(advice.git_ignored_largest)
        step = command(advice, "suggest", "--from-gitignore")
        yield Fact("Git", f"{text}; the largest is {largest}: {step}")


def _saving(outcome: Suggested, patterns: int) -> str:
    """Return how much the patterns keep out of the context."""
    before = outcome.before.context
    saving = before - outcome.after.context
    saved = human(max(0, saving.content_bytes))
    if isinstance(outcome, Advice) and outcome.lower_bound:
        saved = f"at least {saved}"
    verb = "Ignored" if outcome.written else "Can be ignored"
    head = f"{verb} with {plural(patterns, 'pattern')}"
    if outcome.before.counted == Amount():
        return f"{head}: 0 B, as this build sends nothing of {amount(before)}"
    return f"{head}: {saved} of {amount(before)}"


def _next(advice: Advice) -> NextStep:
    suggestions = advice.suggestions
    if advice.written or not suggestions:
        return NextStep(command(advice, "measure"), "shows what is sent")
    if advice.edit:
        return _write(advice)
    # One that needs a confirmation is only written if it is named.
    return _write(advice, "--only", suggestions[0].rule.name)


def _write(outcome: Suggested, *options: str) -> NextStep:
    """Return the command that writes the ignore file, and what it does."""
    verb = "creates" if outcome.new_file else "changes"
    purpose = f"{verb} {quoted(outcome.ignore_file)}; --diff shows how"
    if isinstance(outcome, Advice):
        purpose += ", -v why"
    return NextStep(writing(outcome, *options), purpose)


def writing(outcome: Suggested, *options: str) -> str:
    """Return the command that writes the ignore file."""
    return command(outcome, *to_write(is_link=outcome.is_link), *options)


def _sizes(outcome: Suggested) -> Items:
    before = outcome.before
    after = outcome.after
    yield Fact("Context", change(before.context, after.context))
    if before.transfer and after.transfer:
        yield Fact("Transfer", change(before.transfer, after.transfer))


def suggestions_table(
    suggestions: Sequence[Suggestion], look: Look, most_trifles: int = _MOST_TRIFLES
) -> Table:
    """Return a row for each suggestion, the largest first, and few trifles unless `full`."""
    whole = Amount.of(*map(_size, suggestions))
    shown = sorted(suggestions, key=_rank)
    trifles = [suggestion for suggestion in shown if _is_trifle(suggestion, whole)]
    left_out = trifles[most_trifles:]
    rest = []
    # A line about a single one would be no shorter.
    if len(left_out) > 1 and not look.full:
        shown = [suggestion for suggestion in shown if suggestion not in left_out]
        size = human(Amount.of(*map(_size, left_out)).content_bytes)
        rest.append(f"{more(len(left_out), 'small one')}, {size}: -v")
    if not all(_is_transferred(suggestion) or suggestion.is_unreadable for suggestion in shown):
        rest.append("(in brackets: not transferred by this build)")
    last = "reason"
    if suggestions and all(suggestion.doubts for suggestion in suggestions):
        last = "doubt"
    headers = ("size", "files", "pattern", last)
    return Table(headers, [*map(_line, shown)], "; ".join(rest), prose=True)


def _is_transferred(suggestion: Suggestion) -> bool:
    return suggestion.size.counted.files != 0


def _size(suggestion: Suggestion) -> Amount:
    """Return its part of the transfer, or of the context if this build does not transfer it."""
    size = suggestion.size
    if _is_transferred(suggestion):
        return size.counted
    return size.context


def _rank(suggestion: Suggestion) -> tuple[bool, bool, int, int]:
    """Return a key: what stops the build, then the largest; files of builders are last."""
    size = suggestion.size
    first = not suggestion.is_unreadable
    last = suggestion.rule.is_for_builders
    return first, last, -size.counted.content_bytes, -size.context.content_bytes


def _is_trifle(suggestion: Suggestion, whole: Amount) -> bool:
    """Return whether it is too small to matter among all of them; a secret never is."""
    size = _size(suggestion)
    least = min(_TRIFLE_BYTES, whole.content_bytes * _TRIFLE_SHARE)
    if size.content_bytes >= least or size.files >= _TRIFLE_FILES:
        return False
    if suggestion.is_unreadable:
        return False
    return suggestion.rule.category is not Category.SECRET


def _line(suggestion: Suggestion) -> list[str]:
    """Return the cells of a suggestion: its last one is the reason, or the first doubt."""
    size, files = cells(_size(suggestion))
    if suggestion.is_unreadable:
        size = "unknown"
        files = ""
    elif not _is_transferred(suggestion):
        size = f"({size})"
    return [size, files, patterns_of(suggestion), ground_of(suggestion)]


def patterns_of(suggestion: Suggestion) -> str:
    """Return the patterns of a suggestion; of several long ones the shortest, and their number."""
    names = [*map(quoted, suggestion.patterns)]
    patterns = " ".join(names)
    if columns(patterns) > _WIDEST_PATTERNS and len(names) > 1:
        shortest = min(names, key=columns)
        return f"{shortest} {more(len(names) - 1)}"
    return patterns


def ground_of(suggestion: Suggestion) -> str:
    """Return the reason of a suggestion, or the first clause of its first doubt."""
    text = suggestion.reason
    for doubt in suggestion.doubts[:1]:
        # The end of a clause is a comma, a colon or a semicolon, but not that of `Dockerfile:5`.
        text = re.split("[:;,] ", doubt)[0]
    return visible(text)


def _evidence(suggestions: Iterable[Suggestion]) -> Table:
    """Return a row for each suggestion, and below it what speaks for it and against it."""
    rows = []
    for suggestion in suggestions:
        rule = suggestion.rule
        texts = [f"{rule.name}: {rule.why}"]
        if suggestion.prevents:
            texts.append(f"N{suggestion.reason[1:]}")
        elif not (_is_transferred(suggestion) or suggestion.is_unreadable):
            texts.append("Not transferred by this build")
        doubts = "; ".join(suggestion.doubts)
        if doubts:
            texts.append(f"Doubt: {doubts}")
        texts.append(f"Evidence: {listed(suggestion.evidence, sign='; ')}")
        patterns = listed([*map(quoted, suggestion.patterns)], sign=" ")
        rows.append([*cells(_size(suggestion)), patterns])
        rows += [[visible(text)] for text in texts]
    return Table(("size", "files", "pattern"), rows)


def rules(advice: Advice, names: Sequence[str], look: Look) -> Sections:
    """Return the sections of `--explain` for these rules; without any, for all that is blocked."""
    if names:
        return [_rule(advice, all_rules()[name], look) for name in names]
    if advice.blocked:
        return [Section([_blocked(advice.blocked, look)])]
    return [Section([Prose("Everything that was found is suggested.")])]


def _rule(advice: Advice, rule: Rule, look: Look) -> Section:
    facts = {
        "looks for": rule.looks_for,
        "evidence": str(rule.marker),
        "certainty": f"{rule.confidence:.0%}",
        "written as": rule.written_as,
        "why": rule.why,
        "remade by": rule.again,
        "traps": ", ".join(rule.traps),
    }
    suggested = [suggestion for suggestion in advice.suggestions if suggestion.rule is rule]
    blocked = [candidate for candidate in advice.blocked if candidate.rule == rule.name]
    if not (suggested or blocked):
        facts["here"] = "nothing that is sent has this name with its evidence"
    items: list[SectionItem] = [Fact(label, text) for label, text in facts.items() if text]
    items += [_evidence(suggested), _blocked(blocked, look)]
    return Section(items, rule.name)


def _blocked(candidates: Sequence[Blocked], look: Look) -> Table:
    """Return what is not suggested, the largest first, with the reasons."""
    rows = []
    largest = sorted(candidates, key=lambda candidate: -candidate.size.content_bytes)
    shown, rest = cut(largest, _MOST_ROWS, look)
    for candidate in shown:
        reason = f"Not suggested, for {candidate.trap}: {candidate.reason}"
        evidence = f"{candidate.rule}; evidence: {candidate.evidence}"
        rows += [
            [*cells(candidate.size), quoted(candidate.path)],
            [visible(reason)],
            [visible(evidence)],
        ]
    return Table(("size", "files", "path"), rows, rest)


def _planned(plan: IgnoreFilePlan, look: Look) -> Sections:
    change = plan.change
    added = [Prose(f"    {visible(addition.line)}") for addition in change.added]
    left_out, rest = cut([*map(_left_out, change.notes)], _MOST_ROWS, look)
    others = Table(("place", "entry", "reason"), left_out, rest, prose=True)
    title = "Added" if plan.written else "To add"
    sizes: list[SectionItem] = []
    if plan.edit:
        sizes += _sizes(plan)
    return [
        Section([*_change(plan)]),
        Section([_fate(plan, look)]),
        Section(sizes),
        Section(few(added, _MOST_ROWS, look), title),
        Section([others], "Left out or kept"),
        Section(few(notes(plan.problems), _MOST_NOTES, look)),
    ]


def _left_out(note: Note) -> list[str]:
    place = filter(None, (quoted(note.path), str(note.line or "")))
    return [":".join(place), visible(note.subject), visible(note.why)]


def _change(plan: IgnoreFilePlan) -> Items:
    change = plan.change
    saving = _saving(plan, len(change.added))
    if change.impossible:
        yield Prose(visible(f"Not possible: {change.impossible}"), 0)
        if change.hint:
            yield NextStep("", change.hint)
    elif plan.edit is None:
        yield Prose("Nothing to change: no line is proved to be missing")
    elif plan.written:
        yield Prose(f"{saving}; {quoted(plan.ignore_file)} was written", 0)
    else:
        yield Prose(saving, 0)
        options = [f"--{plan.mode}"]
        if plan.sibling:
            options.append(path_argument(plan.sibling))
        yield _write(plan, *options)
