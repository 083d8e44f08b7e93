"""Suggestions for one context: evidence, matches, candidates, proof, rank."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ctxsize.codes import severity_of
from ctxsize.engine.events import Steps, step
from ctxsize.engine.request import ignore_file_to_write
from ctxsize.engine.snapshot import Snapshot
from ctxsize.errors import InputError
from ctxsize.findings import Confidence, Edit, Finding, Location, Severity, in_order
from ctxsize.model import Amount
from ctxsize.recommender.build_files import Named
from ctxsize.recommender.candidates import around, questions, ranked, suggestions
from ctxsize.recommender.context import BuildContext
from ctxsize.recommender.governed import Discovering
from ctxsize.recommender.matches import Certainty, Match, Objection
from ctxsize.recommender.outcome import Advice, Blocked, Question, Size, Suggestion
from ctxsize.recommender.rules import Category, all_rules
from ctxsize.recommender.tree import is_below, outermost, sum_of
from ctxsize.writer import Addition, merge


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
        usable = [match for match in self.found if not match.is_blocked]
        step(self._steps, "trying the suggestions")
        made = [*suggestions(usable, self.facts, self.request)]
        made += around(self.found, self.facts, self.request, self.proof.needed)
        holding, failed = self.proof.holding(made, self._steps)
        made = ranked(holding, self.sums, self.transfer, travels=self.transfers)
        _check(choice, made)
        made, edit, after = self._edited(made, choice)
        asked = tuple(
            each
            for each in questions(self.tree, self.git, self.transfer, [e.path for e in usable])
            if not self.build_files.taking(each.path)
        )
        secrets = [e for e in self.found if e.secret not in (None, Certainty.POSSIBLE)]
        findings = [*self._missing(made), *map(self._asked, asked), *self._secrets(secrets, made)]
        problems = [*self._real.problems, *self.assumed, *self.build_files.problems]
        ignored = self.git.ignored
        secret = filter(self.git.ignores, outermost({each.path for each in secrets}))
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
            suggestions=tuple(made),
            questions=asked,
            blocked=tuple(self._blocked(failed)),
            findings=in_order(findings),
            problems=(*problems, *filter(None, [self.git.problem])),
            git_ignored=None if ignored is None else Amount.of(sum_of(self.sums, ignored)),
            git_ignored_secrets=None if ignored is None else sum_of(self.sums, secret).files,
        )

    def _edited(
        self, made: list[Suggestion], choice: Choice
    ) -> tuple[list[Suggestion], Edit | None, Size]:
        """Return the suggestions with the chosen ones marked, the edit, and the size after it.

        Raises `InputError` if the bytes of the edit do not pass the proof.
        """
        chosen = [each for each in made if choice.takes(each)]
        if all(each.paths == (self.own_path,) for each in chosen) and self.new_file:
            # A new ignore file that hides only itself is useless.
            made = [each for each in made if each.paths != (self.own_path,)]
            chosen = []
        if not chosen:
            return made, None, self.size
        # Exceptions go last: after an exception, a bare name may leave files in the context.
        chosen.sort(key=lambda each: each.patterns[-1].startswith("!"))
        file, path = self.request.ignore_file, ignore_file_to_write(self.request)
        additions = [
            Addition(pattern, each.rule.category.heading, each.comment)
            for each in chosen
            for pattern in each.patterns
        ]
        data = merge(file, additions, pattern_class=self.request.builder.spec_class.pattern_class)
        fault = self.proof.fault(chosen, data)
        if fault:
            message = f"these suggestions fail the proof together: {fault}"
            raise InputError(message, path=path, hint="choose fewer of them with --only")
        marked = [replace(each, chosen=each in chosen) for each in made]
        edit = Edit(path, None if file is None else file.data, data)
        return marked, edit, self.size_after(self.trial.attempt(data))

    def _blocked(self, failed: Iterable[tuple[Suggestion, str]]) -> Iterator[Blocked]:
        """Yield the matches that a trap blocks, and the suggestions that failed the proof."""
        blocked = [
            (match, match.hard or Objection("never", match.rule.why))
            for match in self.found
            if match.is_blocked
        ]
        blocked += ((each.matches[0], Objection("proof", fault)) for each, fault in failed)
        for match, why in blocked:
            size = Amount.of(sum_of(self.sums, [match.path]))
            name, path = match.rule.name, match.path
            yield Blocked(name, path, why.trap, why.reason, match.evidence, size)

    def _located(self, path: str) -> Location:
        """Return the location of a path of the context, as the user would write it."""
        return Location(os.path.normpath(os.path.join(self.request.context, path)))

    def _asked(self, asked: Question) -> Finding:
        return Finding(
            "CTX502",
            severity_of("CTX502"),
            f"no rule explains a large part of the context: {asked.path}",
            self._located(asked.path),
            Confidence.POSSIBLE,
            content_bytes=asked.size.content_bytes,
            files=asked.size.files,
            help="if the build does not need it, add its path to the ignore file",
        )

    def _missing(self, made: Iterable[Suggestion]) -> Iterator[Finding]:
        """Yield a finding for each safe suggestion, at the ignore file or the Dockerfile."""
        where = ignore_file_to_write(self.request)
        if self.new_file and self.request.dockerfile is not None:
            where = self.request.dockerfile
        for each in made:
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

    def _secrets(self, secrets: list[Match], made: Sequence[Suggestion]) -> Iterator[Finding]:
        """Yield a finding for each secret: the instruction that copies it, else that it is sent."""
        for match in secrets:
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


def _confidence(match: Match) -> Confidence:
    return Confidence((match.secret or Certainty.POSSIBLE).value)


def _copied(match: Match, named: Named) -> Finding:
    bound, path = named.instruction == "RUN", match.path
    lead = f"takes {named.source}" if bound else f"{named.source} puts a secret into the image"
    secret = re.sub(r"\W+", "", path.rpartition("/")[2]) or "secret"
    return Finding(
        "CTX510",
        Severity.WARNING if bound else Severity.ERROR,
        f"{named.instruction} {lead}: {path} is {match.rule.why}",
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
