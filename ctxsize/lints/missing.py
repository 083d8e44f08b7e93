"""Files that should be ignored and are sent, and sources that are ignored and needed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from ctxsize.engine.golang import has_wildcards
from ctxsize.engine.need import context_need_of
from ctxsize.engine.patterns import pattern_for
from ctxsize.engine.request import Request
from ctxsize.engine.sourcing import Fate, SourceCheck, Sources
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.lints.case import Case
from ctxsize.lints.lines import Line, Proposal
from ctxsize.lints.lookup import LintTree

_ENV_NAME = re.compile(r"\.env(?:\.[\w.-]+)?")
_TEMPLATE = re.compile(r"example|sample|template|tmpl|dist|default|schema|test|ci\b", re.IGNORECASE)
_MANIFESTS = frozenset(
    (
        *("package.json", "package-lock.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"),
        *("pnpm-workspace.yaml", "composer.json", "composer.lock", "symfony.lock"),
        *("Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "go.mod", "go.sum", "go.work"),
        *("pyproject.toml", "poetry.lock", "uv.lock", "pdm.lock", "Pipfile", "Pipfile.lock"),
        *("requirements.txt", "setup.py", "setup.cfg", "Gemfile", "Gemfile.lock"),
        *("mix.exs", "mix.lock", "pom.xml", "build.gradle", "build.gradle.kts"),
        *("settings.gradle", "settings.gradle.kts", "gradle.properties", "build.sbt"),
        *("Package.swift", "Package.resolved", "pubspec.yaml", "pubspec.lock", "tsconfig.json"),
        *("deno.json", "deno.lock", "nuget.config", "packages.lock.json", "global.json"),
    )
)
"""Names of files that change the build if they are missing."""
_EVERYTHING = ("*", "**", "**/*", "*/**", "*.*")


def hidden_source(case: Case) -> Iterator[Finding]:
    """Yield sources of COPY and ADD that a pattern ignores."""
    seen: set[tuple[str | None, int, str]] = set()
    for request in (each for one in case.requests for each in _with_targets(one)):
        for check in _checks(replace(request, spec=case.spec)):
            key = (request.dockerfile, check.source.line, check.source.source)
            fails = check.fate is Fate.IGNORED
            if key not in seen and (fails or (check.fate is Fate.NO_MATCH and check.hidden)):
                yield from _of_check(case, request, check, fails=fails)
            seen.add(key)


def _with_targets(request: Request) -> Iterator[Request]:
    """Yield `request`, then one for each named stage of its Dockerfile, the last stage first."""
    yield request
    with suppress(CtxsizeError):
        for stage in request.plan.dockerfile.stages[-2::-1]:
            if stage.name and not request.build.target:
                yield replace(request, build=replace(request.build, target=stage.name))


def _checks(request: Request) -> Iterator[SourceCheck]:
    """Yield the check of each source of COPY and ADD."""
    with suppress(CtxsizeError):
        need, sources = context_need_of(request), Sources(request)
        taken = [each.line for each in need.sources if each.kind in ("copy", "add")]
        for number in dict.fromkeys(taken):
            with suppress(CtxsizeError):
                yield from sources.check(str(number))


def _of_check(
    case: Case, request: Request, check: SourceCheck, *, fails: bool
) -> Iterator[Finding]:
    pattern = check.hidden[0].verdict.by
    if pattern is None or not 0 < pattern.line <= len(case.lines):
        return
    source, place = check.source, f"{request.dockerfile}:{check.source.line}"
    target = request.build.shown_target
    target = f" for the target {target}" if target else ""
    result = "the build fails" if fails else "it copies nothing"
    is_wild = has_wildcards(source.path)
    text = source.path if is_wild else pattern_for(check.at, pattern_class=case.spec.pattern_class)
    yield case.finding(
        "CTX111",
        case.lines[pattern.line - 1],
        f"this pattern ignores the source of `{source.instruction} {source.source}` ({place})"
        f"{target}, so {result}",
        severity=Severity.ERROR if fails else Severity.WARNING,
        evidence=(place, *(each.path for each in check.hidden[:3])),
        fix=None if text is None else Proposal(f"add `!{text}`", append=f"!{text}"),
    )


def manifest(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield manifests and lock files that a pattern with wildcards ignores."""
    by_line: dict[int, list[str]] = {}
    nothing = tree.request.builder.spec_class([])
    for name in sorted(_MANIFESTS & tree.by_name.keys()):
        for path in tree.by_name[name]:
            line = _hidden_by(case, tree, path)
            if line is None or not _is_accident(line, name):
                continue
            if tree.may_travel(path, nothing, tree.everything):
                by_line.setdefault(line.number, []).append(path)
    for number, paths in by_line.items():
        exceptions = "\n".join(f"!{path}" for path in paths)
        yield case.finding(
            "CTX116",
            case.lines[number - 1],
            f"this pattern also ignores {', '.join(tree.shown(paths))}, so the build may fail or "
            "resolve other versions",
            severity=Severity.ERROR if case.requests else Severity.WARNING,
            confidence=Confidence.LIKELY,
            paths=paths,
            fix=Proposal("add exceptions", append=exceptions),
        )


def _hidden_by(case: Case, tree: LintTree, path: str) -> Line | None:
    """Return the line that ignores the file at `path` itself, not one of its parents."""
    if path in case.now or tree.is_directory(path):
        return None
    parent = path.rpartition("/")[0]
    return None if parent and case.step(parent).ignored else case.decider(path)


def _is_accident(line: Line, name: str) -> bool:
    """Return whether the pattern matches many names, and `name` only by chance."""
    last = line.text.rpartition("/")[2]
    if line.text in _EVERYTHING or last in _EVERYTHING or "*" not in last:
        return False
    stem = last.split("*")[0].rstrip(".")
    return not stem or stem.casefold() != name.split(".")[0].casefold()


def git(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield the top-level `.git` if it is sent to a build that does not take it by name."""
    if ".git" not in case.now or _is_kept(case, ".git"):
        return
    if tree.is_taken([".git"]) or not tree.may_travel(".git", case.spec, case.now):
        return
    paths = case.below([".git"])
    by = [case.let_in_by(path) for path in paths if not tree.is_directory(path)]
    # Only exceptions for paths inside `.git` re-include it: that is intended.
    if all(each and each.text.removeprefix("**/").startswith(".git/") for each in by):
        return
    wanted = None if tree.needed is None else tree.needed.asks_git(case.now)
    sure = tree.includes is not None and not wanted
    may_be = f"; {wanted}, so the build may need it" if wanted else ""
    yield case.finding(
        "CTX109",
        None,
        f"every build sends `.git`, which each git command changes: {case.amount(paths)}{may_be}",
        severity=Severity.WARNING if sure else Severity.INFO,
        confidence=Confidence.LIKELY if sure else Confidence.POSSIBLE,
        paths=paths,
        fix=None if wanted else _without_git(case, tree, paths),
    )


def _without_git(case: Case, tree: LintTree, paths: Sequence[str]) -> Proposal:
    """Return the line that ignores `.git`, and one more if exceptions re-include its content."""
    name = ".git" if tree.is_taken(tree.by_name[".git"]) else "**/.git"
    alone = Proposal(f"add `{name}`", append=name)
    both = Proposal(f"add `{name}` and `{name}/**`", append=f"{name}\n{name}/**")
    for proposal in (alone, both):
        sent = case.with_data(proposal.edited(case.file)).sent
        if sent is None or not any(path in sent for path in paths):
            return alone if sent is None else proposal
    return alone


def env(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield env files with local settings that are sent and that git does not track."""
    paths = [
        path
        for name, named in tree.by_name.items()
        if _ENV_NAME.fullmatch(name) and not _TEMPLATE.search(name[4:])
        for path in named
        if path in case.now
        and not tree.is_directory(path)
        and not tree.tracks([path])
        and not _is_kept(case, path)
        and tree.may_travel(path, case.spec, case.now)
    ]
    if not paths:
        return
    untracked, names = tree.tracked is not None, (path.rpartition("/")[2] for path in paths)
    is_taken = tree.includes is not None
    yield case.finding(
        "CTX110",
        None,
        f"the context includes {', '.join(tree.shown(paths))}: {case.amount(paths)} of local "
        "settings, which may contain secrets",
        severity=Severity.WARNING if untracked and is_taken else Severity.INFO,
        confidence=Confidence.LIKELY if untracked else Confidence.POSSIBLE,
        paths=paths,
        fix=Proposal(
            "ignore these names at every depth",
            append="\n".join(dict.fromkeys(f"**/{name}" for name in names)),
        ),
    )


def _is_kept(case: Case, path: str) -> bool:
    """Return whether an exception names exactly this path."""
    return not case.exceptions.isdisjoint((path, f"**/{path.rpartition('/')[2]}"))
