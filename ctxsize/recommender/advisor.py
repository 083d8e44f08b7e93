"""Suggestions for one context: evidence, matches, candidates, proof, rank."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ctxsize.codes import severity_of
from ctxsize.engine.events import Steps, step
from ctxsize.engine.request import ignore_file_to_write
from ctxsize.engine.snapshot import Snapshot
from ctxsize.errors import InputError
from ctxsize.findings import Confidence, Edit, Finding, Location, Severity, in_order
from ctxsize.model import Amount
from ctxsize.recommender.build_files import Named
from ctxsize.recommender.candidates import SuggestionMaker, questions, ranked
from ctxsize.recommender.context import BuildContext
from ctxsize.recommender.governed import Discovering
from ctxsize.recommender.matches import Certainty, Match, Objection
from ctxsize.recommender.outcome import Advice, Blocked, Question, Size, Suggestion
from ctxsize.recommender.rules import Category, all_rules
from ctxsize.recommender.tree import is_below, outermost, sum_of
from ctxsize.writer.merge import Addition, merge


@dataclass(frozen=True)
class Choice:
    """The suggestions that become part of the edit."""

    only: Collection[str] = ()
    """Names of rules, or paths. If given, exactly these are chosen, even if they are not safe."""
    unsafe: bool = False
    """True to choose all suggestions."""

    def takes(self, suggestion: Suggestion) -> bool:
        """Return True if `suggestion` is chosen."""
        if self.only:
            return not {suggestion.rule.name, *suggestion.paths}.isdisjoint(self.only)
        return suggestion.safe or self.unsafe


class Advisor(BuildContext):
    """Compute the advice for one context."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        discovering: Discovering | None = None,
        steps: Steps | None = None,
    ) -> None:
        self._steps = steps
        step(steps, "reading the Dockerfiles")
        super().__init__(snapshot, discovering=discovering)
        self._options = snapshot.request.build.words()
        _ = self.facts, self.transfer

    def advise(self, choice: Choice) -> Advice:
        """Return the advice, with an edit of the suggestions in `choice`. Raises `InputError`.

        The proof tries the exact bytes that the edit writes.
        """
        step(self._steps, "matching rules")
        _ = self.found
        step(self._steps, "trying the suggestions")
        holding, failed = self.proof.holding(self._made(), self._steps)
        made = ranked(holding, self.sums, self.transfer, travels=self.transfers)
        _check(choice, made)
        suggestions, edit, after = self._edited(made, choice)
        asked = self._questions()
        findings = [*self._missing(suggestions), *self._asked(asked), *self._secrets(made)]
        problems = (*self._real.problems, *self.assumed, *self.build_files.problems)
        ignored = sum_of(self.sums, self.git.ignored)
        return Advice(
            context_path=self.request.context,
            dockerfile=self.request.dockerfile,
            builder=self.request.builder.name,
            ignore_file=ignore_file_to_write(self.request),
            new_file=self.new_file,
            before=self.size,
            after=after,
            edit=edit,
            options=self._options,
            suggestions=suggestions,
            questions=asked,
            blocked=tuple(self._blocked(failed)),
            findings=in_order(findings),
            problems=(*problems, *filter(None, [self.git.problem])),
            git_ignored=Amount.of(ignored) if self.git.has_repository else None,
            git_ignored_secrets=self._git_ignored_secrets(),
        )

    def _made(self) -> list[Suggestion]:
        usable = [match for match in self.found if not match.is_blocked]
        safe = {match.path for match in usable if not match.objections}
        maker = SuggestionMaker(self.facts, self.request, safe)
        return [*maker.suggestions(usable), *maker.around(self.found, self.proof)]

    def _edited(
        self, made: list[Suggestion], choice: Choice
    ) -> tuple[tuple[Suggestion, ...], Edit | None, Size]:
        """Return the suggestions with the chosen ones marked, the edit, and the size after it."""
        chosen = [each for each in made if choice.takes(each)]
        if all(each.paths == (self.own_path,) for each in chosen) and self.new_file:
            # A new ignore file that hides only itself is useless.
            made = [each for each in made if each.paths != (self.own_path,)]
            chosen = []
        if not chosen:
            return tuple(made), None, self.size
        # Exceptions go last: after an exception, a bare name may leave files in the context.
        chosen.sort(key=lambda each: bool(each.keeps))
        data = self._merged(chosen)
        before_data = None if self.request.ignore_file is None else self.request.ignore_file.data
        edit = Edit(ignore_file_to_write(self.request), before_data, data)
        marked = tuple(replace(each, chosen=each in chosen) for each in made)
        return marked, edit, self.size_after(self.trial.attempt(data))

    def _merged(self, chosen: Sequence[Suggestion]) -> bytes:
        """Return the ignore file with the patterns of `chosen`.

        Raises `InputError` if these bytes do not pass the proof.
        """
        additions = [
            Addition(pattern, each.rule.category.heading, each.comment)
            for each in chosen
            for pattern in each.patterns
        ]
        pattern_class = self.request.builder.spec_class.pattern_class
        data = merge(self.request.ignore_file, additions, pattern_class=pattern_class)
        fault = self.proof.fault(chosen, data)
        if fault:
            raise InputError(
                f"these suggestions fail the proof together: {fault}",
                path=ignore_file_to_write(self.request),
                hint="choose fewer of them with --only",
            )
        return data

    def _questions(self) -> tuple[Question, ...]:
        explained = [match.path for match in self.found if not match.is_blocked]
        return tuple(
            each
            for each in questions(self.tree, self.git, self.transfer, explained)
            if not self.build_files.taking(each.path)
        )

    def _blocked(self, failed: Iterable[tuple[Suggestion, str]]) -> Iterator[Blocked]:
        """Yield the matches that a trap blocks, and the suggestions that failed the proof."""
        blocked = [
            (match, next((e for e in match.objections if not e.soft), None))
            for match in self.found
            if match.is_blocked
        ]
        blocked += ((each.matches[0], Objection("proof", fault)) for each, fault in failed)
        for match, objection in blocked:
            reason = objection or Objection("never", match.rule.why)
            amount = Amount.of(sum_of(self.sums, [match.path]))
            where = match.rule.name, match.path
            yield Blocked(*where, reason.trap, reason.reason, match.evidence, amount)

    def _located(self, path: str) -> Location:
        """Return the location of a path of the context, as the user would write it."""
        return Location(os.path.normpath(os.path.join(self.request.context, path)))

    def _asked(self, asked: Iterable[Question]) -> Iterator[Finding]:
        for each in asked:
            yield Finding(
                "CTX502",
                severity_of("CTX502"),
                f"no rule explains a large part of the context: {each.path}",
                self._located(each.path),
                Confidence.POSSIBLE,
                content_bytes=each.size.content_bytes,
                files=each.size.files,
                help="if the build does not need it, add its path to the ignore file",
            )

    def _missing(self, suggestions: Iterable[Suggestion]) -> Iterator[Finding]:
        """Yield a finding for each safe suggestion, at the ignore file or the Dockerfile."""
        where = ignore_file_to_write(self.request)
        if self.new_file and self.request.dockerfile is not None:
            where = self.request.dockerfile
        for each in suggestions:
            if each.safe and each.rule.category is not Category.SECRET:
                yield Finding(
                    "CTX501",
                    severity_of("CTX501"),
                    f"no pattern ignores {', '.join(each.paths[:3])}: {each.rule.why}",
                    Location(where),
                    evidence=each.evidence,
                    content_bytes=each.size.counted.content_bytes,
                    files=each.size.counted.files,
                    help="ctxsize suggest --write adds it",
                    lines=each.patterns,
                )

    @cached_property
    def _certain_secrets(self) -> list[Match]:
        sure = (Certainty.CERTAIN, Certainty.LIKELY)
        return [match for match in self.found if match.secret in sure]

    def _secrets(self, made: Sequence[Suggestion]) -> Iterator[Finding]:
        """Yield a finding for each secret: the instruction that copies it, else that it is sent."""
        for match in self._certain_secrets:
            takers = self.build_files.taking(match.path)
            yield from (_copied(match, each) for each in takers)
            if not takers:
                command = self._adding(match.path, made)
                how = f": {command}" if command else " by hand, if no build reads it"
                yield Finding(
                    "CTX511",
                    Severity.WARNING,
                    f"a secret is in the context: {match.rule.why}",
                    self._located(match.path),
                    _confidence(match),
                    evidence=(match.path,),
                    help=f"add it to the ignore file{how}",
                )

    def _adding(self, path: str, made: Sequence[Suggestion]) -> str:
        """Return the command that adds `path` to the ignore file, `""` if no suggestion does."""
        for each in made:
            if path in each.paths or is_below(path, each.paths):
                build, context = self.request.build, self.request.context
                only = path if path in each.paths else each.rule.name
                words = [] if context in (".", "") else [context]
                words += ["-f", build.dockerfile] if build.dockerfile else []
                words += [] if build.builder == "buildkit" else ["--builder", build.builder]
                words += [] if each.safe else ["--only", only]
                return shlex.join(["ctxsize", "suggest", *words, "--write"])
        return ""

    def _git_ignored_secrets(self) -> int | None:
        if not self.git.has_repository:
            return None
        secret = {match.path for match in self._certain_secrets}
        return sum_of(self.sums, filter(self.git.ignores, outermost(secret))).files


def _confidence(match: Match) -> Confidence:
    return Confidence((match.secret or Certainty.POSSIBLE).value)


def _copied(match: Match, named: Named) -> Finding:
    bound, path = named.instruction == "RUN", match.path
    lead = "takes {}" if bound else "{} puts a secret into the image"
    secret = re.sub(r"\W+", "", path.rpartition("/")[2]) or "secret"
    return Finding(
        "CTX510",
        Severity.WARNING if bound else Severity.ERROR,
        f"{named.instruction} {lead.format(named.source)}: {path} is {match.rule.why}",
        Location(named.dockerfile, named.line),
        _confidence(match),
        evidence=(path,),
        help=f"mount it where it is needed: RUN --mount=type=secret,id={secret} …, "
        f"and docker build --secret id={secret},src={path}",
    )


def _check(choice: Choice, made: Sequence[Suggestion]) -> None:
    """Raise `InputError` for a name that no suggestion has."""
    known = {each.rule.name for each in made} | {path for each in made for path in each.paths}
    for name in choice.only:
        if name not in known:
            hint = "ctxsize suggest lists all suggestions"
            if name in all_rules():
                hint = f"ctxsize suggest --explain {name} says why"
            raise InputError(f"no suggestion has the name {name!r}", hint=hint)
