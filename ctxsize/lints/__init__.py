"""Lints of ignore files: one small function for each code, and the registry of all of them.

A lint gets a `Case`, one ignore file with what is known about its surroundings,
and yields findings. What it says about a tree is simulated by the engine, and a
fix is certain only if the simulation shows that just the intended paths change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ctxsize.findings import Finding
from ctxsize.lints import builders, depths, idle, meanings, missing, overlaps
from ctxsize.lints.case import Case
from ctxsize.lints.lookup import LintTree

Check = Callable[[Case], Iterator[Finding]]
"""A lint: the findings of one code."""


def in_tree(check: Callable[[Case, LintTree], Iterator[Finding]]) -> Check:
    """Return the lint that finds what `check` does, and nothing where there is no tree."""
    return lambda case: iter(()) if case.tree is None else check(case, case.tree)


LINTS: dict[str, Check] = {
    "CTX101": depths.root_only,
    "CTX102": meanings.trailing,
    "CTX103": meanings.not_a_comment,
    "CTX104": meanings.several,
    "CTX105": depths.single_star,
    "CTX106": idle.useless,
    "CTX107": idle.overridden,
    "CTX108": in_tree(overlaps.shadowed),
    "CTX109": in_tree(missing.git),
    "CTX110": in_tree(missing.env),
    "CTX111": missing.hidden_source,
    "CTX112": overlaps.redundant,
    "CTX113": overlaps.duplicate,
    "CTX114": idle.outside,
    "CTX115": meanings.gitignore,
    "CTX116": in_tree(missing.manifest),
    "CTX117": builders.two_files,
    "CTX118": in_tree(idle.dead),
    "CTX119": meanings.byte_order_mark,
    "CTX120": in_tree(overlaps.empty),
    "CTX121": meanings.fails,
    "CTX122": meanings.control,
    "CTX123": meanings.invisible,
    "CTX124": meanings.regex,
    "CTX125": in_tree(idle.pruned),
    "CTX126": in_tree(builders.difference),
    "CTX127": builders.unread,
    "CTX128": meanings.whitespace,
    "CTX130": in_tree(overlaps.undone),
}
"""What finds each code, in the order of the codes."""
