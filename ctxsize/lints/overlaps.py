"""Patterns that undo each other by their order, add nothing to each other, or do nothing."""

from __future__ import annotations

from collections.abc import Iterator

from ctxsize.engine.evaluate import up_to
from ctxsize.engine.patterns import pattern_for
from ctxsize.engine.segments import covers, split_classes
from ctxsize.engine.trial import Matcher
from ctxsize.findings import Changes, Finding, Fix, Severity
from ctxsize.lints.case import MOST_COMPARED, MOVE_TO_END, NOTHING, REMOVE, Case
from ctxsize.lints.lines import Line, shown
from ctxsize.lints.lookup import LintTree
from ctxsize.reader import folded, why_other
from ctxsize.recommender.tree import outermost
from ctxsize.units import plural

_MANY_LISTED = 1_000
"""Least number of needless entries of a walk that is reported: fewer take a few milliseconds."""
_MOST_NAMED = 50  # number of paths up to which they replace the wildcards of exceptions


def shadowed(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield patterns for directories that earlier exceptions partly re-include."""
    for line in case.patterns:
        if not line.ignores or not case.has_between(0, line.number, exceptions=True):
            continue
        tops = filter(tree.is_directory, case.matched(line.pattern))
        # Paths that an earlier exception re-includes and the pattern does not match itself.
        left = {
            path
            for path in case.below([*tops])
            if (by := case.let_in_by(path)) and by.number < line.number and not line.matches(path)
        }
        if tree.has_files(left):
            text = f"{line.text}/**"
            message = f"exceptions above {line.shown} still re-include {case.amount(left)}"
            fix = case.fix(f"write {shown(text)}", {line.number: text}, means=left)
            yield case.finding("CTX108", line, message, paths=left, fix=fix)


def empty(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield files that arrive without their content."""
    by_line: dict[int, list[str]] = {}
    for path in sorted(case.now.empty):
        # fsutil's sender asks MatchesOrParentMatches before it opens what its walk has listed.
        withheld = case.builder.refuses_to_open and case.spec.refuses(path)
        if withheld:
            by = case.decider(path)
        else:
            by = None
        by_line.setdefault(by.number if by else 0, []).append(path)
    for number, paths in by_line.items():
        if not number:
            message = f"the build sends {case.amount(paths)} without content: it may not read them"
            hint = "permit reading, or ignore what cannot be read"
            yield case.finding("CTX120", None, message, paths=paths, help=hint)
            continue
        line = case.lines[number - 1]
        lead = f"{line.shown} re-includes {case.amount(paths)} that will arrive empty"
        message = f"{lead}: a later pattern ignores the directory again"
        fix = case.fix(MOVE_TO_END, {number: None}, line.written)
        yield case.finding("CTX120", line, message, paths=paths, fix=fix)


def undone(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield patterns that a later exception for a directory undoes."""
    for line in case.patterns if case.exceptions else ():
        if not line.ignores:
            continue
        inner = (each for each in case.matched(line.pattern) if each in case.now and "/" in each)
        whole = (each for each in inner if not line.matches(each.rpartition("/")[0]))
        by_path = {each: by for each in whole if (by := case.let_in_by(each)) is not None}
        tops = [e for e, by in by_path.items() if by.number > line.number and not by.matches(e)]
        # A path that a later exception matches itself is re-included on purpose.
        back = {
            path
            for path in case.below(tops)
            if not any(each.exception and each.number > line.number for each in case.matching(path))
        }
        if tree.has_files(back):
            by = by_path[tops[0]]
            lead = f"line {by.number} ({by.shown})"
            message = f"{lead} re-includes {case.amount(back)} that {line.shown} ignores"
            change = {line.number: None, by.number: f"{by.raw}\n{line.raw}"}
            fix = case.fix(f"move the line below line {by.number}", change, means=back)
            yield case.finding("CTX130", line, message, paths=back, fix=fix)


def redundant(case: Case) -> Iterator[Finding]:
    """Yield patterns that others imply in every tree."""
    by_text: dict[str, list[Line]] = {}
    for line in case.patterns:
        if line.ignores and not line.control:
            by_text.setdefault(line.text, []).append(line)
    texts = [*by_text]
    patterns = (lines[0].pattern for lines in by_text.values())
    finder = Matcher(case.builder.spec_class(each for each in patterns if each is not None))
    for text, lines in by_text.items():
        # A pattern that implies it matches an example of its paths, or a parent.
        example = _example(text.removeprefix("**/"))
        if all(example.split("/")):
            paths = up_to(example)
        else:
            paths = []
        found = {at for path in paths for at in finder.indexes(path)}
        ordered = sorted(found, key=lambda at: ("*" in texts[at], at))
        wide = [each for at in ordered if texts[at] != text for each in by_text[texts[at]]]
        for line in lines:
            wider = next((each for each in wide if _implies(case, each, line)), None)
            if wider is not None:
                by = f"line {wider.number} ({wider.shown})"
                message = f"{by} already ignores all that {line.shown} matches"
                fix = case.fix(REMOVE, {line.number: None}, means=NOTHING)
                shared = f"lines match only what {by} already ignores"
                yield case.finding("CTX112", line, message, fix=fix, shared=shared)


def _implies(case: Case, wide: Line, narrow: Line) -> bool:
    """Return whether `wide` makes `narrow` redundant in every tree.

    If `wide` matches every path that `narrow` matches, the order does not matter, as long as no
    exception lies between. If it matches only parents of these paths, no exception may precede
    either: the builder would skip the pattern for an ignored directory.
    """
    if wide.pattern is None or narrow.pattern is None or _other_kind_between(case, wide, narrow):
        return False
    cover = covers(wide.pattern, narrow.pattern)
    if cover == "itself":
        equal = covers(narrow.pattern, wide.pattern) == "itself"
        return not equal or wide.number < narrow.number
    last = max(wide.number, narrow.number)
    # `**/name` is meant to override exceptions, even if it precedes them.
    meant = narrow.text.startswith("**/") and bool(case.exceptions)
    is_first = not case.has_between(0, last, exceptions=True)
    return cover == "above" and is_first and not meant


def duplicate(case: Case) -> Iterator[Finding]:
    """Yield patterns that an earlier line repeats."""
    seen: dict[tuple[str, bool], Line] = {}
    for line in (each for each in case.patterns if not each.control):
        key = (line.text, line.exception)
        first = seen.setdefault(key, line)
        if _other_kind_between(case, first, line):
            seen[key] = line
        elif first is not line:
            fix = case.fix(REMOVE, {line.number: None}, means=NOTHING)
            message = f"{line.shown} repeats the pattern on line {first.number}"
            shared = "patterns repeat earlier ones"
            yield case.finding("CTX113", line, message, fix=fix, shared=shared)


def _other_kind_between(case: Case, one: Line, other: Line) -> bool:
    start, end = sorted((one.number, other.number))
    return case.has_between(start, end, exceptions=not one.exception)


def dead(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield patterns that match nothing, while an entry has the same name in another spelling."""
    for line in case.patterns:
        if line.is_wild or line.text in tree.everything:
            continue
        named = tree.by_folded.get(folded(line.text))
        if named is not None and (named in case.now) != line.exception:
            text = "!" * line.exception + named
            what = f"{line.shown} matches nothing"
            message = f"{what}: the entry is named {named}, and {why_other(named, line.text)}"
            fix = case.fix(f"write {shown(text)}", {line.number: text})
            yield case.finding("CTX118", line, message, fix=fix)


def _example(pattern: str) -> str:
    """Return a path that a pattern matches, with characters of no name for its wildcards."""
    parts = split_classes(pattern)
    parts[::2] = [part.replace("?", "\ue001") for part in parts[::2]]
    parts[1::2] = "\ue001" * (len(parts) // 2)
    return "".join(parts).replace("**", "*").replace("*", "\ue000")


def useless(case: Case) -> Iterator[Finding]:
    """Yield exceptions that re-include nothing."""
    inside = set[str]()  # the directories in which a pattern so far ignores something
    above = {path for text in case.exceptions for path in up_to(text)[:-1]}
    for line in case.patterns:
        if line.ignores:
            inside.update(up_to(line.text)[:-1])
        if not line.exception or line.names_no_entry or _takes_back(case, line):
            continue
        # `!dir` is often written for the exceptions inside `dir`.
        if line.text in above:
            severity = Severity.INFO
        else:
            severity = Severity.WARNING
        # A pattern for the top level would ignore it if it were meant for any depth.
        names = (each for name in line.text.split("/")[1:] for each in case.matching(name))
        if any(e.ignores and "/" not in e.text for e in names):
            means = None
        else:
            means = NOTHING
        message = f"{line.shown} does nothing: no pattern above ignores it"
        hint = ""
        fix = None
        if line.text in inside:
            if line.text in above:
                hint = ""
            else:
                hint = f"re-include its content: `!{line.text}/*`"
        else:
            fix = case.fix(REMOVE, {line.number: None}, means=means)
        if fix:
            shared = "exceptions do nothing: no pattern above ignores them"
        else:
            shared = ""
        yield case.finding("CTX106", line, message, severity, help=hint, fix=fix, shared=shared)


def _takes_back(case: Case, line: Line) -> bool:
    """Return whether the exception re-includes something, or would in another order."""
    if line.is_wild:
        return case.has_between(0, line.number, exceptions=False)
    matching = (each for path in up_to(line.text) for each in case.matching(path))
    is_ignored = any(each.ignores and each.number < line.number for each in matching)
    return is_ignored or _undone_by(case, line) is not None


def overridden(case: Case) -> Iterator[Finding]:
    """Yield exceptions that a later pattern undoes completely."""
    last = {line.text: line for line in case.patterns if line.exception}
    for line in last.values():
        if (by := _undone_by(case, line)) is not None:
            lead = f"line {by.number} ({by.shown}) ignores again all that"
            fix = case.fix(MOVE_TO_END, {line.number: None}, line.written)
            message = f"{lead} {line.shown} re-includes"
            shared = f"exceptions do nothing: {lead} they re-include"
            yield case.finding("CTX107", line, message, fix=fix, shared=shared)


def _undone_by(case: Case, line: Line) -> Line | None:
    """Return the last pattern below `line` that ignores its paths, if all are ignored again."""
    if line.is_wild:
        names = case.matched(line.pattern)
    else:
        names = [line.text]
    if not names or (case.tree is not None and any(case.below(names))):
        return None
    by = [case.decider(name) for name in names if case.step(name).ignored]
    lines = [each for each in by if each is not None and each.number >= line.number]
    if len(lines) == len(names):
        return max(lines, key=lambda each: each.number)
    return None


def pruned(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield exceptions for paths in directories that the builder skips."""
    for line in (each for each in case.patterns if each.exception):
        lost = [
            path
            for path in case.matched(line.pattern)
            if path not in case.now and case.let_in_by(path) is line
        ]
        below = tree.below(lost, tree.everything)
        kept = {path for path in below if path not in case.now and not case.step(path).ignored}
        if tree.has_files(kept):
            # filterFS of fsutil strips `/**` and `/*`, so `!src/*/**` leads no deeper than `src`.
            lead = f"{case.builder.title} does not enter the directory"
            message = f"{lead}, so {line.shown} does not re-include {case.amount(kept)}"
            hint = "name the directories without wildcards"
            yield case.finding("CTX125", line, message, paths=kept, help=hint)


def slow(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield the first of the exceptions with wildcards that lead into all ignored directories."""
    make = case.builder.spec_class
    lines = (line for line in case.patterns if line.exception)
    specs = [(line, make([line.pattern])) for line in lines if line.pattern is not None]
    wild = [line for line, spec in specs if spec.enters("\0")]
    if wild:
        sent = len(case.now.paths)
    else:
        sent = 0
    least = max(_MANY_LISTED, sent)
    if not wild or len(tree.everything.paths) - sent < least:
        return
    # Without a wildcard, BuildKit enters a directory to which the path of an exception leads.
    needed = {path for _, spec in specs for text in spec.reach or () for path in up_to(text)}
    idle = [each for each in tree.idle(case.now) if each.path not in needed]
    count = sum(len(each.entries) + len(each.folders) for each in idle)
    if count >= least:
        if wild[1:]:
            more = f" and {plural(len(wild) - 1, 'other exception')}"
        else:
            more = ""
        lead = f"{case.builder.title} lists {count:,} entries of ignored directories because of"
        message = f"{lead} {wild[0].shown}{more}, and sends none of them"
        also = (f"line {each.number} ({each.shown})" for each in wild[1:4])
        where = (*also, *tree.shown(each.path for each in idle))
        fix = _named(case, wild)
        if fix:
            hint = ""
        else:
            hint = "name directories without wildcards: `!src`, `!src/**`"
        yield case.finding("CTX133", wild[0], message, evidence=where, help=hint, fix=fix)


def _named(case: Case, wild: list[Line]) -> Fix | None:
    """Return the fix that names what the lines re-include now; None if more would change."""
    changes = dict[int, str | None]()
    paths = list[str]()
    for line in wild:
        matched = [path for path in case.matched(line.pattern) if path in case.now]
        if len(wild) > _MOST_NAMED or len(matched) > MOST_COMPARED:
            return None
        own = outermost(dict.fromkeys(path for path in matched if case.let_in_by(path) is line))
        changes[line.number] = "\n".join(f"!{path}" for path in own) or None
        paths += own
    make = case.builder.spec_class.pattern_class
    # An escaped character is one more for which BuildKit enters every directory.
    if any(pattern_for(path, pattern_class=make) != path for path in paths):
        return None
    order = f"name the {plural(len(paths), 'path')} now re-included, and new ones later"
    if paths:
        order = order
    else:
        order = REMOVE + "s" * (len(wild) > 1)
    if len(paths) <= _MOST_NAMED:
        fix = case.fix(order, changes)
    else:
        fix = None
    if fix is not None and fix.changes == Changes():
        return fix
    return None
