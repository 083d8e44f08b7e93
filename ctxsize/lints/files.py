"""Ignore files that are not read, or not alone."""

from __future__ import annotations

from collections.abc import Iterator

from ctxsize.findings import Code, Confidence, Finding, Severity
from ctxsize.lints.case import Case, Lint
from ctxsize.lints.words import amount

TWO_FILES = Code(
    "CTX117",
    "two-ignore-files",
    Severity.INFO,
    "The Dockerfile has an ignore file of its own, so the `.dockerignore` does not apply to it.",
    "BuildKit reads `<Dockerfile>.dockerignore` instead of `.dockerignore`; the two are never "
    "merged, not even if the first is empty. Repeat there what shall stay out of both builds. "
    "The classic builder knows `.dockerignore` only.",
    "# Dockerfile.dockerignore beside a .dockerignore with node_modules\ndist",
    "# Dockerfile.dockerignore\nnode_modules\ndist",
)
UNREAD = Code(
    "CTX127",
    "unread-ignore-file",
    Severity.WARNING,
    "No build reads this ignore file.",
    "Docker reads `<Dockerfile>.dockerignore` beside the Dockerfile, or else the `.dockerignore` "
    "at the top of the context. One beside a Dockerfile whose context lies higher up is never "
    "read, nor one under another name, nor one that is a symlink out of the context.",
    "docker/.dockerignore for `docker build -f docker/Dockerfile .`",
    "docker/Dockerfile.dockerignore, or .dockerignore at the top",
)


def two_files(case: Case) -> Iterator[Finding]:
    """What the general ignore file keeps out and this one lets through."""
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
    yield case.finding(TWO_FILES, None, message, paths=paths)


def unread(case: Case) -> Iterator[Finding]:
    """That no build reads the file, and why."""
    if case.unread is not None:
        yield case.finding(UNREAD, None, f"no build reads this file: {case.unread}")
    elif case.likely_unread is not None:
        yield case.finding(
            UNREAD,
            None,
            f"no build seems to read this file: {case.likely_unread}",
            confidence=Confidence.LIKELY,
        )


LINTS = (Lint(TWO_FILES, two_files), Lint(UNREAD, unread))
