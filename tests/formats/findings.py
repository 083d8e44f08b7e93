"""Findings of every sort, which the tests of formats share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ctxsize.findings import Confidence, Edit, Finding, Fix, Location, Severity, in_order


@dataclass(frozen=True)
class AnyOutcome:
    """The least that an outcome is."""

    kind: ClassVar[str] = "sample"
    findings: tuple[Finding, ...] = ()


IGNORE_FILE = b"*.log\nnode_modules\n\n# keep\n!important.log\n"

FINDINGS = in_order(
    [
        Finding(
            "CTX130",
            Severity.WARNING,
            "`node_modules` matches at the top only, so 30 files travel",
            Location("web/.dockerignore", 2, 1, 2, 13, "node_modules"),
            evidence=tuple(f"web/packages/p{n}/node_modules" for n in range(7)),
            content_bytes=60_000_000,
            files=30,
            help="Docker's patterns start at the top of the context",
            fix=Fix(
                "write `**/node_modules`",
                (
                    Edit(
                        "web/.dockerignore",
                        IGNORE_FILE,
                        IGNORE_FILE.replace(b"node_modules", b"**/node_modules"),
                    ),
                ),
                certain=True,
            ),
        ),
        Finding(
            "CTX001",
            Severity.ERROR,
            "a message with 100%, a colon: a comma, <angles> & `ticks` | pipes\nand a second line",
            Location("a, b:c%\n<x>.txt"),
            confidence=Confidence.LIKELY,
        ),
        Finding(
            "CTX003",
            Severity.INFO,
            "a name that is not UTF-8 \udcff, and \x1b[31mred",
            Location("web/latin-\udce9.txt", 1),
            help="rename it",
            fix=Fix(
                "write an ignore file",
                (Edit("web/new.dockerignore", None, b"*\n"),),
                certain=False,
            ),
        ),
        Finding("CTX005", Severity.WARNING, "outside of here", Location("/srv/other/file", 3, 2)),
    ]
)
