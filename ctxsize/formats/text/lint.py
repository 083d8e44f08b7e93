"""What was found in ignore files, what the fixes did, and what is sent with each file."""

from __future__ import annotations

from collections.abc import Iterator

from ctxsize.formats import fixes
from ctxsize.formats.look import Look
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.text.advice import plural
from ctxsize.formats.text.findings import lines as findings_lines
from ctxsize.formats.text.findings import place
from ctxsize.lints.run import Linted, LintedFile
from ctxsize.units import human


def render(linted: Linted, look: Look) -> str:
    """The findings by place, then a line for each file."""
    lines: list[str] = []
    for file in linted.files:
        lines += _mended(file, look)
    found = findings_lines(linted.findings, look)
    lines += [""] * bool(lines and found) + found
    lines += [""] * bool(lines) + [_file(file) for file in linted.files]
    lines += [
        f"note: {visible(_where(each.path))}{visible(each.message)}" for each in linted.problems
    ]
    if not linted.files:
        lines.append("no ignore file here")
    return "".join(f"{line}\n" for line in lines)


def _mended(file: LintedFile, look: Look) -> Iterator[str]:
    for each in file.mended:
        assert each.fix is not None
        done = look.paint("fixed", "green")
        effect = fixes.effect(each.fix)
        said = each.fix.message + (f"; {effect}" if effect else "")
        yield f"{place(each)} {done} {each.code} {visible(said)}"


def _file(file: LintedFile) -> str:
    """One line for a file: how many patterns, what is sent, and whether anything was found."""
    parts = [plural(file.patterns, "pattern")]
    if file.content_bytes is not None and file.files is not None:
        parts.append(f"{plural(file.files, 'file')} sent, {human(file.content_bytes)}")
    if not file.findings:
        parts.append("nothing found")
    if file.suppressed:
        parts.append(f"{file.suppressed:,} suppressed")
    return f"{quoted(file.path)}: {', '.join(parts)}"


def _where(path: str | None) -> str:
    return f"{path}: " if path else ""
