"""Lines that hold more, or something else, than one pattern."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ctxsize.findings import Finding, Severity
from ctxsize.lints.artefacts import ARTEFACTS
from ctxsize.lints.case import Case
from ctxsize.lints.lines import Line
from ctxsize.lints.proposal import NOTHING, Proposal

_TRAILING = re.compile(r"(?P<pattern>\S.*?)\s+(?P<comment>#.*)")
_FOREIGN = re.compile(r"(?P<mark>//+|;+|--+)(?P<rest>\s.*|[^/\s].*|)")
_WORD = re.compile(r"[\w.*?/!\[\]@~$+-]+")


def _unusual(case: Case) -> Iterator[Line]:
    """Yield the lines with a pattern, but for those that are the name of something."""
    return (line for line in case.lines if line.text and not case.is_entry(line))


def trailing(case: Case) -> Iterator[Finding]:
    """Yield a pattern with a comment behind it."""
    for line in _unusual(case):
        found = _TRAILING.fullmatch(line.written)
        if found is None or found["pattern"].startswith("#"):
            continue
        pattern, comment = found["pattern"], found["comment"]
        means, at = case.intended([pattern]), line.blanks + found.start("comment")
        yield case.finding(
            "CTX102",
            line,
            f"the comment is part of the pattern, so the line is not about {pattern}",
            columns=line.columns(at, len(comment)),
            paths=means or (),
            fix=Proposal(
                "move the comment to a line of its own",
                {line.number: f"{comment}\n{pattern}"},
                means=means,
            ),
        )


def not_a_comment(case: Case) -> Iterator[Finding]:
    """Yield an indented `#`, or the comment of another language."""
    for line in _unusual(case):
        foreign = _FOREIGN.fullmatch(line.written)
        indented = line.raw[:1].isspace() and line.written.startswith("#")
        if not indented and (foreign is None or not _is_prose(foreign)):
            continue
        text = line.written if foreign is None else f"# {foreign['rest'].strip()}".rstrip()
        gone = case.effect(line)
        more = f"; it decides about {case.amount(gone)}" if gone else ""
        yield case.finding(
            "CTX103",
            line,
            f"this is a pattern, not a comment{more}",
            severity=Severity.ERROR if gone else Severity.WARNING,
            paths=gone,
            fix=Proposal("make it a comment", {line.number: text}, means=None if gone else NOTHING),
        )


def _is_prose(foreign: re.Match[str]) -> bool:
    """Return whether it begins as a comment does rather than as a path with a slash too many."""
    rest = foreign["rest"]
    return foreign["mark"][0] != "/" or not rest or rest[0].isspace() or " " in rest


def several(case: Case) -> Iterator[Finding]:
    """Yield several patterns in one line, separated by blanks or commas."""
    for line in _unusual(case):
        words = line.written.lstrip("!").replace(",", " ").split()
        if len(words) < 2 or "#" in line.written or _FOREIGN.fullmatch(line.written):
            continue
        if not all(_WORD.fullmatch(word) and _looks_like_pattern(case, word) for word in words):
            continue
        mark = "!" if line.exception else ""
        patterns = [word if word.startswith("!") else mark + word for word in words]
        means = case.intended(patterns)
        yield case.finding(
            "CTX104",
            line,
            f"one pattern with blanks in it, not {len(words)} patterns",
            paths=means or (),
            fix=Proposal(
                "write one pattern a line", {line.number: "\n".join(patterns)}, means=means
            ),
        )


def _looks_like_pattern(case: Case, word: str) -> bool:
    name = word.strip("!/").rpartition("/")[2]
    if name in ARTEFACTS or "*" in word or word.startswith((".", "/", "!")):
        return True
    if case.tree is not None:
        return name in case.tree.by_name
    return "." in word[1:-1] or word.endswith("/")
