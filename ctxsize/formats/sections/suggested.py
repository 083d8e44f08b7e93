"""Sections of `suggest`: the saving, a line for each suggestion, and the evidence."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress

from ctxsize.formats import Look, wording
from ctxsize.formats import sections as layout
from ctxsize.formats.sections import Fact, NextStep, Prose, Section, Table, cut, few, notes
from ctxsize.formats.wording import amount, change, command, listed, more, quoted, visible
from ctxsize.guard.accepting import UNUSED
from ctxsize.knowledge.rules import Category, Rule, all_rules
from ctxsize.model import Counted
from ctxsize.recommender.outcome import Advice, Blocked, IgnoreFilePlan, Suggested, Suggestion
from ctxsize.recommender.tree import is_below
from ctxsize.units import columns, human, plural

_SHOWN = ("CTX510", "CTX511", UNUSED)  # about secrets and the configuration
_TRIFLE_BYTES = 100_000
_TRIFLE_SHARE = 0.01
_TRIFLE_FILES = 100
"""A trifle is smaller than each of these; the share is that of all suggestions together."""
_MOST_TRIFLES, _MOST_ROWS, _MOST_NOTES = 5, 12, 4  # shown without `--verbose`
_WIDEST_PATTERNS = 24


def sections(outcome: Advice | IgnoreFilePlan, look: Look) -> list[Section]:
    """Return the sections of `outcome`, without those of `--explain`; if quiet, the patterns."""
    if look.quiet:
        return [Section([Prose(visible(each)) for each in _patterns(outcome)])]
    if outcome.kind == "suggest":
        return _suggested(outcome, look)
    return _planned(outcome, look)


def _patterns(outcome: Advice | IgnoreFilePlan) -> list[str]:
    """Return the lines to add, in an order in which they can be written."""
    if outcome.kind == "plan":
        return [each.line for each in outcome.change.added]
    chosen = [each.patterns for each in outcome.suggestions if each.chosen]
    return [line for each in sorted(chosen, key=lambda e: e[-1][0] == "!") for line in each]


def _cells(size: Counted, name: str) -> tuple[str, str, str]:
    return human(size.content_bytes), f"{size.files:,}", name


def _suggested(advice: Advice, look: Look) -> list[Section]:
    # What would ignore the file that `--write` creates saves nothing yet.
    if advice.new_file:
        absent = [os.path.relpath(advice.ignore_file, advice.context_path)]
    else:
        absent = None
    every = [e for e in advice.suggestions if [*map(os.path.normpath, e.paths)] != absent]
    safe = [each for each in every if each.safe or each.chosen]
    unsafe = [each for each in every if each not in safe]
    questions = [(*_cells(each.size, quoted(each.path)), each.note) for each in advice.questions]
    large = Table(("size", "files", "path", "in git"), questions, prose=True)
    patterns = sum(len(each.patterns) for each in every if each.chosen)
    if patterns:
        saving = _saving(advice, patterns)
    else:
        saving = "Nothing safe to add"
    if all(each.safe for each in safe):
        title = "Safe to add"
    else:
        title = "To add"
    confirmed = "Needs your confirmation: --unsafe, or --only PATTERN"
    return [
        Section([Prose(saving, mark=saving.partition(" with ")[0]), _next(advice)]),
        Section([*_sizes(advice), *_of_git(advice)]),
        Section([_suggestions(safe, look)], "Added" if advice.written else title),
        Section([_suggestions(unsafe, look)], confirmed),
        Section([large], "Large, and explained by no rule: does the build need it?"),
        Section([_evidence(every)] if look.full else [], "Evidence", folded=True),
        Section([*_found(advice, look)], "Findings"),
        Section(few(notes(advice.problems), _MOST_NOTES, look)),
    ]


def _found(advice: Advice, look: Look) -> Iterator[layout.Item]:
    """Yield the findings; secrets that the chosen suggestions ignore are counted unless `full`."""
    chosen = [each for each in advice.suggestions if each.chosen and not look.full]
    gone, kept = ({p for each in chosen for p in getattr(each, n)} for n in ("paths", "keeps"))
    every = [each for each in advice.findings if each.code in _SHOWN]
    inside = [f"{each.evidence[0]}/" if each.code == "CTX511" else "" for each in every]
    sent = [not is_below(path, gone) or is_below(path, kept) for path in inside]
    yield layout.Findings([*compress(every, sent)], brief=0 if look.full else _MOST_NOTES)
    if ignored := sent.count(False):
        yield Prose(f"  {plural(ignored, 'secret')}, all ignored by these patterns")


def _of_git(advice: Advice) -> Iterator[Fact]:
    """Yield what git ignores and the ignore file does not."""
    if advice.git_ignored is not None and advice.git_ignored.files and not advice.written:
        secrets = advice.git_ignored_secrets
        text = f"{amount(advice.git_ignored)} that git ignores would be sent"
        if secrets:
            text += f", with {plural(secrets, 'secret')}"
        text += f"; the largest is {quoted(advice.git_ignored_largest)}: "
        yield Fact("Git", text + command(advice, "suggest", "--from-gitignore"))


def _saving(outcome: Suggested, patterns: int) -> str:
    """Return how much the patterns keep out of the context."""
    before = outcome.before.context
    after = outcome.after.context
    if outcome.written:
        verb = "Ignored"
    else:
        verb = "Can be ignored"
    if isinstance(outcome, Advice) and outcome.lower_bound:
        least = "at least "
    else:
        least = ""
    saved = human(max(0, before.content_bytes - after.content_bytes))
    return f"{verb} with {plural(patterns, 'pattern')}: {least}{saved} of {amount(before)}"


def _next(advice: Advice) -> NextStep:
    if advice.written or not advice.suggestions:
        return NextStep(command(advice, "measure"), "shows what is sent")
    # One that needs a confirmation is only written if it is named.
    if advice.edit is None:
        named = ["--only", advice.suggestions[0].rule.name]
    else:
        named = []
    return _write(advice, *named)


def _write(outcome: Suggested, *options: str) -> NextStep:
    """Return the command that writes the ignore file."""
    if outcome.new_file:
        verb = "creates"
    else:
        verb = "changes"
    purpose = f"{verb} {quoted(outcome.ignore_file)}; --diff shows how"
    if isinstance(outcome, Advice):
        purpose += ", -v why"
    if outcome.is_link:
        options = ("--replace-link", *options)
    return NextStep(command(outcome, "suggest", "--write", *options), purpose)


def _sizes(outcome: Suggested) -> Iterator[Fact]:
    before = outcome.before
    after = outcome.after
    yield Fact("Context", change(before.context, after.context))
    if before.transfer is not None and after.transfer is not None:
        yield Fact("Transfer", change(before.transfer, after.transfer))


def _suggestions(found: Sequence[Suggestion], look: Look) -> Table:
    """Return a row for each suggestion, the largest first, and few trifles unless `full`."""
    whole = sum(_shown(each).content_bytes for each in found)
    trifles = [each for each in sorted(found, key=_rank) if _is_trifle(each, whole)]
    # A line about a single one would be no shorter.
    if len(trifles) == _MOST_TRIFLES + 1 or look.full:
        small = []
    else:
        small = trifles[_MOST_TRIFLES:]
    rows = [_line(each) for each in sorted(found, key=_rank) if each not in small]
    size = human(sum(_shown(each).content_bytes for each in small))
    if small:
        rest = [f"{more(len(small), 'small one')}, {size}: -v"]
    else:
        rest = []
    if any(row[0].startswith("(") for row in rows):
        rest.append("(in brackets: not transferred by this build)")
    if found and all(each.doubts for each in found):
        last = "doubt"
    else:
        last = "reason"
    return Table(("size", "files", "pattern", last), rows, "; ".join(rest), prose=True)


def _shown(each: Suggestion) -> Counted:
    """Return its part of the transfer, or of the context if this build does not transfer it."""
    if each.size.counted.files:
        return each.size.counted
    return each.size.context


def _rank(each: Suggestion) -> tuple[int, int]:
    return -each.size.counted.content_bytes, -each.size.context.content_bytes


def _is_trifle(each: Suggestion, whole: int) -> bool:
    """Return whether it is too small to matter among `whole` bytes; a secret never is."""
    size = _shown(each)
    least = min(_TRIFLE_BYTES, whole * _TRIFLE_SHARE)
    is_small = size.content_bytes < least and size.files < _TRIFLE_FILES
    return is_small and each.rule.category is not Category.SECRET


def _line(each: Suggestion) -> tuple[str, ...]:
    """Return the cells of a suggestion: its last one is the reason, or the first doubt."""
    patterns = " ".join(map(quoted, each.patterns))
    if columns(patterns) > _WIDEST_PATTERNS and len(each.patterns) > 1:
        shortest = min(map(quoted, each.patterns), key=columns)
        patterns = f"{shortest} {more(len(each.patterns) - 1)}"
    # The end of a clause is a comma, a colon or a semicolon, but not that of `Dockerfile:5`.
    if each.doubts:
        text = re.split("[:;,] ", each.doubts[0])[0]
    else:
        text = each.rule.reason
    size, *others = _cells(_shown(each), patterns)
    return size if each.size.counted.files else f"({size})", *others, visible(text)


def _evidence(found: Iterable[Suggestion]) -> Table:
    """Return a row for each suggestion, and below it what speaks for it and against it."""
    rows = list[tuple[str, ...]]()
    for each in found:
        texts = [f"{each.rule.name}: {each.rule.why}"]
        if each.size.counted.files:
            texts += []
        else:
            texts += ["Not transferred by this build"]
        if each.doubts:
            texts += [f"Doubt: {'; '.join(each.doubts)}"]
        texts += [f"Evidence: {listed(each.evidence, sign='; ')}"]
        rows.append(_cells(_shown(each), listed([*map(quoted, each.patterns)], sign=" ")))
        rows += [(visible(text),) for text in texts]
    return Table(("size", "files", "pattern"), rows)


def rules(advice: Advice, names: Sequence[str], look: Look) -> list[Section]:
    """Return the sections of `--explain` for these rules; without any, for all that is blocked."""
    if names:
        return [_rule(advice, all_rules()[name], look) for name in names]
    nothing = Prose("Everything that was found is suggested.")
    return [Section([_blocked(advice.blocked, look) if advice.blocked else nothing])]


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
    suggested = [each for each in advice.suggestions if each.rule is rule]
    blocked = [each for each in advice.blocked if each.rule == rule.name]
    if not (suggested or blocked):
        facts["here"] = "nothing that is sent has this name with its evidence"
    known = (Fact(*each) for each in facts.items() if each[1])
    return Section([*known, _evidence(suggested), _blocked(blocked, look)], rule.name)


def _blocked(found: Sequence[Blocked], look: Look) -> Table:
    """Return what is not suggested, the largest first, with the reasons."""
    rows = list[tuple[str, ...]]()
    largest = sorted(found, key=lambda each: -each.size.content_bytes)
    shown, rest = cut(largest, _MOST_ROWS, look)
    for each in shown:
        rows.append(_cells(each.size, quoted(each.path)))
        rows.append((visible(f"Not suggested, for {each.trap}: {each.reason}"),))
        rows.append((visible(f"{each.rule}; evidence: {each.evidence}"),))
    return Table(("size", "files", "path"), rows, rest)


def _planned(plan: IgnoreFilePlan, look: Look) -> list[Section]:
    found = plan.change
    done = plan.written
    kept: list[tuple[str, ...]] = []
    for each in found.notes:
        where = ":".join(filter(None, (quoted(each.path), str(each.line or ""))))
        kept.append((where, visible(each.subject), visible(each.why)))
    added = [Prose(f"    {visible(each.line)}") for each in found.added]
    others = Table(("place", "entry", "reason"), *cut(kept, _MOST_ROWS, look), prose=True)
    return [
        Section([*_change(plan)]),
        Section([] if plan.edit is None else [*_sizes(plan)]),
        Section(few(added, _MOST_ROWS, look), "Added" if done else "To add"),
        Section([others], "Left out or kept"),
        Section(few(notes(plan.problems), _MOST_NOTES, look)),
    ]


def _change(plan: IgnoreFilePlan) -> Iterator[layout.Item]:
    found = plan.change
    if found.impossible:
        yield Prose(visible(f"Not possible: {found.impossible}"), 0)
        if found.hint:
            yield NextStep("", found.hint)
    elif plan.edit is None:
        yield Prose("Nothing to change: no line is proved to be missing")
    else:
        text = _saving(plan, len(found.added))
        yield Prose(f"{text}; {quoted(plan.ignore_file)} was written" if plan.written else text, 0)
        if not plan.written:
            if plan.sibling:
                sibling = [wording.path_argument(plan.sibling)]
            else:
                sibling = []
            yield _write(plan, f"--{plan.mode}", *sibling)
