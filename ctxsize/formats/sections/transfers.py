"""What travels and what the builder prints about it: of the build context, and of named ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ctxsize.engine.builders import BUILDERS
from ctxsize.formats import Look
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.sections import Prose, fact
from ctxsize.formats.sections.breakdowns import taking
from ctxsize.model import IgnoreFileInfo, Measurement, NamedContext, Report, Totals, Transfer
from ctxsize.units import human, plural

_MOST_SOURCES = 3
_NO_FILE = "no ignore file"


def facts(report: Report, look: Look) -> Iterator[Prose]:
    """Yield what travels of the build context, and the figure that the builder prints."""
    for lead, transfer in led(report.transfers):
        yield fact("Transfer", lead + _transfer(report, transfer))
        yield fact("Printed", lead + _printed(report, transfer))
        if look.warm:
            yield fact("Again", lead + _again_of(report, report.transfers, transfer, "context"))
    if report.transfer is None and not report.failing:
        yield fact("Printed", _printed(report, report.context))
        if look.warm:
            yield fact("Again", _again(report, report.context))


def led(transfers: Sequence[Transfer]) -> Iterator[tuple[str, Transfer]]:
    """Yield each transfer behind its platforms, where others ask for something else."""
    several = len({each.platforms for each in transfers}) > 1
    for transfer in transfers:
        yield f"{', '.join(transfer.platforms)}: " if several else "", transfer


def _transfer(report: Report, transfer: Transfer) -> str:
    """Return what travels, and the instruction that makes all of it travel if one does."""
    if not transfer.context_used:
        return "nothing: the Dockerfile takes nothing from the context"
    if not transfer.everything:
        return f"{_amount(transfer)}, what the Dockerfile takes"
    whole = next((each for each in transfer.sources if each.path == "."), None)
    if whole is None:
        return "all of it"
    return f"all of it: {taking(whole)} ({_place(report, whole.line)}) takes the whole context"


def _amount(transfer: Transfer) -> str:
    size, files = human(transfer.content_bytes), plural(transfer.files, "file")
    return f"{size} of content in {files}"


def _place(report: Report, line: int) -> str:
    return f"{quoted(report.dockerfile or '')}:{line}"


def _printed(report: Report, context: Transfer | Measurement, name: str = "context") -> str:
    builder = BUILDERS[report.builder]
    if isinstance(context, Transfer) and not context.context_used:
        return "nothing, not even a line"
    if builder.announces is None or context.wire_bytes is None:
        return f"nothing: {builder.title} reads the context in place and sends nothing"
    if name != "context":
        return f"{_announced(report, context.printed, name)} in a cold build"
    warm = "in each build" if builder.resends else "in a cold build, less in a warm one"
    if isinstance(context, Measurement) and builder.asks_for_paths:
        warm = "in a cold build, if all of it travels"
    return f"{_announced(report, context.printed, name)} ({builder.title}, {warm})"


def _again(report: Report, context: Transfer | Measurement, name: str = "context") -> str:
    """Return what the next build prints."""
    if BUILDERS[report.builder].announces is None or context.warm_bytes is None:
        return "nothing"
    return f"{_announced(report, context.warm_printed, name)} in a second build if nothing changed"


def _announced(report: Report, printed: str | None, name: str) -> str:
    announces = BUILDERS[report.builder].announces or ""
    text = announces.replace("context:", f"{visible(name)}:").format(printed)
    return f"at least {text}" if report.lower_bound else text


def ignore_file(info: IgnoreFileInfo | None) -> Prose:
    """Return which ignore file governs, or that none does."""
    if info is None:
        return fact("Ignore file", f"{_NO_FILE}, so nothing is left out", mark=_NO_FILE)
    kind = ", for this Dockerfile only" if info.dockerfile_specific else ""
    return fact(
        "Ignore file", f"{quoted(info.path)} ({plural(len(info.patterns), 'pattern')}{kind})"
    )


def size(report: Report, context: Measurement) -> str:
    """Return how big a context is."""
    least = "at least " if report.lower_bound else ""
    more = (
        f" ({plural(context.hardlinks, 'hard link')} without content)" if context.hardlinks else ""
    )
    content = human(context.totals.content_bytes)
    return f"{least}{content} of content in {counts(context.totals)}{more}"


def counts(totals: Totals) -> str:
    """Return how many entries of each kind there are, files first, without kinds of none."""
    kinds = ((totals.directories, "directory"), (totals.symlinks, "symlink"))
    others = [plural(count, noun) for count, noun in kinds if count]
    return ", ".join([plural(totals.files, "file"), *others])


def named(report: Report, context: NamedContext, look: Look) -> Iterator[Prose]:
    """Yield what there is to say about a named context."""
    yield fact("Stands for", quoted(context.value))
    if context.kind != "local":
        yield fact("Sent", "nothing: the builder fetches it, and no ignore file is read")
    if context.used is False:
        yield fact("Transfer", "nothing: this build takes nothing from it")
    if context.context is None:
        return
    yield ignore_file(context.ignore_file)
    yield fact("Context size", size(report, context.context))
    for lead, transfer in led(context.transfers):
        yield fact("Transfer", lead + _taken(report, transfer))
        yield fact("Printed", lead + _printed(report, transfer, context.announced))
        if look.warm:
            again = _again_of(report, context.transfers, transfer, context.announced)
            yield fact("Again", lead + again)


def _taken(report: Report, transfer: Transfer) -> str:
    """Return what travels of a named context, and what takes it."""
    shown = [f"{taking(one)} ({_place(report, one.line)})" for one in transfer.sources]
    by = ", ".join(shown[:_MOST_SOURCES])
    if len(shown) > _MOST_SOURCES:
        by += f" and {plural(len(shown) - _MOST_SOURCES, 'more source')}"
    if transfer.everything:
        return f"all of it: {by or 'a stage is built on it'}"
    return f"{_amount(transfer)}: {by}"


def _again_of(
    report: Report, transfers: tuple[Transfer, ...], transfer: Transfer, name: str
) -> str:
    """Return what the next build prints: where transfers run side by side, chance decides."""
    alone = sum(each.context_used for each in transfers) < 2
    if alone or transfer.warm_printed == transfer.printed:
        return _again(report, transfer, name)
    least = _announced(report, transfer.warm_printed, name)
    return (
        f"{least} to {transfer.printed} in a second build if nothing changed, as each of several "
        "transfers may meet what another one left"
    )
