"""Which builder reads the file, what another one would send, and what takes its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.governing import read_ignore_file
from ctxsize.engine.listing import order
from ctxsize.engine.request import (
    Request,
    with_ignore_file,
    without_patterns,
)
from ctxsize.engine.snapshot import Sent, differences
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Confidence, Finding
from ctxsize.lints.case import Case
from ctxsize.lints.lines import Line
from ctxsize.lints.lookup import LintTree


def difference(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield what other builders would do otherwise, by the line that is behind it."""
    for builder in BUILDERS.values():
        if builder is not case.builder:
            yield from _of_builder(case, tree, builder)


def _of_builder(case: Case, tree: LintTree, builder: Builder) -> Iterator[Finding]:
    try:
        build = replace(tree.request.build, builder=builder.name)
        request = without_patterns(build, builder, plans=tree.request.plans)
        if request.ignore_file is None or request.ignore_file.path != case.file.path:
            return
        # Not the lines on disk, which may be others after a fix; first as they are: they may fail.
        request = with_ignore_file(request, case.file.data)
        if [*case.texts] != case.file.texts():
            usable = "\n".join(case.texts).encode("utf-8", "surrogateescape")
            request = with_ignore_file(request, usable)
        sent = tree.snapshot.asked(request).sent(request.spec)
    except CtxsizeError as error:
        number = error.line or 0
        line = case.lines[number - 1] if 0 < number <= len(case.lines) else None
        if line is None or line.error is None:
            message = f"{builder.title} fails: {error.message}"
            yield case.finding("CTX126", line, message, help=error.hint or "")
    else:
        yield from _of_lines(case, tree, request, sent)


def _of_lines(case: Case, tree: LintTree, request: Request, there: Sent) -> Iterator[Finding]:
    own = {request.dockerfile_in_context, tree.request.dockerfile_in_context}
    own |= {*request.builder.ignore_file_names}
    by_line: dict[tuple[int, bool], list[str]] = {}
    found = differences(case.now, there)
    for path in sorted(found.hidden | found.shown):
        if path not in own and not tree.is_directory(path):
            line = case.decider(path) if path in case.now else _behind(case, request, path)
            by_line.setdefault((line.number if line else 0, path in there), []).append(path)
    for (number, more), paths in sorted(by_line.items()):
        what, other = ("sends", "does not") if more else ("does not send", "sends")
        yield case.finding(
            "CTX126",
            case.lines[number - 1] if number else None,
            f"{request.builder.title} {what} {case.amount(paths)} that "
            f"{case.builder.title} {other}",
            paths=paths,
        )


def _behind(case: Case, request: Request, path: str) -> Line | None:
    """Return the line that keeps `path` out here, or lets it in there."""
    found = [each for _, each in request.spec.steps(path)]
    index = found[-1].decider if found else None
    number = 0 if index is None else request.spec.patterns[index].line
    return case.lines[number - 1] if 0 < number <= len(case.lines) else case.decider(path)


def two_files(case: Case) -> Iterator[Finding]:
    """Yield what the general ignore file keeps out and this one lets through."""
    if case.target.fallback is None:
        return
    other, paths = read_ignore_file(case.target.fallback), list[str]()
    message = f"replaces {other.path}, which does not apply to this Dockerfile"
    if case.tree is not None:
        sent = case.with_data(other.data).sent
        through = [] if sent is None else sorted(differences(case.now, sent).hidden, key=order)
        if case.tree.has_files(through):
            paths = through
            message += f" and would keep {case.amount(through)} more out"
    yield case.finding("CTX117", None, message, paths=paths)


def unread(case: Case) -> Iterator[Finding]:
    """Yield that no build reads this ignore file, or seems to, and why."""
    target = case.target
    if target.unread is not None:
        yield case.finding("CTX127", None, f"no build reads this file: {target.unread}")
    elif target.likely_unread is not None:
        message = f"no build seems to read this file: {target.likely_unread}"
        yield case.finding("CTX127", None, message, confidence=Confidence.LIKELY)
