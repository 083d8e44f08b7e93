"""Lines that hold more, or something else, than one pattern."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ctxsize.findings import Finding, Severity
from ctxsize.lints.artefacts import ARTEFACTS
from ctxsize.lints.case import Case
from ctxsize.lints.lines import Line
from ctxsize.lints.proposal import NOTHING, Proposal

_TRAILING = re.compile(r"(?P<pattern>\S.*?)\s+(?P<comment>#.*)")
_FOREIGN = re.compile(r"(?P<mark>//+|;+|--+)(?P<rest>\s.*|[^/\s].*|)")
_WORD = re.compile(r"[\w.*?/!\[\]@~$+-]+")


def trailing(case: Case) -> Iterator[Finding]:
    """Yield a pattern with a comment behind it."""
    for line in case.lines:
        found = _TRAILING.fullmatch(line.written)
        if found is None or not line.text or found["pattern"].startswith("#"):
            continue
        if _exists(case, line):
            continue
        pattern, comment = found["pattern"], found["comment"]
        start = line.column + found.start("comment")
        yield case.finding(
            "CTX102",
            line,
            f"the comment is part of the pattern, so the line is not about {pattern}",
            columns=(start, start + len(comment)),
            paths=_figures(case, line, [pattern]),
            fix=Proposal(
                "move the comment to a line of its own",
                {line.number: f"{comment}\n{pattern}"},
                means=case.intended([pattern]),
            ),
        )


def not_a_comment(case: Case) -> Iterator[Finding]:
    """Yield an indented `#`, or the comment of another language."""
    for line in case.lines:
        if not line.text or _exists(case, line):
            continue
        indented = line.raw[:1].isspace() and line.written.startswith("#")
        foreign = _FOREIGN.fullmatch(line.written)
        if not indented and (foreign is None or not _is_prose(foreign)):
            continue
        text = line.written if foreign is None else f"# {foreign['rest'].strip()}".rstrip()
        gone = case.effect(line)
        message = "this is a pattern, not a comment"
        if case.tree is not None and gone:
            message += f"; it decides about {case.amount(gone)}"
        yield case.finding(
            "CTX103",
            line,
            message,
            severity=Severity.ERROR if gone else Severity.WARNING,
            paths=gone or None,
            fix=Proposal(
                "make it a comment",
                {line.number: text},
                means=None if gone else NOTHING,
            ),
        )


def several(case: Case) -> Iterator[Finding]:
    """Yield several patterns in one line, separated by blanks or commas."""
    for line in case.lines:
        words = line.written.lstrip("!").replace(",", " ").split()
        if len(words) < 2 or not line.text or "#" in line.written or _exists(case, line):
            continue
        if _FOREIGN.fullmatch(line.written) or not all(map(_WORD.fullmatch, words)):
            continue
        likely = [word for word in words if _looks_like_pattern(case, word)]
        if len(likely) < len(words):
            continue
        mark = "!" if line.exception else ""
        patterns = [word if word.startswith("!") else mark + word for word in words]
        yield case.finding(
            "CTX104",
            line,
            f"one pattern with blanks in it, not {len(words)} patterns",
            paths=_figures(case, line, patterns),
            fix=Proposal(
                "write one pattern a line",
                {line.number: "\n".join(patterns)},
                means=case.intended(patterns),
            ),
        )


def _exists(case: Case, line: Line) -> bool:
    """Return whether something is named just so."""
    literal = line.written.removeprefix("!").strip("/")
    return bool(case.matched(line.pattern)) and literal in case.known_tree.everything


def _is_prose(foreign: re.Match[str]) -> bool:
    """Return whether it begins as a comment does rather than as a path with a slash too many."""
    rest = foreign["rest"]
    return foreign["mark"][0] != "/" or not rest or rest[0].isspace() or " " in rest


def _looks_like_pattern(case: Case, word: str) -> bool:
    name = word.strip("!/").rpartition("/")[2]
    if name in ARTEFACTS or "*" in word or word.startswith((".", "/", "!")):
        return True
    if case.tree is not None:
        return name in case.tree.by_name
    return "." in word[1:-1] or word.endswith("/")


def _figures(case: Case, line: Line, patterns: Sequence[str]) -> list[str] | None:
    paths = case.intended(patterns)
    return sorted(paths) if paths else None
