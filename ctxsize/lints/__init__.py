"""Lints of ignore files: a function for each code; a trial proves that a fix is certain."""

from __future__ import annotations

import codecs
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from os.path import dirname, isdir
from typing import ClassVar, Literal, NamedTuple

from ctxsize import codes
from ctxsize.build import Build
from ctxsize.config import Config, load
from ctxsize.engine.builders import builder_of
from ctxsize.engine.events import Progress, Steps, stepped
from ctxsize.engine.fates import failures, lacking
from ctxsize.findings import Edit, Finding, FrozenFindings, Location, in_order, merge_alike
from ctxsize.guard.accepting import FindingChoice, Wanted
from ctxsize.lints import depths, meanings, missing, overlaps, unread
from ctxsize.lints.case import NOTHING, Case, LintFindings, MaybeFix
from ctxsize.lints.lines import shown
from ctxsize.lints.lookup import LintTree, Target, sending
from ctxsize.lints.targets import (
    STDIN,
    Cases,
    Layout,
    check_dockerfile,
    targets_of,
)
from ctxsize.model import (
    Problem,
    Problems,
    Texts,
)
from ctxsize.values import Value

LintRule = Callable[[Case], LintFindings]
"""A function that yields the findings of one code in an ignore file."""


def _in_tree(rule: Callable[[Case, LintTree], LintFindings]) -> LintRule:
    def with_tree(case: Case) -> LintFindings:
        if case.tree is not None:
            yield from rule(case, case.tree)

    return with_tree


LINTS: dict[str, LintRule] = {
    "CTX101": depths.root_only,
    "CTX102": partial(meanings.translated, "CTX102", meanings.trailing, meant=True),
    "CTX103": meanings.not_a_comment,
    "CTX104": partial(meanings.translated, "CTX104", meanings.several, meant=True),
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
    "CTX115": partial(meanings.translated, "CTX115", meanings.from_gitignore),
    "CTX116": _in_tree(missing.manifest),
    "CTX117": _in_tree(missing.two_files),
    "CTX118": _in_tree(overlaps.dead),
    "CTX120": _in_tree(overlaps.empty),
    "CTX121": meanings.fails,
    "CTX122": meanings.control,
    "CTX123": meanings.invisible,
    "CTX124": partial(meanings.translated, "CTX124", meanings.from_regex),
    "CTX125": _in_tree(overlaps.pruned),
    "CTX127": unread.unread,
    "CTX130": _in_tree(overlaps.undone),
    "CTX131": _in_tree(missing.referenced),  # CTX132 too
    "CTX133": _in_tree(overlaps.slow),
    "CTX134": missing.linked,
    "CTX135": _in_tree(missing.foreseen),
    "CTX136": unread.displaced,
    "CTX140": _in_tree(partial(missing.hazard, "CTX140")),
    "CTX141": _in_tree(partial(missing.hazard, "CTX141")),
}
"""The function that finds each code, in the order of the codes."""
_MOST_FIXES = 1000
_MISREAD = ("CTX102", "CTX103", "CTX104", "CTX115", "CTX121", "CTX122", "CTX124")
"""Codes for lines that Docker reads differently than they look."""
_OF_ONE_LINE = (*_MISREAD, "CTX123", "CTX134")  # those for files with too many patterns
_OF_NO_LINES = ("CTX109", "CTX110", "CTX120", "CTX135")  # those that need no line
_MOST_ALIKE = 3  # number of findings of one cause up to which each is reported by itself
_POINTLESS_BESIDE = {
    "CTX112": {*_MISREAD, "CTX106", "CTX107", "CTX108", "CTX113", "CTX130"},
    "CTX113": {*_MISREAD},
    "CTX118": {*_MISREAD},
}
"""Codes that are not reported for a line with a finding of these codes."""
_DISPLACED = "CTX136"
_OF_TRUE_PATHS = (
    *("CTX101", "CTX105", "CTX106", "CTX107", "CTX108", "CTX111", "CTX116", "CTX118", "CTX120"),
    *("CTX125", "CTX130", "CTX131", "CTX132", "CTX133"),
)
"""Codes that judge lines by what they match, which nobody meant if they are `_DISPLACED`."""


class LintedFile(Value):
    """One ignore file and its findings."""

    path: str
    context: str | None  # the context that it governs, None without a tree
    dockerfiles: Texts
    patterns: int
    findings: FrozenFindings  # the findings that remain after fixes
    content_bytes: int | None  # number of bytes that are sent with it, None without a tree
    files: int | None
    mended: FrozenFindings  # the findings that fixes removed, in their order
    edit: Edit | None
    suppressed: int


class Linted(Value):
    """The result of `ctxsize lint`."""

    kind: ClassVar[Literal["lint"]] = "lint"

    files: tuple[LintedFile, ...]
    problems: Problems = ()
    unused: FrozenFindings = ()  # findings about suppressions that suppress nothing
    failing: FrozenFindings = ()  # findings about builds that fail or are spoilt
    failures: Problems = ()  # why builds must fail, also those for which a line is blamed

    @property
    def findings(self) -> FrozenFindings:
        return in_order(
            [
                *(finding for file in self.files for finding in file.findings),
                *self.failing,
                *self.unused,
            ]
        )

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
    of_stdin = data is not None and not paths
    options = build or Build()
    if options.context == "." and options.dockerfile is None:
        build = None  # these are options of builds, but no build
    if config is None:
        config = _config_for([*paths, options.context][0], of_stdin=of_stdin)
    lints = codes.names("CTX1")
    wanted = Wanted(config, known=(*lints, missing.BUILD_FAILS), **choice)
    builder = builder_of(options.builder)
    cases = Cases(options, builder, config, progress)
    targets = [Target(STDIN)]
    if not of_stdin:
        targets = targets_of(paths, build, cases)
    files = []
    failing = list[Finding]()
    fates = dict[Problem, None]()  # why builds fail, each once
    for target in stepped(targets, steps, lambda target: target.path):
        case = cases.case(target, data)
        if case.renamed is None or not fix:
            file, final = _lint_file(case, wanted, fix=fix, unsafe=unsafe)
        else:
            file, final = _lint_renamed(case, case.renamed, wanted, unsafe=unsafe)
        files.append(file)
        problems = dict.fromkeys(missing.failures_of(final))
        failing += missing.failing_builds(final, problems)
        fates |= problems
        failing += missing.hazards_of_dockerfiles(final)
        cases.note_limits(case)
    directories = list[str]()
    if not of_stdin:
        directories += filter(isdir, paths or (".",))
    layouts = []
    builds = list[Build]()
    if build is None:
        layouts = [*_layouts(directories, cases)]
        builds += (found for layout in layouts for found in layout.builds)
    elif not targets:
        builds.append(build)
    plans = cases.plans(builds, builder)
    ungoverned = [plan for plan in plans if plan.ignore_file is None]
    for plan in ungoverned:
        cases.problems += lacking(plan)
        problems = dict.fromkeys(failures(plan))
        failing += (missing.failing(problem, plan.context) for problem in problems)
        fates |= problems
        failing += missing.hazards_without_file(plan)
    for case in cases.without_file(ungoverned):
        failing += _lint_without_file(case)
    if config.path is None:
        lints = ()
    return Linted(
        files=tuple(files),
        problems=tuple(dict.fromkeys(cases.problems)),
        unused=wanted.unused(lints, *directories),
        failing=tuple(merge_alike(wanted.of(dict.fromkeys(failing)))),
        failures=tuple(fates),
    )


def _config_for(start: str, *, of_stdin: bool) -> Config:
    """Return the configuration that governs a path; an empty one for a file without a path."""
    if of_stdin:
        return Config()
    if not isdir(start):
        start = dirname(start) or "."
    return load(start)


def _lint_file(case: Case, wanted: Wanted, *, fix: bool, unsafe: bool) -> tuple[LintedFile, Case]:
    """Return what is found in one file, and the case after the fixes."""
    suppressed = {}

    def lint(case: Case) -> FrozenFindings:
        findings = lint_case(case)
        counting = wanted.of(findings, lines=case.file.texts())
        suppressed[case.file.data] = len(wanted.selected(findings)) - len(counting)
        return counting

    path = case.file.path
    before = case.file.data
    left = lint(case)
    applied = list[Finding]()
    if fix:
        case, left, applied = apply_fixes(case, left, lint, unsafe=unsafe)
        left = tuple(_without_refused(finding, unsafe=unsafe) for finding in left)
    after = case.file.data
    edit = None
    if applied:
        edit = Edit(path, before, after)
    context = None
    size = None
    files = None
    if case.tree is not None:
        context = case.target.context
        files, size = case.total
    file = LintedFile(
        path=path,
        context=context,
        dockerfiles=tuple(dict.fromkeys(plan.dockerfile for plan in case.plans if plan.dockerfile)),
        patterns=len(case.patterns),
        findings=tuple(_merge_alike(case, left)),
        content_bytes=size,
        files=files,
        mended=tuple(applied),
        edit=edit,
        suppressed=suppressed[after],
    )
    return file, case


def _layouts(directories: Iterable[str], cases: Cases) -> Iterator[Layout]:
    """Yield the layouts of directories. Raises `DockerfileError` if one has a faulty Dockerfile."""
    for directory in directories:
        check_dockerfile(Build(directory), cases)
        yield cases.layout(directory)


def _lint_without_file(case: Case) -> LintFindings:
    """Yield what is found in builds without an ignore file as if it were empty."""
    for code in _OF_NO_LINES:
        for finding in LINTS[code](case):
            patterns = ", ".join(map(shown, finding.lines))
            hint = finding.help
            if patterns:
                hint = f"create {case.file.path} with {patterns}"
            plan = sending(case.plans, finding.paths or ())
            location = Location(plan.dockerfile or finding.location.path)
            yield replace(finding, location=location, fix=None, help=hint)


def _lint_renamed(
    case: Case, renamed: Case, wanted: Wanted, *, unsafe: bool
) -> tuple[LintedFile, Case]:
    """Return the same of a file that a fix renames: what is found once it has its new name."""
    for finding in wanted.of(lint_case(case), lines=case.file.texts()):
        fix = finding.fix
        if fix is None or not (fix.certain or unsafe):
            continue
        renamed = renamed.with_data(fix.edits[0].after)
        file, final = _lint_file(renamed, wanted, fix=True, unsafe=unsafe)
        edit = Edit(file.path, case.file.data, final.file.data, case.file.path)
        return replace(file, mended=(finding, *file.mended), edit=edit), final
    return _lint_file(case, wanted, fix=False, unsafe=unsafe)


def _without_refused(finding: Finding, *, unsafe: bool) -> Finding:
    """Return the finding without its fix if that was tried: it was refused."""
    if finding.fix is not None and (finding.fix.certain or unsafe):
        return replace(finding, fix=None)
    return finding


def _merge_alike(case: Case, findings: Iterable[Finding]) -> LintFindings:
    """Yield findings; more than `_MOST_ALIKE` of one cause become one with all their places."""
    groups = defaultdict(list)
    for finding in findings:
        key: object = id(finding)
        if finding.shared:
            key = (
                finding.code,
                finding.severity,
                finding.shared,
                finding.fix and finding.fix.certain,
            )
        groups[key].append(finding)
    for group in groups.values():
        if len(group) > _MOST_ALIKE:
            yield _merge(case, group)
        else:
            yield from (replace(finding, shared="") for finding in group)


def _merge(case: Case, group: list[Finding]) -> Finding:
    """Return the finding for a `group` of one cause; its fix makes the changes of all of them."""
    first = group[0]
    _, *others = dict.fromkeys(finding.location for finding in group)
    return replace(
        first,
        message=f"{len(group):,} {first.shared}",
        evidence=tuple(": ".join(finding.evidence[:2]) for finding in group if finding.evidence),
        fix=_merge_fixes(case, group),
        more_locations=tuple(others),
    )


def _merge_fixes(case: Case, group: list[Finding]) -> MaybeFix:
    """Return the fix that makes the changes of all; either each finding has a fix or none."""
    fixes = [finding.fix for finding in group if finding.fix is not None]
    if not fixes:
        return None
    lines = dict(chain.from_iterable(fix.lines for fix in fixes))
    added = [*dict.fromkeys(fix.added for fix in fixes if fix.added)]
    if lines and added:
        order = f"move these {len(lines):,} lines to the end"
    elif lines:
        order = f"remove these {len(lines):,} lines"
    else:
        order = f"add {', '.join(map(shown, added[:2]))}"
        if len(added) > 2:
            order += f" and {len(added) - 2:,} more"
    means = None
    if fixes[0].certain:  # as all the others are
        means = NOTHING
    return case.fix(order, lines, "\n".join(added), means=means)


def lint_case(case: Case) -> FrozenFindings:
    """Return all findings of an ignore file in order.

    Of one that no build reads that is the only one: its lines match nothing.
    """
    if case.target.unread is not None:
        return tuple(unread.unread(case))
    if case.file.data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        # No line is the pattern that it looks like, and no line can be added.
        return (meanings.utf16(case),)
    selected: Iterable[str] = LINTS
    if case.is_long:
        selected = _OF_ONE_LINE
    findings = [finding for code in selected for finding in LINTS[code](case)]
    if any(finding.code == _DISPLACED for finding in findings):
        findings = [finding for finding in findings if finding.code not in _OF_TRUE_PATHS]
    codes_of_lines = {(finding.location.line, finding.code) for finding in findings}
    return in_order(
        [
            finding
            for finding in findings
            if not any(
                (finding.location.line, code) in codes_of_lines
                for code in _POINTLESS_BESIDE.get(finding.code, ())
            )
        ]
    )


class FixedCase(NamedTuple):
    """A case with some fixes, its findings that are left, and those whose fixes were applied."""

    case: Case
    left: FrozenFindings
    applied: list[Finding]


def apply_fixes(
    case: Case,
    findings: FrozenFindings,
    lint: Callable[[Case], FrozenFindings],
    *,
    unsafe: bool = False,
) -> FixedCase:
    """Apply the certain fixes of `case`, whose `findings` `lint` returns; `unsafe` applies all.

    A fix is skipped if it causes a more severe finding, if its own finding remains, or if it
    restores an earlier content of the file.
    """
    applied = list[Finding]()
    seen = {case.file.data}
    before = 0
    refused = set()
    while len(applied) < _MOST_FIXES:
        # The fix of a group is one step; if it is refused, those of its findings may not be.
        for finding in chain(_merge_alike(case, findings), findings):
            fix = finding.fix
            if fix is None or not (fix.certain or unsafe):
                continue
            data = fix.edits[0].after
            key = (*_key(case, finding), fix.message)
            if data in seen or key in refused:
                continue
            other = case.with_data(data)
            then = lint(other)
            if not _is_worse(case, findings, other, then, finding):
                applied.append(finding)
                seen.add(data)
                case = other
                findings = then
                break
            refused.add(key)
        else:
            if before == len(applied):
                break
            # Refused fixes are tried again once per round, not after every applied fix.
            before = len(applied)
            refused = set()
    return FixedCase(case, findings, applied)


def _is_worse(
    case: Case,
    findings: Iterable[Finding],
    other: Case,
    then: Iterable[Finding],
    fixed: Finding,
) -> bool:
    """Return whether `fixed` is found as often as before, or a more severe finding is new.

    For an uncertain fix, a new finding of the same severity is enough: two such fixes could
    undo each other forever.
    """
    before = Counter(_key(case, finding) for finding in findings)
    after = Counter(_key(other, finding) for finding in then)
    for location in (fixed.location, *fixed.more_locations):
        key = _key(case, fixed, location)
        if after[key] >= before[key]:
            return True
    limit = fixed.severity.rank
    if fixed.fix is None or not fixed.fix.certain:
        limit += 1
    # Without an exception, another fix could hide what it names.
    has_fewer = len(other.exceptions) < len(case.exceptions)
    more = after - before
    new = (finding for finding in then if _key(other, finding) in more)
    return any(
        finding.severity.rank < limit or (has_fewer and _hides(finding.fix)) for finding in new
    )


def _hides(fix: MaybeFix) -> bool:
    """Return whether a fix is known to hide paths that are sent."""
    if fix is None or fix.changes is None:
        return False
    return bool(fix.changes.ignored.paths)


def _key(case: Case, finding: Finding, location: Location | None = None) -> tuple[str, str]:
    """Return a key that survives moved lines: the code and the text of the line."""
    number = (location or finding.location).line
    if not number:
        return finding.code, ""
    return finding.code, case.lines[number - 1].written
