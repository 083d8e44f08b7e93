"""Misread lines: comments, syntax of other languages, characters that nobody sees."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from ctxsize.engine.ignorefile import BOM
from ctxsize.errors import UnknownPatternError
from ctxsize.findings import Finding, Severity
from ctxsize.lints.case import NOTHING, REMOVE, Case
from ctxsize.lints.depths import ARTEFACTS
from ctxsize.lints.lines import Line, is_control, shown

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
Translation = tuple[str, list[str]]  # the message about a line, and the lines to write instead


def translated(
    code: str, translation: Callable[[Case, Line], Translation | None], *, meant: bool = False
) -> Callable[[Case], Iterator[Finding]]:
    """Return the lint of the lines that `translation` translates.

    It counts the paths that the line decides about, or those that the new lines would.
    """

    def found_in(case: Case) -> Iterator[Finding]:
        for line in _unusual(case):
            if found := translation(case, line):
                what, texts = found
                decides = () if meant else case.effect(line)
                # Certain only if the line, as Docker reads it now, decides about no path.
                if decides:
                    means = None
                else:
                    means = case.intended(texts)
                order = f"write {', '.join(map(shown, texts))}"
                fix = case.fix(order, {line.number: "\n".join(texts)}, means=means)
                paths = (means or ()) if meant else decides
                yield case.finding(code, line, what, fix=fix, paths=paths)

    return found_in


def _unusual(case: Case) -> Iterator[Line]:
    """Yield the lines with a pattern, except those that name an entry of the tree."""
    there = case.tree.everything if case.tree is not None else ()
    for line in case.lines:
        if line.text and line.written.removeprefix("!").strip("/") not in there:
            yield line


def trailing(case: Case, line: Line) -> Translation | None:
    """Translate a pattern with a comment after it."""
    # `ignorefile.ReadAll` skips only lines whose first character is `#`.
    if (found := _TRAILING.fullmatch(line.written)) is None:
        return None
    what = f"Docker reads {line.shown} as one pattern: a comment needs a line of its own"
    return what, [found["comment"], found["pattern"]]


def several(case: Case, line: Line) -> Translation | None:
    """Translate a line of several patterns that blanks or commas separate."""
    words = line.written.lstrip("!").replace(",", " ").split()
    is_comment = "#" in line.written or _COMMENT.fullmatch(line.written)
    are_patterns = all(_WORD.fullmatch(word) and _looks_like_pattern(case, word) for word in words)
    if len(words) < 2 or is_comment or not are_patterns:
        return None
    mark = "!" * line.exception
    what = f"Docker reads {line.shown} as one pattern with spaces, not as {len(words)} patterns"
    return what, [word if word.startswith("!") else mark + word for word in words]


def _looks_like_pattern(case: Case, word: str) -> bool:
    name = word.strip("!/").rpartition("/")[2]
    if name in ARTEFACTS or "*" in word or word.startswith((".", "/", "!")):
        return True
    if case.tree is not None:
        return name in case.tree.by_name
    return "." in word[1:-1] or word.endswith("/")


def from_gitignore(case: Case, line: Line) -> Translation | None:
    """Translate `[!a]`, `{a,b}` and backslashes before letters."""
    written = line.written
    braces = _BRACES.fullmatch(line.written)
    if _NEGATED.search(written):
        # `filepath.Match` of Go negates a class with `^` only.
        what = f"Docker reads `[!…]` in {line.shown} as a class with `!`, not as its opposite"
        return what, [_NEGATED.sub("[^", written)]
    if braces is not None:
        inner = braces["inner"].split(",")
        texts = [f"{braces['head']}{each.strip()}{braces['tail']}" for each in inner]
        what = f"Docker reads the braces in {line.shown} as plain characters, not as alternatives"
        return what, texts
    if re.search(r"\\[A-Za-z0-9_]", written):
        what = f"Docker reads the backslash in {line.shown} as an escape, not as a separator"
        return what, [written.replace("\\", "/")]
    return None


def from_regex(case: Case, line: Line) -> Translation | None:
    """Translate `|` that is not escaped."""
    if " " in line.text or "|" not in _without_escapes(line.text):
        return None
    what = f"Docker reads `|` in {line.shown} as a plain character, not as alternatives"
    if line.pattern is None:
        kind = ""
    else:
        kind = line.pattern.kind
    # `Pattern.compile` of moby/patternmatcher makes an expression of a pattern with wildcards
    # only, and does not escape `|` in it.
    if kind in ("regexp", "tree") or (not kind and line.is_wild):
        what = f"{line.shown} matches too much: `|` splits the regular expression that Docker makes"
    parts = [part.strip() for part in line.written.removeprefix("!").split("|")]
    return what, ["!" * line.exception + part for part in parts if part]


def _without_escapes(text: str) -> str:
    """Return a pattern without escaped characters and classes."""
    at = text.rfind("]") + 1  # no class ends behind it
    return _NOT_PLAIN.sub("", text[:at]) + _ESCAPED.sub("", text[at:])


def not_a_comment(case: Case) -> Iterator[Finding]:
    """Yield indented `#` lines and comments of other languages."""
    for line in _unusual(case):
        foreign = _COMMENT.fullmatch(line.written)
        if foreign is None and not (line.raw[:1].isspace() and line.written.startswith("#")):
            continue
        if foreign is None:
            text = line.written
        else:
            text = f"# {foreign['rest'].strip()}".rstrip()
        message = f"Docker reads {line.shown} as a pattern, not as a comment"
        gone = case.effect(line)
        if gone:
            severity = Severity.ERROR
        else:
            severity = Severity.WARNING
        fix = case.fix("make it a comment", {line.number: text}, means=None if gone else NOTHING)
        yield case.finding("CTX103", line, message, severity=severity, paths=gone, fix=fix)


def fails(case: Case) -> Iterator[Finding]:
    """Yield lines that stop the build."""
    for line in case.lines:
        if line.error is None:
            continue
        why = line.error.message
        hint = line.error.hint or ""
        if isinstance(line.error, UnknownPatternError):
            yield case.finding("CTX000", line, why, help=hint)
            continue
        # `patternmatcher.New` compiles no pattern; its first match against a path does.
        if line.error.always:
            when = "at"
        else:
            when = "once it compares a path with"
        message = f"the build fails {when} {line.shown}: {why}"
        yield case.finding("CTX121", line, message, help=hint)


def control(case: Case) -> Iterator[Finding]:
    """Yield control characters in patterns."""
    severity = Severity.WARNING
    what = "keeps this pattern from matching the name that you see"
    if case.stops_at_controls:
        severity = Severity.ERROR
        what = "in this pattern stops the build"
    for line in (each for each in case.lines if each.control):
        cleaned = "\n".join("".join(" " if is_control(c) else c for c in line.raw).split())
        message = f"the control character {line.control!r} {what}"
        at = line.raw.index(line.control)
        fix = case.fix("remove the control characters", {line.number: cleaned})
        yield case.finding("CTX122", line, message, severity=severity, at=at, fix=fix)


def invisible(case: Case) -> Iterator[Finding]:
    """Yield invisible characters, and bytes that are not UTF-8."""
    for line in case.lines:
        bad = next(filter(_is_unseen, line.text), None)
        if bad is None or case.effect(line):
            continue
        raw = bad.encode("utf-8", "surrogateescape")
        fix = None
        name = f"the byte 0x{raw[0]:02x}, which is not UTF-8"
        if len(raw) > 1:
            name = f"the invisible character U+{ord(bad):04X}"
            kept = "".join(char for char in line.raw if char == _BLANK or not _is_unseen(char))
            if cleaned := kept.replace(_BLANK, " ").strip():
                means = case.intended([cleaned])
                change = {line.number: cleaned}
                fix = case.fix("remove the invisible characters", change, means=means)
        what = f"the pattern contains {name}, so it does not match the name that you see"
        yield case.finding("CTX123", line, what, at=max(0, line.raw.find(bad)), fix=fix)


def _is_unseen(char: str) -> bool:
    return char in (BOM, _BLANK) or unicodedata.category(char) in _UNSEEN


def utf16(case: Case) -> Finding:
    """Return one finding for a whole file in UTF-16, instead of one for each line."""
    what = "Docker reads this UTF-16 file as UTF-8, so no line is the pattern that it looks like"
    hint = "save it as UTF-8: iconv -f UTF-16 -t UTF-8"
    return case.finding("CTX123", case.lines[0], what, severity=Severity.ERROR, at=0, help=hint)


def outside(case: Case) -> Iterator[Finding]:
    """Yield patterns that cannot match an entry of any tree."""
    for line in (each for each in case.lines if each.names_no_entry):
        message = f"{line.shown} never matches: it names no path inside the context"
        fix = case.fix(REMOVE, {line.number: None})
        yield case.finding("CTX114", line, message, help="`*` ignores everything", fix=fix)
