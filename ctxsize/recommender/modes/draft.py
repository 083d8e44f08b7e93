"""An ignore file that is drafted: lines added together and tried, and which one is to blame."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache

from ctxsize.engine.golang import has_wildcards
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.trial import Attempt
from ctxsize.errors import IgnoreFileError
from ctxsize.recommender.commands import is_named
from ctxsize.recommender.context import BuildContext
from ctxsize.recommender.exceptions import exceptions, letting_in
from ctxsize.recommender.outcome import IgnoreFileChange, Note
from ctxsize.writer.merge import Addition, merge

_MOST_ATTEMPTS = 8
"""Number of attempts that are remembered: the same one is asked for several times in turn."""
_READ = "env_at_build"
"""The trap of what a bundler reads."""
Wrong = tuple[str, str]
"""A path whose verdict must not be what it is, and why, as a clause."""
Judge = Callable[[Attempt], Iterable[Wrong]]


class Draft(BuildContext):
    """A context, and attempts to add lines to its ignore file."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(snapshot)
        self.before = self.trial.before
        self.pattern_class = self.request.builder.spec_class.pattern_class
        self._attempted = lru_cache(maxsize=_MOST_ATTEMPTS)(self._attempt)

    def attempt(self, additions: Iterable[Addition], *, at_start: bool = False) -> Attempt:
        """Return the ignore file with `additions`. Raises `IgnoreFileError` if it fails a build."""
        return self._attempted(tuple(additions), at_start)

    def _attempt(self, additions: tuple[Addition, ...], at_start: bool) -> Attempt:
        file = self.request.ignore_file
        data = merge(file, additions, at_start=at_start, pattern_class=self.pattern_class)
        return self.trial.attempt(data)

    def change(
        self,
        additions: Sequence[Addition],
        wrong: Judge,
        *,
        notes: Iterable[Note] = (),
        optional: Collection[Addition] = (),
    ) -> IgnoreFileChange:
        """Return the change that adds those of `additions` that do nothing `wrong`.

        Those that are `optional` come along where they matter, and never alone.
        """
        kept, dropped = self.settled(self.new(additions), wrong)
        useful = [each for each in kept if each not in optional or self._matters(kept, each)]
        kept = self._either(useful, kept, wrong)
        # A line that is there may have made exceptions necessary, which are there too.
        kept = self._either(self.new(kept), kept, wrong)
        noted = (*notes, *dropped)
        if all(each in optional for each in kept):
            return IgnoreFileChange(notes=noted)
        return IgnoreFileChange(self.attempt(kept).data, tuple(kept), notes=noted)

    def settled(
        self, additions: Sequence[Addition], wrong: Judge
    ) -> tuple[list[Addition], list[Note]]:
        """Return `additions` without those to blame for what is `wrong`, and what that was."""
        kept, notes = [*additions], list[Note]()
        while kept:
            found = self._blamed(kept, wrong)
            if not found:
                break
            notes += [Note(each.line, why) for each, why in found.items()]
            kept = [each for each in kept if each not in found]
        return kept, notes

    def _blamed(self, additions: Sequence[Addition], wrong: Judge) -> dict[Addition, str]:
        try:
            attempt = self.attempt(additions)
            found = [*wrong(attempt)]
        except IgnoreFileError as error:
            return {self._rejected(additions, error): f"the builder rejects it: {error.message}"}
        by_line = {each.line: each for each in additions}
        blamed: dict[Addition, str] = {}
        for path, why in found:
            # Where one of the file's own lines decides, an addition made it decide: any may.
            guilty = by_line.get(attempt.decider(path) or "", additions[-1])
            blamed.setdefault(guilty, why)
        fault = "" if blamed else self.proof.unfound(attempt)
        return {additions[-1]: fault} if fault else blamed

    def _rejected(self, additions: Sequence[Addition], error: IgnoreFileError) -> Addition:
        """Return the addition that the builder rejects."""
        for each in additions:
            try:
                self.attempt([each])
            except IgnoreFileError:
                return each
        raise error

    def new(self, additions: Sequence[Addition]) -> list[Addition]:
        """Return `additions` without those that the file has already, if these do no more."""
        split, file = self.pattern_class.split, self.request.ignore_file
        there = set(map(split, () if file is None else file.texts()))
        fresh = [each for each in additions if split(each.line) not in there]
        try:
            same = self.attempt(fresh).hidden == self.attempt(additions).hidden
        except IgnoreFileError:
            return [*additions]
        return fresh if same else [*additions]

    def _matters(self, additions: Sequence[Addition], one: Addition) -> bool:
        """Return whether anything else would be sent without `one` of `additions`."""
        rest = [each for each in additions if each is not one]
        return not self.attempt(rest).sent.same(self.attempt(additions).sent)

    def _either(
        self, fewer: list[Addition], proved: list[Addition], wrong: Judge
    ) -> list[Addition]:
        """Return `fewer` additions if nothing is wrong with them either, else the proved ones."""
        if fewer == proved:
            return proved
        attempt = self.attempt(fewer)
        holds = not any(wrong(attempt)) and not self.proof.unfound(attempt)
        return fewer if holds else proved

    def needed(self, attempt: Attempt) -> Iterator[Wrong]:
        """Yield what a Dockerfile takes by name, whether it is there or not, and would not get."""
        now, then = self.request.spec, attempt.request.spec
        for named in self.build_files.named:
            path = named.path
            if not has_wildcards(path) and then.match_file(path) and not now.match_file(path):
                yield path, f"{named} takes {path}"
        for path in self.trial.lost_entries(attempt, self.proof.needed):
            yield path, f"a Dockerfile takes {path} by a pattern"
        for dockerfile, text in self.build_files.undecided:
            for path in attempt.hidden:
                if is_named(path.rpartition("/")[2], text):
                    yield path, f"{dockerfile} may take {path}"

    def wrong(self, attempt: Attempt) -> Iterator[Wrong]:
        """Yield what no mode may do: hide the needed, empty files, let in what is ignored now."""
        yield from self.needed(attempt)
        for path in attempt.hidden if exceptions(self.request) else ():
            reason = letting_in(self.request, path)
            if reason is not None:
                yield path, f"{path} would disappear: {reason}"
        for path in attempt.emptied:
            yield path, f"{path} would be sent without its content"
        for path in attempt.shown:
            yield path, f"{path} would be sent, which is ignored now"

    def kept_back(self, attempt: Attempt, traps: tuple[str, ...] = ()) -> Iterator[Wrong]:
        """Yield what disappears and has to stay by the knowledge of ecosystems.

        With `traps`, only what these say counts. What a person may overrule does not, except that
        a bundler reads the file: the build succeeds without it and makes another image.
        """
        hidden = set(attempt.hidden)
        for match in self.found:
            if match.path not in hidden:
                continue
            hard = [each for each in match.objections if not each.soft or each.trap == _READ]
            is_named = any(each.trap in (*traps, _READ) for each in hard)
            if is_named or (match.is_blocked and not traps):
                reason = next((each.reason for each in hard), match.rule.why)
                yield match.path, f"{match.path} must stay: {reason}"
