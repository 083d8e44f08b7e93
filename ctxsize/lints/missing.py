"""Files that should be ignored and are sent, sources that are needed, files that are not read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from ctxsize.engine.dockerfiles import is_ignore_file
from ctxsize.engine.fates import breaking
from ctxsize.engine.golang import has_wildcards
from ctxsize.engine.need import needs_of
from ctxsize.engine.patterns import pattern_for
from ctxsize.engine.request import Request
from ctxsize.engine.sourcing import Fate, SourceCheck, Sources
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.guard import fatal_finding
from ctxsize.hidden import Hidden
from ctxsize.lints.case import Case
from ctxsize.lints.lines import Line, shown
from ctxsize.lints.lookup import LintTree
from ctxsize.recommender.rules import listed

_ENV_NAME = re.compile(r"\.env(?:\.[\w.-]+)?")
_TEMPLATE = re.compile(r"example|sample|template|tmpl|dist|default|schema|test|ci\b", re.IGNORECASE)
_SURE = (Severity.WARNING, Confidence.LIKELY)
_UNSURE = (Severity.INFO, Confidence.POSSIBLE)
BUILD_FAILS = "CTX411"  # the code of a build that must fail, which `check` reports too
_EVERYTHING = ("*", "**", "**/*", "*/**", "*.*")


def hidden_source(case: Case) -> Iterator[Finding]:
    """Yield sources of COPY and ADD that a pattern ignores."""
    seen: set[tuple[str | None, int, str]] = set()
    for request, check in ((one, each) for one in case.requests for each in _checks(case, one)):
        source, fails = check.source, check.fate is Fate.IGNORED
        key = (request.dockerfile, source.line, source.source)
        by = check.hidden[0].verdict.by if check.hidden else None
        is_new, is_hidden = key not in seen, fails or check.fate is Fate.NO_MATCH
        seen.add(key)
        if not (is_new and is_hidden and by and 0 < by.line <= len(case.lines)):
            continue
        line, place = case.lines[by.line - 1], f"{request.dockerfile}:{source.line}"
        text = pattern_for(check.at, pattern_class=case.spec.pattern_class)
        if has_wildcards(source.path):
            # A pattern that is made from a hidden value is not written into a file.
            text = None if isinstance(source.path, Hidden) else source.path
        then = "the build fails" if fails else "nothing is copied"
        what = f"the source of `{source.instruction} {source.written}` ({place})"
        message = f"{line.shown} ignores {what}, so {then}"
        fix = None if text is None else case.fix(f"add {shown(f'!{text}')}", added=f"!{text}")
        severity = Severity.ERROR if fails else Severity.WARNING
        why = (place, *(each.path for each in check.hidden[:3]))
        shared = f"sources of COPY and ADD are ignored by {line.shown}, so {then}"
        yield case.finding("CTX111", line, message, severity, evidence=why, fix=fix, shared=shared)


def _checks(case: Case, request: Request) -> Iterator[SourceCheck]:
    """Yield the checks of the sources of COPY and ADD, for the target and each named stage."""
    request = replace(request, spec=case.spec)
    targets = [request.build.target]
    with suppress(CtxsizeError):
        stages = request.plan.dockerfile.stages[-2::-1]
        targets += [] if targets[0] else [each.name for each in stages if each.name]
    for target in targets:
        asked = replace(request, build=replace(request.build, target=target))
        with suppress(CtxsizeError):
            need, sources = next(iter(needs_of(asked).values())), Sources(asked)
            lines = (each.line for each in need.sources if each.kind in ("copy", "add"))
            for number in dict.fromkeys(lines):
                with suppress(CtxsizeError):
                    yield from sources.check(str(number))


def failing_builds(case: Case) -> Iterator[Finding]:
    """Yield a finding for each reason why a build of `case` fails, but for what CTX111 reports."""
    if case.tree is not None and case.sent is None:
        return  # its lines fail the build, as CTX121 reports
    known = {place for each in hidden_source(case) for place in each.evidence[:1]}
    for request in case.requests:
        governed = replace(request, spec=case.spec, ignore_file=case.file)
        for finding in failing(governed):
            if str(finding.location) not in known:
                yield finding


def failing(request: Request) -> Iterator[Finding]:
    """Yield a finding for each reason why a build fails; none if the builder rejects it."""
    for problem in breaking(request):
        yield fatal_finding(problem, problem.path or request.context)


def manifest(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield manifests and lock files that a pattern with wildcards ignores."""
    by_path: dict[str, Line] = {}
    for name in sorted(tree.by_name.keys() & listed("manifests")):
        for path in tree.by_name[name]:
            parent = path.rpartition("/")[0]
            if path in case.now or tree.is_directory(path):
                continue
            line = None if parent and case.step(parent).ignored else case.decider(path)
            if line is not None and _is_accident(line, name):
                by_path[path] = line
    by_line: dict[int, list[str]] = {}
    for path in tree.travelling(by_path, tree.request.builder.spec_class([])):
        by_line.setdefault(by_path[path].number, []).append(path)
    for number, paths in by_line.items():
        line, shown = case.lines[number - 1], ", ".join(tree.shown(paths))
        message = f"{line.shown} also ignores {shown}, which the build may need"
        weight = Severity.ERROR if case.requests else Severity.WARNING, Confidence.LIKELY
        fix = case.fix("add exceptions", added="\n".join(f"!{path}" for path in paths))
        yield case.finding("CTX116", line, message, *weight, paths=paths, fix=fix)


def _is_accident(line: Line, name: str) -> bool:
    """Return whether the pattern matches many names, and `name` only by chance."""
    last = line.text.rpartition("/")[2]
    if line.text in _EVERYTHING or last in _EVERYTHING or "*" not in last:
        return False
    stem = last.split("*")[0].rstrip(".")
    return not stem or stem.casefold() != name.split(".")[0].casefold()


def referenced(case: Case, tree: LintTree, *, is_copy: bool = False) -> Iterator[Finding]:
    """Yield ignored files that sources and commands name; with `is_copy` for COPY --from."""
    if case.now.files == tree.everything.files:
        return  # nothing is ignored, so nothing has to be read
    for each in tree.references:
        path, line = each.files[0], case.decider(each.files[0])
        is_it = each.is_copy == is_copy and each.breaks(case.now.__contains__)
        # CTX111 reports what an instruction takes from the context by its name.
        if not is_it or line is None or (known := tree.needed) is None:
            continue
        if (not is_copy and known.takes({path})) or not each.is_of_sources(known.git):
            continue
        taker = f"COPY --from ({each.at}) takes" if is_copy else f"{each.at} needs"
        message = f"{line.shown} ignores {path}, which {taker}, so the build fails"
        text = pattern_for(path, pattern_class=case.spec.pattern_class)
        fix = None if text is None else case.fix(f"add {shown(f'!{text}')}", added=f"!{text}")
        shared = f"files that the build needs are ignored by {line.shown}"
        what, why = (line, message, None, Confidence.LIKELY), (each.at, *each.files[:3])
        code = "CTX132" if is_copy else "CTX131"
        yield case.finding(code, *what, evidence=why, fix=fix, shared=shared)


def git(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield the top-level `.git` if it is sent to a build that does not take it by name."""
    if ".git" not in case.now or _is_kept(case, ".git"):
        return
    if tree.is_taken([".git"]) or not tree.travelling([".git"], case.spec):
        return
    paths = case.below([".git"])
    by = [case.let_in_by(path) for path in paths if not tree.is_directory(path)]
    # Only exceptions for paths inside `.git` re-include it: that is intended.
    if all(each and each.text.removeprefix("**/").startswith(".git/") for each in by):
        return
    wanted = None if tree.needed is None else tree.needed.asks_git(case.now)
    name = ".git" if tree.is_taken(tree.by_name[".git"]) else "**/.git"
    # `name/**` also ignores what exceptions re-include below an ignored directory.
    lines = f"{name}\n{name}/**" if any(by) else name
    message = f"every build sends `.git`, which each git command changes: {case.amount(paths)}"
    if wanted:
        message, fix = f"{message}; {wanted}, so the build may need it", None
    else:
        fix = case.fix(f"ignore `{name}`", added=lines)
    severity = _SURE if tree.includes is not None and not wanted else _UNSURE
    yield case.finding("CTX109", None, message, *severity, paths=paths, fix=fix)


def env(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield env files with local settings that are sent and that git does not track."""
    names = (e for e in tree.by_name if _ENV_NAME.fullmatch(e) and not _TEMPLATE.search(e[4:]))
    here = (path for name in names for path in tree.by_name[name] if path in case.now)
    files = (path for path in here if not (tree.is_directory(path) or tree.tracks([path])))
    named = (path for path in files if not _is_kept(case, path))
    if not (paths := tree.travelling(named, case.spec)):
        return
    lines = dict.fromkeys(f"**/{path.rpartition('/')[2]}" for path in paths)
    shown, severity = ", ".join(tree.shown(paths)), _UNSURE
    if tree.tracked is not None and tree.includes is not None:
        severity = _SURE
    message = f"the build sends {shown}, which may contain secrets: {case.amount(paths)}"
    fix = case.fix("ignore these names at every depth", added="\n".join(lines))
    yield case.finding("CTX110", None, message, *severity, paths=paths, fix=fix)


def _is_kept(case: Case, path: str) -> bool:
    """Return whether an exception names exactly this path."""
    return not case.exceptions.isdisjoint((path, f"**/{path.rpartition('/')[2]}"))


def two_files(case: Case) -> Iterator[Finding]:
    """Yield CTX117: a Dockerfile-specific ignore file replaces the general one."""
    if other := case.target.fallback:
        message = f"this ignore file replaces {other}, which does not apply to this Dockerfile"
        yield case.finding("CTX117", None, message)


def linked(case: Case) -> Iterator[Finding]:
    """Yield CTX134: the ignore file is a symlink to a file with another purpose."""
    link = case.target.link
    if link is None or case.target.unread is not None or is_ignore_file(link):
        return
    message = (
        f"this ignore file is a symbolic link to {link}: a pattern that is added for the build "
        "changes that file too"
    )
    yield case.finding("CTX134", None, message)


def unread(case: Case) -> Iterator[Finding]:
    """Yield CTX127: no build reads this ignore file, or none seems to."""
    target = case.target
    if target.unread is not None:
        yield case.finding("CTX127", None, f"no build reads this ignore file: {target.unread}")
    elif target.likely_unread is not None:
        message = f"no build seems to read this ignore file: {target.likely_unread}"
        yield case.finding("CTX127", None, message, confidence=Confidence.LIKELY)
