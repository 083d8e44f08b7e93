"""Suggestions for the ignore files of all builds of a repository, each file once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from os.path import basename, dirname, join, realpath

from ctxsize.build import Build
from ctxsize.engine.events import Progress, Steps, stepped
from ctxsize.engine.git import Repositories
from ctxsize.engine.plan import plan_of, with_ignore_file
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.transfer_requests import Include, includes_of
from ctxsize.errors import CtxsizeError, with_fate
from ctxsize.model import Amount
from ctxsize.recommender.outcome import Advice, Suggestion
from ctxsize.repository import Discovery
from ctxsize.scanning import UNREAD, Snapshots, add_savings, measured_build
from ctxsize.scanning.rows import Measured, Proposal, Proposals
from ctxsize.values import Value


def propose(
    discovery: Discovery,
    *,
    unsafe: bool = False,
    progress: Progress | None = None,
    steps: Steps | None = None,
) -> Proposals:
    """Return the suggestions for each ignore file that a build of the repository uses.

    The safe ones are chosen, or all if `unsafe`.
    """
    contexts = Snapshots(progress, Repositories(discovery.root), discovery.listing, unsafe=unsafe)
    left_out = []
    problems = []
    groups = defaultdict(list)
    builds = stepped(discovery.builds, steps, lambda build: build.build.context)
    all_measured = [measured_build(build, discovery.parsed_files, contexts) for build in builds]
    add_savings(all_measured, contexts)
    for measured in sorted(all_measured, key=lambda measured: measured.row.order()):
        try:
            advice = _advice(measured, contexts)
        except CtxsizeError as error:
            row = measured.row
            is_unread = isinstance(error, UNREAD)
            left_out.append(replace(row, error=with_fate(error), is_unread=is_unread))
            continue
        problems += measured.problems
        groups[_place(advice.ignore_file)].append((measured, advice))
    proposals = [
        proposal for members in groups.values() for proposal in _of_file(members, contexts)
    ]
    proposals = [*map(_without_useless_file, proposals)]
    edits = Proposals(discovery.root, tuple(proposals)).edits
    together = _Together(
        {join(*_place(edit.path)): len(edit.after) for edit in edits},
        {id(measured.row.build): measured.includes for measured, _ in chain(*groups.values())},
        contexts,
    )
    proposals = [together.corrected(proposal) for proposal in proposals]
    for proposal in proposals:
        problems += proposal.advice.problems
    proposals.sort(key=_order)
    return Proposals(
        root=discovery.root,
        proposals=tuple(proposals),
        left_out=tuple(left_out),
        problems=tuple(dict.fromkeys([*discovery.problems, *problems])),
    )


def _advice(measured: Measured, contexts: Snapshots) -> Advice:
    """Return the suggestions for a build that was measured. Raises what speaks against it."""
    if measured.error is not None or measured.snapshot is None:
        raise measured.error or CtxsizeError("it cannot be measured")
    found_build = measured.row.found
    if found_build.grounds == "missing" and found_build.options:
        context = found_build.build.context
        raise CtxsizeError(f"{context} is a guess, and no source of the Dockerfile is there")
    return contexts.advice(measured.snapshot)


def _place(ignore_file: str) -> tuple[str, str]:
    """Return what is the same for two names of one ignore file; a symlink is a file."""
    return realpath(dirname(ignore_file)), basename(ignore_file)


def _order(proposal: Proposal) -> tuple[int, str]:
    saved = Amount.of(*(row.saving or Amount() for row in proposal.rows))
    return -saved.content_bytes, proposal.advice.ignore_file


def _of_file(members: Sequence[tuple[Measured, Advice]], contexts: Snapshots) -> Iterator[Proposal]:
    """Yield the proposals for an ignore file: one for each context that it is for."""
    by_advice = defaultdict(list)
    advice_of = {}
    for measured, advice in members:
        by_advice[id(advice)].append(measured)
        advice_of[id(advice)] = advice
    if len({advice.edit and advice.edit.after for advice in advice_of.values()}) > 1:
        agreed = _agreed([*advice_of.values()], contexts)
        advice_of = dict(zip(advice_of, agreed, strict=True))
    for key, advice in advice_of.items():
        rows = []
        for measured in by_advice[key]:
            row = measured.row
            if row.saving is None or len(advice_of) > 1:
                row = replace(row, saving=advice.saving)
            rows.append(row)
        yield Proposal(advice, tuple(rows))


def _without_useless_file(proposal: Proposal) -> Proposal:
    """Return a proposal without its edit if no build would send less with a new ignore file."""
    advice = proposal.advice
    if not advice.new_file:
        return proposal
    for row in proposal.rows:
        if row.saving is None:
            continue
        if row.saving.files > 0:
            return proposal
    left = []
    for offer in advice.suggestions:
        if not offer.chosen:
            left.append(offer)
        elif offer.is_sizeless:
            return proposal
    advice = replace(advice, edit=None, after=advice.before, suggestions=tuple(left), findings=())
    return replace(proposal, advice=advice)


class _Together(Value):
    """All edits, which are written together: a context may send the ignore files of others."""

    sizes: Mapping[str, int]  # the bytes of each ignore file, by its real path
    includes: Mapping[int, Sequence[Include]]  # of the transfers, by the identity of each build
    contexts: Snapshots

    def corrected(self, proposal: Proposal) -> Proposal:
        """Return a proposal with the sizes once all files are written."""
        alone = _once_written(proposal.advice, {})
        if alone is None:
            return proposal
        together = _once_written(proposal.advice, self.sizes) or alone

        def more(includes: Iterable[Include]) -> Amount:
            with_all = self.contexts.travelling(together, includes)
            return with_all - self.contexts.travelling(alone, includes)

        grown = more([None])
        if grown == Amount():
            return proposal
        after = proposal.advice.after
        rows = []
        for row in proposal.rows:
            if row.saving is not None:
                row = replace(row, saving=row.saving - more(self.includes[id(row.build)]))
            rows.append(row)
        transfer = after.transfer
        if transfer is not None:
            transfer = Amount.of(transfer, more(includes_of(alone.plan)))
        after = replace(after, context=Amount.of(after.context, grown), transfer=transfer)
        return replace(proposal, advice=replace(proposal.advice, after=after), rows=tuple(rows))


def _once_written(advice: Advice, sizes: Mapping[str, int]) -> Snapshot | None:
    """Return the context of some advice once its edit and the files of `sizes` are written."""
    snapshot = advice.snapshot
    if snapshot is None:
        return None
    plan = snapshot.plan
    new_sizes = {}
    if advice.edit is not None:
        plan = with_ignore_file(plan, advice.edit.after)
        new_sizes[join(*_place(advice.edit.path))] = len(advice.edit.after)
    top = join(plan.root, "")
    for full_path, size_bytes in {**new_sizes, **sizes}.items():
        path = full_path.removeprefix(top)
        if path != full_path and snapshot.folder(dirname(path)) is not None:
            snapshot = snapshot.with_file(path, size_bytes)
    return snapshot.asked(plan)


def sent_once_written(proposal: Proposal, build: Build) -> Amount:
    """Return what another build of the context sends then, or all of it if that is not known."""
    snapshot = _once_written(proposal.advice, {})
    if snapshot is None:
        return proposal.advice.after.context
    plan = snapshot.plan
    includes: Sequence[Include] = [None]
    with suppress(CtxsizeError):
        includes = includes_of(plan_of(build, plan.builder, parsed_files=plan.parsed_files))
    return Amount.of(*(snapshot.sent(include=include) for include in includes))


def _agreed(alternatives: Sequence[Advice], contexts: Snapshots) -> list[Advice]:
    """Return suggestions for one ignore file in several contexts: those that hold in each."""
    advisors = [
        contexts.advisor(advice.snapshot) for advice in alternatives if advice.snapshot is not None
    ]
    first = advisors[0]
    kept = list[Suggestion]()
    data = None
    for suggestion in (each for advice in alternatives for each in advice.suggestions):
        patterns = {line for other in kept for line in other.patterns}
        if not suggestion.chosen or patterns.issuperset(suggestion.patterns):
            continue
        more = sorted([*kept, suggestion], key=lambda each: each.patterns[-1].startswith("!"))
        patterns.update(suggestion.patterns)
        additions = [addition for each in more for addition in each.additions]
        attempt = first.merged(additions)
        faults = (
            advisor.proof.fault(
                [each for each in advice.suggestions if patterns.issuperset(each.patterns)],
                attempt,
            )
            for advisor, advice in zip(advisors, alternatives, strict=True)
        )
        if not any(faults):
            kept = more
            data = attempt
    chosen = {line for suggestion in kept for line in suggestion.patterns}
    return [
        replace(
            advice,
            edit=advisor.edit(data),
            after=advice.before if data is None else advisor.size_with(data),
            suggestions=tuple(
                replace(each, chosen=chosen.issuperset(each.patterns))
                for each in advice.suggestions
            ),
        )
        for advisor, advice in zip(advisors, alternatives, strict=True)
    ]
