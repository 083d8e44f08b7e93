"""Patterns that undo each other by their order, add nothing to each other, or do nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from operator import attrgetter
from posixpath import dirname

from ctxsize.engine.evaluate import up_to
from ctxsize.engine.patterns import pattern_for
from ctxsize.engine.segments import covers, is_literal, split_classes
from ctxsize.engine.trial import Matcher
from ctxsize.findings import Changes, Severity
from ctxsize.lints.case import MOST_COMPARED, NOTHING, REMOVE, Case, LintFindings, MaybeFix
from ctxsize.lints.lines import Line, shown
from ctxsize.lints.lookup import LintTree
from ctxsize.reader import folded, why_other
from ctxsize.recommender.tree import outermost
from ctxsize.units import plural

_MANY_LISTED = 1_000
"""Least number of needless entries of a walk that is reported: fewer take a few milliseconds."""
_MOST_NAMED = 50  # number of paths up to which they replace the wildcards of exceptions


def shadowed(case: Case, tree: LintTree) -> LintFindings:
    """Yield patterns for directories that earlier exceptions partly re-include."""
    for line in case.patterns:
        if not line.ignores:
            continue
        if not case.has_between(0, line.number, exceptions=True):
            continue
        tops = [path for path in case.matched(line.pattern) if tree.is_directory(path)]
        left = set()
        for path in case.below(tops):
            exception = case.let_in_by(path)
            if exception is not None and exception.number < line.number:
                left.add(path)
        if tree.has_files(left):
            yield case.finding(
                "CTX108",
                line,
                f"exceptions above {line.shown} still re-include {case.amount(left)}",
                paths=left,
                fix=case.rewriting(line, f"{line.text}/**", means=left),
            )


def empty(case: Case, tree: LintTree) -> LintFindings:
    """Yield files that arrive without their content."""
    by_number = defaultdict(list)
    for path in sorted(case.now.empty):
        decider = None
        # fsutil's sender asks MatchesOrParentMatches before it opens what its walk has listed.
        if case.builder.refuses_to_open and case.spec.refuses(path):
            decider = case.decider(path)
        number = 0
        if decider is not None:
            number = decider.number
        by_number[number].append(path)
    for number, paths in by_number.items():
        if number == 0:
            yield case.finding(
                "CTX120",
                None,
                f"the build sends {case.amount(paths)} without content: it may not read them",
                paths=paths,
                help="permit reading, or ignore what cannot be read",
            )
        else:
            line = case.lines[number - 1]
            yield case.finding(
                "CTX120",
                line,
                f"{line.shown} re-includes {case.amount(paths)} that will arrive empty: "
                "a later pattern ignores the directory again",
                paths=paths,
                fix=case.move_to_end(line),
            )


def undone(case: Case, tree: LintTree) -> LintFindings:
    """Yield patterns that a later exception for a directory undoes."""
    if not case.exceptions:
        return
    for line in case.patterns:
        if line.ignores:
            yield from _report_undone(case, tree, line)


def _report_undone(case: Case, tree: LintTree, line: Line) -> LintFindings:
    undoing = {}
    for path in case.matched(line.pattern):
        parent = dirname(path)
        if not parent or path not in case.now:
            continue
        if line.pattern.matches(parent):
            continue
        exception = case.let_in_by(path)
        if exception is None or exception.number <= line.number:
            continue
        if not exception.pattern.matches(path):
            undoing[path] = exception
    # A path that a later exception matches itself is re-included on purpose.
    back = {path for path in case.below(undoing) if not _has_exception_after(case, line, path)}
    if not tree.has_files(back):
        return
    by = next(iter(undoing.values()))
    yield case.finding(
        "CTX130",
        line,
        f"{by.cited} re-includes {case.amount(back)} that {line.shown} ignores",
        paths=back,
        fix=case.fix(
            f"move the line below line {by.number}",
            {line.number: None, by.number: f"{by.raw}\n{line.raw}"},
            means=back,
        ),
    )


def _has_exception_after(case: Case, line: Line, path: str) -> bool:
    """Return whether an exception below `line` matches `path` itself."""
    return any(later.exception and later.number > line.number for later in case.matching(path))


def redundant(case: Case) -> LintFindings:
    """Yield lines that others imply in every tree: patterns, then exceptions."""
    for line, wide in _with_wider(case, exceptions=False):
        wider = next((other for other in wide if _implies(case, other, line)), None)
        if wider is not None:
            yield case.finding(
                "CTX112",
                line,
                f"{wider.cited} already ignores all that {line.shown} matches",
                fix=case.removal(line, means=NOTHING),
                shared=f"lines match only what {wider.cited} already ignores",
            )
    for line, wide in _with_wider(case, exceptions=True):
        # Each other exception must lead the builder to what it matches: `line` may do it now.
        if case.misleading <= {line.number}:
            wider = next((other for other in wide if _lets_in(case, other, line)), None)
            if wider is not None:
                yield from _report_let_in(case, wider, line)


def _with_wider(case: Case, *, exceptions: bool) -> Iterator[tuple[Line, list[Line]]]:
    """Yield exceptions, or other patterns, each with those that may match all its paths."""
    by_text = defaultdict(list)
    for line in case.patterns:
        if line.exception is exceptions and not line.control:
            by_text[line.text].append(line)
    texts = [*by_text]
    plain = {text for text, lines in by_text.items() if _is_plain(lines[0])}
    indexes_of_plain = {text: index for index, text in enumerate(texts) if text in plain}
    wild = [index for index, text in enumerate(texts) if text not in plain]
    finder = Matcher(case.builder.spec_class(by_text[texts[index]][0].pattern for index in wild))
    for text, lines in by_text.items():
        # Others may imply it if they match an example of its paths, or a parent of that.
        example = _example(text.removeprefix("**/"))
        if not all(example.split("/")):
            continue
        indexes = set()
        if wild:
            indexes = {wild[index] for index in chain.from_iterable(finder.along(example))}
        # A text without wildcards is compared by the path: an automaton of many is slow.
        above = (indexes_of_plain.get(path) for path in up_to(example))
        indexes.update(index for index in above if index is not None)
        others = [texts[index] for index in sorted(indexes)]
        others.sort(key=lambda other: "*" in other)
        wide = [line for other in others if other != text for line in by_text[other]]
        for line in lines:
            yield line, wide


def _is_plain(line: Line) -> bool:
    """Return whether the pattern matches one path, which is its text."""
    return line.pattern.kind == "exact" and not line.text.startswith("/")


def _lets_in(case: Case, wide: Line, narrow: Line) -> bool:
    """Return whether the earlier exception `wide` makes `narrow` redundant in every tree.

    If it matches only the directory above, that must be ignored until there: the builder skips an
    exception for a directory that is not ignored, and then it does not count for what is below.
    """
    if wide.number > narrow.number or _other_kind_between(case, wide, narrow):
        return False
    cover = covers(wide.pattern, narrow.pattern)
    if cover == "above" and is_literal(wide.pattern):
        return case.let_in_by(wide.text) is wide
    return cover == "itself"


def _report_let_in(case: Case, wide: Line, line: Line) -> LintFindings:
    """Yield the finding that the exception `wide` makes `line` redundant.

    If `wide` is about a whole directory, the author of `line` may believe that only a part of it is
    sent. So no fix removes `line`; and a line that says "all of it", too, misleads nobody.
    """
    severity = None
    fix = None
    hint = ""
    if wide.base is None:
        fix = case.removal(line, means=NOTHING)
    elif line.base == wide.base or line.text == f"{wide.base}/**/*":
        return
    else:
        severity = Severity.WARNING
        hint = f"if nothing else in {shown(wide.base)} is meant, remove line {wide.number}"
    yield case.finding(
        "CTX112",
        line,
        f"{wide.cited} already re-includes all that {line.shown} matches",
        severity,
        help=hint,
        fix=fix,
        shared=f"exceptions match only what {wide.cited} already re-includes",
    )


def _implies(case: Case, wide: Line, narrow: Line) -> bool:
    """Return whether `wide` makes `narrow` redundant in every tree.

    If `wide` matches every path that `narrow` matches, the order does not matter, as long as no
    exception lies between. If it matches only parents of these paths, no exception may precede
    either: the builder would skip the pattern for an ignored directory.
    """
    if _other_kind_between(case, wide, narrow):
        return False
    cover = covers(wide.pattern, narrow.pattern)
    if cover == "itself":
        if wide.number < narrow.number:
            return True
        return covers(narrow.pattern, wide.pattern) != "itself"
    if cover != "above":
        return False
    # `**/name` is meant to override exceptions, even if it precedes them.
    if narrow.text.startswith("**/") and case.exceptions:
        return False
    return not case.has_between(0, max(wide.number, narrow.number), exceptions=True)


def duplicate(case: Case) -> LintFindings:
    """Yield patterns that an earlier line repeats."""
    seen: dict[tuple[str, bool], Line] = {}
    for line in case.patterns:
        if line.control:
            continue
        key = (line.text, line.exception)
        first = seen.setdefault(key, line)
        if _other_kind_between(case, first, line):
            seen[key] = line
        elif first is not line:
            yield case.finding(
                "CTX113",
                line,
                f"{line.shown} repeats the pattern on line {first.number}",
                fix=case.removal(line, means=NOTHING),
                shared="patterns repeat earlier ones",
            )


def _other_kind_between(case: Case, line: Line, other: Line) -> bool:
    start, end = sorted((line.number, other.number))
    return case.has_between(start, end, exceptions=not line.exception)


def dead(case: Case, tree: LintTree) -> LintFindings:
    """Yield patterns that match nothing, while an entry has the same name in another spelling."""
    for line in case.patterns:
        if line.is_wild:
            continue
        if line.text in tree.everything:
            continue
        path = tree.by_folded.get(folded(line.text))
        if path is None:
            continue
        if (path in case.now) != line.exception:
            yield case.finding(
                "CTX118",
                line,
                f"{line.shown} matches nothing: the entry is named {path}, "
                f"and {why_other(path, line.text)}",
                fix=case.rewriting(line, f"{line.sign}{path}"),
            )


def _example(pattern: str) -> str:
    """Return a path that a pattern matches, with characters of no name for its wildcards."""
    parts = split_classes(pattern)
    parts[1::2] = "?" * (len(parts) // 2)  # a class matches a single character, too
    return "".join(parts).replace("?", "\ue001").replace("**", "*").replace("*", "\ue000")


def useless(case: Case) -> LintFindings:
    """Yield exceptions that re-include nothing."""
    inside = set()  # the directories in which a pattern so far ignores something
    above = {parent for text in case.exceptions for parent in up_to(text)[:-1]}
    for line in case.patterns:
        if line.ignores:
            inside.update(up_to(line.text)[:-1])
        if not line.exception:
            continue
        if line.names_no_entry:
            continue
        if _takes_back(case, line):
            continue
        severity = Severity.WARNING
        hint = ""
        fix = None
        # `!dir` is often written for the exceptions inside `dir`.
        if line.text in above:
            severity = Severity.INFO
        elif line.text in inside:
            hint = f"re-include its content: `!{line.text}/*`"
        if line.text not in inside:
            fix = _remove_useless(case, line)
        shared = ""
        if fix is not None:
            shared = "exceptions do nothing: no pattern above ignores them"
        yield case.finding(
            "CTX106",
            line,
            f"{line.shown} does nothing: no pattern above ignores it",
            severity,
            help=hint,
            fix=fix,
            shared=shared,
        )


def _remove_useless(case: Case, line: Line) -> MaybeFix:
    """Return the fix that removes a useless exception."""
    matching = map(case.matching, line.text.split("/")[1:])
    means = NOTHING
    # A pattern for the top level would ignore it if it were meant for any depth.
    if any(other.ignores and "/" not in other.text for other in chain.from_iterable(matching)):
        means = None
    return case.removal(line, means=means)


def _takes_back(case: Case, line: Line) -> bool:
    """Return whether the exception re-includes something, or would in another order."""
    if line.is_wild:
        return case.has_between(0, line.number, exceptions=False)
    matching = chain.from_iterable(case.matching_along(line.text))
    if any(other.ignores and other.number < line.number for other in matching):
        return True
    return _undone_by(case, line) is not None


def overridden(case: Case) -> LintFindings:
    """Yield exceptions that a later pattern undoes completely."""
    last = {line.text: line for line in case.patterns if line.exception}
    for line in last.values():
        by = _undone_by(case, line)
        if by is not None:
            lead = f"{by.cited} ignores again all that"
            yield case.finding(
                "CTX107",
                line,
                f"{lead} {line.shown} re-includes",
                fix=case.move_to_end(line),
                shared=f"exceptions do nothing: {lead} they re-include",
            )


def _undone_by(case: Case, line: Line) -> Line | None:
    """Return the last pattern below `line` that ignores its paths, if all are ignored again."""
    paths = [line.text]
    if line.is_wild:
        paths = case.matched(line.pattern)
    if case.tree is not None and any(case.below(paths)):
        return None
    undoing = []
    for path in paths:
        by = case.decider(path)
        if by is None:
            return None
        if by.exception or by.number < line.number:
            return None
        undoing.append(by)
    return max(undoing, key=attrgetter("number"), default=None)


def pruned(case: Case, tree: LintTree) -> LintFindings:
    """Yield exceptions for paths in directories that the builder skips."""
    for line in case.patterns:
        if not line.exception:
            continue
        unsent = (path for path in case.matched(line.pattern) if path not in case.now)
        lost = [path for path in unsent if case.let_in_by(path) is line]
        below = (path for path in tree.below(lost, tree.everything) if path not in case.now)
        left = {path for path in below if not case.ignores(path)}
        if tree.has_files(left):
            # filterFS of fsutil strips `/**` and `/*`, so `!src/*/**` leads no deeper than `src`.
            yield case.finding(
                "CTX125",
                line,
                f"{case.builder.title} does not enter the directory, "
                f"so {line.shown} does not re-include {case.amount(left)}",
                paths=left,
                help="name the directories without wildcards",
            )


def slow(case: Case, tree: LintTree) -> LintFindings:
    """Yield the first of the exceptions with wildcards that lead into all ignored directories."""
    needed = set()
    wild = []
    for line in case.patterns:
        if line.exception:
            spec = case.builder.spec_class([line.pattern])
            if spec.enters("\0"):
                wild.append(line)
            # Without a wildcard, BuildKit enters a directory to which the path leads.
            for text in spec.reach or ():
                needed.update(up_to(text))
    if not wild:
        return
    sent = len(case.now.paths)
    least = max(_MANY_LISTED, sent)
    if len(tree.everything.paths) - sent < least:
        return
    idle = [directory for directory in tree.idle(case.now) if directory.path not in needed]
    count = sum(len(directory.entries) + len(directory.folders) for directory in idle)
    if count < least:
        return
    first, *others = wild
    causes = first.shown
    if others:
        causes += f" and {plural(len(others), 'other exception')}"
    fix = _name_paths(case, wild)
    hint = ""
    if fix is None:
        hint = "name directories without wildcards: `!src`, `!src/**`"
    yield case.finding(
        "CTX133",
        first,
        f"{case.builder.title} lists {count:,} entries of ignored directories because of "
        f"{causes}, and sends none of them",
        evidence=(
            *(line.cited for line in others[:3]),
            *tree.shown(directory.path for directory in idle),
        ),
        help=hint,
        fix=fix,
    )


def _name_paths(case: Case, wild: list[Line]) -> MaybeFix:
    """Return the fix that names what the lines re-include now; None if more would change."""
    if len(wild) > _MOST_NAMED:
        return None
    changes = {}
    paths = []
    for line in wild:
        matched = [path for path in case.matched(line.pattern) if path in case.now]
        if len(matched) > MOST_COMPARED:
            return None
        named = outermost(dict.fromkeys(path for path in matched if case.let_in_by(path) is line))
        changes[line.number] = "\n".join(f"!{path}" for path in named) or None
        paths += named
    if len(paths) > _MOST_NAMED:
        return None
    # An escaped character is one more for which BuildKit enters every directory.
    if any(pattern_for(path, pattern_class=case.spec.pattern_class) != path for path in paths):
        return None
    order = f"name the {plural(len(paths), 'path')} now re-included, and new ones later"
    if not paths:
        order = REMOVE
        if len(wild) > 1:
            order += "s"
    fix = case.fix(order, changes)
    if fix is None or fix.changes != Changes():
        return None
    return fix
