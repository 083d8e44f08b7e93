"""Files that should be ignored and are sent, sources that are needed, files that are not read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from posixpath import basename, dirname

from ctxsize.engine.dockerfiles import is_ignore_file, read_ignore_file
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.fates import failures
from ctxsize.engine.patterns import EVERYTHING
from ctxsize.engine.plan import Plan
from ctxsize.engine.snapshot import SentDifference, Snapshot
from ctxsize.engine.source_lookup import Fate, SourceCheck, Sources
from ctxsize.engine.transfer_requests import Include, needs_of
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.go.wildcards import has_wildcards
from ctxsize.guard import fatal_finding
from ctxsize.hidden import Hidden
from ctxsize.knowledge.rules import listed, table
from ctxsize.lints import depths
from ctxsize.lints.case import Case, LintFindings, MaybeFix
from ctxsize.lints.lines import Line, shown
from ctxsize.lints.lookup import LintTree
from ctxsize.model import Problem, Problems, Texts
from ctxsize.recommender.hazards import HIDDEN, hazards
from ctxsize.recommender.outcome import Suggestion, Suggestions
from ctxsize.recommender.tree import outermost

_ENV_NAME = re.compile(r"\.env(?:\.[\w.-]+)?")
_TEMPLATE = re.compile(r"example|sample|template|tmpl|dist|default|schema|test|ci\b", re.IGNORECASE)
BUILD_FAILS = "CTX411"  # the code of a build that must fail, which `check` reports too
_EVERYTHING = ("*", "**", "*.*")  # the last segments of patterns that are meant for all names


def hidden_source(case: Case) -> LintFindings:
    """Yield sources of COPY and ADD that a pattern ignores."""
    seen = set()
    for plan in case.plans:
        for check in _checks(case, plan):
            source = check.source
            key = (plan.dockerfile, source.line, source.source)
            if key in seen:
                continue
            seen.add(key)
            if check.fate not in (Fate.IGNORED, Fate.NO_MATCH):
                continue
            if not check.hidden:
                continue
            pattern = check.hidden[0].verdict.by
            if pattern is not None and pattern.line:  # else the builder added it
                yield _report_hidden(
                    case,
                    check,
                    line=case.lines[pattern.line - 1],
                    place=f"{plan.dockerfile}:{source.line}",
                )


def _report_hidden(case: Case, check: SourceCheck, line: Line, place: str) -> Finding:
    source = check.source
    severity = Severity.WARNING
    then = "nothing is copied"
    if check.fate is Fate.IGNORED:
        severity = Severity.ERROR
        then = "the build fails"
    if not has_wildcards(source.path):
        fix = case.exception_for(check.at)
    elif isinstance(source.path, Hidden):
        fix = None  # a pattern that is made from a hidden value is not written into a file
    else:
        fix = case.added_exception(source.path)
    return case.finding(
        "CTX111",
        line,
        f"{line.shown} ignores the source of `{source.instruction} {source.written}` ({place}), "
        f"so {then}",
        severity,
        evidence=(place, *(entry.path for entry in check.hidden[:3])),
        fix=fix,
        shared=f"sources of COPY and ADD are ignored by {line.shown}, so {then}",
    )


def _checks(case: Case, plan: Plan) -> Iterator[SourceCheck]:
    """Yield the checks of the sources of COPY and ADD, for the target and each named stage."""
    targets = [plan.build.target]
    if not plan.build.target:
        with suppress(CtxsizeError):
            targets += [stage.name for stage in plan.parsed.dockerfile.stages[-2::-1] if stage.name]
    for target in targets:
        of_target = replace(
            plan,
            spec=case.spec,
            build=replace(plan.build, target=target),
        )
        with suppress(CtxsizeError):
            need = next(iter(needs_of(of_target).values()))
            sources = Sources(of_target)
            for number in dict.fromkeys(
                source.line for source in need.sources if source.kind in ("copy", "add")
            ):
                with suppress(CtxsizeError):
                    yield from sources.check(str(number))


def failures_of(case: Case) -> Iterator[Problem]:
    """Yield why builds that read the file fail; nothing if its lines fail them, as CTX121 says."""
    walked: Problems = ()
    if case.tree is not None:
        if case.sent is None:
            return
        walked = case.tree.snapshot.problems
    for plan in case.plans:
        yield from failures(replace(plan, spec=case.spec, ignore_file=case.file), walked)


def failing_builds(case: Case, problems: Iterable[Problem]) -> LintFindings:
    """Yield a finding for each of `problems` with which a build fails, but for those of CTX111."""
    known = [finding.message for finding in hidden_source(case)]
    for problem in problems:
        finding = failing(problem, case.target.context)
        message = finding.message.removeprefix("the build fails: ")
        # As CTX111 cites the source.
        cited = f"`{message.partition(': not found, as ')[0]}` ({finding.location})"
        if not any(cited in message for message in known):
            yield finding


def failing(problem: Problem, context: str | None) -> Finding:
    """Return the finding for a problem with which a build of `context` fails."""
    return fatal_finding(problem, problem.place(context or "") or context or "")


def hazard(code: str, case: Case, tree: LintTree) -> LintFindings:
    """Yield what is sent that breaks or spoils a build."""
    for found in case.hazards:
        if found.code != code:
            continue
        paths = case.below(found.paths)
        means = None
        if not case.judgement.doubts(found.paths):
            means = frozenset(paths)
        yield case.finding(
            code,
            None,
            found.message,
            confidence=Confidence.LIKELY,
            paths=paths,
            fix=case.fix(f"ignore `{found.pattern}`", added=found.pattern, means=means),
        )


def hazards_of_dockerfiles(case: Case) -> LintFindings:
    """Yield the hazards that no pattern removes, each at its line of the Dockerfile."""
    for plan in case.plans:
        of_plan = replace(plan, spec=case.spec, ignore_file=case.file)
        for found in hazards(of_plan):
            if not found.pattern and found.code != HIDDEN:
                yield found.finding(plan)


def hazards_without_file(plan: Plan) -> LintFindings:
    """Yield the hazards of a build without an ignore file."""
    for found in hazards(plan):
        yield found.finding(plan)


def manifest(case: Case, tree: LintTree) -> LintFindings:
    """Yield manifests, lock files and settings that a pattern with wildcards ignores."""
    numbers = {}
    settings = {*_settings_read(case)}
    names = settings.union(listed("manifests"))
    for path in tree.named(sorted(tree.by_name.keys() & names)):
        if path in case.now or tree.is_directory(path):
            continue
        parent = dirname(path)
        if parent and case.ignores(parent):
            continue
        line = case.decider(path)
        if line is None or not _is_accident(line, basename(path)):
            continue
        # Who ignores all names with a dot means settings, too.
        if basename(path) not in settings or _begins_alike(line, basename(path)):
            numbers[path] = line.number
    by_number = defaultdict(list)
    for path in tree.travelling(numbers, tree.plan.builder.spec_class([])):
        by_number[numbers[path]].append(path)
    severity = Severity.WARNING
    if case.plans:
        severity = Severity.ERROR
    for number, paths in by_number.items():
        line = case.lines[number - 1]
        yield case.finding(
            "CTX116",
            line,
            f"{line.shown} also ignores {', '.join(tree.shown(paths))}, which the build may need",
            severity,
            Confidence.LIKELY,
            paths=paths,
            fix=case.fix("add exceptions", added="\n".join(f"!{path}" for path in paths)),
        )


def _settings_read(case: Case) -> Iterator[str]:
    """Yield the names of settings that a program reads which a Dockerfile names."""
    words = set()
    for plan in case.plans:
        with suppress(CtxsizeError):
            words.update(re.findall(r"[\w-]+", plan.parsed.data.decode("utf-8", "replace")))
    for name, programs in table("lists.toml")["read_settings"].items():
        if not words.isdisjoint(programs.split()):
            yield name


def _begins_alike(line: Line, name: str) -> bool:
    """Return whether a pattern has more than a dot in front of its wildcard, as the name has."""
    stem = basename(line.text).split("*")[0]
    return len(stem) > 1 and name.startswith(stem)


def _is_accident(line: Line, name: str) -> bool:
    """Return whether the pattern matches many names, and `name` only by chance."""
    last = basename(line.text)
    if last in _EVERYTHING:
        return False
    if "*" not in last:
        return False
    stem = last.split("*")[0].rstrip(".")
    if not stem:
        return True
    return stem.casefold() != name.split(".")[0].casefold()


def referenced(case: Case, tree: LintTree) -> LintFindings:
    """Yield ignored files that sources and commands name, and those that COPY --from takes."""
    if case.now.files == tree.everything.files:
        return  # nothing is ignored, so nothing has to be read
    for reference in tree.references:
        if not reference.breaks(case.now.__contains__):
            continue
        path = reference.files[0]
        line = case.decider(path)
        if line is None:
            continue
        needed = tree.needed
        if needed is None:
            return
        if not reference.is_of_sources(needed.git):
            continue
        code = "CTX131"
        taker = f"{reference.at} needs"
        if reference.is_copy:
            code = "CTX132"
            taker = f"COPY --from ({reference.at}) takes"
        elif needed.takes({path}):
            continue  # CTX111 reports what an instruction takes from the context by its name
        yield case.finding(
            code,
            line,
            f"{line.shown} ignores {path}, which {taker}, so the build fails",
            confidence=Confidence.LIKELY,
            evidence=(reference.at, *reference.files[:3]),
            fix=case.exception_for(path),
            shared=f"files that the build needs are ignored by {line.shown}",
        )


def git(case: Case, tree: LintTree) -> LintFindings:
    """Yield the top-level `.git` if it is sent, and no build needs it."""
    if ".git" not in case.now or _is_named(case, ".git"):
        return
    if tree.needed is None or tree.needed.takes({".git"}):
        return
    if not tree.travelling([".git"], case.spec):
        return
    paths = case.below([".git"])
    exceptions = [case.let_in_by(path) for path in paths if not tree.is_directory(path)]
    # To re-include paths inside `.git` only is intended.
    if all(
        exception is not None and exception.text.removeprefix("**/").startswith(".git/")
        for exception in exceptions
    ):
        return
    # Without a suggestion a build needs it, and nobody can act on a finding.
    suggestion = case.judgement.of(".git")
    if suggestion is not None:
        lead = "every build sends `.git`, which each git command changes"
        yield _missing("CTX109", case, tree, paths, [suggestion], lead)


def env(case: Case, tree: LintTree) -> LintFindings:
    """Yield env files with local settings that are sent and that git does not track."""
    untracked = (
        path
        for path in tree.named(filter(_is_env_name, tree.by_name))
        if path in case.now
        and not (tree.is_directory(path) or tree.tracks([path]) or _is_named(case, path))
    )
    paths = tree.travelling(untracked, case.spec)
    by_doubts = defaultdict[Texts, dict[str, Suggestion]](dict)
    for path in paths:
        suggestion = case.judgement.of(path)
        if suggestion is not None:
            by_doubts[suggestion.doubts][path] = suggestion
    for by_path in by_doubts.values():
        suggestions = [*dict.fromkeys(by_path.values())]
        lead = f"the build sends {', '.join(tree.shown(by_path))}, which may contain secrets"
        yield _missing("CTX110", case, tree, [*by_path], suggestions, lead)


def _missing(
    code: str,
    case: Case,
    tree: LintTree,
    paths: Sequence[str],
    suggestions: Suggestions,
    lead: str,
) -> Finding:
    """Return the finding that `paths` are sent, as `suggestions` say: with their doubts."""
    message = f"{lead}: {case.amount(paths)}"
    doubts = case.judgement.doubts(paths)
    severity = Severity.WARNING
    confidence = Confidence.LIKELY
    if doubts:
        message += f"; {doubts[0]}"
    if doubts or tree.includes is None:
        severity = Severity.INFO
        confidence = Confidence.POSSIBLE
    return case.finding(
        code,
        None,
        message,
        severity,
        confidence,
        paths=paths,
        fix=_ignoring(case, suggestions),
    )


def _ignoring(case: Case, suggestions: Suggestions) -> MaybeFix:
    """Return the fix that adds the lines of suggestions, certain if all of them are safe."""
    lines = dict.fromkeys(line for suggestion in suggestions for line in suggestion.patterns)
    means = None
    if all(suggestion.safe for suggestion in suggestions):
        paths = [path for suggestion in suggestions for path in suggestion.paths]
        means = frozenset(case.below(paths))
    patterns = ", ".join(map(shown, [*lines][:2]))
    return case.fix(f"ignore {patterns}", added="\n".join(lines), means=means)


def foreseen(case: Case, tree: LintTree) -> LintFindings:
    """Yield the directories that tools make, and that a build sends or would send."""
    if not case.plans:
        return
    # Others report that these lines do not match where they should.
    widened = chain(depths.root_only(case), depths.single_star(case))
    numbers = {finding.location.line for finding in widened}
    reported = {
        basename(line.text.removesuffix("/**")) for line in case.patterns if line.number in numbers
    }
    for suggestion in case.judgement.unneeded:
        if not (suggestion.safe and suggestion.rule.foreseen):
            continue
        if basename(suggestion.matches[0].find) in reported:
            continue
        patterns = ", ".join(map(shown, suggestion.patterns[:2]))
        paths = []
        if suggestion.prevents:
            message = f"no line ignores {patterns}: {suggestion.reason}, and a build would send it"
            severity = Severity.INFO
        else:
            sent = [path for path in suggestion.paths if path in case.now]
            paths = case.below(tree.travelling(sent, case.spec))
            if not paths:
                continue
            message = f"the build sends {', '.join(tree.shown(paths))}, {suggestion.reason}: "
            message += case.amount(paths)
            severity = Severity.WARNING
        yield case.finding(
            "CTX135",
            None,
            message,
            severity,
            Confidence.LIKELY,
            paths=paths,
            fix=_ignoring(case, [suggestion]),
        )


def _is_env_name(name: str) -> bool:
    if not _ENV_NAME.fullmatch(name):
        return False
    return not _TEMPLATE.search(name[4:])


def _is_named(case: Case, path: str) -> bool:
    """Return whether an exception names exactly this path."""
    return not case.exceptions.isdisjoint((path, f"**/{basename(path)}"))


def two_files(case: Case, tree: LintTree) -> LintFindings:
    """Yield CTX117: a Dockerfile-specific ignore file lacks what the general one ignores."""
    general = case.target.fallback
    if general is None:
        return
    lacking = lacking_of(general, tree.snapshot, case.spec, tree.includes or [None])
    paths = case.below(outermost(dict.fromkeys(lacking)))
    if tree.has_files(paths):
        yield case.finding(
            "CTX117",
            None,
            f"this ignore file replaces {general}, and lacks what that ignores: the build sends "
            f"{', '.join(tree.shown(paths))}: {case.amount(paths)}",
            paths=paths,
        )


def lacking_of(
    general: str, snapshot: Snapshot, spec: DockerIgnoreSpec, includes: Iterable[Include]
) -> frozenset[str]:
    """Return what is sent with the patterns `spec`, and not with the ignore file `general`.

    A build that takes paths by name wants them, whatever other builds ignore. A list of what one
    build needs says nothing about the others.
    """
    if None not in includes:
        return frozenset()
    with suppress(CtxsizeError):
        lines = read_ignore_file(general).texts()
        if not {*lines}.isdisjoint(EVERYTHING):
            return frozenset()
        other = snapshot.sent(snapshot.plan.builder.spec_class.from_lines(lines))
        return frozenset(SentDifference(snapshot.sent(spec), other).hidden)
    return frozenset()


def linked(case: Case) -> LintFindings:
    """Yield CTX134: the ignore file is a symlink to a file with another purpose."""
    link = case.target.link
    if link is None:
        return
    if is_ignore_file(link):
        return
    yield case.finding(
        "CTX134",
        None,
        f"this ignore file is a symbolic link to {link}: a pattern that is added for the build "
        "changes that file too",
    )
