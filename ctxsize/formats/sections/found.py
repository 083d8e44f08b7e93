"""What was found in ignore files and in Dockerfiles, and what the codes of findings mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ctxsize.codes import Code
from ctxsize.findings import Finding
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.sections import Example, Findings, Item, Prose, Section, notes
from ctxsize.formats.wording import SEVERITY_STYLES, amount, fix_text, place
from ctxsize.model import Amount
from ctxsize.units import plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.advice import DockerfileAdvice
    from ctxsize.codes import Rules
    from ctxsize.lints.run import Linted, LintedFile


def sections(outcome: Linted | DockerfileAdvice | Rules) -> list[Section]:
    """Return what the fixes did and the findings by place, or the codes."""
    match outcome.kind:
        case "lint":
            return _linted(outcome)
        case "advise":
            return _advised(outcome)
        case "rules" if outcome.asked:
            return [section for code in outcome.codes for section in _at_length(code)]
        case "rules":
            return [Section([_in_short(code) for code in outcome.codes])]


def _linted(outcome: Linted) -> list[Section]:
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
        parts.append(f"{amount(Amount(file.files, file.content_bytes))} sent")
    parts += [] if file.findings else ["nothing found"]
    parts += [f"{file.suppressed:,} suppressed"] if file.suppressed else []
    return f"{quoted(file.path)}: {', '.join(parts)}"


def _advised(advice: DockerfileAdvice) -> list[Section]:
    items: list[Item] = [Findings(advice.findings)] if advice.findings else []
    if any(each.fix for each in advice.findings):
        items.append(Prose("`ctxsize advise --diff` shows the rewrites", style="dim"))
    if not advice.findings:
        read = plural(len(advice.dockerfiles), "Dockerfile")
        nothing = f"{read}: nothing found" if advice.dockerfiles else "no Dockerfile here"
        items.append(Prose(nothing))
    return [Section(_fixed(advice.mended)), Section([*items, *notes(advice.problems)])]


def _in_short(code: Code) -> Prose:
    severity = code.severity.value
    head = f"{code.name} {severity:<8}{code.slug:<24} "
    return Prose(head + code.summary, len(head), ((severity, SEVERITY_STYLES[code.severity]),))


def _at_length(code: Code) -> Iterator[Section]:
    severity = code.severity.value
    marks = ((code.name, "bold"), (code.slug, ""), (severity, SEVERITY_STYLES[code.severity]))
    yield Section([Prose(f"{code.name} {code.slug} ({severity})", marks=marks)])
    yield Section([Prose(code.summary)])
    yield Section([Prose(code.why)])
    for title, example in (("Instead of", code.bad), ("write", code.good)):
        lines = [*map(visible, example.split("\n"))]
        yield Section([Prose(f"{title}:"), Example(lines)] if example else [])
