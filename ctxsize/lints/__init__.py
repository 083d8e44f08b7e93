"""Lints of ignore files: one small function for each code, and the registry of all of them.

A lint gets a `Case`, one ignore file with what is known about its surroundings,
and yields findings. What it says about a tree is simulated by the engine, and a
fix is certain only if the simulation shows that just the intended paths change.
"""

from __future__ import annotations

from ctxsize.lints import (
    builders,
    characters,
    comments,
    copies,
    idle,
    missing,
    names,
    order,
    repetition,
    syntax,
)
from ctxsize.lints.case import Check, in_tree

LINTS: dict[str, Check] = {
    "CTX101": names.root_only,
    "CTX102": comments.trailing,
    "CTX103": comments.not_a_comment,
    "CTX104": comments.several,
    "CTX105": names.single_star,
    "CTX106": idle.useless,
    "CTX107": idle.overridden,
    "CTX108": in_tree(order.shadowed),
    "CTX109": in_tree(missing.git),
    "CTX110": in_tree(missing.env),
    "CTX111": copies.hidden_source,
    "CTX112": repetition.redundant,
    "CTX113": repetition.duplicate,
    "CTX114": idle.outside,
    "CTX115": syntax.gitignore,
    "CTX116": in_tree(copies.manifest),
    "CTX117": builders.two_files,
    "CTX118": in_tree(idle.dead),
    "CTX119": characters.byte_order_mark,
    "CTX120": in_tree(order.empty),
    "CTX121": syntax.fails,
    "CTX122": characters.control,
    "CTX123": characters.invisible,
    "CTX124": syntax.regex,
    "CTX125": in_tree(idle.pruned),
    "CTX126": in_tree(builders.difference),
    "CTX127": builders.unread,
    "CTX128": characters.whitespace,
    "CTX130": in_tree(order.undone),
}
"""What finds each code, in the order of the codes."""
