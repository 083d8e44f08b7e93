"""Patterns that mean something else than they say, or nothing at all."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ctxsize.errors import UnknownPatternError
from ctxsize.findings import Finding, Severity
from ctxsize.lints.case import Case
from ctxsize.lints.lines import Line
from ctxsize.lints.proposal import Proposal

_NEGATED = re.compile(r"\[!(?=[^\]])")
_BRACES = re.compile(r"(?P<head>[^{}]*)\{(?P<inner>[^{}]*,[^{}]*)\}(?P<tail>[^{}]*)")
_COUNT = re.compile(r"\{\d+(,\d*)?\}")


def gitignore(case: Case) -> Iterator[Finding]:
    """Yield `[!a]`, `{a,b}` and backslashes in front of letters."""
    for line in case.lines:
        if not line.text or _names_an_entry(case, line):
            continue
        for what, texts in _translations(line):
            yield case.finding(
                "CTX115",
                line,
                what,
                fix=_rewritten(case, line, texts),
                paths=_decides(case, line),
            )
            break


def _translations(line: Line) -> Iterator[tuple[str, list[str]]]:
    """Yield what is wrong, and the lines to write instead."""
    written = line.written
    if _NEGATED.search(written):
        yield "[!…] is a class with a ! in it, not its opposite", [_NEGATED.sub("[^", written)]
    braces = _BRACES.fullmatch(written)
    if braces is not None:
        inner = braces["inner"].split(",")
        texts = [f"{braces['head']}{each.strip()}{braces['tail']}" for each in inner]
        yield "braces are plain characters, not alternatives", texts
    if re.search(r"\\[A-Za-z0-9_]", written):
        yield "a backslash is an escape, not a separator", [written.replace("\\", "/")]


def fails(case: Case) -> Iterator[Finding]:
    """Yield lines that stop the build."""
    for line in case.lines:
        if line.error is None:
            continue
        if isinstance(line.error, UnknownPatternError):
            yield case.finding("CTX000", line, line.error.message, help=line.error.hint or "")
            continue
        if line.error.always:
            message, severity = f"the build fails: {line.error.message}", Severity.ERROR
        elif _is_reached(case, line):
            message, severity = f"the build fails here: {line.error.message}", Severity.ERROR
        else:
            message = f"the build fails as soon as it comes to this: {line.error.message}"
            severity = Severity.WARNING if case.tree is not None else Severity.ERROR
        yield case.finding(
            "CTX121",
            line,
            message,
            severity=severity,
            help=line.error.hint or "",
            fix=_corrected(line),
        )


def _is_reached(case: Case, line: Line) -> bool:
    """Return whether the builder comes to the faulty pattern in this tree."""
    if case.tree is None:
        return False
    texts = [each.raw if each.pattern is not None or each is line else "#" for each in case.lines]
    return case.tree.trial.spec(texts) is not None and case.tree.trial.sent(texts) is None


def _corrected(line: Line) -> Proposal | None:
    """Return what may be meant by a line that is nothing but a slip."""
    if line.written.strip("!/. ") == "":
        return Proposal.remove(line.number)
    if line.written.endswith("\\") and "\\" not in line.written[:-1]:
        text = line.written.rstrip("\\").rstrip()
        if not text.strip("!*/. "):  # What is left would be about the whole context.
            return None
        return Proposal.write(line.number, text)
    return None


def regex(case: Case) -> Iterator[Finding]:
    """Yield `|`, `^` and `{}` that are not escaped."""
    for line in case.lines:
        if not line.text or _names_an_entry(case, line) or " " in line.text:
            continue
        bare = re.sub(r"\\.|\[\^?[^\]]*\]", "", line.text)
        if "|" in bare:
            parts = [part for part in line.written.removeprefix("!").split("|") if part.strip()]
            mark = "!" if line.exception else ""
            what = "| cuts the expression in two" if _is_expression(line) else "| is no alternative"
            texts = [mark + part.strip() for part in parts]
        elif _is_expression(line) and "^" in bare:
            what, texts = "^ is the beginning of the path, and never matches behind it", []
            texts = [re.sub(r"(?<![\\\[])\^", r"\\^", line.written)]
        elif _is_expression(line) and _COUNT.search(bare):
            what, texts = "braces count what stands in front of them", []
            texts = [re.sub(r"(?<!\\)([{}])", r"\\\1", line.written)]
        else:
            continue
        yield case.finding(
            "CTX124", line, what, fix=_rewritten(case, line, texts), paths=_decides(case, line)
        )


def _is_expression(line: Line) -> bool:
    """Return whether the builder compiles it to an expression; a failing one by its text."""
    if line.pattern is None:
        return not {*"*?["}.isdisjoint(line.text)
    return line.pattern.kind == "regexp"


def _decides(case: Case, line: Line) -> list[str] | None:
    """Return the paths about which the line decides now, as it is read."""
    paths = case.effect(line) if case.tree is not None and line.pattern is not None else []
    return paths or None


def _rewritten(case: Case, line: Line, texts: list[str]) -> Proposal:
    """Return the lines that say what is meant; certain if nothing relied on the old one."""
    means = case.intended(texts)
    if case.tree is not None and line.pattern is not None and case.effect(line):
        means = None
    message = "write " + ", ".join(texts)
    return Proposal(message, {line.number: "\n".join(texts)}, means=means)


def _names_an_entry(case: Case, line: Line) -> bool:
    """Return whether something has just this name."""
    if case.tree is None:
        return False
    literal = line.written.removeprefix("!").strip("/")
    return literal in case.tree.everything or line.text in case.tree.everything
