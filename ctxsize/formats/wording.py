"""Phrases that several formats share: amounts, lists, and details of findings."""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ctxsize.engine.builders import BUILDERS
from ctxsize.findings import Finding, Fix, Paths, Severity
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


def more(count: int, noun: str = "") -> str:
    """Return "and … more", `""` for none.

    >>> more(2), more(1, "file"), more(0)
    ('and 2 more', 'and 1 more file', '')
    """
    if count <= 0:
        return ""
    return f"and {plural(count, f'more {noun}') if noun else f'{count:,} more'}"


def listed(texts: Sequence[str], noun: str = "", *, most: int = EXAMPLES, sign: str = ", ") -> str:
    """Return the first `most` of `texts`, and the number of the others.

    >>> listed(["a", "b", "c", "d"]), listed(["a"])
    ('a, b, c and 1 more', 'a')
    """
    return f"{sign.join(texts[:most])} {more(len(texts) - most, noun)}".rstrip()


def sentence(clause: str) -> str:
    """Return a clause as a sentence, safe on a terminal."""
    return visible(f"{clause[:1].upper()}{clause[1:]}.")


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
    """Yield the lines below a message: evidence, help and fix.

    Each has a label: `|`, `""` for the number of further evidence, `help:` or `fix:`.
    """
    yield from (("|", each) for each in finding.evidence[:EVIDENCE])
    if len(finding.evidence) > EVIDENCE:
        yield "", more(len(finding.evidence) - EVIDENCE)
    if finding.help:
        yield "help:", finding.help
    if finding.fix is not None:
        unsure = "" if finding.fix.certain else " (unsafe: review first)"
        yield "fix:", fix_text(finding.fix, finding.evidence) + unsure


def fix_text(fix: Fix, named: Collection[str] = ()) -> str:
    """Return what `fix` does, and its effect; paths in `named` are not repeated."""
    changed = effect(fix, named=named)
    return fix.message + (f"; {changed}" if changed else "")


def effect(fix: Fix, *, named: Collection[str] = ()) -> str:
    """Return the effect of `fix` on what is sent, `""` if it is not known.

    >>> from ctxsize.findings import Changes
    >>> effect(Fix("", (), True, Changes(ignored=Paths(("a/", "a/b", "c"), 2, 1500))))
    'ignores 2 files, 1.5 kB (a/, c)'
    """
    if fix.changes is None:
        return ""
    if fix.changes.nothing:
        return "changes nothing that is sent"
    groups = ((verb, getattr(fix.changes, name)) for name, verb in _VERBS.items())
    return ", ".join(f"{verb} {_amount(each, named)}" for verb, each in groups if each.paths)


def _amount(group: Paths, named: Collection[str]) -> str:
    directories = len(group.paths) - group.files
    text = plural(group.files, "file") if group.files else plural(directories, "directory")
    text += f", {human(group.content_bytes)}" if group.files else ""
    tops = [*_topmost(group.paths)]
    if all(each in named for each in tops[:EXAMPLES]):
        return text
    return f"{text} ({listed(tops)})"


def _topmost(paths: Collection[str]) -> Iterator[str]:
    """Yield `paths` in their order, except those below a directory among them."""
    last = ""
    for path in paths:
        if not last or not path.startswith(last):
            yield path
            last = path if path.endswith("/") else ""


def fingerprints(findings: Iterable[Finding]) -> list[str]:
    """Return a unique fingerprint of each finding, to track it over time.

    It does not depend on line numbers and figures, which change often.
    """
    from hashlib import sha256  # slow to load, and few formats need it

    seen: Counter[str] = Counter()
    found = []
    for each in findings:
        words = re.sub(r"[0-9][0-9,.]*( [kMGT]?B)?", "#", each.message)
        identity = "\0".join((each.code, each.location.path, words))
        digest = sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        seen[digest] += 1
        found.append(f"{digest}:{seen[digest]}")
    return found


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
