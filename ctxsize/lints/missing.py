"""What every ignore file should keep out and this one lets through."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.lints.case import Case
from ctxsize.lints.changes import Proposal
from ctxsize.lints.dockerfiles import taken
from ctxsize.lints.tree import LintTree

_ENV_NAME = re.compile(r"\.env(?:\.[\w.-]+)?")
_TEMPLATE = re.compile(r"example|sample|template|tmpl|dist|default|schema|test|ci\b", re.IGNORECASE)


def git(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield `.git` at the top where it is sent and taken, and no build takes it by name."""
    if ".git" not in tree.now or _is_kept(case, ".git"):
        return
    travels = taken(case.uses, tree)
    if (travels is not None and ".git" not in travels) or tree.is_taken([".git"]):
        return
    paths = tree.below([".git"])
    if all(_is_taken_back(case, path) for path in paths if not tree.is_directory(path)):
        return
    wanted = None if tree.needed is None else tree.needed.asks_git(tree.now)
    known = travels is not None
    name = ".git" if tree.is_taken(tree.by_name[".git"]) else "**/.git"
    yield case.finding(
        "CTX109",
        None,
        f".git travels with every build: {tree.amount(paths)}"
        + (f"; {wanted}, so it may be needed" if wanted else ""),
        severity=Severity.INFO if wanted or not known else Severity.WARNING,
        confidence=Confidence.POSSIBLE if wanted or not known else Confidence.LIKELY,
        paths=paths,
        fix=None if wanted else case.first_hiding(paths, [*_added(name, f"{name}/**")]),
    )


def _added(*lines: str) -> Iterator[Proposal]:
    """Yield the first line, the first two, … at the end of the file."""
    for count in range(1, len(lines) + 1):
        message = f"add {' and '.join(lines[:count])}"
        yield Proposal(message, append="\n".join(lines[:count]), means=None)


def env(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield files of local settings that git does not track, sent and taken."""
    travels = taken(case.uses, tree)
    paths = [path for path in _env_files(tree) if travels is None or path in travels]
    paths = [path for path in paths if not _is_kept(case, path)]
    if not paths:
        return
    untracked = tree.tracked is not None
    yield case.finding(
        "CTX110",
        None,
        f"{', '.join(tree.shown(paths))} would be sent: {tree.amount(paths)} of local settings",
        severity=Severity.WARNING if untracked and travels is not None else Severity.INFO,
        confidence=Confidence.LIKELY if untracked else Confidence.POSSIBLE,
        paths=paths,
        fix=Proposal(
            "add the names at every depth",
            append="\n".join(dict.fromkeys("**/" + path.rpartition("/")[2] for path in paths)),
            means=None,
        ),
    )


def _env_files(tree: LintTree) -> Iterator[str]:
    """Yield the files of local settings that are sent and not tracked."""
    for name, paths in tree.by_name.items():
        if not _ENV_NAME.fullmatch(name) or _TEMPLATE.search(name[4:]):
            continue
        for path in paths:
            tracked = tree.tracked is not None and path in tree.tracked
            if path in tree.now and not tree.is_directory(path) and not tracked:
                yield path


def _is_kept(case: Case, path: str) -> bool:
    """Return whether an exception names just this path."""
    name = path.rpartition("/")[2]
    return any(line.exception and line.text in (path, f"**/{name}") for line in case.patterns)


def _is_taken_back(case: Case, path: str) -> bool:
    """Return whether an exception about something in `.git` lets `path` in."""
    by = case.decider(path)
    return by is not None and by.exception and by.text.removeprefix("**/").startswith(".git/")
