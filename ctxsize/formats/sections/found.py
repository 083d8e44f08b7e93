"""What was found in ignore files and in Dockerfiles, and what the codes of findings mean."""

from __future__ import annotations

from collections.abc import Iterable

from ctxsize.codes import Code
from ctxsize.findings import Finding, Severity
from ctxsize.formats.findings import fix_text, place
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.sections import Findings, Item, Prose, Section, notes
from ctxsize.units import human, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.advice import DockerfileAdvice
    from ctxsize.codes import Rules
    from ctxsize.lints.run import Linted, LintedFile

_SEVERITY_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "bold"}


def linted(outcome: Linted) -> list[Section]:
    """Return what the fixes did, the findings by place, and a line for each file."""
    lines = [Prose(_file(each), whole=True) for each in outcome.files] + notes(outcome.problems)
    if not outcome.files:
        lines.append(Prose("no ignore file here"))
    return [
        Section(_fixed(found for file in outcome.files for found in file.mended)),
        Section([Findings(outcome.findings)] if outcome.findings else []),
        Section(lines),
    ]


def _fixed(mended: Iterable[Finding]) -> list[Prose]:
    lines = []
    for each in mended:
        assert each.fix is not None
        where = place(each)
        text = f"{where} fixed {each.code} {visible(fix_text(each.fix))}"
        lines.append(Prose(text, marks=((where, ""), ("fixed", "green")), whole=True))
    return lines


def _file(file: LintedFile) -> str:
    """Return how many patterns a file has, what is sent, and whether anything was found."""
    parts = [plural(file.patterns, "pattern")]
    if file.content_bytes is not None and file.files is not None:
        parts.append(f"{plural(file.files, 'file')} sent, {human(file.content_bytes)}")
    if not file.findings:
        parts.append("nothing found")
    if file.suppressed:
        parts.append(f"{file.suppressed:,} suppressed")
    return f"{quoted(file.path)}: {', '.join(parts)}"


def advised(advice: DockerfileAdvice) -> list[Section]:
    """Return what was fixed, the findings by place, and what could not be read."""
    items: list[Item] = [Findings(advice.findings)] if advice.findings else []
    if any(each.fix for each in advice.findings):
        items.append(Prose("`ctxsize advise --diff` shows the rewrites", style="dim"))
    if not advice.findings:
        read = plural(len(advice.dockerfiles), "Dockerfile")
        nothing = f"{read}: nothing found" if advice.dockerfiles else "no Dockerfile here"
        items.append(Prose(nothing))
    return [Section(_fixed(advice.mended)), Section([*items, *notes(advice.problems)])]


def codes(rules: Rules) -> list[Section]:
    """Return the codes that were asked for at length, else a line for each."""
    if rules.asked:
        return [section for code in rules.codes for section in _at_length(code)]
    return [Section([_in_short(code) for code in rules.codes])]


def _in_short(code: Code) -> Prose:
    severity = code.severity.value
    head = f"{code.name} {severity:<8}{code.slug:<24} "
    return Prose(head + code.summary, len(head), ((severity, _SEVERITY_STYLES[code.severity]),))


def _at_length(code: Code) -> list[Section]:
    severity = code.severity.value
    marks = ((code.name, "bold"), (code.slug, ""), (severity, _SEVERITY_STYLES[code.severity]))
    head = Prose(f"{code.name} {code.slug} ({severity})", marks=marks)
    examples = [
        Section(
            [
                Prose(f"{title}:"),
                *(Prose(f"    {visible(each)}", whole=True) for each in lines),
            ]
        )
        for title, example in (("Instead of", code.bad), ("write", code.good))
        if example
        for lines in [example.split("\n")]
    ]
    return [
        Section([head]),
        Section([Prose(code.summary)]),
        Section([Prose(code.why)]),
        *examples,
    ]
