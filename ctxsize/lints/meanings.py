"""Misread lines: comments, syntax of other languages, characters that nobody sees."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from itertools import filterfalse
from posixpath import basename
from typing import NamedTuple

from ctxsize.engine.ignorefile import BOM
from ctxsize.errors import UnknownPatternError
from ctxsize.findings import Finding, Severity
from ctxsize.lints.case import NOTHING, Case, LintFindings
from ctxsize.lints.depths import ARTEFACTS
from ctxsize.lints.lines import CONTROLS, Line, shown

_NEGATED = re.compile(r"\[!(?=[^\]])")
_BRACES = re.compile(r"(?P<head>[^{}]*)\{(?P<inner>(?=[^{},]*,)[^{}]*)\}(?P<tail>[^{}]*)")
_BLANK = "\u00a0"  # the no-break space, which looks like any other blank
_UNSEEN = frozenset({"Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_TRAILING = re.compile(r"(?P<pattern>[^\s#].*?)(?<!\s)\s+(?P<comment>#.*)", re.DOTALL)
_COMMENT = re.compile(r"(?:;+|--+|//+(?=$|\s|[^/\s].* ))(?P<rest>[^/].*|)")
"""A comment of another language. A line with `//` and no blank is more likely a path."""
_ESCAPED = re.compile(r"\\.")
_NOT_PLAIN = re.compile(r"\\.|\[[^\]]*\]?")
_WORD = re.compile(r"[\w.*?/!\[\]@~$+-]+")


class Translation(NamedTuple):
    """The message about a line, and the lines to write instead."""

    message: str
    texts: list[str]


Translate = Callable[[Case, Line], Translation | None]


def translated(code: str, translate: Translate, case: Case, *, meant: bool = False) -> LintFindings:
    """Yield the lines that `translate` translates.

    It counts the paths that the line decides about, or those that the new lines would.
    """
    for line in _unusual(case):
        translation = translate(case, line)
        if translation is None:
            continue
        message, texts = translation
        # Certain only if the line, as Docker reads it now, decides about no path.
        paths: Collection[str] = ()
        means = None
        if not meant:
            paths = case.effect(line)
        if not paths:
            means = case.intended(texts)
        if meant:
            paths = means or ()
        yield case.finding(
            code,
            line,
            message,
            fix=case.fix(
                f"write {', '.join(map(shown, texts))}",
                {line.number: "\n".join(texts)},
                means=means,
            ),
            paths=paths,
        )


def _unusual(case: Case) -> Iterator[Line]:
    """Yield the lines with a pattern, except those that name an entry of the tree."""
    for line in case.lines:
        path = line.written.removeprefix("!").strip("/")
        if not line.text:
            continue
        if case.tree is None or path not in case.tree.everything:
            yield line


def trailing(case: Case, line: Line) -> Translation | None:
    """Translate a pattern with a comment after it."""
    # `ignorefile.ReadAll` skips only lines whose first character is `#`.
    parts = _TRAILING.fullmatch(line.written)
    if parts is None:
        return None
    return Translation(
        f"Docker reads {line.shown} as one pattern: a comment needs a line of its own",
        [parts["comment"], parts["pattern"]],
    )


def several(case: Case, line: Line) -> Translation | None:
    """Translate a line of several patterns that blanks or commas separate."""
    if "#" in line.written:
        return None
    if _COMMENT.fullmatch(line.written):
        return None
    words = line.written.lstrip("!").replace(",", " ").split()
    if len(words) < 2:
        return None
    texts = []
    for word in words:
        if not (_WORD.fullmatch(word) and _looks_like_pattern(case, word)):
            return None
        sign = line.sign
        if word.startswith("!"):
            sign = ""
        texts.append(sign + word)
    return Translation(
        f"Docker reads {line.shown} as one pattern with spaces, not as {len(words)} patterns", texts
    )


def _looks_like_pattern(case: Case, word: str) -> bool:
    name = basename(word.strip("!/"))
    if name in ARTEFACTS:
        return True
    if "*" in word:
        return True
    if word.startswith((".", "/", "!")):
        return True
    if case.tree is not None:
        return name in case.tree.by_name
    if "." in word[1:-1]:
        return True
    return word.endswith("/")


def from_gitignore(case: Case, line: Line) -> Translation | None:
    """Translate `[!a]`, `{a,b}` and backslashes before letters."""
    written = line.written
    if _NEGATED.search(written):
        # `filepath.Match` of Go negates a class with `^` only.
        return Translation(
            f"Docker reads `[!…]` in {line.shown} as a class with `!`, not as its opposite",
            [_NEGATED.sub("[^", written)],
        )
    braces = _BRACES.fullmatch(written)
    if braces is not None:
        head, inner, tail = braces.groups()
        return Translation(
            f"Docker reads the braces in {line.shown} as plain characters, not as alternatives",
            [f"{head}{alternative.strip()}{tail}" for alternative in inner.split(",")],
        )
    if re.search(r"\\[A-Za-z0-9_]", written):
        return Translation(
            f"Docker reads the backslash in {line.shown} as an escape, not as a separator",
            [written.replace("\\", "/")],
        )
    return None


def from_regex(case: Case, line: Line) -> Translation | None:
    """Translate `|` that is not escaped."""
    if " " in line.text:
        return None
    if "|" not in _without_escapes(line.text):
        return None
    message = f"Docker reads `|` in {line.shown} as a plain character, not as alternatives"
    if _is_expression(line):
        message = (
            f"{line.shown} matches too much: `|` splits the regular expression that Docker makes"
        )
    parts = map(str.strip, line.written.removeprefix("!").split("|"))
    return Translation(message, [line.sign + part for part in parts if part])


def _is_expression(line: Line) -> bool:
    """Return whether Docker makes a regular expression of the pattern."""
    # `Pattern.compile` of moby/patternmatcher makes an expression of a pattern with wildcards
    # only, and does not escape `|` in it.
    kind = line.pattern.kind
    if not kind:
        return line.is_wild
    return kind in ("regexp", "tree")


def _without_escapes(text: str) -> str:
    """Return a pattern without escaped characters and classes."""
    end = text.rfind("]") + 1  # no class ends behind it
    return _NOT_PLAIN.sub("", text[:end]) + _ESCAPED.sub("", text[end:])


def not_a_comment(case: Case) -> LintFindings:
    """Yield indented `#` lines and comments of other languages."""
    for line in _unusual(case):
        text = line.written
        foreign = _COMMENT.fullmatch(text)
        if foreign is not None:
            text = f"# {foreign['rest'].strip()}".rstrip()
        elif not line.raw[:1].isspace() or not text.startswith("#"):
            continue
        severity = Severity.WARNING
        means = NOTHING
        decides = case.effect(line)
        if decides:
            severity = Severity.ERROR
            means = None
        yield case.finding(
            "CTX103",
            line,
            f"Docker reads {line.shown} as a pattern, not as a comment",
            severity,
            paths=decides,
            fix=case.fix("make it a comment", {line.number: text}, means=means),
        )


def fails(case: Case) -> LintFindings:
    """Yield lines that stop the build."""
    for line in case.lines:
        error = line.error
        if error is None:
            continue
        # `patternmatcher.New` compiles no pattern; its first match against a path does.
        when = "once it compares a path with"
        if error.always:
            when = "at"
        code = "CTX121"
        message = f"the build fails {when} {line.shown}: {error.message}"
        if isinstance(error, UnknownPatternError):
            code = "CTX000"
            message = error.message
        yield case.finding(code, line, message, help=error.hint or "")


def control(case: Case) -> LintFindings:
    """Yield control characters in patterns."""
    severity = Severity.WARNING
    what = "keeps this pattern from matching the name that you see"
    if case.stops_at_controls:
        severity = Severity.ERROR
        what = "in this pattern stops the build"
    for line in case.lines:
        if not line.control:
            continue
        yield case.finding(
            "CTX122",
            line,
            f"the control character {line.control!r} {what}",
            severity,
            at=line.raw.index(line.control),
            fix=case.fix(
                "remove the control characters",
                {line.number: "\n".join(CONTROLS.sub(" ", line.raw).split())},
            ),
        )


def invisible(case: Case) -> LintFindings:
    """Yield invisible characters, and bytes that are not UTF-8."""
    for line in case.lines:
        bad = next(filter(_is_unseen, line.text), None)
        if bad is None:
            continue
        if case.effect(line):
            continue
        fix = None
        data = bad.encode("utf-8", "surrogateescape")
        name = f"the byte 0x{data[0]:02x}, which is not UTF-8"
        if len(data) > 1:
            name = f"the invisible character U+{ord(bad):04X}"
            text = "".join(filterfalse(_is_unseen, line.raw.replace(_BLANK, " "))).strip()
            if text:
                fix = case.fix(
                    "remove the invisible characters",
                    {line.number: text},
                    means=case.intended([text]),
                )
        yield case.finding(
            "CTX123",
            line,
            f"the pattern contains {name}, so it does not match the name that you see",
            at=max(0, line.raw.find(bad)),
            fix=fix,
        )


def _is_unseen(char: str) -> bool:
    if char in (BOM, _BLANK):
        return True
    return unicodedata.category(char) in _UNSEEN


def utf16(case: Case) -> Finding:
    """Return one finding for a whole file in UTF-16, instead of one for each line."""
    return case.finding(
        "CTX123",
        case.lines[0],
        "Docker reads this UTF-16 file as UTF-8, so no line is the pattern that it looks like",
        Severity.ERROR,
        at=0,
        help="save it as UTF-8: iconv -f UTF-16 -t UTF-8",
    )


def outside(case: Case) -> LintFindings:
    """Yield patterns that cannot match an entry of any tree."""
    for line in case.lines:
        if line.names_no_entry:
            yield case.finding(
                "CTX114",
                line,
                f"{line.shown} never matches: it names no path inside the context",
                help="`*` ignores everything",
                fix=case.removal(line),
            )
