"""What a Dockerfile needs and a pattern hides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ctxsize.engine.goglob import has_wildcards
from ctxsize.engine.quoting import pattern_for
from ctxsize.engine.sourcing import Sources
from ctxsize.errors import CtxsizeError
from ctxsize.explanations import Fate, SourceCheck
from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.lints.case import Case
from ctxsize.lints.changes import Proposal
from ctxsize.lints.dockerfiles import GovernedBuild
from ctxsize.lints.lines import Line
from ctxsize.lints.tree import LintTree

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
"""Names without which a build is another one."""
_EVERYTHING = ("*", "**", "**/*", "*/**", "*.*")


def hidden_source(case: Case) -> Iterator[Finding]:
    """Yield sources of COPY and ADD that do not arrive because a pattern ignores them."""
    told: set[tuple[str, int | None, str]] = set()
    for use in case.uses:
        for build in use.for_targets():
            for check in _checks(case, build):
                key = (use.path, check.line, check.source)
                if key not in told:
                    told.add(key)
                    yield from _of_check(case, build, check)


def _checks(case: Case, use: GovernedBuild) -> Iterator[SourceCheck]:
    """Yield what becomes of each source of COPY and ADD."""
    if use.need is None or not use.request.builder.asks_for_paths:
        return
    try:
        sources = Sources(replace(use.request, spec=case.spec))
    except CtxsizeError:
        return
    lines = [each.line for each in use.need.sources if each.kind in ("copy", "add")]
    for number in dict.fromkeys(lines):
        try:
            yield from sources.check(str(number))
        except CtxsizeError:
            continue


def _of_check(case: Case, use: GovernedBuild, check: SourceCheck) -> Iterator[Finding]:
    if check.fate is not Fate.IGNORED and not (check.fate is Fate.NO_MATCH and check.hidden):
        return
    pattern = check.hidden[0].verdict.by
    if pattern is None or not 0 < pattern.line <= len(case.lines):
        return
    line = case.lines[pattern.line - 1]
    place = f"{use.path}:{check.line}"
    target = use.request.build.shown_target
    target = f" for the target {target}" if target else ""
    fails = check.fate is Fate.IGNORED
    result = "the build fails" if fails else "it finds nothing"
    text = pattern_for(check.at, pattern_class=case.pattern_class)
    if has_wildcards(check.path):
        text = check.path
    yield case.finding(
        "CTX111",
        line,
        f"ignores what {check.instruction} {check.source} takes ({place}){target}: {result}",
        severity=Severity.ERROR if fails else Severity.WARNING,
        evidence=(place, *(each.path for each in check.hidden[:3])),
        fix=None if text is None else Proposal(f"add !{text}", append=f"!{text}", means=None),
    )


def manifest(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield manifests and lock files that a pattern with wildcards ignores."""
    by_line: dict[int, list[str]] = {}
    for name in sorted(_MANIFESTS & tree.by_name.keys()):
        for path in tree.by_name[name]:
            line = _hidden_by(case, tree, path)
            if line is not None and _is_accident(line, name) and _is_taken(case, tree, path):
                by_line.setdefault(line.number, []).append(path)
    for number, paths in by_line.items():
        line = case.lines[number - 1]
        exceptions = "\n".join(f"!{path}" for path in paths)
        yield case.finding(
            "CTX116",
            line,
            f"also ignores {', '.join(tree.shown(paths))}",
            severity=Severity.ERROR if case.uses else Severity.WARNING,
            confidence=Confidence.LIKELY,
            paths=paths,
            fix=Proposal("add exceptions", append=exceptions, means=None),
        )


def _hidden_by(case: Case, tree: LintTree, path: str) -> Line | None:
    """Return the line that ignores the file at `path` itself, no directory above it."""
    if path in tree.now or tree.is_directory(path):
        return None
    parent = path.rpartition("/")[0]
    if parent and case.step(parent).ignored:
        return None
    return case.decider(path)


def _is_accident(line: Line, name: str) -> bool:
    """Return whether the pattern is about many names, of which this is one by chance."""
    last = line.text.rpartition("/")[2]
    if line.text in _EVERYTHING or last in _EVERYTHING or "*" not in last:
        return False
    stem = last.split("*")[0].rstrip(".")
    return not stem or stem.casefold() != name.split(".")[0].casefold()


def _is_taken(case: Case, tree: LintTree, path: str) -> bool:
    """Return whether some build would take the file if it were there."""
    known = [use for use in case.uses if use.need is not None]
    if not known:
        return True
    for use in known:
        if use.follow_paths is None:
            return True
        spec = case.spec_class([])
        if path in tree.snapshot.sent(spec, include=use.follow_paths):
            return True
    return False
