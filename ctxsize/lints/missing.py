"""Files that should be ignored and are sent, sources that are needed, files that are not read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from ctxsize.engine.dockerfiles import is_ignore_file
from ctxsize.engine.fates import breaking
from ctxsize.engine.patterns import pattern_for
from ctxsize.engine.plan import Plan
from ctxsize.engine.source_lookup import Fate, SourceCheck, Sources
from ctxsize.engine.transfer_requests import needs_of
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.go.wildcards import has_wildcards
from ctxsize.guard import fatal_finding
from ctxsize.hidden import Hidden
from ctxsize.knowledge.rules import listed
from ctxsize.lints.case import Case
from ctxsize.lints.lines import Line, shown
from ctxsize.lints.lookup import LintTree

_ENV_NAME = re.compile(r"\.env(?:\.[\w.-]+)?")
_TEMPLATE = re.compile(r"example|sample|template|tmpl|dist|default|schema|test|ci\b", re.IGNORECASE)
_SURE = (Severity.WARNING, Confidence.LIKELY)
_UNSURE = (Severity.INFO, Confidence.POSSIBLE)
BUILD_FAILS = "CTX411"  # the code of a build that must fail, which `check` reports too
_EVERYTHING = ("*", "**", "**/*", "*/**", "*.*")


def hidden_source(case: Case) -> Iterator[Finding]:
    """Yield sources of COPY and ADD that a pattern ignores."""
    seen: set[tuple[str | None, int, str]] = set()
    for plan, check in ((one, each) for one in case.plans for each in _checks(case, one)):
        source = check.source
        fails = check.fate is Fate.IGNORED
        key = (plan.dockerfile, source.line, source.source)
        if check.hidden:
            by = check.hidden[0].verdict.by
        else:
            by = None
        is_new = key not in seen
        is_hidden = fails or check.fate is Fate.NO_MATCH
        seen.add(key)
        if not (is_new and is_hidden and by and 0 < by.line <= len(case.lines)):
            continue
        line = case.lines[by.line - 1]
        place = f"{plan.dockerfile}:{source.line}"
        text = pattern_for(check.at, pattern_class=case.spec.pattern_class)
        if has_wildcards(source.path):
            # A pattern that is made from a hidden value is not written into a file.
            if isinstance(source.path, Hidden):
                text = None
            else:
                text = source.path
        if fails:
            then = "the build fails"
        else:
            then = "nothing is copied"
        what = f"the source of `{source.instruction} {source.written}` ({place})"
        message = f"{line.shown} ignores {what}, so {then}"
        if text is None:
            fix = None
        else:
            fix = case.fix(f"add {shown(f'!{text}')}", added=f"!{text}")
        if fails:
            severity = Severity.ERROR
        else:
            severity = Severity.WARNING
        why = (place, *(each.path for each in check.hidden[:3]))
        shared = f"sources of COPY and ADD are ignored by {line.shown}, so {then}"
        yield case.finding("CTX111", line, message, severity, evidence=why, fix=fix, shared=shared)


def _checks(case: Case, plan: Plan) -> Iterator[SourceCheck]:
    """Yield the checks of the sources of COPY and ADD, for the target and each named stage."""
    plan = replace(plan, spec=case.spec)
    targets = [plan.build.target]
    with suppress(CtxsizeError):
        stages = plan.parsed.dockerfile.stages[-2::-1]
        if targets[0]:
            targets += []
        else:
            targets += [each.name for each in stages if each.name]
    for target in targets:
        asked = replace(plan, build=replace(plan.build, target=target))
        with suppress(CtxsizeError):
            need = next(iter(needs_of(asked).values()))
            sources = Sources(asked)
            lines = (each.line for each in need.sources if each.kind in ("copy", "add"))
            for number in dict.fromkeys(lines):
                with suppress(CtxsizeError):
                    yield from sources.check(str(number))


def failing_builds(case: Case) -> Iterator[Finding]:
    """Yield a finding for each reason why a build of `case` fails, but for what CTX111 reports."""
    if case.tree is not None and case.sent is None:
        return  # its lines fail the build, as CTX121 reports
    known = [(each.evidence[0], each.message) for each in hidden_source(case)]
    for plan in case.plans:
        governed = replace(plan, spec=case.spec, ignore_file=case.file)
        for finding in failing(governed):
            place = str(finding.location)
            named = _quoted_source(finding)
            if not any(place == at and named in message for at, message in known):
                yield finding


def _quoted_source(finding: Finding) -> str:
    """Return how CTX111 quotes the source that a finding of CTX411 is about."""
    source = finding.message.removeprefix("the build fails: ").partition(": not found, as ")[0]
    return f"`{source}`"


def failing(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for each reason why a build fails; none if the builder rejects it."""
    for problem in breaking(plan):
        yield fatal_finding(problem, problem.path or plan.context)


def manifest(case: Case, tree: LintTree) -> Iterator[Finding]:
    """Yield manifests and lock files that a pattern with wildcards ignores."""
    by_path: dict[str, Line] = {}
    for name in sorted(tree.by_name.keys() & listed("manifests")):
        for path in tree.by_name[name]:
            parent = path.rpartition("/")[0]
            if path in case.now or tree.is_directory(path):
                continue
            if parent and case.step(parent).ignored:
                line = None
            else:
                line = case.decider(path)
            if line is not None and _is_accident(line, name):
                by_path[path] = line
    by_line: dict[int, list[str]] = {}
    for path in tree.travelling(by_path, tree.plan.builder.spec_class([])):
        by_line.setdefault(by_path[path].number, []).append(path)
    for number, paths in by_line.items():
        line = case.lines[number - 1]
        shown = ", ".join(tree.shown(paths))
        message = f"{line.shown} also ignores {shown}, which the build may need"
        weight = Severity.ERROR if case.plans else Severity.WARNING, Confidence.LIKELY
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
        path = each.files[0]
        line = case.decider(each.files[0])
        is_it = each.is_copy == is_copy and each.breaks(case.now.__contains__)
        # CTX111 reports what an instruction takes from the context by its name.
        if not is_it or line is None or (known := tree.needed) is None:
            continue
        if (not is_copy and known.takes({path})) or not each.is_of_sources(known.git):
            continue
        if is_copy:
            taker = f"COPY --from ({each.at}) takes"
        else:
            taker = f"{each.at} needs"
        message = f"{line.shown} ignores {path}, which {taker}, so the build fails"
        text = pattern_for(path, pattern_class=case.spec.pattern_class)
        if text is None:
            fix = None
        else:
            fix = case.fix(f"add {shown(f'!{text}')}", added=f"!{text}")
        shared = f"files that the build needs are ignored by {line.shown}"
        what = (line, message, None, Confidence.LIKELY)
        why = (each.at, *each.files[:3])
        if is_copy:
            code = "CTX132"
        else:
            code = "CTX131"
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
    if tree.needed is None:
        wanted = None
    else:
        wanted = tree.needed.asks_git(case.now)
    if tree.is_taken(tree.by_name[".git"]):
        name = ".git"
    else:
        name = "**/.git"
    # `name/**` also ignores what exceptions re-include below an ignored directory.
    if any(by):
        lines = f"{name}\n{name}/**"
    else:
        lines = name
    message = f"every build sends `.git`, which each git command changes: {case.amount(paths)}"
    if wanted:
        message = f"{message}; {wanted}, so the build may need it"
        fix = None
    else:
        fix = case.fix(f"ignore `{name}`", added=lines)
    if tree.includes is not None and not wanted:
        severity = _SURE
    else:
        severity = _UNSURE
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
    shown = ", ".join(tree.shown(paths))
    severity = _UNSURE
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
