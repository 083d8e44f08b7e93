"""Suggestions for one context: matches, candidates, proof and rank, and questions to the user."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain

from ctxsize.codes import severity_of
from ctxsize.dockerfile.shell import unknown_commands
from ctxsize.engine.evaluate import up_to
from ctxsize.engine.events import Steps, step
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.git import Repositories
from ctxsize.engine.plan import ignore_file_to_write
from ctxsize.engine.snapshot import Snapshot
from ctxsize.errors import InputError
from ctxsize.findings import Confidence, Edit, Finding, Location, Severity, in_order
from ctxsize.knowledge.rules import Category, is_source
from ctxsize.model import Amount, Problem
from ctxsize.recommender import outcome
from ctxsize.recommender.build_files import Named
from ctxsize.recommender.candidates import around, suggestions
from ctxsize.recommender.context import BuildContext
from ctxsize.recommender.outcome import Advice, Blocked, Match, Question, Size, Suggestion
from ctxsize.recommender.tree import Sums, is_below, outermost, sum_of
from ctxsize.writer import merge

_FILE_IS_WORTH = 16 * 1024  # number of bytes that take as long to send as the overhead of one file
_LINE_BYTES, _LINE_SHARE = 256 * 1024, 0.001  # least size of a suggestion, and its share
_QUESTION_BYTES, _QUESTION_SHARE = 10 * 1024 * 1024, 0.02  # the same for a question
_IN_ITS_OWN = 0.8  # share of a directory above which questions are about its large entries
_MOST_QUESTIONS = 10
_OF_CONTEXT = 0.001  # weight of a byte that stays in the context but is not sent to this builder


class Advisor(BuildContext):
    """Compute the advice for one context."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        steps: Steps | None = None,
        repositories: Repositories | None = None,
    ) -> None:
        self._steps = steps
        step(steps, "reading the Dockerfiles")
        super().__init__(snapshot, repositories=repositories)
        self._options = snapshot.plan.build.words()
        _ = self.facts, self.transfer

    def advise(self, only: Collection[str] = (), *, unsafe: bool = False) -> Advice:
        """Return the advice, with an edit of the safe suggestions, or of all if `unsafe`.

        `only` chooses exactly these rules, paths or patterns. Raises `InputError` for another name.
        """
        step(self._steps, "matching rules")
        usable = [match for match in self.found if match.hard is None]
        step(self._steps, "trying the suggestions")
        made = [*suggestions(usable, self.facts)]
        made += around(self.found, self.facts, self.proof.needed)
        holding, failed = self.proof.holding(made, self._steps)
        made = ranked(holding, self.sums, self.transfer, travels=self.transfers)
        names = [{each.rule.name, *each.paths, *each.patterns} for each in made]
        for name in only:
            if not any(name in each for each in names):
                hint = "ctxsize suggest --explain says what is not suggested, and why"
                raise InputError(f"no suggestion has the name {name!r}", hint=hint)
        chosen = [
            each
            for each, known in zip(made, names, strict=True)
            if not known.isdisjoint(only) or (not only and (each.safe or unsafe))
        ]
        made, edit, after = self._edited(made, chosen)
        asked = (each for each in self._questions(usable) if not self.build_files.taking(each.path))
        questions = tuple(asked)
        secrets = [e for e in self.found if e.secret not in (None, Confidence.POSSIBLE)]
        problems = [*self._real.problems, *self.assumed, *self.build_files.problems]
        ignored = self.git.ignored
        sizes = ((self.sums[e].content_bytes, e) for e in ignored or () if e in self.sums)
        secret = filter(self.git.ignores, outermost({each.path for each in secrets}))
        blocked = [(match, match.hard) for match in self.found if match.hard is not None]
        blocked += ((each.matches[0], outcome.Objection("proof", fault)) for each, fault in failed)
        path = ignore_file_to_write(self.plan)
        return Advice(
            context_path=self.plan.context,
            dockerfile=self.plan.dockerfile,
            builder=self.plan.builder.name,
            ignore_file=path,
            new_file=self.new_file,
            is_link=os.path.islink(path),
            before=self.size,
            after=after,
            edit=edit,
            options=self._options,
            suggestions=tuple(made),
            questions=questions,
            blocked=tuple(
                Blocked(match.rule.name, match.path, *why, match.evidence, self._amount(match.path))
                for match, why in blocked
            ),
            findings=in_order([*self._findings(made, questions, secrets)]),
            problems=(*problems, *filter(None, [self.git.problem]), *self._unknown_commands()),
            git_ignored=None if ignored is None else self._amount(*ignored),
            git_ignored_largest=max(sizes, default=(0, ""))[1],
            git_ignored_secrets=None if ignored is None else sum_of(self.sums, secret).files,
            snapshot=self._real,
        )

    def _unknown_commands(self) -> tuple[Problem, ...]:
        """Return the problem that what is found was judged without the commands of RUN."""
        if not self.found:
            return ()
        files = (each.dockerfile for each in self.build_files.all)
        return unknown_commands(chain.from_iterable(each.instructions for each in files))

    def _amount(self, *paths: str) -> Amount:
        return Amount.of(sum_of(self.sums, paths))

    def _edited(
        self, made: list[Suggestion], chosen: list[Suggestion]
    ) -> tuple[list[Suggestion], Edit | None, Size]:
        """Mark the chosen ones; return all, the edit whose exact bytes pass the proof, its size."""
        if all(each.paths == (self.own_path,) for each in chosen) and self.new_file:
            # A new ignore file that hides only itself is useless.
            made = [each for each in made if each.paths != (self.own_path,)]
            chosen = []
        if not chosen:
            return made, None, self.size
        # Exceptions go last: after an exception, a bare name may leave files in the context.
        chosen.sort(key=lambda each: each.patterns[-1].startswith("!"))
        file = self.plan.ignore_file
        path = ignore_file_to_write(self.plan)
        additions = [each for one in chosen for each in one.additions]
        data = merge(file, additions, pattern_class=self.pattern_class)
        if fault := self.proof.fault(chosen, data):
            message = f"these suggestions fail the proof together: {fault}"
            raise InputError(message, path=path, hint="choose fewer of them with --only")
        marked = [replace(each, chosen=each in chosen) for each in made]
        edit = Edit(path, None if file is None else file.data, data)
        return marked, edit, self.size_after(self.trial.attempt(data))

    def _findings(
        self, made: Iterable[Suggestion], questions: Iterable[Question], secrets: Iterable[Match]
    ) -> Iterator[Finding]:
        """Yield what is missing, unexplained or secret, each at the file to change."""
        where = ignore_file_to_write(self.plan)
        if self.new_file and self.plan.dockerfile is not None:
            where = self.plan.dockerfile
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
        for asked in questions:
            yield Finding(
                "CTX502",
                severity_of("CTX502"),
                f"no rule explains {asked.path}, a large part of the context",
                self._located(asked.path),
                Confidence.POSSIBLE,
                content_bytes=asked.size.content_bytes,
                files=asked.size.files,
                help="if the build does not need it, add its path to the ignore file",
            )
        for match in secrets:
            takers = self.build_files.taking(match.path)
            yield from (_copied(match, each) for each in takers)
            if not takers:
                yield Finding(
                    "CTX511",
                    Severity.WARNING,
                    f"a secret is in the context: {match.path} ({match.rule.why})",
                    self._located(match.path),
                    match.secret or Confidence.POSSIBLE,
                    evidence=(match.path,),
                    help="if no build reads it, add it to the ignore file: "
                    f"ctxsize suggest --explain {match.rule.name} shows how",
                )

    def _located(self, path: str) -> Location:
        """Return the location of a path of the context, as the user would write it."""
        return Location(os.path.normpath(os.path.join(self.plan.context, path)))

    def _questions(self, explained: Iterable[Match]) -> Iterator[Question]:
        """Yield the largest directories and files that contain none of `explained`."""
        sums = self.transfer
        gone = defaultdict[str, Sums](Sums)
        for path in outermost({match.path for match in explained if match.path in sums}):
            for each in ("", *up_to(path)):
                gone[each] = gone[each].plus(sums[path])
        least = max(_QUESTION_BYTES, int(_QUESTION_SHARE * sums[""].content_bytes))

        def left(path: str) -> Sums:
            found = sums.get(path, Sums())
            if path in gone:
                return found.minus(gone[path])
            return found

        def large(held: MemoryDirectory) -> Iterator[str]:
            folders = {each.path: each for each in held.folders.values()}
            sizes = {path: left(path).content_bytes for path in folders}
            for name, content_bytes in sums.names_in(held.path).items():
                if content_bytes >= least:
                    sizes[held.prefix + name] = left(held.prefix + name).content_bytes
            big = {path: size for path, size in sizes.items() if size >= least}
            if held.path and sum(big.values()) < _IN_ITS_OWN * left(held.path).content_bytes:
                yield held.path
                return
            for path in big:
                yield from large(folders[path]) if path in folders else (path,)

        found = [(path, left(path)) for path in large(self.tree.root) if not self._is_source(path)]
        found.sort(key=lambda each: (-each[1].content_bytes, each[0]))
        for path, size in found[:_MOST_QUESTIONS]:
            tracked = self.git.first(path) is not None
            if tracked:
                state = "git tracks it"
            else:
                state = "git does not track it"
            if self.git.ignores(path):
                state = "git ignores it"
            else:
                state = state
            yield Question(path, Amount.of(size), state if self.git.covers(path) else "")

    def _is_source(self, path: str) -> bool:
        """Return True if sources of programs are more than half of a file or directory."""
        if (held := self.snapshot.folder(path)) is None:
            return is_source(path.rpartition("/")[2])
        written = 0
        half = self.transfer[path].content_bytes // 2
        for each in held.tree():
            sizes = self.transfer.names_in(each.path).items()
            written += sum([size for name, size in sizes if size and is_source(name)])
            if written > half:
                return True
        return False


def ranked(
    made: Iterable[Suggestion],
    context: Mapping[str, Sums],
    transfer: Mapping[str, Sums],
    *,
    travels: bool = True,
) -> list[Suggestion]:
    """Return the suggestions that are worth a line: safe ones first, then by size.

    Secrets of any size are worth a line, and so are volatile files that are transferred.
    The size of each suggestion excludes the paths of those before it.
    """

    def value(each: Suggestion) -> tuple[bool, float, str, tuple[str, ...]]:
        moved = sum_of(transfer, each.paths)
        left = sum_of(context, each.paths)
        value = each.rule.confidence * (_weight(moved) + _OF_CONTEXT * _weight(left))
        return each.safe, value, each.rule.name, each.patterns

    found: list[Suggestion] = []
    covered = set[str]()
    above = set[str]()
    least = max(_LINE_BYTES, _LINE_SHARE * context.get("", Sums()).content_bytes)
    for each in sorted(made, key=value, reverse=True):
        own = outermost({*each.paths})
        new = {path for path in own if path not in covered and not is_below(path, covered)}
        if above.isdisjoint(new):
            inner = set()
        else:
            inner = {e for e in covered if is_below(e, new)}
        gone = outermost({*each.keeps, *inner})
        left, moved = (sum_of(e, new).minus(sum_of(e, gone)) for e in (context, transfer))
        urgent = each.rule.category is Category.SECRET or (each.rule.volatile and moved.entries)
        if left.entries and (urgent or _weight(left) >= least):
            size = Size(Amount.of(left), Amount.of(moved) if travels else None)
            found.append(replace(each, size=size))
            covered.update(each.paths)
            above.update(at for path in each.paths for at in up_to(path)[:-1])
    return found


def _weight(sums: Sums) -> float:
    return sums.content_bytes + _FILE_IS_WORTH * sums.entries


def _copied(match: Match, named: Named) -> Finding:
    bound = named.instruction == "RUN"
    path = match.path
    if bound:
        lead = f"takes {named.source}"
    else:
        lead = f"{named.source} puts a secret into the image"
    secret = re.sub(r"\W+", "", path.rpartition("/")[2]) or "secret"
    return Finding(
        "CTX510",
        Severity.WARNING if bound else Severity.ERROR,
        f"{named.instruction} {lead}: {path} ({match.rule.why})",
        Location(named.dockerfile, named.line),
        match.secret or Confidence.POSSIBLE,
        evidence=(path,),
        help=f"mount it where it is needed: RUN --mount=type=secret,id={secret} …, "
        f"and docker build --secret id={secret},src={path}",
    )
