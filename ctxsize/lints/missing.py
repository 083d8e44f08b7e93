"""What the file lets through and should not, and what builds take and do not get."""

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
"""Names without which a build is another one."""
_EVERYTHING = ("*", "**", "**/*", "*/**", "*.*")


def hidden_source(case: Case) -> Iterator[Finding]:
    """Yield sources of COPY and ADD that do not arrive because a pattern ignores them."""
    seen: set[tuple[str | None, int, str]] = set()
    for each in case.requests:
        for request in _with_targets(each):
            for check in _checks(replace(request, spec=case.spec)):
                key = (request.dockerfile, check.source.line, check.source.source)
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
    source, place = check.source, f"{request.dockerfile}:{check.source.line}"
    target = request.build.shown_target
    target = f" for the target {target}" if target else ""
    fails = check.fate is Fate.IGNORED
    result = "the build fails" if fails else "it finds nothing"
    text = pattern_for(check.at, pattern_class=case.spec.pattern_class)
    if has_wildcards(source.path):
        text = source.path
    yield case.finding(
        "CTX111",
        case.lines[pattern.line - 1],
        f"ignores what {source.instruction} {source.source} takes ({place}){target}: {result}",
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


def travelling(case: Case) -> frozenset[str] | None:
    """Return the paths that some build makes travel, None where no Dockerfile is known."""
    tree, includes = case.known_tree, case.known_tree.includes
    if includes is None or None in includes:
        return None if includes is None else frozenset(case.now.paths)
    spec = tree.trial.spec(case.texts)
    sent = [] if spec is None else [tree.snapshot.sent(spec, include=each) for each in includes]
    return frozenset(path for each in sent for path in each.paths)
