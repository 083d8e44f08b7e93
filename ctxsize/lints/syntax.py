"""Patterns that mean something else than they say, or nothing at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ctxsize.errors import UnknownPatternError
from ctxsize.findings import Finding, Severity
from ctxsize.lints.case import Case
from ctxsize.lints.lines import Line
from ctxsize.lints.proposal import Proposal

_NEGATED = re.compile(r"\[!(?=[^\]])")
_BRACES = re.compile(r"(?P<head>[^{}]*)\{(?P<inner>[^{}]*,[^{}]*)\}(?P<tail>[^{}]*)")
_COUNT = re.compile(r"\{\d+(,\d*)?\}")

Translation = tuple[str, list[str]]
"""What is wrong with a line, and the lines to write instead."""


def gitignore(case: Case) -> Iterator[Finding]:
    """Yield `[!a]`, `{a,b}` and backslashes in front of letters."""
    yield from _translated(case, "CTX115", _from_gitignore)


def regex(case: Case) -> Iterator[Finding]:
    """Yield `|`, `^` and `{}` that are not escaped."""
    yield from _translated(case, "CTX124", _from_regex)


def _translated(
    case: Case, code: str, translation: Callable[[Line], Translation | None]
) -> Iterator[Finding]:
    for line in case.lines:
        found = translation(line) if line.text and not case.is_entry(line) else None
        if found is not None:
            what, texts = found
            decides = case.effect(line)
            # Certain only if nothing relied on the line as it is read now.
            means = None if decides else case.intended(texts)
            message, change = f"write {', '.join(texts)}", {line.number: "\n".join(texts)}
            fix = Proposal(message, change, means=means)
            yield case.finding(code, line, what, fix=fix, paths=decides)


def _from_gitignore(line: Line) -> Translation | None:
    written, braces = line.written, _BRACES.fullmatch(line.written)
    if _NEGATED.search(written):
        return "[!…] is a class with a ! in it, not its opposite", [_NEGATED.sub("[^", written)]
    if braces is not None:
        inner = braces["inner"].split(",")
        texts = [f"{braces['head']}{each.strip()}{braces['tail']}" for each in inner]
        return "braces are plain characters, not alternatives", texts
    if re.search(r"\\[A-Za-z0-9_]", written):
        return "a backslash is an escape, not a separator", [written.replace("\\", "/")]
    return None


def _from_regex(line: Line) -> Translation | None:
    written, bare = line.written, re.sub(r"\\.|\[\^?[^\]]*\]", "", line.text)
    # The matcher of moby/patternmatcher makes an expression of a pattern with wildcards only.
    is_expression = (
        not {*"*?["}.isdisjoint(line.text)
        if line.pattern is None
        else line.pattern.kind == "regexp"
    )
    if " " in line.text:
        return None
    if "|" in bare:
        mark = "!" if line.exception else ""
        parts = [part.strip() for part in written.removeprefix("!").split("|")]
        what = "| cuts the expression in two" if is_expression else "| is no alternative"
        return what, [mark + part for part in parts if part]
    if is_expression and "^" in bare:
        what = "^ is the beginning of the path, and never matches behind it"
        return what, [re.sub(r"(?<![\\\[])\^", r"\\^", written)]
    if is_expression and _COUNT.search(bare):
        what = "braces count what stands in front of them"
        return what, [re.sub(r"(?<!\\)([{}])", r"\\\1", written)]
    return None


def fails(case: Case) -> Iterator[Finding]:
    """Yield lines that stop the build."""
    for line in case.lines:
        if line.error is None:
            continue
        why, severity = line.error.message, Severity.ERROR
        if isinstance(line.error, UnknownPatternError):
            yield case.finding("CTX000", line, why, help=line.error.hint or "")
            continue
        if line.error.always:
            message = f"the build fails: {why}"
        elif _is_reached(case, line):
            message = f"the build fails here: {why}"
        else:
            message = f"the build fails as soon as it comes to this: {why}"
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
    text = line.written.rstrip("\\").rstrip()
    is_slip = line.written.endswith("\\") and "\\" not in line.written[:-1]
    # Without `*` and the like: what is left must not be about the whole context.
    return Proposal.write(line.number, text) if is_slip and text.strip("!*/. ") else None
