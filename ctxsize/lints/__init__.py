"""Lints of ignore files: a function for each code; a trial proves that a fix is certain."""

from __future__ import annotations

import codecs
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain
from typing import ClassVar, Literal

from ctxsize import codes
from ctxsize.build import Build
from ctxsize.config import Config, load
from ctxsize.engine.builders import builder_of
from ctxsize.engine.events import Progress, Steps, stepped
from ctxsize.engine.plan import ParsedDockerfiles
from ctxsize.findings import Edit, Finding, Location, in_order
from ctxsize.guard.accepting import FindingChoice, Wanted
from ctxsize.lints import depths, meanings, missing, overlaps
from ctxsize.lints.case import NOTHING, Case
from ctxsize.lints.lines import shown
from ctxsize.lints.lookup import LintTree, Target
from ctxsize.lints.targets import (
    STDIN,
    Cases,
    Layout,
    check_dockerfile,
    has_options_only,
    targets_of,
)
from ctxsize.model import Problem

Findings = tuple[Finding, ...]
Check = Callable[[Case], Iterator[Finding]]  # a lint: it yields the findings of one code


def _in_tree(check: Callable[[Case, LintTree], Iterator[Finding]]) -> Check:
    return lambda case: iter(()) if case.tree is None else check(case, case.tree)


LINTS: dict[str, Check] = {
    "CTX101": depths.root_only,
    "CTX102": meanings.translated("CTX102", meanings.trailing, meant=True),
    "CTX103": meanings.not_a_comment,
    "CTX104": meanings.translated("CTX104", meanings.several, meant=True),
    "CTX105": depths.single_star,
    "CTX106": overlaps.useless,
    "CTX107": overlaps.overridden,
    "CTX108": _in_tree(overlaps.shadowed),
    "CTX109": _in_tree(missing.git),
    "CTX110": _in_tree(missing.env),
    "CTX111": missing.hidden_source,
    "CTX112": overlaps.redundant,
    "CTX113": overlaps.duplicate,
    "CTX114": meanings.outside,
    "CTX115": meanings.translated("CTX115", meanings.from_gitignore),
    "CTX116": _in_tree(missing.manifest),
    "CTX117": missing.two_files,
    "CTX118": _in_tree(overlaps.dead),
    "CTX120": _in_tree(overlaps.empty),
    "CTX121": meanings.fails,
    "CTX122": meanings.control,
    "CTX123": meanings.invisible,
    "CTX124": meanings.translated("CTX124", meanings.from_regex),
    "CTX125": _in_tree(overlaps.pruned),
    "CTX127": missing.unread,
    "CTX130": _in_tree(overlaps.undone),
    "CTX131": _in_tree(missing.referenced),
    "CTX132": _in_tree(partial(missing.referenced, is_copy=True)),
    "CTX133": _in_tree(overlaps.slow),
    "CTX134": missing.linked,
}
"""The function that finds each code, in the order of the codes."""
_MOST_FIXES = 1000
_MISREAD = ("CTX102", "CTX103", "CTX104", "CTX115", "CTX121", "CTX122", "CTX124")
"""Codes of lines that are not the pattern that they look like."""
_OF_ONE_LINE = (*_MISREAD, "CTX123", "CTX127", "CTX134")  # those for files with too many patterns
_MOST_ALIKE = 3  # number of findings of one cause up to which each is reported by itself
_POINTLESS_BESIDE = {
    "CTX112": {*_MISREAD, "CTX108", "CTX113", "CTX130"},
    "CTX113": {*_MISREAD},
    "CTX118": {*_MISREAD},
}
"""Codes that are not reported for a line with a finding of these codes."""


@dataclass(frozen=True)
class LintedFile:
    """One ignore file and its findings."""

    path: str
    context: str | None  # the context that it governs, None without a tree
    dockerfiles: tuple[str, ...]
    patterns: int
    findings: Findings  # the findings that remain after fixes
    content_bytes: int | None  # number of bytes that are sent with it, None without a tree
    files: int | None
    mended: Findings  # the findings that fixes removed, in their order
    edit: Edit | None
    suppressed: int


@dataclass(frozen=True)
class Linted:
    """The result of `ctxsize lint`."""

    kind: ClassVar[Literal["lint"]] = "lint"

    files: tuple[LintedFile, ...]
    problems: tuple[Problem, ...] = ()
    unused: Findings = ()  # findings about suppressions that suppress nothing
    failing: Findings = ()  # findings about builds that must fail

    @property
    def findings(self) -> Findings:
        of_files = (each for file in self.files for each in file.findings)
        return in_order([*of_files, *self.failing, *self.unused])

    @property
    def is_rejected(self) -> bool:
        """Return whether an ignore file has a line with which no build can read it."""
        return any(finding.code == "CTX121" for finding in self.findings)

    @property
    def edits(self) -> tuple[Edit, ...]:
        return tuple(file.edit for file in self.files if file.edit is not None)


def lint(
    paths: Sequence[str],
    build: Build | None,
    *,
    data: bytes | None,
    fix: bool,
    unsafe: bool,
    choice: FindingChoice,
    config: Config | None,
    progress: Progress | None,
    steps: Steps | None,
) -> Linted:
    """Lint ignore files; see `ctxsize.api.lint`."""
    alone = data is not None and not paths
    if config is None:
        if paths:
            start = paths[0]
        else:
            start = (build or Build()).context
        if os.path.isdir(start):
            start = start
        else:
            start = os.path.dirname(start) or "."
        if alone:
            config = Config()
        else:
            config = load(start)
    own = codes.names("CTX1")
    parsed_files = ParsedDockerfiles()
    known = (*own, missing.BUILD_FAILS)
    wanted = Wanted(config, known=known, **choice)
    builder = builder_of((build or Build()).builder)
    layout = cache(lambda root: Layout(root, config, parsed_files))
    cases = Cases(build or Build(), builder, parsed_files=parsed_files, progress=progress)
    found = targets_of(paths, build, builder, layout, parsed_files=parsed_files)
    if alone:
        targets = [Target(STDIN)]
    else:
        targets = [*found]
    files = list[LintedFile]()
    failing: dict[Finding, None] = {}
    for target in stepped(targets, steps, lambda each: each.path):
        case = cases.case(target, data)
        files.append(_linted(case, wanted, fix=fix, unsafe=unsafe))
        edit = files[-1].edit
        if edit is None:
            final = case
        else:
            final = case.with_data(edit.after)
        failing |= dict.fromkeys(missing.failing_builds(final))
        cases.note_limits(case)
    directories = [each for each in paths or (".",) if not alone and os.path.isdir(each)]
    if build is None or has_options_only(build):
        for directory in directories:
            check_dockerfile(Build(directory), builder, parsed_files)
            for plan in cases.without_ignore_file(layout(directory).builds):
                failing |= dict.fromkeys(missing.failing(plan))
    if config.path is not None:
        ours = own
    else:
        ours = ()
    unused = wanted.unused(ours, *directories)
    problems = tuple(dict.fromkeys(cases.problems))
    return Linted(tuple(files), problems, unused, wanted.of(failing))


def _linted(case: Case, wanted: Wanted, *, fix: bool, unsafe: bool) -> LintedFile:
    suppressed: dict[bytes, int] = {}

    def found(each: Case) -> Findings:
        every = lint_case(each)
        kept = wanted.of(every, lines=each.file.texts())
        suppressed[each.file.data] = len(wanted.selected(every)) - len(kept)
        return kept

    before = case.file.data
    left = found(case)
    applied = list[Finding]()
    if fix:
        case, left, applied = apply_fixes(case, left, found, unsafe=unsafe)
        # A fix that was tried and is not applied was refused.
        waits = (each.fix and not (each.fix.certain or unsafe) for each in left)
        left = tuple(
            e if kept else replace(e, fix=None) for e, kept in zip(left, waits, strict=True)
        )
    path = case.file.path
    after = case.file.data
    readers = tuple(dict.fromkeys(each.dockerfile for each in case.plans if each.dockerfile))
    if case.tree is None:
        total = None
        context = None
    else:
        total = case.total
        context = case.target.context
    if total is None:
        size = None
        files = None
    else:
        size = total.content_bytes
        files = total.files
    findings = tuple(_joined(case, left))
    if applied:
        edit = Edit(path, before, after)
    else:
        edit = None
    given = (path, context, readers, len(case.patterns))
    mended = tuple(applied)
    return LintedFile(*given, findings, size, files, mended, edit, suppressed[after])


def _joined(case: Case, findings: Findings) -> Iterator[Finding]:
    """Yield findings; more than `_MOST_ALIKE` of one cause become one with all their places."""
    alike: dict[object, list[Finding]] = {}
    for each in findings:
        key = (each.code, each.severity, each.shared, each.fix and each.fix.certain)
        alike.setdefault(key if each.shared else id(each), []).append(each)
    for some in alike.values():
        is_group = len(some) > _MOST_ALIKE
        yield from [_join(case, some)] if is_group else (replace(e, shared="") for e in some)


def _join(case: Case, some: list[Finding]) -> Finding:
    """Return the finding for `some` of one cause; its fix makes the changes of all of them."""
    first = some[0]
    fixes = [each.fix for each in some if each.fix is not None]
    lines = dict(pair for each in fixes for pair in each.lines)
    added = [*dict.fromkeys(each.added for each in fixes if each.added)]
    if added:
        verb = "move"
        end = " to the end"
    else:
        verb = "remove"
        end = ""
    order = f"{verb} these {len(lines):,} lines{end}"
    if not lines:
        if added[2:]:
            rest = f" and {len(added) - 2:,} more"
        else:
            rest = ""
        order = f"add {', '.join(map(shown, added[:2]))}{rest}"
    if all(each.certain for each in fixes):
        means = NOTHING
    else:
        means = None
    if len(fixes) == len(some):
        fix = case.fix(order, lines, "\n".join(added), means=means)
    else:
        fix = None
    return replace(
        first,
        message=f"{len(some):,} {first.shared}",
        evidence=tuple(": ".join(each.evidence[:2]) for each in some if each.evidence),
        fix=fix,
        more_locations=tuple(e.location for e in some if e.location != first.location),
    )


def lint_case(case: Case) -> Findings:
    """Return all findings of an ignore file in order."""
    if case.file.data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        # No line is the pattern that it looks like, and no line can be added.
        return (meanings.utf16(case),)
    wanted = _OF_ONE_LINE if case.is_long else LINTS
    found = [each for code in wanted for each in LINTS[code](case)]
    by_line: dict[int | None, set[str]] = {}
    for each in found:
        by_line.setdefault(each.location.line, set()).add(each.code)
    beside = _POINTLESS_BESIDE.get
    kept = (e for e in found if by_line[e.location.line].isdisjoint(beside(e.code, ())))
    return in_order([*kept])


def apply_fixes(
    case: Case, found: Findings, lint: Callable[[Case], Findings], *, unsafe: bool = False
) -> tuple[Case, Findings, list[Finding]]:
    """Apply the certain fixes of `case`, in which `lint` has `found`; with `unsafe` all of them.

    Return the case afterwards, the findings that remain in it, and those whose fixes were
    applied. A fix is skipped if it causes a more severe finding, if its own finding remains, or
    if it restores an earlier content of the file.
    """
    applied = list[Finding]()
    seen = {case.file.data}
    before = 0
    refused = set[tuple[str, str, str]]()
    while len(applied) < _MOST_FIXES:
        # The fix of a group is one step; if it is refused, those of its findings may not be.
        for finding in chain(_joined(case, found), found):
            fix = finding.fix
            if fix is None or not (fix.certain or unsafe) or fix.edits[0].after in seen:
                continue
            key = (*_key(case, finding), fix.message)
            if key in refused:
                continue
            other = case.with_data(fix.edits[0].after)
            then = lint(other)
            if not _is_worse(case, found, other, then, finding):
                applied.append(finding)
                seen.add(other.file.data)
                case = other
                found = then
                break
            refused.add(key)
        else:
            if before == len(applied):
                break
            # Refused fixes are tried again once per round, not after every applied fix.
            before = len(applied)
            refused = set()
    return case, found, applied


def _is_worse(
    case: Case, found: Iterable[Finding], other: Case, then: Iterable[Finding], fixed: Finding
) -> bool:
    """Return whether `fixed` is found as often as before, or a more severe finding is new.

    For an uncertain fix, a new finding of the same severity is enough: two such fixes could
    undo each other forever.
    """
    before = Counter(_key(case, each) for each in found)
    after = Counter(_key(other, each) for each in then)
    places = (fixed.location, *fixed.more_locations)
    mine = [_key(case, fixed, each) for each in places]
    more = after - before
    limit = fixed.severity.rank + (fixed.fix is None or not fixed.fix.certain)
    new = [each for each in then if _key(other, each) in more]
    # Without an exception, another fix could hide what it names.
    changes = (each.fix.changes for each in new if each.fix is not None)
    hides = any(each is not None and each.ignored.paths for each in changes)
    hiding = hides and len(other.exceptions) < len(case.exceptions)
    is_left = any(after[each] >= before[each] for each in mine)
    return is_left or hiding or any(e.severity.rank < limit for e in new)


def _key(case: Case, finding: Finding, at: Location | None = None) -> tuple[str, str]:
    """Return a key that survives moved lines: the code and the text of the line."""
    number = (at or finding.location).line
    return finding.code, case.lines[number - 1].written if number else ""
