"""Check assertions: each required pattern matches a file that is sent, no forbidden one does.

A pattern matches what it would ignore as a line of an ignore file: an entry, or all below it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ctxsize.config import Budget
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.plan import Plan, ignore_file_to_write
from ctxsize.engine.report import Listing
from ctxsize.engine.transfers import transfer_listing
from ctxsize.engine.trial import Matcher
from ctxsize.findings import Finding, Location, Severity
from ctxsize.model import Amount, Entry, Kind, Verdict
from ctxsize.units import plural

_MOST = 5  # number of paths that are named


@dataclass
class _Group:
    """Matching files for which the same line decides."""

    files: int = 0
    empty: int = 0  # of these, the number of files that arrive without their content
    content_bytes: int = 0
    paths: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        names = ", ".join(f"`{each}`" for each in self.paths)
        left = self.files - len(self.paths)
        if left:
            return f"{names} and {plural(left, 'file')} more"
        return names


_Groups = dict[Verdict, _Group]


def broken(plan: Plan, name: str, budget: Budget) -> Iterator[Finding]:
    """Yield a finding for each pattern of `budget` that does not hold. Raises as a listing."""
    is_transfer = budget.of == "transfer"
    if is_transfer:
        listing = transfer_listing(plan)
    else:
        listing = Listing(plan)
    sent = _matching([*dict.fromkeys((*budget.require, *budget.forbid))], listing)
    whole = {each for each in sent if any(one.files > one.empty for one in sent[each].values())}
    missing = [each for each in budget.require if each not in whole]
    others = Listing(plan, sent=is_transfer, ignored=True) if missing else ()
    hidden = _matching(missing, others)
    for each in missing:
        why, place, advice = _why_missing(plan, sent[each], hidden[each])
        text = f"{name}: `{each}` is required, but {why}"
        yield Finding("CTX409", Severity.ERROR, text, place, help=advice)
    for each in budget.forbid:
        if sent[each]:
            yield _sent(plan, each, sent[each], f"{name}: `{each}` is forbidden, but ")


def _matching(patterns: Sequence[str], entries: Iterable[Entry]) -> dict[str, _Groups]:
    """Return the matching `entries` of each pattern, except directories, by verdict."""
    texts = [DockerIgnorePattern(each).text for each in patterns]
    # `./` keeps a name that begins with # from being a comment.
    lines = [f"./{text}{end}" for text in texts for end in ("", "/**")]
    matcher = Matcher(DockerIgnoreSpec(map(DockerIgnorePattern, lines)))
    found = {each: defaultdict[Verdict, _Group](_Group) for each in patterns}
    for entry in entries:
        if entry.kind is Kind.DIRECTORY:
            continue
        for index in {each // 2 for each in matcher.indexes(entry.path)}:
            group = found[patterns[index]][entry.verdict]
            group.files += 1
            group.empty += entry.arrives_empty is not None
            group.content_bytes += entry.content_bytes
            if len(group.paths) < _MOST:
                group.paths.append(entry.path)
    return {key: dict(groups) for key, groups in found.items()}


def _why_missing(plan: Plan, sent: _Groups, hidden: _Groups) -> tuple[str, Location, str]:
    """Return why no file is sent with its content, the place that decides it, and advice."""
    at = Location(plan.dockerfile or plan.context)
    for group in sent.values():
        return f"{group} arrives without content", at, "`ctxsize explain` says why"
    for verdict, group in sorted(hidden.items(), key=lambda pair: pair[0].ignored):
        if not verdict.ignored:
            why = f"no instruction of the Dockerfile takes {group}"
            return why, at, "add a COPY that takes it"
        why, at = _decision(plan, verdict, group)
        return why, at, f"add an exception below line {at.line} of {at.path}, or change it"
    return "no such file exists", at, "create the file, or drop the pattern"


def _sent(plan: Plan, pattern: str, groups: _Groups, lead: str) -> Finding:
    """Return the finding about the files that a forbidden `pattern` matches."""
    path = ignore_file_to_write(plan)
    said, places = zip(*(_decision(plan, *each) for each in groups.items()), strict=True)
    if len(said) > 1:
        more = f"; see also {plural(len(said) - 1, 'other line')}"
    else:
        more = ""
    total = Amount.of(*groups.values())
    if more:
        evidence = said[:_MOST]
    else:
        evidence = ()
    found = Finding("CTX410", Severity.ERROR, f"{lead}{said[0]}{more}", places[0])
    advice = f"add `{pattern}` at the end of {path}"
    if any(each.by and not each.by.line for each in groups):
        advice = "drop the pattern, or use the builder buildkit"
    found = replace(found, evidence=evidence, help=advice)
    return replace(found, **total._asdict())


def _decision(plan: Plan, verdict: Verdict, group: _Group) -> tuple[str, Location]:
    """Return why the files of `group` are sent or ignored, and the line that decides it."""
    path = ignore_file_to_write(plan)
    by = verdict.by
    if plan.ignore_file is None:
        return f"no ignore file ignores {group}", Location(plan.dockerfile or plan.context)
    if by is None or not by.line:
        if by:
            why = "the builder always sends"
        else:
            why = f"no line of {path} ignores"
        return f"{why} {group}", Location(path, 1)
    if verdict.ignored:
        what = f"ignores {group}"
    else:
        what = f"includes {group} again"
    return f"line {by.line} of {path} (`{by}`) {what}", Location(path, by.line)
