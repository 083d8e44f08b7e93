"""How worrying a report is, and the next command to type."""

from __future__ import annotations

import os
import shlex
from typing import NamedTuple

from ctxsize import units
from ctxsize.engine.builders import BUILDERS
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.text.size_tree import percent
from ctxsize.model import Directory, Effect, Report

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


def level(report: Report) -> Level:
    """How worrying `report` is."""
    size, files = _sent(report)
    if size >= TOO_LARGE_BYTES or files >= TOO_MANY_FILES:
        return TOO_BIG
    return LOOK if _sizeable(report) or report.problems or _hides_all(report) else FINE


def _sent(report: Report) -> tuple[int, int]:
    """The bytes and files that travel, or those of the context where that is not known."""
    if report.transfer is not None:
        return report.transfer.content_bytes, report.transfer.files
    return report.context.totals.content_bytes, report.context.totals.files


def verdict(report: Report) -> str:
    """The one sentence that says how much would be sent, and what most of it is."""
    sends = BUILDERS[report.builder].announces is not None
    would = "would be sent" if sends else "are in the context"
    if _hides_all(report):
        return "everything is ignored, so COPY and ADD find nothing"
    least = "at least " if report.lower_bound else ""
    content_bytes, count = _sent(report)
    sentence = f"{least}{units.human(content_bytes)} in {plural(count, 'file')} {would}"
    cause = dominant(report)
    if _narrower(report):
        whole = units.human(report.context.totals.content_bytes)
        sentence += f", of a context of {whole}"
    elif cause is not None and level(report) is not FINE:
        share = percent(cause.content_bytes / report.context.totals.content_bytes)
        sentence += f", {share} of it in {quoted(cause.path)}"
    return f"{sentence}; see what is suspicious below" if report.problems else sentence


def _narrower(report: Report) -> bool:
    """Whether the Dockerfile leaves a part of the context behind."""
    return report.transfer is not None and not report.transfer.everything


def dominant(report: Report) -> Directory | None:
    """The top-level directory that holds most of the context, if one does."""
    tree = report.context.tree
    first = tree.children[0] if tree.children else None
    if first is None or first.content_bytes < max(1, DOMINANT * tree.content_bytes):
        return None
    return first


def next_step(report: Report) -> tuple[str, str]:
    """The command to type next, `""` where something is to be written first, and what for."""
    for problem in report.problems:
        if problem.code == "arrives-empty" and problem.path:
            return command(report, "explain", "--trace", problem.path), "says why it arrives empty"
    if _hides_all(report):
        return command(report, "measure", "--by", "rule"), "shows which pattern keeps what out"
    if any(problem.effect is Effect.LOWER_BOUND for problem in report.problems):
        return command(report, "measure"), "again, when what is listed below is readable and quiet"
    if level(report) is not FINE and _sizeable(report):
        return _shrink(report)
    if not report.context.ignored.complete:
        return command(report, "measure", "--ignored"), "shows what each pattern saves"
    return command(report, "ls", "--size"), "lists every entry that is sent"


def _shrink(report: Report) -> tuple[str, str]:
    cause = dominant(report)
    if report.ignore_file is None:
        path = quoted(os.path.normpath(os.path.join(report.context_path, ".dockerignore")))  # noqa: PTH118
        first = f", {quoted(cause.path)} first" if cause else ""
        return "", f"write {path} with what the build does not need{first}"
    where = quoted(report.ignore_file.path)
    if cause:
        return "", f"if the build does not need {quoted(cause.path)}, add it to {where}"
    return command(report, "measure", "--by", "dir"), f"shows what else could go into {where}"


def command(report: Report, name: str, *arguments: str) -> str:
    """The ctxsize command line for the same context, Dockerfile and builder."""
    words = ["ctxsize", name, *map(_argument, arguments)]
    if report.builder != next(iter(BUILDERS)):
        words += ["--builder", report.builder]
    if report.dockerfile is not None and not _default_dockerfile(report):
        words += ["-f", _argument(report.dockerfile)]
    if report.context_path != ".":
        context = _argument(report.context_path)
        words += ["-C", context] if name == "explain" else [context]
    return " ".join(map(_shell, words))


def _default_dockerfile(report: Report) -> bool:
    names = BUILDERS[report.builder].dockerfile_names
    usual = (os.path.normpath(os.path.join(report.context_path, name)) for name in names)  # noqa: PTH118
    return os.path.normpath(report.dockerfile or "") in usual


def _argument(word: str) -> str:
    """A path that is not taken for an option; ctxsize's own options begin with two dashes."""
    return f"./{word}" if word.startswith("-") and word not in _OPTIONS else word


_OPTIONS = ("--ignored", "--by", "--size", "--trace")


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
