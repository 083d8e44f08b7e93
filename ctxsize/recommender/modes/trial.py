"""A context in which an ignore file can be tried, and what of it was to blame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from ctxsize.engine.follow import follow
from ctxsize.engine.goglob import has_wildcards
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.need import Include, includes_of
from ctxsize.engine.request import Request, ignore_file_to_write, with_ignore_file
from ctxsize.engine.snapshot import Sent, Snapshot
from ctxsize.errors import IgnoreFileError
from ctxsize.model import Amount
from ctxsize.recommender.assumed import with_bases
from ctxsize.recommender.exceptions import exceptions, letting_in
from ctxsize.recommender.governed import read_recipes
from ctxsize.recommender.modes.plan import Note
from ctxsize.recommender.outcome import Size
from ctxsize.recommender.proof import Proof
from ctxsize.recommender.recipes import Recipes
from ctxsize.recommender.tracked import Tracked
from ctxsize.recommender.tree import Tree, in_context, travelling
from ctxsize.writer.merge import Addition, merge

Wrong = tuple[str, str]
"""A path whose verdict must not be what it is, and why, as a clause."""


@dataclass(frozen=True)
class Attempt:
    """An ignore file and what it sends."""

    data: bytes
    request: Request
    sent: Sent

    def decider(self, path: str) -> str | None:
        """The line that decides about `path`, None if there is none."""
        index = self.request.spec.check_file(path).index
        if index is None:
            return None
        line = self.request.spec.patterns[index].line
        texts = IgnoreFile.parse("", self.data).texts()
        return texts[line - 1] if line else None


class Trial:
    """The context of a request, the Dockerfiles that its ignore file governs, and what is sent."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.request, self.assumed = with_bases(snapshot.request)
        snapshot = Snapshot(self.request, snapshot.root, snapshot.problems)
        self._own_path = in_context(self.request, ignore_file_to_write(self.request))
        self.snapshot = self._with_ignore_file(snapshot, None)
        self._real = snapshot
        self.before = self.snapshot.sent()

    @cached_property
    def tree(self) -> Tree:
        """The names in the context."""
        return Tree(self.snapshot)

    @cached_property
    def git(self) -> Tracked:
        """What git knows of the context."""
        return Tracked(self.tree)

    @cached_property
    def recipes(self) -> Recipes:
        """The Dockerfiles. Raises what `read_recipes` raises."""
        return read_recipes(self.request, self.tree, self.git)

    @cached_property
    def proof(self) -> Proof:
        """What the Dockerfiles need of the context."""
        return Proof(self.snapshot, self.recipes)

    @property
    def new_file(self) -> bool:
        """Whether there is no ignore file yet."""
        return self.request.ignore_file is None

    def attempt(self, additions: Sequence[Addition], *, at_start: bool = False) -> Attempt:
        """The ignore file with `additions`. Raises `IgnoreFileError` if the builder rejects it."""
        pattern_class = self.request.builder.spec_class.pattern_class
        data = merge(
            self.request.ignore_file, additions, at_start=at_start, pattern_class=pattern_class
        )
        return self.attempt_file(data)

    def attempt_file(self, data: bytes) -> Attempt:
        """The ignore file `data`. Raises `IgnoreFileError` if the builder rejects it."""
        request = with_ignore_file(self.request, data)
        return Attempt(data, request, self.snapshot.sent(request.spec))

    def hidden(self, attempt: Attempt) -> list[str]:
        """The entries that would not be sent any more, in order."""
        return self.before.without(attempt.sent)

    def shown(self, attempt: Attempt) -> list[str]:
        """The entries that would be sent and are not now, in order."""
        return attempt.sent.without(self.before)

    def size(self, attempt: Attempt | None = None) -> Size:
        """What is sent and what travels: now, or with the ignore file of `attempt`."""
        request, snapshot = self.request, self._real
        if attempt is not None:
            request = attempt.request
            snapshot = self._with_ignore_file(snapshot, len(attempt.data))
        sent = snapshot.sent(request.spec)
        context = Amount(sent.files, sent.content_bytes)
        if request.dockerfile is None or self.assumed or request.builder.meter is None:
            return Size(context, None)
        return Size(context, travelling(snapshot, request, self._includes))

    @cached_property
    def _includes(self) -> list[Include]:
        return includes_of(self.request)

    def _with_ignore_file(self, snapshot: Snapshot, size_bytes: int | None) -> Snapshot:
        """The context with the ignore file in it, which is itself a part of it."""
        path = self._own_path
        if path is None or (size_bytes is None and snapshot.file(path) is not None):
            return snapshot
        return snapshot.with_file(path, size_bytes or 0)

    def needed(self, attempt: Attempt) -> Iterator[Wrong]:
        """What a Dockerfile takes by name, be it there or not, and would not get."""
        for named in self.recipes.named:
            if has_wildcards(named.path):
                continue
            if attempt.request.spec.match_file(named.path) and not self._is_ignored(named.path):
                yield named.path, f"{named} takes {named.path}"
        for path in sorted(self.proof.needed):
            if path not in attempt.sent:
                yield path, f"a Dockerfile takes {path} by a pattern"

    def _is_ignored(self, path: str) -> bool:
        return self.request.spec.match_file(path)

    def wrong(self, attempt: Attempt) -> Iterator[Wrong]:
        """What no mode may do: hide what is needed, empty files, let in what is ignored now."""
        yield from self.needed(attempt)
        for path in self.hidden(attempt) if exceptions(self.request) else ():
            reason = letting_in(self.request, path)
            if reason is not None:
                yield path, f"{path} would disappear: {reason}"
        for path in sorted(attempt.sent.empty - self.before.empty):
            yield path, f"{path} would be sent without its content"
        for path in self.shown(attempt):
            yield path, f"{path} would be sent, which is ignored now"

    def settled(
        self, additions: Sequence[Addition], wrong: Callable[[Attempt], Iterable[Wrong]]
    ) -> tuple[list[Addition], list[Note]]:
        """`additions` without those to blame for what is `wrong`, and what was wrong with them."""
        kept, notes = [*additions], list[Note]()
        while kept:
            try:
                found = self._blamed(kept, wrong)
            except IgnoreFileError as error:
                found = {self._rejected(kept, error): f"the builder rejects it: {error.message}"}
            if not found:
                break
            notes += [Note(each.line, why) for each, why in found.items()]
            kept = [each for each in kept if each not in found]
        return kept, notes

    def new(self, additions: Sequence[Addition]) -> list[Addition]:
        """`additions` without those that are in the file already, if they do nothing more there."""
        split = self.request.builder.spec_class.pattern_class.split
        ours = self.request.ignore_file
        there = {split(text) for text in ours.texts()} if ours is not None else set()
        fresh = [each for each in additions if split(each.line) not in there]
        try:
            same = self.hidden(self.attempt(fresh)) == self.hidden(self.attempt(additions))
        except IgnoreFileError:
            return [*additions]
        return fresh if same else [*additions]

    def matters(self, additions: Sequence[Addition], one: Addition) -> bool:
        """Whether anything else would be sent without `one` of `additions`."""
        rest = [each for each in additions if each is not one]
        return not self.attempt(rest).sent.same(self.attempt(additions).sent)

    def either(
        self,
        fewer: list[Addition],
        proved: list[Addition],
        wrong: Callable[[Attempt], Iterable[Wrong]],
    ) -> list[Addition]:
        """`fewer` additions if nothing is wrong with them either, else those that are proved."""
        attempt = self.attempt(fewer)
        holds = not any(wrong(attempt)) and not self.proof.unfound(attempt.data)
        return fewer if holds else proved

    def _blamed(
        self, additions: Sequence[Addition], wrong: Callable[[Attempt], Iterable[Wrong]]
    ) -> dict[Addition, str]:
        attempt = self.attempt(additions)
        by_line = {each.line: each for each in additions}
        blamed: dict[Addition, str] = {}
        for path, why in wrong(attempt):
            # Where one of the file's own lines decides, an addition made it decide: any may.
            guilty = by_line.get(attempt.decider(path) or "", additions[-1])
            blamed.setdefault(guilty, why)
        if blamed:
            return blamed
        fault = self.proof.unfound(attempt.data)
        return {additions[-1]: fault} if fault else {}

    def _rejected(self, additions: Sequence[Addition], error: IgnoreFileError) -> Addition:
        """The addition that the builder rejects."""
        for each in additions:
            try:
                self.attempt([each])
            except IgnoreFileError:
                return each
        raise error

    def travels(self, spec_of: Attempt | None, paths: tuple[str, ...] | None) -> Sent:
        """What a build that asks for `paths` makes travel."""
        spec = self.request.spec if spec_of is None else spec_of.request.spec
        include = None if paths is None else follow(self.request.root, paths)
        return self.snapshot.sent(spec, include=include)
