"""Characters that nobody sees: byte order marks, controls, blanks."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from ctxsize.engine import golang
from ctxsize.engine.ignorefile import BOM, sent_text
from ctxsize.findings import Finding, Severity
from ctxsize.lints.case import Case
from ctxsize.lints.lines import is_control
from ctxsize.lints.proposal import NOTHING, Proposal

_BLANK = "\u00a0"
"""The blank that breaks no line, which looks like any other."""
_UNSEEN = frozenset({"Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


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
    texts = [sent_text(line.raw) or "" for line in case.lines]
    ascii_only = all(text.isascii() for text in texts)
    for line in case.lines:
        bad = line.controls
        if not bad:
            continue
        stops = ascii_only and case.builder.spec_class.remembers_parents
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
