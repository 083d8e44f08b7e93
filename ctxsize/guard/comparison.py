"""Compare saved reports and measured contexts: what changed, which pattern decides, what helps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Any, ClassVar, Literal, NamedTuple

from ctxsize.build import TextsByName
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.events import public_pattern
from ctxsize.errors import IgnoreFileError, InputError
from ctxsize.findings import FrozenFindings
from ctxsize.guard import Remedy, fields
from ctxsize.guard.baseline import (
    NOT_SO,
    NOTHING_KNOWN,
    FileSizes,
    Known,
    SizeChange,
    SizeChanges,
    of_files,
    read,
)
from ctxsize.guard.fields import number, optional, sizes, text
from ctxsize.model import (
    Amount,
    Difference,
    Pattern,
    Problems,
    Report,
    Texts,
    Verdict,
)
from ctxsize.reader import read_file
from ctxsize.values import Value

_MOST_BYTES = 1 << 30  # number of bytes of the largest report; a listing has a line for every file
_MOST_CULPRITS = 20
_HOW_TO_SAVE = (
    "save one with ctxsize measure --format json=FILE, or with all files: "
    "ctxsize ls --format json > FILE"
)


class Saved(Value):
    """A context as a report has it, with what the report knows of the build."""

    known: Known
    context_path: str = "."
    dockerfile: str | None = None
    builder: str = next(iter(BUILDERS))
    options: Texts = ()
    ignore_file: str | None = None
    spec: DockerIgnoreSpec | None = None  # None if it is not known
    refusals: Texts = ()  # messages of the errors of a check
    remedy: Remedy | None = None  # what a check proved
    contents: TextsByName = field(default_factory=dict)  # modes and hashes by path, if known

    def verdict(self, path: str) -> Verdict:
        """Return the verdict of the ignore file on `path`."""
        if self.spec is None:
            return Verdict(False)
        result = self.spec.check_file(path)
        if result.index is None:
            return Verdict(False)
        return Verdict(bool(result.include), public_pattern(self.spec.patterns[result.index]))


Contexts = Mapping[str, Saved]  # of a report by name; `""` for one without names


class Culprit(NamedTuple):
    """A part with much of a change, and the pattern that decides about it."""

    change: SizeChange
    decision: str = ""  # `no-pattern`, `re-included`, `no-longer-ignored`, `now-ignored`, or `""`
    pattern: Pattern | None = None
    ignore_file: str | None = None  # of the pattern


class ContextChange(Value):
    """The change of one context."""

    name: str
    what: str  # as of a `SizeChange`; `changed` if only files differ, or `same`
    before: Amount
    after: Amount
    changes: SizeChanges
    culprits: tuple[Culprit, ...]  # the largest parts of the change, in its direction
    new: Saved  # the context after; empty if it was removed
    old: Saved  # the context before; empty if it was added
    rewritten: Texts = ()  # files and symlinks with other content, or modes, of the same size


class Side(NamedTuple):
    """One side of a comparison."""

    name: str  # the file, or the context that was measured
    content_bytes: int
    files: int
    complete: bool  # True if all of its files are known


class DiffReport(Value):
    """The outcome of `ctxsize diff`."""

    kind: ClassVar[Literal["diff"]] = "diff"

    before: Side
    after: Side
    contexts: tuple[ContextChange, ...]  # the greatest change first
    findings: FrozenFindings = ()
    differences: tuple[Difference, ...] | None = None  # with a checkout; `content_bytes` changes
    problems: Problems = ()

    @property
    def changed(self) -> list[ContextChange]:
        """Return the contexts that changed."""
        return [context for context in self.contexts if context.what != "same"]


def compare(before: str, old: Contexts, after: str, new: Contexts) -> DiffReport:
    """Compare the contexts of two reports by their names, or the only ones of both.

    Raises `InputError` if one report has several contexts and the other one has no names.
    """
    names = {**old, **new}
    if len(old) == len(new) == 1:
        ((old_name, was),) = old.items()
        ((new_name, now),) = new.items()
        name = new_name or old_name or now.context_path
        changes = [_change_of_context(name, was, now)]
    elif "" in old and len(names) > 2:
        raise InputError("has several contexts", path=after, hint=_names(new))
    elif "" in new and len(names) > 2:
        raise InputError("has several contexts", path=before, hint=_names(old))
    else:
        changes = [_change_of_context(name, old.get(name), new.get(name)) for name in names]
    changes.sort(key=lambda change: -abs((change.after - change.before).content_bytes))
    return DiffReport(_side(before, old), _side(after, new), tuple(changes))


def _change_of_context(name: str, old: Saved | None, new: Saved | None) -> ContextChange:
    was = old or Saved(NOTHING_KNOWN)
    now = new or Saved(NOTHING_KNOWN)
    before = Amount.of(was.known)
    after = Amount.of(now.known)
    changes = SizeChanges(was.known, now.known)
    delta = after - before
    rewritten = [*_rewritten(was, now)]
    what = "shrank"
    if old is None:
        what = "added"
    elif new is None:
        what = "removed"
    elif delta.bytes_and_files > (0, 0):
        what = "grew"
    elif not any(delta):
        what = "same"
        if changes.changed_files or changes.directories or rewritten:
            what = "changed"
    parts = list[SizeChange]()
    if delta.content_bytes >= 0:
        parts += changes.parts(most=_MOST_CULPRITS)
    if delta.content_bytes <= 0:
        parts += changes.parts(-1, most=_MOST_CULPRITS)
    return ContextChange(
        name=name,
        what=what,
        before=before,
        after=after,
        changes=changes,
        culprits=tuple(_culprit(part, was, now) for part in parts[:_MOST_CULPRITS]),
        new=now,
        old=was,
        rewritten=tuple(rewritten),
    )


def _rewritten(old: Saved, new: Saved) -> Iterator[str]:
    """Yield the paths of both sides whose contents or modes differ, and whose sizes do not."""
    before = old.known.largest_files
    after = new.known.largest_files
    for path, content in new.contents.items():
        if old.contents.get(path, content) != content and before.get(path) == after.get(path):
            yield path


def _culprit(part: SizeChange, old: Saved, new: Saved) -> Culprit:
    """Return `part` with the pattern that decides about it now, or did before it was sent."""
    was = old.verdict(part.path)
    now = new.verdict(part.path)
    is_sent = not now.ignored
    if part.delta_bytes < 0:
        if not is_sent and not was.ignored:
            return Culprit(part, "now-ignored", now.by, new.ignore_file)
    elif is_sent and was.ignored:
        return Culprit(part, "no-longer-ignored", was.by, old.ignore_file)
    elif is_sent and now.by is not None:
        return Culprit(part, "re-included", now.by, new.ignore_file)
    elif is_sent and new.spec is not None:
        return Culprit(part, "no-pattern")
    return Culprit(part)


def _side(name: str, contexts: Contexts) -> Side:
    known = [context.known for context in contexts.values()]
    total = Amount.of(*known)
    return Side(
        name=name,
        content_bytes=total.content_bytes,
        files=total.files,
        complete=all(part.depth is None and not part.files_from for part in known),
    )


def _names(contexts: Contexts) -> str:
    return f"add --name with one of {', '.join(sorted(contexts))}"


def measured(files: FileSizes, report: Report, spec: DockerIgnoreSpec) -> Saved:
    """Return the context of `report`, which has these `files`, each with its bytes."""
    ignore_file = None
    if report.ignore_file:
        ignore_file = report.ignore_file.path
    return Saved(
        known=of_files(files),
        context_path=report.context_path,
        dockerfile=report.dockerfile,
        builder=report.builder,
        options=report.options,
        ignore_file=ignore_file,
        spec=spec,
    )


def saved(path: str, name: str | None = None) -> Contexts:
    """Read a saved report; `name` chooses one of several contexts. Raises `InputError`."""
    try:
        data = read_file(path, _MOST_BYTES).decode("utf-8")
        try:
            shapes = [json.loads(data)]
        except json.JSONDecodeError:  # a listing has a value on each line
            shapes = [json.loads(line) for line in data.split("\n") if line.strip()]
        contexts = _contexts(path, shapes)
    except OSError as error:
        raise InputError(
            f"the report cannot be read: {error.strerror}", path=path, hint=_HOW_TO_SAVE
        ) from None
    except (*NOT_SO, IgnoreFileError):
        raise InputError("is no saved report", path=path, hint=_HOW_TO_SAVE) from None
    if name is None or "" in contexts:
        return contexts
    if name not in contexts:
        raise InputError(f"has no context {name}", path=path, hint=_names(contexts))
    return {name: contexts[name]}


def _contexts(path: str, shapes: list[Any]) -> Contexts:
    first: Any = shapes[0] if shapes else {}
    if "contexts" in first:
        return {name: Saved(known) for name, known in read(path).items()}
    if "checks" in first:
        # A policy is checked beside the budget of the same context.
        checks = [check for check in first["checks"] if not check.get("policy")]
        checks = checks or first["checks"]
        return {text(check["name"]): _of_check(check) for check in checks}
    if "context" in first:
        return {"": _of_report(first)}
    if not all(set(shape) >= {"path", "kind", "ignored", "content_bytes"} for shape in shapes):
        raise ValueError
    listed = sizes(
        (shape["path"], shape["content_bytes"])
        for shape in shapes
        if not shape["ignored"] and shape["kind"] not in ("directory", "symlink")
    )
    contents = {}
    for shape in shapes:
        if shape.get("sha256"):
            contents[text(shape["path"])] = f"{text(shape['mode'])} {text(shape['sha256'])}"
    return {"": Saved(of_files(listed), contents=contents)}


def _of_check(check: Any) -> Saved:
    lead = f"{check['name']}: "
    return replace(
        _of_report(check["report"]),
        refusals=tuple(
            f"{text(finding['code'])} {text(finding['message']).removeprefix(lead)}"
            for finding in check["findings"]
            if finding["severity"] == "error"
        ),
        remedy=optional(check["remedy"], _remedy),
    )


def _remedy(remedy: Any) -> Remedy:
    return Remedy(
        saves=Amount(number(remedy["saves_files"]), number(remedy["saves_bytes"])),
        enough=bool(remedy["enough"]),
    )


def _of_report(report: Any) -> Saved:
    """Return the context of a report; an old one does not know the build, or a part of it."""
    builder = text(report.get("builder", Saved.builder))
    ignore_file = report.get("ignore_file")
    path = None
    if ignore_file:
        path = text(ignore_file["path"])
    spec = None
    if {"ignore_file", "builder"} <= set(report):
        patterns = []
        if ignore_file:
            patterns = ignore_file["patterns"]
        spec = BUILDERS[builder].spec_class.from_lines(map(_line_of, patterns))
        for pattern, shape in zip(spec.patterns, patterns, strict=True):
            pattern.line = number(shape["line"], _MOST_BYTES)
    return Saved(
        known=_known(report["context"]),
        context_path=text(report.get("context_path", ".")),
        dockerfile=optional(report.get("dockerfile"), text),
        builder=builder,
        ignore_file=path,
        spec=spec,
    )


def _line_of(pattern: Any) -> str:
    line = text(pattern["text"])
    if pattern["exception"]:
        return f"!{line}"
    return line


def _known(context: Any) -> Known:
    # The first entry of a tree is the context itself.
    directories = {
        fields.path(shape["path"]): _amount(shape)
        for shape in context["tree"]
        if shape["path"] != ""
    }
    files = sizes((shape["path"], shape["content_bytes"]) for shape in context["largest_files"])
    total = _amount(context)
    files_from = 0
    if sum(files.values()) < total.content_bytes:
        files_from = min(files.values(), default=0)
    elif len(files) == total.files:
        return of_files(files)
    return Known(
        content_bytes=total.content_bytes,
        files=total.files,
        directories=directories,
        largest_files=files,
        # The deepest level may be where the tree was cut.
        depth=max((path.count("/") + 1 for path in directories), default=0),
        files_from=files_from,
    )


def _amount(shape: Any) -> Amount:
    return Amount(number(shape["files"]), number(shape["content_bytes"]))
