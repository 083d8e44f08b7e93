"""Lines and files that do nothing, or less than intended."""

from __future__ import annotations

from collections.abc import Iterator

from ctxsize.engine.evaluate import up_to
from ctxsize.engine.events import order
from ctxsize.engine.governing import read_ignore_file
from ctxsize.engine.memory import differences
from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.lints.case import MOVE_TO_END, NOTHING, REMOVE, Case
from ctxsize.lints.lines import Line
from ctxsize.lints.lookup import LintTree


def dead(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield patterns that match nothing, while an entry has the same name in another case."""
    for line in case.patterns:
        if line.is_wild or line.text in tree.everything:
            continue
        named = tree.by_folded.get(line.text.casefold())
        if named is not None and (named in case.now) != line.exception:
            text = "!" * line.exception + named
            yield case.finding(
                "CTX118",
                line,
                f"`{line.written}` matches nothing: the entry is named {named}, and case matters",
                fix=case.fix(f"write `{text}`", {line.number: text}),
            )


def useless(case: Case) -> Iterator[Finding]:
    """Yield exceptions that re-include nothing."""
    inside: dict[str, Line] = {}
    """The last pattern so far that ignores something below a path, by that path."""
    above = {path for text in case.exceptions for path in up_to(text)[:-1]}
    for line in case.patterns:
        if line.ignores:
            inside |= dict.fromkeys(up_to(line.text)[:-1], line)
        elif not _takes_back(case, line) and not line.names_no_entry:
            # `!dir` is often written for the exceptions inside `dir`.
            yield _useless(case, line, inside.get(line.text), is_idiom=line.text in above)


def _takes_back(case: Case, line: Line) -> bool:
    """Return whether the exception re-includes something, or would in another order."""
    if line.is_wild:
        return case.count_between(0, line.number, exceptions=False) > 0
    matching = (each for path in up_to(line.text) for each in case.matching(path))
    is_ignored = any(each.ignores and each.number < line.number for each in matching)
    return is_ignored or _undone_by(case, line) is not None


def _useless(case: Case, line: Line, inside: Line | None, *, is_idiom: bool) -> Finding:
    ordinary = case.count_between(0, line.number, exceptions=False)
    message = f"no pattern above ignores {'it' if ordinary else 'anything'}"
    if inside is not None:
        message += f", and its content stays ignored by `{inside.text}`"
    # A pattern for the top level would ignore it if it were meant for any depth.
    names = (each for name in line.text.split("/")[1:] for each in case.matching(name))
    missed = any(each.ignores and "/" not in each.text for each in names)
    means, fix = None if missed else NOTHING, None
    if inside is None:
        fix = case.fix(REMOVE, {line.number: None}, means=means)
    return case.finding(
        "CTX106",
        line,
        f"`{line.written}` does nothing: {message}",
        severity=Severity.INFO if is_idiom else Severity.WARNING,
        help=f"re-include its content: `!{line.text}/*`" if inside and not is_idiom else "",
        fix=fix,
    )


def overridden(case: Case) -> Iterator[Finding]:
    """Yield exceptions that a later pattern undoes completely."""
    last = {line.text: line for line in case.patterns if line.exception}
    for line in last.values():
        by = _undone_by(case, line)
        if by is not None:
            message = f"line {by.number} (`{by.written}`) ignores all that this line re-includes"
            fix = case.fix(MOVE_TO_END, {line.number: None}, line.written)
            yield case.finding("CTX107", line, message, fix=fix)


def _undone_by(case: Case, line: Line) -> Line | None:
    """Return the last pattern below `line` that ignores its paths, if all are ignored again."""
    names = case.matched(line.pattern) if line.is_wild else [line.text]
    if not names or (case.tree is not None and any(case.below(names))):
        return None
    by = [case.decider(name) for name in names if case.step(name).ignored]
    lines = [each for each in by if each is not None and each.number >= line.number]
    return max(lines, key=lambda each: each.number) if len(lines) == len(names) else None


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
            fix, text = None, f"!{line.text}/*"
            if line.text.endswith("/*/**"):
                fix = case.fix(f"write `{text}`", {line.number: text}, means=kept)
            yield case.finding(
                "CTX125",
                line,
                f"{case.builder.title} does not enter the directory, "
                f"so `{line.written}` does not re-include {case.amount(kept)}",
                paths=kept,
                help="name the directories without wildcards",
                fix=fix,
            )


def two_files(case: Case) -> Iterator[Finding]:
    """Yield CTX117 with the files that the general ignore file ignores and this one does not."""
    if case.target.fallback is None:
        return
    other, paths = read_ignore_file(case.target.fallback), list[str]()
    message = f"this file replaces {other.path}, which does not apply to this Dockerfile"
    if case.tree is not None:
        sent = case.with_data(other.data).sent
        paths = [] if sent is None else sorted(differences(case.now, sent).hidden, key=order)
        if case.tree.has_files(paths):
            message += f" and would also ignore {case.amount(paths)}"
    yield case.finding("CTX117", None, message, paths=paths)


def unread(case: Case) -> Iterator[Finding]:
    """Yield CTX127: no build reads this ignore file, or none seems to."""
    target = case.target
    if target.unread is not None:
        yield case.finding("CTX127", None, f"no build reads this file: {target.unread}")
    elif target.likely_unread is not None:
        message = f"no build seems to read this file: {target.likely_unread}"
        yield case.finding("CTX127", None, message, confidence=Confidence.LIKELY)
