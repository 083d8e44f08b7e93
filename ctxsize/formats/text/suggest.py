"""Advice for a person: what it saves, each suggestion with its reasons, and what to type next."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from ctxsize import units
from ctxsize.config.accepted import UNUSED
from ctxsize.findings import Finding
from ctxsize.formats.look import Look
from ctxsize.formats.names import columns, fit, quoted, visible
from ctxsize.formats.text import findings
from ctxsize.formats.text.advice import command, plural
from ctxsize.model import Amount
from ctxsize.recommender.outcome import Advice, Question, Size, Suggestion

_MOST_PATHS = 3
_MOST_PROBLEMS = 3
_INDENT = " " * 4
_ABOUT_SECRETS = ("CTX510", "CTX511")


def render(advice: Advice, look: Look) -> str:
    """`advice` as text no wider than `look.width`."""
    safe = [each for each in advice.suggestions if each.safe or each.chosen]
    unsafe = [each for each in advice.suggestions if each not in safe]
    unused = [each for each in advice.findings if each.code == UNUSED]
    sections = [
        _verdict(advice, look),
        _sizes(advice, look),
        section(_safe_title(advice), map(suggestion, safe), look),
        section("Not without your word (--unsafe, or --only RULE)", map(suggestion, unsafe), look),
        section(
            "Large, and explained by no rule: does the build need it?",
            map(_question, advice.questions),
            look,
        ),
        _secrets(advice, look),
        section(
            "Worth knowing",
            (*map(_unused, unused), *_problems(advice)),
            look,
        ),
    ]
    return "\n".join("\n".join(section) + "\n" for section in sections if section)


def _safe_title(advice: Advice) -> str:
    return "Added" if advice.written else "Safe to add"


def _verdict(advice: Advice, look: Look) -> list[str]:
    lines = wrapped(_sentence(advice), look)
    command, purpose = _next(advice)
    if not command:
        return lines + wrapped(f"Next: {purpose}", look, "      ")
    step = f"Next: {look.paint(command, 'bold')}"
    if columns(f"Next: {command}  {purpose}") <= look.width:
        return [*lines, f"{step}  {purpose}"]
    return [*lines, step, *wrapped(f"      {purpose}", look, "      ")]


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
        size = units.human(max(0, left.content_bytes))
        return f"{count} {verb} out {size} of what this build leaves behind anyway"
    least = "at least " if advice.lower_bound else ""
    gone = units.human(max(0, saved.content_bytes))
    return (
        f"{count} {verb} out {least}{gone} of {least}{units.human(before.content_bytes)}, "
        f"{max(0, saved.files):,} of {plural(before.files, 'file')}"
    )


def _next(advice: Advice) -> tuple[str, str]:
    where = quoted(advice.ignore_file)
    if advice.written:
        return command(advice, "measure"), f"shows what is left; {where} is written"
    if advice.edit is not None:
        verb = "makes" if advice.new_file else "adds to"
        return command(advice, "suggest", "--write"), f"{verb} {where}; --diff shows how"
    if advice.suggestions:
        first = advice.suggestions[0].rule
        return command(advice, "suggest", "--write", "--only", first), "takes one all the same"
    if advice.questions:
        return "", f"look at what is large below, and add what the build does not need to {where}"
    return command(advice, "measure"), "shows what is sent"


def _sizes(advice: Advice, look: Look) -> list[str]:
    rows = [("Context", advice.before.context, advice.after.context)]
    if advice.before.transfer is not None and advice.after.transfer is not None:
        rows.append(("Transfer", advice.before.transfer, advice.after.transfer))
    lines = [
        f"  {look.paint(f'{label:<13}', 'dim')}{_amount(before)}"
        + ("" if before == after else f" -> {_amount(after)}")
        for label, before, after in rows
    ]
    if advice.git_ignored is not None and advice.git_ignored.files:
        text = f"{_amount(advice.git_ignored)} that git ignores would be sent"
        if advice.git_ignored_secrets:
            text += f", {plural(advice.git_ignored_secrets, 'secret')} among them"
        lines.append("  " + look.paint(f"{'Git':<13}", "dim") + text)
    return lines


def _amount(amount: Amount) -> str:
    return f"{units.human(amount.content_bytes)} in {plural(amount.files, 'file')}"


Block = tuple[str, str, list[str]]
"""A head line, what stands at its right end, and what follows, to be wrapped."""


def section(title: str, blocks: Iterable[Block], look: Look) -> list[str]:
    """`blocks` under a title; nothing where there are none."""
    lines: list[str] = []
    for head, figures, texts in blocks:
        if lines:
            lines.append("")
        room = look.width - 4 - columns(figures)
        head = fit(head, max(12, room))
        gap = " " * max(2, look.width - 2 - columns(head) - columns(figures))
        lines.append(f"  {look.paint(head, 'bold')}{gap}{figures}".rstrip())
        for text in texts:
            lines += wrapped(_INDENT + text, look, _INDENT + "  ")
    return [look.paint(title, "bold"), *lines] if lines else []


def suggestion(each: Suggestion) -> Block:
    """One suggestion: its patterns, its figures and its reasons."""
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
    return head, _figures(each.size), texts


def _figures(size: Size) -> str:
    counted = size.counted
    if not counted.files and size.context.files:
        return f"{_amount(size.context)} that this build leaves behind"
    return f"{units.human(counted.content_bytes)}, {plural(counted.files, 'file')}"


def _question(each: Question) -> Block:
    figures = f"{units.human(each.size.content_bytes)}, {plural(each.size.files, 'file')}"
    return quoted(each.path), figures, [f"{each.note}"] if each.note else []


def _secrets(advice: Advice, look: Look) -> list[str]:
    found = [each for each in advice.findings if each.code in _ABOUT_SECRETS]
    return [look.paint("Secrets", "bold"), *findings.lines(found, look)] if found else []


def _problems(advice: Advice) -> Iterable[Block]:
    for each in advice.problems[:_MOST_PROBLEMS]:
        yield quoted(each.path or advice.context_path), "", [visible(each.message)]


def _unused(finding: Finding) -> Block:
    return quoted(finding.location.path), "", [visible(f"{finding.message}: {finding.help}")]


def wrapped(text: str, look: Look, indent: str = "") -> list[str]:
    """`text` in lines no wider than the look."""
    return textwrap.wrap(
        text, look.width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
