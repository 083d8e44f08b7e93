"""Check assertions: each required pattern matches a file that is sent, no forbidden one does.

A pattern matches what it would ignore as a line of an ignore file: an entry, or all below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from typing import NamedTuple

from ctxsize.config import Budget
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.plan import Plan, ignore_file_to_write
from ctxsize.engine.report import Listing
from ctxsize.engine.transfers import transfer_listing
from ctxsize.engine.trial import Matcher
from ctxsize.findings import Finding, Location, Severity
from ctxsize.model import Amount, Entry, Kind, Texts, Verdict
from ctxsize.units import plural
from ctxsize.values import Mutable

_MOST = 5  # number of paths that are named


class _Group(Mutable):
    """Matching files for which the same line decides."""

    files: int = 0
    empty: int = 0  # of these, the number of files that arrive without their content
    content_bytes: int = 0
    paths: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        text = ", ".join(f"`{path}`" for path in self.paths)
        left = self.files - len(self.paths)
        if left:
            text = f"{text} and {plural(left, 'file')} more"
        return text


_Groups = dict[Verdict, _Group]


class _Absence(NamedTuple):
    """The reason why a required file is missing, where that is decided, and what to do."""

    why: str
    place: Location
    advice: str


def broken(plan: Plan, name: str, budget: Budget, of: str) -> Iterator[Finding]:
    """Yield a finding for each pattern of `budget` that does not hold of the context or transfer.

    Raises as a listing.
    """
    is_transfer = of == "transfer"
    listing = Listing(plan)
    if is_transfer:
        listing = transfer_listing(plan)
    sent = _matching([*dict.fromkeys((*budget.require, *budget.forbid))], listing)
    missing = [pattern for pattern in budget.require if not _arrives(sent[pattern])]
    if missing:
        hidden = _matching(missing, Listing(plan, sent=is_transfer, ignored=True))
    for pattern in missing:
        absence = _why_missing(plan, sent[pattern], hidden[pattern])
        yield Finding(
            "CTX409",
            Severity.ERROR,
            f"{name}: `{pattern}` is required, but {absence.why}",
            absence.place,
            help=absence.advice,
        )
    for pattern in budget.forbid:
        if sent[pattern]:
            yield _forbidden(plan, pattern, sent[pattern], name)


def _arrives(groups: _Groups) -> bool:
    """Return whether a file is sent with its content."""
    return any(group.files > group.empty for group in groups.values())


def _matching(patterns: Sequence[str], entries: Iterable[Entry]) -> dict[str, _Groups]:
    """Return the matching `entries` of each pattern, except directories, by verdict."""
    # `./` keeps a name that begins with # from being a comment.
    texts = [f"./{DockerIgnorePattern(pattern).text}" for pattern in patterns]
    lines = [text + end for text in texts for end in ("", "/**")]
    matcher = Matcher(DockerIgnoreSpec(map(DockerIgnorePattern, lines)))
    groups_of: dict[str, _Groups] = {pattern: {} for pattern in patterns}
    for entry in entries:
        if entry.kind is Kind.DIRECTORY:
            continue
        for number in {index // 2 for index in matcher.indexes(entry.path)}:
            group = groups_of[patterns[number]].setdefault(entry.verdict, _Group())
            group.files += 1
            group.empty += entry.arrives_empty is not None
            group.content_bytes += entry.content_bytes
            if len(group.paths) < _MOST:
                group.paths.append(entry.path)
    return groups_of


def _why_missing(plan: Plan, sent: _Groups, hidden: _Groups) -> _Absence:
    """Return why no file is sent with its content."""
    place = Location(plan.dockerfile or plan.context)
    for group in sent.values():
        return _Absence(f"{group} arrives without content", place, "`ctxsize explain` says why")
    for verdict, group in hidden.items():
        if not verdict.ignored:
            why = f"no instruction of the Dockerfile takes {group}"
            return _Absence(why, place, "add a COPY that takes it")
    for verdict, group in hidden.items():
        why, place = _decision(plan, verdict, group)
        return _Absence(
            why, place, f"add an exception below line {place.line} of {place.path}, or change it"
        )
    return _Absence("no such file exists", place, "create the file, or drop the pattern")


def _forbidden(plan: Plan, pattern: str, groups: _Groups, name: str) -> Finding:
    """Return the finding about the files that a forbidden `pattern` matches."""
    decisions = [_decision(plan, verdict, group) for verdict, group in groups.items()]
    (why, place), *others = decisions
    message = f"{name}: `{pattern}` is forbidden, but {why}"
    evidence: Texts = ()
    if others:
        message = f"{message}; see also {plural(len(others), 'other line')}"
        evidence = tuple(reason for reason, _ in decisions[:_MOST])
    advice = f"add `{pattern}` at the end of {ignore_file_to_write(plan)}"
    if any(verdict.by and not verdict.by.line for verdict in groups):
        advice = "drop the pattern, or use the builder buildkit"
    return Finding(
        "CTX410",
        Severity.ERROR,
        message,
        place,
        evidence=evidence,
        help=advice,
        **Amount.of(*groups.values())._asdict(),
    )


def _decision(plan: Plan, verdict: Verdict, group: _Group) -> tuple[str, Location]:
    """Return why the files of `group` are sent or ignored, and the line that decides it."""
    path = ignore_file_to_write(plan)
    by = verdict.by
    if plan.ignore_file is None:
        return f"no ignore file ignores {group}", Location(plan.dockerfile or plan.context)
    if by is None:
        return f"no line of {path} ignores {group}", Location(path, 1)
    if not by.line:
        return f"the builder always sends {group}", Location(path, 1)
    what = f"includes {group} again"
    if verdict.ignored:
        what = f"ignores {group}"
    return f"line {by.line} of {path} (`{by}`) {what}", Location(path, by.line)
