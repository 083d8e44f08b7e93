"""Ignore files that are not read, or not alone."""

from __future__ import annotations

from collections.abc import Iterator

from ctxsize.findings import Confidence, Finding
from ctxsize.lints.case import Case, Lint
from ctxsize.lints.words import amount


def two_files(case: Case) -> Iterator[Finding]:
    """Yield what the general ignore file keeps out and this one lets through."""
    other = case.fallback
    if other is None:
        return
    message, paths = f"replaces {other.path}, which does not apply to this Dockerfile", None
    if case.tree is not None:
        sent = case.tree.sent(case.tree.trial.usable(other.texts()))
        through = [] if sent is None else case.tree.now.without(sent)
        if any(not case.tree.is_directory(path) for path in through):
            paths = through
            message += f" and would keep {amount(case.tree, through)} more out"
    yield case.finding("CTX117", None, message, paths=paths)


def unread(case: Case) -> Iterator[Finding]:
    """That no build reads the file, and why."""
    if case.unread is not None:
        yield case.finding("CTX127", None, f"no build reads this file: {case.unread}")
    elif case.likely_unread is not None:
        yield case.finding(
            "CTX127",
            None,
            f"no build seems to read this file: {case.likely_unread}",
            confidence=Confidence.LIKELY,
        )


LINTS = (Lint("CTX117", two_files), Lint("CTX127", unread))
