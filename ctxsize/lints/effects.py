"""What a line does to the context, and what it would do if it were written otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from ctxsize.engine.patterns import DockerIgnorePattern, Step
from ctxsize.engine.sent import differences
from ctxsize.errors import IgnoreFileError
from ctxsize.lints.case import Case, Line
from ctxsize.writer.merge import edit_lines


def after(case: Case, line: Line, text: str | None) -> frozenset[str] | None:
    """Return the paths whose fate changes if `line` becomes `text` (None: goes away).

    None where that is not known: without a tree, or where the build then fails.
    """
    if case.tree is None:
        return None
    data = edit_lines(case.file, {line.number: "#" if text is None else text})
    sent = case.tree.with_data(data).sent
    return None if sent is None else differences(case.tree.now, sent).paths


def effect(case: Case, line: Line) -> list[str]:
    """Return the paths about which `line` decides: whose fate would be another without it."""
    return sorted(after(case, line, None) or ())


def intended(case: Case, line: Line, patterns: Sequence[str]) -> frozenset[str] | None:
    """Return the paths that `patterns` in place of `line` would ignore, or let in as exceptions.

    None if that is not known, as without a tree.
    """
    if case.tree is None:
        return None
    made = [_made(case, each) for each in patterns]
    if None in made or len({each.include for each in made if each is not None}) != 1:
        return None
    tops = {path for each in made if each is not None for path in case.tree.matched(each)}
    if made[0] is not None and made[0].include:
        return frozenset(case.tree.below(tops))
    sent = case.tree.now
    return frozenset(
        path for path in case.tree.below(tops, of=case.tree.everything) if path not in sent
    )


def _made(case: Case, text: str) -> DockerIgnorePattern | None:
    try:
        pattern = case.pattern_class(text)
    except IgnoreFileError:
        return None
    return None if pattern.fault is not None or pattern.include is None else pattern


def ignored_before(case: Case, line: Line, path: str) -> bool:
    """Return whether the patterns above `line` ignore `path`.

    What one pattern does at a path does not depend on those below it.
    """
    if not case.spec_class.remembers_parents:
        return [*case.spec_before(line).steps(path)][-1][1].ignored
    above = case.step(path).state & ((1 << case.index_of[line.number]) - 1)
    return bool(above) and not case.patterns[above.bit_length() - 1].exception


def decider(case: Case, step: Step) -> Line | None:
    """Return the line that decided, None if no pattern did."""
    return None if step.decider is None else case.patterns[step.decider]
