"""How worrying a report is, and the next command to type."""

from __future__ import annotations

import os
import shlex
from typing import Protocol

from ctxsize import units
from ctxsize.engine.builders import BUILDERS
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.text.size_tree import percent
from ctxsize.model import Directory, Effect, Report
from ctxsize.values import NamedTuple

LARGE_BYTES = 50_000_000
"""From here on a context is worth a look: every cold build waits for it."""
TOO_LARGE_BYTES = 500_000_000
MANY_FILES = 5_000
TOO_MANY_FILES = 50_000
DOMINANT = 0.5
"""The share of the whole from which on one directory is named as the cause."""


class Level(NamedTuple):
    """A level of concern."""

    title: str
    style: str


FINE = Level("Fine", "green")
LOOK = Level("Worth a look", "yellow")
TOO_BIG = Level("Too big", "red")
FAILS = Level("The build fails", "red")


def level(report: Report) -> Level:
    """How worrying `report` is."""
    if report.failing:
        return FAILS
    size, files = _sent(report)
    if size >= TOO_LARGE_BYTES or files >= TOO_MANY_FILES:
        return TOO_BIG
    return LOOK if _sizeable(report) or report.suspicious or _hides_all(report) else FINE


def _sent(report: Report) -> tuple[int, int]:
    """The bytes and files that travel, or those of the context where that is not known.

    Of named contexts too: a build waits for all of them.
    """
    transfers = [each for one in report.named_contexts for each in one.transfers]
    transfers += report.transfers
    size = sum(each.content_bytes for each in transfers)
    files = sum(each.files for each in transfers)
    if report.transfer is None:
        totals = report.context.totals
        return size + totals.content_bytes, files + totals.files
    return size, files


def verdict(report: Report) -> str:
    """The one sentence that says how much would be sent, and what most of it is."""
    if report.failing:
        totals = report.context.totals
        context = f"{units.human(totals.content_bytes)} in {plural(totals.files, 'file')}"
        return f"nothing is built from the context of {context}; see why below"
    sends = BUILDERS[report.builder].announces is not None
    would = "would be sent" if sends else "are in the context"
    if _hides_all(report):
        return "everything is ignored, so COPY and ADD find nothing"
    least = "at least " if report.lower_bound else ""
    content_bytes, count = _sent(report)
    sentence = f"{least}{units.human(content_bytes)} in {plural(count, 'file')} {would}"
    cause = dominant(report)
    if _narrower(report):
        sentence += f", of {_whole(report)}"
    elif cause is not None and level(report) is not FINE:
        share = percent(cause.content_bytes / report.context.totals.content_bytes)
        sentence += f", {share} of it in {quoted(cause.path)}"
    return f"{sentence}; see what is suspicious below" if report.suspicious else sentence


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
    if _hides_all(report):
        return command(report, "measure", "--by", "rule"), "shows which pattern keeps what out"
    if any(problem.effect is Effect.LOWER_BOUND for problem in report.problems):
        return command(report, "measure"), "again, when what is listed below is readable and quiet"
    if level(report) is not FINE and _sizeable(report):
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
    usual = (os.path.normpath(os.path.join(report.context_path, name)) for name in names)  # noqa: PTH118
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


def _hides_all(report: Report) -> bool:
    return report.context.totals.entries == 0 and report.ignore_file is not None


def _sizeable(report: Report) -> bool:
    size, files = _sent(report)
    return size >= LARGE_BYTES or files >= MANY_FILES


def plural(count: int, noun: str) -> str:
    """`count` things, for a person.

    >>> plural(1, "file"), plural(1200, "directory")
    ('1 file', '1,200 directories')
    """
    many = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count:,} {noun if count == 1 else many}"
