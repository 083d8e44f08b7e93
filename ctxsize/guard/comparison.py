"""Compare saved reports and measured contexts: what changed, which pattern decides, what helps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, ClassVar, Literal, NamedTuple

from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.events import public_pattern
from ctxsize.errors import IgnoreFileError, InputError
from ctxsize.findings import Finding
from ctxsize.guard import Remedy, fields
from ctxsize.guard.baseline import NOT_SO, Known, SizeChange, SizeChanges, between, of_files, read
from ctxsize.model import Amount, Pattern, Problem, Reason, Report, Verdict
from ctxsize.reader import read_file

_MOST_BYTES = 1 << 30  # number of bytes of the largest report; a listing has a line for every file
_MOST_CULPRITS = 20
_HOW_TO_SAVE = (
    "save one with ctxsize measure --format json=FILE, or with all files: "
    "ctxsize ls --format json > FILE"
)
_UNNEEDED = ("unneeded", "git-ignored")  # kinds of reasons: a rule or git finds this part unneeded


@dataclass(frozen=True)
class Saved:
    """A context as a report has it, with what the report knows of the build."""

    known: Known
    context_path: str = "."
    dockerfile: str | None = None
    builder: str = next(iter(BUILDERS))
    options: tuple[str, ...] = ()
    ignore_file: str | None = None
    spec: DockerIgnoreSpec | None = None  # None if it is not known
    unneeded: tuple[str, ...] = ()  # paths that look unneeded
    refusals: tuple[str, ...] = ()  # messages of the errors of a check
    remedy: Remedy | None = None  # what a check proved

    def verdict(self, path: str) -> Verdict:
        """Return the verdict of the ignore file on `path`."""
        if self.spec is None or (result := self.spec.check_file(path)).index is None:
            return Verdict(False)
        return Verdict(bool(result.include), public_pattern(self.spec.patterns[result.index]))


Contexts = Mapping[str, Saved]  # of a report by name; `""` for one without names


class Culprit(NamedTuple):
    """A part with much of a change, and the pattern that decides about it."""

    change: SizeChange
    decision: str  # `no-pattern`, `re-included`, `no-longer-ignored`, `now-ignored`, or `""`
    pattern: Pattern | None
    ignore_file: str | None  # of the pattern


@dataclass(frozen=True)
class ContextChange:
    """The change of one context."""

    name: str
    what: str  # as of a `SizeChange`; `changed` if only files differ, or `same`
    before: Amount
    after: Amount
    changes: SizeChanges
    culprits: tuple[Culprit, ...]  # the largest parts of the change, in its direction
    new: Saved  # the context after; empty if it was removed
    old: Saved  # the context before; empty if it was added


class Side(NamedTuple):
    """One side of a comparison."""

    name: str  # the file, or the context that was measured
    content_bytes: int
    files: int
    complete: bool  # True if all of its files are known


@dataclass(frozen=True)
class DiffReport:
    """The outcome of `ctxsize diff`."""

    kind: ClassVar[Literal["diff"]] = "diff"

    before: Side
    after: Side
    contexts: tuple[ContextChange, ...]  # the greatest change first
    findings: tuple[Finding, ...] = ()
    differences: tuple[Reason, ...] | None = None  # with a checkout; `content_bytes` changes
    problems: tuple[Problem, ...] = ()

    @property
    def changed(self) -> list[ContextChange]:
        """Return the contexts that changed."""
        return [each for each in self.contexts if each.what != "same"]


def compare(before: str, old: Contexts, after: str, new: Contexts) -> DiffReport:
    """Compare the contexts of two reports by their names, or the only ones of both.

    Raises `InputError` if one report has several contexts and the other one has no names.
    """
    pairs = [(name, old.get(name), new.get(name)) for name in {**old, **new}]
    if len(old) == len(new) == 1:
        (was,), (now,) = old.values(), new.values()
        pairs = [(next(filter(None, (*new, *old)), now.context_path), was, now)]
    elif ("" in old or "" in new) and len(pairs) > 2:
        if "" in old:
            path = after
            several = new
        else:
            path = before
            several = old
        raise InputError("has several contexts", path=path, hint=_names(several))
    changes = [_compared(*pair) for pair in pairs]
    changes.sort(key=lambda each: -abs(each.after.content_bytes - each.before.content_bytes))
    return DiffReport(_side(before, old), _side(after, new), tuple(changes))


def _compared(name: str, old: Saved | None, new: Saved | None) -> ContextChange:
    was, now = (each or Saved(of_files(())) for each in (old, new))
    before = Amount.of(was.known)
    after = Amount.of(now.known)
    changes = between(was.known, now.known)
    delta = (after - before)[::-1]
    if delta > (0, 0):
        what = "grew"
    else:
        what = "shrank"
    if old is None or new is None:
        if old is None:
            what = "added"
        else:
            what = "removed"
    elif not any(delta):
        if changes.directories or changes.files:
            what = "changed"
        else:
            what = "same"
    parts = [e for sign in (1, -1) if sign * delta[0] >= 0 for e in changes.parts(sign)]
    culprits = tuple(_culprit(part, was, now) for part in parts[:_MOST_CULPRITS])
    return ContextChange(name, what, before, after, changes, culprits, now, was)


def _culprit(part: SizeChange, old: Saved, new: Saved) -> Culprit:
    """Return `part` with the pattern that decides about it now, or did before it was sent."""
    was = old.verdict(part.path)
    now = new.verdict(part.path)
    decision = ""
    by = None
    side = new
    if part.delta_bytes < 0:
        if now.ignored and not was.ignored:
            decision = "now-ignored"
            by = now.by
    elif was.ignored and not now.ignored:
        decision = "no-longer-ignored"
        by = was.by
        side = old
    elif not now.ignored and new.spec is not None:
        if now.by:
            decision = "re-included"
        else:
            decision = "no-pattern"
        by = now.by
    return Culprit(part, decision, by, side.ignore_file if by else None)


def _side(name: str, contexts: Contexts) -> Side:
    known = [each.known for each in contexts.values()]
    complete = all(each.depth is None and not each.files_from for each in known)
    return Side(name, *Amount.of(*known)[::-1], complete)


def _names(contexts: Contexts) -> str:
    return f"add --name with one of {', '.join(sorted(contexts))}"


def measured(files: Mapping[str, int], report: Report, spec: DockerIgnoreSpec) -> Saved:
    """Return the context of `report`, which has these `files`, each with its bytes."""
    unneeded = [path for each in report.reasons if each.kind in _UNNEEDED for path in each.paths]
    build = (report.context_path, report.dockerfile, report.builder, report.options)
    if report.ignore_file:
        path = report.ignore_file.path
    else:
        path = None
    return Saved(of_files(files.items()), *build, path, spec, tuple(unneeded))


def saved(path: str, name: str | None = None) -> Contexts:
    """Read a saved report; `name` chooses one of several contexts. Raises `InputError`."""
    try:
        data = read_file(path, _MOST_BYTES).decode("utf-8")
        try:
            shapes = [json.loads(data)]
        except json.JSONDecodeError:  # a listing has a value on each line
            shapes = [json.loads(line) for line in data.split("\n") if line.strip()]
        found = _contexts(path, shapes)
    except OSError as error:
        message = f"the report cannot be read: {error.strerror}"
        raise InputError(message, path=path, hint=_HOW_TO_SAVE) from None
    except (*NOT_SO, IgnoreFileError):
        raise InputError("is no saved report", path=path, hint=_HOW_TO_SAVE) from None
    if name is None or "" in found:
        return found
    if name not in found:
        raise InputError(f"has no context {name}", path=path, hint=_names(found))
    return {name: found[name]}


def _contexts(path: str, shapes: list[Any]) -> Contexts:
    if shapes:
        first = shapes[0]
    else:
        first = {}
    if "contexts" in first:
        return {name: Saved(known) for name, known in read(path).items()}
    if "checks" in first:
        # A policy is checked beside the budget of the same context.
        own = [each for each in first["checks"] if not each.get("policy")] or first["checks"]
        return {fields.text(each["name"]): _of_check(each) for each in own}
    return {"": _of_report(first) if "context" in first else Saved(_of_listing(shapes))}


def _of_check(check: Any) -> Saved:
    lead = f"{check['name']}: "
    remedy = check["remedy"]
    errors = [each for each in check["findings"] if each["severity"] == "error"]
    refusals = (
        f"{fields.text(e['code'])} {fields.text(e['message']).removeprefix(lead)}" for e in errors
    )
    if remedy is not None:
        amount = (fields.number(remedy[key]) for key in ("saves_files", "saves_bytes"))
        saves = Amount(*amount)
        remedy = Remedy(saves, bool(remedy["enough"]))
    return replace(_of_report(check["report"]), refusals=tuple(refusals), remedy=remedy)


def _of_listing(shapes: list[Any]) -> Known:
    if not all(set(each) >= {"path", "kind", "ignored", "content_bytes"} for each in shapes):
        raise ValueError
    sent = [each for each in shapes if not each["ignored"]]
    files = [each for each in sent if each["kind"] not in ("directory", "symlink")]
    return of_files(fields.sizes((each["path"], each["content_bytes"]) for each in files).items())


def _of_report(report: Any) -> Saved:
    """Return the context of a report; an old one does not know the build, or a part of it."""
    info = report.get("ignore_file")
    builder = fields.text(report.get("builder", Saved.builder))
    spec_class = BUILDERS[builder].spec_class
    spec = None
    reasons = report.get("verdict", {}).get("reasons", ())
    unneeded = [each["paths"] for each in reasons if each["kind"] in _UNNEEDED]
    if {"ignore_file", "builder"} <= set(report):
        if info:
            patterns = info["patterns"]
        else:
            patterns = []
        spec = spec_class.from_lines(map(_line_of, patterns))
        for pattern, each in zip(spec.patterns, patterns, strict=True):
            pattern.line = fields.number(each["line"], _MOST_BYTES)
    context_path = fields.text(report.get("context_path", "."))
    build = (context_path, fields.text_or_none(report.get("dockerfile")), builder)
    if info:
        path = fields.text(info["path"])
    else:
        path = None
    known = _known(report["context"])
    return Saved(known, *build, (), path, spec, tuple(map(fields.text, chain(*unneeded))))


def _line_of(pattern: Any) -> str:
    if pattern["exception"]:
        exclamation_mark = "!"
    else:
        exclamation_mark = ""
    return exclamation_mark + fields.text(pattern["text"])


def _known(context: Any) -> Known:
    # The first entry of a tree is the context itself.
    directories = {
        fields.path(each["path"]): _amount(each) for each in context["tree"] if each["path"] != ""
    }
    largest = ((each["path"], each["content_bytes"]) for each in context["largest_files"])
    files = fields.sizes(largest)
    (count, size) = _amount(context)
    has_all = sum(files.values()) >= size
    if len(files) == count and has_all:
        return of_files(files.items())
    # The deepest level may be where the tree was cut.
    depth = max((path.count("/") + 1 for path in directories), default=0)
    if has_all:
        least = 0
    else:
        least = min(files.values(), default=0)
    return Known(size, count, directories, files, depth, files_from=least)


def _amount(value: Any) -> Amount:
    return Amount(fields.number(value["files"]), fields.number(value["content_bytes"]))
