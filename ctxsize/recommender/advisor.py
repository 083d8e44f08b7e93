"""Suggestions for one context: matches, candidates, proof and rank, and questions to the user."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from os.path import islink
from posixpath import basename
from typing import NamedTuple

from ctxsize.build import Build
from ctxsize.codes import severity_of
from ctxsize.dockerfile.shell import unknown_commands
from ctxsize.engine.events import Steps, step
from ctxsize.engine.fates import failures, lacking
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.git import Repositories
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.plan import ignore_file_to_write
from ctxsize.engine.snapshot import SentDifference, Snapshot
from ctxsize.engine.trial import with_lines
from ctxsize.errors import InputError
from ctxsize.findings import Confidence, Edit, Finding, Location, Severity, in_order
from ctxsize.knowledge.rules import is_build_input, is_source
from ctxsize.model import Amount
from ctxsize.recommender.build_files import Named
from ctxsize.recommender.candidates import around, has_exceptions, spec_with, suggestions, written
from ctxsize.recommender.context import BuildContext
from ctxsize.recommender.hazards import Hazard, hazards, suggest_command
from ctxsize.recommender.outcome import (
    Advice,
    Blocked,
    Match,
    Matches,
    Objection,
    Question,
    Size,
    Suggestion,
    Suggestions,
)
from ctxsize.recommender.prevention import Foreseen, widened
from ctxsize.recommender.ranking import ranked
from ctxsize.recommender.spared import with_judgement
from ctxsize.recommender.tree import (
    Sums,
    SumsByPath,
    is_at_or_below,
    outermost,
    sum_of,
    within,
)
from ctxsize.recommender.unreadable import Unreadable
from ctxsize.repository import FileListing
from ctxsize.writer import Addition, edit_lines, merge, superseded

_QUESTION_BYTES = 10 * 1024 * 1024  # least size of a question
_QUESTION_SHARE = 0.02  # its least share of the transfer
_IN_ITS_OWN = 0.8  # share of a directory above which questions are about its large entries
_MOST_QUESTIONS = 10
_MOST_ROUNDS = 5  # maximum number of times that matches are judged again
_ON_FILES = frozenset(("mentioned", "site_generator", "env_at_build", "scm_version_in_build"))
"""Traps whose grounds are files of the context, which other suggestions may hide."""


class _Judged(NamedTuple):
    """Matches, the suggestions that hide them, and what is not suggested."""

    found: Matches
    proved: Suggestions  # of any size
    worthy: Suggestions  # those of them that are worth a line
    blocked: list[Blocked]


class Advisor(BuildContext):
    """Compute the advice for one context."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        steps: Steps | None = None,
        repositories: Repositories | None = None,
        also: Sequence[Build] = (),
        listing: FileListing | None = None,
    ) -> None:
        self._steps = steps
        step(steps, "reading the Dockerfiles")
        super().__init__(snapshot, also=also, repositories=repositories, listing=listing)
        self._options = snapshot.plan.build.words()
        _ = self.facts, self.transfer

    def advise(self, only: Collection[str] = (), *, unsafe: bool = False) -> Advice:
        """Return the advice, with an edit of the safe suggestions, or of all if `unsafe`.

        `only` chooses exactly these rules, paths or patterns. Raises `InputError` for another name.
        """
        step(self._steps, "matching rules")
        _ = self.found
        step(self._steps, "trying the suggestions")
        judged = self.judged
        closed = Unreadable(self)
        proved = self._with_prevention([*closed.suggested(judged.worthy), *judged.worthy])
        blocked = [*judged.blocked, *closed.blocked]
        chosen = _choose(proved, only, unsafe=unsafe)
        is_for_builders = all(suggestion.rule.is_for_builders for suggestion in chosen)
        if self.new_file and not only and is_for_builders:  # nobody would commit such a file
            proved = [suggestion for suggestion in proved if suggestion not in chosen]
            chosen = []
        proved, edit, after = self._with_edit(proved, chosen)
        questions = tuple(self._questions(judged.found))
        secrets = [match for match in self.found if match.secret not in (None, Confidence.POSSIBLE)]
        secrets = [*filter(self.facts.may_travel, secrets)]
        snapshot = self._real
        problems = [*snapshot.problems, *lacking(self.plan), *self.build_files.problems]
        problems += self.evidence.problems
        if self.git.problem:
            problems.append(self.git.problem)
        if self.found:  # they were judged without the commands of RUN that cannot be read
            problems += unknown_commands(
                instruction
                for build_file in self.build_files.all
                for instruction in build_file.dockerfile.instructions
            )
        plan = self.plan
        path = ignore_file_to_write(plan)
        advice = Advice(
            context_path=plan.context,
            dockerfile=plan.dockerfile,
            builder=plan.builder.name,
            ignore_file=path,
            new_file=self.new_file,
            is_link=islink(path),
            before=self.size,
            after=after,
            edit=edit,
            options=self._options,
            suggestions=tuple(proved),
            questions=questions,
            blocked=tuple(blocked),
            findings=in_order([*self._findings(proved, questions, secrets)]),
            problems=tuple(problems),
            failures=failures(snapshot.plan, closed.left(edit)),
            neighbours=self.neighbours(),
            untaken_secrets=frozenset(self.untaken(secrets)),
            snapshot=self._real,
            hidden=self._hidden(proved),
        )
        return self._with_ignored_by_git(advice, secrets)

    @cached_property
    def unneeded(self) -> Suggestions:
        """Return the suggestions that are proved, also those too small for a line of their own."""
        return self._with_prevention([*map(self._with_git, self.judged.proved)])

    @cached_property
    def judged(self) -> _Judged:
        """Judge the matches, and again those with grounds in files that safe suggestions hide.

        Otherwise a second run would find more, as soon as the lines of the first are written.
        """
        judged = self._tried(self.found)
        for _ in range(_MOST_ROUNDS):
            found = self._judged_again(judged)
            if found is None:
                break
            judged = self._tried(found)
        return judged

    def _tried(self, found: Matches) -> _Judged:
        """Return matches with the suggestions about them that are proved and worth a line."""
        usable = [match for match in found if not match.hard]
        blocked = [self._blocked(match, match.hard) for match in found if match.hard]
        candidates = [*suggestions(usable, self.facts)]
        candidates += around(found, self.facts, self.proof.needed)
        holding = []
        for suggestion, fault in self.proof.judged(candidates, self._steps):
            if fault:
                blocked.append(self._blocked(suggestion.matches[0], Objection("proof", fault)))
            else:
                holding.append(self._with_hazard(suggestion))
        worthy = ranked(
            holding, self.sums, self.transfer, travels=self.transfers, also=self._is_taken_elsewhere
        )
        return _Judged(found, holding, [*map(self._with_git, worthy)], blocked)

    def _with_prevention(self, proved: Suggestions) -> Suggestions:
        """Add what keeps out the directories that are not there yet, behind all that is safe."""
        safe = [suggestion for suggestion in proved if suggestion.safe]
        unsafe = [suggestion for suggestion in proved if not suggestion.safe]
        spec = spec_with(self.plan, safe)
        hidden = {path for suggestion in safe for path in suggestion.paths}
        foreseen = [*Foreseen(self.facts, hidden).prevention(spec)]
        wide = widened(safe, foreseen)
        others = [other for other in foreseen if other.patterns[0] not in written(wide)]
        if foreseen and self.proof.fault([*others, *sorted(wide, key=has_exceptions)]):
            return proved
        return [*wide, *others, *unsafe]

    def _is_taken_elsewhere(self, suggestion: Suggestion) -> bool:
        """Return True if another build takes what it hides: one ignore file is for all of them."""
        own = self.plan.dockerfile_in_context
        return any(
            build_file.path != own
            for match in suggestion.matches
            for build_file in self.facts.taking(match)
        )

    @cached_property
    def _hazards(self) -> list[Hazard]:
        """Return the hazards of all builds that a pattern removes."""
        plans = [build_file.plan for build_file in self.build_files.all]
        return [hazard for plan in plans for hazard in hazards(plan) if hazard.pattern]

    def _with_hazard(self, suggestion: Suggestion) -> Suggestion:
        """Say of a suggestion how what it hides breaks or spoils a build."""
        for hazard in self._hazards:
            if any(is_at_or_below(path, suggestion.paths) for path in hazard.paths):
                return replace(suggestion, hazard=hazard.message)
        return suggestion

    def _with_git(self, suggestion: Suggestion) -> Suggestion:
        """Say of a suggestion without proof whether git knows its paths."""
        if suggestion.safe or suggestion.objections:
            return suggestion
        untracked = all(map(self.git.is_untracked, suggestion.paths))
        return replace(suggestion, untracked=untracked)

    def _judged_again(self, judged: _Judged) -> Matches | None:
        """Return the matches as judged once safe suggestions are written; None if all is equal."""
        before = judged.found
        safe = [suggestion for suggestion in judged.worthy if suggestion.safe]
        grounded = [number for number, match in enumerate(before) if _rests_on_files(match)]
        if not (safe and grounded):
            return None
        sent = self.trial.attempt(with_lines(self.plan, written(safe))).sent
        facts = self.facts.after(SumsByPath([sent], self.snapshot))
        found = [*before]
        for number in grounded:
            match = before[number]
            found[number] = with_judgement(facts, match)
        if all(found[number].objections == before[number].objections for number in grounded):
            return None
        return found

    def _blocked(self, match: Match, objection: Objection) -> Blocked:
        return Blocked(
            match.rule.name,
            match.path,
            *objection,
            evidence=match.evidence,
            size=self._amount(match.path),
        )

    def _with_ignored_by_git(self, advice: Advice, secrets: Matches) -> Advice:
        """Return the advice with the amount of what is sent although git ignores it."""
        ignored = self.git.ignored
        if ignored is None:
            return advice
        sizes = [(self.sums[path].content_bytes, path) for path in ignored if path in self.sums]
        secret_paths = outermost({match.path for match in secrets})
        return replace(
            advice,
            git_ignored=self._amount(*ignored),
            git_ignored_largest=max(sizes, default=(0, ""))[1],
            git_ignored_secrets=self._amount(*filter(self.git.ignores, secret_paths)).files,
        )

    def _hidden(self, suggestions: Suggestions) -> dict[str, Amount]:
        """Return by directory what suggestions hide of what the build sends, but what they keep."""
        sums = self.transfer if self.transfers else self.sums
        hidden = {path for suggestion in suggestions for path in suggestion.paths}
        kept = set[str]()
        for suggestion in suggestions:
            others = hidden.difference(suggestion.paths)
            kept.update(path for path in suggestion.keeps if not is_at_or_below(path, others))
        left = within(sums, kept)
        return {
            path: Amount.of(gone.minus(left[path])) for path, gone in within(sums, hidden).items()
        }

    def _amount(self, *paths: str) -> Amount:
        return Amount.of(sum_of(self.sums, paths))

    def _with_edit(
        self, suggestions: Suggestions, chosen: Suggestions
    ) -> tuple[Suggestions, Edit | None, Size]:
        """Mark the chosen ones; return all, the edit whose exact bytes pass the proof, its size."""
        if not chosen:
            return suggestions, None, self.size
        # Exceptions go last: after an exception, a bare name may leave files in the context.
        chosen.sort(key=has_exceptions)
        additions = [addition for suggestion in chosen for addition in suggestion.additions]
        data = self.merged(additions)
        if fault := self.proof.fault(chosen, data):
            raise InputError(
                f"these suggestions fail the proof together: {fault}",
                path=ignore_file_to_write(self.plan),
                hint="choose fewer of them with --only",
            )
        marked = [replace(suggestion, chosen=suggestion in chosen) for suggestion in suggestions]
        return marked, self.edit(data), self.size_with(data)

    def merged(self, additions: Sequence[Addition]) -> bytes:
        """Return the ignore file with `additions`, some in place of lines that they supersede."""
        file = self.plan.ignore_file
        data = merge(file, additions, pattern_class=self.pattern_class)
        if file is None or any(addition.line.startswith("!") for addition in additions):
            return data
        changes = superseded(file, additions, self.pattern_class)
        edited = IgnoreFile.parse(file.path, edit_lines(file, changes))
        shorter = merge(edited, additions, pattern_class=self.pattern_class)
        if changes and self._sends_the_same(data, shorter):
            return shorter
        return data

    def _sends_the_same(self, data: bytes, other: bytes) -> bool:
        """Return True if two contents of the ignore file send the same files with their content."""
        before = self.trial.attempt(data).sent
        after = self.trial.attempt(other).sent
        difference = SentDifference(before, after)
        return before.empty == after.empty and not (difference.hidden or difference.shown)

    def _findings(
        self,
        suggestions: Suggestions,
        questions: Iterable[Question],
        secrets: Matches,
    ) -> Iterator[Finding]:
        """Yield what is missing, unexplained or secret, each at the file to change."""
        where = ignore_file_to_write(self.plan)
        if self.new_file and self.plan.dockerfile:
            where = self.plan.dockerfile
        for suggestion in suggestions:
            if suggestion.prevents:
                continue
            if suggestion.safe and not suggestion.rule.is_secret:
                order = f"{suggest_command(self.plan, '--write')} adds it"
                yield _missing_pattern(suggestion, Location(where), order)
        for question in questions:
            yield Finding(
                "CTX502",
                severity_of("CTX502"),
                f"no rule explains {question.path}, a large part of the context",
                self.location_of(question.path),
                Confidence.POSSIBLE,
                content_bytes=question.size.content_bytes,
                files=question.size.files,
                help="if the build does not need it, add its path to the ignore file",
            )
        for match in secrets:
            takers = self.build_files.taking(match.path)
            for named in takers:
                yield _copied_secret(match, named)
            if not takers:
                yield Finding(
                    "CTX511",
                    Severity.WARNING,
                    f"a secret is in the context: {match.path} ({match.rule.why})",
                    self.location_of(match.path),
                    match.secret or Confidence.POSSIBLE,
                    evidence=(match.path,),
                    help="if no build reads it, ignore it: "
                    + suggest_command(self.plan, "--explain", match.rule.name),
                )

    def _questions(self, explained: Matches) -> Iterator[Question]:
        """Yield the largest directories and files that contain none of `explained`."""
        sums = self.transfer
        gone = within(sums, {match.path for match in explained if match.path in sums})
        least_bytes = max(_QUESTION_BYTES, int(_QUESTION_SHARE * sums[""].content_bytes))

        def left(path: str) -> Sums:
            return sum_of(sums, [path]).minus(gone[path])

        def large(directory: MemoryDirectory) -> Iterator[str]:
            here = directory.path
            paths = [folder.path for folder in directory.folders.values()]
            for name, content_bytes in sums.names_in(here).items():
                if content_bytes >= least_bytes:
                    paths.append(directory.prefix + name)
            sizes = {path: left(path).content_bytes for path in paths}
            big = {path: size for path, size in sizes.items() if size >= least_bytes}
            if here and sum(big.values()) < _IN_ITS_OWN * left(here).content_bytes:
                yield here
                return
            for path in big:
                folder = self.snapshot.folder(path)
                if folder is None:
                    yield path
                else:
                    yield from large(folder)

        paths = [path for path in large(self.tree.root) if not self._is_source(path)]
        paths.sort(key=lambda path: (-left(path).content_bytes, path))
        for path in paths[:_MOST_QUESTIONS]:
            if not self.build_files.taking(path):
                yield Question(path, Amount.of(left(path)), self._state_in_git(path))

    def _state_in_git(self, path: str) -> str:
        if not self.git.covers(path):
            return ""
        if self.git.ignores(path):
            return "git ignores it"
        if self.git.tracks(path):
            return "git tracks it"
        return "git does not track it"

    def _is_source(self, path: str) -> bool:
        """Return True if more than half of a file or directory is sources, or tracked beside them.

        What git tracks in a package or among sources is the program itself: nobody can ignore it.
        """
        folder = self.snapshot.folder(path)
        if folder is None:
            return is_source(basename(path))
        written_bytes = sum(
            size_bytes
            for directory in folder.tree()
            for name, size_bytes in self.transfer.names_in(directory.path).items()
            if is_source(name)
        )
        half = self.transfer[path].content_bytes // 2
        return written_bytes > half or self._tracked_bytes(path) > half

    def _tracked_bytes(self, path: str) -> int:
        """Return the bytes that git tracks in a directory of the program, 0 for another one."""
        files = [file for file in self.git.at_or_below(path) if file in self.transfer]
        names = [*map(basename, files)]
        has_manifest = any(map(is_build_input, names))
        sources = sum(map(is_source, names))
        if not has_manifest and sources * 2 <= len(names):
            return 0
        return sum(self.transfer[file].content_bytes for file in files)


def _rests_on_files(match: Match) -> bool:
    return any(objection.trap in _ON_FILES for objection in match.objections)


def _choose(suggestions: Suggestions, only: Collection[str], *, unsafe: bool) -> Suggestions:
    """Return the suggestions that `only` names, all of them if `unsafe`, else the safe ones.

    Raises `InputError` for a name that no suggestion has.
    """
    if not only:
        return [suggestion for suggestion in suggestions if suggestion.safe or unsafe]
    chosen = []
    known = set()
    for suggestion in suggestions:
        names = {suggestion.rule.name, *suggestion.paths, *suggestion.patterns}
        known |= names
        if not names.isdisjoint(only):
            chosen.append(suggestion)
    for name in only:
        if name not in known:
            raise InputError(
                f"no suggestion has the name {name!r}",
                hint="ctxsize suggest --explain says what is not suggested, and why",
            )
    return chosen


def _missing_pattern(suggestion: Suggestion, location: Location, order: str) -> Finding:
    """Return the finding that no line of the ignore file has the effect of a safe suggestion."""
    size = suggestion.size.counted
    return Finding(
        "CTX501",
        severity_of("CTX501"),
        f"no pattern ignores {', '.join(suggestion.paths[:3])}: {suggestion.rule.why}",
        location,
        evidence=suggestion.evidence,
        content_bytes=size.content_bytes,
        files=size.files,
        help=order,
        lines=suggestion.patterns,
    )


def _copied_secret(match: Match, named: Named) -> Finding:
    """Return the finding that an instruction takes a secret; only RUN keeps it out of the image."""
    path = match.path
    if named.instruction == "RUN":
        severity = Severity.WARNING
        lead = f"takes {named.source}"
    else:
        severity = Severity.ERROR
        lead = f"{named.source} puts a secret into the image"
    secret = re.sub(r"\W+", "", basename(path)) or "secret"
    return Finding(
        "CTX510",
        severity,
        f"{named.instruction} {lead}: {path} ({match.rule.why})",
        Location(named.dockerfile, named.line),
        match.secret or Confidence.POSSIBLE,
        evidence=(path,),
        help=f"mount it where it is needed: RUN --mount=type=secret,id={secret} …, "
        f"and docker build --secret id={secret},src={path}",
    )
