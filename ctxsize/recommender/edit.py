"""What is chosen of the suggestions, as lines of the ignore file."""

from __future__ import annotations

from collections.abc import Iterable

from ctxsize.engine.request import Request
from ctxsize.recommender.outcome import Suggestion
from ctxsize.writer.merge import Addition, merge


def merged(request: Request, chosen: Iterable[Suggestion]) -> bytes:
    """The ignore file that governs `request`, with the patterns of `chosen`."""
    additions = [
        Addition(pattern, each.heading, each.comment)
        for each in chosen
        for pattern in each.patterns
    ]
    pattern_class = request.builder.spec_class.pattern_class
    return merge(request.ignore_file, additions, pattern_class=pattern_class)
