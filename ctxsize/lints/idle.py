"""Lines and files that do nothing, less than intended, or differ between builders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.evaluate import up_to
from ctxsize.engine.events import order
from ctxsize.engine.governing import read_ignore_file
from ctxsize.engine.memory import Sent, differences
from ctxsize.engine.request import Request, with_ignore_file, without_patterns
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.lints.case import Case
from ctxsize.lints.depths import ARTEFACTS
from ctxsize.lints.lines import NOTHING, Line, Proposal
from ctxsize.lints.lookup import LintTree


def dead(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield patterns without a match where the cause is known."""
    for line in case.patterns:
        is_path = not line.is_wild and not line.text.startswith(("..", "!"))
        if not is_path or line.names_no_entry or case.matched(line.pattern):
            continue
        text, lead = line.text, f"`{line.written}` matches nothing: "
        folded, plain = tree.by_folded.get(text.casefold()), text.lstrip(".")
        if folded is not None:
            if (folded in case.now) != line.exception:
                how = f"{folded}, and case matters"
                yield _misnamed(case, line, folded, lead + f"the entry is named {how}")
        elif line.exception and plain in tree.everything and plain not in case.now:
            how = f"{plain}, without the dot"
            yield _misnamed(case, line, plain, lead + f"the entry is named {how}")
        elif "/" in text and not any(map(_comes_and_goes, text.split("/"))):
            names = tree.by_name.get(text.rpartition("/")[2], [])
            elsewhere = [path for path in names if path.endswith(f"/{text}")]
            if len(elsewhere) == 1:
                yield case.finding(
                    "CTX118",
                    line,
                    f"{lead}patterns start at the top of the context, and the path is "
                    f"{elsewhere[0]}",
                    confidence=Confidence.POSSIBLE,
                )


def _misnamed(case: Case, line: Line, name: str, message: str) -> Finding:
    fix = Proposal.write(line, "!" * line.exception + name)
    return case.finding("CTX118", line, message, severity=Severity.WARNING, fix=fix)


def _comes_and_goes(part: str) -> bool:
    """Return whether a path component names something that a tool creates."""
    return part.startswith(".") or part in ARTEFACTS or part.rstrip("*") in ARTEFACTS


def useless(case: Case) -> Iterator[Finding]:
    """Yield exceptions that re-include nothing."""
    inside: dict[str, Line] = {}
    """The last pattern so far that ignores something below a path, by that path."""
    for line in case.patterns:
        if line.ignores:
            inside |= dict.fromkeys(up_to(line.text)[:-1], line)
        elif not _takes_back(case, line) and not line.names_no_entry:
            yield _useless(case, line, inside.get(line.text))


def _takes_back(case: Case, line: Line) -> bool:
    """Return whether the exception re-includes something, or would in another order."""
    if case.count_between(0, line.number, exceptions=False) and (
        line.is_wild or case.ignored_before(line, line.text)
    ):
        return True
    if not line.is_wild and _undone_by(case, line) is not None:
        return True
    # An earlier pattern ignores the path or a parent, and only another exception undid it.
    matching = (each for path in up_to(line.text) for each in case.matching(path))
    return any(each.ignores and each.number < line.number for each in matching)


def _useless(case: Case, line: Line, inside: Line | None) -> Finding:
    ordinary = case.count_between(0, line.number, exceptions=False)
    message = f"no pattern above ignores {'it' if ordinary else 'anything'}"
    if inside is not None:
        message += f", and its content stays ignored by `{inside.text}`"
    idiom = bool(case.exceptions_below[line.text])
    # A pattern for the top level would ignore it if it were meant for any depth.
    names = (each for name in line.text.split("/")[1:] for each in case.matching(name))
    missed = any(each.ignores and "/" not in each.text for each in names)
    return case.finding(
        "CTX106",
        line,
        f"`{line.written}` does nothing: {message}",
        severity=Severity.INFO if idiom else Severity.WARNING,
        help=f"re-include its content: `!{line.text}/*`" if inside and not idiom else "",
        fix=None if inside else Proposal.remove(line, means=None if missed else NOTHING),
    )


def overridden(case: Case) -> Iterator[Finding]:
    """Yield exceptions that a later pattern undoes completely."""
    last = {line.text: line for line in case.patterns if line.exception}
    for line in last.values():
        by = _undone_by(case, line)
        if by is not None:
            message = f"line {by.number} (`{by.written}`) ignores all that this line re-includes"
            yield case.finding("CTX107", line, message, fix=Proposal.last(line))


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
        kept = [path for path in below if path not in case.now and not case.step(path).ignored]
        if tree.has_files(kept):
            proposal = Proposal.write(line, f"!{line.text}/*", means=frozenset(kept))
            yield case.finding(
                "CTX125",
                line,
                f"{case.builder.title} does not enter the directory, "
                f"so `{line.written}` does not re-include {case.amount(kept)}",
                paths=kept,
                help="name the directories without wildcards",
                fix=proposal if line.text.endswith("/*/**") else None,
            )


def difference(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield the differences of other builders, each at the line that causes it."""
    for builder in BUILDERS.values():
        if builder is not case.builder:
            yield from _of_builder(case, tree, builder)


def _of_builder(case: Case, tree: LintTree, builder: Builder) -> Iterator[Finding]:
    try:
        build = replace(tree.request.build, builder=builder.name)
        request = without_patterns(build, builder, plans=tree.request.plans)
        if request.ignore_file is None or request.ignore_file.path != case.file.path:
            return
        # The lines of the case, as fixes may differ from the disk; all first, as they may fail.
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
        line = case.lines[number - 1] if number else None
        what, other = ("sends", "does not") if more else ("does not send", "sends")
        message = (
            f"{request.builder.title} {what} {case.amount(paths)} that {case.builder.title} {other}"
        )
        yield case.finding("CTX126", line, message, paths=paths)


def _behind(case: Case, request: Request, path: str) -> Line | None:
    """Return the line that makes the builders differ at `path`."""
    found = [each for _, each in request.spec.steps(path)]
    index = found[-1].decider if found else None
    number = 0 if index is None else request.spec.patterns[index].line
    return case.lines[number - 1] if 0 < number <= len(case.lines) else case.decider(path)


def two_files(case: Case) -> Iterator[Finding]:
    """Yield CTX117 with the files that the general ignore file ignores and this one does not."""
    if case.target.fallback is None:
        return
    other, paths = read_ignore_file(case.target.fallback), list[str]()
    message = f"this file replaces {other.path}, which does not apply to this Dockerfile"
    if case.tree is not None:
        sent = case.with_data(other.data).sent
        through = [] if sent is None else sorted(differences(case.now, sent).hidden, key=order)
        if case.tree.has_files(through):
            paths = through
            message += f" and would also ignore {case.amount(through)}"
    yield case.finding("CTX117", None, message, paths=paths)


def unread(case: Case) -> Iterator[Finding]:
    """Yield CTX127: no build reads this ignore file, or none seems to."""
    target = case.target
    if target.unread is not None:
        yield case.finding("CTX127", None, f"no build reads this file: {target.unread}")
    elif target.likely_unread is not None:
        message = f"no build seems to read this file: {target.likely_unread}"
        yield case.finding("CTX127", None, message, confidence=Confidence.LIKELY)
