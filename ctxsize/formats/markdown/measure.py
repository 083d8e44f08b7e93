"""A report in Markdown: the verdict, the figures, the largest directories and files."""

from __future__ import annotations

from ctxsize import units
from ctxsize.formats.look import Look
from ctxsize.formats.markdown.findings import section
from ctxsize.formats.markdown.words import code, details, prose, table
from ctxsize.formats.text import advice
from ctxsize.formats.text.advice import plural
from ctxsize.formats.text.size_tree import percent
from ctxsize.model import Report, Transfer

_SIGNS = {advice.FINE: "🟢", advice.LOOK: "🟡", advice.TOO_BIG: "🔴", advice.FAILS: "🔴"}


def render(report: Report, look: Look) -> str:
    """`report` with as many rows as `look` says."""
    concern = advice.level(report)
    command, purpose = advice.next_step(report)
    step = f"{code(command)} {prose(purpose)}" if command else prose(purpose)
    lines = [
        f"### Build context {code(report.context_path)}",
        "",
        f"{_SIGNS[concern]} **{concern.title}**: {prose(advice.verdict(report))}.",
        "",
        f"Next: {step}.",
        "",
        *figures(report),
        "",
        *details("The largest", largest(report, look.top)),
    ]
    if report.findings:
        lines += ["", *section(report.findings)]
    return "\n".join(lines) + "\n"


def figures(report: Report) -> list[str]:
    """A table of the sizes: each context, and what of it travels."""
    totals = report.context.totals
    least = "at least " if report.lower_bound else ""
    rows = [("context", totals.content_bytes, totals.files)]
    rows += _transfers(report.transfers, "transfer")
    for named in report.named_contexts:
        if named.context is not None:
            whole = named.context.totals
            rows.append((f"context {code(named.name)}", whole.content_bytes, whole.files))
        rows += _transfers(named.transfers, f"transfer of {code(named.name)}")
    cells = [
        (f"{least}{units.human(size)}", f"{size:,}", f"{files:,}", name)
        for name, size, files in rows
    ]
    return table(("size", "bytes", "files", "of"), cells, right=3)


def _transfers(transfers: tuple[Transfer, ...], name: str) -> list[tuple[str, int, int]]:
    """A row for each transfer, with its platforms where others ask for something else."""
    several = len({each.platforms for each in transfers}) > 1
    return [
        (
            f"{name}, {', '.join(each.platforms)}" if several else name,
            each.content_bytes,
            each.files,
        )
        for each in transfers
    ]


def largest(report: Report, top: int) -> list[str]:
    """Tables of the largest directories, with all that they hold, and files."""
    total = report.context.totals.content_bytes
    tree = [
        (
            units.human(each.content_bytes),
            f"{each.files:,}",
            _share(each.content_bytes, total),
            path,
        )
        for each, path in ((node, code(node.path + "/")) for node in report.context.tree.children)
    ]
    files = [
        (units.human(each.content_bytes), _share(each.content_bytes, total), code(each.name))
        for each in report.context.largest_files[:top]
    ]
    lines = table(("size", "files", "%", "directory"), tree[:top], right=3)
    if len(tree) > top:
        lines += ["", f"and {plural(len(tree) - top, 'more directory')}"]
    return [*lines, "", *table(("size", "%", "file"), files, right=2)]


def _share(part: int, whole: int) -> str:
    return percent(part / whole if whole else 0)
