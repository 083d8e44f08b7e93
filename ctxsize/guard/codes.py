"""The kinds of findings of the guard."""

from __future__ import annotations

from ctxsize.findings import Code, Severity

_KINDS = (
    Code(
        "CTX401",
        "over-budget",
        Severity.ERROR,
        "A build context is larger than its budget.",
        "Every cold build waits for what is sent. `ctxsize suggest` says what the ignore file "
        "should hold; raise the budget if the build needs all of it.",
        'max = "50MB", and the context holds 60 MB of dumps',
        "the dumps in the ignore file",
    ),
    Code(
        "CTX402",
        "too-many-files",
        Severity.ERROR,
        "A build context holds more files than its budget allows.",
        "Each file costs a system call, a header and a checksum, however small it is. "
        "`ctxsize suggest` says what the ignore file should hold.",
    ),
    Code(
        "CTX403",
        "under-minimum",
        Severity.ERROR,
        "A build context is smaller than it must be.",
        "A pattern too much hides what the build needs, and COPY of a directory tells nobody. "
        "`ctxsize explain PATH` says which line hides a file.",
    ),
    Code(
        "CTX404",
        "grew",
        Severity.ERROR,
        "A build context grew more since its baseline than it may.",
        "Mend what grew, or accept it with `ctxsize check --update-baseline`.",
    ),
    Code(
        "CTX405",
        "shrank",
        Severity.ERROR,
        "A build context shrank more since its baseline than it may.",
        "A context that suddenly lost a good part is often one whose ignore file hides too much. "
        "Accept it with `ctxsize check --update-baseline` if that was meant.",
    ),
    Code(
        "CTX406",
        "baseline-could-shrink",
        Severity.INFO,
        "A build context is smaller than its baseline by more than the tolerance.",
        "`ctxsize check --update-baseline` keeps the gain; the old one lets it grow back.",
    ),
    Code(
        "CTX407",
        "not-in-baseline",
        Severity.ERROR,
        "The baseline file holds nothing for a context.",
        "A context that is not recorded could grow unseen. `ctxsize check --update-baseline` "
        "records it.",
    ),
    Code(
        "CTX408",
        "unproved",
        Severity.ERROR,
        "A part of the context could not be counted, so nobody knows whether it is within budget.",
        "What was counted is a lower bound. Run it again when the tree is readable and quiet.",
    ),
)

CODES: dict[str, Code] = {each.name: each for each in _KINDS}
