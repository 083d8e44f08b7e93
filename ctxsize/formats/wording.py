"""Phrases that several formats share: amounts, lists, commands, and details of findings."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ctxsize.engine.builders import BUILDERS
from ctxsize.findings import Finding, Fix, Severity
from ctxsize.formats.names import quoted, visible
from ctxsize.model import Counted
from ctxsize.units import human, plural

if TYPE_CHECKING:
    from ctxsize.model import Report
    from ctxsize.recommender.outcome import Suggested

EVIDENCE = 5
"""Number of pieces of evidence to show of a finding."""
EXAMPLES = 3
"""Number of names, paths or reasons to show in a list."""
SEVERITY_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "bold"}
_VERBS = {
    "ignored": "ignores",
    "sent": "sends",
    "emptied": "empties",
    "filled": "gives content to",
}


def amount(counted: Counted) -> str:
    """Return size and number of files as text.

    >>> from ctxsize.model import Amount
    >>> amount(Amount(14, 5_100_000))
    '5.1 MB in 14 files'
    """
    return f"{human(counted.content_bytes)} in {plural(counted.files, 'file')}"


def change(before: Counted, after: Counted) -> str:
    """Return two amounts as text, one that stays the same once."""
    return " -> ".join(dict.fromkeys((amount(before), amount(after))))


def more(count: int, noun: str = "") -> str:
    """Return "and … more", `""` for none.

    >>> more(2), more(1, "file"), more(0)
    ('and 2 more', 'and 1 more file', '')
    """
    if count <= 0:
        return ""
    return f"and {plural(count, f'more {noun}') if noun else f'{count:,} more'}"


def listed(texts: Sequence[str], *, sign: str = ", ", of: int = 0) -> str:
    """Return the first of `texts`, and the number of the others, `of` so many if given.

    >>> listed(["a", "b", "c", "d"]), listed(["a"], of=2)
    ('a, b, c and 1 more', 'a and 1 more')
    """
    shown = texts[:EXAMPLES]
    return f"{sign.join(shown)} {more((of or len(texts)) - len(shown))}".rstrip()


def place(finding: Finding) -> str:
    """Return the known part of `path:line:column`, safe on a terminal."""
    location = finding.location
    numbers = [str(each) for each in (location.line, location.column) if each is not None]
    return ":".join([quoted(location.path), *numbers])


def summary(findings: Sequence[Finding]) -> str:
    """Return the number of findings, by severity, and of those with a fix."""
    if not findings:
        return "no findings"
    parts = []
    for severity in Severity:
        count = sum(each.severity is severity for each in findings)
        noun = severity.value if count == 1 or severity is Severity.INFO else f"{severity.value}s"
        parts += [f"{count:,} {noun}"] if count else []
    fixable = sum(each.fix is not None for each in findings)
    fixed = f"; {fixable:,} with a fix" if fixable else ""
    return f"{plural(len(findings), 'finding')}: {', '.join(parts)}{fixed}"


def details(finding: Finding) -> Iterator[tuple[str, str]]:
    """Yield the lines below a message, each with a label: `|` for evidence, `help:` or `fix:`."""
    yield from (("|", each) for each in finding.evidence[:EVIDENCE])
    if len(finding.evidence) > EVIDENCE:
        yield "|", more(len(finding.evidence) - EVIDENCE)
    if finding.help:
        yield "help:", finding.help
    if finding.fix is not None:
        yield "fix:", fix_text(finding.fix)


def fix_text(fix: Fix) -> str:
    """Return what `fix` does, its effect on what is sent, and whether it is unsafe.

    >>> from ctxsize.findings import Changes, Paths
    >>> fix_text(Fix("write `a`", (), True, Changes(ignored=Paths(("c/", "c/d"), 1, 1500))))
    'write `a`; ignores 1.5 kB in 1 file'
    """
    parts = [fix.message]
    if fix.changes is not None:
        groups = ((verb, getattr(fix.changes, name)) for name, verb in _VERBS.items())
        changed = [f"{verb} {amount(group)}" for verb, group in groups if group.paths]
        parts.append(", ".join(changed) or "changes nothing that is sent")
    text = "; ".join(parts)
    return text if fix.certain else f"{text} (unsafe: review first)"


def command(outcome: Report | Suggested, name: str, *arguments: str) -> str:
    """Return the command `name` with `arguments` for the same build; see `path_argument`."""
    words = ["ctxsize", name, *arguments]
    if outcome.builder != next(iter(BUILDERS)):
        words += ["--builder", outcome.builder]
    dockerfile, names = outcome.dockerfile, BUILDERS[outcome.builder].dockerfile_names
    usual = [os.path.normpath(os.path.join(outcome.context_path, name)) for name in names]
    if dockerfile == "-":
        words += ["-f", "-"]
    elif dockerfile is not None and os.path.normpath(dockerfile) not in usual:
        words += ["-f", path_argument(dockerfile)]
    if name in ("measure", "suggest") or {"--transfer", "--trace"} & set(arguments):
        words += outcome.options
    if outcome.context_path != ".":
        context = path_argument(outcome.context_path)
        words += ["-C", context] if name == "explain" else [context]
    return " ".join(map(_shell, words))


def path_argument(path: str) -> str:
    """Return `path` in a form that is not parsed as an option."""
    return f"./{path}" if path.startswith("-") else path


def _shell(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + visible(word.replace("\\", r"\\").replace("'", r"\'")) + "'"
