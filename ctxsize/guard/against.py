"""A commit in place of a baseline: what each build sent in it, and what it sends of the same now.

No commit has `.git` or the content of submodules, so these are set apart. What git does not track
counts, as the build sends it, and is named by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ctxsize.engine.evaluate import up_to
from ctxsize.engine.git import GitError, GitRepository
from ctxsize.engine.narrow import narrowed
from ctxsize.engine.objects import GitObjects
from ctxsize.engine.plan import Plan
from ctxsize.engine.report import measure
from ctxsize.engine.sent_files import FilesByDirectory, SentFiles, Sizes
from ctxsize.engine.transfer_requests import Include, includes_of
from ctxsize.errors import InputError
from ctxsize.guard.baseline import Known, of_files
from ctxsize.history.commits import commit_at
from ctxsize.history.measures import CommitMeasure, TreeMeasures
from ctxsize.model import Amount, Problem, Share


class Against:
    """The sizes of builds in a commit; git is asked once for what they share."""

    def __init__(self, revision: str) -> None:
        """Ask nothing yet about a revision, which each repository may know as another commit."""
        self.revision = revision
        self.problems: list[Problem] = []  # builds that were not compared
        self._objects: dict[str, GitObjects] = {}

    def known(self, plan: Plan, of: str) -> Known | None:
        """Return the sizes of a build in the commit; None, with a problem, if they are not known.

        `of` is the size that is judged, `transfer` or `context`. Raises `InputError` without git,
        and for a revision that it does not know.
        """
        measures = TreeMeasures(plan.build, self._objects)
        commit = commit_at(measures.repository, self.revision)
        try:
            measures.prepare([commit])
            before = measures.of(commit)
            if before.context is None:
                reason = f"not compared with {self.revision}: {before.unknown}"
                self.problems.append(Problem("not-compared", reason, plan.context))
                return None
            return self._compared(plan, of, measures, before)
        except GitError as error:
            message = f"git cannot read {self.revision}: {error}"
            raise InputError(message, path=plan.context) from None

    def _compared(
        self, plan: Plan, of: str, measures: TreeMeasures, before: CommitMeasure
    ) -> Known:
        transfers = None
        includes: list[Include] = [None]
        if of == "transfer" and not plan.named_contexts:
            transfers = measures.transfers(before)
        if transfers is not None:
            includes = includes_of(plan)
        now = _Present(plan, measures.repository)
        for include in includes:
            now.add(include)
        compared = transfers or [before.files_of_context()]
        known = of_files(before.files_of_context())
        transfer = None
        if transfers is not None:
            transfer = Amount.of(*map(of_files, transfers))
        return Known(
            content_bytes=known.content_bytes,
            files=known.files,
            directories=known.directories,
            largest_files=known.largest_files,
            builder=plan.builder.name,
            transfer=transfer,
            since=self.revision,
            apart=now.apart,
            compared=of_files(_merged(compared)),
            now=of_files(_merged(now.files)),
            untracked=now.untracked(),
        )


class _Present:
    """The files that a build sends now."""

    def __init__(self, plan: Plan, repository: GitRepository) -> None:
        self._plan = plan
        self._tracked = repository.tracked
        self.files: list[FilesByDirectory] = []  # of each transfer
        self.apart = Amount()  # files of `.git` and of submodules, in all transfers together

    def add(self, include: Include) -> None:
        """Add a transfer. Raises the errors of `measure`."""
        sent = SentFiles()
        evaluator = None
        if include is not None:
            evaluator = narrowed(self._plan.spec, include)
        measure(self._plan, top=1, depth=0, evaluator=evaluator, files=sent)
        compared: dict[str, Sizes] = {}
        apart = [self.apart]
        for directory, sizes in sent.by_directory.items():
            if self._is_apart(directory):
                apart.append(Amount(len(sizes), sum(sizes.values())))
                continue
            own = {**sizes}
            if not directory and ".git" in own:
                apart.append(Amount(1, own.pop(".git")))
            compared[directory] = own
        self.apart = Amount.of(*apart)
        self.files.append(FilesByDirectory(compared))

    def _is_apart(self, directory: str) -> bool:
        """Return whether a directory is in `.git` or in a submodule, which the index has."""
        if not directory:
            return False
        around = up_to(directory)
        if around[0] == ".git":
            return True
        return not self._tracked.isdisjoint(around)

    def untracked(self) -> Share | None:
        """Return the files that git does not track, with the path of the largest."""
        sizes = {}
        for path, size in _merged(self.files).items():
            if path not in self._tracked:
                sizes[path] = size
        if not sizes:
            return None
        largest = max(sizes, key=lambda path: (sizes[path], path))
        return Share(largest, sum(sizes.values()), len(sizes))


def _merged(transfers: Iterable[FilesByDirectory]) -> FilesByDirectory:
    """Return the files of several transfers, each once."""
    by_directory = defaultdict[str, dict[str, int]](dict)
    for files in transfers:
        for directory, sizes in files.by_directory.items():
            by_directory[directory].update(sizes)
    return FilesByDirectory({**by_directory})
