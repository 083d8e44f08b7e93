"""Which builder reads the file, what another one would send, and what takes its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.request import Request, with_ignore_file, without_patterns
from ctxsize.engine.sent import Sent, differences
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Confidence, Finding
from ctxsize.lints.case import Case
from ctxsize.lints.lines import Line
from ctxsize.lints.tree import LintTree


def difference(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield what other builders would do otherwise, by the line that is behind it."""
    for builder in BUILDERS.values():
        if builder is not tree.request.builder:
            yield from _of_builder(case, tree, builder)


def _of_builder(case: Case, tree: LintTree, builder: Builder) -> Iterator[Finding]:
    try:
        request = _request(case, tree, builder)
        if request is None:
            return
        sent = tree.snapshot.asked(request).sent(request.spec)
    except CtxsizeError as error:
        number = error.line or 0
        line = case.lines[number - 1] if 0 < number <= len(case.lines) else None
        if line is None or line.error is None:
            yield case.finding(
                "CTX126", line, f"{builder.title} fails: {error.message}", help=error.hint or ""
            )
        return
    yield from _of_lines(case, tree, request, sent)


def _request(case: Case, tree: LintTree, builder: Builder) -> Request | None:
    """Return the request of another builder for the same file, None where it reads another one."""
    build = replace(tree.request.build, builder=builder.name)
    request = without_patterns(build, builder, plans=tree.request.plans)
    if request.ignore_file is None or request.ignore_file.path != case.file.path:
        return None
    # The lines of the case and not those on disk, which may be others after a fix.
    whole = with_ignore_file(request, case.file.data)
    if [*tree.texts] == case.file.texts():
        return whole
    data = "\n".join(tree.texts).encode("utf-8", "surrogateescape")
    return with_ignore_file(request, data)


def _of_lines(case: Case, tree: LintTree, request: Request, there: Sent) -> Iterator[Finding]:
    own = {request.dockerfile_in_context, tree.request.dockerfile_in_context}
    own |= {*request.builder.ignore_file_names}
    by_line: dict[tuple[int, bool], list[str]] = {}
    found = differences(tree.now, there)
    for path in sorted(found.hidden | found.shown):
        if path not in own and not tree.is_directory(path):
            line = _behind(case, request, path, sent_here=path in tree.now)
            by_line.setdefault((0 if line is None else line.number, path in there), []).append(path)
    for (number, more), paths in sorted(by_line.items()):
        what = "sends" if more else "does not send"
        yield case.finding(
            "CTX126",
            case.lines[number - 1] if number else None,
            f"{request.builder.title} {what} {tree.amount(paths)} that "
            f"{tree.request.builder.title} {'does not' if more else 'sends'}",
            paths=paths,
        )


def _behind(case: Case, request: Request, path: str, *, sent_here: bool) -> Line | None:
    """Return the line that lets `path` in where it is sent, else the one that keeps it out."""
    if sent_here:
        return case.decider(path)
    found = [each for _, each in request.spec.steps(path)]
    index = found[-1].decider if found else None
    patterns = [*request.spec.patterns]
    if index is not None and 0 < patterns[index].line <= len(case.lines):
        return case.lines[patterns[index].line - 1]
    return case.decider(path)


def two_files(case: Case) -> Iterator[Finding]:
    """Yield what the general ignore file keeps out and this one lets through."""
    other = case.fallback
    if other is None:
        return
    message, paths = f"replaces {other.path}, which does not apply to this Dockerfile", None
    if case.tree is not None:
        sent = case.tree.with_data(other.data).sent
        through = [] if sent is None else case.tree.now.without(sent)
        if case.tree.has_files(through):
            paths = through
            message += f" and would keep {case.tree.amount(through)} more out"
    yield case.finding("CTX117", None, message, paths=paths)


def unread(case: Case) -> Iterator[Finding]:
    """Yield CTX127: no build reads this ignore file, and why."""
    if case.unread is not None:
        yield case.finding("CTX127", None, f"no build reads this file: {case.unread}")
    elif case.likely_unread is not None:
        yield case.finding(
            "CTX127",
            None,
            f"no build seems to read this file: {case.likely_unread}",
            confidence=Confidence.LIKELY,
        )
