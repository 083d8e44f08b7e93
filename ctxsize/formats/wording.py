"""Words that all formats share: safe names, amounts, lists, commands, verdicts and findings."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from os.path import join, normpath
from typing import TYPE_CHECKING, TypeAlias

from ctxsize.build import path_argument
from ctxsize.engine.builders import BUILDERS
from ctxsize.findings import Finding, Fix, Location, Severity
from ctxsize.hidden import shown
from ctxsize.model import Amount, Counted, Measurement, Report, Transfer
from ctxsize.units import as_code, columns, human, plural, prefix

if TYPE_CHECKING:
    from ctxsize.guard.comparison import Saved
    from ctxsize.recommender.outcome import Glance, Suggested

MeasuredBuild: TypeAlias = "Report | Suggested | Saved"
EVIDENCE = 5  # number of pieces of a finding to show
EXAMPLES = 3  # number of names in a list
LARGE_BYTES = 50_000_000  # worth a look
TOO_LARGE_BYTES = 500_000_000
MANY_FILES = 5_000
_UNNEEDED_SHARE = 0.1  # of all bytes sent, from which unneeded parts are worth a look
_UNNEEDED_BYTES = 1_000_000  # from which they are, whatever their share
TOO_MANY_FILES = 50_000
LEVELS = {
    "fine": ("Fine", "green"),
    "worth-a-look": ("Worth a look", "yellow"),
    "too-big": ("Too big", "red"),
    "build-fails": ("The build fails", "red"),
}
"""The title of each level of concern, and its style."""
_BEFORE_PATH = (
    r"^[│├└─ ]*(?:(?:COPY|ADD) |RUN --mount, \w+ of |(?:the )?rest of |[\d,]+ × )?"
    '!?"?'
)
"""Matches what stays of a line when `fit` cuts the path at its end."""
_BELOW = re.compile('/(?!"?\\Z)', re.DOTALL)
_LEAST_OF_NAME = 4
_VERBS = {"ignored": "ignores", "sent": "sends", "emptied": "empties", "filled": "fills"}
_NOT_PLAIN = ' "\\'
"""Printable characters in a name that may need quotes; a blank does so at an end."""
_LETTERS = dict(zip("\a\b\t\n\v\f\r", "abtnvfr", strict=True))
_ESCAPE = rb"""\\([0-7]{3}|[abtnvfr"\\])"""
_ESCAPED = {letter.encode(): char.encode() for char, letter in _LETTERS.items()}


def visible(text: str) -> str:
    """Return what may be printed of `text`, with all non-printable characters escaped."""
    text = shown(text)
    if text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(char: str) -> str:
    if char.isprintable():
        return char
    if char in _LETTERS:
        return f"\\{_LETTERS[char]}"
    errors = "surrogatepass"
    if "\udc80" <= char <= "\udcff":
        errors = "surrogateescape"
    return "".join(f"\\{byte:03o}" for byte in char.encode("utf-8", errors))


def quoted(name: str) -> str:
    """Return `name`, in double quotes as `git` writes it if `unquoted` needs them."""
    name = shown(name)
    plain = name.isprintable() and '"' not in name and "\\" not in name
    if plain and name == name.strip():
        return name
    escaped = name.replace("\\", r"\\").replace('"', r"\"")
    return f'"{visible(escaped)}"'


def all_quoted(paths: list[str]) -> list[str]:
    """Return `paths` as `quoted` does: one look at all of them shows that none needs quotes."""
    text = "".join(paths)
    if text.isprintable() and not any(char in text for char in _NOT_PLAIN):
        return paths
    return [*map(quoted, paths)]


def located(path: str, line: int | None, column: int | None = None) -> str:
    """Return the known part of `path:line:column`, safe on a terminal."""
    return str(Location(quoted(path), line, column))


def code(text: str) -> str:
    """Return `text` in a code span, with non-printable characters escaped."""
    return as_code(visible(text))


def unquoted(text: str) -> str:
    """Return the name that `quoted` wrote as `text`."""
    if len(text) < 2 or not (text.startswith('"') and text.endswith('"')):
        return text
    return os.fsdecode(re.sub(_ESCAPE, _unescaped, os.fsencode(text[1:-1])))


def _unescaped(escape: re.Match[bytes]) -> bytes:
    code = escape[1]
    if code.isdigit():
        return bytes([int(code, 8) & 0xFF])
    return _ESCAPED.get(code, code)


def fit(text: str, width: int) -> str:
    """Return a path, or a line that ends with one, within `width` columns.

    It loses its first directories. Guides of a tree, an instruction and `!` before it stay.
    Only a name that is too wide by itself is cut.
    """
    if columns(text) <= width:
        return text
    lead = next(re.finditer(_BEFORE_PATH, text))[0]
    if columns(lead) + _LEAST_OF_NAME > width:
        lead = ""
    path = text[len(lead) :]
    room = width - columns(lead)
    below = _BELOW.search(path, len(path) - len(_suffix(path, room - 1)))
    if below:
        return f"{lead}…{path[below.start() :]}"
    room = max(room, 2) - 1
    head = 0
    if not _BELOW.search(path):
        head = room // 3 + 1
    tail = _suffix(path, room - head)
    return f"{lead}{prefix(path, head)}…{tail}"


def _suffix(text: str, width: int) -> str:
    """Return as much of the end of `text` as `width` columns hold."""
    return prefix(text[::-1], width)[::-1]


def clipped(text: str, width: int) -> str:
    """Return a sentence without words in its middle if it is wider than `width` columns."""
    if prefix(text, width) == text:
        return text
    half = width // 2
    head = prefix(text, half - 1)
    tail = _suffix(text, width - half - 2)
    words_of_head = head.rpartition(" ")[0]
    words_of_tail = tail.partition(" ")[2]
    return f"{words_of_head or head} … {words_of_tail or tail}"


def amount(counted: Counted) -> str:
    """Return size and number of files as text."""
    return f"{human(counted.content_bytes)} in {plural(counted.files, 'file')}"


def cells(counted: Counted) -> tuple[str, str]:
    """Return size and number of files as cells of a table."""
    return human(counted.content_bytes), f"{counted.files:,}"


def change(before: Counted, after: Counted) -> str:
    """Return two amounts as text, one that stays the same once."""
    return " -> ".join(dict.fromkeys(map(amount, (before, after))))


def more(count: int, noun: str = "") -> str:
    """Return "and … more", `""` for none."""
    if count <= 0:
        return ""
    if noun:
        return f"and {plural(count, f'more {noun}')}"
    return f"and {count:,} more"


def listed(texts: Sequence[str], *, sign: str = ", ", of: int = 0, most: int = EXAMPLES) -> str:
    """Return the first of `texts`, and the number of the others, `of` so many if given."""
    shown = texts[:most]
    left = (of or len(texts)) - len(shown)
    return f"{sign.join(shown)} {more(left)}".rstrip()


def level(report: Report, *, has_matter: bool = False) -> str:
    """Return the level of concern of `report`, a key of `LEVELS`; `has_matter` is one by itself."""
    if report.failures:
        return "build-fails"
    size = sent(report)
    if size.content_bytes >= TOO_LARGE_BYTES or size.files >= TOO_MANY_FILES:
        return "too-big"
    if has_matter or is_large(size) or hides_all(report) or report.all_problems:
        return "worth-a-look"
    return "fine"


def level_at(glance: Glance) -> str:
    """Return the level of concern of a first screen, a key of `LEVELS`."""
    sizes = (glance.safe, glance.doubtful)
    is_wasteful = any(is_worth_a_look(size, glance.report) for size in sizes)
    return level(glance.report, has_matter=is_wasteful or bool(glance.secrets))


def is_worth_a_look(size: Amount, report: Report) -> bool:
    """Return whether this is much of what is sent, or much in itself."""
    share = _UNNEEDED_SHARE * sent(report).content_bytes
    return size.content_bytes >= min(_UNNEEDED_BYTES, max(1, share))


def sent(report: Report) -> Amount:
    """Return the size of all transfers, or of the context if they are not known."""
    return Amount.of(*map(counted, report.parts))


def counted(part: Measurement | Transfer) -> Counted:
    """Return what counts the files and bytes of a context or a transfer."""
    if isinstance(part, Measurement):
        return part.totals
    return part


def is_large(size: Amount) -> bool:
    """Return whether this is too much to call a report fine."""
    return size.content_bytes >= LARGE_BYTES or size.files >= MANY_FILES


def hides_all(report: Report) -> bool:
    """Return whether the ignore file ignores everything."""
    return report.context.totals.entries == 0 and report.ignore_file is not None


def place(finding: Finding) -> str:
    """Return where a finding is, safe on a terminal."""
    location = finding.location
    return located(location.path, location.line, location.column)


def summary(findings: Sequence[Finding], fixed: int = 0) -> str:
    """Return the number of findings by severity, of `fixed` ones, and of those with a fix."""
    if not findings:
        if fixed:
            return f"{fixed:,} fixed, none left"
        return "no findings"
    count = len(findings)
    total = sum(map(places, findings))
    lead = plural(count, "finding")
    if fixed:
        lead = f"{fixed:,} fixed, {count:,} left"
    if total > count:
        lead += f" in {total:,} places"
    text = f"{lead}: {', '.join(_by_severity(findings))}"
    ways = ", ".join(_ways_to_fix(findings))
    if ways:
        text += f"; {ways}"
    return text


def _by_severity(findings: Sequence[Finding]) -> Iterator[str]:
    counts = Counter(finding.severity for finding in findings)
    for severity in Severity:
        count = counts[severity]
        if count and severity is Severity.INFO:
            yield f"{count:,} {severity.value}"
        elif count:
            yield plural(count, severity.value)


def _ways_to_fix(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield how many places have a safe fix, and how many more an unsafe one."""
    counts = Counter[bool]()
    for finding in findings:
        if finding.fix:
            counts[finding.fix.certain] += places(finding)
    safe = counts[True]
    unsafe = counts[False]
    word = "fixable"
    if safe:
        yield f"{safe:,} fixable with --fix"
        word = "more"
    if unsafe:
        yield f"{unsafe:,} {word} with --unsafe-fixes"


def places(finding: Finding) -> int:
    """Return the number of places of a finding."""
    return 1 + len(finding.more_locations)


def details(
    finding: Finding, most: int = EVIDENCE, *, lines: int = EXAMPLES
) -> Iterator[tuple[str, str]]:
    """Yield the lines below a message, each with a label: `|` for evidence, `help:` or `fix:`."""
    numbers = [str(location.line) for location in finding.more_locations]
    if numbers:
        noun = "line" if len(numbers) == 1 else "lines"
        yield "|", f"also on {noun} {listed(numbers, most=lines)}"
    evidence = finding.evidence
    for text in evidence[:most]:
        yield "|", text
    if len(evidence) > most > 0:
        yield "|", more(len(evidence) - most)
    if finding.help:
        yield "help:", finding.help
    if finding.fix:
        yield "fix:", fix_text(finding.fix)


def fix_text(fix: Fix) -> str:
    """Return what `fix` does, its effect on what is sent, and whether it is unsafe."""
    text = fix.message
    if fix.changes:
        effects = []
        for name, verb in _VERBS.items():
            changed = getattr(fix.changes, name)
            if changed.paths:
                effects.append(f"{verb} {amount(changed)}")
        text += f"; {', '.join(effects) or 'changes nothing that is sent'}"
    if not fix.certain:
        text += " (unsafe: review first)"
    return text


def to_write(*, is_link: bool) -> list[str]:
    """Return the words that write an ignore file, also in place of a link."""
    words = ["suggest", "--write"]
    if is_link:
        words.append("--replace-link")
    return words


def writing_all(root: str, *, is_link: bool) -> str:
    """Return the command that writes the ignore files of all builds below `root`."""
    command, *options = to_write(is_link=is_link)
    return typed(command, "--all", *options, *directory_argument(root))


def command(outcome: MeasuredBuild, name: str, *arguments: str) -> str:
    """Return the command `name` with `arguments` for the same build; see `path_argument`."""
    words = [*arguments]
    if outcome.builder != next(iter(BUILDERS)):
        words += ["--builder", outcome.builder]
    dockerfile = outcome.dockerfile
    context = outcome.context_path
    names = BUILDERS[outcome.builder].dockerfile_names
    usual = [normpath(join(context, usual_name)) for usual_name in names]
    if dockerfile == "-":
        words += ["-f", "-"]
    elif dockerfile is not None and normpath(dockerfile) not in usual:
        words += ["-f", path_argument(dockerfile)]
    if name in ("measure", "suggest") or {"--transfer", "--trace"} & set(arguments):
        words += outcome.options
    if context != "." and name == "explain":
        words.append("-C")
    return typed(name, *words, *directory_argument(context))


def typed(*words: str) -> str:
    """Return a command of ctxsize as it is typed into a shell."""
    return " ".join(map(_shell, ("ctxsize", *words)))


def directory_argument(path: str) -> list[str]:
    """Return the argument for a directory; none for the one in which the command runs."""
    if path == ".":
        return []
    return [path_argument(path)]


def _shell(word: str) -> str:
    if word.isprintable():
        from shlex import quote

        return quote(word)
    escaped = word.replace("\\", r"\\").replace("'", r"\'")
    return f"$'{visible(escaped)}'"
