"""What builds take of the context, and what of it a pattern hides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from ctxsize.engine.golang import has_wildcards
from ctxsize.engine.need import context_need_of
from ctxsize.engine.quoting import pattern_for
from ctxsize.engine.request import Request
from ctxsize.engine.sourcing import Sources
from ctxsize.errors import CtxsizeError
from ctxsize.explanations import Fate, SourceCheck
from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.lints.case import Case
from ctxsize.lints.lines import Line
from ctxsize.lints.proposal import Proposal
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
    seen: set[tuple[str | None, int | None, str]] = set()
    for each in case.requests:
        for request in _with_targets(each):
            for check in _checks(replace(request, spec=case.spec)):
                key = (request.dockerfile, check.line, check.source)
                if key not in seen:
                    seen.add(key)
                    yield from _of_check(case, request, check)


def _with_targets(request: Request) -> Iterator[Request]:
    """Yield `request`, and those of the other stages of its Dockerfile, the last one first."""
    yield request
    with suppress(CtxsizeError):
        for stage in request.plan.dockerfile.stages[-2::-1]:
            if stage.name and not request.build.target:
                yield replace(request, build=replace(request.build, target=stage.name))


def _checks(request: Request) -> Iterator[SourceCheck]:
    """Yield what becomes of each source of COPY and ADD."""
    with suppress(CtxsizeError):
        need, sources = context_need_of(request), Sources(request)
        taken = [each.line for each in need.sources if each.kind in ("copy", "add")]
        for number in dict.fromkeys(taken):
            with suppress(CtxsizeError):
                yield from sources.check(str(number))


def _of_check(case: Case, request: Request, check: SourceCheck) -> Iterator[Finding]:
    if check.fate is not Fate.IGNORED and not (check.fate is Fate.NO_MATCH and check.hidden):
        return
    pattern = check.hidden[0].verdict.by
    if pattern is None or not 0 < pattern.line <= len(case.lines):
        return
    place = f"{request.dockerfile}:{check.line}"
    target = request.build.shown_target
    target = f" for the target {target}" if target else ""
    fails = check.fate is Fate.IGNORED
    result = "the build fails" if fails else "it finds nothing"
    text = pattern_for(check.at, pattern_class=case.spec.pattern_class)
    if has_wildcards(check.path):
        text = check.path
    yield case.finding(
        "CTX111",
        case.lines[pattern.line - 1],
        f"ignores what {check.instruction} {check.source} takes ({place}){target}: {result}",
        severity=Severity.ERROR if fails else Severity.WARNING,
        evidence=(place, *(each.path for each in check.hidden[:3])),
        fix=None if text is None else Proposal(f"add !{text}", append=f"!{text}"),
    )


def manifest(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield manifests and lock files that a pattern with wildcards ignores."""
    by_line: dict[int, list[str]] = {}
    for name in sorted(_MANIFESTS & tree.by_name.keys()):
        for path in tree.by_name[name]:
            line = _hidden_by(case, tree, path)
            if line is not None and _is_accident(line, name) and _takes(tree, path):
                by_line.setdefault(line.number, []).append(path)
    for number, paths in by_line.items():
        exceptions = "\n".join(f"!{path}" for path in paths)
        yield case.finding(
            "CTX116",
            case.lines[number - 1],
            f"also ignores {', '.join(tree.shown(paths))}",
            severity=Severity.ERROR if case.requests else Severity.WARNING,
            confidence=Confidence.LIKELY,
            paths=paths,
            fix=Proposal("add exceptions", append=exceptions),
        )


def _hidden_by(case: Case, tree: LintTree, path: str) -> Line | None:
    """Return the line that ignores the file at `path` itself, no directory above it."""
    if path in case.now or tree.is_directory(path):
        return None
    parent = path.rpartition("/")[0]
    return None if parent and case.step(parent).ignored else case.decider(path)


def _is_accident(line: Line, name: str) -> bool:
    """Return whether the pattern is about many names, of which this is one by chance."""
    last = line.text.rpartition("/")[2]
    if line.text in _EVERYTHING or last in _EVERYTHING or "*" not in last:
        return False
    stem = last.split("*")[0].rstrip(".")
    return not stem or stem.casefold() != name.split(".")[0].casefold()


def _takes(tree: LintTree, path: str) -> bool:
    """Return whether some build would take the file if no pattern ignored it, or may."""
    nothing = tree.request.builder.spec_class([])
    return tree.includes is None or any(
        include is None or path in tree.snapshot.sent(nothing, include=include)
        for include in tree.includes
    )


def travelling(case: Case) -> frozenset[str] | None:
    """Return the paths that some build makes travel, None where no Dockerfile is known."""
    tree, includes = case.known_tree, case.known_tree.includes
    if includes is None or None in includes:
        return None if includes is None else frozenset(case.now.paths)
    spec = tree.trial.spec(case.texts)
    sent = [] if spec is None else [tree.snapshot.sent(spec, include=each) for each in includes]
    return frozenset(path for each in sent for path in each.paths)
