"""Lines that mean something else than they say: comments, other languages, unseen characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from ctxsize.engine import golang
from ctxsize.engine.ignorefile import BOM
from ctxsize.errors import UnknownPatternError
from ctxsize.findings import Finding, Severity
from ctxsize.lints.case import Case
from ctxsize.lints.depths import ARTEFACTS
from ctxsize.lints.lines import NOTHING, Line, Proposal, is_control

_NEGATED = re.compile(r"\[!(?=[^\]])")
_BRACES = re.compile(r"(?P<head>[^{}]*)\{(?P<inner>[^{}]*,[^{}]*)\}(?P<tail>[^{}]*)")
_COUNT = re.compile(r"\{\d+(,\d*)?\}")
Translation = tuple[str, list[str]]
"""What is wrong with a line, and the lines to write instead."""
_BLANK = "\u00a0"
"""The blank that breaks no line, which looks like any other."""
_UNSEEN = frozenset({"Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_TRAILING = re.compile(r"(?P<pattern>\S.*?)\s+(?P<comment>#.*)")
_FOREIGN = re.compile(r"(?P<mark>//+|;+|--+)(?P<rest>\s.*|[^/\s].*|)")
_WORD = re.compile(r"[\w.*?/!\[\]@~$+-]+")


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


def _unusual(case: Case) -> Iterator[Line]:
    """Yield the lines with a pattern, but for those that are the name of something in the tree."""
    there = case.tree.everything if case.tree is not None else ()
    for line in case.lines:
        if line.text and line.written.removeprefix("!").strip("/") not in there:
            yield line


def gitignore(case: Case) -> Iterator[Finding]:
    """Yield `[!a]`, `{a,b}` and backslashes in front of letters."""
    yield from _translated(case, "CTX115", _from_gitignore)


def regex(case: Case) -> Iterator[Finding]:
    """Yield `|`, `^` and `{}` that are not escaped."""
    yield from _translated(case, "CTX124", _from_regex)


def _translated(
    case: Case, code: str, translation: Callable[[Line], Translation | None]
) -> Iterator[Finding]:
    for line in _unusual(case):
        found = translation(line)
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
        else line.pattern.kind in ("regexp", "tree")
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


def byte_order_mark(case: Case) -> Iterator[Finding]:
    """Yield a byte order mark in front of the first line."""
    if case.lines and case.lines[0].marked:
        yield case.finding(
            "CTX119",
            case.lines[0],
            "Docker drops the byte order mark, Podman does not",
            columns=(1, 2),
            fix=Proposal("remove it", drops_bom=True, means=NOTHING, without_tree=True),
        )


def control(case: Case) -> Iterator[Finding]:
    """Yield control characters in patterns."""
    stops = case.stops_at_controls
    for line in case.lines:
        bad = line.controls
        if not bad:
            continue
        what = "stops the build" if stops else "belongs to the name that is matched"
        cleaned = "\n".join("".join(" " if is_control(c) else c for c in line.raw).split())
        yield case.finding(
            "CTX122",
            line,
            f"the control character {bad[0]!r} {what}",
            severity=Severity.ERROR if stops else Severity.WARNING,
            columns=line.columns(line.raw.index(bad[0])),
            fix=Proposal("take it out", {line.number: cleaned}),
        )


def invisible(case: Case) -> Iterator[Finding]:
    """Yield characters that nobody sees, and bytes that are not text."""
    for line in case.lines:
        bad = next((char for char in line.text if _is_unseen(char)), None)
        if bad is None or case.effect(line):
            continue
        raw, fix = bad.encode("utf-8", "surrogateescape"), None
        name = f"the byte 0x{raw[0]:02x}, which is not UTF-8,"
        if len(raw) > 1:
            code = f"U+{ord(bad):04X}"
            name = f"the character {code} ({unicodedata.name(bad, code).lower()})"
            kept = "".join(char for char in line.raw if char == _BLANK or not _is_unseen(char))
            cleaned = kept.replace(_BLANK, " ").strip()
            means = case.intended([cleaned])
            fix = Proposal("take it out", {line.number: cleaned}, means=means) if cleaned else None
        yield case.finding(
            "CTX123",
            line,
            f"{name} is part of the pattern",
            columns=line.columns(max(0, line.raw.find(bad))),
            fix=fix,
        )


def utf16(case: Case) -> Finding:
    """Return one finding for the whole file, each line of which holds zero bytes."""
    return case.finding(
        "CTX123",
        case.lines[0],
        "the file is UTF-16 and Docker reads UTF-8, so no line is the pattern that it looks like",
        severity=Severity.ERROR,
        columns=(1, 2),
        help="save it as UTF-8: iconv -f UTF-16 -t UTF-8",
    )


def whitespace(case: Case) -> Iterator[Finding]:
    """Yield blanks around patterns."""
    for line in case.lines:
        if not line.text or line.pattern is None or line.raw.lstrip().startswith("#"):
            continue
        trimmed = golang.trim_space(line.raw)
        gap = trimmed.startswith("!") and trimmed[1:2].isspace()
        clean = "!" + golang.trim_space(trimmed[1:]) if gap else trimmed
        if clean == line.raw or any(map(is_control, trimmed)):
            continue
        lead = "a blank behind ! is dropped by Docker, and by no other" if gap else "useless blanks"
        yield case.finding(
            "CTX128",
            line,
            lead,
            severity=Severity.WARNING if gap else Severity.INFO,
            columns=line.columns(0, len(line.raw)),
            fix=Proposal(
                "remove the blanks", {line.number: clean}, means=NOTHING, without_tree=True
            ),
        )


def _is_unseen(char: str) -> bool:
    return char in (BOM, _BLANK) or unicodedata.category(char) in _UNSEEN
