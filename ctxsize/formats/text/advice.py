"""What a report comes to in one sentence, and the next command to type."""

from __future__ import annotations

import os
import shlex
from typing import Protocol

from ctxsize import units
from ctxsize.engine.builders import BUILDERS
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.text.size_tree import percent
from ctxsize.formats.verdict import hides_all, is_missing_source, is_sizeable, reasons, sent
from ctxsize.model import Directory, Effect, Reason, Report

DOMINANT = 0.5
"""The share of the whole from which on one directory is named as the cause."""


def verdict(report: Report) -> str:
    """The one sentence that says how much would be sent, and what of it is worth a look."""
    if report.failing:
        totals = report.context.totals
        context = f"{units.human(totals.content_bytes)} in {plural(totals.files, 'file')}"
        return f"nothing is built from the context of {context}; see why below"
    sends = BUILDERS[report.builder].announces is not None
    would = "would be sent" if sends else "are in the context"
    if hides_all(report):
        return "everything is ignored, so COPY and ADD find nothing"
    least = "at least " if report.lower_bound else ""
    content_bytes, count = sent(report)
    sentence = f"{least}{units.human(content_bytes)} in {plural(count, 'file')} {would}"
    cause = dominant(report)
    if _narrower(report):
        sentence += f", of {_whole(report)}"
    elif cause is not None and reasons(report) and not report.reasons:
        share = percent(cause.content_bytes / report.context.totals.content_bytes)
        sentence += f", {share} of it in {quoted(cause.path)}"
    clauses = [sentence, *(_clause(each, content_bytes) for each in report.reasons)]
    if {"unneeded", "git-ignored"} & {each.kind for each in report.reasons}:
        clauses += ["there is no ignore file"] if report.ignore_file is None else []
    if report.suspicious:
        fails = is_missing_source(report)
        clauses.append("see why below" if fails else "see what is suspicious below")
    return "; ".join(clauses)


_CLAUSES = {
    "unneeded": ("{part} looks unneeded: {paths}",) * 2,
    "git-ignored": ("{part} matches .gitignore: {paths}",) * 2,
    "large-file": ("{part} is one file: {paths}", "{part} is {count} files: {paths}"),
    "secret": ("{paths} looks like a secret", "{count} paths look like secrets: {paths}"),
}
"""What is said of one path and of several, by the kind of a reason."""


def _clause(reason: Reason, total: int) -> str:
    share = percent(reason.content_bytes / total if total else 0)
    paths = ", ".join(map(quoted, reason.paths)) + ", …" * (reason.count > len(reason.paths))
    text = _CLAUSES[reason.kind][reason.count > 1]
    part = f"{units.human(reason.content_bytes)} ({share})"
    return text.format(part=part, paths=paths, count=f"{reason.count:,}")


def _narrower(report: Report) -> bool:
    """Whether something else travels than just the whole build context."""
    single = len(report.transfers) == 1 and report.transfers[0].everything
    named = any(each.transfers for each in report.named_contexts)
    return bool(report.transfers) and not (single and not named)


def _whole(report: Report) -> str:
    """What there is to take from."""
    named = [each.context for each in report.named_contexts if each.context is not None]
    size = sum(each.totals.content_bytes for each in (report.context, *named))
    several = plural(1 + len(named), "context")
    return f"{several} with {units.human(size)}" if named else f"a context of {units.human(size)}"


def dominant(report: Report) -> Directory | None:
    """The top-level directory that holds most of the context, if one does."""
    tree = report.context.tree
    first = tree.children[0] if tree.children else None
    if first is None or first.content_bytes < max(1, DOMINANT * tree.content_bytes):
        return None
    return first


def next_step(report: Report) -> tuple[str, str]:
    """The command to type next, `""` where something is to be written first, and what for."""
    for problem in report.failing:
        where = quoted(problem.path or report.context_path)
        return "", f"correct {where}:{problem.line}" if problem.line else f"correct {where}"
    for problem in report.problems:
        if problem.code == "arrives-empty" and problem.path:
            return command(report, "explain", "--trace", problem.path), "says why it arrives empty"
    for problem in report.all_problems:
        if problem.code == "source-not-found" and problem.line:
            step = command(report, "explain", "--source", str(problem.line))
            return step, "says why the build does not find it"
    if hides_all(report):
        return command(report, "measure", "--by", "rule"), "shows which pattern keeps what out"
    if any(problem.effect is Effect.LOWER_BOUND for problem in report.problems):
        return command(report, "measure"), "again, when what is listed below is readable and quiet"
    if report.reasons or is_sizeable(report):
        return _shrink(report)
    if not report.context.ignored.complete:
        return command(report, "measure", "--ignored"), "shows what each pattern saves"
    if report.transfer is not None and not report.transfer.everything:
        return command(report, "ls", "--transfer", "--size"), "lists every entry that is sent"
    return command(report, "ls", "--size"), "lists every entry that is sent"


def _shrink(report: Report) -> tuple[str, str]:
    """The command that finds what can go; --write is the step after it."""
    return command(report, "suggest"), "finds what the build does not need, and proves it"


class OfBuild(Protocol):
    """What is about one build: how its command line was."""

    @property
    def context_path(self) -> str: ...
    @property
    def dockerfile(self) -> str | None: ...
    @property
    def builder(self) -> str: ...
    @property
    def options(self) -> tuple[str, ...]: ...


def command(report: OfBuild, name: str, *arguments: str) -> str:
    """The ctxsize command line for the same build."""
    words = ["ctxsize", name, *map(_argument, arguments)]
    if report.builder != next(iter(BUILDERS)):
        words += ["--builder", report.builder]
    if report.dockerfile is not None and not _default_dockerfile(report):
        words += ["-f", "-" if report.dockerfile == "-" else _argument(report.dockerfile)]
    if name in ("measure", "suggest") or {"--transfer", "--trace"} & set(arguments):
        words += report.options
    if report.context_path != ".":
        context = _argument(report.context_path)
        words += ["-C", context] if name == "explain" else [context]
    return " ".join(map(_shell, words))


def _default_dockerfile(report: OfBuild) -> bool:
    names = BUILDERS[report.builder].dockerfile_names
    usual = (os.path.normpath(os.path.join(report.context_path, name)) for name in names)
    return os.path.normpath(report.dockerfile or "") in usual


def _argument(word: str) -> str:
    """A path that is not taken for an option; ctxsize's own options begin with two dashes."""
    return f"./{word}" if word.startswith("-") and word not in _OPTIONS else word


_OPTIONS = (
    "--source",
    *("--ignored", "--by", "--size", "--trace", "--transfer", "--write", "--only"),
    *("--allowlist", "--like", "--from-gitignore", "--tidy"),
)


def _shell(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + visible(word.replace("\\", r"\\").replace("'", r"\'")) + "'"


def plural(count: int, noun: str) -> str:
    """`count` things, for a person.

    >>> plural(1, "file"), plural(1200, "directory")
    ('1 file', '1,200 directories')
    """
    many = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count:,} {noun if count == 1 else many}"
