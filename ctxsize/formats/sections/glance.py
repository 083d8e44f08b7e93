"""Sections of `ctxsize [DIR]`: the verdict, its largest parts and the next step on 20 lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter

from ctxsize.engine.builders import BUILDERS
from ctxsize.findings import Finding
from ctxsize.formats.sections import (
    Fact,
    Findings,
    Fit,
    Items,
    LargePart,
    LargeParts,
    NextStep,
    Prose,
    Room,
    Screen,
    ScreenPart,
    Section,
    folded,
)
from ctxsize.formats.sections.measured import (
    body,
    clauses,
    ignore_text,
    listing_step,
    printed,
    sources_of,
    urgent_step,
    verdict,
)
from ctxsize.formats.sections.suggested import ground_of, patterns_of, secrets_left, writing
from ctxsize.formats.styles import Look
from ctxsize.formats.wording import (
    command,
    is_worth_a_look,
    level_at,
    more,
    quoted,
    sent,
    visible,
)
from ctxsize.model import Amount, Directory, Measurement, Report, Transfer
from ctxsize.recommender.outcome import Advice, Glance, Suggestion
from ctxsize.units import human, percent, plural

_LINES = 20
_ROWS = Room(8, 8, least=2)
_VERDICT = Fit(2, on_narrow=3)
_LINE = Fit(1)
_HAZARD = Fit(3, on_narrow=4)
_LEAST_SHARE = 1000  # part of the whole below which only a secret is worth a line
_MUCH_BYTES = 1_000_000  # least size that another Dockerfile sends to be named
_MUCH_MORE = 2  # the same as a multiple of what this one sends
_SPLIT = 4  # part of the whole from which a directory is replaced by the one that has most of it


def sections(glance: Glance, look: Look) -> Iterator[ScreenPart]:
    """Yield the verdict, and unless `look.quiet` the parts of what is sent and who takes it."""
    report = glance.report
    judgement = verdict(level_at(glance), clauses(report, _about_need(glance)), look, _VERDICT)
    answer = Section([judgement, _next_step(glance)])
    if look.quiet:
        yield answer
        return
    largest = Section([LargeParts(parts_of(glance), sent(report), _ROWS)])
    secrets: Sequence[Finding] = ()
    if glance.advice is not None:
        secrets_here = replace(glance.advice, findings=glance.secrets)
        secrets, _ = secrets_left(secrets_here, is_all=look.full)
    if look.full:
        secret = Section([Findings(secrets, 1)], "Secrets")
        yield Screen([answer, largest, secret, *body(report, look)])
        return
    findings = Section([Findings([*report.findings, *secrets], 1)])
    # A blank line would follow the last section.
    breaks = Section([*_breaks(glance)])
    yield Screen([answer, breaks, findings, largest, Section([*_facts(glance)])], _LINES + 1)


def _about_need(glance: Glance) -> Iterator[str]:
    """Yield how much of what is sent is not needed, and how many secrets are."""
    report = glance.report
    whole = sent(report).content_bytes
    for size, words in ((glance.safe, "is not needed"), (glance.doubtful, "may not be needed")):
        if is_worth_a_look(size, report):
            content_bytes = size.content_bytes
            yield f"{human(content_bytes)} ({percent(content_bytes, whole)}) {words}"
    secrets = {finding.evidence for finding in glance.secrets}
    if secrets:
        yield plural(len(secrets), "secret")


def _next_step(glance: Glance) -> NextStep:
    """Return the command to type next: it promises only what that command will do."""
    step = urgent_step(glance.report)
    if step is None and glance.advice is not None:
        step = _promise(glance, glance.advice) or _neighbour(glance, glance.advice)
    return step or listing_step(glance.report)


def _neighbour(glance: Glance, advice: Advice) -> NextStep | None:
    """Return the command about another Dockerfile of the context that sends much more."""
    if not advice.neighbours:
        return None
    neighbour = advice.neighbours[0]
    sent_bytes = neighbour.sends.content_bytes
    if sent_bytes < max(_MUCH_BYTES, _MUCH_MORE * sent(glance.report).content_bytes):
        return None
    other = replace(glance.report, dockerfile=neighbour.dockerfile, options=neighbour.options)
    name = quoted(neighbour.dockerfile)
    return NextStep(command(other, "suggest"), f"{name} sends {human(sent_bytes)} of this context")


def _promise(glance: Glance, advice: Advice) -> NextStep | None:
    """Return the command that makes the context smaller, or that asks what may; None for none.

    A saving too small for a line comes last.
    """
    saving = advice.saving.content_bytes
    saves = None
    if advice.edit and saving > 0:
        least = ""
        if advice.lower_bound:
            least = "at least "
        saves = NextStep(writing(advice), f"saves {least}{human(saving)}")
    if saves and saving >= _least(glance):
        return saves
    if any(part.chosen and part.rule.is_secret for part in glance.suggestions):
        return NextStep(writing(advice), "keeps secrets out of the context")
    return _question(glance, advice) or saves


def _question(glance: Glance, advice: Advice) -> NextStep | None:
    """Return the command that shows what a person has to decide; None if there is nothing."""
    patterns = [
        pattern
        for suggestion in glance.suggestions
        if not suggestion.safe
        for pattern in suggestion.patterns
    ]
    if patterns:
        verb = "needs" if len(patterns) == 1 else "need"
        purpose = f"shows {plural(len(patterns), 'pattern')} that {verb} your confirmation"
        return NextStep(command(advice, "suggest"), purpose)
    if advice.questions:
        count = plural(len(advice.questions), "large part")
        return NextStep(command(advice, "suggest"), f"asks about {count} that no rule explains")
    return None


def _least(glance: Glance) -> int:
    """Return the bytes below which only a secret is worth a line."""
    return sent(glance.report).content_bytes // _LEAST_SHARE


def _breaks(glance: Glance) -> Items:
    """Yield what breaks or spoils the build, whatever its size, and the number of the others."""
    if not glance.hazards:
        return
    first, *others = glance.hazards
    yield Prose(f"Breaks: {visible(first.message)}", 0, "Breaks", "red", _HAZARD)
    if others:
        yield Prose(f"{plural(len(others), 'hazard')} more: ctxsize lint", fit=_LINE)


def _facts(glance: Glance) -> Items:
    """Yield who takes the context, what governs it, and what the builder prints."""
    report = glance.report
    if report.context_path != ".":
        yield Fact("Context", "", _LINE, quoted(report.context_path))
    yield _taken_by(report)
    ignore_file = ignore_text(report.ignore_file) or "none"
    if glance.unread_ignore_file is not None:
        ignore_file += f"; {quoted(glance.unread_ignore_file)} is not read"
    yield Fact("Ignore file", ignore_file, _LINE)
    if report.dockerfile and not report.failing:
        yield Fact("Build prints", _printed(report), _LINE)
    details = command(report, "measure")
    entries = command(report, "ls", "--size")
    yield Fact("More", f"{details} · {entries}", _LINE, short=details)


def _printed(report: Report) -> str:
    """Return the figure of the largest transfer, and the number of the others."""
    text = printed(report, _largest(report), "context", short=True)
    platforms = len(report.more_transfers)
    if platforms:
        text += f" {more(platforms, 'platform')}"
    named = sum(bool(context.transfers) for context in report.named_contexts)
    if named:
        text += f" and {plural(named, 'named context')}"
    return text


def _taken_by(report: Report) -> Fact:
    """Return the instruction that takes most of what is sent, and the number of the others."""
    builder = BUILDERS[report.builder]
    dockerfile = report.dockerfile
    transfer = report.transfer
    path = ""
    if dockerfile is None:
        text = "not known without a Dockerfile"
    elif report.failing or (builder.asks_for_paths and not transfer):
        text = "not known"
    elif builder.announces is None:
        text = "COPY and ADD, which read it in place"
    elif not builder.asks_for_paths:
        text = "all of it, before the Dockerfile is read"
    else:
        text = _instruction(report)
        path = "stdin" if dockerfile == "-" else quoted(dockerfile)
        if not text and not (transfer and transfer.context_used):
            text = "nothing"
            path = ""
    return Fact("Taken by", text, _LINE, path)


def _instruction(report: Report) -> str:
    """Return the source that takes most, as it follows the Dockerfile; `""` if there is none."""
    sources = sources_of(report)
    if not sources:
        return ""
    largest, *others = sources
    size = human(largest.content_bytes)
    if Amount.of(largest) == sent(report) != Amount():
        size = "all of it"
    text = f":{largest.line} {visible(largest.name)} ({size})"
    if others:
        text += f" {more(len(others))}"
    return text


def parts_of(glance: Glance) -> list[LargePart]:
    """Return the parts of what is sent that are worth a line: secrets, then the largest."""
    report = glance.report
    transfer = _largest(report)
    whole = sent(report)
    least = _least(glance)
    secrets = []
    parts = []
    for suggestion in glance.suggestions:
        part = _suggested(suggestion)
        if suggestion.rule.is_secret:
            secrets.append(part)
        else:
            parts.append(part)
    hidden = _Hidden(glance)
    if transfer.tree:
        parts += hidden.beside(transfer.tree)
    for file in _top_files(report, transfer):
        if file.name not in hidden.paths:
            parts.append(replace(file, name=quoted(file.name)))
    for named in report.named_contexts:
        name = f"{quoted(named.value)} (named context)"
        parts.append(LargePart(name, *Amount.of(*named.transfers)))
    shown = [part for part in parts if part.files > 0 and part.content_bytes >= least]
    shown.sort(key=lambda part: (-part.content_bytes, -part.files, part.name))
    # What several platforms take counts for each of them; a directory stands for one.
    if min(whole - Amount.of(*secrets, *shown)) < 0:
        shown = [part for part in shown if part.note]
    return [*secrets, *shown]


def _suggested(suggestion: Suggestion) -> LargePart:
    """Return the part that a suggestion hides, with the words of `suggest`."""
    lead = "not needed"
    if suggestion.rule.is_secret:
        lead = "secret"
    elif not suggestion.safe:
        lead = "confirm"
    note = f"{lead}: {ground_of(suggestion)}"
    return LargePart(patterns_of(suggestion), *suggestion.size.counted, note)


def _largest(report: Report) -> Transfer | Measurement:
    """Return the largest transfer, or the context if none is known."""
    transfers = report.transfers
    if transfers:
        return max(transfers, key=attrgetter("content_bytes"))
    return report.context


def _top_files(report: Report, transfer: Transfer | Measurement) -> list[LargePart]:
    """Return the known files at the top of the context that are sent."""
    if isinstance(transfer, Measurement) or transfer.everything:
        files = report.context.largest_files
        return [LargePart(file.name, *Amount.of(file)) for file in files if "/" not in file.name]
    directories: Sequence[Directory] = ()
    if transfer.tree:
        directories = transfer.tree.children
    names = {".", *(directory.path for directory in directories)}
    files_by_path = {}
    for source in transfer.sources:
        path = source.path
        if source.files == 1 and path not in names and "/" not in path:
            files_by_path[path] = LargePart(path, *Amount.of(source))
    top_files = [*files_by_path.values()]
    left = Amount.of(transfer) - Amount.of(*directories, *top_files)
    # Patterns and symlinks may stand for the same file.
    if min(left) < 0:
        return []
    return top_files


class _Hidden:
    """The parts of directories that suggestions hide."""

    def __init__(self, glance: Glance) -> None:
        self._amounts: Mapping[str, Amount] = {}
        if glance.advice is not None:
            self._amounts = glance.advice.hidden
        self.paths = {path for suggestion in glance.suggestions for path in suggestion.paths}

    def _left(self, node: Directory) -> Amount:
        """Return what no suggestion hides of a directory."""
        left = Amount.of(node) - self._amounts.get(node.path, Amount())
        return Amount(max(0, left.files), max(0, left.content_bytes))

    def beside(self, root: Directory) -> Iterator[LargePart]:
        """Yield what no suggestion hides by directory; of a large one, what has most of it."""
        for node in root.children:
            size = self._left(node)
            while node.children and _SPLIT * size.content_bytes > root.content_bytes:
                if node.path in self.paths:  # a suggestion keeps some of it
                    break
                child = max(node.children, key=lambda child: self._left(child).content_bytes)
                size_of_child = self._left(child)
                if 2 * size_of_child.content_bytes <= size.content_bytes:
                    break
                others = size - size_of_child
                if others.files > 0:
                    yield LargePart(f"the rest of {quoted(node.path)}/", *others)
                node = child
                size = size_of_child
            name = f"{quoted(folded(node).path)}/"
            if size != Amount.of(node):
                name = f"the rest of {name}"
            if size.files:
                yield LargePart(name, *size)
