"""Choose the suggestions that are worth a line, and bring them into their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ctxsize.engine.evaluate import up_to
from ctxsize.model import Amount, Texts
from ctxsize.recommender.outcome import Size, Suggestion, Suggestions
from ctxsize.recommender.tree import Sums, is_at_or_below, is_below, outermost, sum_of

_LINE_BYTES = 256 * 1024  # least size of a suggestion
_LINE_SHARE = 0.001  # its least share of the context
_FILE_IS_WORTH = 16 * 1024  # number of bytes that take as long to send as the overhead of one file
_OF_CONTEXT = 0.001  # weight of a byte that stays in the context but is not sent to this builder


def ranked(
    suggestions: Suggestions,
    context: Mapping[str, Sums],
    transfer: Mapping[str, Sums],
    *,
    travels: bool = True,
    also: Callable[[Suggestion], bool] = lambda _: False,
) -> Suggestions:
    """Return the suggestions that are worth a line: safe ones first, then by size.

    Secrets and hazards of any size are worth a line, as are volatile files that are transferred;
    but no doubt about a secret is that no build takes.
    The size of each suggestion excludes the paths of those before it. `also` says whether a
    build other than that of `transfer` takes what a suggestion hides.
    """

    def worth(suggestion: Suggestion) -> tuple[bool, bool, float, str, Texts]:
        paths = suggestion.paths
        rule = suggestion.rule
        weight = _weight(sum_of(transfer, paths)) + _OF_CONTEXT * _weight(sum_of(context, paths))
        is_kept_for_last = rule.is_for_builders
        return (
            suggestion.safe,
            not is_kept_for_last,
            rule.confidence * weight,
            rule.name,
            suggestion.patterns,
        )

    worthy = Suggestions()
    covered = set[str]()
    above = set[str]()
    remaining_bytes = sum_of(context, [""]).content_bytes  # once the safe ones are written
    for suggestion in sorted(suggestions, key=worth, reverse=True):
        paths = {*suggestion.paths}
        new = {path for path in outermost(paths) if not is_at_or_below(path, covered)}
        if not new:
            continue
        inner = {*suggestion.keeps}
        if not above.isdisjoint(new):
            inner.update(path for path in covered if is_below(path, new))
        gone = outermost(inner)
        left = sum_of(context, new).minus(sum_of(context, gone))
        moved = sum_of(transfer, new).minus(sum_of(transfer, gone))
        rule = suggestion.rule
        if not left.entries:
            continue
        least = max(_LINE_BYTES, _LINE_SHARE * remaining_bytes)
        is_taken = moved.entries > 0 or also(suggestion)
        is_urgent = suggestion.is_urgent and (suggestion.safe or is_taken)
        if not is_urgent and _weight(left) < least and not (rule.volatile and is_taken):
            continue
        amount = None
        if travels:
            amount = Amount.of(moved)
        worthy.append(replace(suggestion, size=Size(Amount.of(left), amount)))
        if suggestion.safe:
            remaining_bytes -= left.content_bytes
        covered |= paths
        for path in paths:
            above.update(up_to(path)[:-1])
    return worthy


def _weight(sums: Sums) -> float:
    return sums.content_bytes + _FILE_IS_WORTH * sums.entries
