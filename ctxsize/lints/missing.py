"""Files that should be ignored and are sent, sources that are needed, files that are not read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from ctxsize.engine.events import order
from ctxsize.engine.golang import has_wildcards
from ctxsize.engine.governing import read_ignore_file
from ctxsize.engine.need import context_need_of
from ctxsize.engine.patterns import pattern_for
from ctxsize.engine.request import Request
from ctxsize.engine.snapshot import differences
from ctxsize.engine.sourcing import Fate, SourceCheck, Sources
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.lints.case import Case
from ctxsize.lints.lines import Line
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
    for request, check in (found for one in case.requests for found in _checks(case, one)):
        source, fails = check.source, check.fate is Fate.IGNORED
        key = (request.dockerfile, source.line, source.source)
        by = check.hidden[0].verdict.by if check.hidden else None
        is_new, is_hidden = key not in seen, fails or check.fate is Fate.NO_MATCH
        seen.add(key)
        if not (is_new and is_hidden and by and 0 < by.line <= len(case.lines)):
            continue
        place, target = f"{request.dockerfile}:{source.line}", request.build.shown_target
        of_target = f" for the target {target}" if target else ""
        text = pattern_for(check.at, pattern_class=case.spec.pattern_class)
        text = source.path if has_wildcards(source.path) else text
        yield case.finding(
            "CTX111",
            case.lines[by.line - 1],
            f"this pattern ignores the source of `{source.instruction} {source.source}` ({place})"
            f"{of_target}, so {'the build fails' if fails else 'it copies nothing'}",
            severity=Severity.ERROR if fails else Severity.WARNING,
            evidence=(place, *(each.path for each in check.hidden[:3])),
            fix=None if text is None else case.fix(f"add `!{text}`", added=f"!{text}"),
        )


def _checks(case: Case, request: Request) -> Iterator[tuple[Request, SourceCheck]]:
    """Yield the checks of the sources of COPY and ADD, for the target and each named stage."""
    request = replace(request, spec=case.spec)
    targets = [request.build.target]
    with suppress(CtxsizeError):
        stages = request.plan.dockerfile.stages[-2::-1]
        targets += [] if targets[0] else [each.name for each in stages if each.name]
    for target in targets:
        asked = replace(request, build=replace(request.build, target=target))
        with suppress(CtxsizeError):
            need, sources = context_need_of(asked), Sources(asked)
            taken = [each.line for each in need.sources if each.kind in ("copy", "add")]
            for number in dict.fromkeys(taken):
                with suppress(CtxsizeError):
                    yield from ((asked, each) for each in sources.check(str(number)))


def manifest(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield manifests and lock files that a pattern with wildcards ignores."""
    by_line: dict[int, list[str]] = {}
    nothing = tree.request.builder.spec_class([])
    for name in sorted(_MANIFESTS & tree.by_name.keys()):
        for path in tree.by_name[name]:
            parent = path.rpartition("/")[0]
            if path in case.now or tree.is_directory(path):
                continue
            line = None if parent and case.step(parent).ignored else case.decider(path)
            if line is None or not _is_accident(line, name):
                continue
            if tree.may_travel(path, nothing, tree.everything):
                by_line.setdefault(line.number, []).append(path)
    for number, paths in by_line.items():
        yield case.finding(
            "CTX116",
            case.lines[number - 1],
            f"this pattern also ignores {', '.join(tree.shown(paths))}, so the build may fail or "
            "resolve other versions",
            severity=Severity.ERROR if case.requests else Severity.WARNING,
            confidence=Confidence.LIKELY,
            paths=paths,
            fix=case.fix("add exceptions", added="\n".join(f"!{path}" for path in paths)),
        )


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
    name = ".git" if tree.is_taken(tree.by_name[".git"]) else "**/.git"
    # `name/**` also ignores what exceptions re-include below an ignored directory.
    lines = [name, f"{name}/**"] if any(by) else [name]
    sure = tree.includes is not None and not wanted
    may_be = f"; {wanted}, so the build may need it" if wanted else ""
    yield case.finding(
        "CTX109",
        None,
        f"every build sends `.git`, which each git command changes: {case.amount(paths)}{may_be}",
        severity=Severity.WARNING if sure else Severity.INFO,
        confidence=Confidence.LIKELY if sure else Confidence.POSSIBLE,
        paths=paths,
        fix=None if wanted else case.fix(f"add `{'` and `'.join(lines)}`", added="\n".join(lines)),
    )


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
        fix=case.fix(
            "ignore these names at every depth",
            added="\n".join(dict.fromkeys(f"**/{name}" for name in names)),
        ),
    )


def _is_kept(case: Case, path: str) -> bool:
    """Return whether an exception names exactly this path."""
    return not case.exceptions.isdisjoint((path, f"**/{path.rpartition('/')[2]}"))


def two_files(case: Case) -> Iterator[Finding]:
    """Yield CTX117 with the files that the general ignore file ignores and this one does not."""
    if case.target.fallback is None:
        return
    other, paths = read_ignore_file(case.target.fallback), list[str]()
    message = f"this file replaces {other.path}, which does not apply to this Dockerfile"
    if case.tree is not None:
        sent = case.with_data(other.data).sent
        paths = [] if sent is None else sorted(differences(case.now, sent).hidden, key=order)
        if case.tree.has_files(paths):
            message += f" and would also ignore {case.amount(paths)}"
    yield case.finding("CTX117", None, message, paths=paths)


def unread(case: Case) -> Iterator[Finding]:
    """Yield CTX127: no build reads this ignore file, or none seems to."""
    target = case.target
    if target.unread is not None:
        yield case.finding("CTX127", None, f"no build reads this file: {target.unread}")
    elif target.likely_unread is not None:
        message = f"no build seems to read this file: {target.likely_unread}"
        yield case.finding("CTX127", None, message, confidence=Confidence.LIKELY)
