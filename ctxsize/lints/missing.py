"""What every ignore file should keep out and this one lets through."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.lints.case import Case
from ctxsize.lints.copies import travelling
from ctxsize.lints.proposal import Proposal
from ctxsize.lints.tree import LintTree

_ENV_NAME = re.compile(r"\.env(?:\.[\w.-]+)?")
_TEMPLATE = re.compile(r"example|sample|template|tmpl|dist|default|schema|test|ci\b", re.IGNORECASE)


def git(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield `.git` at the top where it is sent and taken, and no build takes it by name."""
    if ".git" not in case.now or _is_kept(case, ".git"):
        return
    travels = travelling(case)
    if (travels is not None and ".git" not in travels) or tree.is_taken([".git"]):
        return
    paths = case.below([".git"])
    if all(_is_taken_back(case, path) for path in paths if not tree.is_directory(path)):
        return
    wanted = None if tree.needed is None else tree.needed.asks_git(case.now)
    sure = travels is not None and not wanted
    yield case.finding(
        "CTX109",
        None,
        f".git travels with every build: {case.amount(paths)}"
        + (f"; {wanted}, so it may be needed" if wanted else ""),
        severity=Severity.WARNING if sure else Severity.INFO,
        confidence=Confidence.LIKELY if sure else Confidence.POSSIBLE,
        paths=paths,
        fix=None if wanted else _without_git(case, tree, paths),
    )


def _without_git(case: Case, tree: LintTree, paths: Sequence[str]) -> Proposal:
    """Return the line that keeps `.git` out, and one more where exceptions let in what is in it."""
    name = ".git" if tree.is_taken(tree.by_name[".git"]) else "**/.git"
    proposal = Proposal(f"add {name}", append=name)
    sent = case.with_data(proposal.edited(case.file)).sent
    if sent is None or not any(path in sent for path in paths):
        return proposal
    both = Proposal(f"add {name} and {name}/**", append=f"{name}\n{name}/**")
    sent = case.with_data(both.edited(case.file)).sent
    return proposal if sent is None or any(path in sent for path in paths) else both


def env(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield files of local settings that git does not track, sent and taken."""
    travels = travelling(case)
    paths = [
        path
        for path in _env_files(case, tree)
        if (travels is None or path in travels) and not _is_kept(case, path)
    ]
    if not paths:
        return
    untracked = tree.tracked is not None
    yield case.finding(
        "CTX110",
        None,
        f"{', '.join(tree.shown(paths))} would be sent: {case.amount(paths)} of local settings",
        severity=Severity.WARNING if untracked and travels is not None else Severity.INFO,
        confidence=Confidence.LIKELY if untracked else Confidence.POSSIBLE,
        paths=paths,
        fix=Proposal(
            "add the names at every depth",
            append="\n".join(dict.fromkeys("**/" + path.rpartition("/")[2] for path in paths)),
        ),
    )


def _env_files(case: Case, tree: LintTree) -> Iterator[str]:
    """Yield the files of local settings that are sent and not tracked."""
    for name, paths in tree.by_name.items():
        if _ENV_NAME.fullmatch(name) and not _TEMPLATE.search(name[4:]):
            for path in paths:
                if path in case.now and not tree.is_directory(path) and not tree.tracks([path]):
                    yield path


def _is_kept(case: Case, path: str) -> bool:
    """Return whether an exception names just this path."""
    return not case.exceptions.isdisjoint((path, f"**/{path.rpartition('/')[2]}"))


def _is_taken_back(case: Case, path: str) -> bool:
    """Return whether an exception about something in `.git` lets `path` in."""
    by = case.decider(path)
    return by is not None and by.exception and by.text.removeprefix("**/").startswith(".git/")
